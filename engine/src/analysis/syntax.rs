//! Pieces of SQL as syntax trees.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, DictionaryField, DuplicateTreatment, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgOperator, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    SelectItem, Subscript, TableFactor, UnaryOperator, Value, WildcardAdditionalOptions,
    helpers::attached_token::AttachedToken,
};
use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER,
    RESERVED_FOR_TABLE_ALIAS,
};

use crate::dialect::build;
pub(super) use crate::dialect::build::{call, double, nested, null, select, string};

/// A name, in quotes where it needs them.
pub(super) fn ident(name: &str) -> Ident {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain && !is_reserved(name) { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// Whether a word means something else where a name may stand.
fn is_reserved(name: &str) -> bool {
    let word = name.to_ascii_uppercase();
    if ["TRUE", "FALSE", "NULL", "NOT", "EXISTS", "ARRAY", "CAST", "ALL", "ANY", "IN", "IS", "AND", "OR"]
        .contains(&word.as_str())
    {
        return true;
    }
    let place = ALL_KEYWORDS.binary_search(&word.as_str()).ok();
    let keyword = place.and_then(|place| ALL_KEYWORDS_INDEX.get(place));
    keyword.is_some_and(|keyword| {
        RESERVED_FOR_COLUMN_ALIAS.contains(keyword)
            || RESERVED_FOR_IDENTIFIER.contains(keyword)
            || RESERVED_FOR_TABLE_ALIAS.contains(keyword)
    })
}

/// A column.
pub(super) fn column(name: &str) -> Expr {
    Expr::Identifier(ident(name))
}

/// `of.field`.
pub(super) fn field(of: &str, field: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(of), ident(field)])
}

/// A number as it is written.
pub(super) fn number(text: &str) -> Expr {
    match text.strip_prefix('-') {
        Some(rest) => Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number(rest)) },
        None => Expr::Value(Value::Number(text.to_owned(), false).with_empty_span()),
    }
}

/// An integer.
pub(super) fn integer(value: i64) -> Expr {
    number(&value.to_string())
}

/// A number that reads back as the same.
pub(super) fn float(value: f64) -> Expr {
    let text = format!("{value:?}");
    number(text.strip_suffix(".0").unwrap_or(&text))
}

/// `true` or `false`.
pub(super) fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).with_empty_span())
}

/// `of[index]`: an element, or the elements where a list of booleans is true.
pub(super) fn element(of: Expr, index: Expr) -> Expr {
    let access = AccessExpr::Subscript(Subscript::Index { index });
    Expr::CompoundFieldAccess { root: Box::new(of), access_chain: vec![access] }
}

/// `left op right`.
pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// An expression that may stand beside any operator.
pub(super) fn operand(expr: Expr) -> Expr {
    let alone = matches!(
        expr,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::Function(_)
            | Expr::Nested(_)
            | Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::Cast { .. }
            | Expr::Case { .. }
            | Expr::CompoundFieldAccess { .. }
    );
    if alone { expr } else { nested(expr) }
}

/// Whether an expression binds tighter than AND.
fn binds(expr: &Expr) -> bool {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    match expr {
        Expr::BinaryOp { op: Eq | Gt | GtEq | Lt | LtEq | NotEq | And, .. } => true,
        Expr::BinaryOp { op: Or, .. } => false,
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_) => true,
        other => operand(other.clone()) == *other,
    }
}

/// All of the conditions; `true` for none.
pub(super) fn all(conditions: impl IntoIterator<Item = Expr>) -> Expr {
    let joined = conditions.into_iter().map(|c| if binds(&c) { c } else { nested(c) });
    joined.reduce(|a, b| binary(a, BinaryOperator::And, b)).unwrap_or_else(|| boolean(true))
}

/// Any of the conditions; `false` for none.
pub(super) fn any(conditions: impl IntoIterator<Item = Expr>) -> Expr {
    let joined = conditions.into_iter().map(operand);
    joined.reduce(|a, b| binary(a, BinaryOperator::Or, b)).unwrap_or_else(|| boolean(false))
}

/// The product; 1 for none.
pub(super) fn product(factors: impl IntoIterator<Item = Expr>) -> Expr {
    let joined = factors.into_iter().map(operand);
    joined.reduce(|a, b| binary(a, BinaryOperator::Multiply, b)).unwrap_or_else(|| number("1.0"))
}

/// `CASE WHEN … THEN … ELSE … END`.
pub(super) fn case(conditions: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions
            .into_iter()
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: otherwise.map(Box::new),
    }
}

/// `column IN ('a', 'b')`, or `column = 'a'`.
pub(super) fn is_one_of<'a>(name: &str, texts: impl IntoIterator<Item = &'a str>) -> Expr {
    let mut list: Vec<Expr> = texts.into_iter().map(string).collect();
    match (list.pop(), list.is_empty()) {
        (Some(one), true) => binary(column(name), BinaryOperator::Eq, one),
        (last, _) => {
            list.extend(last);
            Expr::InList { expr: Box::new(column(name)), list, negated: false }
        }
    }
}

/// `{'a': x, 'b': y}`.
pub(super) fn record(fields: impl IntoIterator<Item = (String, Expr)>) -> Expr {
    let field = |(key, value): (String, Expr)| DictionaryField {
        key: Ident::with_quote('\'', key),
        value: Box::new(value),
    };
    Expr::Dictionary(fields.into_iter().map(field).collect())
}

/// `name => value`.
pub(super) fn named(name: &str, value: Expr) -> FunctionArg {
    FunctionArg::Named {
        name: Ident::new(name),
        arg: FunctionArgExpr::Expr(value),
        operator: FunctionArgOperator::RightArrow,
    }
}

/// A positional argument.
pub(super) fn positional(value: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(value))
}

/// `name(arguments) FILTER (WHERE filter)`.
pub(super) fn aggregate(name: &str, args: Vec<FunctionArg>, filter: Option<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None::<DuplicateTreatment>,
            args,
            clauses: vec![],
        }),
        filter: filter.map(Box::new),
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `count(*) FILTER (WHERE filter)`.
pub(super) fn count(filter: Option<Expr>) -> Expr {
    aggregate("count", vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)], filter)
}

/// `count(DISTINCT expr)`.
pub(super) fn count_distinct(expr: Expr) -> Expr {
    let mut count = aggregate("count", vec![positional(expr)], None);
    if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut count {
        list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
    }
    count
}

/// `expr AS name`.
pub(super) fn aliased(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: ident(name) }
}

/// `*`.
pub(super) fn star() -> SelectItem {
    SelectItem::Wildcard(WildcardAdditionalOptions::default())
}

/// A table by name.
pub(super) fn table(name: &str) -> TableFactor {
    build::table(ident(name))
}
