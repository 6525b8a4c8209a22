//! Tests with real packets in network namespaces. They need root; without it they fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "these are tests: they panic when something is wrong, and measure the real clock"
)]

mod gate;
mod lab;
mod lab_itself;
mod net;
