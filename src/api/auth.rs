use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::ApiState;
use crate::domain::{Permission, Text};
use crate::http::{Endpoints, PeerUser, Problem};
use crate::store::TokenText;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// A token by name, or root on the socket.
    pub actor: Text,
    /// An address, or the socket.
    pub origin: Text,
}

/// What a handler needs; its first argument is `Allowed<…>` of one of these.
pub trait Need: Send + Sync {
    /// All of these.
    const PERMISSIONS: &'static [Permission];
}

/// Seeing devices and sessions.
#[derive(Debug)]
pub struct View;
/// Changing them.
#[derive(Debug)]
pub struct Modify;
/// Vouchers.
#[derive(Debug)]
pub struct ManageVouchers;
/// Everything else: tokens.
#[derive(Debug)]
pub struct Administer;

impl Need for View {
    const PERMISSIONS: &'static [Permission] = &[Permission::ViewSession];
}
impl Need for Modify {
    const PERMISSIONS: &'static [Permission] = &[Permission::ViewSession, Permission::ModifySession];
}
impl Need for ManageVouchers {
    const PERMISSIONS: &'static [Permission] = &[Permission::ManageVouchers];
}
impl Need for Administer {
    const PERMISSIONS: &'static [Permission] = &[Permission::Admin];
}

/// A caller with the permissions that `N` needs. Extracted before anything else of the request is looked at.
#[derive(Debug)]
pub struct Allowed<N> {
    /// Who it is.
    pub caller: Caller,
    need: PhantomData<N>,
}

impl<N: Need> FromRequestParts<ApiState> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let user = parts.extensions.get::<PeerUser>().copied();
        let origin = match (user, parts.extensions.get::<Endpoints>()) {
            (Some(user), _) => format!("socket, uid {}", user.uid),
            (None, Some(ends)) => ends.peer.ip().to_string(),
            (None, None) => "unknown".to_owned(),
        };
        let caller = |actor: &str| Self {
            caller: Caller { actor: Text::new(actor), origin: Text::new(&origin) },
            need: PhantomData,
        };
        // A token that is sent counts, also for root: what it may not do is refused.
        let Some(sent) = bearer(&parts.headers) else {
            let is_root = user.is_some_and(|user| user.uid == 0);
            return if is_root { Ok(caller("root")) } else { Err(Problem::unauthorized()) };
        };
        let text = TokenText::parse(sent?).ok_or_else(Problem::unauthorized)?;
        let token = state.store.find_token(&text).await.map_err(|error| Problem::internal(&error))?;
        let token = token.ok_or_else(Problem::unauthorized)?;
        for wanted in N::PERMISSIONS {
            if !Permission::any_allows(&token.permissions, wanted) {
                return Err(Problem::forbidden(&wanted.to_string()));
            }
        }
        Ok(caller(&format!("token {} {}", token.id, token.name)))
    }
}

/// The token that was sent; an error if there is an `Authorization` header that holds none.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Problem>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    Some(token.ok_or_else(Problem::unauthorized))
}
