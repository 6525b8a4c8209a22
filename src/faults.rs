//! Places where a debug build can be made to die or to fail, so that tests can try each of them. A release build has none.
//!
//! [`TEST_FAULTS`] names a file with one order, which is read at every place that is passed:
//!
//! | order | what happens |
//! |---|---|
//! | `trace` | nothing |
//! | `kill N [BEGIN]` | the process kills itself (`SIGKILL`) at the Nth place from now on, of those whose names begin so |
//! | `fail N [BEGIN]` | the Nth thing from now on that can fail does, once, as if the kernel had no memory for it |
//!
//! A place that is counted is written into `FILE.trace`, before anything happens there.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

/// Names the file with the order. Only debug builds look at it.
const TEST_FAULTS: &str = "TURNPIKE_TEST_FAULTS";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Trace,
    Kill(usize),
    Fail(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    act: Act,
    begin: String,
}

/// The order that is being carried out, as it was written, and how many places it has counted.
#[derive(Debug, Default)]
struct Progress {
    text: String,
    counted: usize,
}

/// What is to happen at a place.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Counted,
    Die,
    Fail,
}

/// The process may die here: what was done before is done, what comes after is not.
pub fn boundary(place: &str) {
    // Nothing fails at a place that cannot: the verdict is to die or to go on.
    let _ = look(place, false);
}

/// The process may die here, or what comes next may be told to have failed.
///
/// # Errors
///
/// `ENOBUFS`, if a test has ordered so.
pub fn attempt(place: &str) -> io::Result<()> {
    look(place, true)
}

fn look(place: &str, can_fail: bool) -> io::Result<()> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    static PROGRESS: Mutex<Progress> = Mutex::new(Progress { text: String::new(), counted: 0 });
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let Some(file) = FILE.get_or_init(|| std::env::var_os(TEST_FAULTS).map(PathBuf::from)) else {
        return Ok(());
    };
    // No order, no fault.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let verdict = {
        let mut progress = PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = progress.judge(&text, place, can_fail);
        if verdict != Verdict::Pass {
            // Under the lock, so that the places stand in the order in which they were counted.
            note(file, place)?;
        }
        verdict
    };
    match verdict {
        Verdict::Pass | Verdict::Counted => Ok(()),
        Verdict::Fail => Err(Errno::NOBUFS.into()),
        Verdict::Die => {
            kill_process(getpid(), Signal::KILL)?;
            // The signal is on its way; nothing may happen until it is here.
            loop {
                std::thread::park();
            }
        }
    }
}

fn note(file: &Path, place: &str) -> io::Result<()> {
    let mut trace = file.as_os_str().to_owned();
    trace.push(".trace");
    OpenOptions::new().create(true).append(true).open(trace)?.write_all(format!("{place}\n").as_bytes())
}

impl Progress {
    fn judge(&mut self, text: &str, place: &str, can_fail: bool) -> Verdict {
        if self.text != text {
            *self = Self { text: text.to_owned(), counted: 0 };
        }
        let Some(order) = Order::read(text) else { return Verdict::Pass };
        if !place.starts_with(&order.begin) || matches!(order.act, Act::Fail(_)) && !can_fail {
            return Verdict::Pass;
        }
        self.counted += 1;
        match order.act {
            Act::Kill(at) if at == self.counted => Verdict::Die,
            Act::Fail(at) if at == self.counted => Verdict::Fail,
            Act::Trace | Act::Kill(_) | Act::Fail(_) => Verdict::Counted,
        }
    }
}

impl Order {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let act = match words.next()? {
            "trace" => Act::Trace,
            "kill" => Act::Kill(words.next()?.parse().ok()?),
            "fail" => Act::Fail(words.next()?.parse().ok()?),
            _ => return None,
        };
        Some(Self { act, begin: words.next().unwrap_or_default().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_counts_the_places_that_it_names() {
        let mut progress = Progress::default();
        let mut judge = |text: &str, place: &str, can_fail: bool| progress.judge(text, place, can_fail);
        assert_eq!(judge("", "gate.send", true), Verdict::Pass);
        assert_eq!(judge("kill two", "gate.send", true), Verdict::Pass, "no order");
        assert_eq!(judge("trace", "gate.send", true), Verdict::Counted);
        assert_eq!(judge("kill 2", "gate.send", true), Verdict::Counted);
        assert_eq!(judge("kill 2", "owner.decided", false), Verdict::Die);
        assert_eq!(judge("fail 2 gate.", "gate.send", true), Verdict::Counted);
        assert_eq!(judge("fail 2 gate.", "net.list", true), Verdict::Pass, "another");
        assert_eq!(judge("fail 2 gate.", "gate.loaded", false), Verdict::Pass, "it cannot fail");
        assert_eq!(judge("fail 2 gate.", "gate.answer", true), Verdict::Fail);
        assert_eq!(judge("fail 2 gate.", "gate.answer", true), Verdict::Counted, "once");
        assert_eq!(judge("fail 1 gate.", "gate.answer", true), Verdict::Fail, "counted anew");
    }

    #[test]
    fn without_an_order_nothing_happens() {
        boundary("anything");
        assert!(attempt("anything").is_ok());
    }
}
