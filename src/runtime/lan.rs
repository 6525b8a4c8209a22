use std::net::IpAddr;
use std::time::Duration;

use crate::domain::{BoxFuture, ClientDevice, MacAddr, Text, Transport, ZoneName};

/// A device that the neighbour table knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The zone whose device it is on.
    pub zone: ZoneName,
    /// Its MAC.
    pub mac: MacAddr,
    /// The name it gave in DHCP, if the leases have one.
    pub hostname: Option<Text>,
    /// The network device that it is on, and how it is attached, if that is known.
    pub attached: Option<(Text, Transport)>,
}

/// What the owner's task asks of the guest networks. One implementation speaks netlink; tests have their own.
pub trait Lan: Send + Sync {
    /// Who uses this address on this zone's devices.
    fn neighbour<'a>(
        &'a self,
        zone: &'a ZoneName,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Neighbour>, String>>;

    /// The MAC of whoever uses this address on this zone's devices: what each visit asks, so it must be quick.
    fn holder<'a>(
        &'a self,
        zone: &'a ZoneName,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<MacAddr>, String>> {
        Box::pin(async move { Ok(self.neighbour(zone, address).await?.map(|neighbour| neighbour.mac)) })
    }

    /// How fast the device answers ARP or ND; `None` if it does not.
    fn ping<'a>(&'a self, device: &'a ClientDevice) -> BoxFuture<'a, Result<Option<Duration>, String>>;

    /// Asks whether these devices are still there; the answer comes as a change of the neighbour table.
    fn solicit<'a>(&'a self, devices: &'a [ClientDevice]) -> BoxFuture<'a, ()>;
}
