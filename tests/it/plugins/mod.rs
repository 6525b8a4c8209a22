//! Plugins: the protocol, and what hostile ones cannot do.

mod basics;
pub mod client;
mod crashes;
mod examples;
mod hostile;
mod locks_and_events;
mod schema;
pub mod supervised;
