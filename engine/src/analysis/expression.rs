//! Expressions as they stand in the file: SQL, with `${a.b}` for parameters.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{Expr, OrderByExpr, Value, VisitMut, VisitorMut},
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use super::error::AnalysisError;
use super::locate::{Source, Way};
use super::parameter::Parameters;
use super::{Result, dataset::Dataset, syntax};
use crate::dialect::{chain, syntax::AnaDialect};

/// How deep expressions may nest.
const RECURSION_LIMIT: usize = 200;

/// What expressions are read with.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) parameters: &'a Parameters,
    pub(super) datasets: &'a [Dataset],
}

impl Reader<'_> {
    /// An expression.
    pub(super) fn expression(&self, text: &str, way: &Way) -> Result<Expr> {
        self.read(text, way, |parser| parser.parse_expr())
    }

    /// What stands behind ORDER BY.
    pub(super) fn order(&self, text: &str, way: &Way) -> Result<Vec<OrderByExpr>> {
        self.read(text, way, |parser| parser.parse_comma_separated(Parser::parse_order_by_expr))
    }

    fn read<T: VisitMut>(
        &self,
        text: &str,
        way: &Way,
        parse: impl FnOnce(&mut Parser<'_>) -> std::result::Result<T, ParserError>,
    ) -> Result<T> {
        let wrong = |problem: String| AnalysisError::Expression {
            place: self.source.place(way),
            text: text.to_owned(),
            problem,
        };
        let (sql, names) = take_parameters(text).map_err(|problem| wrong(problem.to_owned()))?;
        let dialect = AnaDialect::default();
        let parser = Parser::new(&dialect).with_recursion_limit(RECURSION_LIMIT);
        let mut parser = parser.try_with_sql(&sql).map_err(|e| wrong(said(&e)))?;
        let mut parsed = parse(&mut parser).map_err(|e| wrong(said(&e)))?;
        if !chain::all_are_short(&mut parsed) {
            return Err(wrong(format!(
                "more than {} operators in a row; name parts of it as variables",
                chain::LONGEST
            )));
        }
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            return Err(wrong(format!("unexpected '{rest}'")));
        }
        let mut values = Vec::with_capacity(names.len());
        for name in &names {
            values.push(self.parameters.literal(name, self.datasets, &self.source.place(way))?);
        }
        match parsed.visit(&mut Fill { values: &values }) {
            ControlFlow::Continue(()) => Ok(parsed),
            ControlFlow::Break(name) => {
                Err(wrong(format!("{name} is no parameter; parameters are written ${{a.b}}")))
            }
        }
    }
}

/// What the parser says without its own name in front.
fn said(error: &ParserError) -> String {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "nested too deeply".to_owned(),
    }
}

/// The text with `$p0`, `$p1`, … in place of its parameters, and their names.
fn take_parameters(text: &str) -> std::result::Result<(String, Vec<String>), &'static str> {
    let (mut sql, mut names) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    let mut quotes = Quotes::default();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or("a parameter ${… has no end")?;
        if quotes.are_open_after(before) {
            return Err(
                "a parameter inside quotes is only text; write ${…} without quotes, it brings its own",
            );
        }
        sql.push_str(before);
        sql.push_str("$p");
        sql.push_str(&names.len().to_string());
        names.push(name.trim().to_owned());
        rest = behind;
    }
    sql.push_str(rest);
    Ok((sql, names))
}

/// Quotation marks so far. A doubled mark, SQL's way to write one, opens and closes as two.
#[derive(Default)]
struct Quotes {
    open: Option<char>,
}

impl Quotes {
    fn are_open_after(&mut self, text: &str) -> bool {
        for mark in text.chars().filter(|mark| ['\'', '"', '`'].contains(mark)) {
            match self.open {
                None => self.open = Some(mark),
                Some(open) if open == mark => self.open = None,
                Some(_) => {}
            }
        }
        self.open.is_some()
    }
}

/// Puts the values of parameters in their places; breaks with a placeholder that is none.
struct Fill<'a> {
    values: &'a [Expr],
}

impl VisitorMut for Fill<'_> {
    type Break = String;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
        {
            let place = name.strip_prefix("$p").and_then(|digits| digits.parse::<usize>().ok());
            match place.and_then(|place| self.values.get(place)) {
                Some(value) => *expr = syntax::operand(value.clone()),
                None => return ControlFlow::Break(name.clone()),
            }
        }
        ControlFlow::Continue(())
    }
}
