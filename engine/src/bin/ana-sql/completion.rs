//! Completion at the prompt: words of SQL, functions, tables, branches.

use std::sync::Arc;

use reedline::{Completer, CompletionResult, Span, Suggestion};

/// Words of SQL that are worth completing.
const WORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COPY",
    "COUNT",
    "CREATE COLLECTION",
    "CREATE EXTERNAL TABLE",
    "CROSS JOIN",
    "DESC",
    "DISTINCT",
    "DROP TABLE",
    "ELSE",
    "END",
    "EXISTS",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "FALSE",
    "FILTER (WHERE",
    "FROM",
    "GROUP BY",
    "HAVING",
    "IN",
    "IS NOT NULL",
    "IS NULL",
    "JOIN",
    "LEFT JOIN",
    "LIKE",
    "LIMIT",
    "LOCATION",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OPTIONS (",
    "OR",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "SELECT",
    "SHOW TABLES",
    "STORED AS ROOT",
    "STORED AS UHI",
    "THEN",
    "TO",
    "TRUE",
    "UNION ALL",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

/// A name that can be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    /// Shown beside it: a type, the table, what a function does.
    pub(crate) note: String,
}

/// Suggests names that begin as the word before the cursor does.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Functions, tables and columns; shared with the prompt, which renews them after every statement.
    pub(crate) known: Arc<std::sync::RwLock<Vec<Name>>>,
}

impl Names {
    fn suggestions(&self, line: &str, position: usize) -> Vec<Suggestion> {
        let before = line.get(..position).unwrap_or(line);
        let start = before.rfind(|c: char| !is_part_of_name(c)).map_or(0, |i| i + char_length(before, i));
        let word = before.get(start..).unwrap_or_default();
        // A file name or a text is being typed.
        let in_text = before.matches('\'').count() % 2 == 1;
        let span = Span::new(start, position);
        let lower = word.to_lowercase();
        if !in_text && let Some(collection) = before.get(..start).and_then(|before| before.strip_suffix('.'))
        {
            return self.fields(collection, &lower, span);
        }
        if word.is_empty() || in_text {
            return Vec::new();
        }
        let mut found = Vec::new();
        if let Ok(known) = self.known.read() {
            let begins = known.iter().filter(|n| n.text.to_lowercase().starts_with(&lower));
            found.extend(begins.map(|n| suggestion(&n.text, Some(&n.note), span)));
        }
        let keep_lower = word.chars().all(char::is_lowercase);
        for sql in WORDS.iter().filter(|w| w.to_lowercase().starts_with(&lower)) {
            let text = if keep_lower { sql.to_lowercase() } else { (*sql).to_owned() };
            found.push(suggestion(&text, None, span));
        }
        found
    }

    /// The fields that begin so, of the collection whose name `before` ends with: `pt` of `Jet.` for `Jet_pt`.
    fn fields(&self, before: &str, begin: &str, span: Span) -> Vec<Suggestion> {
        let start = before.rfind(|c: char| !is_part_of_name(c)).map_or(0, |i| i + char_length(before, i));
        let prefix = format!("{}_", before.get(start..).unwrap_or_default());
        let Ok(known) = self.known.read() else { return Vec::new() };
        let fields = known.iter().filter_map(|name| Some((name.text.strip_prefix(&prefix)?, &name.note)));
        let begins = fields.filter(|(field, _)| field.to_lowercase().starts_with(begin));
        begins.map(|(field, note)| suggestion(field, Some(note), span)).collect()
    }
}

impl Completer for Names {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        CompletionResult::fresh(self.suggestions(line, position))
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn char_length(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn suggestion(text: &str, note: Option<&str>, span: Span) -> Suggestion {
    Suggestion {
        value: text.to_owned(),
        description: note.filter(|n| !n.is_empty()).map(str::to_owned),
        span,
        append_whitespace: false,
        ..Suggestion::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let name = |text: &str, note: &str| Name { text: text.to_owned(), note: note.to_owned() };
        let known =
            vec![name("Jet_pt", "List(Float32)"), name("Jet_eta", "List(Float32)"), name("delta_r", "")];
        Names { known: Arc::new(std::sync::RwLock::new(known)) }
    }

    fn values(line: &str) -> Vec<String> {
        names().suggestions(line, line.len()).into_iter().map(|s| s.value).collect()
    }

    #[test]
    fn branches_functions_and_words() {
        assert_eq!(values("SELECT jet"), ["Jet_pt", "Jet_eta"]);
        assert_eq!(values("SELECT hist(delta"), ["delta_r"]);
        assert_eq!(values("gro"), ["group by"]);
        assert_eq!(values("GRO"), ["GROUP BY"]);
        assert!(values("SELECT ").is_empty());
        assert!(values("FROM 'Jet").is_empty(), "inside of a text");
    }

    #[test]
    fn fields_after_a_dot() {
        assert_eq!(values("SELECT Jet.p"), ["pt"]);
        assert_eq!(values("SELECT abs(Jet."), ["pt", "eta"]);
        assert!(values("SELECT Muon.p").is_empty());
    }

    #[test]
    fn the_word_before_the_cursor_is_replaced() {
        let line = "SELECT µ, Jet_p FROM t";
        let at = line.find(" FROM").unwrap();
        let found = names().suggestions(line, at);
        assert_eq!((found[0].span.start, found[0].span.end), (line.find("Jet").unwrap(), at));
    }
}
