//! tc: what speed each client gets.
//!
//! One HTB tree on each LAN device (towards the clients) and on each WAN device (from them): a class for each zone, under it
//! one for each client, whose minor is the client's key. `skb->priority` picks the class, so there are no filters.

mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod htb;
mod leaf;
mod plan;
mod probe;
mod shape;
mod socket;
mod tree;
mod wire;

pub use config::{ShaperConfig, ShaperError, ZoneShape};
pub use leaf::LeafKind;
pub use plan::{ClassPlan, Direction, client_class, zone_class};
pub use probe::{Queues, RootQdisc, probe_queues, root_qdisc};
pub use shape::Shaper;
