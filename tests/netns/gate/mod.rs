//! The gate against the kernel, with real packets.

mod captive;
mod elements;
mod garden;
mod keys;
mod limits;
mod repair;
mod router;

use router::{Router, bytes_left, free, millis_left};
