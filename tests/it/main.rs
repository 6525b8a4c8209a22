//! In-process tests.

mod config;
mod portal;
mod portal_guest;
mod providers;
mod runtime;
mod sim;
mod store;
mod store_lists;
mod support;
mod tidy;
mod vouchers;
