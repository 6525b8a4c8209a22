//! The sessions manager in a simulated world: kernel, store, clocks and guests, with a model that checks the books.

mod actions;
mod invariants;
mod kernel;
mod model;
mod names;
mod random;
mod store;
mod stories;
mod story;
mod world;
