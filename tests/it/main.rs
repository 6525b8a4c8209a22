//! In-process tests.

mod config;
mod portal;
mod store;
mod tidy;
