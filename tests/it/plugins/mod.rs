//! Plugins: the protocol, and what hostile ones cannot do.

mod basics;
pub mod client;
mod schema;
