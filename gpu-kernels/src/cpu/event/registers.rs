//! Register allocation: from one register per value to as few as fit the first-level cache.

use std::collections::HashMap;

use super::graph::Class;
use super::plan::{Order, Place, Program, QueryPlan, ReductionPlan, Test};

impl Program {
    /// Every mention of one place becomes the other.
    pub(super) fn rename(&mut self, from: Place, to: Place) {
        for instruction in &mut self.code {
            for place in instruction.places_mut() {
                if *place == from {
                    *place = to;
                }
            }
        }
    }
}

/// A program and what is read when it has run.
type Sequence<'a> = (&'a Program, Vec<Place>);

/// Gives the virtual registers of a plan real ones.
pub(super) fn allocate(plan: &mut QueryPlan) {
    let mut allocation = Allocation::default();
    // Selections run before the loops and share nothing with them.
    for test in plan.tests.iter().chain(plan.groups.iter().flat_map(|group| &group.tests)) {
        allocation.temporaries(&sequence(test), [0; 3], &|_| false);
    }
    allocation.nest(plan);
    plan.registers = allocation.most;
    rewrite(plan, &allocation.real);
}

fn sequence(test: &Test) -> Sequence<'_> {
    (&test.program, vec![test.mask])
}

/// The programs of the loop nest.
fn nest(plan: &QueryPlan) -> Vec<Sequence<'_>> {
    let mut sequences: Vec<Sequence<'_>> = vec![(&plan.lane, Vec::new())];
    sequences.extend(plan.groups.iter().map(|group| (&group.rows, Vec::new())));
    for level in &plan.levels {
        sequences.extend(level.tests.iter().map(sequence));
        sequences.push((&level.program, Vec::new()));
        sequences.push((&level.unfused, Vec::new()));
    }
    let (program, results) = match &plan.reduction {
        ReductionPlan::Best { last, values, .. } => {
            (Some(last), values.iter().flat_map(|value| [Some(value.place), value.valid]).flatten().collect())
        }
        _ => (None, Vec::new()),
    };
    sequences.extend(program.map(|program| (program, results)));
    sequences
}

/// What the reduction reads inside the loops.
fn reduction_reads(reduction: &ReductionPlan) -> Vec<Place> {
    match reduction {
        ReductionPlan::Exists => Vec::new(),
        ReductionPlan::Aggregates(aggregates) => {
            aggregates.iter().flat_map(|aggregate| [aggregate.value, aggregate.take]).flatten().collect()
        }
        ReductionPlan::Best { order: Order::Float(key), .. } => vec![*key],
        ReductionPlan::Best { order: Order::Keys(keys), .. } => keys.clone(),
        ReductionPlan::List { values, keys, .. } => {
            let values = values.iter().flat_map(|value| [Some(value.place), value.valid]).flatten();
            values.chain(keys.iter().copied()).collect()
        }
    }
}

#[derive(Default)]
struct Allocation {
    real: HashMap<usize, usize>,
    most: [usize; 3],
}

impl Allocation {
    fn take(&mut self, class: usize, register: usize) -> usize {
        self.most[class] = self.most[class].max(register + 1);
        register
    }

    fn nest(&mut self, plan: &QueryPlan) {
        let sequences = nest(plan);
        let mut defined: HashMap<usize, (usize, Class)> = HashMap::new();
        for (number, (program, _)) in sequences.iter().enumerate() {
            for instruction in &program.code {
                for register in instruction.results().filter_map(Place::register) {
                    defined.insert(register, (number, instruction.class));
                }
            }
        }
        let mut kept: Vec<usize> =
            reduction_reads(&plan.reduction).into_iter().filter_map(Place::register).collect();
        for (number, (program, results)) in sequences.iter().enumerate() {
            let reads = program.code.iter().flat_map(|instruction| &instruction.args).chain(results);
            let elsewhere = |register: &usize| defined.get(register).is_some_and(|(home, _)| *home != number);
            kept.extend(reads.copied().filter_map(Place::register).filter(elsewhere));
        }
        kept.sort_unstable();
        kept.dedup();
        let mut pinned = [0; 3];
        for register in &kept {
            let class = defined.get(register).map_or(0, |(_, class)| class.index());
            let real = self.take(class, pinned[class]);
            self.real.insert(*register, real);
            pinned[class] += 1;
        }
        for sequence in &sequences {
            self.temporaries(sequence, pinned, &|register| kept.binary_search(&register).is_ok());
        }
    }

    /// Registers that nothing outside of the program reads are used again and again.
    fn temporaries(
        &mut self,
        (program, results): &Sequence<'_>,
        first: [usize; 3],
        kept: &dyn Fn(usize) -> bool,
    ) {
        let mut last_use: HashMap<usize, usize> = HashMap::new();
        for (number, instruction) in program.code.iter().enumerate() {
            let places = instruction.args.iter().copied().chain(instruction.results());
            places.filter_map(Place::register).for_each(|register| {
                last_use.insert(register, number);
            });
        }
        for place in results.iter().filter_map(|place| place.register()) {
            last_use.insert(place, usize::MAX);
        }
        let mut free: [Vec<usize>; 3] = [const { Vec::new() }; 3];
        let mut next = first;
        let mut classes: HashMap<usize, usize> = HashMap::new();
        for (number, instruction) in program.code.iter().enumerate() {
            let results = instruction.results().filter_map(Place::register);
            for register in results.filter(|register| !kept(*register)) {
                let class = instruction.class.index();
                let real = free[class].pop().unwrap_or_else(|| {
                    next[class] += 1;
                    next[class] - 1
                });
                let real = self.take(class, real);
                self.real.insert(register, real);
                classes.insert(register, class);
            }
            let mut ended: Vec<usize> = instruction
                .args
                .iter()
                .copied()
                .chain(instruction.results())
                .filter_map(Place::register)
                .collect();
            ended.sort_unstable();
            ended.dedup();
            for register in ended {
                if let (Some(class), Some(real), true) = (
                    classes.get(&register),
                    self.real.get(&register),
                    last_use.get(&register) == Some(&number),
                ) {
                    free[*class].push(*real);
                }
            }
        }
    }
}

impl Place {
    fn register(self) -> Option<usize> {
        match self {
            Self::Register(register) => Some(register),
            Self::Row { .. } => None,
        }
    }
}

fn rewrite(plan: &mut QueryPlan, real: &HashMap<usize, usize>) {
    let place = |place: &mut Place| {
        if let Place::Register(register) = place {
            *register = real.get(register).copied().unwrap_or(*register);
        }
    };
    let program = |program: &mut Program| {
        for instruction in &mut program.code {
            instruction.places_mut().for_each(place);
        }
    };
    let test = |test: &mut Test| {
        program(&mut test.program);
        place(&mut test.mask);
    };
    plan.tests.iter_mut().for_each(test);
    program(&mut plan.lane);
    for group in &mut plan.groups {
        group.tests.iter_mut().for_each(test);
        program(&mut group.rows);
    }
    for level in &mut plan.levels {
        level.tests.iter_mut().for_each(test);
        program(&mut level.program);
        program(&mut level.unfused);
    }
    plan.nearest.iter_mut().flat_map(|nearest| nearest.outer.iter_mut().flatten()).for_each(place);
    match &mut plan.reduction {
        ReductionPlan::Exists => {}
        ReductionPlan::Aggregates(aggregates) => {
            aggregates.iter_mut().flat_map(|a| [&mut a.value, &mut a.take]).flatten().for_each(place);
        }
        ReductionPlan::Best { order, last, values } => {
            match order {
                Order::Float(key) => place(key),
                Order::Keys(keys) => keys.iter_mut().for_each(place),
            }
            program(last);
            values.iter_mut().for_each(|value| {
                place(&mut value.place);
                value.valid.iter_mut().for_each(place);
            });
        }
        ReductionPlan::List { values, keys, .. } => {
            keys.iter_mut().for_each(place);
            values.iter_mut().for_each(|value| {
                place(&mut value.place);
                value.valid.iter_mut().for_each(place);
            });
        }
    }
}
