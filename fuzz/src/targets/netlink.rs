//! Any datagram that could come from the kernel is read to its end. What is looked at is inside the crate, and so is what is
//! held against it; its unit tests go over the seeds.

use super::Target;

/// Opens the target.
pub fn open() -> Target {
    Box::new(|bytes| {
        turnpike::gate::fuzzing::netlink(bytes);
        turnpike::shaper::fuzzing::netlink(bytes);
    })
}
