//! Where a key of a YAML file stands, for messages: the parser tells places of its own errors only.

use std::path::{Path, PathBuf};

use super::error::Place;

/// A step into a YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The value of a key.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// A way into a document; cheap to extend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Way(Vec<Step>);

impl Way {
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// `histograms.ht.axes[0]`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
                Step::Index(index) => {
                    text.push('[');
                    text.push_str(&index.to_string());
                    text.push(']');
                }
            }
        }
        text
    }
}

/// A file with its text.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// The folder it is in, from the root: paths in a script mean the same files from wherever it is run.
    pub(super) fn folder(&self) -> PathBuf {
        let path = std::path::absolute(&self.path).ok();
        path.and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default()
    }

    /// The place that a way leads to; its nearest known parent where the text is in flow style.
    pub(super) fn place(&self, way: &Way) -> Place {
        Place { file: self.path.clone(), position: position(&self.text, &way.0), path: way.text() }
    }
}

/// A line that says something.
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let said = text.lines().enumerate().filter_map(|(number, line)| {
        let trimmed = line.trim_start_matches(' ');
        let nothing = trimmed.trim().is_empty() || trimmed.starts_with('#') || trimmed.starts_with("---");
        (!nothing).then(|| Line { number, indent: line.len() - trimmed.len(), text: trimmed })
    });
    // `- a: 1` begins an element and, further right, a key of it.
    let mut all = Vec::new();
    for line in said {
        let (mut indent, mut text) = (line.indent, line.text);
        loop {
            all.push(Line { number: line.number, indent, text });
            let Some(rest) = text.strip_prefix("- ") else { break };
            let trimmed = rest.trim_start_matches(' ');
            indent += text.len() - trimmed.len();
            text = trimmed;
        }
    }
    all
}

fn is_key(line: &str, key: &str) -> bool {
    let unquoted = line.strip_prefix(['"', '\'']).unwrap_or(line);
    let Some(rest) = unquoted.strip_prefix(key) else { return false };
    let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    rest.trim_start().starts_with(':')
}

fn position(text: &str, steps: &[Step]) -> Option<(usize, usize)> {
    let lines = lines(text);
    let (mut from, mut to) = (0, lines.len());
    let mut found: Option<(usize, usize)> = None;
    for step in steps {
        let block = lines.get(from..to)?;
        let Some(indent) = block.first().map(|line| line.indent) else { return in_flow(text, found, step) };
        let at_level = |(_, line): &(usize, &Line<'_>)| line.indent == indent;
        let hit = match step {
            Step::Key(key) => {
                block.iter().enumerate().filter(at_level).find(|(_, line)| is_key(line.text, key))
            }
            Step::Index(index) => {
                let element = |(_, line): &(usize, &Line<'_>)| line.text.starts_with('-');
                block.iter().enumerate().filter(at_level).filter(element).nth(*index)
            }
        };
        let Some((place, line)) = hit else { return in_flow(text, found, step) };
        found = Some((line.number + 1, line.indent + 1));
        let begin = from + place + 1;
        // A list may stand as far left as its key.
        let is_list =
            matches!(step, Step::Key(_)) && lines.get(begin).is_some_and(|l| l.text.starts_with('-'));
        let inside =
            |l: &Line<'_>| l.indent > indent || (is_list && l.indent == indent && l.text.starts_with('-'));
        let length = lines.get(begin..to)?.iter().take_while(|l| inside(l)).count();
        (from, to) = (begin, begin + length);
    }
    found
}

/// A key inside `{…}` or `[…]` of the line found last.
fn in_flow(text: &str, found: Option<(usize, usize)>, step: &Step) -> Option<(usize, usize)> {
    let (line, column) = found?;
    let Step::Key(key) = step else { return found };
    let content = text.lines().nth(line - 1)?;
    let at = content.match_indices(key.as_str()).find(|(at, _)| {
        let behind = content.get(at + key.len()..).unwrap_or_default();
        *at >= column && behind.trim_start_matches(['"', '\'']).trim_start().starts_with(':')
    });
    Some(
        at.map_or((line, column), |(at, _)| {
            (line, content.get(..at).unwrap_or_default().chars().count() + 1)
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: x\ncategories:\n  baseline: [passthrough]\n  4j:\n    - get_nObj_min: {N: 4, coll: Jet}\n    - MET_pt > 20\nhistograms:\n  ht:\n    axes:\n    - expr: ht\n      bins: 10\n";

    #[test]
    fn block_and_flow() {
        let at = |way: Way| position(TEXT, &way.0);
        let top = Way::default();
        assert_eq!(at(top.key("categories").key("4j")), Some((4, 3)));
        assert_eq!(at(top.key("categories").key("4j").index(1)), Some((6, 5)));
        assert_eq!(
            at(top.key("categories").key("4j").index(0).key("get_nObj_min").key("coll")),
            Some((5, 28))
        );
        assert_eq!(at(top.key("histograms").key("ht").key("axes").index(0).key("bins")), Some((11, 7)));
        assert_eq!(at(top.key("categories").key("baseline").index(0)), Some((3, 3)));
    }
}
