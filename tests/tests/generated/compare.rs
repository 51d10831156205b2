//! The engine's answer beside the interpreter's.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type},
};

use super::{
    syntax::E,
    value::{Out, Ty, V},
};

fn data_type(ty: Ty) -> DataType {
    match ty {
        Ty::Bool => DataType::Boolean,
        Ty::I32 => DataType::Int32,
        Ty::I64 => DataType::Int64,
        Ty::F32 => DataType::Float32,
        Ty::F64 => DataType::Float64,
    }
}

/// What is wrong with a column's type, if anything.
pub(crate) fn wrong_type(expr: &E, found: &DataType) -> Option<String> {
    let wanted = data_type(expr.ty);
    let found = match found {
        DataType::List(item) if expr.list => item.data_type(),
        other => other,
    };
    (*found != wanted).then(|| format!("the column is {found}, expected {wanted}"))
}

/// What an array holds at a place.
pub(crate) fn found(array: &ArrayRef, row: usize) -> Out {
    match array.data_type() {
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            Out::Many((0..values.len()).map(|place| one(&values, place)).collect())
        }
        _ => Out::One(one(array, row)),
    }
}

fn one(array: &ArrayRef, row: usize) -> V {
    if array.is_null(row) {
        return V::Null;
    }
    match array.data_type() {
        DataType::Boolean => V::B(array.as_boolean().value(row)),
        DataType::Int32 => V::I(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => V::I(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => V::F(array.as_primitive::<Float32Type>().value(row).into(), 0.0),
        DataType::Float64 => V::F(array.as_primitive::<Float64Type>().value(row), 0.0),
        DataType::Null => V::Null,
        other => panic!("a column of {other}"),
    }
}

pub(crate) fn same(found: &Out, wanted: &Out) -> bool {
    match (found, wanted) {
        (Out::One(found), Out::One(wanted)) => same_value(*found, *wanted),
        (Out::Many(found), Out::Many(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| same_value(*a, *b))
        }
        _ => false,
    }
}

fn same_value(found: V, wanted: V) -> bool {
    match (found, wanted) {
        (V::Null, V::Null) => true,
        (V::B(a), V::B(b)) => a == b,
        (V::I(a), V::I(b)) => a == b,
        (V::F(..), V::F(_, error)) if error == f64::INFINITY => true,
        (V::F(a, _), V::F(b, _)) if a.is_nan() || b.is_nan() => a.is_nan() == b.is_nan(),
        (V::F(a, _), V::F(b, 0.0)) => a.to_bits() == b.to_bits(),
        (V::F(a, _), V::F(b, error)) => (a - b).abs() <= 2.0 * error,
        _ => false,
    }
}

pub(crate) fn shown(out: &Out) -> String {
    let one = |value: &V| match value {
        V::Null => "NULL".to_owned(),
        V::B(value) => value.to_string(),
        V::I(value) => value.to_string(),
        V::F(x, 0.0) => format!("{x:?}"),
        V::F(x, error) => format!("{x:?} ± {error:e}"),
    };
    match out {
        Out::One(value) => one(value),
        Out::Many(values) => format!("[{}]", values.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}
