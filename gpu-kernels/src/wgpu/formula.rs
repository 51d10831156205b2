//! Kernels of the IR in WGSL: a value of an event between bounds, and with them its bin, or a mark that the CPU has to decide.
//!
//! Shaders have no f64, drivers fuse and reorder, and functions have loose bounds. So a shader does not compute *the*
//! value but an interval of f32 that holds what the CPU computes (`shaders/intervals.wgsl` says how), and for conditions
//! the set of truths that are possible. Loops run over all combinations that *may* be taken. Where all that is possible
//! leads to one bin, that is the CPU's bin; the other events are marked, and the CPU evaluates them with its own kernel.
//!
//! Not every kernel has a form: [`source`] gives the reason.

mod constant;
mod expression;
mod query;
mod reduce;
mod writer;

use std::fmt::Write;

use crate::ir::{ColumnType, Kernel, OutputType, Source, Type};
use expression::Scope;
use writer::Writer;

/// Why a kernel has no form in WGSL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoForm(pub(crate) String);

type Form<T> = Result<T, NoForm>;

fn no_form<T>(what: impl Into<String>) -> Form<T> {
    Err(NoForm(what.into()))
}

/// What becomes of an output of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Its bin on an axis.
    Bin(usize),
    /// Whether it is true.
    Mask(usize),
}

/// Vectors of parameters in front of the inputs.
pub(super) const BEFORE_INPUTS: usize = 1;

/// The most vectors of parameters that a step has.
pub(super) const MOST_VECTORS: usize = 32;

/// The entry point of a kernel. Its parameters are (events, first word of the marks), then of every column (values,
/// validity, starts), then of every use where it goes and, for bins, the thresholds.
///
/// # Errors
/// What has no form.
pub(crate) fn source(kernel: &Kernel, uses: &[Use]) -> Form<String> {
    let columns = kernel.columns().count();
    if columns == 0 {
        return no_form("no columns");
    }
    if BEFORE_INPUTS + columns + uses.len() > MOST_VECTORS {
        return no_form(format!("{columns} columns"));
    }
    let mut scope = Scope::new(kernel);
    let outputs = scope.query(&kernel.body)?;
    for (number, of) in uses.iter().enumerate() {
        let place = format!("step.at[{}]", BEFORE_INPUTS + columns + number);
        let (function, output) = match *of {
            Use::Bin(output) => ("put_bin", output),
            Use::Mask(output) => ("put_mask", output),
        };
        let Some(value) = outputs.get(output) else { return no_form("an output that is not there") };
        match (of, value.class) {
            (Use::Mask(_), writer::Class::Bool) => {}
            (Use::Bin(_), writer::Class::Integer | writer::Class::Float) => {}
            _ => return no_form("truth on an axis"),
        }
        scope.writer.line(&format!("{function}({}, {place}, event);", value.name));
    }
    let body = scope.writer.finish();
    let mut text = loads(kernel);
    let _infallible = write!(
        text,
        "fn one(event: u32) {{\n{body}}}\n\n\
         @compute @workgroup_size(256)\n\
         fn formula(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{\n\
         for (var event = id.x; event < step.at[0].x; event += groups.x * GROUP) {{\none(event);\n}}\n}}\n"
    );
    Ok(text)
}

/// Why the outputs of a kernel have no form, if they have none: each is looked at as a value on an axis or, if it is a
/// truth, as a mask.
pub(crate) fn why_not(kernel: &Kernel) -> Option<String> {
    let outputs = match kernel.check() {
        Ok(outputs) => outputs,
        Err(error) => return Some(error.to_string()),
    };
    let of = |(output, of): (usize, &OutputType)| match of.ty {
        Type::Bool => Use::Mask(output),
        _ => Use::Bin(output),
    };
    let uses: Vec<Use> = outputs.iter().enumerate().map(of).collect();
    source(kernel, &uses).err().map(|reason| reason.to_string())
}

/// A function for every column.
fn loads(kernel: &Kernel) -> String {
    let mut text = String::new();
    for (number, (id, input)) in kernel.columns().enumerate() {
        let (function, gives) = match input.ty {
            ColumnType::Bool => ("load_bool", "u32"),
            ColumnType::F32 => ("load_f32", "N"),
            ColumnType::F64 => ("load_f64", "N"),
            ColumnType::I8 | ColumnType::I16 | ColumnType::I32 => ("load_i32", "N"),
            ColumnType::U8 | ColumnType::U16 | ColumnType::U32 => ("load_u32", "N"),
            ColumnType::I64 => ("load_i64", "N"),
            ColumnType::U64 => ("load_u64", "N"),
        };
        let place = BEFORE_INPUTS + number;
        let _infallible = writeln!(
            text,
            "fn load{id}(entry: u32) -> {gives} {{ return {function}(step.at[{place}], entry); }}"
        );
    }
    text
}

/// For every collection of columns, the first of its lists, by its place among the columns: all lists of one begin where
/// this one does.
pub(super) fn leaders(kernel: &Kernel) -> Vec<Option<usize>> {
    let mut leaders = vec![None; kernel.collections.len()];
    for (number, (_, input)) in kernel.columns().enumerate() {
        if let Source::List(collection) = input.source
            && let Some(leader) = leaders.get_mut(collection)
        {
            leader.get_or_insert(number);
        }
    }
    leaders
}

fn is_unsigned(ty: Type) -> bool {
    matches!(ty, Type::U32 | Type::U64)
}
