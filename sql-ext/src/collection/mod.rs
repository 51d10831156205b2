//! What an event's list of objects amounts to: sums, counts, the leading one.

mod counting;
mod ht;
mod leading;
mod n_obj;
mod n_obj_eq;
mod n_obj_less;
mod n_obj_min;

pub(crate) use counting::{counts, integers};
pub use ht::{Ht, ht};
pub use leading::{Leading, rank};
pub use n_obj::{NObj, n_obj};
pub use n_obj_eq::NObjEq;
pub use n_obj_less::NObjLess;
pub use n_obj_min::NObjMin;
