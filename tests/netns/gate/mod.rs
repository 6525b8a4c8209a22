//! The gate against the kernel, with real packets.

mod captive;
mod elements;
mod flows;
mod garden;
mod joining;
mod keys;
mod limits;
mod odd;
mod odd_frames;
mod repair;
mod router;
mod same_bridge;
mod ways;

use router::{Router, bytes_left, free, millis_left};
