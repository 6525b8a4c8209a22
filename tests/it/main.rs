//! In-process tests.

mod config;
mod portal;
mod providers;
mod store;
mod store_lists;
mod tidy;
mod vouchers;
