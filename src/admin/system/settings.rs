use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::moved::moved;
use super::{MAX_SETTINGS_BYTES, upkeep};
use crate::admin::clerk::{Clerk, Fields};
use crate::admin::frame::Frame;
use crate::admin::page::{Message, html, sentence};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::config::{Config, ConfigError, Finding, made_of_uci};
use crate::http::Endpoints;
use crate::runtime::Handle;
use crate::upkeep::{
    CameTo, DiffLine, Moment, NotTaken, NotWritten, Side, Upkeep, changes, diff, fingerprint, meanwhile,
    with_ends_of,
};

const PATH: &str = "/admin/settings";
const RESULT: &str = "/admin/settings/result";
/// How long whoever asks for the result waits for it before they are told to ask again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest text that can be typed, in characters.
const MOST_CHARS: usize = 200_000;
/// Lines around a change that are shown.
const AROUND: usize = 2;
/// The most mistakes that are shown at once.
const MOST_SHOWN: usize = 100;

/// The file in a box to type in.
#[derive(Debug, Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    frame: Frame,
    path: String,
    text: String,
    seen: String,
    /// Why the file cannot be written by the daemon.
    barred: Option<String>,
    /// What the file is made of each time anew.
    made_of: Option<String>,
    /// It is more than a form can send back.
    too_long: bool,
    /// What is wrong beside the text.
    trouble: Option<String>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
    done: Option<&'static str>,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Mistake {
    line: Option<usize>,
    key: String,
    message: String,
    /// What stands in the line.
    text: String,
}

/// What will be changed.
#[derive(Debug, Template)]
#[template(path = "admin/settings_confirm.html")]
struct ConfirmPage {
    frame: Frame,
    path: String,
    text: String,
    seen: String,
    happens: Vec<String>,
    warnings: Vec<Mistake>,
    lines: Vec<Shown>,
}

/// A line of the difference.
#[derive(Debug)]
struct Shown {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
    number: usize,
    text: String,
    /// Lines are left out before it.
    jumps: bool,
}

/// What the form has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    text: String,
    seen: String,
    go: String,
}

impl Typed {
    /// Browsers send lines that end as those of letters do; here they end as those of the file.
    fn text(&self, upkeep: &Upkeep) -> String {
        with_ends_of(&self.text, &upkeep.settings().read().unwrap_or_default())
    }
}

impl SettingsPage {
    fn new(clerk: &Clerk, state: &AdminState, upkeep: &Upkeep, text: String, seen: String) -> Self {
        let made_of = upkeep.settings().read().ok().and_then(|text| made_of_uci(&text).map(str::to_owned));
        Self {
            made_of,
            frame: clerk.frame(state, PATH),
            path: upkeep.settings().path().display().to_string(),
            seen,
            barred: upkeep.settings().trouble(),
            too_long: is_too_long(&text),
            text,
            trouble: None,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            done: None,
        }
    }

    const fn is_wrong(&self) -> bool {
        self.trouble.is_some() || !self.mistakes.is_empty()
    }

    fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}

/// Whether a browser sends so much for a text that the door turns it away: what is no letter, digit or blank as three bytes
/// each, the end of a line as six.
fn is_too_long(text: &str) -> bool {
    let byte = |byte: u8| match byte {
        b'\n' => 6,
        b'\r' => 0,
        b' ' | b'*' | b'-' | b'.' | b'_' => 1,
        other if other.is_ascii_alphanumeric() => 1,
        _ => 3,
    };
    // Beside it are the names of the fields, a token and a fingerprint.
    text.bytes().map(byte).sum::<usize>() + 1_000 > MAX_SETTINGS_BYTES || text.chars().count() > MOST_CHARS
}

/// Findings with the lines that they are about.
fn mistakes(text: &str, found: &[Finding]) -> Vec<Mistake> {
    let lines: Vec<&str> = text.lines().collect();
    let line = |finding: &Finding| finding.line.and_then(|line| lines.get(line.checked_sub(1)?).copied());
    let shown = found.iter().take(MOST_SHOWN).map(|finding| Mistake {
        line: finding.line,
        key: finding.key.clone(),
        message: sentence(&finding.message),
        text: line(finding).unwrap_or_default().trim().chars().take(200).collect(),
    });
    shown.collect()
}

/// `GET /admin/settings`
pub(super) async fn show(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let (text, trouble) = match upkeep.settings().read() {
        Ok(text) => (text, None),
        Err(error) => (String::new(), Some(sentence(&error.to_string()))),
    };
    let seen = fingerprint(&text);
    let mut page = SettingsPage::new(&clerk, &state, &upkeep, text, seen);
    page.trouble = trouble;
    Ok(page.respond(StatusCode::OK))
}

/// `GET /admin/settings/file`
pub(super) async fn download(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    match upkeep.settings().read() {
        Ok(text) => Ok(file(text)),
        Err(error) => {
            let mut page = SettingsPage::new(&clerk, &state, &upkeep, String::new(), String::new());
            page.trouble = Some(sentence(&error.to_string()));
            Ok(page.respond(StatusCode::CONFLICT))
        }
    }
}

fn file(text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"turnpike.toml\""),
    ];
    (headers, text).into_response()
}

/// `POST /admin/settings`: checks what was typed; shows what saving it would mean; or gives it back as a file.
pub(super) async fn edit(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(typed): Fields<Typed>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let text = typed.text(&upkeep);
    if typed.go == "download" {
        return Ok(file(text));
    }
    let mut page = SettingsPage::new(&clerk, &state, &upkeep, text.clone(), typed.seen.clone());
    let new = match checked(&mut page, &upkeep) {
        Ok(new) => new,
        Err(wrong) => return Ok(wrong),
    };
    page.warnings = mistakes(&text, &new.warnings);
    if typed.go != "save" {
        page.done = Some("Everything is in order. Nothing was saved.");
        return Ok(page.respond(StatusCode::OK));
    }
    let old = match upkeep.settings().read() {
        Ok(old) => old,
        Err(error) => {
            page.trouble = Some(sentence(&error.to_string()));
            return Ok(page.respond(StatusCode::CONFLICT));
        }
    };
    if fingerprint(&old) != typed.seen {
        page.seen = fingerprint(&old);
        page.trouble = Some(changed_meanwhile());
        return Ok(page.respond(StatusCode::CONFLICT));
    }
    if old == text {
        page.done = Some("This is what the file says already.");
        return Ok(page.respond(StatusCode::OK));
    }
    let page = ConfirmPage {
        happens: happens(&upkeep, &old, &new, &state.handle),
        lines: lines(diff(&old, &text, AROUND)),
        frame: page.frame,
        path: page.path,
        text,
        seen: typed.seen,
        warnings: page.warnings,
    };
    Ok(html(StatusCode::OK, page.render()))
}

fn changed_meanwhile() -> String {
    "The file was changed meanwhile by somebody else. What you typed is kept below. “Save and apply” shows how it differs from \
     the file as it is now: look at that before you go on."
        .to_owned()
}

/// What a text says; else the page with its mistakes.
#[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
fn checked(page: &mut SettingsPage, upkeep: &Upkeep) -> Result<Config, Response> {
    upkeep.settings().check(&page.text).map_err(|error: ConfigError| {
        page.mistakes = mistakes(&page.text, &error.mistakes);
        page.respond(StatusCode::UNPROCESSABLE_ENTITY)
    })
}

/// What will happen, a sentence each.
fn happens(upkeep: &Upkeep, old: &str, new: &Config, handle: &Handle) -> Vec<String> {
    let now = Moment { at: handle.believed_anew(), place: handle.place() };
    let uci = made_of_uci(old);
    let old = upkeep.settings().check(old).ok();
    let mut texts = match &old {
        Some(old) => changes(old, new, now),
        None => vec!["The file as it is now has mistakes; what is running is older than that.".to_owned()],
    };
    texts.push(meanwhile(old.as_ref(), new, now).to_owned());
    texts.extend(uci.map(|uci| {
        format!("It holds until the service is started or reloaded there: the file is then made of {uci} anew. Change it there.")
    }));
    texts.push(format!(
        "The file as it is now is kept as {}.previous. If the service does not start with the new one, the old one is put back.",
        upkeep.settings().path().display()
    ));
    texts
}

fn lines(found: Vec<DiffLine>) -> Vec<Shown> {
    let mut next = 1;
    let shown = found.into_iter().map(|line| {
        let (class, sign, word) = match line.side {
            Side::Both => ("same", "", ""),
            Side::Old => ("old", "−", "Out: "),
            Side::New => ("new", "+", "In: "),
        };
        let jumps = line.side == Side::Both && line.number > next;
        if line.side != Side::Old {
            next = line.number + 1;
        }
        Shown { class, sign, word, number: line.number, text: line.text, jumps }
    });
    shown.collect()
}

/// `POST /admin/settings/apply`
pub(super) async fn apply(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
    Fields(typed): Fields<Typed>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let text = typed.text(&upkeep);
    let mut page = SettingsPage::new(&clerk, &state, &upkeep, text.clone(), typed.seen.clone());
    let new = match checked(&mut page, &upkeep) {
        Ok(new) => new,
        Err(wrong) => return Ok(wrong),
    };
    let place = moved(ends.local, &new.admin, ends.is_tls, &headers).filter(|_| was_moved(&upkeep, &new));
    let details = format!("sha256 {}", fingerprint(&text));
    let by = clerk.doing("settings.change", &details);
    if let Err(refused) = upkeep.take(new, text, typed.seen, by).await {
        if let NotTaken::Unwritten(NotWritten::Changed) = refused {
            page.seen = upkeep.settings().read().map(|text| fingerprint(&text)).unwrap_or_default();
            page.trouble = Some(changed_meanwhile());
        } else {
            page.trouble = Some(format!("{} Nothing was changed.", sentence(&refused.to_string())));
        }
        return Ok(page.respond(StatusCode::CONFLICT));
    }
    let mut response = match place {
        Some(place) => {
            let text = format!("From now on they are at {place}. Sign in there if you are asked to.");
            let heading = "The settings are saved, and these pages move";
            let frame = page.frame;
            Message { frame, heading, text: &text, link: &place, link_text: "Go there" }
                .respond(StatusCode::OK)
        }
        None => Redirect::to(RESULT).into_response(),
    };
    // What comes next is for the service that starts now.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

/// Whether what is in the file now and what is to come have these pages elsewhere.
fn was_moved(upkeep: &Upkeep, new: &Config) -> bool {
    let old = upkeep.settings().read().ok().and_then(|old| upkeep.settings().check(&old).ok());
    old.is_none_or(|old| old.admin.listen != new.admin.listen || old.admin.tls != new.admin.tls)
}

/// `GET /admin/settings/result`
pub(super) async fn result(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let last = upkeep.settled(PATIENCE).await.filter(|last| !last.is_restore);
    let Some(last) = last else { return Ok(Redirect::to(PATH).into_response()) };
    let at = shown::time(last.at, &*state.place);
    let (status, heading, text, link, link_text) = match &last.came_to {
        CameTo::UnderWay => (
            StatusCode::ACCEPTED,
            "Being applied",
            format!("Saved by {} at {at}. The service is about to start anew.", last.by),
            RESULT,
            "Look again",
        ),
        CameTo::Done => (
            StatusCode::OK,
            "The new settings hold",
            format!(
                "Saved by {} at {at}. The service has started anew with them; sessions went on meanwhile.",
                last.by
            ),
            PATH,
            "To the settings",
        ),
        CameTo::TakenBack(why) => (
            StatusCode::OK,
            "Error: the new settings do not work",
            format!(
                "The service did not start with what was saved by {} at {at}: {} The old settings hold again, and are in the file \
                 again; yours are beside it, with .refused at the end of the name.",
                last.by,
                sentence(why)
            ),
            PATH,
            "To the settings",
        ),
    };
    Ok(Message { frame: clerk.frame(&state, PATH), heading, text: &text, link, link_text }.respond(status))
}
