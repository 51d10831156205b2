//! The nouns of the IR: types, constants, inputs, collections, queries and reductions.

use super::expr::Expr;

/// Type of a value inside a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// Three-valued when NULL can occur.
    Bool,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 32-bit unsigned integer.
    U32,
    /// 64-bit unsigned integer.
    U64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Type {
    /// `I32`, `I64`, `U32` or `U64`.
    #[must_use]
    pub fn is_integer(self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::U32 | Self::U64)
    }

    /// `F32` or `F64`.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Anything but `Bool`.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        self != Self::Bool
    }
}

/// Type of an input column as it lies in memory. Small integers are widened when read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ColumnType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl ColumnType {
    /// The type an expression reading this column has: `I8`, `I16` give `I32`; `U8`, `U16` give `U32`.
    #[must_use]
    pub fn value_type(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::I8 | Self::I16 | Self::I32 => Type::I32,
            Self::I64 => Type::I64,
            Self::U8 | Self::U16 | Self::U32 => Type::U32,
            Self::U64 => Type::U64,
            Self::F32 => Type::F32,
            Self::F64 => Type::F64,
        }
    }
}

/// A literal. Floats are kept as bits, so that kernels compare and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Const {
    /// NULL of a type.
    Null(Type),
    Bool(bool),
    I32(i32),
    I64(i64),
    U32(u32),
    U64(u64),
    /// Bits of an `f32`.
    F32(u32),
    /// Bits of an `f64`.
    F64(u64),
}

impl Const {
    /// A double precision literal.
    #[must_use]
    pub fn f64(value: f64) -> Self {
        Self::F64(value.to_bits())
    }

    /// A single precision literal.
    #[must_use]
    pub fn f32(value: f32) -> Self {
        Self::F32(value.to_bits())
    }

    /// The type of the literal.
    #[must_use]
    pub fn ty(self) -> Type {
        match self {
            Self::Null(ty) => ty,
            Self::Bool(_) => Type::Bool,
            Self::I32(_) => Type::I32,
            Self::I64(_) => Type::I64,
            Self::U32(_) => Type::U32,
            Self::U64(_) => Type::U64,
            Self::F32(_) => Type::F32,
            Self::F64(_) => Type::F64,
        }
    }
}

/// Position in [`Kernel::inputs`].
pub type InputId = usize;
/// Position in [`Kernel::collections`].
pub type CollectionId = usize;
/// Name of a loop variable. A query must not reuse an id of a query around it; siblings may.
pub type VarId = u32;

/// Where the values of an [`Input`] come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// One value per event, handed over by the caller.
    Scalar,
    /// One list per event, handed over by the caller; all lists of a collection share one offsets slice.
    List(CollectionId),
    /// A field of a derived collection: output number `value` of each of its parts.
    Derived {
        /// The derived collection.
        collection: CollectionId,
        /// Position in the values of each part.
        value: usize,
    },
}

/// A column, or a field of a derived collection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// Name, for printing and for messages: `Jet_pt`, `MET_pt`.
    pub name: String,
    /// Type in memory.
    pub ty: ColumnType,
    /// Event value, list, or derived field.
    pub source: Source,
}

impl Input {
    /// The collection of a list or of a derived field.
    #[must_use]
    pub fn collection(&self) -> Option<CollectionId> {
        match self.source {
            Source::Scalar => None,
            Source::List(collection) | Source::Derived { collection, .. } => Some(collection),
        }
    }
}

/// A set of lists with the same lengths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Collection {
    /// Name, for printing: `Jet`.
    pub name: String,
    /// Empty: the lists are input columns. Else the collection is derived: for every event, the lists that
    /// these queries give (each a [`Reduction::List`] with the same value types), one after the other. Parts
    /// may use collections that come earlier in the kernel.
    pub parts: Vec<Query>,
}

/// A loop nest with a reduction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// The loops, outermost first. None: exactly one combination, the empty one.
    pub generators: Vec<Generator>,
    /// Conjuncts: a combination is taken when all are TRUE.
    pub predicate: Vec<Expr>,
    /// What is made of the combinations taken.
    pub reduction: Reduction,
}

/// `FROM <collection> <var>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Generator {
    /// Id of the variable.
    pub var: VarId,
    /// Its name in the query, for printing.
    pub name: String,
    /// What it runs over.
    pub collection: CollectionId,
    /// The bound `idx(after) < idx(var)`, where `after` is an earlier generator of this query over the same
    /// collection.
    pub after: Option<VarId>,
}

/// One key of `ORDER BY`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// What to order by.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// What an aggregate computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// Combinations taken, or those with a value that is not NULL. `I64`.
    Count,
    /// Sum of `F64`, `I64` or `U64` (the type stays; an overflow gives NULL).
    Sum,
    /// Least value (of any numeric type).
    Min,
    /// Greatest value (of any numeric type).
    Max,
    /// Mean of `F64`.
    Avg,
    /// TRUE when every value that is not NULL is.
    BoolAnd,
    /// TRUE when some value is.
    BoolOr,
}

/// An aggregate with its argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Aggregate {
    /// What to compute.
    pub function: AggregateFunction,
    /// Of what; NULL values are skipped. Only `Count` works without.
    pub value: Option<Expr>,
    /// `FILTER (WHERE …)`: combinations where this is not TRUE are skipped.
    pub filter: Option<Expr>,
}

/// What a query makes of the combinations it takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Aggregates over one loop nest, one output each.
    Aggregates(Vec<Aggregate>),
    /// Is there a combination? One output, `Bool`, never NULL.
    Exists,
    /// `SELECT values … ORDER BY … LIMIT 1 OFFSET …`: values of one combination, all NULL when there is none.
    /// Without `order_by`, the first in generator order.
    First {
        /// One output each.
        values: Vec<Expr>,
        /// Most significant key first.
        order_by: Vec<OrderKey>,
        /// Combinations to skip.
        offset: u64,
    },
    /// `ARRAY(SELECT value … ORDER BY … LIMIT … OFFSET …)`, one list output per value. Only as the body of the
    /// kernel or as a part of a derived collection.
    List {
        /// One list each, all of the same lengths.
        values: Vec<Expr>,
        /// Most significant key first.
        order_by: Vec<OrderKey>,
        /// Combinations to skip.
        offset: u64,
        /// At most so many.
        limit: Option<u64>,
    },
}

/// An event subquery, ready to be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// Columns and derived fields.
    pub inputs: Vec<Input>,
    /// Collections.
    pub collections: Vec<Collection>,
    /// What is computed for every event.
    pub body: Query,
}

impl Kernel {
    /// The inputs the caller hands over, in the order in which they are handed over: all but derived fields.
    pub fn columns(&self) -> impl Iterator<Item = (InputId, &Input)> {
        self.inputs.iter().enumerate().filter(|(_, input)| !matches!(input.source, Source::Derived { .. }))
    }
}
