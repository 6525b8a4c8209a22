use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::time::Instant;

use super::GuestLog;
use super::day::Day;
use super::files::Files;
use super::line::{Line, Lost};
use super::syslog::Syslog;

/// What waits for a disk that takes nothing, in bytes; beyond, lines are lost.
const MOST_WAITING_BYTES: usize = 1 << 20;

/// So long the system's log may take at a time; what it has not taken waits for the next tick.
const MOST_SAYING: Duration = Duration::from_millis(300);

/// Writes lines. What the disk and the system's log do not take waits for the next time, up to a bound.
#[derive(Debug)]
pub(super) struct Writer {
    files: Option<Files>,
    syslog: Option<Syslog>,
    /// Lines for the files, with the day of each: neighbours of one day are one text.
    waiting: VecDeque<(Day, String)>,
    waiting_bytes: usize,
    /// Lines for the system's log, with their times.
    to_say: VecDeque<(String, String)>,
    to_say_bytes: usize,
    /// Of that, the last list of everybody may wait whole on top: cut short, it would be said anew for ever.
    list_bytes: usize,
    /// Whether what is pushed belongs to a list of everybody.
    is_list: bool,
    /// Whether the system's log is left alone until the next tick.
    is_stalled: bool,
    /// Whether lines for the files were given up: until all that waits is written no other is taken. Else a short one would
    /// find room behind those that are lost, and seem to say that none is.
    is_giving_up: bool,
    /// How many were, and were not counted yet.
    given_up: usize,
}

/// What became of writing.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Lines that were written: into files, or where there are none, to the system's log.
    pub(super) lines: usize,
    /// Lines that were lost before they were written.
    pub(super) lost: usize,
    /// Lines that the system's log did not take.
    pub(super) unsaid: usize,
    /// Why a file could not be written; its lines wait.
    pub(super) failed: Option<String>,
    /// Why the system's log could not be told.
    pub(super) silent: Option<String>,
    /// Whether nothing waits where the log is kept: in files, or where there are none, in the system's log.
    pub(super) is_whole: bool,
}

impl Writer {
    pub(super) fn new(log: &GuestLog) -> io::Result<Self> {
        Ok(Self {
            files: log.file.clone().map(Files::new),
            syslog: log.syslog.clone().map(Syslog::new).transpose()?,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            to_say: VecDeque::new(),
            to_say_bytes: 0,
            list_bytes: 0,
            is_list: false,
            is_stalled: false,
            is_giving_up: false,
            given_up: 0,
        })
    }

    /// Takes a line to be written into a day's file.
    pub(super) fn push(&mut self, day: Day, line: &Line) {
        let mut text = line.text();
        if self.syslog.is_some() {
            self.to_say_bytes += text.len();
            if self.is_list {
                self.list_bytes += text.len();
            }
            self.to_say.push_back((line.at.clone(), text.clone()));
        }
        if self.files.is_none() {
            return;
        }
        if self.is_giving_up {
            self.given_up += 1;
            return;
        }
        text.push('\n');
        self.waiting_bytes += text.len();
        match self.waiting.back_mut() {
            Some((of, texts)) if *of == day => texts.push_str(&text),
            Some(_) | None => self.waiting.push_back((day, text)),
        }
    }

    /// What is pushed from now on says everybody who is there.
    pub(super) const fn begin_list(&mut self) {
        (self.is_list, self.list_bytes) = (true, 0);
    }

    /// The list is complete.
    pub(super) const fn end_list(&mut self) {
        self.is_list = false;
    }

    /// Whether there is anything to write.
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.is_giving_up || !(self.to_say.is_empty() || self.is_stalled)
    }

    /// The system's log is tried again.
    pub(super) const fn try_again(&mut self) {
        self.is_stalled = false;
    }

    /// How many lines the system's log has not taken yet.
    pub(super) fn waiting_to_be_said(&self) -> usize {
        self.to_say.len()
    }

    /// Writes what waits. May block.
    pub(super) fn write(&mut self) -> Written {
        let mut written = Written::default();
        self.say(&mut written);
        let Some(files) = &mut self.files else {
            // What it did not take is nowhere else.
            written.lost = written.unsaid;
            written.is_whole = written.silent.is_none() && self.to_say.is_empty();
            return written;
        };
        while let Some((day, texts)) = self.waiting.front() {
            if let Err(error) = files.append(*day, texts.as_bytes()) {
                written.failed =
                    Some(format!("{}: {error}", super::files::path_of(files.base(), *day).display()));
                self.give_up();
                break;
            }
            written.lines += texts.matches('\n').count();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(texts.len());
            self.waiting.pop_front();
        }
        written.is_whole = written.failed.is_none();
        self.is_giving_up &= !written.is_whole;
        written.lost = std::mem::take(&mut self.given_up);
        written
    }

    /// Says what waits to the system's log, as far as it has room for it.
    fn say(&mut self, written: &mut Written) {
        let Some(syslog) = &self.syslog else { return };
        let until = Instant::now() + MOST_SAYING;
        while !self.is_stalled
            && let Some((at, text)) = self.to_say.front()
        {
            match syslog.say(at, text) {
                Ok(()) => written.lines += usize::from(self.files.is_none()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.is_stalled = true;
                    break;
                }
                Err(error) => {
                    written.unsaid += 1;
                    written.silent = Some(error.to_string());
                }
            }
            self.to_say_bytes = self.to_say_bytes.saturating_sub(text.len());
            self.to_say.pop_front();
            self.is_stalled = Instant::now() >= until;
        }
        if self.to_say.is_empty() {
            self.list_bytes = 0;
        }
        while self.to_say_bytes > MOST_WAITING_BYTES.saturating_add(self.list_bytes)
            && let Some((_, text)) = self.to_say.pop_back()
        {
            self.to_say_bytes = self.to_say_bytes.saturating_sub(text.len());
            written.unsaid += 1;
            written.silent = Some("it does not take them as fast as they come".to_owned());
        }
    }

    /// Gives up what is too much to wait, the newest first: what went before says until when the log is whole.
    fn give_up(&mut self) {
        while self.waiting_bytes > MOST_WAITING_BYTES {
            let Some((_, texts)) = self.waiting.back_mut() else { break };
            let too_much = self.waiting_bytes - MOST_WAITING_BYTES;
            let kept = texts.len().saturating_sub(too_much);
            // Plain ASCII: any place is one between letters.
            let kept = texts.get(..kept).and_then(|kept| kept.rfind('\n')).map_or(0, |end| end + 1);
            self.is_giving_up = true;
            self.given_up += texts.get(kept..).unwrap_or_default().matches('\n').count();
            self.waiting_bytes -= texts.len() - kept;
            texts.truncate(kept);
            if texts.is_empty() {
                self.waiting.pop_back();
            }
        }
    }

    /// What was written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.files.as_ref().map_or(Ok(()), Files::sync)
    }

    /// Removes the files of all days before this one. How many.
    pub(super) fn prune(&self, first_kept: Day) -> io::Result<usize> {
        self.files.as_ref().map_or(Ok(0), |files| files.prune(first_kept))
    }
}

/// Adds what was lost to what was lost before.
impl std::ops::AddAssign for Lost {
    fn add_assign(&mut self, more: Self) {
        self.lines = self.lines.saturating_add(more.lines);
        self.connections = self.connections.saturating_add(more.connections);
        self.kernel_overflows = self.kernel_overflows.saturating_add(more.kernel_overflows);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;

    use super::*;
    use crate::domain::WallTime;
    use crate::guest_log::line::{Event, Moment};

    const NOW: Moment = Moment { at: WallTime(1_780_272_000_000), believed: true };

    fn line(hostname: &str) -> Line {
        Line { hostname: Some(hostname.to_owned()), ..Line::of_nobody(NOW, Event::Present) }
    }

    fn writer(file: Option<&Path>, syslog: Option<&Path>) -> Writer {
        let (file, syslog) = (file.map(Path::to_owned), syslog.map(Path::to_owned));
        Writer::new(&GuestLog { file, syslog, keep_days: 1, connections: None }).unwrap()
    }

    /// More than may wait.
    fn push_too_much(writer: &mut Writer) -> usize {
        let long = line(&"x".repeat(1_000));
        let count = MOST_WAITING_BYTES / 1_000 + 10;
        (0..count).for_each(|_| writer.push(Day::of(NOW.at), &long));
        count
    }

    #[test]
    fn what_is_kept_of_too_much_is_what_came_before_all_that_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("place/guests.log");
        std::fs::write(base.parent().unwrap(), "in the way").unwrap();
        let mut writer = writer(Some(&base), None);
        let pushed = push_too_much(&mut writer);
        let lost = writer.write().lost;
        assert!(lost > 0);
        // It would find room where a longer one was given up.
        writer.push(Day::of(NOW.at), &line("short"));
        std::fs::remove_file(base.parent().unwrap()).unwrap();
        let written = writer.write();
        assert_eq!((written.lines, written.lost, written.is_whole), (pushed - lost, 1, true));
        writer.push(Day::of(NOW.at), &line("later"));
        assert_eq!(writer.write().lines, 1, "from here on all is taken again");
    }

    #[test]
    fn a_list_of_thousands_waits_whole_for_the_systems_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.sock");
        // Its queue holds a few.
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut writer = writer(None, Some(&path));
        writer.begin_list();
        let listed = push_too_much(&mut writer);
        writer.end_list();
        let written = writer.write();
        assert_eq!((written.lost, written.is_whole), (0, false));
        let more = push_too_much(&mut writer);
        writer.try_again();
        let lost = writer.write().lost;
        assert!((1..more).contains(&lost), "what follows the list has a bound as ever: {lost}");
        assert!(writer.waiting_to_be_said() > listed - written.lines, "{written:?}");
        drop(socket);
    }
}
