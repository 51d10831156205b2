//! One submission: where everything of a stage lies on the device, and the steps that fill.

use std::collections::HashMap;

use super::keys::{Kind, Thresholds};
use super::layout::Tables;
use super::pipeline::{GROUP, Kernel, STEP_BYTES};
use super::stage::Stage;
use crate::cpu::Table;
use crate::formula::{Formula, Given};
use crate::ir::Type;
use crate::plan::FillPlan;

/// Words of the parameters of a step.
const STEP_WORDS: usize = (STEP_BYTES / 4) as usize;

/// Axes of values a histogram may have on the device: what a step's parameters leave room for.
pub(super) const MOST_AXES: usize = 16;

/// No position.
const NONE: u32 = u32::MAX;

/// Events or entries that a thread takes before there are more workgroups.
const PER_THREAD: usize = 8;

/// Workgroups beyond this only queue up.
const MOST_GROUPS: u32 = 4096;

/// One dispatch.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) kernel: Kernel,
    pub(super) parameters: [u32; STEP_WORDS],
    pub(super) grid: (u32, u32),
}

/// Thresholds of all axes for all kinds of values that came, one behind the other.
#[derive(Debug, Clone, Default)]
pub(super) struct ThresholdTables {
    known: HashMap<(usize, Kind), (usize, Thresholds)>,
    pub(super) words: Vec<u32>,
}

impl ThresholdTables {
    /// Those of a bin of the plan, and the word they begin at.
    pub(super) fn of(&mut self, plan: &FillPlan, bin: usize, kind: Kind) -> (usize, &Thresholds) {
        let words = &mut self.words;
        let (at, thresholds) = self.known.entry((bin, kind)).or_insert_with(|| {
            let thresholds = Thresholds::new(&plan.bins[bin].axis, kind);
            let at = words.len();
            words.extend(thresholds.words(kind));
            (at, thresholds)
        });
        (*at, thresholds)
    }
}

/// A stage as it lies in the device's memory.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Parts of the stage in order, each with its first word.
    places: Places,
    pub(super) steps: Vec<Step>,
    /// Words of bins.
    pub(super) bins: usize,
    /// Where the marks of this stage's events begin that the CPU has to decide about.
    marks: u32,
}

#[derive(Debug, Default)]
struct Places {
    columns: Vec<Place>,
    entries: Vec<u32>,
    cuts: Vec<u32>,
    words: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    values: u32,
    valid: u32,
    starts: u32,
}

impl Places {
    fn new(stage: &Stage) -> Self {
        let mut words = 0;
        let mut place = |part: &[u32]| {
            let at = small(words);
            words += part.len();
            at
        };
        let columns = stage
            .columns
            .iter()
            .map(|column| Place {
                values: place(&column.words),
                valid: column.valid.as_ref().map_or(NONE, |bits| place(&bits.words)),
                starts: column.starts.as_ref().map_or(NONE, |starts| place(starts)),
            })
            .collect();
        let entries = stage.entries.iter().map(|entries| place(entries)).collect();
        let cuts = stage.cuts.iter().map(|cuts| place(cuts)).collect();
        Self { columns, entries, cuts, words }
    }
}

/// The parts of a stage in the order of [`Places`].
pub(super) fn parts(stage: &Stage) -> impl Iterator<Item = &[u32]> {
    let columns = stage.columns.iter().flat_map(|column| {
        let valid = column.valid.as_ref().map_or(&[][..], |bits| &bits.words);
        [&column.words[..], valid, column.starts.as_deref().unwrap_or_default()]
    });
    columns.chain(stage.entries.iter().chain(&stage.cuts).map(Vec::as_slice))
}

impl Program {
    pub(super) fn new(
        plan: &FillPlan,
        stage: &Stage,
        thresholds: &mut ThresholdTables,
        tables: &Tables,
        shapes: &[Table],
        own_words: u32,
        marks: usize,
    ) -> Self {
        let mut program = Self { places: Places::new(stage), marks: small(marks), ..Self::default() };
        let mut bins_at = vec![NONE; plan.bins.len()];
        for (bin, at) in bins_at.iter_mut().enumerate() {
            if let Some(column) = stage.signature.of_bin[bin] {
                *at = program.find(plan, stage, thresholds, bin, column);
            }
        }
        let mut masks_at = HashMap::new();
        for (formula, columns) in stage.signature.formulas.iter().enumerate() {
            if let Some(columns) = columns {
                program.formula(plan, stage, thresholds, (formula, columns), &mut bins_at, &mut masks_at);
            }
        }
        for (fill, shape) in shapes.iter().enumerate() {
            if stage.signature.fills[fill] && !stage.entries[plan.fills[fill].selection].is_empty() {
                program.fill(plan, stage, tables, shape, fill, &bins_at, &masks_at, own_words);
            }
        }
        program
    }

    /// Words of the stage.
    pub(super) fn words(&self) -> usize {
        self.places.words
    }

    /// A step that finds the bins of a column.
    fn find(
        &mut self,
        plan: &FillPlan,
        stage: &Stage,
        thresholds: &mut ThresholdTables,
        bin: usize,
        column: usize,
    ) -> u32 {
        let (place, column) = (self.places.columns[column], &stage.columns[column]);
        let (at, of) = thresholds.of(plan, bin, column.kind);
        let out = small(self.bins);
        let entries = column.entries();
        self.bins += entries;
        let parameters =
            [[place.values, small(entries), place.valid, out], [column.kind as u32, small(at), of.number, 0]];
        if entries > 0 {
            self.push(Kernel::Bins, &parameters, (groups(entries), 1));
        }
        out
    }

    /// A step that computes a formula, and finds the bins of what it gives.
    fn formula(
        &mut self,
        plan: &FillPlan,
        stage: &Stage,
        thresholds: &mut ThresholdTables,
        (number, columns): (usize, &[usize]),
        bins_at: &mut [u32],
        masks_at: &mut HashMap<usize, u32>,
    ) {
        let formula = &plan.formulas[number];
        let mut parameters = vec![[small(stage.events), self.marks, 0, 0]];
        parameters.extend(columns.iter().map(|&column| {
            let Place { values, valid, starts } = self.places.columns[column];
            [values, valid, starts, 0]
        }));
        for of in uses(plan, formula) {
            let out = small(self.bins);
            self.bins += stage.events;
            match of {
                PlannedUse::Bin { bin, output } => {
                    let kind = kind_of(formula.kernel.outputs()[output].ty);
                    let (at, of) = thresholds.of(plan, bin, kind);
                    parameters.push([out, small(at), of.number, 0]);
                    bins_at[bin] = out;
                }
                PlannedUse::Mask { mask, .. } => {
                    parameters.push([out, 0, 0, 0]);
                    masks_at.insert(mask, out);
                }
            }
        }
        self.push(Kernel::Formula(number), &parameters, (groups_of(stage.events, 1), 1));
    }

    /// A step that fills a histogram.
    #[allow(clippy::too_many_arguments, reason = "all that a submission is made of")]
    fn fill(
        &mut self,
        plan: &FillPlan,
        stage: &Stage,
        tables: &Tables,
        shape: &Table,
        number: usize,
        bins_at: &[u32],
        masks_at: &HashMap<usize, u32>,
        own_words: u32,
    ) {
        let fill = &plan.fills[number];
        let mask = plan.selections[fill.selection].filter.and_then(|mask| masks_at.get(&mask));
        let mask = mask.copied().unwrap_or(NONE);
        let marks = if plan.formulas_of(fill).next().is_some() { self.marks } else { NONE };
        let at = tables.at[number];
        let entries = stage.entries[fill.selection].len() / 2;
        let cuts = fill.weights.map_or(NONE, |set| self.places.cuts[set]);
        let (tile, own) = tile(at.rows, at.weights, own_words as usize);
        let tiles = if at.weights == 0 { 1 } else { at.weights.div_ceil(tile) };
        let mut parameters = vec![
            [self.places.entries[fill.selection], small(entries), cuts, small(at.weights)],
            [small(at.counts), small(at.sums), shape.cells, small(fill.bins.len())],
            [small(tile), small(own), marks, mask],
        ];
        for (&bin, &stride) in fill.bins.iter().zip(&shape.strides) {
            let column = stage.signature.of_bin[bin].map(|column| self.places.columns[column].starts);
            parameters.push([bins_at[bin], stride, column.unwrap_or(NONE), 0]);
        }
        let kernel = if own > 0 { Kernel::FillOwn } else { Kernel::Fill };
        self.push(kernel, &parameters, (groups(entries), small(tiles)));
    }

    fn push(&mut self, kernel: Kernel, vectors: &[[u32; 4]], grid: (u32, u32)) {
        let mut parameters = [0; STEP_WORDS];
        for (to, from) in parameters.iter_mut().zip(vectors.iter().flatten()) {
            *to = *from;
        }
        self.steps.push(Step { kernel, parameters, grid });
    }
}

/// Weights that a workgroup's table holds at once, and the words of that; no words where not even one fits.
fn tile(rows: usize, weights: usize, own_words: usize) -> (usize, usize) {
    let of_row = own_words / rows.max(1);
    let tile = weights.min(of_row.saturating_sub(1) / 8);
    let fits = of_row >= 1 && (weights == 0 || tile > 0);
    if fits { (tile, rows * (1 + 8 * tile)) } else { (weights, 0) }
}

fn groups(entries: usize) -> u32 {
    groups_of(entries, PER_THREAD)
}

fn groups_of(entries: usize, per_thread: usize) -> u32 {
    small(entries.div_ceil(GROUP as usize * per_thread)).clamp(1, MOST_GROUPS)
}

/// A use of an output of a formula, as the plan has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum PlannedUse {
    /// The bins of a value on an axis.
    Bin { bin: usize, output: usize },
    /// A condition of a mask.
    Mask { mask: usize, output: usize },
}

/// What a formula is used for: the bins of its values, in the plan's order, and its masks.
pub(super) fn uses(plan: &FillPlan, formula: &Formula) -> Vec<PlannedUse> {
    let mut all = vec![];
    for given in &formula.gives {
        match *given {
            Given::Value { output, value } => {
                let own = plan.bins.iter().enumerate().filter(|(_, bin)| bin.value == value);
                all.extend(own.map(|(bin, _)| PlannedUse::Bin { bin, output }));
            }
            Given::Mask { output, mask } => all.push(PlannedUse::Mask { mask, output }),
        }
    }
    all
}

/// The keys of an output's bounds.
fn kind_of(ty: Type) -> Kind {
    if ty.is_integer() { Kind::I32 } else { Kind::F32 }
}

/// A stage has fewer words than a binding has bytes, and so have tables.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
