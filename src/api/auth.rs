use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::ApiState;
use crate::domain::{Actor, LockName, Permission, Refusal, Text};
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

impl Caller {
    /// The caller as the audit log names whoever does this.
    pub(super) fn doing(&self, action: &'static str, details: &str) -> Actor {
        let (name, origin) = (self.actor.clone(), self.origin.clone());
        Actor { name, origin, action, details: Text::new(details) }
    }
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
/// Hearing what happens to sessions.
#[derive(Debug)]
pub struct Listen;
/// Vouchers.
#[derive(Debug)]
pub struct ManageVouchers;
/// Selling what changes a session.
#[derive(Debug)]
pub struct Sell;
/// Everything else: tokens.
#[derive(Debug)]
pub struct Administer;

impl Need for View {
    const PERMISSIONS: &'static [Permission] = &[Permission::ViewSession];
}
impl Need for Modify {
    const PERMISSIONS: &'static [Permission] = &[Permission::ViewSession, Permission::ModifySession];
}
impl Need for Listen {
    const PERMISSIONS: &'static [Permission] = &[Permission::ViewSession, Permission::RegisterHandler];
}
impl Need for ManageVouchers {
    const PERMISSIONS: &'static [Permission] = &[Permission::ManageVouchers];
}
impl Need for Sell {
    const PERMISSIONS: &'static [Permission] =
        &[Permission::ViewSession, Permission::ModifySession, Permission::ManageVouchers];
}
impl Need for Administer {
    const PERMISSIONS: &'static [Permission] = &[Permission::Admin];
}

/// A caller with the permissions that `N` needs. Extracted before anything else of the request is looked at.
#[derive(Debug)]
pub struct Allowed<N> {
    /// Who it is.
    pub caller: Caller,
    /// The token's number, if it is one.
    pub(super) token: Option<i64>,
    /// How the till names it: a token by its name alone, or root.
    pub(super) seller: Text,
    need: PhantomData<N>,
}

impl<N: Need> FromRequestParts<ApiState> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let identity = Identity::of(parts, state).await?;
        if let Some(permissions) = &identity.permissions {
            for wanted in N::PERMISSIONS {
                if !Permission::any_allows(permissions, wanted) {
                    return Err(Problem::forbidden(&wanted.to_string()));
                }
            }
        }
        let Identity { caller, token, seller, .. } = identity;
        Ok(Self { caller, token, seller, need: PhantomData })
    }
}

/// A caller that may acquire some lock. Which, is asked once the request's lock is known.
#[derive(Debug)]
pub(super) struct Locker {
    /// Who it is.
    pub(super) caller: Caller,
    permissions: Option<Vec<Permission>>,
}

impl Locker {
    /// Whether this caller may acquire, and release, the lock of this name.
    pub(super) fn may_acquire(&self, name: &LockName) -> Result<(), Problem> {
        let wanted = Permission::AcquireLock(name.to_string());
        match &self.permissions {
            Some(permissions) if !Permission::any_allows(permissions, &wanted) => {
                Err(Problem::forbidden(&wanted.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<ApiState> for Locker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let Identity { caller, permissions, .. } = Identity::of(parts, state).await?;
        let may = |granted: &Permission| matches!(granted, Permission::Admin | Permission::AcquireLock(_));
        if permissions.as_ref().is_some_and(|granted| !granted.iter().any(may)) {
            return Err(Problem::forbidden("acquire_lock:PATH"));
        }
        Ok(Self { caller, permissions })
    }
}

/// Who is at the other end, whatever they want.
pub(super) struct Identity {
    caller: Caller,
    /// The token's number, if it is one.
    token: Option<i64>,
    /// A token's name, or root.
    seller: Text,
    /// What their idempotency keys belong to: it stays the same from request to request, and nobody else has it.
    pub(super) scope: String,
    /// What they may do; `None` for root, who may do everything.
    permissions: Option<Vec<Permission>>,
}

impl Identity {
    pub(super) async fn of(parts: &Parts, state: &ApiState) -> Result<Self, Problem> {
        let user = parts.extensions.get::<PeerUser>().copied();
        let origin = match (user, parts.extensions.get::<Endpoints>()) {
            (Some(user), _) => format!("socket, uid {}", user.uid),
            (None, Some(ends)) => ends.peer.ip().to_string(),
            (None, None) => "unknown".to_owned(),
        };
        let caller = |actor: &str| Caller { actor: Text::new(actor), origin: Text::new(&origin) };
        // A token that is sent counts, also for root: what it may not do is refused.
        let Some(sent) = bearer(&parts.headers) else {
            let is_root = user.is_some_and(|user| user.uid == 0);
            let root = || Self {
                caller: caller("root"),
                token: None,
                seller: Text::new("root"),
                scope: "root".to_owned(),
                permissions: None,
            };
            return if is_root { Ok(root()) } else { Err(Problem::unauthorized()) };
        };
        let text = TokenText::parse(sent?).ok_or_else(Problem::unauthorized)?;
        let token = state.store.find_token(&text).await.map_err(Refusal::from)?;
        let token = token.ok_or_else(Problem::unauthorized)?;
        Ok(Self {
            caller: caller(&format!("token {} {}", token.id, token.name)),
            token: Some(token.id),
            seller: token.name.clone(),
            scope: format!("token {}", token.id),
            permissions: Some(token.permissions),
        })
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
