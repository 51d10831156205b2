//! Expressions of one query as a graph without repetitions.
//!
//! A node is a vector operator on one of three classes of lane values: floats (`F32` values too: they are widened and
//! rounded after every operator, which gives the same bits as single precision arithmetic), integers of all types in
//! 64 bits, and masks. NULL is a second node, a mask, beside the value.

use std::collections::HashMap;

use crate::ir::{CollectionId, InputId, Type};

/// Position of a node in its graph.
pub(super) type NodeId = usize;

/// How the values of a node lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// `f64`: `F32` and `F64` values.
    Float,
    /// `i64`: integers of all types; `U64` as its bits.
    Int,
    /// `u8`, 0 or 1: `Bool` values and validity.
    Mask,
}

impl Class {
    pub(super) fn of(ty: Type) -> Self {
        match ty {
            Type::Bool => Self::Mask,
            Type::F32 | Type::F64 => Self::Float,
            _ => Self::Int,
        }
    }
}

/// Operators float → float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Float1 {
    Neg,
    Abs,
    Sign,
    Sqrt,
    Floor,
    Ceil,
    Round,
    Trunc,
    Cbrt,
    Exp,
    Exp2,
    ExpM1,
    Ln,
    Log2,
    Log10,
    Ln1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    WrapPhi,
    /// Rounds to single precision.
    Single,
}

/// Operators float, float → float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Float2 {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Least,
    Greatest,
    Pow,
    Atan2,
    Hypot,
}

/// Operators integer → integer. Results that do not exist are arbitrary: see [`Node::Int1Exists`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Int1 {
    Neg,
    Abs,
    Sign,
    BitNot,
}

/// Operators integer, integer → integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Int2 {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Least,
    Greatest,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A value of every lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// Bits of an `f64`.
    ConstFloat(u64),
    ConstInt(i64),
    ConstMask(bool),
    /// Value of the lane's event.
    Event(InputId),
    EventValid(InputId),
    /// Field of the object a variable stands at. Own variables are counted from 0, those of queries around this one
    /// from [`OUTER`].
    Field {
        var: usize,
        input: InputId,
    },
    FieldValid {
        var: usize,
        input: InputId,
    },
    Index {
        var: usize,
        collection: CollectionId,
    },
    Length(CollectionId),
    /// Element of a list of the lane's event.
    Element {
        input: InputId,
        index: NodeId,
    },
    /// Is there such an element, and is it not NULL?
    ElementValid {
        input: InputId,
        index: NodeId,
    },
    /// Runs a nested query; its results are [`Node::Result`]s.
    Call(usize),
    Result {
        call: NodeId,
        query: usize,
        output: usize,
        class: Class,
    },
    ResultValid {
        call: NodeId,
        query: usize,
        output: usize,
    },
    /// Output of a query that depends on the event alone, computed once for all events.
    Hoisted {
        query: usize,
        output: usize,
        class: Class,
    },
    HoistedValid {
        query: usize,
        output: usize,
    },
    Float1(Float1, NodeId),
    Float2(Float2, NodeId, NodeId),
    Int1(Int1, Type, NodeId),
    Int1Exists(Int1, Type, NodeId),
    Int2(Int2, Type, NodeId, NodeId),
    Int2Exists(Int2, Type, NodeId, NodeId),
    /// Truncates.
    FloatToInt(Type, NodeId),
    FloatToIntExists(Type, NodeId),
    /// Does an integer of the first type fit the second?
    IntFits(Type, Type, NodeId),
    IntToFloat(Type, NodeId),
    /// To single precision, rounded once.
    IntToSingle(Type, NodeId),
    MaskToInt(NodeId),
    IsNan(NodeId),
    /// Integers in whose order floats sort: every NaN last, both zeros equal.
    FloatOrder(NodeId),
    /// Signed integers in whose order `U64` sort.
    UnsignedOrder(NodeId),
    CompareFloat(Compare, NodeId, NodeId),
    CompareInt(Compare, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Xor(NodeId, NodeId),
    Not(NodeId),
    /// Where the mask is set the second, else the third.
    Select(NodeId, NodeId, NodeId),
    /// A node of the query's graph that is computed outside of this program.
    Outside(NodeId, Class),
    /// A row of the object the variable stands at in the combination kept.
    RowAt {
        slot: usize,
        var: usize,
        class: Class,
    },
    /// √max(e² − x² − y² − z², 0) with x = x₁ + x₂ and so on; arguments (e₁, e₂, x₁, x₂, …). Made by fusion.
    MassOfSum([NodeId; 8]),
}

/// First number of the variables of queries around this one.
pub(super) const OUTER: usize = 1 << 8;
/// The variable of programs that run over the objects of one collection.
pub(super) const OBJECT: usize = usize::MAX;

/// Which variables a node depends on: bit v for own variable v, bit 15 for any outer one.
pub(super) type Deps = u16;
/// The bit of outer variables.
pub(super) const OUTER_DEP: Deps = 1 << 15;

/// The nodes, each once, operands before operators.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) classes: Vec<Class>,
    pub(super) deps: Vec<Deps>,
    known: HashMap<Node, NodeId>,
}

impl Graph {
    /// The node, added when it is new. `deps` of a call are the caller's to say.
    pub(super) fn add_with(&mut self, node: Node, deps: Deps) -> NodeId {
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = self.nodes.len();
        let deps = node.operands().iter().fold(deps | node.own_deps(), |all, &arg| all | self.deps[arg]);
        self.classes.push(self.class_of(&node));
        self.deps.push(deps);
        self.known.insert(node.clone(), id);
        self.nodes.push(node);
        id
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.add_with(node, 0)
    }

    fn class_of(&self, node: &Node) -> Class {
        match node {
            Node::Select(_, yes, _) => self.classes[*yes],
            _ => node.class(),
        }
    }

    /// Gives leaves that read columns their class, which the node alone does not tell.
    pub(super) fn add_leaf(&mut self, node: Node, class: Class) -> NodeId {
        let id = self.add(node);
        self.classes[id] = class;
        id
    }
}

impl Node {
    pub(super) fn operands(&self) -> Vec<NodeId> {
        // One list of the operators' shapes, the mutable one.
        self.clone().operands_mut().into_iter().map(|id| *id).collect()
    }

    pub(super) fn operands_mut(&mut self) -> Vec<&mut NodeId> {
        match self {
            Self::Element { index, .. } | Self::ElementValid { index, .. } => vec![index],
            Self::Result { call, .. } | Self::ResultValid { call, .. } => vec![call],
            Self::Float1(_, a)
            | Self::Int1(_, _, a)
            | Self::Int1Exists(_, _, a)
            | Self::FloatToInt(_, a)
            | Self::FloatToIntExists(_, a)
            | Self::IntFits(_, _, a)
            | Self::IntToFloat(_, a)
            | Self::IntToSingle(_, a)
            | Self::MaskToInt(a)
            | Self::IsNan(a)
            | Self::FloatOrder(a)
            | Self::UnsignedOrder(a)
            | Self::Not(a) => vec![a],
            Self::Float2(_, a, b)
            | Self::Int2(_, _, a, b)
            | Self::Int2Exists(_, _, a, b)
            | Self::CompareFloat(_, a, b)
            | Self::CompareInt(_, a, b)
            | Self::And(a, b)
            | Self::Or(a, b)
            | Self::Xor(a, b) => vec![a, b],
            Self::Select(a, b, c) => vec![a, b, c],
            Self::MassOfSum(args) => args.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    fn own_deps(&self) -> Deps {
        match *self {
            Self::Field { var, .. } | Self::FieldValid { var, .. } | Self::Index { var, .. }
                if var != OBJECT =>
            {
                if var < OUTER {
                    1 << var
                } else {
                    OUTER_DEP
                }
            }
            _ => 0,
        }
    }

    /// Class of the value; for columns a guess that [`Graph::add_leaf`] corrects.
    fn class(&self) -> Class {
        match self {
            Self::Result { class, .. }
            | Self::Hoisted { class, .. }
            | Self::Outside(_, class)
            | Self::RowAt { class, .. } => *class,
            Self::ConstInt(_)
            | Self::Index { .. }
            | Self::Length(_)
            | Self::Int1(..)
            | Self::Int2(..)
            | Self::FloatToInt(..)
            | Self::MaskToInt(_)
            | Self::FloatOrder(_)
            | Self::UnsignedOrder(_) => Class::Int,
            Self::ConstMask(_)
            | Self::EventValid(_)
            | Self::FieldValid { .. }
            | Self::ElementValid { .. }
            | Self::ResultValid { .. }
            | Self::HoistedValid { .. }
            | Self::Int1Exists(..)
            | Self::Int2Exists(..)
            | Self::FloatToIntExists(..)
            | Self::IntFits(..)
            | Self::IsNan(_)
            | Self::CompareFloat(..)
            | Self::CompareInt(..)
            | Self::And(..)
            | Self::Or(..)
            | Self::Xor(..)
            | Self::Not(_) => Class::Mask,
            _ => Class::Float,
        }
    }
}
