use std::net::IpAddr;

use tokio::sync::broadcast;

pub use crate::domain::sessions_mgr::DevicePatch;
use crate::domain::{
    ClientDevice, ClientSession, CloseReason, DeviceId, MacAddr, Refusal, SessionId, SessionPatch,
    SessionTerms, Text, WallTime, ZoneName,
};

/// The sessions manager's mailbox: every face and provider speaks to it through this.
#[derive(Clone, Debug)]
pub struct Handle {}

/// How callers name a device: by id, MAC or IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceRef {
    /// By id.
    Id(DeviceId),
    /// By MAC.
    Mac(MacAddr),
    /// By an address that it has now.
    Ip(IpAddr),
}

/// A text for the portal page of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalNotice {
    /// Whose page.
    pub device: DeviceId,
    /// The text; `None` if only the device's standing changed and the page should look again.
    pub text: Option<Text>,
}

/// Whether a device answered, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ping {
    /// Whether it answered.
    pub reachable: bool,
    /// The time it took, in milliseconds.
    pub rtt_ms: Option<f64>,
}

/// How the whole is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStatus {
    /// Since when this daemon runs.
    pub started_at: WallTime,
    /// Seconds it has run.
    pub uptime_secs: u64,
    /// Devices known.
    pub devices: usize,
    /// Devices let through.
    pub connected: usize,
    /// Sessions that could be used or are.
    pub usable_sessions: usize,
    /// Elements that the reconciler had to put right since the start.
    pub repairs: u64,
    /// What an operator should know: a foreign qdisc, flow offload, a failed flush. Plain sentences.
    pub warnings: Vec<String>,
}

#[expect(clippy::unused_async, unused_variables, reason = "the owner's task answers these; being written")]
impl Handle {
    /// `connect(device, notify)`: lets the device through on its running or next usable session. Idempotent.
    pub async fn connect(&self, device: DeviceId, notify: Option<Text>) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// `disconnect(device, notify)`: cuts it off and pauses its running session. Idempotent.
    pub async fn disconnect(&self, device: DeviceId, notify: Option<Text>) -> Result<ClientDevice, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Whether the device is let through.
    pub async fn is_connected(&self, device: DeviceId) -> Result<bool, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Makes a session for the device; `provider` is `operator` for those made through API and CLI.
    pub async fn create_session(
        &self,
        device: DeviceId,
        terms: SessionTerms,
    ) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// The running session, with usage to the last packet read.
    pub async fn curr_session(&self, device: DeviceId) -> Result<Option<ClientSession>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Any session the device could use: running, paused or available, else what the providers offer.
    pub async fn get_session(&self, device: DeviceId) -> Result<Option<ClientSession>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// The usable sessions of a device: the running one first, then paused, then available, oldest first.
    pub async fn usable_sessions(&self, device: DeviceId) -> Result<Vec<ClientSession>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// One session as it is now, ended ones too (from the store).
    pub async fn session(&self, id: SessionId) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Brings the usage of those that run up to date: what the store lists is as old as the last flush.
    pub async fn freshen(&self, sessions: Vec<ClientSession>) -> Result<Vec<ClientSession>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Changes terms; acts at once on a running session.
    pub async fn update_session(&self, id: SessionId, patch: SessionPatch) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Ends a session. Closing what is closed changes nothing.
    pub async fn close_session(
        &self,
        id: SessionId,
        reason: CloseReason,
        text: Text,
    ) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Deletes a session; a running one is cut off first.
    pub async fn delete_session(&self, id: SessionId) -> Result<(), Refusal> {
        Err(Refusal::Stopping)
    }

    /// Makes a device known by its MAC before it is ever seen.
    pub async fn register_device(
        &self,
        mac: MacAddr,
        alias: Option<Text>,
        zone: Option<ZoneName>,
    ) -> Result<ClientDevice, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Changes, blocks or unblocks a device. Blocking cuts it off and pauses its session.
    pub async fn update_device(&self, device: DeviceId, patch: DevicePatch) -> Result<ClientDevice, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Forgets a device with its sessions.
    pub async fn delete_device(&self, device: DeviceId) -> Result<(), Refusal> {
        Err(Refusal::Stopping)
    }

    /// The device of that id, MAC or IP.
    pub async fn find_device(&self, device: DeviceRef) -> Result<ClientDevice, Refusal> {
        Err(Refusal::Stopping)
    }

    /// All devices; the caller sorts and cuts.
    pub async fn devices(&self) -> Result<Vec<ClientDevice>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Which of these devices are let through.
    pub async fn connected(&self, devices: Vec<DeviceId>) -> Result<Vec<DeviceId>, Refusal> {
        Err(Refusal::Stopping)
    }

    /// The device that speaks from this address on a zone's portal. One that is not known yet is looked up in the
    /// neighbour table and made known, so that the first page never misses it.
    pub async fn visitor(&self, zone: ZoneName, address: IpAddr) -> Result<ClientDevice, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Redeems a voucher code for a device: durable before it is answered; wrong codes are limited per device.
    /// The session is made, not connected.
    pub async fn redeem(&self, code: &str, device: DeviceId) -> Result<ClientSession, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Closes the session that a revoked voucher made, if any.
    pub async fn ping(&self, device: DeviceId) -> Result<Ping, Refusal> {
        Err(Refusal::Stopping)
    }

    /// How the whole is doing.
    pub async fn status(&self) -> Result<ServiceStatus, Refusal> {
        Err(Refusal::Stopping)
    }

    /// Texts for portal pages, and hints that a device's page should look again.
    pub fn notices(&self) -> broadcast::Receiver<PortalNotice> {
        broadcast::channel(1).1
    }

    /// Now by both clocks, as the owner's task sees it.
    pub fn now(&self) -> crate::domain::Now {
        crate::domain::Now { boot: crate::domain::BootTime(0), wall: WallTime(0) }
    }
}
