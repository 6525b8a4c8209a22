//! Coins over a pipe, through the whole daemon: who has the slot, what money becomes, and crashes at every point of it.

use std::future::poll_fn;
use std::io::Write;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use sqlx::{Connection, Row, SqliteConnection};
use tokio::task::JoinSet;
use turnpike::coinslot;
use turnpike::config::Config;
use turnpike::domain::{
    ClientDevice, DeviceId, FormValues, Money, Now, ProviderName, Refusal, SessionState, Text, Waiting,
    WallTime,
};
use turnpike::runtime::FormDone;

use crate::support::{START, TestApp, mac, minutes};

/// The daemon with one slot: a pulse is 1.00; 5.00 is an hour, 1.00 ten minutes.
struct World {
    app: TestApp,
    slots: JoinSet<()>,
    config: Config,
    pipe: PathBuf,
    /// The other end, which outlives the daemon.
    wire: Option<std::fs::File>,
    /// The time on the wire, which no restart sets back.
    wire_ms: u64,
}

/// All the money there is, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sums {
    inserted: i64,
    claimed: i64,
    sold: i64,
}

/// A price list of minutes alone.
const MINUTES: &str = "{ amount = \"5\", time_secs = 3600 }, { amount = \"1\", time_secs = 600 }";
/// One that leaves a choice.
const BOTH: &str = "{ amount = \"1\", time_secs = 600 }, { amount = \"1\", data_mb = 50 }";

fn config(pipe: &std::path::Path, rates: &str) -> Config {
    let text = format!(
        "[site]\ncurrency = \"EUR\"\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n\
         [[coinslot]]\nname = \"1\"\npipe = \"{}\"\ndebounce_ms = 1\ntrain_gap_ms = 20\n\
         rates = [{rates}]\n\
         pulses = [[1, \"1\"], [5, \"5\"], [7, \"0.50\"]]\n",
        pipe.display()
    );
    Config::parse(&text, std::path::Path::new("test")).unwrap()
}

fn slot() -> ProviderName {
    ProviderName::new("coin-1")
}

fn action(name: &str) -> FormValues {
    [("action".to_owned(), name.to_owned())].into()
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

impl World {
    async fn start() -> Self {
        Self::selling(MINUTES).await
    }

    async fn selling(rates: &str) -> Self {
        let app = TestApp::start().await;
        let pipe = app.dir.path().join("pulses");
        let mut world = Self {
            config: config(&pipe, rates),
            app,
            slots: JoinSet::new(),
            pipe,
            wire: None,
            wire_ms: 1_000,
        };
        world.serve();
        world.is_open().await;
        world
    }

    /// Serves the slots; `polls` is how far they come.
    fn open(&self, polls: usize) -> JoinSet<()> {
        let currency = self.config.site.currency;
        let all =
            coinslot::open(&self.app.handle, &self.app.store, currency, &self.config.coin_slots).unwrap();
        let mut slots = JoinSet::new();
        for mut slot in all {
            let mut left = polls;
            slots.spawn(poll_fn(move |context| {
                let Some(less) = left.checked_sub(1) else { return Poll::Ready(()) };
                left = less;
                slot.as_mut().poll(context)
            }));
        }
        slots
    }

    fn serve(&mut self) {
        self.slots = self.open(usize::MAX);
    }

    /// The pipe is there and read from.
    async fn is_open(&self) {
        eventually("the pipe", async || self.pipe.exists()).await;
    }

    /// The daemon dies and comes back on the same store and kernel.
    async fn crash(mut self) -> Self {
        self.slots.shutdown().await;
        // What nobody has read goes with the last one who has the pipe open.
        self.wire = None;
        self.app = self.app.crash().await;
        self.wire = std::fs::OpenOptions::new().read(true).write(true).open(&self.pipe).ok();
        self.serve();
        self
    }

    /// Edges on the wire, all at once.
    fn pulses_at(&mut self, begin_ms: u64, count: u64) {
        let edge = |n: u64| format!("{} {}\n", 1 - n % 2, (begin_ms + 5 * n) * 1_000_000);
        let text: String = (0..2 * count).map(edge).collect();
        // Both ways, so that it never waits for a reader.
        let open = || std::fs::OpenOptions::new().read(true).write(true).open(&self.pipe).unwrap();
        self.wire.get_or_insert_with(open).write_all(text.as_bytes()).unwrap();
    }

    fn coin(&mut self, pulses: u64) {
        self.wire_ms += 10_000;
        self.pulses_at(self.wire_ms, pulses);
    }

    async fn press(&self, device: &ClientDevice, values: FormValues) -> Result<FormDone, Refusal> {
        self.app.handle.submit(device.id, &slot(), values).await
    }

    /// What a device's page shows of the slot.
    fn card(&self, device: DeviceId) -> String {
        self.app.handle.waiting(device).map_or_else(String::new, |(_, waiting)| waiting.text.to_string())
    }

    async fn shows(&self, device: &ClientDevice, text: &str) {
        let shows = async || self.card(device.id).contains(text);
        for _ in 0..2_000 {
            if shows().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never shown: {text:?}, but {:?}", self.card(device.id));
    }

    async fn sums(&self) -> Sums {
        let path = self.app.dir.path().join("turnpike.db");
        let mut db = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", path.display())).await.unwrap();
        let text = "SELECT (SELECT coalesce(sum(amount), 0) FROM credits), \
                    (SELECT coalesce(sum(amount), 0) FROM credits WHERE claimed_at IS NOT NULL), \
                    (SELECT coalesce(sum(amount), 0) FROM sales WHERE item = 'coins' AND seller = 'coinslot/1')";
        let row = sqlx::query(text).fetch_one(&mut db).await.unwrap();
        let sums = Sums { inserted: row.get(0), claimed: row.get(1), sold: row.get(2) };
        assert_eq!(sums.claimed, sums.sold, "what was claimed is what was sold");
        sums
    }

    /// Seconds of all sessions of a device.
    async fn secs(&self, device: &ClientDevice) -> u64 {
        let sessions = self.app.handle.usable_sessions(device.id).await.unwrap();
        sessions.iter().filter_map(|session| session.terms.time_limit_ms).sum::<u64>() / 1_000
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coins_become_a_session() {
    let mut world = World::start().await;
    let ana = world.app.device(1).await;
    assert_eq!(world.press(&ana, FormValues::new()).await, Ok(FormDone::Taken(None)));
    world.shows(&ana, "Insert coins now").await;
    let (provider, waiting) = world.app.handle.waiting(ana.id).unwrap();
    let now = world.app.clock.now().boot;
    assert_eq!((provider, waiting.until), (slot(), Some(now.plus_millis(60_000))));
    assert_eq!((waiting.done, waiting.cancel.is_some()), (None, true));

    world.app.pass(Duration::from_secs(40)).await;
    world.coin(5);
    world.shows(&ana, "5.00 EUR so far: 1 h").await;
    let waiting = world.app.handle.waiting(ana.id).unwrap().1;
    assert_eq!(waiting.until, Some(now.plus_millis(100_000)), "each coin begins the countdown anew");
    assert!(waiting.done.is_some() && waiting.cancel.is_none());
    assert_eq!(world.sums().await, Sums { inserted: 500, claimed: 0, sold: 0 });
    world.coin(1);
    world.shows(&ana, "6.00 EUR so far: 1 h 10 min").await;
    // A train of two coins, and one of 50 cents that buys nothing.
    world.coin(6);
    world.shows(&ana, "12.00 EUR so far: 2 h 20 min").await;
    world.coin(7);
    world.shows(&ana, "12.50 EUR so far: 2 h 20 min. 0.50 EUR are kept for your next visit.").await;

    let Ok(FormDone::Connected(session)) = world.press(&ana, action("done")).await else { panic!() };
    assert_eq!((session.terms.time_limit_ms, session.provider), (Some(8_400_000), slot()));
    assert!(world.app.kernel.is_open(mac(1)));
    assert_eq!(world.app.handle.waiting(ana.id), None);
    assert_eq!(world.app.handle.locks(), []);
    assert_eq!(world.sums().await, Sums { inserted: 1_250, claimed: 1_200, sold: 1_200 });

    // What was left over counts the next time.
    world.press(&ana, FormValues::new()).await.unwrap();
    world.shows(&ana, "0.50 EUR so far. Insert more: this is not enough yet.").await;
    world.coin(7);
    world.shows(&ana, "1.00 EUR so far: 10 min").await;
    world.press(&ana, action("done")).await.unwrap();
    assert_eq!(world.secs(&ana).await, 9_000);
    assert_eq!(world.sums().await, Sums { inserted: 1_300, claimed: 1_300, sold: 1_300 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_over_sells_what_is_in_it() {
    let mut world = World::start().await;
    let ana = world.app.device(1).await;
    world.press(&ana, FormValues::new()).await.unwrap();
    world.coin(1);
    world.shows(&ana, "1.00 EUR so far").await;
    world.app.pass(Duration::from_secs(59)).await;
    world.shows(&ana, "1.00 EUR so far").await;
    world.app.pass(Duration::from_secs(2)).await;
    eventually("let through", async || world.app.kernel.is_open(mac(1))).await;
    eventually("free", async || world.app.handle.locks().is_empty()).await;
    assert_eq!(world.app.handle.waiting(ana.id), None);
    // Nobody stands there, and nothing was inserted: it simply closes.
    world.press(&ana, FormValues::new()).await.unwrap();
    world.app.pass(Duration::from_secs(61)).await;
    eventually("free", async || world.app.handle.locks().is_empty()).await;
    assert_eq!(world.sums().await, Sums { inserted: 100, claimed: 100, sold: 100 });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_whoever_leaves_makes_way() {
    let mut world = World::start().await;
    let (ana, ben, eve) = (world.app.device(1).await, world.app.device(2).await, world.app.device(3).await);
    // All at once: one has it, the others stand in line.
    let handle = &world.app.handle;
    let name = slot();
    let all = [&ana, &ben, &eve].map(|device| handle.submit(device.id, &name, FormValues::new()));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer, Ok(FormDone::Taken(None)));
    }
    let mut order = [ana, ben, eve];
    order.sort_by_key(|device| !world.card(device.id).contains("Insert coins"));
    world.shows(&order[0], "Insert coins now").await;
    eventually("a line", async || order[1..].iter().all(|device| world.card(device.id).contains("in line.")))
        .await;
    order[1..].sort_by_key(|device| world.card(device.id));
    world.shows(&order[1], "You are number 1 in line.").await;
    world.shows(&order[2], "You are number 2 in line.").await;

    // Whoever gives up makes way at once.
    world.press(&order[1], action("cancel")).await.unwrap();
    assert_eq!(world.app.handle.waiting(order[1].id), None);
    world.shows(&order[2], "You are number 1 in line.").await;

    // Whoever leaves with money in the slot has a session for later, and the next one the slot.
    world.coin(5);
    world.shows(&order[0], "5.00 EUR so far").await;
    world.app.lan.leave(order[0].mac);
    let left = tokio::time::Instant::now();
    world.shows(&order[2], "Insert coins now").await;
    assert!(left.elapsed() < Duration::from_secs(5), "{:?}", left.elapsed());
    eventually("sold", async || world.sums().await == Sums { inserted: 500, claimed: 500, sold: 500 }).await;
    let sessions = world.app.handle.usable_sessions(order[0].id).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].state, SessionState::Available);
    assert_eq!(world.app.handle.waiting(order[0].id), None);
    // The money of each is theirs.
    world.coin(1);
    world.shows(&order[2], "1.00 EUR so far: 10 min").await;
    world.press(&order[2], action("done")).await.unwrap();
    assert_eq!(world.secs(&order[2]).await, 600);
    assert_eq!(world.secs(&order[0]).await, 3_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_nobody_is_kept_and_what_is_told_twice_counts_once() {
    let mut world = World::start().await;
    let ana = world.app.device(1).await;
    world.coin(5);
    eventually("kept", async || world.sums().await.inserted == 500).await;
    let warned = async |world: &World| world.app.handle.status().await.unwrap().warnings;
    eventually("warned", async || {
        warned(&world).await.iter().any(|text| text.contains("5.00 EUR came in with nobody at the slot"))
    })
    .await;
    // The same edges once more, also after a crash.
    let again = world.wire_ms;
    world.pulses_at(again, 5);
    world = world.crash().await;
    world.pulses_at(again, 5);
    world.coin(1);
    eventually("the other coin", async || world.sums().await.inserted == 600).await;
    eventually("warned again", async || {
        warned(&world).await.iter().any(|text| text.contains("6.00 EUR came in with nobody"))
    })
    .await;
    // It is given to whom it belongs.
    let found = world.app.store.unclaimed_credits(Some("coinslot/1"), None).await.unwrap();
    assert!(world.app.store.assign_credit(found[0].id, ana.id).await.unwrap());
    let Ok(FormDone::Connected(session)) = world.press(&ana, FormValues::new()).await else { panic!() };
    assert_eq!(session.terms.time_limit_ms, Some(3_600_000));
    assert_eq!(world.sums().await, Sums { inserted: 600, claimed: 500, sold: 500 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coin_that_falls_late_buys_what_its_guest_chose() {
    let mut world = World::selling(BOTH).await;
    let ana = world.app.device(1).await;
    let wanted: FormValues = [("kind".to_owned(), "data".to_owned())].into();
    assert_eq!(world.press(&ana, wanted).await, Ok(FormDone::Taken(None)));
    world.shows(&ana, "Insert coins now").await;
    world.coin(1);
    world.shows(&ana, "1.00 EUR so far: 50 MB").await;
    world.press(&ana, action("done")).await.unwrap();
    eventually("closed", async || world.app.handle.locks().is_empty()).await;
    world.coin(1);
    eventually("sold", async || world.sums().await == Sums { inserted: 200, claimed: 200, sold: 200 }).await;
    let sessions = world.app.handle.usable_sessions(ana.id).await.unwrap();
    let data: Vec<_> = sessions.iter().map(|session| session.terms.data_limit_bytes).collect();
    assert_eq!(data, [Some(50_000_000); 2]);
}

#[tokio::test]
async fn what_a_deleted_device_had_inserted_is_nobodys() {
    let app = TestApp::start().await;
    let (ana, ben) = (app.device(1).await, app.device(2).await);
    let add = async |reference: &str, device: DeviceId| {
        app.handle.add_credit("coinslot/1", reference, Money(500), Some(device)).await.unwrap()
    };
    assert!(add("a", ana.id).await && add("b", ben.id).await && add("c", ana.id).await);
    let waiting = Waiting { text: Text::new("Insert coins"), until: None, done: None, cancel: None };
    app.handle.set_waiting(ana.id, &slot(), Some(waiting.clone()));
    let back = app.store.unclaimed_credits(None, Some(ana.id)).await.unwrap().pop().unwrap();
    assert!(app.store.return_credit(back.id, START.wall).await.unwrap());
    app.handle.delete_device(ana.id).await.unwrap();
    let whose = async || {
        let open = app.store.unclaimed_credits(None, None).await.unwrap();
        open.iter().map(|credit| credit.device).collect::<Vec<_>>()
    };
    assert_eq!(whose().await, [None, Some(ben.id)]);
    let back = app.store.credit(back.id).await.unwrap().unwrap();
    assert_eq!(back.device, Some(ana.id), "what is settled stays as it was");
    assert_eq!(app.handle.waiting(ana.id), None, "nobody waits for it any more");
    // A coin that was on its way.
    assert!(app.store.add_credit("coinslot/1", "d", Money(100), Some(ana.id), START.wall).await.unwrap());
    assert_eq!(whose().await, [None, Some(ben.id), None]);

    // A move takes the wait away as well.
    let eve = app.device(3).await;
    app.handle.create_session(ben.id, minutes(30)).await.unwrap();
    app.handle.set_waiting(ben.id, &slot(), Some(waiting));
    app.handle.move_sessions(ben.id, eve.id).await.unwrap();
    assert_eq!(app.handle.waiting(ben.id), None);
    assert_eq!(whose().await, [None, Some(eve.id), None]);
}

#[tokio::test]
async fn money_of_a_router_that_starts_in_1970_has_a_day() {
    let app = TestApp::start().await;
    let ana = app.device(1).await;
    let now = app.clock.now();
    app.clock.set(Now { boot: now.boot.plus_millis(1_000), wall: WallTime(5_000) });
    // The sessions manager looks at the clocks.
    app.handle.status().await.unwrap();
    assert!(app.handle.add_credit("plugin/x", "a", Money(500), Some(ana.id)).await.unwrap());
    let credit = app.store.unclaimed_credits(None, Some(ana.id)).await.unwrap().pop().unwrap();
    assert!(credit.at >= START.wall && credit.at < START.wall.plus_days(1), "{credit:?}");
}

/// One sale, with the daemon's slot dying after so many steps. Whether it came to an end before.
async fn sale_that_breaks_off(polls: usize) -> bool {
    let app = TestApp::start().await;
    let pipe = app.dir.path().join("pulses");
    let mut world = World {
        config: config(&pipe, MINUTES),
        app,
        slots: JoinSet::new(),
        pipe,
        wire: None,
        wire_ms: 5_000,
    };
    let ana = world.app.device(1).await;
    world.slots = world.open(polls);
    let mut slots = std::mem::take(&mut world.slots);
    let sale = async {
        world.is_open().await;
        world.press(&ana, FormValues::new()).await.ok()?;
        world.shows(&ana, "Insert coins now").await;
        world.pulses_at(5_000, 5);
        world.shows(&ana, "5.00 EUR so far").await;
        world.press(&ana, action("done")).await.ok()
    };
    let finished = tokio::select! {
        biased;
        _ = slots.join_next() => None,
        done = sale => done,
    };
    slots.shutdown().await;
    let is_told = finished.is_some();
    let before = world.sums().await;
    assert!([0, 500].contains(&before.inserted), "{before:?}");
    if is_told {
        assert_eq!(before, Sums { inserted: 500, claimed: 500, sold: 500 });
    }

    world = world.crash().await;
    let after = world.sums().await;
    assert_eq!(
        world.secs(&ana).await,
        u64::try_from(after.sold).unwrap() / 500 * 3_600,
        "{polls}: {after:?}"
    );
    world.is_open().await;
    if after.inserted > after.sold {
        world.shows(&ana, "You have 5.00 EUR of credit here: 1 h.").await;
    }
    // Whoever feeds the pipe does not know how far the daemon came, and says it again.
    if after.sold == 0 {
        let answer = world.press(&ana, FormValues::new()).await.unwrap();
        assert_eq!(matches!(answer, FormDone::Connected(_)), after.inserted > 0, "{polls}: {answer:?}");
    }
    world.pulses_at(5_000, 5);
    if after.inserted == 0 {
        world.shows(&ana, "5.00 EUR so far").await;
        world.press(&ana, action("done")).await.unwrap();
    }
    world.coin(1);
    eventually("another coin", async || world.sums().await.inserted == 600).await;
    // The other coin may be sold by now.
    let secs = world.secs(&ana).await;
    assert!([3_600, 4_200].contains(&secs), "{polls}: {secs}");
    eventually("the end", async || world.sums().await.sold >= 500).await;
    world.slots.shutdown().await;
    is_told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_of_a_sale_loses_nothing_and_sells_nothing_twice() {
    let mut told = 0;
    for polls in 1..400 {
        told += u32::from(sale_that_breaks_off(polls).await);
        if told == 2 {
            eprintln!("{polls} points were tried");
            assert!(polls > 10, "it was not cut anywhere");
            return;
        }
    }
    panic!("the sale never ends");
}
