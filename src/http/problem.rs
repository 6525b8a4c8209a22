use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::domain::{FilterError, Refusal, TermsError};

/// An error as the outside sees it: RFC 9457, `application/problem+json`.
///
/// `type` is `/problems/…`, stable, for programs; `detail` is for people and says nothing of the inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    field: Option<Box<str>>,
    permission: Option<Box<str>>,
    retry_after_secs: Option<u64>,
    place: Option<Box<Place>>,
}

/// When whoever meets a disk in trouble may try again.
const RETRY_DISK_SECS: u64 = 10;

/// Where in a text a mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    column: usize,
    pointed: String,
}

#[derive(Serialize)]
struct Shape<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'a str>,
    /// Where a filter goes wrong, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// The filter, with a caret under that column on a second line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointed: Option<&'a str>,
}

impl Problem {
    /// A problem of that status; `slug` ends its `type`.
    pub fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            slug,
            title,
            detail: detail.into(),
            field: None,
            permission: None,
            retry_after_secs: None,
            place: None,
        }
    }

    /// 400: the request cannot be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// 401: no token, or none that is known.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A token is needed",
            "send a known token: Authorization: Bearer …",
        )
    }

    /// 403: the token is known but lacks a permission.
    pub fn forbidden(permission: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::FORBIDDEN,
            "missing-permission",
            "The token lacks a permission",
            format!("this needs the permission {permission}"),
        );
        problem.permission = Some(permission.into());
        problem
    }

    /// 404: nothing is at this address.
    pub fn no_such_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", "there is nothing at this address")
    }

    /// 404: a thing of that sort that is not known.
    pub fn unknown(slug: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, slug, title, detail)
    }

    /// 405: the address is right and the method is not.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            "this address takes other methods; the Allow header names them",
        )
    }

    /// 409: the state of things does not allow it.
    pub fn conflict(slug: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, slug, title, detail)
    }

    /// 413: the body is too large.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!("a body has at most {limit} bytes"),
        )
    }

    /// 422: read, but a value cannot be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value cannot be", detail)
    }

    /// 422 that names the field.
    pub fn invalid_field(field: &str, detail: impl std::fmt::Display) -> Self {
        let mut problem = Self::invalid(format!("{field}: {detail}"));
        problem.field = Some(field.into());
        problem
    }

    /// 422: a filter that cannot be read; says where.
    pub fn invalid_filter(field: &str, error: &FilterError) -> Self {
        let text = format!("{field}: {error}");
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        let mut problem = Self::new(wrong, "invalid-filter", "The filter cannot be read", text);
        problem.field = Some(field.into());
        problem.place = Some(Box::new(Place { column: error.column(), pointed: error.pointed() }));
        problem
    }

    /// 503: it took too long.
    pub fn timed_out() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timed-out", "It took too long", "try again")
    }

    /// 500: what went wrong is in the log, and nowhere else.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something failed inside",
            "the log of turnpike says what",
        )
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field that it is about, by its name in the API.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The same about this field.
    pub fn of_field(mut self, field: &str) -> Self {
        self.field = Some(field.into());
        self
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }
}

impl From<TermsError> for Problem {
    fn from(error: TermsError) -> Self {
        Self::invalid(error.to_string()).of_field(error.field)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::UnknownDevice => Self::unknown("unknown-device", "Unknown device", detail),
            Refusal::UnknownSession => Self::unknown("unknown-session", "Unknown session", detail),
            Refusal::UnknownZone(_) => Self::unknown("unknown-zone", "Unknown zone", detail).of_field("zone"),
            Refusal::VoucherUnknown => Self::unknown("unknown-voucher", "Unknown voucher", detail),
            Refusal::Blocked => {
                Self::new(StatusCode::FORBIDDEN, "device-blocked", "The device is blocked", detail)
            }
            Refusal::Denied(_) => Self::new(StatusCode::FORBIDDEN, "denied", "Not allowed", detail),
            Refusal::Form { field, .. } => match field {
                Some(field) => Self::invalid(detail).of_field(&field),
                None => Self::invalid(detail),
            },
            Refusal::UnknownProvider(_) => Self::unknown("unknown-provider", "Unknown provider", detail),
            Refusal::GrantUsed => Self::conflict("grant-used", "Used up for now", detail),
            Refusal::CreditClaimed => Self::conflict("credit-claimed", "The credit was claimed", detail),
            Refusal::UnknownPlan(_) => Self::unknown("unknown-plan", "Unknown plan", detail).of_field("plan"),
            Refusal::PlanExists => Self::conflict("plan-exists", "The plan exists", detail).of_field("name"),
            Refusal::PlanInUse(_) => Self::conflict("plan-in-use", "The plan is in use", detail),
            Refusal::NotOnSale => Self::conflict("not-on-sale", "Not on sale", detail),
            Refusal::SoldOut => Self::conflict("sold-out", "Sold out", detail),
            Refusal::VoucherSold => Self::conflict("voucher-sold", "The voucher was sold", detail),
            Refusal::UnknownBatch => Self::unknown("unknown-batch", "Unknown batch", detail),
            Refusal::UnknownAccount => Self::unknown("unknown-account", "Unknown account", detail),
            Refusal::AccountExists => {
                Self::conflict("account-exists", "The account is there already", detail).of_field("name")
            }
            Refusal::UnknownAdmin => Self::unknown("unknown-admin", "Unknown admin account", detail),
            Refusal::AdminExists => {
                Self::conflict("admin-exists", "The admin account is there already", detail).of_field("name")
            }
            Refusal::LastAdmin => Self::conflict("last-admin", "The last admin account", detail),
            Refusal::UnknownSale => Self::unknown("unknown-sale", "Unknown sale", detail),
            Refusal::CannotRefund(_) => Self::conflict("cannot-refund", "It cannot be refunded", detail),
            Refusal::RecoveryUnknown => Self::unknown("recovery-unknown", "Unknown recovery code", detail),
            Refusal::TooManyMoves { retry_secs } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-moves", "Moved too often", detail)
                    .retry_after(retry_secs)
            }
            Refusal::SameDevice => Self::conflict("same-device", "The same device", detail),
            Refusal::Closed { retry_secs, .. } => {
                Self::conflict("zone-closed", "The zone is closed now", detail).retry_after(retry_secs)
            }
            Refusal::NoSession => Self::conflict("no-session", "No session", detail),
            Refusal::SessionEnded(_) => Self::conflict("session-ended", "The session has ended", detail),
            Refusal::NotInAZone => Self::conflict("not-in-a-zone", "The device is in no zone", detail),
            Refusal::DeviceExists => Self::conflict("device-exists", "The device is known already", detail),
            Refusal::VoucherUsed => Self::conflict("voucher-used", "The voucher was used", detail),
            Refusal::VoucherRevoked => Self::conflict("voucher-revoked", "The voucher was revoked", detail),
            Refusal::VoucherNotValid(_) => {
                Self::conflict("voucher-not-valid", "The voucher is not valid now", detail)
            }
            Refusal::Terms(error) => Self::from(error),
            Refusal::Property(error) => Self::invalid(detail).of_field(&error.key),
            Refusal::TooManyRoles(_) => Self::invalid(detail).of_field("roles"),
            Refusal::BelowUsed { field, .. } | Refusal::NotOfThisKind { field, .. } => {
                Self::invalid(detail).of_field(field)
            }
            Refusal::TooManyTries { retry_secs } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many wrong codes", detail)
                    .retry_after(retry_secs)
            }
            Refusal::KeysUsedUp => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "full", "No more clients fit", detail)
            }
            Refusal::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Turnpike is stopping", detail)
                    .retry_after(5)
            }
            Refusal::Provider(cause) => {
                tracing::warn!(%cause, "a session provider failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "provider-failed",
                    "A session provider did not answer",
                    "the log of turnpike says what",
                )
            }
            Refusal::Changed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed", "It has been changed since", detail)
            }
            Refusal::DoneBefore => Self::conflict("key-in-use", "The key is in use", detail),
            Refusal::LockHeld(_) => Self::conflict("lock-held", "The lock is held", detail),
            Refusal::LockWaitOver(_) => Self::conflict("lock-wait-over", "The wait is over", detail),
            Refusal::LockWouldDeadlock => {
                Self::conflict("lock-would-deadlock", "The wait would never end", detail)
            }
            Refusal::LockLost => Self::conflict("lock-lost", "The lock was lost", detail),
            Refusal::LockNotHeld(_) => Self::unknown("lock-not-held", "The lock is not held", detail),
            Refusal::TooManyLocks(..) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-locks", "Too many locks", detail)
            }
            Refusal::Disk(_) => {
                let title = "Nothing can be stored";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-stored", title, detail)
                    .retry_after(RETRY_DISK_SECS)
            }
            Refusal::Store(_) | Refusal::Kernel(_) => Self::internal(&detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let body = Shape {
            r#type: format!("/problems/{}", self.slug),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
            permission: self.permission.as_deref(),
            column: self.place.as_ref().map(|place| place.column),
            pointed: self.place.as_ref().map(|place| place.pointed.as_str()),
        };
        let text = serde_json::to_string(&body).unwrap_or_else(|error| {
            tracing::error!(%error, "a problem could not be written");
            "{}".to_owned()
        });
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
