//! Expressions by number: equal ones have one number, however far up in a plan they are written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion_common::{Result, ScalarValue, internal_datafusion_err};
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, CaseExpr, Column, Literal};
use datafusion_physical_expr::{PhysicalExpr, ScalarFunctionExpr};

/// Number of an expression.
pub(super) type Id = usize;

/// A set of expressions over one input. A part that several of them evaluate for sure is an expression of its own.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    nodes: Vec<Node>,
    known: HashMap<Arc<dyn PhysicalExpr>, Id>,
}

#[derive(Debug)]
struct Node {
    /// The expression with columns named by number in place of its arguments; for a column of the input the column.
    shallow: Arc<dyn PhysicalExpr>,
    arguments: Vec<Argument>,
    /// The column of the input, where it is one.
    column: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Argument {
    id: Id,
    /// Whether it is evaluated for every row: not so the branches of a CASE.
    surely: bool,
}

/// How an expression is evaluated.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A column of the input.
    Column(usize),
    /// From other expressions, in the order of the schema's fields.
    Compute { expr: Arc<dyn PhysicalExpr>, inputs: Vec<Id>, schema: SchemaRef },
}

impl Expressions {
    /// Numbers `expr`, whose column i is the expression `columns[i]`.
    pub(super) fn add(&mut self, expr: &Arc<dyn PhysicalExpr>, columns: &[Id]) -> Result<Id> {
        if let Some(column) = expr.downcast_ref::<Column>() {
            let id = columns.get(column.index()).copied();
            return id.ok_or_else(|| internal_datafusion_err!("column {column} of {}", columns.len()));
        }
        let surely = sure_arguments(expr);
        let arguments = expr
            .children()
            .into_iter()
            .enumerate()
            .map(|(place, child)| Ok(Argument { id: self.add(child, columns)?, surely: surely(place) }))
            .collect::<Result<Vec<_>>>()?;
        if let Some(id) = self.field_of_struct(expr, &arguments) {
            return Ok(id);
        }
        let placeholders = arguments.iter().map(|argument| placeholder(argument.id)).collect();
        let shallow = Arc::clone(expr).with_new_children(placeholders)?;
        Ok(self.number(Node { shallow, arguments, column: None }, expr.is_volatile_node()))
    }

    /// Numbers column `index` of the input.
    pub(super) fn column(&mut self, name: &str, index: usize) -> Id {
        let shallow: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, index));
        self.number(Node { shallow, arguments: vec![], column: Some(index) }, false)
    }

    fn number(&mut self, node: Node, volatile: bool) -> Id {
        if !volatile && let Some(&id) = self.known.get(&node.shallow) {
            return id;
        }
        let id = self.nodes.len();
        if !volatile {
            self.known.insert(Arc::clone(&node.shallow), id);
        }
        self.nodes.push(node);
        id
    }

    /// `get_field(named_struct('a', x, …), 'a')` is x.
    fn field_of_struct(&self, expr: &Arc<dyn PhysicalExpr>, arguments: &[Argument]) -> Option<Id> {
        if expr.downcast_ref::<ScalarFunctionExpr>()?.name() != "get_field" {
            return None;
        }
        let [of, name] = arguments else { return None };
        self.fields(of.id)?.find(|(field, _)| self.text(name.id) == Some(*field)).map(|(_, id)| id)
    }

    /// The fields of an expression that makes a struct of named parts.
    pub(super) fn fields(&self, id: Id) -> Option<impl Iterator<Item = (&str, Id)>> {
        let node = &self.nodes[id];
        let makes = node.shallow.downcast_ref::<ScalarFunctionExpr>()?.name() == "named_struct";
        let pairs = node.arguments.chunks_exact(2);
        makes.then(|| pairs.filter_map(|pair| Some((self.text(pair[0].id)?, pair[1].id))))
    }

    fn text(&self, id: Id) -> Option<&str> {
        match self.literal(id)?.value() {
            ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => {
                text.as_deref()
            }
            _ => None,
        }
    }

    /// Whether it is a constant other than NULL.
    pub(super) fn is_constant(&self, id: Id) -> bool {
        self.literal(id).is_some_and(|literal| !literal.value().is_null())
    }

    /// Whether it is the constant TRUE.
    pub(super) fn is_true(&self, id: Id) -> bool {
        self.literal(id).is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(true)))
    }

    fn literal(&self, id: Id) -> Option<&Literal> {
        self.nodes[id].shallow.downcast_ref::<Literal>()
    }

    /// The conditions that `id` demands together, in the order written.
    pub(super) fn conjuncts(&self, id: Id) -> Vec<Id> {
        let node = &self.nodes[id];
        match node.shallow.downcast_ref::<BinaryExpr>() {
            Some(and) if *and.op() == Operator::And => {
                node.arguments.iter().flat_map(|argument| self.conjuncts(argument.id)).collect()
            }
            _ => vec![id],
        }
    }

    /// The expression over the columns of the input.
    pub(super) fn written(&self, id: Id) -> Result<Arc<dyn PhysicalExpr>> {
        let node = &self.nodes[id];
        let arguments = node.arguments.iter().map(|argument| self.written(argument.id));
        match node.column {
            Some(_) => Ok(Arc::clone(&node.shallow)),
            None => Arc::clone(&node.shallow).with_new_children(arguments.collect::<Result<_>>()?),
        }
    }

    /// Columns of the input that `roots` read, in order.
    pub(super) fn columns_of(&self, roots: impl Iterator<Item = Id>) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut pending: Vec<Id> = roots.collect();
        let mut columns = vec![];
        while let Some(id) = pending.pop() {
            if !std::mem::replace(&mut seen[id], true) {
                columns.extend(self.nodes[id].column);
                pending.extend(self.nodes[id].arguments.iter().map(|argument| argument.id));
            }
        }
        columns.sort_unstable();
        columns
    }

    /// How each expression is evaluated that is one of `roots` or a part of several; `input` is the schema of the
    /// input, of which column i is to be read at `places[i]`.
    pub(super) fn steps(
        &self,
        roots: &[Id],
        input: &Schema,
        places: &HashMap<usize, usize>,
    ) -> Result<Steps> {
        let own = self.evaluated_by_themselves(roots);
        let mut steps = Steps { steps: vec![None; self.nodes.len()], fields: vec![None; self.nodes.len()] };
        for &root in roots {
            self.step(root, &own, input, places, &mut steps)?;
        }
        Ok(steps)
    }

    /// The roots, and the parts that are used several times, at least once for sure. A constant is always written out:
    /// functions want to see that it is one.
    fn evaluated_by_themselves(&self, roots: &[Id]) -> Vec<bool> {
        let mut uses = vec![0usize; self.nodes.len()];
        let mut pending = roots.to_vec();
        while let Some(id) = pending.pop() {
            uses[id] += 1;
            if uses[id] == 1 {
                pending.extend(self.nodes[id].arguments.iter().map(|argument| argument.id));
            }
        }
        let surely = self.surely_in(roots);
        let mut own: Vec<bool> = (0..self.nodes.len())
            .map(|id| uses[id] > 1 && surely[id] && !self.nodes[id].arguments.is_empty())
            .collect();
        roots.iter().for_each(|&root| own[root] = self.literal(root).is_none());
        own
    }

    /// What is evaluated for every row for which `tops` are.
    fn surely_in(&self, tops: &[Id]) -> Vec<bool> {
        let mut surely = vec![false; self.nodes.len()];
        let mut pending = tops.to_vec();
        while let Some(id) = pending.pop() {
            if !std::mem::replace(&mut surely[id], true) {
                let sure = self.nodes[id].arguments.iter().filter(|argument| argument.surely);
                pending.extend(sure.map(|argument| argument.id));
            }
        }
        surely
    }

    fn step(
        &self,
        id: Id,
        own: &[bool],
        input: &Schema,
        places: &HashMap<usize, usize>,
        steps: &mut Steps,
    ) -> Result<FieldRef> {
        if let Some(field) = &steps.fields[id] {
            return Ok(Arc::clone(field));
        }
        let (step, field) = match self.nodes[id].column {
            Some(column) => {
                let place = places.get(&column).copied();
                let place = place.ok_or_else(|| internal_datafusion_err!("column {column} is not read"))?;
                (Step::Column(place), Arc::new(input.field(column).clone()))
            }
            None => {
                let mut inputs = vec![];
                // Also in branches a part may be taken from elsewhere that is evaluated for every row anyway.
                let surely = self.surely_in(&[id]);
                let taken: Vec<bool> = own.iter().zip(surely).map(|(own, surely)| *own && surely).collect();
                let expr = self.built(id, id, &taken, &mut inputs)?;
                let fields = inputs
                    .iter()
                    .map(|&of| {
                        let field = self.step(of, own, input, places, steps)?;
                        Ok(Arc::new(field.as_ref().clone().with_name(name(of)).with_nullable(true)))
                    })
                    .collect::<Result<Vec<FieldRef>>>()?;
                let schema = Arc::new(Schema::new(fields));
                let field = expr.return_field(&schema)?;
                (Step::Compute { expr, inputs, schema }, field)
            }
        };
        steps.steps[id] = Some(step);
        steps.fields[id] = Some(Arc::clone(&field));
        Ok(field)
    }

    /// The expression with columns for the parts that are `taken` from elsewhere.
    fn built(&self, id: Id, top: Id, taken: &[bool], inputs: &mut Vec<Id>) -> Result<Arc<dyn PhysicalExpr>> {
        let node = &self.nodes[id];
        if node.column.is_some() || (id != top && taken[id]) {
            let place = inputs.iter().position(|&input| input == id).unwrap_or_else(|| {
                inputs.push(id);
                inputs.len() - 1
            });
            return Ok(Arc::new(Column::new(&name(id), place)));
        }
        let arguments = node
            .arguments
            .iter()
            .map(|argument| self.built(argument.id, top, taken, inputs))
            .collect::<Result<Vec<_>>>()?;
        Arc::clone(&node.shallow).with_new_children(arguments)
    }
}

fn name(id: Id) -> String {
    format!("#{id}")
}

fn placeholder(id: Id) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(&name(id), id))
}

/// Which arguments are evaluated for every row.
fn sure_arguments(expr: &Arc<dyn PhysicalExpr>) -> impl Fn(usize) -> bool + use<> {
    let sure = if expr.downcast_ref::<CaseExpr>().is_some() {
        0
    } else if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        if matches!(binary.op(), Operator::And | Operator::Or) { 1 } else { usize::MAX }
    } else if expr.downcast_ref::<ScalarFunctionExpr>().is_some_and(|call| call.fun().short_circuits()) {
        0
    } else {
        usize::MAX
    };
    move |place| place < sure
}

/// How to evaluate the expressions that are evaluated by themselves.
#[derive(Debug)]
pub(super) struct Steps {
    steps: Vec<Option<Step>>,
    fields: Vec<Option<FieldRef>>,
}

impl Steps {
    /// Numbers are below this.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn step(&self, id: Id) -> Result<&Step> {
        let step = self.steps.get(id).and_then(Option::as_ref);
        step.ok_or_else(|| internal_datafusion_err!("no step for expression {id}"))
    }

    pub(super) fn data_type(&self, id: Id) -> Result<&DataType> {
        let field = self.fields.get(id).and_then(Option::as_ref);
        field
            .map(|field| field.data_type())
            .ok_or_else(|| internal_datafusion_err!("no type for expression {id}"))
    }

    /// How many expressions are evaluated, columns not counted.
    pub(super) fn computed(&self) -> usize {
        self.steps.iter().flatten().filter(|step| matches!(step, Step::Compute { .. })).count()
    }
}

/// Evaluates one step over `rows` rows.
pub(super) fn compute(
    expr: &Arc<dyn PhysicalExpr>,
    schema: &SchemaRef,
    inputs: Vec<ArrayRef>,
    rows: usize,
) -> Result<ArrayRef> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), inputs, &options)?;
    expr.evaluate(&batch)?.into_array(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;
    use datafusion_physical_expr::expressions::{binary, case, col, lit};

    fn schema() -> Schema {
        Schema::new(["a", "b", "c"].map(|name| Field::new(name, DataType::Int64, true)).to_vec())
    }

    fn all(expressions: &mut Expressions) -> Vec<Id> {
        (0..3).map(|i| expressions.column(schema().field(i).name(), i)).collect()
    }

    fn places() -> HashMap<usize, usize> {
        (0..3).map(|i| (i, i)).collect()
    }

    #[test]
    fn equal_parts_are_evaluated_once_and_through_projections() {
        let schema = schema();
        let mut expressions = Expressions::default();
        let columns = all(&mut expressions);
        let (a, b) = (col("a", &schema).unwrap(), col("b", &schema).unwrap());
        let sum = binary(a, Operator::Plus, b, &schema).unwrap();
        // The projection gives (a + b, c); above it column 0 is the sum.
        let projected = vec![expressions.add(&sum, &columns).unwrap(), columns[2]];
        let first: Arc<dyn PhysicalExpr> = Arc::new(Column::new("s", 0));
        let above = binary(first, Operator::Multiply, lit(2i64), &schema).unwrap();
        let below = binary(sum, Operator::Multiply, lit(2i64), &schema).unwrap();
        let doubled = expressions.add(&above, &projected).unwrap();
        assert_eq!(doubled, expressions.add(&below, &columns).unwrap());
        let steps = expressions.steps(&[doubled, projected[0]], &schema, &places()).unwrap();
        assert_eq!(steps.computed(), 2);
        let Step::Compute { inputs, .. } = steps.step(doubled).unwrap() else { panic!("a column") };
        assert_eq!(*inputs, [projected[0]]);
        assert_eq!(expressions.columns_of([doubled].into_iter()), [0, 1]);
    }

    #[test]
    fn branches_are_not_pulled_out_of_a_case() {
        let schema = schema();
        let mut expressions = Expressions::default();
        let columns = all(&mut expressions);
        let (a, b) = (col("a", &schema).unwrap(), col("b", &schema).unwrap());
        let ratio = binary(Arc::clone(&a), Operator::Divide, Arc::clone(&b), &schema).unwrap();
        let nonzero = binary(b, Operator::NotEq, lit(0i64), &schema).unwrap();
        let guarded = case(None, vec![(nonzero, Arc::clone(&ratio))], Some(a)).unwrap();
        let guarded = expressions.add(&guarded, &columns).unwrap();
        let ratio = expressions.add(&ratio, &columns).unwrap();
        let steps = expressions.steps(&[guarded, ratio], &schema, &places()).unwrap();
        let Step::Compute { inputs, .. } = steps.step(guarded).unwrap() else { panic!("a column") };
        assert!(!inputs.contains(&ratio), "{inputs:?}");
    }

    #[test]
    fn conjuncts_in_the_order_written() {
        let schema = schema();
        let mut expressions = Expressions::default();
        let columns = all(&mut expressions);
        let positive = |name| binary(col(name, &schema).unwrap(), Operator::Gt, lit(0i64), &schema).unwrap();
        let and = |left, right| binary(left, Operator::And, right, &schema).unwrap();
        let all = and(and(positive("a"), positive("b")), positive("c"));
        let id = expressions.add(&all, &columns).unwrap();
        let parts: Vec<Id> =
            ["a", "b", "c"].map(|name| expressions.add(&positive(name), &columns).unwrap()).to_vec();
        assert_eq!(expressions.conjuncts(id), parts);
    }
}
