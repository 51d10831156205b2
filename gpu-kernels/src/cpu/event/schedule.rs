//! Graph → plan: every value is computed at the outermost place where it is known, and only once there.
//!
//! Places, from outside in: the lanes (events, or objects of an outer query); one object of a collection; the loop
//! whose variable is the last one needed. Values of one object are computed once per object, as rows of a block, not
//! once per combination. What only the best combination needs is computed after the loops.

use std::collections::HashMap;

use crate::ir::{Aggregate, AggregateFunction, Expr, Generator, OrderKey, Query, Reduction, Type};

use super::fuse;
use super::graph::{Deps, Graph, Node, NodeId, OBJECT, OUTER_DEP};
use super::lower::{Lowerer, Val};
use super::plan::{
    AggregatePlan, Column, Group, Instruction, Level, Order, Place, Program, QueryPlan, ROW_CURSOR,
    ReductionPlan, Test, Value,
};
use super::registers::allocate;

/// Where a value is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Lane,
    Object(usize),
    Level(usize),
}

fn home(deps: Deps) -> Home {
    match deps & !OUTER_DEP {
        0 => Home::Lane,
        own if own.is_power_of_two() => Home::Object(own.trailing_zeros() as usize),
        own => Home::Level(own.ilog2() as usize),
    }
}

/// Compiles one query.
pub(super) fn schedule(mut lowerer: Lowerer<'_, '_>, query: &Query) -> QueryPlan {
    let mut conjuncts = Vec::new();
    query.predicate.iter().for_each(|conjunct| split(conjunct, &mut lowerer, &mut conjuncts));
    let wanted = Wanted::lower(&query.reduction, &mut lowerer);
    let Lowerer { graph, outer, calls, .. } = lowerer;
    let mut scheduler = Scheduler::new(&graph, &query.generators, &conjuncts);
    let tests = scheduler.lane_tests(&conjuncts);
    scheduler.level_tests();
    let (reduction, outputs) = scheduler.reduction(wanted);
    let mut plan = QueryPlan {
        id: 0,
        outputs,
        outer,
        calls,
        tests,
        lane: scheduler.lane,
        groups: scheduler.groups.into_iter().map(|group| group.plan).collect(),
        levels: scheduler.levels,
        reduction,
        nearest: None,
        registers: [0; 3],
        slots: scheduler.slots,
    };
    fuse::nearest(&mut plan);
    fuse::sines(&mut plan);
    allocate(&mut plan);
    plan
}

fn split(expr: &Expr, lowerer: &mut Lowerer<'_, '_>, conjuncts: &mut Vec<NodeId>) {
    match expr {
        Expr::And(args) => args.iter().for_each(|arg| split(arg, lowerer, conjuncts)),
        _ => {
            let node = lowerer.truth(expr);
            if !conjuncts.contains(&node) {
                conjuncts.push(node);
            }
        }
    }
}

/// The reduction in nodes.
enum Wanted {
    Aggregates(Vec<(AggregateFunction, Type, Option<NodeId>, Option<NodeId>)>),
    Exists,
    Best { float: Option<NodeId>, keys: Vec<NodeId>, values: Vec<Val> },
    List { values: Vec<Val>, keys: Vec<NodeId>, offset: u64, limit: Option<u64>, single: bool },
}

impl Wanted {
    fn lower(reduction: &Reduction, lowerer: &mut Lowerer<'_, '_>) -> Self {
        let mut lowered =
            |values: &[Expr]| -> Vec<Val> { values.iter().map(|value| lowerer.expr(value)).collect() };
        match reduction {
            Reduction::Exists => Self::Exists,
            Reduction::Aggregates(aggregates) => Self::Aggregates(
                aggregates.iter().map(|aggregate| Self::aggregate(aggregate, lowerer)).collect(),
            ),
            Reduction::First { values, order_by, offset: 0 } => {
                let values = lowered(values);
                let float = Self::float_key(order_by, lowerer);
                let keys = if float.is_some() { Vec::new() } else { lowerer.order(order_by) };
                Self::Best { float, keys, values }
            }
            Reduction::First { values, order_by, offset } => {
                let values = lowered(values);
                Self::List {
                    values,
                    keys: lowerer.order(order_by),
                    offset: *offset,
                    limit: Some(1),
                    single: true,
                }
            }
            Reduction::List { values, order_by, offset, limit } => {
                let values = lowered(values);
                let keys = lowerer.order(order_by);
                Self::List { values, keys, offset: *offset, limit: *limit, single: false }
            }
        }
    }

    fn aggregate(
        aggregate: &Aggregate,
        lowerer: &mut Lowerer<'_, '_>,
    ) -> (AggregateFunction, Type, Option<NodeId>, Option<NodeId>) {
        let take = aggregate.filter.as_ref().map(|filter| lowerer.truth(filter));
        let Some(value) = &aggregate.value else { return (aggregate.function, Type::I64, None, take) };
        let value = lowerer.expr(value);
        let take = lowerer.both(take, value.valid);
        let count = aggregate.function == AggregateFunction::Count;
        if count {
            (aggregate.function, Type::I64, None, take)
        } else {
            (aggregate.function, value.ty, Some(value.node), take)
        }
    }

    /// The one key by which the fast comparison can be made.
    fn float_key(order_by: &[OrderKey], lowerer: &mut Lowerer<'_, '_>) -> Option<NodeId> {
        let [OrderKey { expr, descending: false, .. }] = order_by else { return None };
        let key = lowerer.expr(expr);
        (key.ty.is_float() && key.valid.is_none()).then_some(key.node)
    }
}

/// A group while it is put together.
struct Draft {
    plan: Group,
    /// Graph of the row program.
    graph: Graph,
    /// The class and number of the slot of each exported node of `graph`.
    exports: HashMap<NodeId, Place>,
    placed: HashMap<NodeId, Place>,
}

struct Scheduler<'a> {
    graph: &'a Graph,
    /// Group of each variable.
    group_of: Vec<usize>,
    groups: Vec<Draft>,
    levels: Vec<Level>,
    /// Conditions of each level.
    conditions: Vec<Vec<NodeId>>,
    lane: Program,
    last: Program,
    placed: HashMap<NodeId, Place>,
    placed_last: HashMap<NodeId, Place>,
    slots: [Vec<usize>; 3],
    /// Virtual registers handed out.
    registers: usize,
    /// The level whose tests are being built, and the test.
    testing: Option<(usize, Program)>,
}

impl<'a> Scheduler<'a> {
    fn new(graph: &'a Graph, generators: &[Generator], conjuncts: &[NodeId]) -> Self {
        let position = |var| generators.iter().position(|generator| generator.var == var);
        let mut group_of: Vec<usize> = Vec::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (var, generator) in generators.iter().enumerate() {
            let group = generator.after.and_then(position).map_or(members.len(), |after| group_of[after]);
            if group == members.len() {
                members.push(Vec::new());
            }
            members[group].push(var);
            group_of.push(group);
        }
        let mut conditions = vec![Vec::new(); generators.len()];
        let mut objects = vec![Vec::new(); generators.len()];
        for &conjunct in conjuncts {
            let outer = graph.deps[conjunct] & OUTER_DEP != 0;
            match home(graph.deps[conjunct]) {
                Home::Lane => {}
                Home::Object(var) if !outer => objects[var].push(conjunct),
                Home::Object(var) => conditions[var].push(conjunct),
                Home::Level(level) => conditions[level].push(conjunct),
            }
        }
        let mut scheduler = Self {
            graph,
            group_of,
            groups: Vec::new(),
            levels: Vec::new(),
            conditions,
            lane: Program::default(),
            last: Program::default(),
            placed: HashMap::new(),
            placed_last: HashMap::new(),
            slots: [const { Vec::new() }; 3],
            registers: 0,
            testing: None,
        };
        for (var, generator) in generators.iter().enumerate() {
            let after = generator.after.and_then(position);
            let group = scheduler.group_of[var];
            scheduler.levels.push(Level {
                group,
                after,
                tests: Vec::new(),
                program: Program::default(),
                unfused: Program::default(),
            });
        }
        for vars in &members {
            let tests = scheduler.object_tests(vars, &objects);
            let depth = |var: &usize| {
                let next = |var: &usize| scheduler.levels[*var].after;
                std::iter::successors(Some(*var), next).count()
            };
            let least = vars.iter().map(depth).max().and_then(|depth| u32::try_from(depth).ok()).unwrap_or(1);
            let collection = vars.first().map_or(0, |var| generators[*var].collection);
            let plan = Group { collection, least, tests, rows: Program::default() };
            let (graph, exports, placed) = (Graph::default(), HashMap::new(), HashMap::new());
            scheduler.groups.push(Draft { plan, graph, exports, placed });
        }
        scheduler
    }

    fn register(&mut self) -> Place {
        self.registers += 1;
        Place::Register(self.registers - 1)
    }

    fn instruction(graph: &Graph, node: NodeId, args: Vec<Place>, to: Place) -> Instruction {
        Instruction { node: graph.nodes[node].clone(), class: graph.classes[node], to, cosine: None, args }
    }

    /// Conditions that all variables of a group share select its objects; the others are left to the loops.
    fn object_tests(&mut self, vars: &[usize], objects: &[Vec<NodeId>]) -> Vec<Test> {
        let mut graph = Graph::default();
        let mut copies: Vec<Vec<NodeId>> = Vec::new();
        for &var in vars {
            let mut copied = HashMap::new();
            let copy = |&node: &NodeId| copy_object(self.graph, node, &mut graph, &mut copied, &|_| false);
            copies.push(objects[var].iter().map(copy).collect());
        }
        let shared: Vec<NodeId> = copies.first().map_or(Vec::new(), |first| {
            first.iter().filter(|node| copies.iter().all(|copies| copies.contains(node))).copied().collect()
        });
        for (&var, copies) in vars.iter().zip(&copies) {
            for (&conjunct, copy) in objects[var].iter().zip(copies) {
                if !shared.contains(copy) {
                    self.conditions[var].insert(0, conjunct);
                }
            }
        }
        // Conditions without nested queries first, as one.
        let (plain, nested): (Vec<_>, Vec<_>) = shared.into_iter().partition(|node| !calls(&graph, *node));
        let plain = plain.into_iter().reduce(|all, next| graph.add(Node::And(all, next)));
        plain.into_iter().chain(nested).map(|node| self.standalone(&graph, node)).collect()
    }

    /// A test that shares nothing with other programs.
    fn standalone(&mut self, graph: &Graph, node: NodeId) -> Test {
        let mut program = Program::default();
        let mut placed = HashMap::new();
        let mask = self.straight(graph, node, &mut program, &mut placed);
        Test { program, mask }
    }

    fn straight(
        &mut self,
        graph: &Graph,
        node: NodeId,
        program: &mut Program,
        placed: &mut HashMap<NodeId, Place>,
    ) -> Place {
        if let Some(place) = placed.get(&node) {
            return *place;
        }
        let operands = graph.nodes[node].operands();
        let args = operands.into_iter().map(|arg| self.straight(graph, arg, program, placed)).collect();
        let to = self.register();
        let instruction = Self::instruction(graph, node, args, to);
        program.code.push(instruction);
        placed.insert(node, to);
        to
    }

    fn lane_tests(&mut self, conjuncts: &[NodeId]) -> Vec<Test> {
        let lanes = conjuncts.iter().filter(|node| home(self.graph.deps[**node]) == Home::Lane);
        let (mut plain, nested): (Vec<_>, Vec<_>) = lanes.partition(|node| !calls(self.graph, **node));
        plain.extend(nested);
        plain.into_iter().map(|node: &NodeId| self.standalone(self.graph, *node)).collect()
    }

    fn level_tests(&mut self) {
        for level in 0..self.levels.len() {
            for condition in std::mem::take(&mut self.conditions[level]) {
                self.testing = Some((level, Program::default()));
                let mask = self.place(condition);
                let program = self.testing.take().map(|(_, program)| program).unwrap_or_default();
                self.levels[level].tests.push(Test { program, mask });
            }
        }
    }

    /// Where the value can be read inside the loops; has it computed.
    fn place(&mut self, node: NodeId) -> Place {
        if let Some(place) = self.placed.get(&node) {
            return *place;
        }
        let place = match home(self.graph.deps[node]) {
            Home::Object(var) => {
                let slot = self.export(node, var);
                match slot {
                    Place::Row { slot, .. } => Place::Row { slot, cursor: var },
                    register => register,
                }
            }
            at => {
                let operands = self.graph.nodes[node].operands();
                let args = operands.into_iter().map(|arg| self.place(arg)).collect();
                let to = self.register();
                let instruction = Self::instruction(self.graph, node, args, to);
                match (at, &mut self.testing) {
                    (Home::Level(level), Some((testing, program))) if level == *testing => program,
                    (Home::Level(level), _) => &mut self.levels[level].program,
                    _ => &mut self.lane,
                }
                .code
                .push(instruction);
                to
            }
        };
        self.placed.insert(node, place);
        place
    }

    /// Gives a value of one object a row, in the group of its variable.
    fn export(&mut self, node: NodeId, var: usize) -> Place {
        let group = self.group_of[var];
        let source = self.graph;
        let mut outside = Vec::new();
        let mut copied = HashMap::new();
        let row_graph = &mut self.groups[group].graph;
        let is_lane = |id: NodeId| home(source.deps[id]) == Home::Lane;
        let copy = copy_object(source, node, row_graph, &mut copied, &is_lane);
        outside.extend(copied.keys().copied().filter(|id| is_lane(*id)));
        // In the order of the graph, so that the plan is the same every time.
        outside.sort_unstable();
        for id in outside {
            let place = self.place(id);
            let outside = Node::Outside(id, source.classes[id]);
            let draft = &mut self.groups[group];
            let copy = draft.graph.add(outside);
            draft.placed.insert(copy, place);
        }
        if let Some(place) = self.groups[group].exports.get(&copy) {
            return *place;
        }
        let class = source.classes[node].index();
        let slot = self.slots[class].len();
        self.slots[class].push(group);
        let to = Place::Row { slot, cursor: ROW_CURSOR };
        self.row(group, copy, Some(to));
        self.groups[group].exports.insert(copy, to);
        to
    }

    /// Emits a node of the row program.
    fn row(&mut self, group: usize, node: NodeId, to: Option<Place>) -> Place {
        if let Some(place) = self.groups[group].placed.get(&node).copied() {
            if let Some(to) = to {
                self.groups[group].plan.rows.rename(place, to);
                self.groups[group].placed.insert(node, to);
            }
            return to.unwrap_or(place);
        }
        let operands = self.groups[group].graph.nodes[node].operands();
        let args = operands.into_iter().map(|arg| self.row(group, arg, None)).collect();
        let to = to.unwrap_or_else(|| self.register());
        let draft = &mut self.groups[group];
        let (node_kind, class) = (draft.graph.nodes[node].clone(), draft.graph.classes[node]);
        draft.plan.rows.code.push(Instruction { node: node_kind, class, to, cosine: None, args });
        draft.placed.insert(node, to);
        to
    }

    /// Where the value can be read after the loops, for the combination kept.
    fn place_last(&mut self, node: NodeId) -> Place {
        if home(self.graph.deps[node]) == Home::Lane {
            return self.place(node);
        }
        if let Some(place) = self.placed_last.get(&node) {
            return *place;
        }
        let row = match (self.placed.get(&node), home(self.graph.deps[node])) {
            (Some(Place::Row { slot, .. }), Home::Object(var)) => Some((*slot, var)),
            _ => None,
        };
        let to;
        let class = self.graph.classes[node];
        if let Some((slot, var)) = row {
            to = self.register();
            let node = Node::RowAt { slot, var, class };
            self.last.code.push(Instruction { node, class, to, cosine: None, args: Vec::new() });
        } else {
            let operands = self.graph.nodes[node].operands();
            let args = operands.into_iter().map(|arg| self.place_last(arg)).collect();
            to = self.register();
            let instruction = Self::instruction(self.graph, node, args, to);
            self.last.code.push(instruction);
        }
        self.placed_last.insert(node, to);
        to
    }

    fn reduction(&mut self, wanted: Wanted) -> (ReductionPlan, Vec<Column>) {
        let nullable = |ty| Column { ty, nullable: true };
        match wanted {
            Wanted::Exists => (ReductionPlan::Exists, vec![Column { ty: Type::Bool, nullable: false }]),
            Wanted::Aggregates(aggregates) => {
                let mut plans = Vec::new();
                let mut columns = Vec::new();
                for (function, ty, value, take) in aggregates {
                    let value = value.map(|value| self.place(value));
                    let take = take.map(|take| self.place(take));
                    plans.push(AggregatePlan { function, ty, value, take });
                    columns.push(Column { ty, nullable: function != AggregateFunction::Count });
                }
                (ReductionPlan::Aggregates(plans), columns)
            }
            Wanted::Best { float, keys, values } => {
                let order = match float {
                    Some(key) => Order::Float(self.place(key)),
                    None => Order::Keys(keys.into_iter().map(|key| self.place(key)).collect()),
                };
                let columns = values.iter().map(|value| nullable(value.ty)).collect();
                let values = values.into_iter().map(|value| Value {
                    place: self.place_last(value.node),
                    valid: value.valid.map(|valid| self.place_last(valid)),
                    ty: value.ty,
                });
                let values = values.collect();
                (ReductionPlan::Best { order, last: std::mem::take(&mut self.last), values }, columns)
            }
            Wanted::List { values, keys, offset, limit, single } => {
                let columns = values
                    .iter()
                    .map(|value| Column { ty: value.ty, nullable: single || value.valid.is_some() });
                let columns = columns.collect();
                let values = values.into_iter().map(|value| Value {
                    place: self.place(value.node),
                    valid: value.valid.map(|valid| self.place(valid)),
                    ty: value.ty,
                });
                let values = values.collect();
                let keys = keys.into_iter().map(|key| self.place(key)).collect();
                (ReductionPlan::List { values, keys, offset, limit, single }, columns)
            }
        }
    }
}

/// Does the node run a nested query?
fn calls(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.nodes[node], Node::Call(_))
        || graph.nodes[node].operands().into_iter().any(|arg| calls(graph, arg))
}

/// Copies what one variable's objects need, as a function of any object of the collection. Nodes that `outside` names
/// are left where they are.
fn copy_object(
    source: &Graph,
    node: NodeId,
    target: &mut Graph,
    copied: &mut HashMap<NodeId, NodeId>,
    outside: &dyn Fn(NodeId) -> bool,
) -> NodeId {
    if let Some(copy) = copied.get(&node) {
        return *copy;
    }
    let class = source.classes[node];
    let copy = if outside(node) {
        target.add(Node::Outside(node, class))
    } else {
        let args = source.nodes[node].operands();
        let args: Vec<_> =
            args.into_iter().map(|arg| copy_object(source, arg, target, copied, outside)).collect();
        let node = source.nodes[node].rebuilt(&args);
        target.add_leaf(node, class)
    };
    copied.insert(node, copy);
    copy
}

impl Node {
    /// The same operator on other operands; own variables become the object.
    fn rebuilt(&self, args: &[NodeId]) -> Self {
        let mut node = self.clone();
        match &mut node {
            Self::Field { var, .. } | Self::FieldValid { var, .. } | Self::Index { var, .. }
                if *var < super::graph::OUTER =>
            {
                *var = OBJECT;
            }
            _ => {}
        }
        for (to, from) in node.operands_mut().into_iter().zip(args) {
            *to = *from;
        }
        node
    }
}
