use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::PATH;
use super::drafts::Draft;
use super::form::{ALL, Sent, TEXTS, Troubles, Typed};
use crate::admin::clerk::{ADMINISTER, Clerk};
use crate::admin::door::Frames;
use crate::admin::frame::Frame;
use crate::admin::page::{Confirm, failed, html, missing, say, sentence};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::ZoneName;
use crate::domain::theme::{Picture, Shade, Theme};
use crate::http::{MultipartError, MultipartForm, Part};
use crate::portal::{Dress, Example, Language, Words};
use crate::store::KeptTheme;

/// What the first page may come to without its pictures.
const MOST_BYTES: usize = 30_000;
/// The most fields that a form has here, with room.
const MOST_PARTS: usize = 64;
/// Both pictures, and terms of use in each language.
const MAX_FORM_BYTES: usize = 1_200_000;
/// Far beyond any of them, so that what is wrong with a picture is said beside it.
const MAX_PART_BYTES: usize = 1_000_000;

/// The form, and the pages as they would be.
#[derive(Debug, Template)]
#[template(path = "admin/theme.html")]
struct ThemePage {
    frame: Frame,
    zone: ZoneName,
    /// What the place is called if nothing is typed.
    gateway: String,
    typed: Typed,
    troubles: Troubles,
    logo: Option<PictureView>,
    background: Option<PictureView>,
    /// Who wrote what guests see, and when; `None` is the configuration.
    written: Option<String>,
    /// What was saved last when this was begun.
    seen: String,
    /// Somebody else has saved something since.
    is_stale: bool,
    /// Whether what is shown differs from what guests see.
    is_draft: bool,
    done: Option<&'static str>,
    weight: String,
    pictures: String,
    is_heavy: bool,
    /// The page that is looked at.
    looked_at: &'static str,
}

/// A picture that there is.
#[derive(Debug)]
struct PictureView {
    path: String,
    about: String,
}

/// A colour of the form.
struct ColourField {
    field: String,
    label: &'static str,
    plain: String,
}

/// A text of the form.
struct TextField {
    field: String,
    label: &'static str,
    language: &'static str,
    rows: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
    show: Option<String>,
}

impl ThemePage {
    fn wrong(&self, field: &str) -> Option<String> {
        self.troubles.get(field).map(|text| sentence(text))
    }

    fn value(&self, field: &str) -> &str {
        self.typed.get(field)
    }

    fn colours(shade: &Shade) -> Vec<ColourField> {
        let plain = shade.plain();
        let field = |key: &str, label, plain: crate::domain::theme::Colour| ColourField {
            field: format!("{}-{key}", shade.as_str()),
            label,
            plain: plain.to_string(),
        };
        vec![
            field("accent", "Buttons and links", plain.accent),
            field("background", "Background", plain.page),
            field("text", "Text", plain.ink),
        ]
    }

    fn for_all(key: &str) -> TextField {
        TextField { field: format!("{key}-{ALL}"), label: "In all languages", language: "", rows: rows(key) }
    }

    fn by_language(key: &str) -> Vec<TextField> {
        let field = |language: Language| TextField {
            field: format!("{key}-{}", language.code()),
            label: language.name(),
            language: language.code(),
            rows: rows(key),
        };
        Language::ALL.into_iter().map(field).collect()
    }

    /// Whether the texts in single languages need to be seen.
    fn is_open(&self, key: &str) -> bool {
        Self::by_language(key)
            .iter()
            .any(|text| !self.value(&text.field).is_empty() || self.troubles.contains_key(&text.field))
    }

    fn looks(&self) -> [(&'static str, &'static str); 4] {
        [("welcome", "Welcome"), ("online", "Online"), ("used-up", "Used up"), ("terms", "Terms of use")]
    }
}

fn rows(key: &str) -> u8 {
    if key == "terms" { 8 } else { 3 }
}

/// The zone of an address, for whoever may change how it looks.
#[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
pub(super) fn find(clerk: &Clerk, state: &AdminState, name: &str) -> Result<ZoneName, Response> {
    clerk.must(state, ADMINISTER)?;
    let found = state.zones.iter().map(|zone| &zone.name).find(|zone| zone.as_str() == name);
    found.cloned().ok_or_else(|| missing(state))
}

/// Where a zone's theme is changed.
pub(super) fn path(zone: &ZoneName) -> String {
    format!("{PATH}/{zone}/theme")
}

/// What tells one theme that was saved from another: when it was. Empty if it is the configuration file's.
pub(super) fn standing(kept: &[KeptTheme], zone: &ZoneName) -> String {
    kept.iter().find(|kept| kept.zone == *zone).map(|kept| kept.at.0.to_string()).unwrap_or_default()
}

async fn kept(state: &AdminState) -> Result<Vec<KeptTheme>, Response> {
    state.store.themes().await.map_err(|error| failed(state, &error))
}

/// What somebody is at work on, or what guests see; what was saved last is for the page to say.
fn draft_or_now(state: &AdminState, clerk: &Clerk, zone: &ZoneName) -> (Draft, bool) {
    if let Some(draft) = state.drafts.find(&clerk.scope(), zone) {
        return (draft, true);
    }
    let theme = state.themes.theme(zone).map(|(theme, _)| theme).unwrap_or_default();
    let typed = Typed::of(&theme);
    let (logo, background) = (theme.logo.clone(), theme.background.clone());
    (Draft { typed, logo, background, theme: Some(theme), seen: String::new() }, false)
}

/// What the pages that are looked at wear.
pub(super) fn dress(state: &AdminState, clerk: &Clerk, zone: &ZoneName, shade: Shade) -> Arc<Dress> {
    let (draft, _) = draft_or_now(state, clerk, zone);
    let theme = draft.theme.or_else(|| state.themes.theme(zone).map(|(theme, _)| theme));
    let base = format!("{}/preview/{}", path(zone), shade.as_str());
    Arc::new(Dress::preview(state.themes.gateway(), theme.unwrap_or_default(), shade, base))
}

fn kb(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100)
}

/// The form with the pages as they would be.
async fn page(
    clerk: &Clerk,
    state: &AdminState,
    zone: ZoneName,
    (draft, is_draft): (Draft, bool),
    troubles: Troubles,
    wanted: &Wanted,
) -> Result<Response, Response> {
    let kept = kept(state).await?;
    let now = standing(&kept, &zone);
    let written = kept.into_iter().find(|kept| kept.zone == zone);
    let written = written.map(|kept| format!("{}, by {}", shown::time(kept.at, &*state.place), kept.by));
    let dress = dress(state, clerk, &zone, Shade::Light);
    let faces = state.handle.faces(&zone);
    let weigh = |language: Language| {
        let page = Example::Welcome.page(Arc::clone(&dress), faces.clone(), Words::of(language));
        page.render().map_or(0, |text| dress.weight(&text))
    };
    let weight = Language::ALL.into_iter().map(weigh).max().unwrap_or(0);
    let view = |kind: &str, picture: &Option<Picture>| {
        let picture = picture.as_ref()?;
        let about =
            format!("{} by {} points, {}", picture.width(), picture.height(), kb(picture.bytes().len()));
        let name = Dress::picture_name(kind, picture);
        let path = format!("{}/preview/light/portal/{name}", path(&zone));
        Some(PictureView { path, about })
    };
    let looked_at = wanted.show.as_deref().unwrap_or_default();
    let looked_at = ["online", "used-up", "terms"].into_iter().find(|known| *known == looked_at);
    let status = if troubles.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = ThemePage {
        frame: clerk.frame(state, PATH),
        gateway: state.themes.gateway().to_owned(),
        logo: view("logo", &draft.logo),
        background: view("background", &draft.background),
        typed: draft.typed,
        is_stale: is_draft && draft.seen != now,
        // Whoever saves this page has been told.
        seen: now,
        is_draft,
        done: said(wanted, troubles.is_empty()),
        weight: kb(weight),
        pictures: kb(dress.pictures()),
        is_heavy: weight > MOST_BYTES,
        looked_at: looked_at.unwrap_or("welcome"),
        written,
        troubles,
        zone,
    };
    let mut response = html(status, page.render());
    response.extensions_mut().insert(Frames::Holds);
    Ok(response)
}

fn said(wanted: &Wanted, is_right: bool) -> Option<&'static str> {
    match wanted.done.as_deref().filter(|_| is_right)? {
        "saved" => Some("Saved. The next page that a guest opens looks like this; nobody was cut off."),
        "reset" => Some("The portal looks as the configuration file says again."),
        "discarded" => Some("Your changes are gone. This is what guests see."),
        _ => None,
    }
}

/// `GET /admin/zones/{zone}/theme`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(zone): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    let draft = draft_or_now(&state, &clerk, &zone);
    page(&clerk, &state, zone, draft, Troubles::new(), &wanted).await
}

async fn parts(request: Request) -> Result<Vec<Part>, MultipartError> {
    MultipartForm::open(request, MAX_FORM_BYTES, MOST_PARTS).await?.parts(MAX_PART_BYTES).await
}

/// `POST /admin/zones/{zone}/theme`: looks at what was typed, or has guests see it.
pub(super) async fn save(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(zone): Path<String>,
    request: Request,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    let parts = parts(request).await.map_err(|error| {
        let (status, text) = match error {
            MultipartError::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "This is too much: a logo has at most 64 KB, a picture behind the page 256 KB. Nothing was changed.",
            ),
            MultipartError::TooMany | MultipartError::Broken => {
                (StatusCode::BAD_REQUEST, "The form could not be read. Load the page again.")
            }
        };
        say(&state, status, "That did not work", text)
    })?;
    let (before, _) = draft_or_now(&state, &clerk, &zone);
    let Sent { draft, troubles, saves } = Sent::read(&parts, before.logo, before.background);
    let theme = draft.theme.clone();
    state.drafts.keep(&clerk.scope(), &zone, draft.clone());
    let Some(theme) = theme.filter(|_| troubles.is_empty()) else {
        return page(&clerk, &state, zone, (draft, true), troubles, &Wanted::default()).await;
    };
    if saves && draft.seen != standing(&kept(&state).await?, &zone) {
        let mut response = page(&clerk, &state, zone, (draft, true), troubles, &Wanted::default()).await?;
        *response.status_mut() = StatusCode::PRECONDITION_FAILED;
        return Ok(response);
    }
    if !saves {
        return Ok(Redirect::to(&format!("{}?show=welcome#preview", path(&zone))).into_response());
    }
    let at = state.handle.now().wall;
    let kept = KeptTheme { zone: zone.clone(), theme: Theme::clone(&theme), at, by: clerk.name.clone() };
    state.store.keep_theme(&kept).await.map_err(|error| failed(&state, &error))?;
    state.themes.wear(&zone, Some(kept.theme));
    state.drafts.forget(&clerk.scope(), &zone);
    clerk.note_with(&state, "theme.change", zone.as_str(), &details(&theme)).await;
    Ok(Redirect::to(&format!("{}?done=saved", path(&zone))).into_response())
}

/// What the audit log says of a theme.
fn details(theme: &Theme) -> String {
    let colours = Shade::ALL.into_iter().filter(|shade| !theme.palette(*shade).is_empty()).count();
    let picture = |picture: &Option<Picture>| picture.as_ref().map_or("none", Picture::tag).to_owned();
    format!(
        "name {}, colours of {colours} shades, logo {}, background {}, terms {}",
        theme.name.as_ref().map_or("as the gateway", |name| name.as_str()),
        picture(&theme.logo),
        picture(&theme.background),
        if theme.asks_for_terms() {
            "required"
        } else if theme.terms.is_empty() {
            "none"
        } else {
            "shown"
        },
    )
}

/// `POST /admin/zones/{zone}/theme/discard`
pub(super) async fn discard(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(zone): Path<String>,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    state.drafts.forget(&clerk.scope(), &zone);
    Ok(Redirect::to(&format!("{}?done=discarded", path(&zone))).into_response())
}

/// `GET /admin/zones/{zone}/theme/reset`
pub(super) async fn ask_reset(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(zone): Path<String>,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    let (action, back) = (format!("{}/reset", path(&zone)), path(&zone));
    let confirm = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &format!("Back to what the configuration file says for {zone}?"),
        happens: vec![
            "The next page that a guest opens looks as the configuration file says; nobody is cut off."
                .to_owned(),
            "Name, colours, pictures, texts and terms that were saved here are deleted.".to_owned(),
        ],
        action: &action,
        fields: Vec::new(),
        button: "Back to the configuration file",
        back: &back,
    };
    Ok(confirm.respond())
}

/// `POST /admin/zones/{zone}/theme/reset`
pub(super) async fn reset(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(zone): Path<String>,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    let was_there = state.store.forget_theme(&zone).await.map_err(|error| failed(&state, &error))?;
    state.themes.wear(&zone, None);
    state.drafts.forget(&clerk.scope(), &zone);
    if was_there {
        clerk.note(&state, "theme.reset", zone.as_str()).await;
    }
    Ok(Redirect::to(&format!("{}?done=reset", path(&zone))).into_response())
}
