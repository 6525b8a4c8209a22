use std::collections::HashSet;
use std::net::IpAddr;

use futures_util::{StreamExt, stream};
use tracing::warn;

use super::handle::{DeviceRef, Handle, Ping};
use super::lan::Neighbour;
use crate::domain::sessions_mgr::Command;
use crate::domain::{
    ClientDevice, ClientType, DeviceId, MacAddr, Refusal, SessionId, Text, Transport, ZoneName,
};

/// How many sightings are told at the same time when everybody is.
const SIDE_BY_SIDE: usize = 256;

/// A device as the network shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its MAC.
    pub mac: MacAddr,
    /// Where it is.
    pub zone: ZoneName,
    /// The address it uses.
    pub address: Option<IpAddr>,
    /// The name it gave.
    pub hostname: Option<Text>,
    /// The network device that it is on, and how it is attached, if that is known.
    pub attached: Option<(Text, Transport)>,
    /// Whether it answered just now, rather than being known from before.
    pub alive: bool,
}

/// Who is on the network, and what guests do.
impl Handle {
    /// The device that speaks from this address on a zone's portal. One that is not known yet is looked up in the
    /// neighbour table and made known, so that the first page never misses it.
    ///
    /// The table is looked at for every visit: an address may have changed hands, and the notice of it be still on its way.
    pub async fn visitor(&self, zone: ZoneName, address: IpAddr) -> Result<ClientDevice, Refusal> {
        let in_zone = zone.clone();
        let known = self
            .ask(move |mgr, _| {
                mgr.device_by_ip(address)
                    .filter(|device| device.zone.as_ref() == Some(&in_zone) && device.present)
                    .cloned()
            })
            .await?;
        let refused = |error| {
            self.shared.measures.netlink_errors.count("look_up");
            Refusal::Kernel(error)
        };
        if let Some(device) = known {
            match self.shared.lan.holder(&zone, address).await.map_err(refused)? {
                Some(mac) if mac != device.mac => {}
                // The kernel may have dropped what it knew since the visit began.
                Some(_) | None => return Ok(device),
            }
        }
        match self.shared.lan.neighbour(&zone, address).await.map_err(refused)? {
            Some(neighbour) => {
                let Neighbour { zone, mac, hostname, attached } = neighbour;
                let address = Some(address);
                self.sighted(Sighting { mac, zone, address, hostname, attached, alive: true }).await
            }
            None => Err(Refusal::UnknownDevice),
        }
    }

    /// Whether the device answers ARP or ND, and how fast.
    pub async fn ping(&self, device: DeviceId) -> Result<Ping, Refusal> {
        let device = self.find_device(DeviceRef::Id(device)).await?;
        let rtt = self.shared.lan.ping(&device).await.map_err(Refusal::Kernel)?;
        Ok(Ping { reachable: rtt.is_some(), rtt_ms: rtt.map(|rtt| rtt.as_secs_f64() * 1000.0) })
    }

    /// A device was seen on a zone's network.
    pub async fn seen(
        &self,
        mac: MacAddr,
        zone: ZoneName,
        address: Option<IpAddr>,
        hostname: Option<Text>,
        alive: bool,
    ) -> Result<ClientDevice, Refusal> {
        self.sighted(Sighting { mac, zone, address, hostname, attached: None, alive }).await
    }

    /// The same, with how it is attached.
    pub async fn sighted(&self, sighting: Sighting) -> Result<ClientDevice, Refusal> {
        let Sighting { mac, zone, address, hostname, attached, alive } = sighting;
        let fresh = DeviceId::new(uuid::Uuid::now_v7());
        let fresh_session = SessionId::new(uuid::Uuid::now_v7());
        let command = Command::Seen { fresh, fresh_session, mac, zone, address, hostname, attached, alive };
        let mut device = self.for_device(command).await?;
        if device.client_type.is_none()
            && let Some(kind) =
                device.hostname.as_ref().and_then(|name| ClientType::from_hostname(name.as_str()))
        {
            self.note_client(device.id, Some(kind), None).await?;
            device.client_type = Some(kind);
        }
        Ok(device)
    }

    /// What a device's browser says of it; `None` says nothing. A word that is known already costs a question only.
    pub async fn note_client(
        &self,
        device: DeviceId,
        client_type: Option<ClientType>,
        language: Option<Text>,
    ) -> Result<(), Refusal> {
        let (kind, tag) = (client_type, language.clone());
        let is_known = self
            .ask(move |mgr, _| {
                mgr.device(device).map(|known| {
                    kind.is_none_or(|kind| known.client_type == Some(kind))
                        && tag.is_none_or(|tag| known.language == Some(tag))
                })
            })
            .await??;
        if is_known {
            return Ok(());
        }
        self.command(Command::NoteClient { device, client_type, language }).await.map(|_| ())
    }

    /// An address of a device is gone from the network.
    pub async fn lost(&self, mac: MacAddr, address: IpAddr) -> Result<(), Refusal> {
        self.command(Command::Lost { mac, address }).await.map(|_| ())
    }

    /// Everybody who is on the network now; it replaces all that was said before. Who cannot be made known is left out, with
    /// a word in the log.
    pub async fn everybody(&self, sightings: Vec<Sighting>) -> Result<(), Refusal> {
        let here: HashSet<(MacAddr, IpAddr)> =
            sightings.iter().filter_map(|sighting| Some((sighting.mac, sighting.address?))).collect();
        // Side by side, so that thousands are a few groups and not each a commit of its own.
        let mut told = stream::iter(sightings)
            .map(|sighting| async move { (sighting.mac, self.sighted(sighting).await) })
            .buffered(SIDE_BY_SIDE);
        while let Some((mac, result)) = told.next().await {
            match result {
                Err(Refusal::Stopping) => return Err(Refusal::Stopping),
                Err(refusal) => warn!(%mac, %refusal, "a device was seen but could not be made known"),
                Ok(_) => {}
            }
        }
        drop(told);
        let gone: Vec<(MacAddr, IpAddr)> = self
            .ask(move |mgr, _| {
                let addresses = |device: &ClientDevice| {
                    let mac = device.mac;
                    super::watch::addresses(device).into_iter().map(move |address| (mac, address))
                };
                mgr.devices().flat_map(addresses).filter(|known| !here.contains(known)).collect()
            })
            .await?;
        for (mac, address) in gone {
            // Any other refusal: it was forgotten meanwhile.
            if self.lost(mac, address).await == Err(Refusal::Stopping) {
                return Err(Refusal::Stopping);
            }
        }
        Ok(())
    }
}
