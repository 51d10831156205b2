//! A function of numbers that takes lists too.

use datafusion_common::config::ConfigOptions;
use datafusion_expr::{
    Expr, ExpressionPlacement, ScalarUDF,
    interval_arithmetic::Interval,
    lit,
    simplify::{ExprSimplifyResult, SimplifyContext},
    sort_properties::{ExprProperties, SortProperties},
    type_coercion::functions::fields_with_udf,
    when,
};

use super::align::Aligned;
use crate::prelude::*;

/// A scalar function of the engine under its own name; where an argument is a list, it goes element by element.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LiftedFunction {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl LiftedFunction {
    /// Wraps `inner`.
    pub fn new(inner: Arc<ScalarUDF>) -> Self {
        let signature = Signature::user_defined(inner.signature().volatility);
        Self { inner, signature }
    }

    fn items(&self, fields: &[FieldRef]) -> Vec<FieldRef> {
        let item = |field: &FieldRef| match arguments::item(field.data_type()) {
            Some(item) => Arc::new(Field::new(field.name(), item.clone(), true)),
            None => Arc::clone(field),
        };
        fields.iter().map(item).collect()
    }
}

/// Functions the engine never calls: it plans them as CASE.
const BY_CASE: [&str; 3] = ["coalesce", "nvl", "nvl2"];

fn any_list(fields: &[FieldRef]) -> bool {
    fields.iter().any(|field| arguments::item(field.data_type()).is_some())
}

impl ScalarUDFImpl for LiftedFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        self.inner.schema_name(arguments)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let fields: Vec<FieldRef> =
            found.iter().map(|data_type| Arc::new(Field::new("", data_type.clone(), true))).collect();
        let coerced = fields_with_udf(&self.items(&fields), self.inner.as_ref())?;
        let wanted = coerced.iter().zip(found).map(|(item, found)| match arguments::item(found) {
            Some(_) => arguments::list_of(item.data_type().clone()),
            None => item.data_type().clone(),
        });
        Ok(wanted.collect())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        datafusion_common::internal_err!("{}: the type is made by return_field_from_args", self.name())
    }

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = self.items(call.arg_fields);
        let items = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: call.scalar_arguments };
        let returned = self.inner.return_field_from_args(items)?;
        if any_list(call.arg_fields) {
            return Ok(arguments::returns(self.name(), arguments::list_of(returned.data_type().clone())));
        }
        Ok(returned)
    }

    fn invoke_with_args(&self, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !any_list(&call.arg_fields) {
            return self.inner.invoke_with_args(call);
        }
        let aligned =
            Aligned::new(&|| self.name().to_owned(), &call.args, &call.arg_fields, call.number_rows)?;
        call.number_rows = aligned.len();
        call.args.clone_from(&aligned.values);
        if super::nan::orders(self.name()) {
            for argument in &mut call.args {
                if let ColumnarValue::Array(values) = argument {
                    *values = super::nan::one_nan(Arc::clone(values));
                }
            }
        }
        call.arg_fields = self.items(&call.arg_fields);
        if let Some(item) = arguments::item(call.return_field.data_type()) {
            call.return_field = arguments::returns(self.name(), item.clone());
        }
        let values = self.inner.invoke_with_args(call)?;
        Ok(ColumnarValue::Array(aligned.wrap(values)?))
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = self.inner.inner().with_updated_config(config)?;
        Some(Self::new(Arc::new(inner)).into())
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let types =
            arguments.iter().map(|argument| info.get_data_type(argument)).collect::<Result<Vec<_>>>()?;
        if !types.iter().any(|found| arguments::item(found).is_some()) {
            return self.inner.simplify(arguments, info);
        }
        if self.name() == "nullif" {
            // The engine's own tells 0 from -0, which `=` does not.
            let equal = super::argument(0).eq(super::argument(1));
            let case = when(equal, lit(ScalarValue::Null)).otherwise(super::argument(0))?;
            let typed = arguments.into_iter().zip(types).collect();
            return Ok(ExprSimplifyResult::Simplified(super::lift(case, typed)?));
        }
        if !BY_CASE.contains(&self.name()) {
            return Ok(ExprSimplifyResult::Original(arguments));
        }
        let placeholders = (0..arguments.len()).map(super::argument).collect();
        let mut template = self.inner.simplify(placeholders, info)?;
        // nvl becomes coalesce first.
        while let ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)) = template {
            template = call.func.simplify(call.args, info)?;
        }
        match template {
            ExprSimplifyResult::Simplified(template) => {
                let typed = arguments.into_iter().zip(types).collect();
                Ok(ExprSimplifyResult::Simplified(super::lift(template, typed)?))
            }
            ExprSimplifyResult::Original(_) => Ok(ExprSimplifyResult::Original(arguments)),
        }
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn conditional_arguments<'a>(&self, arguments: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(arguments)
    }

    fn evaluate_bounds(&self, input: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(input)
    }

    fn propagate_constraints(
        &self,
        interval: &Interval,
        inputs: &[&Interval],
    ) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn placement(&self, arguments: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(arguments)
    }
}
