//! The filler of a plan on a device.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wgpu::ComputePipeline;

use super::Outcome;
use super::buffers::Buffers;
use super::cuts::{Cut, CutSet};
use super::device::Gpu;
use super::layout::Tables;
use super::program::{Program, ThresholdTables};
use super::redo::Again;
use super::refuse::{compiled, why_not};
use super::stage::{Signature, Stage};
use super::timing::SLOTS;
use crate::backend::DeviceFault;
use crate::cpu::{Chosen, FILLS, PlanFiller, Table};
use crate::error::{KernelError, Result};
use crate::plan::PlanBatch;

/// Fills the histograms of a plan on a device; see the [module's head](super).
#[derive(Debug)]
pub struct DeviceFiller {
    gpu: Arc<Gpu>,
    /// Whether faults of the device are errors.
    required: bool,
    /// Takes what the device does not, and holds the histograms.
    host: PlanFiller,
    chosen: Vec<Chosen>,
    sets: Vec<CutSet>,
    /// Where sums land that come from the device.
    landing: Vec<Table>,
    /// Why a fill stays on the CPU, once that is known.
    refused: Vec<bool>,
    thresholds: ThresholdTables,
    tables: Tables,
    stage: Stage,
    /// Stages whose sums are still on the device.
    sent: Vec<Stage>,
    /// The most fills that a cell can have got from them.
    fills: usize,
    buffers: Buffers,
    fault: Option<DeviceFault>,
    notes: Vec<String>,
    events: (u64, u64),
    /// Of each formula of the plan.
    formulas: Vec<Arc<ComputePipeline>>,
    /// Events that the device could not decide about.
    undecided: u64,
}

/// Events of a stage with formulas: each has a bit for whether the CPU decides about it.
const MOST_EVENTS: usize = 1 << 18;

/// Words of these bits.
const MARKS: usize = MOST_EVENTS / 32;

impl DeviceFiller {
    pub(crate) fn new(gpu: Arc<Gpu>, host: PlanFiller, required: bool) -> Self {
        let plan = host.plan();
        let mut filler = Self {
            chosen: plan.selections.iter().map(Chosen::new).collect(),
            sets: plan.weights.iter().map(|set| CutSet::new(set.clone())).collect(),
            landing: plan.fills.iter().map(|fill| Table::of(plan, fill)).collect(),
            refused: vec![false; plan.fills.len()],
            thresholds: ThresholdTables::default(),
            tables: Tables::new(plan),
            stage: Stage::default(),
            sent: vec![],
            fills: 0,
            buffers: Buffers::default(),
            fault: None,
            notes: vec![],
            events: (0, 0),
            formulas: vec![],
            undecided: 0,
            gpu,
            required,
            host,
        };
        filler.compile();
        filler
    }

    /// Compiles the formulas of the plan. What has no form is not for the device, and nothing is that needs it.
    fn compile(&mut self) {
        let mut notes = vec![];
        for formula in &self.host.plan().formulas {
            match compiled(&self.gpu, self.host.plan(), formula) {
                Ok(pipeline) => self.formulas.push(pipeline),
                Err(reason) => notes.push(reason),
            }
        }
        if !notes.is_empty() {
            self.refused.fill(true);
        }
        notes.into_iter().for_each(|note| self.note(note));
    }

    /// Words at the end of the tables for marks, of every stage between two read-backs.
    fn mark_words(&self) -> usize {
        if self.formulas.is_empty() { 0 } else { SLOTS * MARKS }
    }

    /// Events that went to a device and that it left to the CPU, since they lie too near to a cut or an edge.
    pub(crate) fn undecided(&self) -> u64 {
        self.undecided
    }

    pub(crate) fn host(&self) -> &PlanFiller {
        &self.host
    }

    pub(crate) fn host_mut(&mut self) -> &mut PlanFiller {
        &mut self.host
    }

    /// What the CPU has, once everything was collected.
    pub(crate) fn into_host(self) -> PlanFiller {
        self.host
    }

    pub(crate) fn events(&self) -> (u64, u64) {
        self.events
    }

    pub(crate) fn fault(&self) -> Option<&DeviceFault> {
        self.fault.as_ref()
    }

    pub(crate) fn computed(&self) -> Duration {
        self.buffers.computed
    }

    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Memory held, in bytes; that of the device not counted.
    pub(crate) fn bytes(&self) -> usize {
        let stages = self.sent.iter().chain([&self.stage]).map(Stage::bytes).sum::<usize>();
        self.host.bytes()
            + 2 * stages
            + self.chosen.iter().map(Chosen::bytes).sum::<usize>()
            + self.sets.iter().map(CutSet::bytes).sum::<usize>()
            + self.landing.iter().map(Table::bytes).sum::<usize>()
    }

    /// Adds a batch: what the device takes goes to it, the rest to the CPU.
    pub(crate) fn fill(&mut self, batch: &PlanBatch<'_>) -> Result<()> {
        self.host.check(batch)?;
        // Sums may come back while this batch is staged.
        self.host.reach(batch.group_count);
        let mut on_device = vec![false; self.refused.len()];
        if self.fault.is_none() && batch.rows > 0 {
            on_device = self.taken(batch);
            self.cut(batch, &mut on_device)?;
            self.choose(batch, &mut on_device)?;
            // A table that grows, or integers that are emptied, may show that the device has failed.
            if self.fault.is_some() {
                on_device.fill(false);
            }
        }
        let rows = u64::try_from(batch.rows).unwrap_or(u64::MAX);
        if on_device.contains(&true) {
            self.put(batch, on_device.clone())?;
            self.events.0 += rows;
        }
        let rest: Vec<bool> =
            batch.active.iter().zip(&on_device).map(|(active, taken)| *active && !taken).collect();
        if !rest.contains(&true) {
            return Ok(());
        }
        self.events.1 += rows;
        self.host.fill(&PlanBatch { active: &rest, ..*batch })
    }

    /// Which fills of a batch the device can do.
    fn taken(&mut self, batch: &PlanBatch<'_>) -> Vec<bool> {
        let plan = self.host.plan();
        let mut reasons = vec![];
        let mut taken = vec![];
        for (number, fill) in plan.fills.iter().enumerate() {
            let reason = if batch.active[number] { why_not(plan, fill, batch) } else { None };
            taken.push(batch.active[number] && !self.refused[number] && reason.is_none());
            reasons.extend(reason);
        }
        reasons.into_iter().for_each(|reason| self.note(reason));
        taken
    }

    /// Cuts weights; fills with weights that cannot be cut are not for the device.
    fn cut(&mut self, batch: &PlanBatch<'_>, on_device: &mut [bool]) -> Result<()> {
        for set in 0..self.sets.len() {
            let uses = |number: usize| self.host.plan().fills[number].weights == Some(set);
            let users: Vec<usize> = (0..on_device.len()).filter(|&i| on_device[i] && uses(i)).collect();
            if users.is_empty() {
                continue;
            }
            let mut cut = self.sets[set].cut(batch.weights, batch.rows);
            if cut == Cut::OtherWindows {
                self.collect()?;
                self.sets[set].suit(batch.weights, batch.rows);
                cut = self.sets[set].cut(batch.weights, batch.rows);
            }
            if cut != Cut::Whole {
                users.into_iter().for_each(|fill| on_device[fill] = false);
                self.note(
                    "batches with weights that are NULL, NaN, infinite or of very different sizes".to_owned(),
                );
            }
        }
        Ok(())
    }

    /// Lists the chosen events, and makes room for their patterns.
    fn choose(&mut self, batch: &PlanBatch<'_>, on_device: &mut [bool]) -> Result<()> {
        for selection in 0..self.chosen.len() {
            let uses = |number: usize| self.host.plan().fills[number].selection == selection;
            let users: Vec<usize> = (0..on_device.len()).filter(|&i| on_device[i] && uses(i)).collect();
            if users.is_empty() {
                continue;
            }
            if !self.chosen[selection].list(batch) {
                self.collect()?;
                self.chosen[selection].by_category();
                self.chosen[selection].list(batch);
            }
            let patterns = self.chosen[selection].patterns();
            for fill in users {
                let rows = patterns.saturating_mul(self.landing[fill].cells as usize);
                if self.tables.has(fill, rows) {
                    continue;
                }
                // Tables are laid out anew only while they are empty.
                self.collect()?;
                let weights = self.host.plan().fills[fill].weights.map_or(0, |set| self.sets[set].len());
                let most = self.most_words().saturating_sub(self.mark_words());
                if !self.tables.grow(fill, rows, weights, most) {
                    self.tables.drop(fill);
                    self.refused[fill] = true;
                    on_device[fill] = false;
                    self.note(format!("a histogram of {rows} cells in all groups and categories"));
                }
            }
        }
        Ok(())
    }

    fn most_words(&self) -> usize {
        usize::try_from(self.gpu.limits.max_storage_buffer_binding_size / 4).unwrap_or(usize::MAX)
    }

    /// Stages a batch, and submits whenever a stage is full.
    fn put(&mut self, batch: &PlanBatch<'_>, on_device: Vec<bool>) -> Result<()> {
        let signature = Signature::new(self.host.plan(), batch, on_device);
        if self.stage.signature != signature {
            self.submit()?;
            self.stage = Stage::new(signature);
        }
        self.put_rows(batch, 0..batch.rows)
    }

    fn put_rows(&mut self, batch: &PlanBatch<'_>, rows: Range<usize>) -> Result<()> {
        if self.fault.is_some() {
            // The device failed between two parts of a batch: what is left is staged all the same, and done again.
            self.stage.append(batch, rows, &self.chosen, &self.sets);
            return self.redo_all();
        }
        let most = self.gpu.stage_words().min(self.most_words());
        let needed = self.stage.words_of(batch, &rows, &self.chosen, &self.sets);
        let events = if self.formulas.is_empty() { usize::MAX } else { MOST_EVENTS };
        if (needed > most || rows.len() > events) && rows.len() > 1 {
            let middle = rows.start.midpoint(rows.end);
            self.put_rows(batch, rows.start..middle)?;
            return self.put_rows(batch, middle..rows.end);
        }
        let full = self.stage.words() + needed > most || self.stage.events + rows.len() > events;
        if self.stage.events > 0 && full {
            self.submit()?;
            return self.put_rows(batch, rows);
        }
        self.stage.append(batch, rows, &self.chosen, &self.sets);
        if self.stage.words() > self.most_words() {
            // One event larger than a binding.
            self.redo_all()?;
        }
        Ok(())
    }

    /// Sends the stage to the device, and begins another of the same kind.
    fn submit(&mut self) -> Result<()> {
        if self.stage.events == 0 || self.fault.is_some() {
            return Ok(());
        }
        let fills = self.stage.fills();
        if self.sent.len() == SLOTS || self.fills + fills > FILLS {
            let stage = std::mem::take(&mut self.stage);
            let emptied = self.read_back();
            self.stage = stage;
            emptied?;
            if self.fault.is_some() {
                return self.redo_all();
            }
        }
        self.fills += fills;
        let plan = self.host.plan();
        let own = self.gpu.pipelines.own_words;
        let slot = self.sent.len();
        let marks = self.tables.words + slot * MARKS;
        let thresholds = &mut self.thresholds;
        let program = Program::new(plan, &self.stage, thresholds, &self.tables, &self.landing, own, marks);
        let words = self.tables.words + self.mark_words();
        let (stage, formulas) = (&self.stage, &self.formulas);
        let outcome = self.buffers.run(&self.gpu, slot, stage, &program, &self.thresholds, formulas, words);
        let next = Stage::new(self.stage.signature.clone());
        self.sent.push(std::mem::replace(&mut self.stage, next));
        outcome.or_else(|fault| self.failed(fault))
    }

    /// Brings everything to the histograms.
    pub(crate) fn collect(&mut self) -> Result<()> {
        self.submit()?;
        self.read_back()
    }

    /// Brings to the histograms what is on the device.
    fn read_back(&mut self) -> Result<()> {
        if let (Some(fault), true) = (&self.fault, self.required) {
            return Err(KernelError::Device { fault: fault.clone() });
        }
        if self.sent.is_empty() {
            return Ok(());
        }
        let number = self.tables.words + self.mark_words();
        let words: Outcome<Vec<u32>> = self.buffers.read_back(&self.gpu, number, self.sent.len());
        match words {
            Err(fault) => self.failed(fault),
            Ok(words) => {
                for (fill, at) in self.tables.at.iter().enumerate().filter(|(_, at)| at.rows > 0) {
                    let rows = self.rows(fill);
                    let counts = bytemuck::pod_collect_to_vec(&words[at.counts..at.counts + 2 * rows]);
                    let sums = 8 * rows * at.weights;
                    let sums = bytemuck::pod_collect_to_vec(&words[at.sums..at.sums + sums]);
                    self.landing[fill].land(&counts, &sums);
                }
                let stages = std::mem::take(&mut self.sent);
                self.fills = 0;
                let marks = &words[self.tables.words..];
                for (stage, marks) in stages.iter().zip(marks.chunks_exact(MARKS)) {
                    let marked = Again::marked(stage, marks);
                    if marked.number() > 0 {
                        self.undecided += u64::try_from(marked.number()).unwrap_or(u64::MAX);
                        marked.add(self.host.plan(), &mut self.thresholds, &mut self.landing)?;
                    }
                }
                self.empty_landing()
            }
        }
    }

    /// Rows of a table that are in use.
    fn rows(&self, fill: usize) -> usize {
        let patterns = self.chosen[self.host.plan().fills[fill].selection].patterns();
        (patterns * self.landing[fill].cells as usize).min(self.tables.at[fill].rows)
    }

    /// Moves what has landed to the histograms.
    fn empty_landing(&mut self) -> Result<()> {
        let fills = self.host.plan().fills.clone();
        for (number, fill) in fills.iter().enumerate() {
            let splitters = fill.weights.map_or(&[][..], |set| self.sets[set].splitters());
            let histograms = self.host.histograms_to_add_to(number, 0)?;
            self.landing[number].empty(fill, &self.chosen[fill.selection], splitters, histograms);
        }
        Ok(())
    }

    /// The CPU takes over, or it is an error.
    fn failed(&mut self, fault: DeviceFault) -> Result<()> {
        self.fault = Some(fault.clone());
        if self.required {
            return Err(KernelError::Device { fault });
        }
        self.redo_all()
    }

    /// Does again, on the CPU, all stages whose sums have not arrived.
    fn redo_all(&mut self) -> Result<()> {
        let mut stages = std::mem::take(&mut self.sent);
        let next = Stage::new(self.stage.signature.clone());
        stages.push(std::mem::replace(&mut self.stage, next));
        for stage in stages {
            let plan = self.host.plan();
            if stage.events > 0 {
                for (table, at) in self.landing.iter_mut().zip(&self.tables.at) {
                    table.reach_rows(at.rows);
                }
                Again::all(&stage).add(plan, &mut self.thresholds, &mut self.landing)?;
            }
            // Sums of one stage are few enough for the integers.
            self.empty_landing()?;
        }
        self.fills = 0;
        Ok(())
    }

    fn note(&mut self, reason: String) {
        if !self.notes.contains(&reason) {
            self.notes.push(reason);
        }
    }
}
