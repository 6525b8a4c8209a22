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
    /// Whether the system's log is left alone until the next tick.
    is_stalled: bool,
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
            is_stalled: false,
        })
    }

    /// Takes a line to be written into a day's file.
    pub(super) fn push(&mut self, day: Day, line: &Line) {
        let mut text = line.text();
        if self.syslog.is_some() {
            self.to_say_bytes += text.len();
            self.to_say.push_back((line.at.clone(), text.clone()));
        }
        if self.files.is_none() {
            return;
        }
        text.push('\n');
        self.waiting_bytes += text.len();
        match self.waiting.back_mut() {
            Some((of, texts)) if *of == day => texts.push_str(&text),
            Some(_) | None => self.waiting.push_back((day, text)),
        }
    }

    /// Whether there is anything to write.
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || !(self.to_say.is_empty() || self.is_stalled)
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
                written.lost = self.give_up();
                break;
            }
            written.lines += texts.matches('\n').count();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(texts.len());
            self.waiting.pop_front();
        }
        written.is_whole = written.failed.is_none();
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
        while self.to_say_bytes > MOST_WAITING_BYTES
            && let Some((_, text)) = self.to_say.pop_back()
        {
            self.to_say_bytes = self.to_say_bytes.saturating_sub(text.len());
            written.unsaid += 1;
            written.silent = Some("it does not take them as fast as they come".to_owned());
        }
    }

    /// Gives up what is too much to wait, the newest first: what went before says until when the log is whole. How many lines.
    fn give_up(&mut self) -> usize {
        let mut lost = 0;
        while self.waiting_bytes > MOST_WAITING_BYTES {
            let Some((_, texts)) = self.waiting.back_mut() else { break };
            let too_much = self.waiting_bytes - MOST_WAITING_BYTES;
            let kept = texts.len().saturating_sub(too_much);
            // Plain ASCII: any place is one between letters.
            let kept = texts.get(..kept).and_then(|kept| kept.rfind('\n')).map_or(0, |end| end + 1);
            lost += texts.get(kept..).unwrap_or_default().matches('\n').count();
            self.waiting_bytes -= texts.len() - kept;
            texts.truncate(kept);
            if texts.is_empty() {
                self.waiting.pop_back();
            }
        }
        lost
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
