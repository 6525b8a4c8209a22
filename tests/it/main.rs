//! In-process tests.

mod config;
mod store;
mod tidy;
