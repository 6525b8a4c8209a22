//! In-process tests.

mod api;
mod cli;
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
