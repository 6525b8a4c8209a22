use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, extract::rejection::FormRejection};
use serde::de::DeserializeOwned;

use super::frame::Frame;
use super::logins::Who;
use super::state::AdminState;
use super::{csrf, page};
use crate::domain::{Actor, Admin, AuditLine, Permission, Proviso, Tag, Text};
use crate::http::Endpoints;
use crate::runtime::Handle;
use crate::store::StoreError;

/// The cookie that stands for a login.
pub(super) const COOKIE: &str = "turnpike_admin";

/// What it takes to see devices and sessions …
pub(super) const VIEW: &[Permission] = &[Permission::ViewSession];
/// … and to change them, …
pub(super) const SERVE: &[Permission] = &[Permission::ModifySession, Permission::ViewSession];
/// … to sell, find and take back vouchers, …
pub(super) const SELL: &[Permission] = &[Permission::ManageVouchers];
/// … to see events as they come, …
pub(super) const LISTEN: &[Permission] = &[Permission::ViewSession, Permission::RegisterHandler];
/// … and to do everything.
pub(super) const ADMINISTER: &[Permission] = &[Permission::Admin];

/// Whoever is signed in: a handler's first argument. Their token or account is looked up anew for each request: one that was
/// revoked, disabled or changed its password opens nothing any more, and permissions hold as they are now.
#[derive(Debug, Clone)]
pub(super) struct Clerk {
    /// As whom.
    pub(super) who: Who,
    /// The token's or the account's name: the seller of what is sold.
    pub(super) name: Text,
    /// What each form of theirs must carry.
    pub(super) csrf: String,
    pub(super) permissions: Vec<Permission>,
    /// What stands for them.
    pub(super) cookie: String,
    origin: Text,
}

impl Clerk {
    /// Whether they may do what needs this.
    pub(super) fn may(&self, wanted: &Permission) -> bool {
        Permission::any_allows(&self.permissions, wanted)
    }

    /// Whether they may sell, find and take back vouchers.
    pub(super) fn sells(&self) -> bool {
        self.may(&Permission::ManageVouchers)
    }

    /// Whether they may see devices and sessions and change them.
    pub(super) fn serves(&self) -> bool {
        SERVE.iter().all(|wanted| self.may(wanted))
    }

    /// Whether they may see devices and sessions.
    pub(super) fn views(&self) -> bool {
        self.may(&Permission::ViewSession)
    }

    /// Whether they may do everything.
    pub(super) fn administers(&self) -> bool {
        self.may(&Permission::Admin)
    }

    /// Goes on only if they may do what needs all of these; the page that says which is missing otherwise.
    #[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
    pub(super) fn must(&self, state: &AdminState, wanted: &[Permission]) -> Result<(), Response> {
        match wanted.iter().find(|wanted| !self.may(wanted)) {
            Some(missing) => Err(page::forbidden(state, &missing.to_string())),
            None => Ok(()),
        }
    }

    /// What is around a page of theirs; `current` is the path of its entry in the navigation.
    pub(super) fn frame(&self, state: &AdminState, current: &str) -> Frame {
        Frame::of(state, self, current)
    }

    /// The number of their account; `None` if they have a token.
    pub(super) const fn account(&self) -> Option<i64> {
        match self.who {
            Who::Token(_) => None,
            Who::Admin { id, .. } => Some(id),
        }
    }

    /// What is theirs alone and stays the same, however often they sign in.
    pub(super) fn scope(&self) -> String {
        match self.who {
            Who::Token(id) => format!("token {id}"),
            Who::Admin { id, .. } => format!("admin {id}"),
        }
    }

    /// Whether they are still signed in and may still do what needs all of these: what goes on (a stream of events) asks
    /// now and then.
    pub(super) async fn still_may(&self, state: &AdminState, wanted: &[Permission]) -> bool {
        let found = find(state, &self.cookie, true).await.ok().flatten();
        found.is_some_and(|(_, _, held)| wanted.iter().all(|wanted| Permission::any_allows(&held, wanted)))
    }

    /// This clerk as the audit log names whoever does this: as for the API.
    pub(super) fn doing(&self, action: &'static str, details: &str) -> Actor {
        let name = match self.who {
            Who::Token(id) => format!("token {id} {}", self.name),
            Who::Admin { .. } => format!("admin {}", self.name),
        };
        let name = Text::new(&name);
        Actor { name, origin: self.origin.clone(), action, details: Text::new(details) }
    }

    /// Notes a change that was made outside the sessions manager, which notes its own.
    pub(super) async fn note(&self, state: &AdminState, action: &'static str, subject: &str) {
        self.note_with(state, action, subject, "on the admin pages").await;
    }

    /// The same, with what there is to say of it; never a secret.
    pub(super) async fn note_with(
        &self,
        state: &AdminState,
        action: &'static str,
        subject: &str,
        details: &str,
    ) {
        note(state, self.doing(action, details), subject).await;
    }

    /// The sessions manager, for one change.
    pub(super) fn handle(&self, state: &AdminState, action: &'static str) -> Handle {
        self.acting(state, action, "on the admin pages", None)
    }

    /// The same with what there is to say of it, for what still bears one of these tags.
    pub(super) fn acting(
        &self,
        state: &AdminState,
        action: &'static str,
        details: &str,
        expected: Option<Vec<Tag>>,
    ) -> Handle {
        state.handle.under(Proviso { once: None, expected, by: Some(self.doing(action, details)) })
    }
}

/// Writes a line of the audit log.
pub(super) async fn note(state: &AdminState, actor: Actor, subject: &str) {
    let (name, action) = (actor.name.clone(), actor.action);
    let at = state.handle.now().wall;
    let line = AuditLine { at, actor, subject: Some(subject.to_owned()), before: None, after: None };
    if let Err(error) = state.store.append_audit(&[line]).await {
        state.store.measures().audit_lines_lost.count();
        // The change itself is done: what is known of it must at least be in the log.
        tracing::error!(%error, actor = %name, action, "an audit line was lost");
    }
}

impl FromRequestParts<AdminState> for Clerk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Response> {
        let nobody = || Redirect::to("/admin/login").into_response();
        let cookie = cookie(&parts.headers).ok_or_else(nobody)?.to_owned();
        let found =
            find(state, &cookie, is_live(parts)).await.map_err(|error| page::failed(state, &error))?;
        let (who, name, permissions) = found.ok_or_else(nobody)?;
        let ends = parts.extensions.get::<Endpoints>();
        let origin = origin(ends);
        let clerk = Self { who, name, csrf: csrf::token(&cookie), permissions, cookie, origin };
        Frame::remember(state, &clerk);
        Ok(clerk)
    }
}

/// From where a request comes, for the audit log.
pub(super) fn origin(ends: Option<&Endpoints>) -> Text {
    ends.map_or_else(|| Text::new("unknown"), |ends| Text::new(&ends.peer.ip().to_string()))
}

/// Whoever is signed in with a cookie, as they are now.
async fn find(
    state: &AdminState,
    cookie: &str,
    live: bool,
) -> Result<Option<(Who, Text, Vec<Permission>)>, StoreError> {
    let now = state.handle.now().boot;
    let Some(who) = state.logins().find(cookie, now, live) else { return Ok(None) };
    let found = match who {
        Who::Token(id) => {
            let token = state.store.token(id).await?;
            token.map(|token| (who, token.name, token.permissions))
        }
        Who::Admin { id, version } => {
            let stands = |admin: &Admin| !admin.disabled && admin.version == version;
            let admin = state.store.admin(id).await?.filter(stands);
            admin.map(|admin| (who, Text::new(admin.name.as_str()), admin.permissions))
        }
    };
    if found.is_none() {
        state.logins().log_out(cookie);
    }
    Ok(found)
}

/// What a page asks by itself while nobody touches it.
fn is_live(parts: &Parts) -> bool {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    parts.headers.contains_key("x-turnpike-live")
        || parts.uri.path().ends_with("/live")
        || header("accept").is_some_and(|accept| accept.starts_with("text/event-stream"))
}

/// The value of our cookie, if there is exactly one.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

/// The fields of a form that one of our pages has.
#[derive(Debug)]
pub(super) struct Fields<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AdminState> for Fields<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AdminState) -> Result<Self, Response> {
        let form: Result<Form<T>, FormRejection> = Form::from_request(request, state).await;
        form.map(|Form(fields)| Self(fields)).map_err(|rejection| {
            let (status, text) = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    (StatusCode::PAYLOAD_TOO_LARGE, "This is too much for the form.")
                }
                _ => (StatusCode::BAD_REQUEST, "The form could not be read. Load the page again."),
            };
            page::say(state, status, "That did not work", text)
        })
    }
}
