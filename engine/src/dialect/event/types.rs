//! Types of kernel expressions: what SQL's operators make of them.

use ana_kernels::ir::{BinaryOp, ColumnType, Const, Expr, Query, Reduction, Type, UnaryOp};
use arrow::datatypes::DataType;

/// A kernel expression with its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    /// `None` for NULL without a type.
    pub(super) ty: Option<Type>,
}

impl Typed {
    pub(super) fn new(expr: Expr, ty: Type) -> Self {
        Self { expr, ty: Some(ty) }
    }

    pub(super) fn boolean(expr: Expr) -> Self {
        Self::new(expr, Type::Bool)
    }

    pub(super) fn f64(expr: Expr) -> Self {
        Self::new(expr, Type::F64)
    }

    pub(super) fn null() -> Self {
        Self { expr: Const::Null(Type::F64).into(), ty: None }
    }

    /// The expression as this type; constants are converted here.
    pub(super) fn to(self, wanted: Type) -> Expr {
        match (self.ty, self.expr) {
            (None, _) => Const::Null(wanted).into(),
            (Some(ty), expr) if ty == wanted => expr,
            (Some(_), Expr::Const(Const::I64(value))) if wanted == Type::F64 =>
            {
                #[allow(clippy::cast_precision_loss, reason = "as SQL converts a literal")]
                Const::f64(value as f64).into()
            }
            (Some(_), expr) => expr.cast(wanted),
        }
    }
}

/// What numbers are computed in: f64 as soon as one is a float, else 64-bit integers.
pub(super) fn common_number(left: Option<Type>, right: Option<Type>) -> Type {
    let types = [left, right];
    if types.into_iter().flatten().any(Type::is_float) {
        Type::F64
    } else if types.into_iter().flatten().all(|ty| ty == Type::U64) && types.iter().any(Option::is_some) {
        Type::U64
    } else if types.iter().all(Option::is_none) {
        Type::F64
    } else {
        Type::I64
    }
}

/// The type that values of several types are brought to without being computed with; `None` if there is none.
pub(super) fn common_type(types: &[Option<Type>]) -> Option<Type> {
    let mut known = types.iter().copied().flatten();
    let Some(first) = known.next() else { return Some(Type::F64) };
    if types.iter().flatten().all(|ty| *ty == first) {
        return Some(first);
    }
    if types.iter().flatten().any(|ty| *ty == Type::Bool) {
        return None;
    }
    Some(types.iter().copied().reduce(|all, ty| Some(common_number(all, ty))).flatten().unwrap_or(Type::F64))
}

/// How a kernel reads a column; `None` for what is neither number nor boolean.
pub(super) fn column_type(data_type: &DataType) -> Option<ColumnType> {
    Some(match data_type {
        DataType::Boolean => ColumnType::Bool,
        DataType::Int8 => ColumnType::I8,
        DataType::Int16 => ColumnType::I16,
        DataType::Int32 => ColumnType::I32,
        DataType::Int64 => ColumnType::I64,
        DataType::UInt8 => ColumnType::U8,
        DataType::UInt16 => ColumnType::U16,
        DataType::UInt32 => ColumnType::U32,
        DataType::UInt64 => ColumnType::U64,
        DataType::Float32 => ColumnType::F32,
        DataType::Float64 => ColumnType::F64,
        _ => return None,
    })
}

/// What SQL calls a type.
pub(super) fn name(ty: Option<Type>) -> &'static str {
    match ty {
        None => "NULL",
        Some(Type::Bool) => "a boolean",
        Some(ty) if ty.is_float() => "a number",
        Some(_) => "an integer",
    }
}

/// A query without loops: one row of values.
pub(super) fn row(values: Vec<Expr>) -> Query {
    Query {
        generators: vec![],
        predicate: vec![],
        reduction: Reduction::First { values, order_by: vec![], offset: 0 },
    }
}

/// `NOT expr`.
pub(super) fn not(expr: Expr) -> Expr {
    expr.unary(UnaryOp::Not)
}

/// `expr IS NULL`.
pub(super) fn is_null(expr: Expr) -> Expr {
    expr.unary(UnaryOp::IsNull)
}

/// `least` and `greatest` as SQL has them: NULL arguments are passed over.
pub(super) fn extreme(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Case {
        branches: vec![(is_null(left.clone()), right.clone()), (is_null(right.clone()), left.clone())],
        otherwise: Some(Box::new(left.binary(op, right))),
    }
}

/// How values of a type are kept in a column.
pub(super) fn stored(ty: Type) -> ColumnType {
    match ty {
        Type::Bool => ColumnType::Bool,
        Type::I32 => ColumnType::I32,
        Type::I64 => ColumnType::I64,
        Type::U32 => ColumnType::U32,
        Type::U64 => ColumnType::U64,
        Type::F32 => ColumnType::F32,
        Type::F64 => ColumnType::F64,
    }
}
