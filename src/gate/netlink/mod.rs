//! nf_tables and conntrack over netlink sockets of our own: no process is run for a client.
//!
//! What comes from the kernel is read with every length checked: a wrong byte makes an error or a missing element, never a
//! panic.

pub mod attr;
pub mod conntrack;
pub mod element;
pub mod flows;
pub mod message;
pub mod socket;
pub mod transaction;
