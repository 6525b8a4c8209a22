use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, extract::rejection::FormRejection};
use serde::de::DeserializeOwned;

use super::frame::Frame;
use super::state::AdminState;
use super::{csrf, page};
use crate::domain::{Actor, AuditLine, Permission, Proviso, Text};
use crate::http::Endpoints;
use crate::runtime::Handle;

/// The cookie that stands for a login.
pub(super) const COOKIE: &str = "turnpike_admin";

/// Whoever is logged in. The token is looked up anew for each request: one that was revoked opens nothing any more.
#[derive(Debug, Clone)]
pub(super) struct Clerk {
    /// The token's number.
    pub(super) token: i64,
    /// The token's name: the seller of what is sold.
    pub(super) name: Text,
    /// What each form of theirs must carry.
    pub(super) csrf: String,
    permissions: Vec<Permission>,
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
        self.may(&Permission::ViewSession) && self.may(&Permission::ModifySession)
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

    /// This clerk as the audit log names whoever does this: as for the API.
    pub(super) fn doing(&self, action: &'static str, details: &str) -> Actor {
        let name = Text::new(&format!("token {} {}", self.token, self.name));
        Actor { name, origin: self.origin.clone(), action, details: Text::new(details) }
    }

    /// Notes a change that was made outside the sessions manager, which notes its own.
    pub(super) async fn note(&self, state: &AdminState, action: &'static str, subject: &str) {
        let line = AuditLine {
            at: state.handle.now().wall,
            actor: self.doing(action, "on the admin pages"),
            subject: Some(subject.to_owned()),
            before: None,
            after: None,
        };
        if let Err(error) = state.store.append_audit(&[line]).await {
            state.store.measures().audit_lines_lost.count();
            // The change itself is done: what is known of it must at least be in the log.
            tracing::error!(%error, actor = %self.name, action, "an audit line was lost");
        }
    }

    /// The sessions manager, for one change.
    pub(super) fn handle(&self, state: &AdminState, action: &'static str) -> Handle {
        let by = Some(self.doing(action, "on the admin pages"));
        state.handle.under(Proviso { by, ..Proviso::default() })
    }
}

impl FromRequestParts<AdminState> for Clerk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Response> {
        let nobody = || Redirect::to("/admin/login").into_response();
        let cookie = cookie(&parts.headers).ok_or_else(nobody)?;
        let token = state.logins().find(cookie, state.handle.now().boot).ok_or_else(nobody)?;
        let found = state.store.token(token).await.map_err(|error| page::failed(state, &error))?;
        let Some(token) = found else {
            state.logins().log_out(cookie);
            return Err(nobody());
        };
        let origin = parts.extensions.get::<Endpoints>().map(|ends| ends.peer.ip().to_string());
        Ok(Self {
            token: token.id,
            name: token.name,
            csrf: csrf::token(cookie),
            permissions: token.permissions,
            origin: Text::new(origin.as_deref().unwrap_or("unknown")),
        })
    }
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
