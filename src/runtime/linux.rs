use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tracing::{error, warn};

use super::kernel::{AllBooks, Kernel, KernelError};
use super::lan::{Lan, Neighbour};
use crate::domain::{
    Access, Books, BootTime, BoxFuture, ClientDevice, ClientKey, GateOp, MacAddr, ShapeOp, ZoneName,
};
use crate::gate::{Gate, GateError, Policy};
use crate::net::{self, Net, NetError};
use crate::shaper::Shaper;

/// The kernel of this machine: nftables through the gate, tc through the shaper.
pub struct LinuxKernel {
    gate: Gate,
    policy: Mutex<Arc<Policy>>,
    shaper: Mutex<Arc<Shaper>>,
    /// A traffic class is not as it should be.
    is_amiss: AtomicBool,
    warnings: Mutex<BTreeMap<&'static str, Vec<String>>>,
}

impl LinuxKernel {
    /// Puts the two together.
    pub fn new(gate: Gate, policy: Policy, shaper: Shaper) -> Self {
        Self {
            gate,
            policy: Mutex::new(Arc::new(policy)),
            shaper: Mutex::new(Arc::new(shaper)),
            is_amiss: AtomicBool::new(false),
            warnings: Mutex::new(BTreeMap::new()),
        }
    }

    /// Another uplink: what is loaded and reconciled from now on.
    pub fn replace(&self, policy: Policy, shaper: Shaper) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        *self.shaper.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(shaper);
    }

    /// Whether this kernel can enforce sessions at all; an error says what it lacks.
    pub async fn check(&self) -> Result<(), KernelError> {
        let lacking = self.gate.probe().await.map_err(refused)?.shortcomings();
        if lacking.is_empty() { Ok(()) } else { Err(KernelError(lacking.join("; "))) }
    }

    /// Looks for flow offload, which leads packets around the rules: a warning for as long as it is there, and a loud word
    /// in the log when it comes.
    async fn look_for_offload(&self) {
        match self.gate.offload_warnings().await {
            Ok(warnings) => {
                let known =
                    self.warnings.lock().unwrap_or_else(PoisonError::into_inner).get(OFFLOAD).cloned();
                for warning in
                    warnings.iter().filter(|warning| !known.iter().flatten().any(|known| known == *warning))
                {
                    error!("{warning}");
                }
                self.warn(OFFLOAD, warnings);
            }
            Err(error) => warn!(%error, "whether flows are offloaded could not be found out"),
        }
    }

    /// Changes when our table was made anew.
    pub fn made_anew(&self) -> watch::Receiver<u32> {
        self.gate.made_anew()
    }

    /// Looks after the gardens' addresses; to be called every few seconds.
    pub async fn tend_gardens(&self) {
        match self.gate.tend_gardens().await {
            // It is gone at this moment, and will be back.
            Ok(_) | Err(GateError::NotLoaded) => {}
            Err(error) => warn!(%error, "the garden's addresses could not be looked after"),
        }
    }

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn shaper(&self) -> Arc<Shaper> {
        Arc::clone(&self.shaper.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces what is warned of under a heading.
    pub fn warn(&self, heading: &'static str, warnings: Vec<String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(heading, warnings);
    }
}

fn refused(error: impl std::fmt::Display) -> KernelError {
    KernelError(error.to_string())
}

/// Only clients of whom something is there: zeroes without an element are no reading.
fn found(mut books: AllBooks) -> AllBooks {
    books.retain(|_, reading| reading.quota_used.is_some() || reading.books != Books::default());
    books
}

impl Kernel for LinuxKernel {
    fn load(&self) -> BoxFuture<'_, Result<(), KernelError>> {
        Box::pin(async {
            let policy = self.policy();
            match self.gate.load(&policy).await {
                // Sets of another definition: made by another version. The elements are put back by the reconciler.
                Err(GateError::Incompatible) => {
                    warn!("table inet turnpike is of another version and is made anew");
                    self.gate.rebuild(&policy).await.map_err(refused)
                }
                loaded => loaded.map_err(refused),
            }
        })
    }

    fn read_table(&self) -> BoxFuture<'_, Result<Option<AllBooks>, KernelError>> {
        Box::pin(async {
            match self.gate.read_all().await {
                Err(GateError::NotLoaded) => Ok(None),
                books => books.map(Some).map_err(refused),
            }
        })
    }

    fn read_all(&self) -> BoxFuture<'_, Result<AllBooks, KernelError>> {
        Box::pin(async { self.gate.read_all().await.map_err(refused) })
    }

    fn read<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        Box::pin(async { self.gate.read(keys).await.map(found).map_err(refused) })
    }

    fn shut<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        Box::pin(async { self.gate.shut(keys).await.map(found).map_err(refused) })
    }

    fn apply<'a>(
        &'a self,
        now: BootTime,
        gate: &'a [GateOp],
        shape: &'a [ShapeOp],
    ) -> BoxFuture<'a, Vec<Result<(), KernelError>>> {
        Box::pin(async move {
            let (set, remove): (Vec<ShapeOp>, Vec<ShapeOp>) =
                shape.iter().cloned().partition(|op| matches!(op, ShapeOp::Set { .. }));
            self.shape(&set).await;
            let results = if gate.is_empty() { Vec::new() } else { self.gate.apply(now, gate).await };
            self.shape(&remove).await;
            results.into_iter().map(|result| result.map_err(refused)).collect()
        })
    }

    fn reconcile<'a>(
        &'a self,
        now: BootTime,
        desired: &'a [Access],
    ) -> BoxFuture<'a, Result<u64, KernelError>> {
        Box::pin(async move {
            let classes: Vec<_> = desired
                .iter()
                .filter_map(|access| Some((access.key, access.grant.as_ref()?.rates.clone()?)))
                .collect();
            // Classes before elements: nobody is let through unlimited for a moment.
            let shaped = self.shaper().reconcile(&classes).await;
            self.is_amiss.store(shaped.is_err(), Ordering::Relaxed);
            let shaped = match shaped {
                Ok(repairs) => {
                    self.warn("classes", Vec::new());
                    repairs
                }
                Err(error) => {
                    warn!(%error, "the traffic classes could not be put right");
                    self.warn(
                        "classes",
                        vec![format!("the traffic classes could not be put right: {error}")],
                    );
                    0
                }
            };
            let repairs = self.gate.reconcile(now, desired).await.map_err(refused)?;
            Ok(u64::try_from(repairs.total()).unwrap_or(u64::MAX).saturating_add(shaped))
        })
    }

    fn is_amiss(&self) -> bool {
        self.is_amiss.load(Ordering::Relaxed)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.shaper().warnings();
        warnings
            .extend(self.warnings.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned());
        warnings
    }
}

impl LinuxKernel {
    async fn shape(&self, ops: &[ShapeOp]) {
        if ops.is_empty() {
            return;
        }
        for (op, result) in ops.iter().zip(self.shaper().apply(ops).await) {
            if let Err(error) = result {
                warn!(%error, ?op, "a traffic class could not be set");
                self.is_amiss.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The heading of the warnings of flow offload.
const OFFLOAD: &str = "offload";
/// How often it is looked for.
const OFFLOAD_EVERY: Duration = Duration::from_secs(30);

/// Looks for flow offload from now on, until it is aborted.
pub async fn watch_offload(kernel: Arc<LinuxKernel>) {
    loop {
        kernel.look_for_offload().await;
        tokio::time::sleep(OFFLOAD_EVERY).await;
    }
}

/// The guest networks of this machine.
pub struct LinuxLan {
    net: Net,
    zones: Vec<(ZoneName, Vec<String>)>,
    hostnames: super::watch::Hostnames,
}

/// How long a device has to answer ARP or ND.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

impl LinuxLan {
    /// The devices of each zone.
    pub fn new(net: Net, zones: Vec<(ZoneName, Vec<String>)>, hostnames: super::watch::Hostnames) -> Self {
        Self { net, zones, hostnames }
    }

    fn devices(&self, zone: Option<&ZoneName>) -> Vec<String> {
        self.zones
            .iter()
            .filter(|(name, _)| zone.is_none_or(|zone| zone == name))
            .flat_map(|(_, devices)| devices.iter().cloned())
            .collect()
    }

    /// Who is behind which interface, where a zone has several.
    async fn known(&self, zone: Option<&ZoneName>) -> Result<Vec<net::Neighbour>, NetError> {
        let several = |name: &ZoneName| self.devices(Some(name)).len() > 1;
        match self.zones.iter().any(|(name, _)| zone.is_none_or(|zone| zone == name) && several(name)) {
            true => self.net.neighbours(&self.devices(zone)).await,
            false => Ok(Vec::new()),
        }
    }

    /// Behind which of its zone's interfaces a device is, and with which addresses. Asking for it elsewhere would have the
    /// kernel look for it there, and then say that it is gone.
    fn places(&self, device: &ClientDevice, known: &[net::Neighbour]) -> Vec<(String, Vec<IpAddr>)> {
        let addresses = super::watch::addresses(device);
        let interfaces = self.devices(device.zone.as_ref());
        let is_alone = interfaces.len() == 1;
        let is_there = |interface: &str, address: IpAddr| {
            is_alone
                || known.iter().any(|neighbour| {
                    neighbour.device == interface
                        && neighbour.address == address
                        && neighbour.mac == device.mac
                })
        };
        let places = interfaces.into_iter().map(|interface| {
            let here: Vec<IpAddr> =
                addresses.iter().copied().filter(|address| is_there(&interface, *address)).collect();
            (interface, here)
        });
        places.filter(|(_, here)| !here.is_empty()).collect()
    }
}

impl Lan for LinuxLan {
    fn neighbour<'a>(
        &'a self,
        zone: &'a ZoneName,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Neighbour>, String>> {
        Box::pin(async move {
            let devices = self.devices(Some(zone));
            let found = self.net.neighbour_of(&devices, address).await.map_err(|error| error.to_string())?;
            let Some(neighbour) = found else { return Ok(None) };
            Ok(Some(Neighbour {
                zone: zone.clone(),
                mac: neighbour.mac,
                hostname: self.hostnames.of(neighbour.mac),
                attached: super::watch::attached(&self.net, &neighbour.device, neighbour.mac).await,
            }))
        })
    }

    fn holder<'a>(
        &'a self,
        zone: &'a ZoneName,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<MacAddr>, String>> {
        Box::pin(async move {
            let devices = self.devices(Some(zone));
            self.net.holder_of(&devices, address).await.map_err(|error| error.to_string())
        })
    }

    fn ping<'a>(&'a self, device: &'a ClientDevice) -> BoxFuture<'a, Result<Option<Duration>, String>> {
        Box::pin(async move {
            let known = self.known(device.zone.as_ref()).await.map_err(|error| error.to_string())?;
            let places = self.places(device, &known);
            // Side by side: each that does not have it lets the whole time go by.
            let mut answers: FuturesUnordered<_> = places
                .iter()
                .map(|(interface, addresses)| self.net.ping(interface, addresses, device.mac, PING_TIMEOUT))
                .collect();
            let (mut failed, mut silent) = (None, places.is_empty());
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(Some(rtt)) => return Ok(Some(rtt)),
                    Ok(None) => silent = true,
                    Err(error) => failed = Some(error.to_string()),
                }
            }
            // One that could not ask says nothing if another could.
            failed.filter(|_| !silent).map_or(Ok(None), Err)
        })
    }

    fn solicit<'a>(&'a self, devices: &'a [ClientDevice]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let known = match self.known(None).await {
                Ok(known) => known,
                Err(error) => {
                    tracing::debug!(%error, "quiet devices could not be asked");
                    return;
                }
            };
            for device in devices {
                for (interface, addresses) in self.places(device, &known) {
                    for address in addresses {
                        if let Err(error) = self.net.solicit(&interface, address, device.mac).await {
                            tracing::debug!(%error, mac = %device.mac, %address, "the device could not be asked");
                        }
                    }
                }
            }
        })
    }
}
