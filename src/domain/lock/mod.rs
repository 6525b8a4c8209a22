//! Named locks with one owner each: one customer at a time at the coin slot, and walking away frees it.
//!
//! Locks are first come, first served. Whoever asks for a lock that another holds gets a place in its line; asking again
//! shares that place, and asking again while holding is the same lock.
//!
//! # Why nobody waits for ever
//!
//! An owner that waits for a lock waits for its holder and for every owner ahead of it in the line. Were these edges ever to
//! form a cycle, everybody on it would wait for ever. They cannot:
//!
//! - The only step that adds an edge is taking a new place in a line, and [`LockTable::acquire`] refuses a place that would
//!   close a cycle.
//! - Taking a free lock adds none: a free lock has no line. Asking again adds none: the place is there already, and stays
//!   where it is when one of the waits that share it is cancelled.
//! - Handing a lock on only removes edges: those behind the new holder waited for it before, as it was ahead of them.
//! - Cancelling, releasing and losing only remove edges.
//!
//! So the edges never form a cycle, and there is always an owner that waits for nobody, as long as anybody waits.

mod cycle;
mod line;
mod name;
mod owner;
mod status;
mod table;

pub use name::{LockName, LockNameError};
pub(super) use name::{MAX_PATH_CHARS, is_path};
pub use owner::{LockOwner, LockScope, LockTicket};
pub use status::{LockStatus, LockWaiter};
pub use table::{Acquired, HandOver, LockLoss, LockRefusal, LockTable, NotHeld};
