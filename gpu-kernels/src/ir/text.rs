//! Kernels as text: S-expressions, one token per atom, floats as their bits. Made to be carried between
//! processes; for reading there is `Display`.

mod read;
mod write;

use super::expr::{BinaryOp, UnaryOp};
use super::types::{AggregateFunction, ColumnType, Type};

/// Gives an enum its names and the way back.
macro_rules! names {
    ($type:ty { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// The name used in kernel text.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            pub(super) fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names!(Type { Bool = "bool", I32 = "i32", I64 = "i64", U32 = "u32", U64 = "u64", F32 = "f32", F64 = "f64" });
names!(ColumnType {
    Bool = "bool", I8 = "i8", I16 = "i16", I32 = "i32", I64 = "i64",
    U8 = "u8", U16 = "u16", U32 = "u32", U64 = "u64", F32 = "f32", F64 = "f64",
});
names!(AggregateFunction {
    Count = "count", Sum = "sum", Min = "min", Max = "max", Avg = "avg", BoolAnd = "bool_and", BoolOr = "bool_or",
});
names!(UnaryOp {
    Neg = "neg", Abs = "abs", Sign = "sign", Not = "not", IsNull = "is_null", IsNan = "is_nan", BitNot = "bit_not",
    Sqrt = "sqrt", Floor = "floor", Ceil = "ceil", Round = "round", Trunc = "trunc", Cbrt = "cbrt",
    Exp = "exp", Exp2 = "exp2", ExpM1 = "expm1", Ln = "ln", Log2 = "log2", Log10 = "log10", Ln1p = "ln1p",
    Sin = "sin", Cos = "cos", Tan = "tan", Asin = "asin", Acos = "acos", Atan = "atan",
    Sinh = "sinh", Cosh = "cosh", Tanh = "tanh", Asinh = "asinh", Acosh = "acosh", Atanh = "atanh",
    WrapPhi = "wrap_phi",
});
names!(BinaryOp {
    Add = "add", Sub = "sub", Mul = "mul", Div = "div", Rem = "rem", Least = "least", Greatest = "greatest",
    BitAnd = "bit_and", BitOr = "bit_or", BitXor = "bit_xor", Shl = "shl", Shr = "shr",
    Pow = "pow", Atan2 = "atan2", Hypot = "hypot",
    Eq = "eq", Ne = "ne", Lt = "lt", Le = "le", Gt = "gt", Ge = "ge",
});
