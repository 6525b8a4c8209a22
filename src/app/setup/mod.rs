//! The eyes and hands of `turnpike setup`: what it knows of the box, and each thing that it does there.

mod caller;
mod carry;
mod look;

pub use crate::doctor::Place;
pub use carry::carry_out;
pub use look::{look, look_at_files};
