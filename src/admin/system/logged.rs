use askama::Template;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::Level;

use super::upkeep;
use crate::admin::clerk::Clerk;
use crate::admin::frame::Frame;
use crate::admin::page::html;
use crate::admin::state::AdminState;
use crate::domain::LocalTime;
use crate::http::encoded;
use crate::upkeep::{LogLine, LogQuery, MAX_LOG_LINES, Upkeep};

const PATH: &str = "/admin/log";
/// So many are shown at once; the file has them all.
const MOST_SHOWN: usize = 300;
/// More than this nobody searches for.
const MAX_SEARCH_CHARS: usize = 200;

/// The levels that can be chosen: value, name, and what is then shown.
const LEVELS: [(&str, &str, Option<Level>); 4] = [
    ("", "Everything", None),
    ("info", "Without details for developers", Some(Level::INFO)),
    ("warn", "Warnings and errors", Some(Level::WARN)),
    ("error", "Errors", Some(Level::ERROR)),
];

#[derive(Debug, Template)]
#[template(path = "admin/log.html")]
struct LogPage {
    frame: Frame,
    levels: Vec<(&'static str, &'static str, bool)>,
    search: String,
    query: String,
    all: usize,
    part: LogPart,
}

/// What is asked for again and again.
#[derive(Debug, Template)]
#[template(path = "admin/log_lines.html")]
struct LogPart {
    rows: Vec<Row>,
    /// How many there are beyond those.
    more: usize,
    searched: bool,
}

#[derive(Debug)]
struct Row {
    number: u32,
    at: String,
    level: &'static str,
    class: &'static str,
    target: String,
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    level: String,
    q: String,
}

impl Wanted {
    fn search(&self) -> String {
        self.q.trim().chars().take(MAX_SEARCH_CHARS).collect()
    }

    fn lines(&self, upkeep: &Upkeep) -> Vec<LogLine> {
        let level = LEVELS.iter().find(|(value, ..)| *value == self.level).and_then(|(.., level)| *level);
        upkeep.log().lines(&LogQuery { level, text: self.search() })
    }

    /// The same as a query.
    fn query(&self) -> String {
        let level = LEVELS.iter().find(|(value, ..)| *value == self.level).map_or("", |(value, ..)| value);
        format!("?level={level}&q={}", encoded(&self.search()))
    }
}

fn part(wanted: &Wanted, upkeep: &Upkeep, place: &dyn LocalTime) -> LogPart {
    let mut lines = wanted.lines(upkeep);
    let more = lines.len().saturating_sub(MOST_SHOWN);
    lines.truncate(MOST_SHOWN);
    let rows = lines.into_iter().map(|line| {
        let (level, class) = words(line.level);
        let at = place.local(line.at).format("%m-%d %H:%M:%S").to_string();
        let target = line.target.strip_prefix("turnpike::").unwrap_or(&line.target).to_owned();
        Row { number: line.number, at, level, class, target, text: line.text }
    });
    let searched = !wanted.search().is_empty() || !wanted.level.is_empty();
    LogPart { rows: rows.collect(), more, searched }
}

fn words(level: Level) -> (&'static str, &'static str) {
    if level == Level::ERROR {
        ("error", "badge bad")
    } else if level == Level::WARN {
        ("warning", "badge warn")
    } else if level == Level::INFO {
        ("info", "badge")
    } else {
        ("detail", "badge")
    }
}

/// `GET /admin/log`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let page = LogPage {
        frame: clerk.frame(&state, PATH),
        levels: LEVELS.iter().map(|(value, name, _)| (*value, *name, *value == wanted.level)).collect(),
        search: wanted.search(),
        query: wanted.query(),
        all: MAX_LOG_LINES,
        part: part(&wanted, &upkeep, &*state.place),
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/log/live`: the lines alone.
pub(super) async fn live(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    Ok(html(StatusCode::OK, part(&wanted, &upkeep, &*state.place).render()))
}

/// `GET /admin/log/file`: all that match, the oldest first, as a log has them.
pub(super) async fn download(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let mut text = String::new();
    for line in wanted.lines(&upkeep).iter().rev() {
        let at = chrono::DateTime::from_timestamp_millis(line.at.0).unwrap_or_default();
        let at = at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        text.push_str(&format!("{at} {:>5} {}: {}\n", line.level, line.target, line.text));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"turnpike.log\""),
    ];
    Ok((headers, text).into_response())
}
