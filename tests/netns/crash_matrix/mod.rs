//! The daemon dies at every boundary of an effect, one after the other, while guests use the network.
//!
//! Each story is told again and again; each time the daemon kills itself at the next place of `src/faults.rs`, until the story
//! comes to its end. After each death it is started, and then: everybody is online who should be and nobody else, in the
//! kernel as in the books; what was answered is done; what was not is done or not, but whole; each byte that arrived at
//! the far end is charged, once.
//!
//! In `failures` nobody dies: whatever is asked of the kernel and the disk fails, one after the other.

mod changes;
mod failures;
mod money;
mod other_lives;
mod stage;
