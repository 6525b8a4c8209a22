//! The whole daemon in process, on a kernel in memory: real store, real owner's task, real faces.

mod kernel;
pub mod receiver;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use turnpike::clock::Clock;
use turnpike::domain::sessions_mgr::Retention;
use turnpike::domain::{
    AtEnd, BootId, BootTime, BoxFuture, ClientDevice, ClientKey, ClockGuard, MacAddr, Mbps, Money, Now, Plan,
    PlanName, RolePolicy, SessionKind, SessionProvider, SessionTerms, Text, WallTime, ZoneName, ZonePolicy,
};
use turnpike::providers::Registry;
use turnpike::providers::voucher::VoucherVault;
use turnpike::runtime::{Handle, Keeping, Kernel, Lan, Neighbour, Runtime};
use turnpike::store::Store;

pub use kernel::{FakeKernel, Trouble};

/// A guest network in memory.
#[derive(Default)]
pub struct FakeLan {
    neighbours: Mutex<HashMap<IpAddr, Neighbour>>,
}

impl FakeLan {
    /// A device uses an address.
    pub fn join(&self, mac: MacAddr, address: IpAddr) {
        let neighbour = Neighbour { zone: ZoneName::new("guests"), mac, hostname: None, attached: None };
        self.neighbours.lock().unwrap().insert(address, neighbour);
    }

    /// A device answers no more, and nobody is told.
    pub fn leave(&self, mac: MacAddr) {
        self.neighbours.lock().unwrap().retain(|_, known| known.mac != mac);
    }
}

impl Lan for FakeLan {
    fn neighbour<'a>(
        &'a self,
        zone: &'a ZoneName,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Neighbour>, String>> {
        let found =
            self.neighbours.lock().unwrap().get(&address).filter(|found| found.zone == *zone).cloned();
        Box::pin(async { Ok(found) })
    }

    fn ping<'a>(&'a self, device: &'a ClientDevice) -> BoxFuture<'a, Result<Option<Duration>, String>> {
        let answers = self.neighbours.lock().unwrap().values().any(|known| known.mac == device.mac);
        Box::pin(async move { Ok(answers.then_some(Duration::from_micros(1_500))) })
    }

    fn solicit<'a>(&'a self, _devices: &'a [ClientDevice]) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// The daemon under test.
pub struct TestApp {
    pub handle: Handle,
    pub store: Store,
    pub vault: Arc<VoucherVault>,
    pub kernel: Arc<FakeKernel>,
    pub lan: Arc<FakeLan>,
    pub clock: Clock,
    pub dir: Arc<TempDir>,
    kept: Kept,
    owner: JoinHandle<()>,
}

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    pub keeping: Keeping,
    pub retention: Retention,
    pub max_key: u16,
}

impl Default for Kept {
    fn default() -> Self {
        let keeping = Keeping { days: 90, free: None };
        Self { keeping, retention: Retention::default(), max_key: ClientKey::MAX }
    }
}

/// 2026-06-01, a time that is believed.
pub const START: Now =
    Now { boot: BootTime(1_000_000), wall: WallTime(ClockGuard::FLOOR.0 + 151 * 86_400_000) };

impl TestApp {
    /// A daemon with one zone, `guests`, without limits, on clocks that stand still.
    pub async fn start() -> Self {
        Self::start_with(vec![zone()], Vec::new()).await
    }

    /// The same with these zones and providers.
    pub async fn start_with(zones: Vec<ZonePolicy>, providers: Vec<Arc<dyn SessionProvider>>) -> Self {
        let clock = Clock::manual(START, BootId::new("boot-1"));
        let kernel = Arc::new(FakeKernel::new(clock.clone()));
        Self::start_on(Arc::new(tempfile::tempdir().unwrap()), clock, kernel, zones, providers).await
    }

    /// A daemon on a store, clocks and a kernel that are there already.
    pub async fn start_on(
        dir: Arc<TempDir>,
        clock: Clock,
        kernel: Arc<FakeKernel>,
        zones: Vec<ZonePolicy>,
        providers: Vec<Arc<dyn SessionProvider>>,
    ) -> Self {
        Self::try_start_on(dir, clock, kernel, zones, providers).await.unwrap()
    }

    /// The same, for a start that may fail.
    pub async fn try_start_on(
        dir: Arc<TempDir>,
        clock: Clock,
        kernel: Arc<FakeKernel>,
        zones: Vec<ZonePolicy>,
        providers: Vec<Arc<dyn SessionProvider>>,
    ) -> anyhow::Result<Self> {
        Self::begin(dir, clock, kernel, zones, providers, Kept::default()).await
    }

    /// A daemon that keeps so much for so long.
    pub async fn start_kept(kept: Kept) -> Self {
        let clock = Clock::manual(START, BootId::new("boot-1"));
        let kernel = Arc::new(FakeKernel::new(clock.clone()));
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self::begin(dir, clock, kernel, vec![zone()], Vec::new(), kept).await.unwrap()
    }

    async fn begin(
        dir: Arc<TempDir>,
        clock: Clock,
        kernel: Arc<FakeKernel>,
        zones: Vec<ZonePolicy>,
        providers: Vec<Arc<dyn SessionProvider>>,
        kept: Kept,
    ) -> anyhow::Result<Self> {
        let path = dir.path().join("turnpike.db");
        let store = Store::open(&path).await.unwrap();
        let vault = Arc::new(
            VoucherVault::open(
                &dir.path().join("turnpike.db.key"),
                store.any_voucher().await.unwrap().as_ref(),
            )
            .unwrap(),
        );
        let lan = Arc::new(FakeLan::default());
        let registry = Registry::new(Duration::from_secs(1));
        for provider in providers {
            registry.register(provider).unwrap();
        }
        let runtime = Runtime {
            clock: clock.clone(),
            store: store.clone(),
            kernel: Arc::clone(&kernel) as Arc<dyn Kernel>,
            lan: Arc::clone(&lan) as Arc<dyn Lan>,
            registry: Arc::new(registry),
            vault: Arc::clone(&vault),
            zones,
            roles: roles(),
            gateway: Default::default(),
            max_key: kept.max_key,
            flush_secs: 60,
            audit_keep_days: 365,
            keeping: kept.keeping,
            retention: kept.retention,
        };
        let (handle, owner) = runtime.start().await?;
        // The daemon does so by itself, sooner or later: from here on it is known how the clocks go.
        let _looked = handle.prune_step().await;
        Ok(Self { handle, store, vault, kernel, lan, clock, dir, kept, owner })
    }

    /// Lets time pass by both clocks and gives the owner's task a turn; what was due has happened when this returns.
    pub async fn pass(&self, time: Duration) {
        let now = self.clock.now();
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.set(Now { boot: now.boot.plus_millis(millis), wall: now.wall.plus_millis(millis as i64) });
        // Two questions, one after the other: the group of the first also handles what is due.
        for _ in 0..2 {
            self.handle.status().await.unwrap();
        }
    }

    /// Stops the daemon in good order and starts it again on the same store and kernel.
    pub async fn restart(self) -> Self {
        self.handle.stop().await;
        self.begin_again().await
    }

    /// The daemon dies: nothing is flushed. It starts again on the same store and kernel.
    pub async fn crash(self) -> Self {
        self.owner.abort();
        self.begin_again().await
    }

    async fn begin_again(self) -> Self {
        let Self { handle, store, kernel, clock, dir, kept, owner, .. } = self;
        let _aborted = owner.await;
        drop(handle);
        store.close().await.unwrap();
        // The lock goes with the last of them.
        drop(store);
        Self::begin(dir, clock, kernel, vec![zone()], Vec::new(), kept).await.unwrap()
    }

    /// Has everything pruned that is due.
    pub async fn prune(&self) {
        // Twice: what the daemon has begun by itself may be at its end, and knows nothing of what has changed since.
        for _ in 0..2 {
            while self.handle.prune_step().await.unwrap() > 0 {}
        }
    }

    /// A device that has joined.
    pub async fn device(&self, number: u8) -> ClientDevice {
        let address = IpAddr::from([10, 0, 0, number]);
        self.lan.join(mac(number), address);
        self.handle.seen(mac(number), ZoneName::new("guests"), Some(address), None, true).await.unwrap()
    }
}

/// What roles change in every test; nobody has one from the start.
pub fn roles() -> BTreeMap<String, RolePolicy> {
    let speed = |mbps| Some(Mbps::from_mbps(mbps).unwrap());
    let policy = |down, up| RolePolicy { down, up, ..RolePolicy::default() };
    [
        ("vip", policy(speed(20.0), speed(10.0))),
        ("slow", policy(speed(1.0), speed(1.0))),
        ("free", RolePolicy { unmetered: true, ..RolePolicy::default() }),
    ]
    .map(|(name, policy)| (name.to_owned(), policy))
    .into()
}

/// The zone of most tests.
pub fn zone() -> ZonePolicy {
    ZonePolicy {
        name: ZoneName::new("guests"),
        down: None,
        up: None,
        client_down: None,
        client_up: None,
        idle_timeout_secs: None,
        away_pause_secs: None,
        auto_connect: false,
        open: Default::default(),
        trusted: Default::default(),
    }
}

/// A device's MAC by number.
pub fn mac(number: u8) -> MacAddr {
    MacAddr::from_bytes([2, 0, 0, 0, 0x53, number]).unwrap()
}

/// Terms of a session of kind `time`.
pub fn minutes(minutes: u64) -> SessionTerms {
    SessionTerms::new(SessionKind::Time, Some(minutes * 60), None, None, 0.0, 0.0, false).unwrap()
}

/// A plan on sale, with nothing but terms and a price.
pub fn plan(name: &str, price: i64, terms: SessionTerms) -> Plan {
    Plan {
        name: PlanName::parse(name).unwrap(),
        title: Text::new(name),
        terms,
        price: Money(price),
        roles: Default::default(),
        properties: Default::default(),
        at_end: AtEnd::CutOff,
        repeat: None,
        max_devices: 1,
        on_sale: true,
    }
}

/// Terms of a session of kind `data`.
pub fn megabytes(mb: f64) -> SessionTerms {
    SessionTerms::new(SessionKind::Data, None, Some(mb), None, 0.0, 0.0, false).unwrap()
}
