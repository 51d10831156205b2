//! The kernel IR: what an event subquery computes, as typed plain data.
//!
//! An event subquery such as `(SELECT count(*) FROM Jet j WHERE j.pt > 40)` becomes a [`Kernel`]: the columns
//! it reads, the collections (lists sharing one offsets slice) and one [`Query`], a loop nest with predicates
//! and a reduction. The CPU back end ([`crate::cpu::event`]) evaluates it; a GPU back end can generate a
//! shader from it; `EXPLAIN` prints it ([`Kernel`] implements `Display`); [`Kernel::to_text`] and
//! [`Kernel::from_text`] carry it between processes.
//!
//! # Semantics
//! - **NULL**: three-valued logic. An operator with a NULL argument is NULL, except `AND`, `OR`, `IS NULL` and
//!   `CASE`. A conjunct that is NULL does not take the combination.
//! - **Numbers**: floats are IEEE 754, round to nearest, never contracted to fused operations; `F32` operators
//!   round to `F32`. An integer result that does not exist (overflow, division by zero, a cast out of range or
//!   of `NaN`) is **NULL**: an error could depend on which combinations are evaluated speculatively, wrapping
//!   would be silently wrong.
//! - **Order**: in comparisons, `ORDER BY`, `MIN`, `MAX`, `Least` and `Greatest` every `NaN` is one value, equal
//!   to itself and greater than `+inf`, and `-0 = +0`: the order in which DataFusion compares columns. Ties go
//!   to the combination that comes first in generator order (the last generator varies fastest).
//! - **Sums** run in generator order, from `0`, so they are what a loop over the objects gives.
//! - **No combination taken**: `count` is 0, `EXISTS` false, other aggregates and `First` NULL, lists empty.
//! - Indices are 0-based. Physics functions ([`physics`]) compute in `F64`; conversions are explicit casts.

mod adopt;
mod check;
mod error;
mod expr;
pub mod physics;
mod pretty;
#[cfg(test)]
mod tests;
mod text;
mod types;

pub use check::{MAX_DEPTH, MAX_GENERATORS, OutputType};
pub use error::IrError;
pub use expr::{BinaryOp, Expr, UnaryOp};
pub use types::{
    Aggregate, AggregateFunction, Collection, CollectionId, ColumnType, Const, Generator, Input, InputId,
    Kernel, OrderKey, Query, Reduction, Source, Type, VarId,
};
