//! An expression over placeholders as a function of lists.

use std::hash::{Hash, Hasher};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion_common::{
    Column, DFSchema, internal_datafusion_err,
    tree_node::{Transformed, TreeNode, TreeNodeRecursion},
};
use datafusion_expr::{
    Expr, ExprSchemable, ScalarUDF, execution_props::ExecutionProps, expr::ScalarFunction,
    physical_planning_context::PhysicalPlanningContext,
};
use datafusion_optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};

use super::{align::Aligned, compare, nan, precision};
use crate::prelude::*;

/// The placeholder of argument `position`, counted from 0, in the expression given to [`lift`].
pub fn argument(position: usize) -> Expr {
    Expr::Column(Column::new_unqualified(format!("${position}")))
}

/// Whether values of this type go element by element.
pub fn is_list(data_type: &DataType) -> bool {
    arguments::item(data_type).is_some()
}

/// The collection of the list that `expression` gives, where its column names tell: what stands before `_`
/// in them, if `has_counter` says that there is such a counter. `None` for lists of which nothing is known,
/// such as those behind a mask.
pub fn collection_of(expression: &Expr, has_counter: &dyn Fn(&str) -> bool) -> Option<String> {
    match expression {
        Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => {
            let name = column.name.as_str();
            let ends = name.match_indices('_').map(|(place, _)| place);
            ends.rev().map(|end| &name[..end]).find(|prefix| has_counter(prefix)).map(str::to_owned)
        }
        Expr::Alias(alias) => collection_of(&alias.expr, has_counter),
        Expr::ScalarFunction(call)
            if call.func.inner().is::<Lifted>() || call.func.inner().is::<super::LiftedFunction>() =>
        {
            call.args.iter().find_map(|argument| collection_of(argument, has_counter))
        }
        _ => None,
    }
}

/// `template`, over placeholders made by [`argument`], applied element by element to `arguments`; their types
/// are those given beside them. Lists are taken apart, other values repeated beside their elements.
///
/// # Errors
/// A plan error where the template does not take values of these types.
pub fn lift(template: Expr, arguments: Vec<(Expr, DataType)>) -> Result<Expr> {
    let (arguments, types): (Vec<_>, Vec<_>) = arguments.into_iter().unzip();
    let function = ScalarUDF::from(Lifted::new(template, types)?);
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), arguments)))
}

/// An expression lifted to lists.
#[derive(Debug)]
pub struct Lifted {
    template: Expr,
    parameters: Vec<DataType>,
    name: String,
    signature: Signature,
    compiled: Compiled,
}

#[derive(Debug)]
struct Compiled {
    schema: Arc<Schema>,
    physical: Arc<dyn PhysicalExpr>,
    returns: DataType,
    /// Whether the answer depends on the engine's order of the values.
    compares: bool,
}

impl PartialEq for Lifted {
    fn eq(&self, other: &Self) -> bool {
        self.template == other.template && self.parameters == other.parameters
    }
}

impl Eq for Lifted {}

impl Hash for Lifted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.template.hash(state);
        self.parameters.hash(state);
    }
}

impl Lifted {
    fn new(template: Expr, parameters: Vec<DataType>) -> Result<Self> {
        let compiled = Compiled::new(template.clone(), &parameters)?;
        let name = format!("each({template})");
        Ok(Self { template, parameters, name, signature: unchecked(), compiled })
    }

    /// The template with the arguments in the places of the placeholders, for showing.
    fn filled(&self, arguments: &[Expr]) -> Result<Expr> {
        let fill = |part: Expr| match placeholder(&part).and_then(|position| arguments.get(position)) {
            // What is filled in has no placeholders of this template.
            Some(argument) => Ok(Transformed::new(argument.clone(), true, TreeNodeRecursion::Jump)),
            None => Ok(Transformed::no(part)),
        };
        Ok(self.template.clone().transform_down(fill)?.data)
    }
}

fn placeholder(part: &Expr) -> Option<usize> {
    match part {
        Expr::Column(column) if column.relation.is_none() => column.name.strip_prefix('$')?.parse().ok(),
        _ => None,
    }
}

impl Compiled {
    fn new(template: Expr, parameters: &[DataType]) -> Result<Self> {
        let fields: Vec<Field> = parameters
            .iter()
            .enumerate()
            .map(|(position, data_type)| {
                let item = arguments::item(data_type).unwrap_or(data_type);
                Field::new(format!("${position}"), item.clone(), true)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
        let coerced = template.rewrite(&mut TypeCoercionRewriter::new(&df_schema))?.data;
        let exact = precision::exact_comparisons(coerced, &schema)?;
        let returns = arguments::list_of(exact.get_type(&df_schema)?);
        let physical = create_physical_expr(
            &exact,
            &df_schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        let physical = compare::by_kernels(physical, &schema)?;
        let compares = nan::compares(&exact, &physical)?;
        Ok(Self { schema, physical, returns, compares })
    }

    fn evaluate(&self, values: &[ColumnarValue], elements: usize) -> Result<ColumnarValue> {
        let column = |value: &ColumnarValue| {
            let column = value.to_array(elements)?;
            Ok(if self.compares { nan::one_nan(column) } else { column })
        };
        let columns = values.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(elements));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.physical.evaluate(&batch)
    }
}

impl ScalarUDFImpl for Lifted {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(self.filled(arguments)?.schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if arguments.len() != self.parameters.len() {
            return Err(internal_datafusion_err!("{}: got {} arguments", self.name, arguments.len()));
        }
        Ok(self.parameters.clone())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.compiled.returns.clone())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let what = || {
            let names: Vec<Expr> = call
                .arg_fields
                .iter()
                .map(|field| Expr::Column(Column::new_unqualified(field.name())))
                .collect();
            self.filled(&names).map_or_else(|_| self.name.clone(), |filled| filled.to_string())
        };
        let aligned = Aligned::new(&what, &call.args, &call.arg_fields, call.number_rows)?;
        let values = self.compiled.evaluate(&aligned.values, aligned.len())?;
        Ok(ColumnarValue::Array(aligned.wrap(values)?))
    }
}
