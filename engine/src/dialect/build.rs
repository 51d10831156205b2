//! Pieces of syntax trees made by the dialect's rewrites.

use datafusion::{
    logical_expr::Expr,
    sql::sqlparser::{
        ast::{
            BinaryOperator, Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
            FunctionArguments, Ident, ObjectName, Value,
        },
        tokenizer::Span,
    },
};

/// `NULL`.
pub(super) fn null() -> SqlExpr {
    SqlExpr::Value(Value::Null.with_empty_span())
}

/// An identifier that needs no quotes to be read back as it is.
pub(super) fn identifier(name: &str, span: Span) -> Ident {
    Ident { value: name.to_owned(), quote_style: None, span }
}

/// `name(arguments)`.
pub(super) fn call(name: &str, arguments: Vec<SqlExpr>) -> SqlExpr {
    let args =
        arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    SqlExpr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// An operator with a name no user can type: `subject name (rest…)`. [`carried`] gives the rest back after
/// planning.
pub(super) fn carrier(name: &str, subject: SqlExpr, rest: Vec<SqlExpr>) -> SqlExpr {
    SqlExpr::BinaryOp {
        left: Box::new(subject),
        op: BinaryOperator::Custom(name.to_owned()),
        right: Box::new(if rest.is_empty() { null() } else { call("struct", rest) }),
    }
}

/// The planned operands behind a carrier's subject.
pub(super) fn carried(rest: Expr) -> Vec<Expr> {
    match rest {
        Expr::ScalarFunction(call) => call.args,
        _ => vec![],
    }
}
