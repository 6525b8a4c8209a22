use std::fs;
use std::io;
use std::path::Path;

use askama::Template;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::upkeep;
use crate::admin::clerk::{Clerk, Fields};
use crate::admin::frame::Frame;
use crate::admin::login::is_in_clear;
use crate::admin::page::{self, Message, html, sentence};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::Money;
use crate::http::{Endpoints, MultipartError, MultipartForm};
use crate::upkeep::{
    BackupFacts, CameTo, LastOrder, NotTaken, Upkeep, backup_part, clear_backup_part, upload_path,
    write_backup,
};

const PATH: &str = "/admin/backup";
/// More than this is no back-up of a hotspot.
const MAX_UPLOAD_BYTES: u64 = 4_000_000_000;
/// So much of the disk is left alone.
const SPARE_BYTES: u64 = 20_000_000;
/// So much is read at once.
const PIECE_BYTES: usize = 64 * 1024;

#[derive(Debug, Template)]
#[template(path = "admin/backup.html")]
struct BackupPage {
    frame: Frame,
    trouble: Option<String>,
    /// What became of the last restore, and whether it worked.
    last: Option<(bool, String)>,
    staged: Option<Staged>,
    in_clear: bool,
    database: String,
}

/// What is ready to be restored, as it is shown.
#[derive(Debug)]
struct Staged {
    made: String,
    version: String,
    gateway: String,
    devices: i64,
    sessions: i64,
    vouchers: i64,
    till: String,
}

impl Staged {
    fn of(facts: &BackupFacts, state: &AdminState) -> Self {
        Self {
            made: shown::time(facts.note.made_at, &*state.place),
            version: facts.note.version.clone(),
            gateway: facts.note.gateway.clone(),
            devices: facts.devices,
            sessions: facts.sessions,
            vouchers: facts.vouchers,
            till: state.currency.show(Money(facts.till)),
        }
    }
}

fn became(last: &LastOrder, state: &AdminState) -> (bool, String) {
    let (at, by) = (shown::time(last.at, &*state.place), &last.by);
    match &last.came_to {
        CameTo::UnderWay => (true, format!("A back-up is being restored, as {by} wanted at {at}.")),
        CameTo::Done => (true, format!("The back-up that {by} chose at {at} is restored.")),
        CameTo::TakenBack(why) => (
            false,
            format!(
                "The back-up that {by} chose at {at} could not be restored, and everything is as it was: {}",
                sentence(why)
            ),
        ),
    }
}

fn page(
    clerk: &Clerk,
    state: &AdminState,
    upkeep: &Upkeep,
    ends: &Endpoints,
    trouble: Option<String>,
) -> Response {
    let status = page::status(trouble.is_some());
    let database = state.store.path();
    let page = BackupPage {
        frame: clerk.frame(state, PATH),
        trouble,
        last: upkeep.last().filter(|last| last.is_restore).map(|last| became(&last, state)),
        staged: upkeep.staged(database).map(|staged| Staged::of(&staged.facts, state)),
        in_clear: is_in_clear(ends),
        database: database.display().to_string(),
    };
    html(status, page.render())
}

/// `GET /admin/backup`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    Ok(page(&clerk, &state, &upkeep, &ends, None))
}

/// A back-up that is being made: it is deleted when nobody needs it any more.
struct Temporary<'a>(&'a Path);

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        clear_backup_part(self.0);
    }
}

/// `POST /admin/backup/file`: makes a back-up and sends it.
pub(super) async fn download(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    match made(&state, &upkeep).await {
        Ok((file, length)) => {
            clerk.note_with(&state, "backup.download", "backup", "with all keys").await;
            let now = state.place.local(state.handle.now().wall).format("%Y-%m-%d-%H%M");
            let name = format!("attachment; filename=\"turnpike-{now}.backup\"");
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, name),
                (header::CONTENT_LENGTH, length.to_string()),
            ];
            Ok((headers, streamed(file)).into_response())
        }
        Err(trouble) => Ok(page(&clerk, &state, &upkeep, &ends, Some(trouble))),
    }
}

/// A back-up, open and without a name any more: it goes with whoever reads it.
async fn made(state: &AdminState, upkeep: &Upkeep) -> Result<(File, u64), String> {
    let database = state.store.path();
    let needed = state.store.size().map_or(0, |size| size.file_bytes.saturating_add(size.log_bytes));
    enough_room(state, needed)?;
    let (_alone, place) = (upkeep.make().await, backup_part(database));
    clear_backup_part(database);
    let _part = Temporary(database);
    // A daemon whose file is gone has state all the same.
    let settings = upkeep.settings().read().unwrap_or_default();
    let now = state.handle.now().wall;
    let written = write_backup(database, &place, settings, state.gateway.as_str(), now).await;
    written.map_err(|error| format!("The back-up could not be made: {}", sentence(&error.to_string())))?;
    let open = async {
        let file = File::open(&place).await?;
        let length = file.metadata().await?.len();
        io::Result::Ok((file, length))
    };
    open.await.map_err(|error| format!("The back-up could not be read: {error}."))
}

fn enough_room(state: &AdminState, needed: u64) -> Result<(), String> {
    let free = state.store.space().map_or(u64::MAX, |space| space.free_bytes);
    if free < needed.saturating_add(SPARE_BYTES) {
        let (needed, free) = (needed / 1_000_000 + 1, free / 1_000_000);
        return Err(format!(
            "There is too little room beside the database: {needed} MB are needed beyond what must stay free, {free} MB are \
             free. Nothing was changed."
        ));
    }
    Ok(())
}

fn streamed(file: File) -> Body {
    Body::from_stream(stream::unfold(Some(file), async |file| {
        let mut file = file?;
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// `POST /admin/backup/upload`: a file is looked at, and lies ready.
pub(super) async fn upload(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    request: Request,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    match taken_in(&state, &upkeep, request).await {
        Ok(()) => {
            clerk.note_with(&state, "backup.upload", "backup", "looked at, not restored").await;
            Ok(Redirect::to("/admin/backup/restore").into_response())
        }
        Err(trouble) => Ok(page(&clerk, &state, &upkeep, &ends, Some(trouble))),
    }
}

async fn taken_in(state: &AdminState, upkeep: &Upkeep, request: Request) -> Result<(), String> {
    let busy = |refused: NotTaken| format!("{} Nothing was changed.", sentence(&refused.to_string()));
    let _alone = upkeep.receive().map_err(busy)?;
    let database = state.store.path();
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    enough_room(state, announced)?;
    let free = state.store.space().map_or(u64::MAX, |space| space.free_bytes);
    let most = free.saturating_sub(SPARE_BYTES).min(MAX_UPLOAD_BYTES);
    upkeep.discard(database);
    let place = upload_path(database);
    let staged = match receive(request, &place, most).await {
        Ok(()) => upkeep.stage(database).await.map_err(|error| sentence(&error.to_string())),
        Err(why) => Err(why),
    };
    staged.map_err(|why| {
        remove(&place);
        format!("This cannot be restored. {why} Nothing was changed.")
    })
}

/// Writes the only file of a form to a place where nothing is yet, as it comes in.
async fn receive(request: Request, place: &Path, most: u64) -> Result<(), String> {
    let unread = |error: MultipartError| {
        let why = match error {
            MultipartError::TooLarge => "There is too little room for it beside the database.",
            MultipartError::TooMany => "Send one file.",
            MultipartError::Broken => "The file did not come whole. Try again.",
        };
        why.to_owned()
    };
    let unwritten = |error: io::Error| format!("It could not be written beside the database: {error}.");
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut form = MultipartForm::open(request, most, 1).await.map_err(unread)?;
    let mut written = 0;
    if let Some(mut sent) = form.next().await.map_err(unread)? {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place).await;
        let mut file = made.map_err(unwritten)?;
        while let Some(piece) = sent.piece().await.map_err(unread)? {
            written += piece.len();
            file.write_all(&piece).await.map_err(unwritten)?;
        }
        file.flush().await.map_err(unwritten)?;
    }
    // Whatever stands behind it was not meant, and a form that breaks off may have lost some of it.
    form.next().await.map_err(unread)?;
    if written == 0 { Err("Choose a file first.".to_owned()) } else { Ok(()) }
}

fn remove(path: &Path) {
    // It may be gone already.
    let _ = fs::remove_file(path);
}

#[derive(Debug, Template)]
#[template(path = "admin/restore.html")]
struct RestorePage {
    frame: Frame,
    staged: Staged,
    /// Which it is.
    of: String,
    database: String,
}

/// `GET /admin/backup/restore`: what is ready, and what will happen.
pub(super) async fn confirm(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let database = state.store.path();
    let Some(ready) = upkeep.staged(database) else { return Ok(Redirect::to(PATH).into_response()) };
    let (frame, staged) = (clerk.frame(&state, PATH), Staged::of(&ready.facts, &state));
    let page = RestorePage { frame, staged, of: ready.id, database: database.display().to_string() };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/backup/settings`: the configuration file that was saved with it.
pub(super) async fn settings(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let Some(staged) = upkeep.staged(state.store.path()) else {
        return Ok(Redirect::to(PATH).into_response());
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"turnpike.toml\""),
    ];
    Ok((headers, staged.facts.note.settings).into_response())
}

/// The back-up that a form is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    of: String,
}

/// `POST /admin/backup/discard`
pub(super) async fn discard(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    Fields(chosen): Fields<Chosen>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let database = state.store.path();
    let refused = match (upkeep.receive(), upkeep.staged(database)) {
        (Ok(_), None) => return Ok(Redirect::to(PATH).into_response()),
        (Ok(_alone), Some(staged)) if staged.id == chosen.of => {
            upkeep.discard(database);
            return Ok(Redirect::to(PATH).into_response());
        }
        (Ok(_), Some(_)) => NotTaken::Another,
        (Err(busy), _) => busy,
    };
    let trouble = format!("{} Nothing was changed.", sentence(&refused.to_string()));
    Ok(page(&clerk, &state, &upkeep, &ends, Some(trouble)))
}

/// `POST /admin/backup/restore`
pub(super) async fn restore(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    Fields(chosen): Fields<Chosen>,
) -> Result<Response, Response> {
    let upkeep = upkeep(&clerk, &state).await?;
    let Some(staged) = upkeep.staged(state.store.path()) else {
        let trouble = "There is nothing to restore any more: send the file again.".to_owned();
        return Ok(page(&clerk, &state, &upkeep, &ends, Some(trouble)));
    };
    // Who carries it out looks again; the audit log's line is of what was chosen.
    let facts = staged.facts;
    let made = chrono::DateTime::from_timestamp_millis(facts.note.made_at.0).unwrap_or_default();
    let details =
        format!("the back-up of {} made at {}", facts.note.gateway, made.format("%Y-%m-%dT%H:%M:%SZ"));
    let ordered = if staged.id == chosen.of {
        upkeep.restore(chosen.of, clerk.doing("backup.restore", &details)).await
    } else {
        Err(NotTaken::Another)
    };
    if let Err(refused) = ordered {
        let trouble = format!("{} Nothing was changed.", sentence(&refused.to_string()));
        return Ok(page(&clerk, &state, &upkeep, &ends, Some(trouble)));
    }
    let text = "It takes about a second. Then sign in with a name and password, or a token, as they were when the back-up was \
                made: this page says how it went.";
    let page = Message {
        frame: Frame::bare(&state),
        heading: "The back-up is being restored",
        text,
        link: PATH,
        link_text: "Go on",
    };
    let mut response = page.respond(StatusCode::OK);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}
