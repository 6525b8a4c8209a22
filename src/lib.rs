//! Turnpike: a captive-portal hotspot session manager. The kernel enforces each session; this keeps the books.

pub mod admin;
pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod coinslot;
pub mod config;
pub mod dnsmasq;
pub mod domain;
pub mod durable;
pub mod events;
pub mod gate;
pub mod hooks;
pub mod http;
pub mod metrics;
pub mod net;
pub mod plugins;
pub mod portal;
pub mod providers;
pub mod runtime;
pub mod shaper;
pub mod store;
pub mod tls;
pub mod upkeep;
pub mod wares;
