//! Expressions of the IR.

use super::types::{CollectionId, Const, InputId, Query, Type, VarId};

/// Operators of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum UnaryOp {
    /// Numeric.
    Neg,
    /// Numeric.
    Abs,
    /// Numeric; −1, 0 or 1, NaN of NaN.
    Sign,
    /// Three-valued.
    Not,
    /// Of anything; never NULL.
    IsNull,
    /// Of floats.
    IsNan,
    /// Of integers: bitwise complement.
    BitNot,
    /// Floats, of either width: the correctly rounded root.
    Sqrt,
    /// Floats, of either width.
    Floor,
    /// Floats, of either width.
    Ceil,
    /// Floats, of either width: halves away from zero.
    Round,
    /// Floats, of either width: towards zero.
    Trunc,
    // `F64` only, from here on.
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
    /// Brings an angle into [−π, π].
    WrapPhi,
}

/// Operators of two arguments of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    /// Remainder with the sign of the dividend.
    Rem,
    /// `NaN` is the greatest number; NULL when either argument is.
    Least,
    /// `NaN` is the greatest number; NULL when either argument is.
    Greatest,
    /// Integers only.
    BitAnd,
    /// Integers only.
    BitOr,
    /// Integers only.
    BitXor,
    /// Integers only; NULL for a negative or too large count; bits shifted out are lost.
    Shl,
    /// Integers only; arithmetic for signed ones; NULL for a negative or too large count.
    Shr,
    /// `F64` only.
    Pow,
    /// `F64` only: `Atan2(y, x)`.
    Atan2,
    /// `F64` only.
    Hypot,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl BinaryOp {
    /// `Eq` … `Ge`: the result is `Bool`.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }
}

/// An expression. Its type follows from its parts; conversions are explicit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A literal.
    Const(Const),
    /// A value of the event.
    Scalar(InputId),
    /// A field of the object a loop variable stands at.
    Field {
        /// The loop variable, of this query or of one around it.
        var: VarId,
        /// A list of the variable's collection.
        input: InputId,
    },
    /// Place of the object in its collection, from 0. `I64`.
    Index(VarId),
    /// How many objects the event has. `I64`.
    Length(CollectionId),
    /// A list's element at an index counted from 0 (any integer type); NULL when there is none.
    Element {
        /// The list.
        input: InputId,
        /// Which element.
        index: Box<Expr>,
    },
    /// An operator of one argument.
    Unary(UnaryOp, Box<Expr>),
    /// An operator of two arguments.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Three-valued AND; TRUE when empty.
    And(Vec<Expr>),
    /// Three-valued OR; FALSE when empty.
    Or(Vec<Expr>),
    /// `CASE WHEN condition THEN value … ELSE otherwise END`.
    Case {
        /// Conditions with their values; the first TRUE one decides.
        branches: Vec<(Expr, Expr)>,
        /// The value when none is TRUE; NULL when absent.
        otherwise: Option<Box<Expr>>,
    },
    /// Conversion. Floats to integers truncate; what does not fit gives NULL. Bools and numbers convert both
    /// ways (zero is false).
    Cast(Type, Box<Expr>),
    /// One output of a subquery of the same event. It may use the variables around it.
    Subquery {
        /// The subquery; not a list.
        query: Box<Query>,
        /// Which of its outputs.
        output: usize,
    },
}

impl From<Const> for Expr {
    fn from(value: Const) -> Self {
        Self::Const(value)
    }
}

impl From<f64> for Expr {
    fn from(value: f64) -> Self {
        Self::Const(Const::f64(value))
    }
}

impl Expr {
    /// `op(self)`.
    #[must_use]
    pub fn unary(self, op: UnaryOp) -> Self {
        Self::Unary(op, Box::new(self))
    }

    /// `self op other`.
    #[must_use]
    pub fn binary(self, op: BinaryOp, other: Self) -> Self {
        Self::Binary(op, Box::new(self), Box::new(other))
    }

    /// `CAST(self AS ty)`.
    #[must_use]
    pub fn cast(self, ty: Type) -> Self {
        Self::Cast(ty, Box::new(self))
    }

    /// `COALESCE(self, other)`.
    #[must_use]
    pub fn or_else(self, other: Self) -> Self {
        Self::Case {
            branches: vec![(self.clone().unary(UnaryOp::IsNull), other)],
            otherwise: Some(Box::new(self)),
        }
    }

    /// The parts of the expression, without those inside a subquery.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Const(_) | Self::Scalar(_) | Self::Field { .. } | Self::Index(_) | Self::Length(_) => {
                Vec::new()
            }
            Self::Subquery { .. } => Vec::new(),
            Self::Element { index, .. } => vec![index],
            Self::Unary(_, arg) | Self::Cast(_, arg) => vec![arg],
            Self::Binary(_, left, right) => vec![left, right],
            Self::And(args) | Self::Or(args) => args.iter().collect(),
            Self::Case { branches, otherwise } => {
                branches.iter().flat_map(|(c, v)| [c, v]).chain(otherwise.as_deref()).collect()
            }
        }
    }
}
