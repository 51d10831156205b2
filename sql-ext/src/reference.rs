//! The reference of all functions, made from the texts beside them.

use std::collections::BTreeMap;
use std::fmt::Write;

use datafusion_expr::Documentation;

use crate::{all_aggregate_functions, all_scalar_functions};

/// One function as the reference and `ana-sql functions` show it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its SQL name, also the anchor in the reference.
    pub name: String,
    /// Other spellings, as one writes them.
    pub aliases: Vec<String>,
    /// The texts.
    pub documentation: Documentation,
}

impl Entry {
    fn new(name: &str, aliases: &[String], documentation: Option<&Documentation>) -> Option<Self> {
        // `deltar` is only how SQL looks up an unquoted `deltaR`.
        let written =
            |alias: &&String| !aliases.iter().any(|other| other != *alias && other.to_lowercase() == **alias);
        let aliases = aliases.iter().filter(written).cloned().collect();
        Some(Self { name: name.to_owned(), aliases, documentation: documentation?.clone() })
    }

    /// The heading and the text of one function, in Markdown.
    pub fn markdown(&self) -> String {
        let documentation = &self.documentation;
        let mut page = format!(
            "### {}\n\n{}\n\n```sql\n{}",
            self.name, documentation.description, documentation.syntax_example
        );
        for other in documentation.alternative_syntax.iter().flatten() {
            page += &format!("\n{other}");
        }
        page += "\n```\n";
        let arguments = documentation.arguments.as_deref().unwrap_or_default();
        if !arguments.is_empty() {
            page.push('\n');
        }
        for (name, text) in arguments {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "- `{name}`: {text}");
        }
        if !self.aliases.is_empty() {
            let _ = writeln!(page, "\nAlso spelled `{}`.", self.aliases.join("`, `"));
        }
        if let Some(example) = &documentation.sql_example {
            let _ = writeln!(page, "\nExample:\n\n{example}");
        }
        page
    }
}

/// Every function with its texts, by name.
pub fn entries() -> Vec<Entry> {
    let scalars = all_scalar_functions();
    let aggregates = all_aggregate_functions();
    let mut entries: Vec<Entry> = scalars
        .iter()
        .filter_map(|f| Entry::new(f.name(), f.aliases(), f.documentation()))
        .chain(aggregates.iter().filter_map(|f| Entry::new(f.name(), f.aliases(), f.documentation())))
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

/// The whole reference, by section.
pub fn markdown() -> String {
    let mut sections = BTreeMap::<&str, Vec<&Entry>>::new();
    let entries = entries();
    for entry in &entries {
        sections.entry(entry.documentation.doc_section.label).or_default().push(entry);
    }
    let mut text =
        "# Functions\n\nWhat SQL can call beside the engine's own functions. Units: GeV, radian, cm, pb.\n"
            .to_owned();
    for (section, entries) in sections {
        let _ = write!(text, "\n## {section}\n");
        for entry in entries {
            let _ = write!(text, "\n{}", entry.markdown());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_the_reference_once() {
        let text = markdown();
        for entry in entries() {
            assert_eq!(text.matches(&format!("\n### {}\n", entry.name)).count(), 1, "{}", entry.name);
        }
        assert!(text.contains("Also spelled `deltaR`."));
    }
}
