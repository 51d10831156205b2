//! Values of histograms as formulas, which a device computes from columns: event subqueries, and arithmetic with what they give.

use std::sync::Arc;

use ana_kernels::cpu::event::CpuKernel;
use ana_kernels::ir::{BinaryOp, ColumnType, Const, Expr, Input, Kernel, Query, Reduction, Source, Type};
use ana_kernels::{Backend, Formula, Given};
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion_physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::expressions::{Id, Step, Steps};
use crate::event::EventKernel;

/// Why something is not for a device.
type Reason = String;

/// Expressions on their way to one kernel.
#[derive(Debug, Clone)]
struct Lift<'a> {
    steps: &'a Steps,
    kernel: Kernel,
    /// What each input of the kernel that is a column is.
    columns: Vec<(Id, Source)>,
    /// Event subqueries that are part of it: the text of their kernel and their arguments.
    adopted: Vec<(String, Vec<Id>, Query)>,
}

/// Values of a plan that are computed together, and the columns that they are computed from.
#[derive(Debug, Default)]
pub(super) struct Lifted {
    pub(super) formulas: Vec<Formula>,
    /// What the inputs of the formulas are, by number.
    pub(super) inputs: Vec<(Id, Source)>,
    /// Why values stay on the CPU.
    pub(super) notes: Vec<String>,
}

impl Lifted {
    /// Lifts `values`, given with their numbers, as far as devices have a form for them.
    pub(super) fn new(steps: &Steps, values: &[(usize, Id)]) -> Self {
        let mut lifted = Self::default();
        let mut lift = Lift::new(steps);
        let (mut exprs, mut gives): (Vec<Expr>, Vec<Given>) = (vec![], vec![]);
        for &(value, id) in
            values.iter().filter(|(_, id)| matches!(steps.step(*id), Ok(Step::Compute { .. })))
        {
            let mut longer = lift.clone();
            let tried = longer.step(id).and_then(|expr| {
                if longer.adopted.is_empty() {
                    return Err(
                        "no event subquery in it, which is quicker to compute than to send".to_owned()
                    );
                }
                let exprs: Vec<Expr> = exprs.iter().cloned().chain([expr]).collect();
                Backend::why_not(&longer.whole(&exprs)).map_or(Ok(exprs), Err)
            });
            match tried {
                Ok(longer_exprs) => {
                    gives.push(Given::Value { output: exprs.len(), value });
                    (lift, exprs) = (longer, longer_exprs);
                }
                Err(reason) => lifted.note(format!("a value computed by the CPU: {reason}")),
            }
        }
        if !exprs.is_empty() {
            lifted.add(&lift, &exprs, gives);
        }
        lifted
    }

    fn add(&mut self, lift: &Lift<'_>, exprs: &[Expr], gives: Vec<Given>) {
        match CpuKernel::new(&lift.whole(exprs)) {
            Ok(kernel) => {
                let place = |column: &(Id, Source)| {
                    let is_list = |source: &Source| *source != Source::Scalar;
                    let same = |(id, source): &(Id, Source)| {
                        *id == column.0 && is_list(source) == is_list(&column.1)
                    };
                    self.inputs.iter().position(same).unwrap_or_else(|| {
                        self.inputs.push(*column);
                        self.inputs.len() - 1
                    })
                };
                let inputs = lift.columns.iter().map(place).collect();
                self.formulas.push(Formula { kernel: Arc::new(kernel), inputs, gives });
            }
            Err(error) => self.note(format!("values: {error}")),
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Whether a value is computed by a formula.
    pub(super) fn gives(&self, value: usize) -> bool {
        let own = |given: &Given| matches!(given, Given::Value { value: own, .. } if *own == value);
        self.formulas.iter().any(|formula| formula.gives.iter().any(own))
    }
}

impl<'a> Lift<'a> {
    fn new(steps: &'a Steps) -> Self {
        let reduction = Reduction::First { values: vec![], order_by: vec![], offset: 0 };
        let body = Query { generators: vec![], predicate: vec![], reduction };
        let kernel = Kernel { inputs: vec![], collections: vec![], body };
        Self { steps, kernel, columns: vec![], adopted: vec![] }
    }

    /// The kernel that gives these values.
    fn whole(&self, values: &[Expr]) -> Kernel {
        let reduction = Reduction::First { values: values.to_vec(), order_by: vec![], offset: 0 };
        let body = Query { generators: vec![], predicate: vec![], reduction };
        Kernel { body, ..self.kernel.clone() }
    }

    fn step(&mut self, id: Id) -> Result<Expr, Reason> {
        match self.steps.step(id).map_err(|error| error.to_string())? {
            Step::Column(_) => self.column(id),
            Step::Compute { expr, inputs, .. } => self.expr(expr, inputs),
        }
    }

    /// A number of the event.
    fn column(&mut self, id: Id) -> Result<Expr, Reason> {
        let ty = self.steps.data_type(id).map_err(|error| error.to_string())?;
        let ty = match ty {
            DataType::Float32 => ColumnType::F32,
            DataType::Float64 => ColumnType::F64,
            DataType::Int32 => ColumnType::I32,
            DataType::Int64 => ColumnType::I64,
            DataType::UInt32 => ColumnType::U32,
            other => return Err(format!("a column of {other}")),
        };
        let known = self.columns.iter().position(|column| *column == (id, Source::Scalar));
        if let Some(input) = known.and_then(|known| self.kernel.columns().nth(known)).map(|(input, _)| input)
        {
            return Ok(Expr::Scalar(input));
        }
        self.columns.push((id, Source::Scalar));
        self.kernel.inputs.push(Input { name: format!("#{id}"), ty, source: Source::Scalar });
        Ok(Expr::Scalar(self.kernel.inputs.len() - 1))
    }

    fn expr(&mut self, expr: &Arc<dyn PhysicalExpr>, inputs: &[Id]) -> Result<Expr, Reason> {
        if let Some(column) = expr.downcast_ref::<Column>() {
            let id = inputs.get(column.index()).ok_or("a column that is not there")?;
            return self.step(*id);
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return constant(literal.value());
        }
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            let inner = self.expr(cast.expr(), inputs)?;
            return match cast.cast_type() {
                DataType::Float64 => Ok(inner.cast(Type::F64)),
                other => Err(format!("a cast to {other}")),
            };
        }
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            let op = match binary.op() {
                Operator::Plus => BinaryOp::Add,
                Operator::Minus => BinaryOp::Sub,
                Operator::Multiply => BinaryOp::Mul,
                Operator::Divide => BinaryOp::Div,
                other => return Err(format!("the operator {other}")),
            };
            let (left, right) = (self.expr(binary.left(), inputs)?, self.expr(binary.right(), inputs)?);
            // Integers that overflow are an error there and NULL here.
            let ty = |expr: &Expr| expr.ty(&self.kernel.inputs).map_err(|error| error.to_string());
            return match (ty(&left)?, ty(&right)?) {
                (left_type, right_type) if left_type == right_type && left_type.is_float() => {
                    Ok(left.binary(op, right))
                }
                _ => Err("arithmetic with integers".to_owned()),
            };
        }
        let Some(call) = expr.downcast_ref::<ScalarFunctionExpr>() else { return Err(format!("{expr}")) };
        if let Some(of) = call.fun().inner().downcast_ref::<EventKernel>() {
            return self.output(of, call.args(), inputs, None);
        }
        if let ("get_field", [of, name]) = (call.name(), call.args()) {
            let name = name.downcast_ref::<Literal>().and_then(|name| text(name.value()));
            let name = name.ok_or("a field without a name")?;
            return self.field(of, name, inputs);
        }
        Err(format!("the function {}", call.name()))
    }

    /// A field of a row that an event subquery gives.
    fn field(&mut self, of: &Arc<dyn PhysicalExpr>, name: &str, inputs: &[Id]) -> Result<Expr, Reason> {
        if let Some(column) = of.downcast_ref::<Column>() {
            let id = inputs.get(column.index()).ok_or("a column that is not there")?;
            return match self.steps.step(*id).map_err(|error| error.to_string())? {
                Step::Compute { expr, inputs, .. } => self.field(expr, name, inputs),
                Step::Column(_) => Err("a field of a column".to_owned()),
            };
        }
        let call = of.downcast_ref::<ScalarFunctionExpr>();
        match call.and_then(|call| Some((call, call.fun().inner().downcast_ref::<EventKernel>()?))) {
            Some((call, kernel)) => self.output(kernel, call.args(), inputs, Some(name)),
            None => Err(format!("a field of {of}")),
        }
    }

    /// An output of an event subquery: the one, or that of a name.
    fn output(
        &mut self,
        of: &EventKernel,
        arguments: &[Arc<dyn PhysicalExpr>],
        inputs: &[Id],
        name: Option<&str>,
    ) -> Result<Expr, Reason> {
        let (text, names) = of.parts();
        let output = match name {
            None if names.len() == 1 => 0,
            None => return Err("a row of an event subquery".to_owned()),
            // A row of NULLs and a row whose fields are NULL are the same here: its fields are NULL.
            Some(name) => names.iter().position(|own| own == name).ok_or("a field that is not there")?,
        };
        if matches!(of.kernel().body.reduction, Reduction::List { .. }) {
            return Err("a list".to_owned());
        }
        let ids = arguments
            .iter()
            .map(|argument| {
                let column = argument.downcast_ref::<Column>().and_then(|column| inputs.get(column.index()));
                column.copied().ok_or_else(|| format!("{argument} as an argument"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let known = self.adopted.iter().find(|(own, of, _)| own == text && *of == ids);
        let query = match known {
            Some((_, _, query)) => query.clone(),
            None => {
                self.columns
                    .extend(of.kernel().columns().zip(&ids).map(|((_, input), &id)| (id, input.source)));
                let query = self.kernel.adopt(of.kernel());
                self.adopted.push((text.to_owned(), ids, query.clone()));
                query
            }
        };
        Ok(Expr::Subquery { query: Box::new(query), output })
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => {
            text.as_deref()
        }
        _ => None,
    }
}

fn constant(value: &ScalarValue) -> Result<Expr, Reason> {
    Ok(match *value {
        ScalarValue::Float64(Some(value)) => Const::f64(value),
        ScalarValue::Float32(Some(value)) => Const::f32(value),
        ScalarValue::Int64(Some(value)) => Const::I64(value),
        ScalarValue::Int32(Some(value)) => Const::I32(value),
        ref other => return Err(format!("the constant {other}")),
    }
    .into())
}
