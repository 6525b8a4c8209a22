use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tracing::warn;

use super::handle::{DeviceRef, Handle, Ping};
use super::lan::Neighbour;
use crate::domain::sessions_mgr::{Command, ZoneOpening};
use crate::domain::{
    ClientDevice, ClientSession, ClientType, DeviceId, MacAddr, Now, Policies, Refusal, SessionId,
    SessionsMgr, Text, Transport, ZoneName,
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

/// A device on its portal, and what it can connect on: the running session first, then paused, then available, oldest first.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Who it is.
    pub device: Arc<ClientDevice>,
    /// Whom the kernel named for the address, if it was asked for this visit and named anybody.
    pub holder: Option<MacAddr>,
    /// Its usable sessions.
    pub usable: Vec<ClientSession>,
    /// What the configuration says of them.
    pub policies: Arc<Policies>,
    /// How the zone stands to its opening hours; `None` if they are no concern of the device.
    pub opening: Option<ZoneOpening>,
}

fn usable(mgr: &SessionsMgr, device: DeviceId, now: Now) -> Vec<ClientSession> {
    let all = mgr.usable_sessions(device).into_iter();
    all.filter_map(|id| mgr.session_now(id, now.boot)).collect()
}

/// The same if no kernel must be asked for it: nothing runs.
fn idle(mgr: &SessionsMgr, device: DeviceId, now: Now) -> Option<Vec<ClientSession>> {
    mgr.curr_session(device).is_none().then(|| usable(mgr, device, now))
}

/// Who is on the network, and what guests do.
impl Handle {
    /// The device that speaks from this address on a zone's portal. One that is not known yet is looked up in the
    /// neighbour table and made known, so that the first page never misses it.
    ///
    /// The table is looked at for every visit: an address may have changed hands, and the notice of it be still on its way.
    pub async fn visitor(&self, zone: ZoneName, address: IpAddr) -> Result<Arc<ClientDevice>, Refusal> {
        self.visit(zone, address, None).await.map(|visit| visit.device)
    }

    /// The same with what the device can connect on. `told` is whom the kernel named for this address just now, if it was
    /// asked already.
    pub async fn visit(
        &self,
        zone: ZoneName,
        address: IpAddr,
        told: Option<MacAddr>,
    ) -> Result<Visit, Refusal> {
        let in_zone = zone.clone();
        let known = self
            .ask(move |mgr, now| {
                let device = mgr.device_by_ip(address)?;
                let here = device.zone.as_ref() == Some(&in_zone) && device.present;
                here.then(|| {
                    let opening = mgr.opening_for(device.id, now);
                    (Arc::clone(device), idle(mgr, device.id, now), Arc::clone(mgr.policies()), opening)
                })
            })
            .await?;
        if let Some((device, usable, policies, opening)) = known {
            let holder = match told {
                Some(_) => None,
                None => self.shared.lan.holder(&zone, address).await.map_err(|error| self.unseen(error))?,
            };
            // None: the kernel may have dropped what it knew since the visit began.
            if holder.or(told).is_none_or(|mac| mac == device.mac) {
                return match usable {
                    Some(usable) => Ok(Visit { device, holder, usable, policies, opening }),
                    None => self.visit_of(device.id).await.map(|visit| Visit { holder, ..visit }),
                };
            }
        }
        match self.shared.lan.neighbour(&zone, address).await.map_err(|error| self.unseen(error))? {
            Some(neighbour) => {
                let Neighbour { zone, mac, hostname, attached } = neighbour;
                let address = Some(address);
                let sighting = Sighting { mac, zone, address, hostname, attached, alive: true };
                let device = self.sighted(sighting).await?;
                self.visit_of(device.id).await.map(|visit| Visit { holder: Some(mac), ..visit })
            }
            None => Err(Refusal::UnknownDevice),
        }
    }

    /// The MAC of whoever has an address in a zone; `None` if the kernel knows nobody, or does not say.
    pub async fn holder(&self, zone: &ZoneName, address: IpAddr) -> Option<MacAddr> {
        self.shared.lan.holder(zone, address).await.map_err(|error| self.unseen(error)).ok().flatten()
    }

    /// A device and what it can connect on, to the byte.
    pub async fn visit_of(&self, device: DeviceId) -> Result<Visit, Refusal> {
        self.ask_exact(device, move |mgr, now| {
            let policies = Arc::clone(mgr.policies());
            let known = Arc::clone(mgr.shared_device(device)?);
            let (usable, opening) = (usable(mgr, device, now), mgr.opening_for(device, now));
            Ok(Visit { device: known, holder: None, usable, policies, opening })
        })
        .await?
    }

    fn unseen(&self, error: String) -> Refusal {
        self.shared.measures.netlink_errors.count("look_up");
        Refusal::Kernel(error)
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
