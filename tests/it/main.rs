//! In-process tests.

mod store;
mod tidy;
