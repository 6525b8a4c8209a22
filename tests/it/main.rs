//! In-process tests.

mod store;
