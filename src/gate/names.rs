//! Names of the table's objects; an outside contract (dnsmasq's `nftset=` fills the gardens, operators list the sets).

/// Our table, in the family `inet`.
pub const TABLE: &str = "turnpike";
/// MAC → mark, as a class id: what fits a register that can be read and written.
pub const CLIENT_OF: &str = "client_of";
/// MAC and mark.
pub const OWNER: &str = "owner";
/// Mark; timeout and quota.
pub const ONLINE: &str = "online";
/// Mark; counter of what came from the client.
pub const SENT: &str = "sent";
/// Mark; counter of what went to the client.
pub const RECEIVED: &str = "received";
/// Mark → traffic class.
pub const CLASS_OF: &str = "class_of";
/// Garden addresses that dnsmasq found.
pub const GARDEN4: &str = "garden4";
/// Garden addresses that dnsmasq found.
pub const GARDEN6: &str = "garden6";
/// Garden addresses that dnsmasq found some time ago.
pub const GARDEN4_OLD: &str = "garden4_old";
/// Garden addresses that dnsmasq found some time ago.
pub const GARDEN6_OLD: &str = "garden6_old";
/// DNS queries by device.
pub const DNS_RATE: &str = "dns_rate";
/// Pairs of devices that may speak → the chain that asks who pays.
pub const WAYS: &str = "ways";
