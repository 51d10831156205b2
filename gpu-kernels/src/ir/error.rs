//! What can be wrong with a kernel.

use super::types::{CollectionId, InputId, Type, VarId};

/// A kernel that cannot be compiled or parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IrError {
    /// No such input.
    #[error("input {0} does not exist")]
    NoInput(InputId),
    /// No such collection, or one that is not defined yet.
    #[error("collection {0} does not exist here")]
    NoCollection(CollectionId),
    /// A variable used outside its query, or before its generator.
    #[error("variable {0} is not bound here")]
    Unbound(VarId),
    /// A generator reuses the id of a variable in scope.
    #[error("variable {0} is already bound")]
    Rebound(VarId),
    /// `after` must name an earlier generator of the same query and collection.
    #[error("variable {var} cannot come after variable {after}")]
    BadBound {
        /// The bounded variable.
        var: VarId,
        /// Its bound.
        after: VarId,
    },
    /// A list where an event value is needed, or the other way round, or a list of another collection.
    #[error("input '{input}' cannot be used as {used_as}")]
    Misused {
        /// Name of the input.
        input: String,
        /// What it was used as.
        used_as: &'static str,
    },
    /// An operator that does not take this type.
    #[error("{what} does not take {found:?}")]
    WrongType {
        /// Operator or clause.
        what: String,
        /// The type it was given.
        found: Type,
    },
    /// Arguments of different types.
    #[error("{what} has arguments of types {left:?} and {right:?}; cast one of them")]
    Mixed {
        /// Operator or clause.
        what: String,
        /// One type.
        left: Type,
        /// The other.
        right: Type,
    },
    /// An output that the query does not have.
    #[error("the query has {outputs} outputs, not one numbered {wanted}")]
    NoOutput {
        /// How many there are.
        outputs: usize,
        /// The one asked for.
        wanted: usize,
    },
    /// An aggregate that needs an argument.
    #[error("{0} needs an argument")]
    NoArgument(&'static str),
    /// A list reduction where one value is needed.
    #[error("a list cannot be used inside an expression")]
    ListInExpression,
    /// A part of a derived collection that is no list or differs from the others.
    #[error("part {part} of collection '{collection}' does not give the fields of the collection")]
    BadPart {
        /// Name of the collection.
        collection: String,
        /// Position of the part.
        part: usize,
    },
    /// Nesting deeper than [`super::MAX_DEPTH`] or more than [`super::MAX_GENERATORS`] generators.
    #[error("the kernel is nested too deeply")]
    TooDeep,
    /// Text that is no kernel.
    #[error("kernel text, byte {position}: expected {expected}, found '{found}'")]
    Syntax {
        /// Byte offset.
        position: usize,
        /// What would have been right.
        expected: &'static str,
        /// What was there.
        found: String,
    },
}
