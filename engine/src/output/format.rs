//! The formats and how one is chosen.

use std::fmt;
use std::path::Path;

use super::{OutputError, Result};

/// A file format for results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// UHI histograms in one JSON document.
    UhiJson,
    /// UHI histograms, one ZIP member each.
    UhiZip,
    /// Rows in Apache Parquet.
    Parquet,
    /// Rows in comma-separated values.
    Csv,
    /// Histograms in a ROOT file.
    Root,
    /// A drawing in SVG.
    Svg,
    /// A drawing in PNG.
    Png,
}

impl Format {
    /// The format that a file's ending names (any case).
    ///
    /// # Errors
    /// [`OutputError::UnknownFormat`] when it names none.
    pub fn from_path(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        Ok(match ending.as_str() {
            "json" => Self::UhiJson,
            "zip" => Self::UhiZip,
            "parquet" => Self::Parquet,
            "csv" => Self::Csv,
            "root" => Self::Root,
            "svg" => Self::Svg,
            "png" => Self::Png,
            _ => return Err(OutputError::UnknownFormat { path: path.to_owned() }),
        })
    }

    /// The format of `STORED AS name` for a file: `UHI` and `PLOT` have two each, told apart by the file's ending.
    /// `None` when the name is not one of ours.
    pub fn from_name(name: &str, path: &Path) -> Option<Self> {
        let by_ending = Self::from_path(path).ok();
        Some(match name.to_ascii_lowercase().as_str() {
            "uhi" => by_ending.filter(|f| *f == Self::UhiZip).unwrap_or(Self::UhiJson),
            "plot" => by_ending.filter(|f| *f == Self::Png).unwrap_or(Self::Svg),
            "parquet" => Self::Parquet,
            "csv" => Self::Csv,
            "root" => Self::Root,
            _ => return None,
        })
    }

    /// Whether the format holds histograms and nothing else.
    pub fn holds_only_histograms(self) -> bool {
        !matches!(self, Self::Parquet | Self::Csv)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UhiJson => "a UHI file (.json)",
            Self::UhiZip => "a UHI file (.zip)",
            Self::Parquet => "Parquet",
            Self::Csv => "CSV",
            Self::Root => "a ROOT file",
            Self::Svg => "a plot (.svg)",
            Self::Png => "a plot (.png)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_by_ending_in_any_case() {
        assert_eq!(Format::from_path(Path::new("a/b.JSON")).unwrap(), Format::UhiJson);
        assert_eq!(Format::from_path(Path::new("x.tar.zip")).unwrap(), Format::UhiZip);
        for wrong in ["x", "x.txt", ".json.d/x", "x.jsonl"] {
            let error = Format::from_path(Path::new(wrong)).unwrap_err().to_string();
            assert!(error.contains(".parquet"), "{error}");
        }
    }

    #[test]
    fn stored_as_names() {
        assert_eq!(Format::from_name("UHI", Path::new("x.zip")), Some(Format::UhiZip));
        assert_eq!(Format::from_name("uhi", Path::new("x.hist")), Some(Format::UhiJson));
        assert_eq!(Format::from_name("PLOT", Path::new("x.png")), Some(Format::Png));
        assert_eq!(Format::from_name("plot", Path::new("x")), Some(Format::Svg));
        assert_eq!(Format::from_name("AVRO", Path::new("x.png")), None);
    }
}
