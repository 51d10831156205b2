//! Pieces of syntax trees made by the dialect's rewrites.

use datafusion::{
    logical_expr::Expr,
    sql::sqlparser::{
        ast::{
            BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr as SqlExpr, Function, FunctionArg,
            FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName, Query,
            Select, SelectFlavor, SelectItem, SetExpr, TableFactor, TableWithJoins, Value,
            WildcardAdditionalOptions, helpers::attached_token::AttachedToken,
        },
        tokenizer::Span,
    },
};

/// `NULL`.
pub(crate) fn null() -> SqlExpr {
    SqlExpr::Value(Value::Null.with_empty_span())
}

/// A string literal.
pub(crate) fn string(text: &str) -> SqlExpr {
    SqlExpr::Value(Value::SingleQuotedString(text.to_owned()).with_empty_span())
}

/// An identifier that needs no quotes to be read back as it is.
pub(crate) fn identifier(name: &str, span: Span) -> Ident {
    Ident { value: name.to_owned(), quote_style: None, span }
}

/// `name(arguments)`.
pub(crate) fn call(name: &str, arguments: Vec<SqlExpr>) -> SqlExpr {
    let args =
        arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    let mut call = function(name);
    call.args =
        FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] });
    SqlExpr::Function(call)
}

/// An operator with a name no user can type: `subject name (rest…)`. [`carried`] gives the rest back after
/// planning.
pub(crate) fn carrier(name: &str, subject: SqlExpr, rest: Vec<SqlExpr>) -> SqlExpr {
    SqlExpr::BinaryOp {
        left: Box::new(subject),
        op: BinaryOperator::Custom(name.to_owned()),
        right: Box::new(if rest.is_empty() { null() } else { call("struct", rest) }),
    }
}

/// The planned operands behind a carrier's subject.
pub(crate) fn carried(rest: Expr) -> Vec<Expr> {
    match rest {
        Expr::ScalarFunction(call) => call.args,
        _ => vec![],
    }
}

/// `(expr)`.
pub(crate) fn nested(expr: SqlExpr) -> SqlExpr {
    SqlExpr::Nested(Box::new(expr))
}

/// `CAST(expr AS DOUBLE)`.
pub(crate) fn double(expr: SqlExpr) -> SqlExpr {
    SqlExpr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: DataType::Double(ExactNumberInfo::None),
        array: false,
        format: None,
    }
}

/// A query of nothing but its body.
pub(crate) fn query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// `ARRAY(query)`.
pub(crate) fn array(query: Query) -> SqlExpr {
    let mut call = function("ARRAY");
    call.args = FunctionArguments::Subquery(Box::new(query));
    SqlExpr::Function(call)
}

fn function(name: &str) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }
}

/// `SELECT * FROM collection`.
pub(crate) fn all_of(collection: Ident) -> SetExpr {
    let everything = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    SetExpr::Select(Box::new(select(vec![everything], table(collection), None, vec![])))
}

/// A table by name.
pub(crate) fn table(name: Ident) -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![name]),
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
}

/// `SELECT projection FROM from WHERE selection GROUP BY keys`.
pub(crate) fn select(
    projection: Vec<SelectItem>,
    from: TableFactor,
    selection: Option<SqlExpr>,
    keys: Vec<SqlExpr>,
) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation: from, joins: vec![] }],
        lateral_views: vec![],
        prewhere: None,
        selection,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(keys, vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}
