//! A text of several statements, each with its place.

use datafusion::sql::parser::{DFParserBuilder, Statement};

use super::{faults, syntax::AnaDialect};
use crate::error::Result;

/// How deep expressions may nest before the parser refuses: hand-written selections stay below ten,
/// generated ones reach hundreds of `AND`s.
const RECURSION_LIMIT: usize = 1_000;

/// Parses `sql` into its statements; positions in later errors are those of this text.
///
/// # Errors
/// [`crate::EngineError::Sql`] with line and column where the text stops being SQL.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    let dialect = AnaDialect::default();
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .build()
        .map_err(|error| faults::explain(error, sql))?;
    let statements = parser.parse_statements().map_err(|error| faults::explain(error, sql))?;
    Ok(statements.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_statements_and_comments() {
        let text = "-- jets\nCREATE EXTERNAL TABLE events STORED AS ROOT LOCATION 'a.root' OPTIONS (tree 'Events');\nSELECT 1;";
        assert_eq!(parse(text).unwrap().len(), 2);
    }

    #[test]
    fn lambdas_and_unnest_both_parse() {
        assert!(parse("SELECT array_filter(Jet_pt, x -> x > 30) FROM events").is_ok());
        assert!(parse("SELECT * FROM UNNEST([1, 2])").is_ok());
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let crate::EngineError::Sql { position, .. } = parse("SELECT 1;\nSELEC 2").unwrap_err() else {
            panic!("not an SQL error");
        };
        assert_eq!(position.map(|p| (p.line, p.column)), Some((2, 1)));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
