//! The sessions manager in a simulated world: kernel, store, clocks and guests, with a model that checks the books.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod all_keys;
mod handed_on;
mod hours;
mod invariants;
mod kernel;
mod model;
mod names;
mod random;
mod store;
mod stories;
mod story;
mod world;
