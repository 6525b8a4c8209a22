use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::Clock;
use crate::domain::WallTime;

/// So many lines are kept; a new one makes the oldest go.
pub const MAX_LOG_LINES: usize = 2_000;
/// So much of a line, in bytes.
const MAX_LINE_BYTES: usize = 2_048;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counts up from 1 since the start of the process.
    pub number: u32,
    /// When.
    pub at: WallTime,
    /// How grave.
    pub level: Level,
    /// The part of the program that says it.
    pub target: String,
    /// What it says, with its fields; control characters and what turns the direction of text are shown as `\u{…}`.
    pub text: String,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// So grave or graver; all, if there is none.
    pub level: Option<Level>,
    /// That have this in them, in any (ASCII) case.
    pub text: String,
}

/// The last lines of the log, in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogTail(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    last: u32,
}

impl LogTail {
    /// What notes each line that is logged.
    pub fn layer(&self) -> TailLayer {
        TailLayer { tail: self.clone(), clock: Clock::machine() }
    }

    /// Notes a line.
    pub fn note(&self, at: WallTime, level: Level, target: &str, text: &str) {
        let text = harmless(text);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.last = lines.last.saturating_add(1);
        let number = lines.last;
        if lines.kept.len() >= MAX_LOG_LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(LogLine { number, at, level, target: target.to_owned(), text });
    }

    /// The lines that are wanted, the newest first.
    pub fn lines(&self, query: &LogQuery) -> Vec<LogLine> {
        let wanted = query.text.to_ascii_lowercase();
        let has = |text: &str| text.to_ascii_lowercase().contains(&wanted);
        // The levels of `tracing` are the smaller the graver they are.
        let is_wanted = |line: &&LogLine| {
            query.level.is_none_or(|level| line.level <= level) && (has(&line.text) || has(&line.target))
        };
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.kept.iter().rev().filter(is_wanted).cloned().collect()
    }
}

/// Cut, and with what a terminal or a browser would obey made visible.
fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if shown.len() >= MAX_LINE_BYTES {
            shown.push('…');
            break;
        }
        let turns = matches!(letter, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Notes what is logged.
#[derive(Debug)]
pub struct TailLayer {
    tail: LogTail,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for TailLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let text = match (said.message.is_empty(), said.fields.is_empty()) {
            (_, true) => said.message,
            (true, false) => said.fields,
            (false, false) => format!("{} {}", said.message, said.fields),
        };
        let about = event.metadata();
        self.tail.note(self.clock.now().wall, *about.level(), about.target(), &text);
    }
}

/// An event's message, and its fields as `name=value`.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.message.len() + self.fields.len() > MAX_LINE_BYTES {
            return;
        }
        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            let space = if self.fields.is_empty() { "" } else { " " };
            write!(self.fields, "{space}{}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_is_logged_is_kept_and_found() {
        let tail = LogTail::default();
        let subscriber = tracing_subscriber::registry().with(tail.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(device = "a\u{202e}b", count = 3, "a device\njoined");
            tracing::warn!("the store is slow");
            tracing::debug!("\u{1b}[31mred");
        });
        let texts = |query: &LogQuery| -> Vec<String> {
            tail.lines(query).into_iter().map(|line| line.text).collect()
        };
        let all = texts(&LogQuery::default());
        assert_eq!(all[0], "\\u{1b}[31mred");
        assert!(all[2].starts_with("a device\\u{a}joined ") && all[2].contains("count=3"), "{}", all[2]);
        assert!(!all[2].contains('\u{202e}'));
        assert_eq!(texts(&LogQuery { level: Some(Level::WARN), text: String::new() }), ["the store is slow"]);
        assert_eq!(texts(&LogQuery { level: None, text: "STORE".to_owned() }), ["the store is slow"]);
    }

    #[test]
    fn it_is_bounded() {
        let tail = LogTail::default();
        for _ in 0..=MAX_LOG_LINES {
            tail.note(WallTime(0), Level::INFO, "t", &"ä".repeat(MAX_LINE_BYTES));
        }
        let lines = tail.lines(&LogQuery::default());
        assert_eq!((lines.len(), lines[0].number), (MAX_LOG_LINES, 2_001));
        assert!(lines[0].text.len() <= MAX_LINE_BYTES + 8);
    }
}
