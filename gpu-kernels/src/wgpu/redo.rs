//! What the shaders do, done by the CPU: for stages whose sums a device that failed took with it.

use ana_hist::exact_sum::SplitWeight;

use super::program::ThresholdTables;
use super::stage::Stage;
use crate::cpu::Table;
use crate::plan::FillPlan;

/// A NULL.
const NONE: u32 = u32::MAX;

/// Adds a stage to the tables of its histograms, which have to be emptied before 2²² fills of a cell.
pub(super) fn redo(plan: &FillPlan, stage: &Stage, thresholds: &mut ThresholdTables, tables: &mut [Table]) {
    let bins: Vec<Vec<u32>> = (0..plan.bins.len()).map(|bin| bins_of(plan, stage, thresholds, bin)).collect();
    for (number, table) in tables.iter_mut().enumerate().filter(|(number, _)| stage.signature.fills[*number])
    {
        let fill = &plan.fills[number];
        let mut axes = vec![];
        for (&bin, &stride) in fill.bins.iter().zip(&table.strides) {
            let column = stage.signature.of_bin[bin].map(|column| &stage.columns[column]);
            axes.push((&bins[bin][..], stride, column.and_then(|column| column.starts.as_deref())));
        }
        let (mut rows, mut events) = (vec![], vec![]);
        for entry in stage.entries[fill.selection].chunks_exact(2) {
            let (event, pattern) = (entry[0] as usize, entry[1]);
            let lists = axes.iter().filter_map(|(_, _, starts)| starts.map(|s| s[event + 1] - s[event]));
            for item in 0..lists.min().unwrap_or(1) {
                let cell = axes.iter().try_fold(0, |cell, (bins, stride, starts)| {
                    let entry = starts.map_or(event, |starts| (starts[event] + item) as usize);
                    (bins[entry] != NONE).then(|| cell + bins[entry] * stride)
                });
                if let Some(cell) = cell {
                    rows.push(pattern * table.cells + cell);
                    events.push(entry[0]);
                }
            }
        }
        match fill.weights {
            None => table.count(&rows),
            Some(set) => {
                let cuts: Vec<SplitWeight> = bytemuck::pod_collect_to_vec(&stage.cuts[set]);
                table.add(&rows, &events, &cuts);
            }
        }
    }
}

fn bins_of(plan: &FillPlan, stage: &Stage, thresholds: &mut ThresholdTables, bin: usize) -> Vec<u32> {
    let Some(column) = stage.signature.of_bin[bin].map(|column| &stage.columns[column]) else {
        return vec![];
    };
    let (_, thresholds) = thresholds.of(plan, bin, column.kind);
    let valid = |i: usize| column.valid.as_ref().is_none_or(|bits| bits.words[i / 32] >> (i % 32) & 1 == 1);
    let values = column.words.chunks_exact(column.kind.words()).enumerate();
    values.map(|(i, words)| if valid(i) { thresholds.bin(column.kind, words) } else { NONE }).collect()
}
