//! A crowd that never ends: phones that nobody has seen before come, take what is free or what they bought, and leave for ever.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{ConnectOptions, Connection};
use turnpike::clock::Stopwatch;
use turnpike::domain::sessions_mgr::Retention;
use turnpike::domain::{
    ClientDevice, ClientSession, Every, FreeGift, FreeOffer, MacAddr, NewBatch, ProviderName, Refusal,
    Repeat, SessionId, Text, Utc, ZoneName,
};
use turnpike::providers::free::FreeProvider;
use turnpike::runtime::{DeviceRef, FormDone, Keeping};

use crate::support::{Kept, TestApp, minutes};

const HOUR: Duration = Duration::from_secs(3_600);
/// So many come at once.
const WAVE: usize = 500;
/// Free access is for each day.
pub const DAILY: Repeat = Repeat { every: Every::Day, at_hour: 0 };

/// How much there is of what, at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub day: usize,
    pub devices: usize,
    pub device_rows: i64,
    pub session_rows: i64,
    pub grant_rows: i64,
    pub event_rows: i64,
    /// Places of vouchers: money, which stays.
    pub place_rows: i64,
    pub used_kb: i64,
    pub rss_kb: u64,
    /// The longest that anybody waited for an answer while what is over was deleted without a pause.
    pub longest_ms: f64,
}

/// The daemon, and who is in its place.
pub struct Crowd {
    pub app: TestApp,
    state: u64,
    codes: Vec<String>,
    /// They come back each day.
    regulars: Vec<MacAddr>,
    /// It has paid for what it has not used, and is far away.
    saver: (ClientDevice, ClientSession),
    day: usize,
    longest_ms: f64,
}

/// Days of which what is over is kept, the most devices, and the highest key.
pub fn kept(days: u32, most_devices: usize, max_key: u16) -> Kept {
    let keeping = Keeping { days, free: Some(DAILY) };
    Kept { keeping, retention: Retention { most_devices, ..Retention::default() }, max_key }
}

impl Crowd {
    pub async fn start(kept: Kept, seed: u64) -> Self {
        let app = TestApp::start_kept(kept).await;
        offer(&app);
        let far = app.device(200).await;
        let bought = app.handle.create_session(far.id, minutes(600)).await.unwrap();
        app.handle.connect(far.id, None).await.unwrap();
        app.pass(HOUR).await;
        app.handle.disconnect(far.id, None).await.unwrap();
        app.handle.lost(far.mac, IpAddr::from([10, 0, 0, 200])).await.unwrap();
        let (codes, regulars) = (Vec::new(), Vec::new());
        let mut crowd =
            Self { app, state: seed, codes, regulars, saver: (far, bought), day: 0, longest_ms: 0.0 };
        crowd.regulars = (0..10).map(|_| crowd.mac()).collect();
        crowd
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// As phones make them up.
    fn mac(&mut self) -> MacAddr {
        let bytes = self.next().to_be_bytes();
        MacAddr::from_bytes([bytes[0] & 0xfc | 2, bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]]).unwrap()
    }

    /// A day with so many new phones; what there is at its end.
    pub async fn day(&mut self, phones: usize) -> Count {
        let begun = self.app.clock.now();
        self.codes = self.print(phones / 10 + 1).await;
        let mut early: Vec<MacAddr> = Vec::new();
        let mut left = phones;
        while left > 0 {
            let size = left.min(WAVE);
            left -= size;
            let mut macs: Vec<MacAddr> = (0..size).map(|_| self.mac()).collect();
            if early.is_empty() {
                early = macs.iter().copied().filter(|mac| what(*mac) == What::Free).take(5).collect();
                macs.extend(&self.regulars);
            }
            self.wave(&macs).await;
        }
        // Some come back: what they had they had today, however much has been forgotten.
        self.app.prune().await;
        for (number, mac) in (0_u8..).zip(&early) {
            let address = IpAddr::from([10, 9, 0, number]);
            let device = self.join(*mac, address).await;
            let again = self.click(&device).await;
            assert!(matches!(again, Err(Refusal::Form { .. })), "a second helping: {again:?}");
            self.app.handle.lost(*mac, address).await.unwrap();
        }
        self.day += 1;
        let (now, day) = (self.app.clock.now(), Duration::from_secs(86_400));
        let spent = Duration::from_millis(now.boot.millis_since(begun.boot));
        self.app.pass(day.checked_sub(spent).unwrap()).await;
        self.longest_ms = self.prune_watched().await;
        self.count().await
    }

    /// Has everything pruned that is due, and asks meanwhile; how long the longest answer took.
    async fn prune_watched(&self) -> f64 {
        let done = AtomicBool::new(false);
        let prune = async {
            self.app.prune().await;
            done.store(true, Ordering::SeqCst);
        };
        let ask = async {
            let mut longest = 0.0_f64;
            while !done.load(Ordering::SeqCst) {
                let watch = Stopwatch::start();
                self.app.handle.find_device(DeviceRef::Id(self.saver.0.id)).await.unwrap();
                longest = longest.max(watch.secs() * 1e3);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            longest
        };
        tokio::join!(prune, ask).1
    }

    async fn print(&self, count: usize) -> Vec<String> {
        let count = u32::try_from(count).unwrap();
        let new = NewBatch::new(None, minutes(25), None, None, count).unwrap();
        let (codes, sealed): (Vec<_>, Vec<_>) = self.app.vault.new_codes(count).unwrap().into_iter().unzip();
        self.app.store.create_batch(&new, &sealed, self.app.clock.now().wall).await.unwrap();
        codes.iter().map(ToString::to_string).collect()
    }

    async fn join(&self, mac: MacAddr, address: IpAddr) -> ClientDevice {
        let zone = ZoneName::new("guests");
        self.app.handle.seen(mac, zone, Some(address), None, true).await.unwrap()
    }

    async fn click(&self, device: &ClientDevice) -> Result<SessionId, Refusal> {
        match self.app.handle.submit(device.id, &ProviderName::new("free"), Default::default()).await? {
            FormDone::Connected(session) => Ok(session.id),
            FormDone::Taken(text) => panic!("{text:?}"),
        }
    }

    /// They come, get what they get, use it, and leave.
    async fn wave(&mut self, macs: &[MacAddr]) {
        let address = |place: usize| {
            let [high, low] = u16::try_from(place).unwrap().to_be_bytes();
            IpAddr::from([10, 1, high, low])
        };
        let devices =
            join_all(macs.iter().enumerate().map(|(place, mac)| self.join(*mac, address(place)))).await;
        let buying = devices.iter().filter(|device| what(device.mac) == What::Voucher).count();
        let codes = self.codes.split_off(self.codes.len().saturating_sub(buying));
        let mut codes = codes.iter();
        let deals = devices.iter().map(|device| {
            let code = if what(device.mac) == What::Voucher { codes.next() } else { None };
            self.deal(device, code)
        });
        let online = join_all(deals).await;
        for (device, online) in devices.iter().zip(online) {
            let passed = self.app.kernel.packet(device.mac, 1_000 + u64::from(device.mac.bytes()[5]), true);
            assert_eq!(passed, online, "{}", device.mac);
        }
        self.app.pass(HOUR / 2).await;
        let leave = macs.iter().enumerate().map(|(place, mac)| self.app.handle.lost(*mac, address(place)));
        join_all(leave).await.into_iter().for_each(Result::unwrap);
        let still = devices.iter().filter(|device| self.app.kernel.is_open(device.mac)).count();
        assert_eq!(still, 0, "everybody's time is over");
    }

    /// Whether it is online then.
    async fn deal(&self, device: &ClientDevice, code: Option<&String>) -> bool {
        match (what(device.mac), code) {
            (What::Nothing, _) | (What::Voucher, None) => return false,
            (What::Voucher, Some(code)) => {
                self.app.handle.redeem(code, device.id).await.unwrap();
                self.app.handle.connect(device.id, None).await.unwrap();
            }
            (What::Given, _) => {
                self.app.handle.create_session(device.id, minutes(10)).await.unwrap();
                self.app.handle.connect(device.id, None).await.unwrap();
            }
            (What::Free, _) => {
                self.click(device).await.unwrap();
            }
        }
        true
    }

    /// What there is; and nothing may be that must not.
    pub async fn count(&self) -> Count {
        let devices = self.app.handle.devices().await.unwrap();
        let held: Vec<u16> = devices.iter().filter_map(|device| device.key).map(|key| key.get()).collect();
        assert_eq!(held.len(), held.iter().collect::<HashSet<_>>().len(), "two devices have one key");
        assert_eq!(self.app.kernel.held_twice(), 0, "a key changed hands before it was given back");
        assert_eq!(self.app.kernel.known(), held.len(), "the kernel knows others");
        let path = self.app.dir.path().join("turnpike.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
        let mut file = options.disable_statement_logging().connect().await.unwrap();
        let mut numbers = Vec::new();
        for text in [
            "SELECT count(*) FROM devices",
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM grants",
            "SELECT count(*) FROM events",
            "SELECT count(*) FROM voucher_uses",
            "PRAGMA page_count",
            "PRAGMA freelist_count",
        ] {
            numbers.push(sqlx::query_scalar::<_, i64>(text).fetch_one(&mut file).await.unwrap());
        }
        file.close().await.unwrap();
        let [device_rows, session_rows, grant_rows, event_rows, place_rows, pages, free] = numbers[..] else {
            panic!("seven numbers")
        };
        assert_eq!(i64::try_from(devices.len()).unwrap(), device_rows);
        let used_kb = (pages - free) * 4;
        let (day, devices) = (self.day, devices.len());
        Count {
            day,
            devices,
            device_rows,
            session_rows,
            grant_rows,
            event_rows,
            place_rows,
            used_kb,
            rss_kb: rss_kb(),
            longest_ms: self.longest_ms,
        }
    }

    /// The daemon dies, or ends in good order, and is started again.
    pub async fn again(mut self, dies: bool) -> Self {
        self.app = if dies { self.app.crash().await } else { self.app.restart().await };
        offer(&self.app);
        self
    }

    /// Who has paid finds what it has not used.
    pub async fn saver_is_whole(&self) {
        let (device, session) = &self.saver;
        let found = self.app.handle.usable_sessions(device.id).await.unwrap();
        assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [session.id]);
        assert_eq!(found[0].time_left_ms(), Some(540 * 60_000));
    }
}

fn offer(app: &TestApp) {
    let offer = FreeOffer {
        title: Text::new("Free"),
        text: Text::default(),
        gives: FreeGift::Terms(Box::new(minutes(20))),
        repeat: DAILY,
        fields: Vec::new(),
    };
    let store = Arc::new(app.store.clone());
    let free = FreeProvider::new(offer, Arc::clone(&store) as _, store, app.clock.clone(), Arc::new(Utc));
    app.handle.registry().register(Arc::new(free)).unwrap();
}

/// What a phone is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Nothing,
    Free,
    Voucher,
    Given,
}

fn what(mac: MacAddr) -> What {
    match mac.bytes()[5] % 20 {
        0 => What::Nothing,
        1 => What::Voucher,
        2 => What::Given,
        _ => What::Free,
    }
}

fn rss_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}
