//! Histograms as a ROOT file: `TH1D`, `TH2D`, `TH3D` with Sumw2, in directories where a name has `/`.
//!
//! The file is what ROOT itself writes, uncompressed: header, keys, key lists, the streamer information of the
//! classes used. ROOT, its `hadd`, and uproot read it. Its bytes depend on the histograms alone: no time, and a UUID made from the contents.
//!
//! Flow bins are ROOT's under- and overflow. Category labels are bin labels, entries of no category the overflow; a boolean axis has the bins
//! `false` and `true`. Entries are the raw counts; ROOT's statistics (mean, standard deviation) are taken at bin centres, as ROOT does for a histogram filled by `SetBinContent`.

mod buffer;
mod container;
mod object;
mod streamers;

use std::path::Path;

use super::{Format, NamedHistogram, OutputError, Result};
use container::Container;

/// The bytes of the file.
///
/// # Errors
/// When a name or the number of dimensions has no place in a ROOT file.
pub fn bytes(histograms: &[NamedHistogram], path: &Path) -> Result<Vec<u8>> {
    let file_name = path.file_name().map_or_else(|| "out.root".into(), |n| n.to_string_lossy());
    let mut container = Container::new(&file_name);
    for h in histograms {
        let wrong_name = |reason| OutputError::Name { name: h.name.clone(), format: Format::Root, reason };
        let levels: Vec<&str> = h.name.split('/').filter(|level| !level.is_empty()).collect();
        let Some((&name, directories)) = levels.split_last() else {
            return Err(wrong_name("the name is empty"));
        };
        let dimensions = h.histogram.axes.len();
        if !(1..=3).contains(&dimensions) {
            return Err(OutputError::Dimensions {
                name: h.name.clone(),
                dimensions,
                format: Format::Root,
                holds: "1 to 3 (TH1D, TH2D, TH3D)",
            });
        }
        let class = object::class(dimensions);
        let added =
            container.add(directories, name, class, |header| object::serialize(&h.histogram, name, header));
        added.map_err(wrong_name)?;
    }
    container.finish().ok_or(OutputError::TooLarge { format: Format::Root, limit: "2 GB of histograms" })
}
