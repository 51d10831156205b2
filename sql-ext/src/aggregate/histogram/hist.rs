//! `hist`: the aggregate that makes a histogram.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use ana_hist::Axis;
use datafusion_common::plan_err;
use datafusion_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator};

use super::accumulator::{HistAccumulator, Machine};
use super::groups::HistGroups;
use super::layout::{AxisPlaces, Layout, constant_value};
use crate::axis::{axis_data_type, axis_kind, axis_text};
use crate::histogram::{histogram_data_type, histogram_field};
use crate::planner::text;
use crate::prelude::*;

/// A histogram of values over events.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "A histogram of the values of all events: arguments are (value, axis) pairs, then an optional weight and optional categories. A list fills every element, a number beside a list is repeated for each; lists must have one length per event. NULL fills nothing, NaN goes to overflow. Flow bins are kept. Without weight it counts, with weight it keeps the sums of weights and of their squares, exact to the bit for any number of threads and batch size. FILTER (WHERE …) restricts it to the events of a condition, AS names it. weights => {'nominal': w, 'pileup_up': w * 1.1, …} fills once with every weight, and puts an axis \"variation\" in front; categories => {'2b': nb >= 2, …} fills once for every condition that holds (an event may be in several), and puts an axis \"category\" before that. hist(value, n, lo, hi[, weight]) is short for one regular axis.",
    syntax_example = "hist(value, axis[, value, axis, …][, weight | weights => {…}][, categories => {…}])",
    alternative_syntax = "hist(value, n, lo, hi[, …])",
    sql_example = "```sql\nSELECT hist(MET_pt, regular(100, 0, 200)) AS met,\n       hist(Jet_pt, regular(40, 0, 400), Jet_eta, regular(48, -2.4, 2.4), genWeight) AS pt_eta,\n       hist(nJet, integer(4, 14)) FILTER (WHERE MET_pt > 50) AS njet_met50,\n       hist(MET_pt, regular(20, 0, 200), weights => {'nominal': genWeight, 'up': genWeight * 1.1},\n            categories => {'all': true, '4j': nJet >= 4}) AS met_varied\nFROM events\n```",
    argument(name = "value", description = "A number, a text or a boolean per event, or a list of them."),
    argument(
        name = "axis",
        description = "regular, variable, integer, category or boolean; the same for all events."
    ),
    argument(
        name = "weight",
        description = "A number per event, or a list of numbers, element by element; or a struct of such weights, the variations."
    ),
    argument(name = "categories", description = "A struct of conditions per event.")
)]
#[derive(Debug)]
pub struct Hist {
    signature: Signature,
    bound: Option<Bound>,
    unrounded: bool,
}

/// The axes of one call, taken out of its arguments while the query is planned: as arguments the engine would compare
/// them as structs, and make columns of them, a struct per event. The arguments that remain are the values, the weight
/// and the categories.
#[derive(Debug, Clone)]
struct Bound {
    axes: Vec<Axis>,
    /// The axes as text, names included: equal texts are equal axes.
    key: String,
}

impl Bound {
    fn new(axes: Vec<Axis>) -> Self {
        let key = format!("{axes:?}");
        Self { axes, key }
    }

    /// The layout of the call as it was written, given the types of the arguments that remain.
    fn layout(&self, types: &[DataType]) -> Result<Layout> {
        let (values, rest) = types.split_at(self.axes.len().min(types.len()));
        let pairs = values.iter().flat_map(|value| [value.clone(), axis_data_type()]);
        let layout = Layout::of(&pairs.chain(rest.iter().cloned()).collect::<Vec<_>>())?;
        layout.check_value_kinds(self.axes.iter().map(|axis| Some(axis.kind_name())), values)?;
        Ok(layout)
    }
}

impl Default for Hist {
    fn default() -> Self {
        Self { signature: unchecked(), bound: None, unrounded: false }
    }
}

impl PartialEq for Hist {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Hist {}

impl Hash for Hist {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Hist {
    /// The function that gives an [`Unrounded`](crate::aggregate::Unrounded) histogram.
    #[must_use]
    pub fn unrounded() -> Self {
        Self { unrounded: true, ..Self::default() }
    }

    /// The same function of values, weight and categories, for these axes.
    #[must_use]
    pub fn with_axes(&self, axes: Vec<Axis>) -> Self {
        Self { bound: Some(Bound::new(axes)), unrounded: self.unrounded, ..Self::default() }
    }

    fn key(&self) -> (bool, Option<&str>) {
        (self.unrounded, self.bound.as_ref().map(|bound| &*bound.key))
    }

    /// The call with its axes taken out; the call as it is where they are not constants yet.
    fn bind(&self, call: AggregateFunction, types: &[DataType]) -> Result<Expr> {
        let layout = Layout::of(types)?;
        let literal = |place: usize| match &call.params.args[place] {
            Expr::Literal(value, _) => Some(value.clone()),
            _ => None,
        };
        let constants = match &layout.axes {
            AxisPlaces::Arguments(places) => places.clone(),
            AxisPlaces::ShortForm => vec![1, 2, 3],
        };
        if constants.iter().any(|&place| literal(place).is_none()) {
            return Ok(Expr::AggregateFunction(call));
        }
        let mut axes = layout
            .axes(|place| literal(place).map_or_else(|| plan_err!("hist: argument {}", place + 1), Ok))?;
        layout.check_kinds(axes.iter().map(|axis| Some(axis.kind_name())), types)?;
        for (axis, &place) in axes.iter_mut().zip(&layout.values) {
            axis.name.get_or_insert_with(|| text(&call.params.args[place]));
        }
        let places = layout.places();
        let mut arguments: Vec<Option<Expr>> = call.params.args.into_iter().map(Some).collect();
        let args = places.iter().filter_map(|&place| arguments[place].take()).collect();
        let func = Arc::new(AggregateUDF::from(self.with_axes(axes)));
        let params = AggregateFunctionParams { args, ..call.params };
        Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
    }

    /// Whether it gives [`Unrounded`](crate::aggregate::Unrounded) histograms.
    pub(crate) fn is_unrounded(&self) -> bool {
        self.unrounded
    }

    /// Whether the axes are taken out of the arguments.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// The axes of the values, once they are taken out of the arguments.
    pub(crate) fn axes(&self) -> &[Axis] {
        self.bound.as_ref().map_or(&[], |bound| &bound.axes)
    }

    /// Places of the weight and of the categories among the arguments that remain, which are of these types.
    pub(crate) fn places(&self, types: &[DataType]) -> Result<(Option<usize>, Option<usize>)> {
        let Some(bound) = &self.bound else { return Ok((None, None)) };
        let layout = bound.layout(types)?;
        let values = layout.values.len();
        let weight = layout.weight.map(|_| values);
        Ok((weight, layout.categories.map(|_| values + usize::from(weight.is_some()))))
    }

    /// What fills, for arguments of these types.
    pub(crate) fn bound_machine(&self, types: &[DataType]) -> Result<Machine> {
        match &self.bound {
            Some(bound) => {
                let places = (0..types.len()).collect();
                Machine::new(bound.axes.clone(), &bound.layout(types)?, places, types)
            }
            None => plan_err!("hist: the axes are not known"),
        }
    }

    fn machine(&self, call: &AccumulatorArgs) -> Result<Machine> {
        if call.is_distinct {
            return plan_err!("hist: DISTINCT makes no sense, every value is filled");
        }
        let types: Vec<DataType> = call.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        if self.is_bound() {
            return self.bound_machine(&types);
        }
        let layout = Layout::of(&types)?;
        let mut axes = layout.axes(|place| constant_value(&call.exprs[place]))?;
        layout.check_kinds(axes.iter().map(|axis| Some(axis.kind_name())), &types)?;
        for (axis, &place) in axes.iter_mut().zip(&layout.values) {
            axis.name.get_or_insert_with(|| column_name(&call.exprs[place].to_string()));
        }
        let places = layout.places();
        let types: Vec<DataType> = places.iter().map(|&place| types[place].clone()).collect();
        Machine::new(axes, &layout, places, &types)
    }
}

/// `MET_pt@3` is how a physical expression shows the column; the name is enough.
fn column_name(shown: &str) -> String {
    match shown.rsplit_once('@') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        _ => shown.to_owned(),
    }
}

impl AggregateUDFImpl for Hist {
    fn name(&self) -> &str {
        "hist"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match &self.bound {
            Some(bound) => bound.layout(arguments)?,
            None => Layout::of(arguments)?,
        };
        Ok(if self.unrounded { DataType::LargeBinary } else { histogram_data_type() })
    }

    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        let types: Vec<DataType> = arguments.iter().map(|field| field.data_type().clone()).collect();
        if let Some(bound) = &self.bound {
            bound.layout(&types)?;
        } else {
            let layout = Layout::of(&types)?;
            if let AxisPlaces::Arguments(places) = &layout.axes {
                layout.check_kinds(places.iter().map(|&place| axis_kind(&arguments[place])), &types)?;
            }
        }
        if self.unrounded {
            return Ok(Arc::new(Field::new("hist", DataType::LargeBinary, true)));
        }
        Ok(histogram_field("hist"))
    }

    fn state_fields(&self, call: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(call.name, "hist"), DataType::Binary, true))])
    }

    fn accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(HistAccumulator::new(self.machine(&call)?, self.unrounded)?))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(HistGroups::new(self.machine(&call)?, self.unrounded)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        if self.bound.is_some() {
            return None;
        }
        let unbound = Self { unrounded: self.unrounded, ..Self::default() };
        Some(Box::new(move |call, info| {
            let types = call
                .params
                .args
                .iter()
                .map(|argument| info.get_data_type(argument))
                .collect::<Result<Vec<_>>>()?;
            unbound.bind(call, &types)
        }))
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.text(params, |argument| argument.schema_name().to_string())
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.text(params, |argument| argument.human_display().to_string())
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.text(params, ToString::to_string)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Hist {
    /// The call as text, axes as one writes them.
    fn text(&self, params: &AggregateFunctionParams, show: impl Fn(&Expr) -> String) -> Result<String> {
        let mut arguments = Vec::with_capacity(params.args.len());
        match &self.bound {
            Some(Bound { axes, .. }) => {
                let mut given = params.args.iter();
                for (axis, value) in axes.iter().zip(&mut given) {
                    arguments.extend([show(value), axis_text(axis)]);
                }
                arguments.extend(given.map(&show));
            }
            None => arguments.extend(params.args.iter().map(|argument| {
                match argument {
                    Expr::Literal(ScalarValue::Struct(axis), _) if crate::axis::is_axis(axis.data_type()) => {
                        crate::axis::axis_at(axis, 0)
                            .ok()
                            .flatten()
                            .map_or_else(|| show(argument), |axis| axis_text(&axis))
                    }
                    argument => show(argument),
                }
            })),
        }
        let mut text = format!("hist({})", arguments.join(","));
        if let Some(filter) = &params.filter {
            write!(text, " FILTER (WHERE {})", show(filter))?;
        }
        Ok(text)
    }
}
