//! Counting, measuring, and the text in which Prometheus reads both. Nothing here knows what the numbers mean.
//!
//! Written by ourselves: what there is for this counts in 64-bit atomics, which the 32-bit routers do not have.

mod count;
mod histogram;
mod text;

pub use count::{Counter, Counters, Gauge, Held};
pub use histogram::{Histogram, Measured};
pub use text::{Exposition, Family, Kind, Value};
