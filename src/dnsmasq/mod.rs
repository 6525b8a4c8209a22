//! dnsmasq, the name server of the guests' networks: what it is told in a file of our own, so that it fills the walled garden
//! by name, leads guests to the portal, and tells phones of it.

mod fragment;
mod keep;
mod program;
mod refill;

pub use fragment::{HEAD, fragment, portal_lines, portal_name};
pub use keep::{Keeping, Kept, Trouble, keep};
pub use refill::{Refilled, refill};
