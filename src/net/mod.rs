//! Links, neighbours, addresses, leases: who is on the network.
//!
//! Everything here goes over rtnetlink: a socket for lists and changes and one for who has an address ([`Net`]), and one each for
//! notices of the guests' devices ([`NetWatch`]) and of the way out ([`WayWatch`]); no process is ever started. Devices are named, never numbered: a bridge that was deleted and made
//! again has another number.

mod attachment;
mod error;
mod holder;
mod leases;
mod link;
mod neighbour;
mod observer;
mod ping;
mod place;
mod question;
mod socket;
mod survey;
mod table;
mod watch;
mod ways;

pub use error::NetError;
pub use leases::{Lease, LeaseFile, MAX_LEASE_BYTES, MAX_LEASE_LINES, parse_leases};
pub use link::Link;
pub use neighbour::{Neighbour, Reachability};
pub use observer::NetEvent;
pub use survey::Surveyed;
pub use table::{DefaultRoute, Net};
pub use watch::NetWatch;
pub use ways::WayWatch;
