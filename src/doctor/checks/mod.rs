//! One file for each thing that is looked at: what was gathered comes in, findings come out.

pub mod clock;
pub mod config;
pub mod conntrack;
pub mod daemon;
pub mod devices;
pub mod firewall;
pub mod forward;
pub mod forwarding;
pub mod kernel;
pub mod listeners;
pub mod mark_bits;
pub mod neighbours;
pub mod nft;
pub mod offload;
pub mod portals;
pub mod qdiscs;
pub mod rights;
pub mod route;
pub mod services;
pub mod store;
