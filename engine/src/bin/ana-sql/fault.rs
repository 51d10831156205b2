//! Errors as people read them: what is wrong, where in the SQL with the line and a mark, and what may help.

use std::fmt::Write as _;

use ana_engine::{EngineError, SqlPosition};

use crate::console;

/// An error of a statement with the text it is in, for the mark under the line.
#[derive(Debug)]
pub(crate) struct InScript {
    /// File name, `-c` or `<stdin>`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) error: EngineError,
}

impl std::fmt::Display for InScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rendered(false))
    }
}

impl std::error::Error for InScript {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None // the text holds it already
    }
}

impl InScript {
    fn rendered(&self, colors: bool) -> String {
        let EngineError::Sql { message, position, help } = &self.error else {
            return self.error.to_string();
        };
        let mut out = message.clone();
        let Some(position) = position else {
            let _infallible = write!(out, "\n  in {}", self.name);
            return with_help(out, help, colors);
        };
        let SqlPosition { line, column } = *position;
        let (blue, red, plain) = if colors { ("\x1b[34m", "\x1b[1;31m", "\x1b[0m") } else { ("", "", "") };
        let gutter = " ".repeat(line.to_string().len());
        let _infallible = write!(out, "\n{gutter}{blue}-->{plain} {}:{line}:{column}", self.name);
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        if let Some(source) = self.text.lines().nth(index) {
            let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
            // Tabs stay tabs, so that the mark is under its place whatever their width.
            let indent: String =
                source.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let marks = "^".repeat(word_length(source, before));
            let _infallible = write!(
                out,
                "\n{gutter} {blue}|{plain}\n{blue}{line} |{plain} {source}\n{gutter} {blue}|{plain} {indent}{red}{marks}{plain}"
            );
        }
        with_help(out, help, colors)
    }
}

fn with_help(mut out: String, help: &[String], colors: bool) -> String {
    let (green, plain) = if colors { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
    for line in help {
        let _infallible = write!(out, "\n  {green}help:{plain} {line}");
    }
    out
}

/// Characters of the name or number at a place; one for anything else.
fn word_length(source: &str, before: usize) -> usize {
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '.');
    source.chars().skip(before).take_while(is_word).count().max(1)
}

/// Prints an error to standard error.
pub(crate) fn print(error: &anyhow::Error) {
    let colors = console::colors(console::stderr_is_terminal());
    let (red, plain) = if colors { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let text = match error.downcast_ref::<InScript>() {
        Some(fault) => fault.rendered(colors),
        // The chain in one line: "table events: a.root: no such file".
        None => chain(error),
    };
    console::say(&format!("{red}error:{plain} {text}\n"));
}

/// The causes in one line; one that an outer message already holds is not said twice.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            let _infallible = write!(text, ": {cause}");
        }
    }
    text
}

/// Whether it is only that the reader of standard output went away.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u64, column: u64) -> InScript {
        InScript {
            name: "cuts.sql".to_owned(),
            text: "SELECT\n\tJet_pl\nFROM events".to_owned(),
            error: EngineError::Sql {
                message: "no column named Jet_pl".to_owned(),
                position: Some(SqlPosition { line, column }),
                help: vec!["did you mean Jet_pt?".to_owned()],
            },
        }
    }

    #[test]
    fn the_mark_is_under_the_word() {
        assert_eq!(
            fault(2, 2).to_string(),
            "no column named Jet_pl\n --> cuts.sql:2:2\n  |\n2 | \tJet_pl\n  | \t^^^^^^\n  help: did you mean Jet_pt?"
        );
    }

    #[test]
    fn a_place_beyond_the_text_is_still_told() {
        assert_eq!(
            fault(9, 1).to_string(),
            "no column named Jet_pl\n --> cuts.sql:9:1\n  help: did you mean Jet_pt?"
        );
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("a.root: no such file").context("table events");
        assert_eq!(chain(&error), "table events: a.root: no such file");
        let error = anyhow::anyhow!("no such file").context("a.root: no such file");
        assert_eq!(chain(&error), "a.root: no such file");
    }
}
