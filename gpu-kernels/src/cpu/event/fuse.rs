//! Recognises what is cheaper together: operations that share their work, and an innermost loop worth a loop of its own.

use super::graph::{Float1, Float2, Node};
use super::plan::{Instruction, NearestPlan, Order, Place, Program, QueryPlan, ReductionPlan};

/// Finds `ORDER BY abs(mass(…) - target)` over the innermost variable, and moves the sums that only it needs to where
/// they are left out when its own loop runs. Registers are still virtual: each has one definition.
pub(super) fn nearest(plan: &mut QueryPlan) {
    let Some((nearest, sums)) = recognise(plan) else { return };
    for level in &mut plan.levels {
        let (unfused, kept) = std::mem::take(&mut level.program.code)
            .into_iter()
            .partition(|instruction| sums.contains(&instruction.to));
        level.program.code = kept;
        level.unfused = Program { code: unfused };
    }
    plan.nearest = Some(nearest);
}

/// What the loop computes, and the sums that nothing else reads.
fn recognise(plan: &QueryPlan) -> Option<(NearestPlan, Vec<Place>)> {
    let ReductionPlan::Best { order: Order::Float(key), .. } = &plan.reduction else { return None };
    let last = plan.levels.len().checked_sub(1)?;
    let level = &plan.levels[last];
    let [mass, difference, distance] = &level.program.code[..] else { return None };
    let matches = level.tests.is_empty()
        && matches!(mass.node, Node::MassOfSum(_))
        && matches!(difference.node, Node::Float2(Float2::Sub, ..))
        && matches!(distance.node, Node::Float1(Float1::Abs, _))
        && difference.args[0] == mass.to
        && distance.args[0] == difference.to
        && distance.to == *key;
    if !matches {
        return None;
    }
    let constant = plan.lane.code.iter().find(|instruction| instruction.to == difference.args[1])?;
    let Node::ConstFloat(bits) = constant.node else { return None };
    let mut sums = Vec::new();
    let mut outer = [const { Vec::new() }; 4];
    let mut inner = [0; 4];
    for (component, pair) in mass.args.chunks_exact(2).enumerate() {
        let Place::Row { slot, cursor } = pair[1] else { return None };
        if cursor != last {
            return None;
        }
        inner[component] = slot;
        terms(plan, pair[0], &mut outer[component], &mut sums);
    }
    // The four sums are as many registers, each read once more than it is a term of another.
    let target = f64::from_bits(bits);
    let reads = |sum: &Place| programs(plan).flat_map(|i| &i.args).filter(|arg| *arg == sum).count();
    sums.iter().all(|sum| reads(sum) == 1).then_some((NearestPlan { outer, inner, target }, sums))
}

fn programs(plan: &QueryPlan) -> impl Iterator<Item = &Instruction> {
    let levels = plan.levels.iter().flat_map(|level| {
        let tests = level.tests.iter().flat_map(|test| &test.program.code);
        tests.chain(&level.program.code)
    });
    let rows = plan.groups.iter().flat_map(|group| &group.rows.code);
    let last = match &plan.reduction {
        ReductionPlan::Best { last, .. } => &last.code[..],
        _ => &[],
    };
    levels.chain(rows).chain(last)
}

/// The terms of (a + b) + …, in the order in which they are added.
fn terms(plan: &QueryPlan, place: Place, into: &mut Vec<Place>, sums: &mut Vec<Place>) {
    let code = plan.levels.iter().flat_map(|level| &level.program.code);
    let sum = code.into_iter().find(|instruction| instruction.to == place);
    match sum {
        Some(Instruction { node: Node::Float2(Float2::Add, ..), args, .. }) => {
            terms(plan, args[0], into, sums);
            into.push(args[1]);
            sums.push(place);
        }
        _ => into.push(place),
    }
}

/// Sine and cosine of one angle become one operation.
pub(super) fn sines(plan: &mut QueryPlan) {
    let rows = plan.groups.iter_mut().map(|group| &mut group.rows);
    let levels = plan.levels.iter_mut().map(|level| &mut level.program);
    rows.chain(levels).chain([&mut plan.lane]).for_each(pair_up);
}

fn pair_up(program: &mut Program) {
    let is =
        |instruction: &Instruction, op| matches!(instruction.node, Node::Float1(found, _) if found == op);
    let mut first = 0;
    while first < program.code.len() {
        let one = &program.code[first];
        let other = if is(one, Float1::Sin) { Float1::Cos } else { Float1::Sin };
        let trigonometric = is(one, Float1::Sin) || is(one, Float1::Cos);
        let partner = |(_, two): &(usize, &Instruction)| is(two, other) && two.args == one.args;
        let found = program.code.iter().enumerate().skip(first + 1).find(partner);
        if let Some((second, _)) = found.filter(|_| trigonometric) {
            let second = program.code.remove(second);
            let one = &mut program.code[first];
            let (sine, cosine) = if other == Float1::Cos { (one.to, second.to) } else { (second.to, one.to) };
            (one.to, one.cosine) = (sine, Some(cosine));
            one.node = Node::Float1(Float1::Sin, 0);
        }
        first += 1;
    }
}
