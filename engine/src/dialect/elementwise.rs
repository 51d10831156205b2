//! Operators on lists, element by element.
//!
//! DataFusion asks an [`ExprPlanner`] only about binary operators and subscripts. The other forms (`NOT`,
//! `BETWEEN`, `IN`, `CASE`, `CAST`, `IS NULL`, …) are written by [`carry`] as binary operators with a name no
//! user can type, wherever they may meet a list, and come back as themselves when their operands are none.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::{DFSchema, Diagnostic, Result, Span, plan_datafusion_err, plan_err, tree_node::TreeNode},
    logical_expr::{
        Between, BinaryExpr, Case, Cast, Expr, ExprSchemable, GetFieldAccess, Operator, ScalarUDF, TryCast,
        expr::{InList, ScalarFunction},
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr},
    },
    optimizer::analyzer::type_coercion::TypeCoercionRewriter,
    sql::sqlparser::ast::{BinaryOperator, CaseWhen, CastKind, Expr as SqlExpr, UnaryOperator, Value},
};

use ana_sql_ext::lifted::{LiftedFunction, Mask, SquareRoot, argument, collection_of, is_list, lift};

use super::build;

/// Marks the operators that carry other forms.
const CARRIER: &str = "element-wise ";

/// Plans operators and subscripts that meet lists.
#[derive(Debug)]
pub struct ElementwisePlanner;

impl ExprPlanner for ElementwisePlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if let BinaryOperator::Custom(name) = &expr.op
            && let Some(form) = name.strip_prefix(CARRIER)
        {
            let form = form.to_owned();
            return carried(&form, expr.left, expr.right, schema).map(PlannerResult::Planned);
        }
        let Some(op) = operator(&expr.op) else { return Ok(PlannerResult::Original(expr)) };
        let (Ok(left), Ok(right)) = (type_of(&expr.left, schema), type_of(&expr.right, schema)) else {
            return Ok(PlannerResult::Original(expr));
        };
        let wider = wider_integers(op, &left, &right);
        let build = |parts: Vec<Expr>| match (<[Expr; 2]>::try_from(parts), &wider) {
            (Ok([left, right]), None) => {
                Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
            }
            (Ok([left, right]), Some(wider)) => {
                let widened = |side| Box::new(Expr::Cast(Cast::new(Box::new(side), wider.clone())));
                Ok(Expr::BinaryExpr(BinaryExpr::new(widened(left), op, widened(right))))
            }
            (Err(_), _) => plan_err!("an operator takes two operands"),
        };
        if !is_list(&left) && !is_list(&right) {
            return match wider {
                Some(_) => build(vec![expr.left, expr.right]).map(PlannerResult::Planned),
                None => Ok(PlannerResult::Original(expr)),
            };
        }
        elementwise(&op.to_string(), vec![expr.left, expr.right], schema, build).map(PlannerResult::Planned)
    }

    fn plan_field_access(
        &self,
        expr: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let GetFieldAccess::ListIndex { key } = &expr.field_access else {
            return Ok(PlannerResult::Original(expr));
        };
        let Ok(key_type) = key.get_type(schema) else { return Ok(PlannerResult::Original(expr)) };
        if !is_list(&key_type) {
            return Ok(PlannerResult::Original(expr));
        }
        one_collection("[ ]", &[&expr.expr, key], schema)?;
        let call =
            ScalarFunction::new_udf(Arc::new(Mask::default().into()), vec![expr.expr, (**key).clone()]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// The type an expression will have. A CASE says it is of the type of its first result until types are coerced,
/// which is long after its neighbours need to know.
pub(super) fn type_of(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    // A planned operator is none of lists, those are functions by now: a long chain of them is told at its top.
    if let Expr::BinaryExpr(binary) = expr
        && (binary.op.supports_propagation() || binary.op.is_logic_operator())
    {
        return Ok(DataType::Boolean);
    }
    let found = expr.get_type(schema);
    if found.is_ok() && !holds_case(expr) {
        return found;
    }
    let coerced = expr.clone().rewrite(&mut TypeCoercionRewriter::new(schema));
    coerced.and_then(|coerced| coerced.data.get_type(schema)).or(found)
}

/// Whether there is a CASE in it that is not of a list's elements already.
fn holds_case(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::Case(_)))).unwrap_or(true)
}

/// The engine's functions of numbers, as functions of numbers and lists.
pub fn functions() -> Vec<Arc<ScalarUDF>> {
    use datafusion::functions::{core, math};
    let others =
        [core::coalesce(), core::nullif(), core::nvl(), core::nvl2(), core::greatest(), core::least()];
    let roots = Arc::new(ScalarUDF::from(SquareRoot::default()));
    let all = math::functions()
        .into_iter()
        .filter(|function| function.name() != "sqrt")
        .chain(others)
        .chain([roots]);
    all.map(|function| Arc::new(LiftedFunction::new(function).into())).collect()
}

/// What small and unsigned integers are computed in, where the engine would stay in their type and wrap around:
/// NanoAOD's counters are unsigned, and `nMuon - nJet` is often negative.
fn wider_integers(op: Operator, left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    if !matches!(
        op,
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
    ) {
        return None;
    }
    let item = |side: &DataType| argument_item(side);
    match (item(left), item(right)) {
        (UInt8 | UInt16 | Int8 | Int16, UInt8 | UInt16 | Int8 | Int16) => Some(Int32),
        (UInt8 | UInt16 | UInt32 | Int8 | Int16 | Int32, UInt32)
        | (UInt32, UInt8 | UInt16 | Int8 | Int16 | Int32) => Some(Int64),
        _ => None,
    }
}

/// The type of the elements of a list; a type that is none as it is.
fn argument_item(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type().clone()
        }
        other => other.clone(),
    }
}

/// The operators that go element by element.
fn operator(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Or => Operator::Or,
        BinaryOperator::BitwiseAnd => Operator::BitwiseAnd,
        BinaryOperator::BitwiseOr => Operator::BitwiseOr,
        BinaryOperator::BitwiseXor | BinaryOperator::Xor | BinaryOperator::PGBitwiseXor => {
            Operator::BitwiseXor
        }
        BinaryOperator::PGBitwiseShiftLeft => Operator::BitwiseShiftLeft,
        BinaryOperator::PGBitwiseShiftRight => Operator::BitwiseShiftRight,
        _ => return None,
    })
}

/// `build` over the operands, lifted when one of them is a list.
fn elementwise(
    what: &str,
    operands: Vec<Expr>,
    schema: &DFSchema,
    build: impl Fn(Vec<Expr>) -> Result<Expr>,
) -> Result<Expr> {
    let types = operands
        .iter()
        // The type of a lambda's variable may not be known yet; it is an element then, not a list.
        .map(|operand| type_of(operand, schema).unwrap_or(DataType::Null))
        .collect::<Vec<_>>();
    if !types.iter().any(is_list) || chooses_whole_lists(what, &types) {
        return build(operands);
    }
    let lists: Vec<&Expr> = operands
        .iter()
        .zip(&types)
        .filter(|(_, data_type)| is_list(data_type))
        .map(|(operand, _)| operand)
        .collect();
    one_collection(what, &lists, schema)?;
    let mut arguments: Vec<(Expr, DataType)> = Vec::new();
    let mut parts = Vec::with_capacity(operands.len());
    for (operand, data_type) in operands.into_iter().zip(types) {
        if matches!(operand, Expr::Literal(..)) && !is_list(&data_type) {
            parts.push(operand);
        } else if let Some(known) = arguments.iter().position(|(other, _)| *other == operand) {
            parts.push(argument(known));
        } else {
            parts.push(argument(arguments.len()));
            arguments.push((operand, data_type));
        }
    }
    lift(build(parts)?, arguments)
}

/// A CASE on event values whose results are all lists gives one of the lists.
fn chooses_whole_lists(what: &str, types: &[DataType]) -> bool {
    if !what.starts_with("CASE") {
        return false;
    }
    let (operand, rest) = types.split_at(1);
    let results = rest.iter().skip(1).step_by(2).chain(rest.last().filter(|_| rest.len() % 2 == 1));
    let conditions = rest.chunks_exact(2).filter_map(|branch| branch.first());
    !operand.iter().chain(conditions).any(is_list) && results.clone().all(is_list)
}

/// Lists that are known to be of different collections do not go together.
pub(super) fn one_collection(what: &str, lists: &[&Expr], schema: &DFSchema) -> Result<()> {
    let has_counter = |prefix: &str| schema.has_column_with_unqualified_name(&format!("n{prefix}"));
    let mut known: Option<(String, &Expr)> = None;
    for list in lists {
        let Some(collection) = collection_of(list, &has_counter) else { continue };
        match &known {
            Some((other, first)) if *other != collection => {
                let message = format!(
                    "'{}' is a list of {other} and '{}' of {collection}: {what} needs lists of one collection",
                    shown(first),
                    shown(list)
                );
                let span = span_of(list);
                let help = "pair the objects of two collections in a subquery, e.g. EXISTS (SELECT 1 FROM Jet j, Muon m WHERE …)";
                let diagnostic = Diagnostic::new_error(message.clone(), span).with_help(help, None);
                return Err(plan_datafusion_err!("{message}").with_diagnostic(diagnostic));
            }
            _ => known = Some((collection, list)),
        }
    }
    Ok(())
}

/// A column by the name it is written with.
fn shown(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        other => other.schema_name().to_string(),
    }
}

/// Where the first column of an expression stands in the text.
fn span_of(expr: &Expr) -> Option<Span> {
    let columns = expr.column_refs();
    columns
        .into_iter()
        .filter_map(|column| column.spans().first())
        .min_by_key(|span| (span.start.line, span.start.column))
}

/// Rewrites a form the planner would take for a scalar one into its carrier.
pub(super) fn carry(expr: &mut SqlExpr) {
    let taken = std::mem::replace(expr, build::null());
    *expr = match taken {
        SqlExpr::UnaryOp { op: UnaryOperator::Not, expr } => carrier("NOT", *expr, vec![]),
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => carrier("-", *expr, vec![]),
        SqlExpr::IsNull(expr) => carrier("IS NULL", *expr, vec![]),
        SqlExpr::IsNotNull(expr) => carrier("IS NOT NULL", *expr, vec![]),
        SqlExpr::IsTrue(expr) => carrier("IS TRUE", *expr, vec![]),
        SqlExpr::IsNotTrue(expr) => carrier("IS NOT TRUE", *expr, vec![]),
        SqlExpr::IsFalse(expr) => carrier("IS FALSE", *expr, vec![]),
        SqlExpr::IsNotFalse(expr) => carrier("IS NOT FALSE", *expr, vec![]),
        SqlExpr::Between { expr, negated, low, high } => {
            carrier(if negated { "NOT BETWEEN" } else { "BETWEEN" }, *expr, vec![*low, *high])
        }
        SqlExpr::InList { expr, list, negated } => {
            carrier(if negated { "NOT IN" } else { "IN" }, *expr, list)
        }
        SqlExpr::Cast { kind, expr, data_type, array, format } => {
            let form = match kind {
                CastKind::TryCast | CastKind::SafeCast => "TRY_CAST",
                CastKind::Cast | CastKind::DoubleColon => "CAST",
            };
            let kind = CastKind::Cast;
            let typed = SqlExpr::Cast { kind, expr: Box::new(build::null()), data_type, array, format };
            carrier(form, *expr, vec![typed])
        }
        SqlExpr::Case { operand, conditions, else_result, .. } => {
            let form = format!(
                "CASE{}{}",
                if operand.is_some() { " OF" } else { "" },
                if else_result.is_some() { " ELSE" } else { "" }
            );
            let branches =
                conditions.into_iter().flat_map(|CaseWhen { condition, result }| [condition, result]);
            let parts = branches.chain(else_result.map(|value| *value)).collect();
            carrier(&form, operand.map_or_else(build::null, |operand| *operand), parts)
        }
        other => other,
    };
}

/// Whether [`carry`] knows the form.
pub(super) fn is_carried_form(expr: &SqlExpr) -> bool {
    match expr {
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            !matches!(expr.as_ref(), SqlExpr::Value(value) if matches!(value.value, Value::Number(..)))
        }
        SqlExpr::UnaryOp { op: UnaryOperator::Not, .. }
        | SqlExpr::IsNull(_)
        | SqlExpr::IsNotNull(_)
        | SqlExpr::IsTrue(_)
        | SqlExpr::IsNotTrue(_)
        | SqlExpr::IsFalse(_)
        | SqlExpr::IsNotFalse(_)
        | SqlExpr::Between { .. }
        | SqlExpr::InList { .. }
        | SqlExpr::Cast { .. }
        | SqlExpr::Case { .. } => true,
        _ => false,
    }
}

fn carrier(form: &str, subject: SqlExpr, rest: Vec<SqlExpr>) -> SqlExpr {
    build::carrier(&format!("{CARRIER}{form}"), subject, rest)
}

/// Takes a carried form apart again.
fn carried(form: &str, subject: Expr, rest: Expr, schema: &DFSchema) -> Result<Expr> {
    let mut rest = build::carried(rest);
    if let ("CAST" | "TRY_CAST", Some(Expr::Cast(typed))) = (form, rest.first()) {
        let field = Arc::clone(&typed.field);
        let safe = form == "TRY_CAST";
        let target = field.data_type().clone();
        // Casting a list to a list type is the engine's own cast.
        if is_list(&target) {
            return Ok(cast(Box::new(subject), field, safe));
        }
        return elementwise(form, vec![subject], schema, |parts| {
            let [part] = one(parts)?;
            Ok(cast(Box::new(part), Arc::clone(&field), safe))
        });
    }
    rest.insert(0, subject);
    elementwise(form, rest, schema, |parts| scalar_form(form, parts))
}

fn cast(expr: Box<Expr>, field: arrow::datatypes::FieldRef, safe: bool) -> Expr {
    if safe {
        Expr::TryCast(TryCast::new_from_field(expr, field))
    } else {
        Expr::Cast(Cast::new_from_field(expr, field))
    }
}

fn one<const N: usize>(parts: Vec<Expr>) -> Result<[Expr; N]> {
    <[Expr; N]>::try_from(parts).or_else(|parts| plan_err!("expected {N} operands, got {}", parts.len()))
}

/// The form on scalars.
fn scalar_form(form: &str, mut parts: Vec<Expr>) -> Result<Expr> {
    let unary = |parts, make: fn(Box<Expr>) -> Expr| one(parts).map(|[part]| make(Box::new(part)));
    match form {
        "NOT" => unary(parts, Expr::Not),
        "-" => unary(parts, Expr::Negative),
        "IS NULL" => unary(parts, Expr::IsNull),
        "IS NOT NULL" => unary(parts, Expr::IsNotNull),
        "IS TRUE" => unary(parts, Expr::IsTrue),
        "IS NOT TRUE" => unary(parts, Expr::IsNotTrue),
        "IS FALSE" => unary(parts, Expr::IsFalse),
        "IS NOT FALSE" => unary(parts, Expr::IsNotFalse),
        "BETWEEN" | "NOT BETWEEN" => {
            let [value, low, high] = one(parts)?;
            let negated = form.starts_with("NOT");
            Ok(Expr::Between(Between::new(Box::new(value), negated, Box::new(low), Box::new(high))))
        }
        "IN" | "NOT IN" => {
            let value = parts.remove(0);
            Ok(Expr::InList(InList::new(Box::new(value), parts, form.starts_with("NOT"))))
        }
        _ => {
            let subject = parts.remove(0);
            let operand = form.contains(" OF").then(|| Box::new(subject));
            let otherwise = if form.ends_with(" ELSE") { parts.pop().map(Box::new) } else { None };
            let mut branches = Vec::with_capacity(parts.len() / 2);
            let mut parts = parts.into_iter();
            while let (Some(condition), Some(value)) = (parts.next(), parts.next()) {
                branches.push((Box::new(condition), Box::new(value)));
            }
            Ok(Expr::Case(Case::new(operand, branches, otherwise)))
        }
    }
}
