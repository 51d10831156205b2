//! Axes of histograms: the functions that make them, and how SQL carries them.

mod boolean;
mod category;
mod constant;
mod integer;
mod named_axis;
pub(crate) mod regular;
mod value;
mod variable;

pub use boolean::Boolean;
pub use category::Category;
pub use integer::Integer;
pub use named_axis::NamedAxis;
pub use regular::Regular;
pub use value::{axis_array, axis_at, axis_data_type, is_axis};
pub use variable::Variable;

pub(crate) use constant::invoke_constant;
pub(crate) use value::{axis_kind, axis_literal, axis_scalar, axis_text};
