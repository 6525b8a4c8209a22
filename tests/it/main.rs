//! In-process tests.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, which is the point"
)]

mod accounts;
mod admin_accounts;
mod admin_audit;
mod admin_bulk;
mod admin_counter;
mod admin_dashboard;
mod admin_devices;
mod admin_events;
mod admin_hooks;
mod admin_log;
mod admin_pages;
mod admin_plans;
mod admin_sessions;
mod admin_settings;
mod admin_signin;
mod admin_tokens;
mod admin_vouchers;
mod admin_watch;
mod admin_zones;
mod admins_api;
mod api;
mod api_once;
mod api_refusals;
mod audit_kept;
mod authenticators;
mod backup;
mod bulk;
mod cli;
mod cli_manual;
mod coins;
mod coins_api;
mod config;
mod config_keys;
mod config_theme;
mod config_tls;
mod counter;
mod device_facts;
mod filter;
mod filter_sql;
mod free_access;
mod fuzz_seeds;
mod guest_log;
mod hooks;
mod identity;
mod listeners;
mod locks;
mod metrics;
mod openapi;
mod opening_hours;
mod openwrt;
mod plans;
mod plugins;
mod portal;
mod portal_forms;
mod portal_guest;
mod portal_languages;
mod portal_safe;
mod portal_sessions;
mod provider_order;
mod providers;
mod retention;
mod runtime;
mod runtime_sources;
mod runtime_trouble;
mod sales;
mod salvage;
mod salvage_starts;
mod samples;
mod security_page;
mod setup;
mod sim;
mod steering;
mod store;
mod store_lists;
mod support;
mod tidy;
mod uci;
mod voucher_sheet;
mod voucher_uses;
mod vouchers;
