//! `CREATE COLLECTION` and `DROP COLLECTION`: parsing, and the way to the session.
//!
//! The engine's statements have no place for them, so they travel as a view and as a dropped view that carry a
//! mark no SQL text can make.

use datafusion::{
    error::Result,
    sql::{
        parser::{DFParser, Statement},
        sqlparser::{
            ast::{
                CreateTableOptions, CreateView, Ident, ObjectName, ObjectType, Query, SetExpr, SetOperator,
                SetQuantifier, Statement as SqlStatement,
            },
            keywords::Keyword,
            parser::{Parser, ParserError},
            tokenizer::Token,
        },
    },
};

use super::{build, collection::Definition};

const MARK: &str = "\0collection";

/// What a statement asks the session to do with its collections.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per statement")]
pub(crate) enum Command {
    /// `CREATE [OR REPLACE] COLLECTION`.
    Create {
        /// The new collection.
        definition: Definition,
        /// Whether one of this name may be replaced.
        replace: bool,
    },
    /// `DROP COLLECTION [IF EXISTS]`.
    Drop {
        /// Its name.
        name: Ident,
        /// Whether it may be missing.
        if_exists: bool,
    },
}

/// The command in a statement, if it is one.
pub(crate) fn command(statement: &Statement) -> Option<Command> {
    let Statement::Statement(statement) = statement else { return None };
    let name = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident()).cloned();
    match statement.as_ref() {
        SqlStatement::CreateView(view) if view.comment.as_deref() == Some(MARK) => {
            let name = name(&view.name)?;
            let definition = Definition { name, query: Some(view.query.as_ref().clone()) };
            Some(Command::Create { definition, replace: view.or_replace })
        }
        SqlStatement::Drop { names, table: Some(mark), if_exists, .. } if mark.to_string() == MARK => {
            Some(Command::Drop { name: name(names.first()?)?, if_exists: *if_exists })
        }
        _ => None,
    }
}

/// Parses a statement about collections; `None`, and nothing consumed, when the next one is another.
pub(super) fn parse(parser: &mut DFParser) -> Result<Option<Statement>> {
    let parser = &mut parser.parser;
    let is = |parser: &Parser, place: usize, wanted: &str| match parser.peek_nth_token(place).token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted),
        _ => false,
    };
    let replace = is(parser, 1, "OR") && is(parser, 2, "REPLACE");
    if is(parser, 0, "CREATE") && is(parser, if replace { 3 } else { 1 }, "COLLECTION") {
        skip(parser, if replace { 4 } else { 2 });
        return Ok(Some(create(parser, replace)?));
    }
    if is(parser, 0, "DROP") && is(parser, 1, "COLLECTION") {
        skip(parser, 2);
        return Ok(Some(drop_collection(parser)?));
    }
    Ok(None)
}

fn skip(parser: &mut Parser, words: usize) {
    for _ in 0..words {
        parser.next_token();
    }
}

fn create(parser: &mut Parser, or_replace: bool) -> Result<Statement, ParserError> {
    let name = parser.parse_identifier()?;
    parser.expect_keyword(Keyword::AS)?;
    let query = match parser.peek_token().token {
        Token::LParen => parser.parse_query()?,
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM) => {
            parser.parse_query()?
        }
        _ => Box::new(union_of_names(parser)?),
    };
    Ok(statement(SqlStatement::CreateView(CreateView {
        or_alter: false,
        or_replace,
        materialized: false,
        secure: false,
        name: ObjectName::from(vec![name]),
        name_before_not_exists: false,
        columns: vec![],
        query,
        options: CreateTableOptions::None,
        cluster_by: vec![],
        comment: Some(MARK.to_owned()),
        with_no_schema_binding: false,
        if_not_exists: false,
        temporary: false,
        copy_grants: false,
        to: None,
        params: None,
    })))
}

/// `MuonGood UNION ALL ElectronGood`.
fn union_of_names(parser: &mut Parser) -> Result<Query, ParserError> {
    let mut all = build::all_of(parser.parse_identifier()?);
    while parser.parse_keywords(&[Keyword::UNION, Keyword::ALL]) {
        all = SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left: Box::new(all),
            right: Box::new(build::all_of(parser.parse_identifier()?)),
        };
    }
    Ok(build::query(all))
}

fn drop_collection(parser: &mut Parser) -> Result<Statement, ParserError> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = parser.parse_identifier()?;
    Ok(statement(SqlStatement::Drop {
        object_type: ObjectType::View,
        if_exists,
        names: vec![ObjectName::from(vec![name])],
        cascade: false,
        restrict: false,
        purge: false,
        temporary: false,
        table: Some(ObjectName::from(vec![Ident::new(MARK)])),
    }))
}

fn statement(statement: SqlStatement) -> Statement {
    Statement::Statement(Box::new(statement))
}
