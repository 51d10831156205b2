//! From the planner's errors to a position, a sentence and advice.

use datafusion::{
    common::{Diagnostic, SchemaError},
    error::DataFusionError,
    sql::sqlparser::tokenizer::{Token, Tokenizer},
};

use super::syntax::AnaDialect;
use crate::error::{EngineError, SqlPosition};

/// Explains a planning error of `sql`: where it is and what may help. Errors that are not about the text
/// (files, memory, execution) pass unchanged.
pub fn explain(error: DataFusionError, sql: &str) -> EngineError {
    let diagnostic = error.diagnostic().cloned();
    let root = match error {
        DataFusionError::External(inner) => match inner.downcast::<EngineError>() {
            Ok(ours) => return *ours,
            Err(inner) => DataFusionError::External(inner),
        },
        other => other,
    };
    let message = sentence(&root);
    let about_text = matches!(
        root.find_root(),
        DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
    );
    if !about_text {
        return EngineError::DataFusion(root);
    }
    let near = match root.find_root() {
        DataFusionError::SchemaError(schema, _) => near_fields(schema),
        _ => None,
    };
    // DataFusion's own list of possible columns has all that are alike, which can be dozens.
    let mut help = match near {
        Some(near) => vec![near],
        None => diagnostic.as_ref().map(advice).unwrap_or_default(),
    };
    if message.contains("as comparison operator, found") {
        help.push(
            "after an operator ANY and ALL are SQL's own; the functions are list_any(…) and list_all(…)"
                .to_owned(),
        );
    }
    help.dedup();
    let position = position_in(&message)
        .or_else(|| {
            diagnostic
                .as_ref()
                .and_then(|d| d.span)
                .map(|span| SqlPosition { line: span.start.line, column: span.start.column })
        })
        .or_else(|| locate_quoted(&message, sql))
        .or_else(|| locate_call(&message, sql));
    let message = message.split(" at Line: ").next().unwrap_or(&message).to_owned();
    EngineError::Sql { message, position, help }
}

/// The name of the column that planning did not find, if that is what `error` is.
pub(crate) fn missing_column(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(&field.name),
            _ => None,
        },
        _ => None,
    }
}

/// `reason` (a branch that cannot be read) as a fault of the text that names it.
pub(crate) fn unreadable(reason: &EngineError, sql: &str) -> EngineError {
    let position = match reason {
        EngineError::UnreadableBranch { branch, .. } => locate(branch, sql),
        _ => None,
    };
    EngineError::Sql { message: reason.to_string(), position, help: vec![] }
}

/// The innermost message, without the layers of prefixes and back traces.
fn sentence(error: &DataFusionError) -> String {
    let text = match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                format!("no column named {}", field.quoted_flat_name())
            }
            other => other.to_string(),
        },
        DataFusionError::SQL(parser, _) => {
            parser.to_string().trim_start_matches("sql parser error: ").to_owned()
        }
        DataFusionError::Plan(text) | DataFusionError::NotImplemented(text) => text.clone(),
        other => other.strip_backtrace(),
    };
    text.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or(&text).trim().to_owned()
}

fn advice(diagnostic: &Diagnostic) -> Vec<String> {
    let notes = diagnostic.notes.iter().map(|n| n.message.clone());
    let helps = diagnostic.helps.iter().map(|h| h.message.clone());
    notes.chain(helps).collect()
}

/// The three fields nearest in spelling to the one that is missing.
fn near_fields(error: &SchemaError) -> Option<String> {
    let SchemaError::FieldNotFound { field, valid_fields } = error else { return None };
    let names = nearest(&field.name, valid_fields.iter().map(|f| f.name.as_str()), 3);
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(", ")))
}

/// The `limit` candidates nearest to `name` by edit distance, ignoring case; none that share too little.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>, limit: usize) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(usize, &str)> = candidates
        .map(|candidate| {
            (
                datafusion::common::utils::datafusion_strsim::levenshtein(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.len().max(wanted.len()).div_ceil(2))
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(limit).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// The parser says "… at Line: 2, Column: 7".
fn position_in(message: &str) -> Option<SqlPosition> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, rest) = place.split_once(", Column: ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(SqlPosition { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// The functions' own errors begin with their names (`regular: a regular axis …`): where the text calls it once, that is
/// the place.
fn locate_call(message: &str, sql: &str) -> Option<SqlPosition> {
    let (name, _) = message.split_once(": ")?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let tokens = Tokenizer::new(&AnaDialect::default(), sql).tokenize_with_location().ok()?;
    let mut calls = tokens.windows(2).filter_map(|pair| match (&pair[0].token, &pair[1].token) {
        (Token::Word(word), Token::LParen) if word.value.eq_ignore_ascii_case(name) => {
            Some(pair[0].span.start)
        }
        _ => None,
    });
    let place = calls.next()?;
    calls.next().is_none().then_some(SqlPosition { line: place.line, column: place.column })
}

/// Some planning errors quote the culprit (`Invalid function 'hits'`) without its place: the first word of
/// the text that reads so is it.
fn locate_quoted(message: &str, sql: &str) -> Option<SqlPosition> {
    let mut quoted = message.split(['\'', '"', '`']).skip(1).step_by(2).filter(|word| !word.is_empty());
    quoted.find_map(|word| locate(word, sql))
}

/// The place of the first word or quoted text of `sql` that reads `word`.
pub(crate) fn locate(word: &str, sql: &str) -> Option<SqlPosition> {
    let tokens = Tokenizer::new(&AnaDialect::default(), sql).tokenize_with_location().ok()?;
    tokens.iter().find_map(|token| {
        let matches = match &token.token {
            Token::Word(w) => w.value.eq_ignore_ascii_case(word),
            Token::SingleQuotedString(text) => text == word,
            _ => false,
        };
        matches.then_some(SqlPosition { line: token.span.start.line, column: token.span.start.column })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names_ignore_case_and_refuse_strangers() {
        let branches = ["Jet_pt", "Jet_eta", "MET_pt", "HLT_IsoMu24"];
        assert_eq!(nearest("jet_Pt", branches.into_iter(), 1), ["Jet_pt"]);
        assert!(nearest("completely_else", branches.into_iter(), 3).is_empty());
    }
}
