//! What SQL means before types are coerced: histogram operators, and the names of axes and cuts, which are the
//! texts of their expressions as written.
//!
//! `sum(h)` and `mean(h)` of a histogram are functions of one value, but `sum` and `mean` are aggregates to the
//! engine, which decides by name before it knows a type. So [`mark_aggregates`] leaves a mark at the argument in
//! the parsed statement; [`HistogramPlanner`] meets it where types are known and keeps it on histograms only; and
//! an aggregate that finds its argument marked becomes the function.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DFSchema, Result, ScalarValue, plan_err};
use datafusion_expr::expr::Alias;
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawWindowExpr};
use datafusion_expr::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, VisitMut,
    VisitorMut,
};
use datafusion_expr::{Expr, ExprSchemable, ScalarUDF};

use ana_hist::Axis;

use crate::aggregate::{Cutflow, Hist, NMinusOne};
use crate::arguments;
use crate::axis::regular::regular;
use crate::axis::{self, axis_at, axis_literal, axis_scalar};
use crate::histogram::{self, AsHistogram, is_histogram};

/// The operator that stands for the mark; no SQL text parses to it.
const MARK: &str = " histogram? ";

/// The end of the operator that says which named argument of which function a value is given for.
const ROLE: &str = " =>? ";

/// `value`, given as `name => value` in a call of `function`: planning checks that it is what the name says, since its
/// place among the arguments follows from its type.
#[must_use]
pub fn named_argument(function: &str, name: &str, value: SqlExpr) -> SqlExpr {
    let op = BinaryOperator::Custom(format!("{function} {name}{ROLE}"));
    let nothing = SqlExpr::Value(Value::Null.with_empty_span());
    SqlExpr::BinaryOp { left: Box::new(value), op, right: Box::new(nothing) }
}

fn check_role(function: &str, name: &str, found: &DataType) -> Result<()> {
    let number = |found: &DataType| arguments::is_number(arguments::item(found).unwrap_or(found));
    let condition = |found: &DataType| matches!(found, DataType::Boolean);
    let (accepts, each, whole): (&dyn Fn(&DataType) -> bool, _, _) = match name {
        "categories" => (&condition, "a condition", "conditions by name, {'2b': nb >= 2, …}"),
        "weights" => (&number, "a number", "weights by name, {'nominal': w, …}"),
        _ => (&number, "a number", "a number or a list of numbers"),
    };
    match found {
        DataType::Struct(fields) => match fields.iter().find(|field| !accepts(field.data_type())) {
            Some(field) => plan_err!(
                "{function}: '{}' among the {name} must be {each}, got {}",
                field.name(),
                arguments::type_name(field.data_type())
            ),
            None => Ok(()),
        },
        found if name != "categories" && number(found) => Ok(()),
        found => plan_err!("{function}: {name} must be {whole}, got {}", arguments::type_name(found)),
    }
}

/// The aggregates that are functions on a histogram.
fn on_histogram(aggregate: &str) -> Option<ScalarUDF> {
    match aggregate {
        "sum" => Some(histogram::HistSum::default().into()),
        "avg" | "mean" => Some(histogram::HistMean::default().into()),
        _ => None,
    }
}

/// Marks the arguments of `sum(x)`, `mean(x)` and `avg(x)` in a parsed statement, which must then be planned with
/// [`HistogramPlanner`] registered.
pub fn mark_aggregates(statement: &mut impl VisitMut) {
    let _ = statement.visit(&mut Marker);
}

struct Marker;

impl VisitorMut for Marker {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        if let SqlExpr::Function(call) = expr
            && let Some(name) = call.name.0.last().and_then(|part| part.as_ident())
            && call.name.0.len() == 1
            && on_histogram(&name.value.to_lowercase()).is_some()
            && let FunctionArguments::List(arguments) = &mut call.args
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = &mut arguments.args[..]
        {
            let nothing = || SqlExpr::Value(Value::Null.with_empty_span());
            let left = Box::new(std::mem::replace(argument, nothing()));
            let op = BinaryOperator::Custom(MARK.to_owned());
            *argument = SqlExpr::BinaryOp { left, op, right: Box::new(nothing()) };
        }
        ControlFlow::Continue(())
    }
}

/// Plans `h1 + h2`, `sum(h)` and `mean(h)`, and names axes and cuts.
#[derive(Debug, Default)]
pub struct HistogramPlanner;

impl ExprPlanner for HistogramPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let histogram = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| is_histogram(&data_type));
        match &expr.op {
            BinaryOperator::Custom(op) if op == MARK => {
                Ok(PlannerResult::Planned(if histogram(&expr.left) {
                    ScalarUDF::from(AsHistogram::default()).call(vec![expr.left])
                } else {
                    expr.left
                }))
            }
            BinaryOperator::Custom(op)
                if let Some((function, name)) = op.strip_suffix(ROLE).and_then(|op| op.split_once(' ')) =>
            {
                check_role(function, name, &expr.left.get_type(schema)?)?;
                Ok(PlannerResult::Planned(expr.left))
            }
            BinaryOperator::Plus if histogram(&expr.left) && histogram(&expr.right) => {
                let name = format!("{} + {}", expr.left.schema_name(), expr.right.schema_name());
                let sum = ScalarUDF::from(histogram::HistAdd::default()).call(vec![expr.left, expr.right]);
                Ok(PlannerResult::Planned(sum.alias(name)))
            }
            _ => Ok(PlannerResult::Original(expr)),
        }
    }

    fn plan_aggregate(&self, mut call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if let [argument] = &call.args[..]
            && let Some(histogram) = marked(argument)
        {
            let name = call.func.name();
            if call.distinct
                || call.filter.is_some()
                || !call.order_by.is_empty()
                || call.null_treatment.is_some()
            {
                return plan_err!(
                    "{name}(h) of a histogram is a function of one value; it takes no DISTINCT, FILTER, ORDER BY or NULLS"
                );
            }
            let Some(function) = on_histogram(name) else {
                return plan_err!("{name} has no meaning on a histogram");
            };
            let shown = format!("{name}({})", histogram.schema_name());
            return Ok(PlannerResult::Planned(function.call(vec![histogram.clone()]).alias(shown)));
        }
        match call.func.name() {
            "hist" => {
                name_axes(&mut call.args)?;
                if let Some((axes, args)) = without_axes(&call.args)?
                    && let Some(hist) = call.func.inner().downcast_ref::<Hist>()
                {
                    (call.func, call.args) = (Arc::new(hist.with_axes(axes).into()), args);
                }
            }
            "cutflow" => {
                if let Some(cutflow) = call.func.inner().downcast_ref::<Cutflow>() {
                    let labels = call.args.iter().map(text).collect();
                    call.func = Arc::new(cutflow.labelled(labels).into());
                }
            }
            "nminusone" => {
                call.func = Arc::new(NMinusOne::labelled(call.args.iter().map(text).collect()).into())
            }
            _ => {}
        }
        Ok(PlannerResult::Original(call))
    }

    fn plan_window(&self, call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if call.args.iter().any(|argument| marked(argument).is_some()) {
            return plan_err!(
                "{}(h) of a histogram is a function of one value; it takes no OVER",
                call.func_def.name()
            );
        }
        Ok(PlannerResult::Original(call))
    }
}

/// The histogram behind a mark.
fn marked(argument: &Expr) -> Option<&Expr> {
    match argument {
        Expr::ScalarFunction(call) if call.func.inner().is::<AsHistogram>() => call.args.first(),
        _ => None,
    }
}

/// An expression as one writes it: columns without their table, functions by the name they were called with.
#[must_use]
pub fn text(expr: &Expr) -> String {
    let plain = expr.clone().transform_up(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column {
                relation: None,
                name: column.name,
                spans: column.spans,
            })),
            // Made for calls by another spelling, to show that.
            Expr::Alias(Alias { expr, .. }) => Transformed::yes(*expr),
            // Without their type, `Int64(30)`; a column is what prints as it is.
            Expr::Literal(value, _) => {
                Transformed::yes(Expr::Column(Column::new_unqualified(match &value {
                    ScalarValue::Utf8(Some(text)) => format!("'{text}'"),
                    other => other.to_string(),
                })))
            }
            other => Transformed::no(other),
        })
    });
    plain.map_or_else(|_| expr.to_string(), |plain| plain.data.human_display().to_string())
}

/// Gives every axis among the arguments of `hist` that has no name the text of the value before it, and puts the
/// axis itself in place of the call that makes it. The short form becomes the long one.
fn name_axes(call: &mut Vec<Expr>) -> Result<()> {
    let Some(first) = call.first().map(text) else { return Ok(()) };
    if let [_, n, lo, hi, ..] = &call[..]
        && call.len() <= 6
        && !is_axis_call(n)
        && let (Some(n), Some(lo), Some(hi)) = (constant(n), constant(lo), constant(hi))
        && arguments::is_integer(&n.data_type())
    {
        let axis = regular(&[n, lo, hi])?.named(first);
        call.splice(1..4, [axis_literal(axis)?]);
        return Ok(());
    }
    for place in 1..call.len() {
        if !is_axis_call(&call[place]) {
            continue;
        }
        let name = text(&call[place - 1]);
        let axis = std::mem::take(&mut call[place]);
        call[place] = named(axis, name)?;
    }
    Ok(())
}

/// The axes of a call, and the arguments without them; `None` where an axis is not made yet, or there is none.
fn without_axes(call: &[Expr]) -> Result<Option<(Vec<Axis>, Vec<Expr>)>> {
    let (mut axes, mut values) = (vec![], vec![]);
    let mut rest = call;
    while let [value, axis, behind @ ..] = rest
        && is_axis_call(axis)
    {
        let Expr::Literal(ScalarValue::Struct(made), _) = axis else { return Ok(None) };
        let Some(axis) = axis_at(made, 0)? else { return Ok(None) };
        axes.push(axis);
        values.push(value.clone());
        rest = behind;
    }
    values.extend_from_slice(rest);
    let misplaced = values.iter().any(is_axis_call);
    Ok((!axes.is_empty() && !misplaced).then_some((axes, values)))
}

fn is_axis_call(argument: &Expr) -> bool {
    match argument {
        Expr::ScalarFunction(call) => {
            let function = call.func.inner();
            function.is::<axis::Regular>()
                || function.is::<axis::Variable>()
                || function.is::<axis::Integer>()
                || function.is::<axis::Category>()
                || function.is::<axis::Boolean>()
                || function.is::<axis::NamedAxis>()
        }
        Expr::Literal(ScalarValue::Struct(value), _) => {
            axis::is_axis(arrow::array::Array::data_type(value.as_ref()))
        }
        _ => false,
    }
}

/// The axis as a literal with a name; where its arguments are not constants yet, as a call that names it.
fn named(call: Expr, name: String) -> Result<Expr> {
    if call.any_column_refs() {
        return plan_err!("hist: an axis must be the same for all events, {} is not", text(&call));
    }
    Ok(match made(&call)? {
        Some(axis) => {
            let name = axis.name.clone().unwrap_or(name);
            axis_literal(axis.named(name))?
        }
        None if matches!(&call, Expr::ScalarFunction(call) if call.func.inner().is::<axis::NamedAxis>()) => {
            call
        }
        None => ScalarUDF::from(axis::NamedAxis::default()).call(vec![call, datafusion_expr::lit(name)]),
    })
}

/// The axis that a call makes; `None` where its arguments are not constants, an error where they make no axis.
fn made(call: &Expr) -> Result<Option<Axis>> {
    let call = match call {
        Expr::Literal(ScalarValue::Struct(axis), _) => return axis_at(axis, 0),
        Expr::ScalarFunction(call) => call,
        _ => return Ok(None),
    };
    let mut constants = Vec::with_capacity(call.args.len());
    for argument in &call.args {
        let value = if is_axis_call(argument) {
            made(argument)?.map(axis_scalar).transpose()?
        } else {
            constant(argument)
        };
        match value {
            Some(value) => constants.push(value),
            None => return Ok(None),
        }
    }
    match crate::axis::invoke_constant(&call.func, constants)? {
        ScalarValue::Struct(axis) => axis_at(&axis, 0),
        _ => Ok(None),
    }
}

/// The value of a literal, or of an array literal; numbers of several types become f64 as they will be anyway.
/// Other constant expressions are left to the optimizer: before types are coerced they cannot be evaluated.
fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => {
            let mut items = call.args.iter().map(constant).collect::<Option<Vec<_>>>()?;
            let mut types = items.iter().map(ScalarValue::data_type);
            let first = types.next()?;
            let mut item = first.clone();
            if types.any(|other| other != first) {
                item = DataType::Float64;
                if !items.iter().all(|value| arguments::is_number(&value.data_type())) {
                    return None;
                }
                items = items.iter().map(|value| value.cast_to(&item)).collect::<Result<_>>().ok()?;
            }
            Some(ScalarValue::List(ScalarValue::new_list_nullable(&items, &item)))
        }
        _ => None,
    }
}
