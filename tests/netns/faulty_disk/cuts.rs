//! The power of a router goes, again and again, while people buy and use: what was answered is there, and usage is as old as it
//! may be. `scripts/proof power-cut` does it for long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::lab::{
    Acts, Daemon, DaemonConfig, Disk, Faults, HttpRequest, LAN4, Lab, NET6, Random, Till, UdpBlaster,
    UdpEcho, eventually,
};

/// How often usage is stored.
const FLUSH_SECS: u32 = 2;
/// What a busy machine may take to store it.
const LATE: Duration = Duration::from_secs(2);
/// So many cuts are survived by one database; then comes a new one.
const CUTS_OF_ONE: usize = 20;
/// Changes of the disk between its start and a cut, at most; a sale takes about ten. Now and then many more, so that the log is
/// moved into the database.
const CHANGES: u64 = 600;
const MANY_CHANGES: u64 = 8_000;
/// The same where the cut comes while the daemon starts, for the first time or again.
const CHANGES_OF_A_FIRST_START: u64 = 1_000;
const CHANGES_OF_A_START: u64 = 100;
/// The same where it comes while the daemon ends.
const CHANGES_OF_AN_END: u64 = 60;

/// What came of it.
#[derive(Debug, Default)]
pub struct Survived {
    /// Cuts, each followed by a start on what it left.
    pub cuts: u64,
    /// Of those, while the daemon was starting.
    pub at_start: u64,
    /// Of those, while it was ending.
    pub at_end: u64,
    /// Of those, while the log was being moved into the database.
    pub in_checkpoint: u64,
    /// Of all, with nothing wrong.
    pub held: u64,
    /// What was done at the counter.
    pub acts: Acts,
    /// How old the usage on the disk was at worst.
    pub oldest: Duration,
    /// Changes that the disk was asked for.
    pub operations: u64,
    /// What was wrong, with the seed of its random numbers.
    pub failures: Vec<String>,
}

/// When the power goes.
#[derive(Debug, Clone, Copy)]
enum When {
    /// After so many changes of the disk.
    Changes(u64),
    /// After a while in which little happens.
    Millis(u64),
    /// After so many changes once the daemon was told to end.
    Ending(u64),
}

impl When {
    fn any(random: &mut Random) -> Self {
        match random.below(10) {
            0..=4 => Self::Changes(random.below(CHANGES)),
            5..=6 => Self::Changes(random.below(MANY_CHANGES)),
            7..=8 => Self::Millis(random.below(5_000)),
            _ => Self::Ending(random.below(CHANGES_OF_AN_END)),
        }
    }
}

/// Cuts the power so many times.
pub fn cut(seed: u64, cuts: usize) -> Survived {
    cut_with(seed, cuts, false)
}

/// The same on a disk that says of what it has in its cache that it is on the disk: shows that losses are found.
pub fn cut_and_lie(seed: u64, cuts: usize) -> Survived {
    cut_with(seed, cuts, true)
}

fn cut_with(seed: u64, cuts: usize, lies: bool) -> Survived {
    let mut survived = Survived::default();
    let mut left = cuts;
    for life in 0.. {
        if left == 0 {
            break;
        }
        let (seed, count) = (seed.wrapping_mul(1_000).wrapping_add(life), left.min(CUTS_OF_ONE));
        left -= count;
        // What panics is wrong as well, and the others are to be seen all the same.
        let lived = catch_unwind(AssertUnwindSafe(|| live(seed, count, lies, &mut survived)));
        let wrong = match lived {
            Ok(Ok(())) => continue,
            Ok(Err(wrong)) => wrong,
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned()),
        };
        survived.failures.push(format!("seed {seed}, cut {}: {wrong}", survived.cuts));
    }
    survived
}

/// One database, cut so many times.
fn live(seed: u64, cuts: usize, lies: bool, survived: &mut Survived) -> Result<(), String> {
    let lab = Lab::with_phones(1);
    let disk = Disk::mount(&lab.dir.path().join("disk"));
    let mut random = Random::new(seed);
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let _traffic = UdpBlaster::start(&lab.phones[0], (NET6, 7), 200, Duration::from_millis(5));
    let config = DaemonConfig {
        flush_secs: FLUSH_SECS,
        store: Some(disk.path().to_owned()),
        ..DaemonConfig::default()
    };
    let mut router = Router {
        till: Till::new(&format!("s{seed}")),
        phone: Phone::default(),
        daemon: None,
        lab: &lab,
        disk: &disk,
        config,
        lies,
    };
    let done = router.live(&mut random, cuts, survived);
    survived.operations += disk.operations();
    let acts = router.till.acts;
    let all = &mut survived.acts;
    all.tried += acts.tried;
    all.answered += acts.answered;
    all.refused += acts.refused;
    all.open += acts.open;
    all.found_done += acts.found_done;
    all.sent_again += acts.sent_again;
    done.map_err(|wrong| {
        let log = router.daemon.as_ref().map(Daemon::log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(30).collect();
        format!("{wrong}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
    })
}

struct Router<'lab> {
    till: Till,
    phone: Phone,
    // Before the disk, which it has mounted.
    daemon: Option<Daemon<'lab>>,
    lab: &'lab Lab,
    disk: &'lab Disk,
    config: DaemonConfig,
    lies: bool,
}

/// A guest that is online all the time, and its usage.
#[derive(Debug, Default)]
struct Phone {
    session: Option<String>,
    /// Milliseconds used, and when that was true.
    seen: Option<(u64, Instant)>,
    stored: u64,
}

impl<'lab> Router<'lab> {
    fn live(&mut self, random: &mut Random, cuts: usize, survived: &mut Survived) -> Result<(), String> {
        for cut in 0..cuts {
            if cut == 0 {
                self.disk.cut_after(random.below(CHANGES_OF_A_FIRST_START));
            } else if random.chance(20) {
                self.disk.cut_after(random.below(CHANGES_OF_A_START));
            }
            self.disk.break_with(Faults { lying_syncs: self.lies, ..Faults::default() });
            let is_up = self.start();
            if self.disk.spare() {
                if !is_up {
                    return Err("it does not come up".to_owned());
                }
                self.check(random)?;
                self.work(random, survived);
            } else {
                survived.at_start += 1;
            }
            survived.cuts += 1;
            self.fail(random, survived)?;
            survived.held += 1;
        }
        if !self.start() {
            return Err("it does not come up".to_owned());
        }
        self.check(random)
    }

    /// Whether it comes up before the power goes.
    fn start(&mut self) -> bool {
        let daemon = match &mut self.daemon {
            Some(daemon) => {
                daemon.begin_again();
                daemon
            }
            None => self.daemon.insert(Daemon::begin_with(self.lab, &self.config)),
        };
        let disk = self.disk;
        daemon.comes_up(|| disk.is_off())
    }

    fn daemon(&mut self) -> &mut Daemon<'lab> {
        self.daemon.as_mut().expect("it was started")
    }

    fn check(&mut self, random: &mut Random) -> Result<(), String> {
        let daemon = self.daemon.as_ref().expect("it was started");
        if let Some(salvaged) = self.disk.names().into_iter().find(|name| name.contains(".corrupt-")) {
            return Err(format!("the database had to be salvaged: {salvaged}"));
        }
        if !self.till.open_up(daemon)? {
            return Err("what is sold cannot be made".to_owned());
        }
        self.till.check(daemon, random)
    }

    /// Buys, sells and uses until the power goes.
    fn work(&mut self, random: &mut Random, survived: &mut Survived) {
        let daemon = self.daemon.as_mut().expect("it was started");
        let when = When::any(random);
        if let When::Changes(changes) = when {
            self.disk.cut_after(changes);
        }
        self.phone.seen = None;
        let begun = Instant::now();
        // So many at most: what is looked through after each cut grows with them.
        for round in 0..400 {
            self.phone.look(daemon, self.lab, &mut self.till);
            if self.disk.is_off() {
                return;
            }
            match when {
                When::Changes(_) => {}
                When::Millis(millis) if begun.elapsed() >= Duration::from_millis(millis) => break,
                When::Millis(_) => std::thread::sleep(Duration::from_millis(50)),
                When::Ending(_) if round == 3 => break,
                When::Ending(_) => {}
            }
            if !matches!(when, When::Millis(_)) || round % 8 == 0 {
                let count = usize::try_from(1 + random.below(4)).unwrap_or(1);
                self.till.act_at_once(daemon, random, count);
            }
        }
        if let When::Ending(changes) = when {
            survived.at_end += 1;
            self.disk.cut_after(changes);
            daemon.signal(Signal::TERM);
            let disk = self.disk;
            eventually(Duration::from_secs(10), || disk.is_off() || !daemon.runs());
        }
        self.disk.cut();
    }

    /// The power has gone: the daemon and all that the kernel knew with it. The disk is what the cut has left.
    fn fail(&mut self, random: &mut Random, survived: &mut Survived) -> Result<(), String> {
        let cut_at = self.disk.cut_at().ok_or("the power is still there")?;
        self.daemon().kill();
        survived.in_checkpoint += u64::from(self.disk.is_pending("turnpike.db"));
        let router = &self.lab.router;
        router.nft("flush ruleset");
        router.run(&["conntrack", "-F"]);
        for device in ["wan", "br-lan"] {
            router.run(&["tc", "qdisc", "delete", "dev", device, "root"]);
        }
        router.ip("neigh flush all\n");
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let uptime: f64 = uptime.split(' ').next().and_then(|secs| secs.parse().ok()).unwrap_or_default();
        let back = (uptime - 5.0) * 1000.0;
        let boot = survived.cuts;
        self.daemon().set_clock(&format!("boot_id=boot-{boot}\nboot_offset_ms=-{back:.0}\n"));
        self.disk.power_on(random);
        let folder = tempfile::tempdir().expect("a folder");
        self.disk.copy_to(folder.path());
        let Some(stored) = look_into(&folder.path().join("turnpike.db"), self.phone.session.as_deref())?
        else {
            return Ok(());
        };
        if stored < self.phone.stored {
            return Err(format!("usage fell from {} to {stored} ms", self.phone.stored));
        }
        self.phone.stored = stored;
        if let Some((millis, at)) = self.phone.seen {
            let since = cut_at.saturating_duration_since(at);
            let age = (Duration::from_millis(millis) + since).saturating_sub(Duration::from_millis(stored));
            survived.oldest = survived.oldest.max(age);
            if age > Duration::from_secs(FLUSH_SECS.into()) + LATE {
                return Err(format!("the usage on the disk is {age:?} old"));
            }
        }
        Ok(())
    }
}

impl Phone {
    /// Comes online if it is not, and asks what it has used. None of it need succeed: the power may go.
    fn look(&mut self, daemon: &Daemon, lab: &Lab, till: &mut Till) {
        let phone = &lab.phones[0];
        let Some(session) = self.session.clone() else {
            phone.ping(LAN4);
            self.session = self.come(daemon, &phone.mac);
            if let Some(session) = &self.session {
                till.leave_out(session);
            }
            return;
        };
        let Some(found) = ask(daemon, &HttpRequest::get(&format!("/api/v1/sessions/{session}"))) else {
            return;
        };
        let used = Duration::try_from_secs_f64(found["time_used_secs"].as_f64().unwrap_or_default());
        match (found["state"].as_str(), used) {
            (Some("running"), Ok(used)) => {
                self.seen = Some((u64::try_from(used.as_millis()).unwrap_or_default(), Instant::now()));
            }
            _ => self.seen = None,
        }
        if found["state"] == "available" {
            ask(daemon, &HttpRequest::json("POST", &format!("/api/v1/devices/{}/connect", phone.mac), "{}"));
        }
    }

    /// Under one key, so that it is one session however often the power goes meanwhile.
    fn come(&self, daemon: &Daemon, mac: &str) -> Option<String> {
        ask(daemon, &HttpRequest::get(&format!("/api/v1/devices/{mac}")))?;
        let terms = json!({"kind": "time_or_data", "time_secs": 36_000, "data_mb": 10_000}).to_string();
        let request = HttpRequest::json("POST", &format!("/api/v1/devices/{mac}/sessions"), &terms);
        let made = ask(daemon, &request.header("Idempotency-Key", "the-phone"))?;
        made["id"].as_str().map(str::to_owned)
    }
}

fn ask(daemon: &Daemon, request: &HttpRequest) -> Option<Value> {
    let answer = daemon.try_send(request).ok().filter(|answer| matches!(answer.status, 200 | 201))?;
    serde_json::from_str(&answer.body).ok()
}

/// SQLite's own word on a database, and the milliseconds that a session has used by it. `None`: there is none yet.
fn look_into(database: &Path, session: Option<&str>) -> Result<Option<u64>, String> {
    if std::fs::metadata(database).map_or(0, |found| found.len()) == 0 {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let looked = runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await?;
        let foreign = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await?.len();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'sessions'")
            .fetch_one(&mut connection)
            .await?;
        let used: Option<i64> = match session {
            Some(id) if tables == 1 => {
                let query = sqlx::query_scalar("SELECT used_time_ms FROM sessions WHERE id = $1").bind(id);
                query.fetch_optional(&mut connection).await?
            }
            _ => None,
        };
        connection.close().await?;
        Ok::<_, sqlx::Error>((check, foreign, used))
    });
    match looked {
        Ok((check, 0, used)) if check == "ok" => match (session, used) {
            (Some(session), None) => Err(format!("the phone's session {session} is gone")),
            (_, used) => Ok(used.map(i64::unsigned_abs)),
        },
        Ok((check, foreign, _)) => Err(format!("{check}; {foreign} rows refer to nothing")),
        Err(error) => Err(format!("the database cannot be read: {error}")),
    }
}
