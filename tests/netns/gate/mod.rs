//! The gate against the kernel, with real packets.

mod elements;
mod router;

use router::{Router, bytes_left, free, millis_left};
