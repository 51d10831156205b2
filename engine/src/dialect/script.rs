//! A text of several statements, each with its place.

use std::ops::ControlFlow;

use datafusion::common::format::ExplainStatementOptions;
use datafusion::common::plan_err;
use datafusion::error::DataFusionError;
pub use datafusion::sql::parser::Statement;
use datafusion::sql::{
    parser::{CopyToSource, DFParser, DFParserBuilder, ExplainStatement},
    sqlparser::{
        ast::{Statement as SqlStatement, VisitMut, VisitorMut},
        tokenizer::Token,
    },
};

use super::{chain, definition, faults, syntax::AnaDialect};
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
    statements(&mut parser).map_err(|error| faults::explain(error, sql))
}

/// As [`DFParser::parse_statements`], with the statements of this dialect.
fn statements(parser: &mut DFParser) -> Result<Vec<Statement>, DataFusionError> {
    let mut all = vec![];
    loop {
        let mut separated = all.is_empty();
        while parser.parser.consume_token(&Token::SemiColon) {
            separated = true;
        }
        let next = parser.parser.peek_token();
        if next == Token::EOF {
            return Ok(all);
        }
        if !separated {
            return Ok(parser.parser.expected("end of statement", next)?);
        }
        let mut statement = match definition::parse(parser)? {
            Some(statement) => statement,
            None => parser.parse_statement()?,
        };
        if !chain::all_are_short_in(&mut statement) {
            return plan_err!(
                "more than {} operators in a row; name parts of them in a subquery",
                chain::LONGEST
            );
        }
        all.push(statement);
    }
}

/// Takes a visitor through the SQL of a statement.
pub(crate) fn visit<V: VisitorMut>(statement: &mut Statement, visitor: &mut V) -> ControlFlow<V::Break> {
    match statement {
        Statement::Statement(inner) => inner.visit(visitor),
        Statement::Explain(explain) => visit(&mut explain.statement, visitor),
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    }
}

/// Whether a statement has rows to show: a query, EXPLAIN, SHOW or DESCRIBE. COPY writes its rows itself.
pub fn returns_rows(statement: &Statement) -> bool {
    match statement {
        Statement::Explain(_) => true,
        Statement::Statement(inner) => matches!(
            inner.as_ref(),
            SqlStatement::Query(_)
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
                | SqlStatement::ShowVariable { .. }
                | SqlStatement::ShowFunctions { .. }
                | SqlStatement::ExplainTable { .. }
        ),
        _ => false,
    }
}

/// The table that a CREATE EXTERNAL TABLE makes.
pub fn created_table(statement: &Statement) -> Option<String> {
    match statement {
        Statement::CreateExternalTable(create) => {
            let last = create.name.0.last().and_then(|part| part.as_ident());
            last.map(|ident| ident.value.clone())
        }
        _ => None,
    }
}

/// EXPLAIN of a statement, which stays as it is if it is one already.
pub fn explained(statement: Statement, analyze: bool, verbose: bool) -> Statement {
    match statement {
        Statement::Explain(_) => statement,
        other => {
            let options = ExplainStatementOptions { analyze, verbose, ..Default::default() };
            Statement::Explain(ExplainStatement { options, statement: Box::new(other) })
        }
    }
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
        let chain = |terms: usize| parse(&format!("SELECT 1{}", " + x * 2".repeat(terms)));
        assert!(chain(900).is_ok());
        let told = chain(300_000).unwrap_err().to_string();
        assert!(told.contains("more than 1000 operators in a row"), "{told}");
        for part in ["::int", " IS NULL", " IN (1)", " UNION ALL SELECT 1"] {
            let told = parse(&format!("SELECT 1{}", part.repeat(50_000))).unwrap_err().to_string();
            assert!(told.contains("operators in a row"), "{part}: {told}");
        }
    }
}
