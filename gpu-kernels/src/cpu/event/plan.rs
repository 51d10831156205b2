//! A compiled query: straight-line programs, and where in the loop nest each of them runs.

use crate::ir::{AggregateFunction, CollectionId, Type, VarId};

use super::graph::{Class, Node};

/// Where an operand lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A register of the operand's class.
    Register(usize),
    /// The row of the object that variable number `cursor` stands at.
    Row { slot: usize, cursor: usize },
}

/// The cursor of programs that fill rows, beside one for every variable.
pub(super) const ROW_CURSOR: usize = crate::ir::MAX_GENERATORS;

/// One vector operation: `to ← node(args)`. The operand ids inside `node` mean nothing here.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub(super) node: Node,
    pub(super) class: Class,
    pub(super) to: Place,
    /// For a sine, where the cosine of the same angle goes.
    pub(super) cosine: Option<Place>,
    pub(super) args: Vec<Place>,
}

impl Instruction {
    /// What it computes.
    pub(super) fn results(&self) -> impl Iterator<Item = Place> {
        [self.to].into_iter().chain(self.cosine)
    }

    /// What it reads and computes.
    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.args.iter_mut().chain([&mut self.to]).chain(&mut self.cosine)
    }
}

/// Instructions in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    pub(super) code: Vec<Instruction>,
}

/// A value that a program leaves behind, and where it is not NULL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) place: Place,
    pub(super) valid: Option<Place>,
    pub(super) ty: Type,
}

/// A condition: a program, and the mask it leaves behind.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) program: Program,
    pub(super) mask: Place,
}

/// Type of an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) ty: Type,
    pub(super) nullable: bool,
}

/// A nested query that depends on variables of this one, or of one around it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) plan: QueryPlan,
    /// For each outer variable of the nested query, its number here.
    pub(super) vars: Vec<usize>,
}

/// Variables over the same objects of a collection: one selection, one set of rows.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) collection: CollectionId,
    /// An event with fewer objects has no combination.
    pub(super) least: u32,
    /// Conditions on one object, in the order in which they are tried.
    pub(super) tests: Vec<Test>,
    /// Fills the rows of the objects number k.
    pub(super) rows: Program,
}

/// A loop.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) group: usize,
    /// The loop starts behind this variable's object.
    pub(super) after: Option<usize>,
    pub(super) tests: Vec<Test>,
    /// What deeper levels need, computed where the tests leave lanes.
    pub(super) program: Program,
    /// More of that, which [`NearestPlan`] does without.
    pub(super) unfused: Program,
}

/// One aggregate.
#[derive(Debug)]
pub(super) struct AggregatePlan {
    pub(super) function: AggregateFunction,
    pub(super) ty: Type,
    pub(super) value: Option<Place>,
    /// Combinations to skip: NULLs and those the filter refuses.
    pub(super) take: Option<Place>,
}

/// How combinations are ordered.
#[derive(Debug)]
pub(super) enum Order {
    /// By one float, ascending, never NULL.
    Float(Place),
    /// By integers, ascending, most significant first; none: generator order.
    Keys(Vec<Place>),
}

/// What is made of the combinations.
#[derive(Debug)]
pub(super) enum ReductionPlan {
    Aggregates(Vec<AggregatePlan>),
    Exists,
    /// The first in order; `last` gives its values.
    Best {
        order: Order,
        last: Program,
        values: Vec<Value>,
    },
    /// All; `single`: of each lane only the first after `offset`.
    List {
        values: Vec<Value>,
        keys: Vec<Place>,
        offset: u64,
        limit: Option<u64>,
        single: bool,
    },
}

/// The innermost loop of `ORDER BY abs(mass(…) - target) LIMIT 1`, as one loop.
#[derive(Debug)]
pub(super) struct NearestPlan {
    /// Energy, px, py and pz: what the outer variables give, to be added in this order …
    pub(super) outer: [Vec<Place>; 4],
    /// … and the rows of the innermost one.
    pub(super) inner: [usize; 4],
    pub(super) target: f64,
}

/// A compiled query.
#[derive(Debug)]
pub(super) struct QueryPlan {
    /// Which scratch it uses.
    pub(super) id: usize,
    pub(super) outputs: Vec<Column>,
    /// Variables of queries around this one that it uses.
    pub(super) outer: Vec<VarId>,
    pub(super) calls: Vec<Call>,
    /// Conditions on the event and outer variables alone.
    pub(super) tests: Vec<Test>,
    /// Values of the event and outer variables, for all levels.
    pub(super) lane: Program,
    pub(super) groups: Vec<Group>,
    pub(super) levels: Vec<Level>,
    pub(super) reduction: ReductionPlan,
    pub(super) nearest: Option<NearestPlan>,
    /// Registers needed of each class: float, int, mask.
    pub(super) registers: [usize; 3],
    /// Rows needed of each class, and the group of each.
    pub(super) slots: [Vec<usize>; 3],
}

impl Class {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Float => 0,
            Self::Int => 1,
            Self::Mask => 2,
        }
    }
}

/// One step of a kernel for a chunk of events, in order.
#[derive(Debug)]
pub(super) enum Stage {
    /// A query that depends on the event alone.
    Hoisted(Box<QueryPlan>),
    /// The parts of a derived collection.
    Derived(CollectionId, Vec<QueryPlan>),
}

/// A compiled kernel.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stages: Vec<Stage>,
    pub(super) body: QueryPlan,
    pub(super) queries: usize,
    pub(super) hoisted: usize,
}
