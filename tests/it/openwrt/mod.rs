//! The package for OpenWrt, under busybox and nothing else: its scripts run in a root of their own, with stand-ins for procd,
//! uci and the program. What a router itself does with them is not shown here.

mod firewall;
mod guest_network;
mod package;
mod router;
mod service;
mod shell;
