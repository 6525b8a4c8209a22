use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{ApiState, accounts, admins, devices, plans, sales, sessions, vouchers};
use crate::domain::{OnceSubject, Refusal};
use crate::http::Problem;
use crate::runtime::DeviceRef;
use crate::store::{KeptAnswer, RememberedOnce};

/// Says that an answer is of a request that was carried out before.
const REPLAYED: &str = "idempotent-replayed";

/// The answer of a request that was carried out before: as it was kept, else from what it made or changed as that is now.
///
/// A token's text is in no store: that answer can only say that the token was made.
pub(super) async fn answer(state: &ApiState, found: RememberedOnce) -> Result<Response, Problem> {
    let mut response = match found.answer {
        Some(answer) => kept(answer)?,
        None => lost(state, found.subject, found.made).await?,
    };
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn kept(answer: KeptAnswer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(answer.status).map_err(|error| Problem::internal(&error))?;
    let has_body = !answer.body.is_empty();
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in [(header::LOCATION, answer.location), (header::ETAG, answer.tag)] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))?);
        }
    }
    Ok(response)
}

async fn lost(state: &ApiState, subject: OnceSubject, made: bool) -> Result<Response, Problem> {
    match subject {
        OnceSubject::Session(id) => match state.handle.session(id).await {
            Ok(session) if made => Ok(sessions::created(&session)),
            Ok(session) => Ok(sessions::one(&session)),
            Err(Refusal::UnknownSession) => Err(gone()),
            Err(refusal) => Err(refusal.into()),
        },
        OnceSubject::Device(id) => match state.handle.find_device(DeviceRef::Id(id)).await {
            Ok(device) if made => devices::created(state, &device).await,
            Ok(device) => devices::one(state, &device).await,
            Err(Refusal::UnknownDevice) => Err(gone()),
            Err(refusal) => Err(refusal.into()),
        },
        OnceSubject::Batch(id) => vouchers::batch_again(state, id).await?.ok_or_else(gone),
        OnceSubject::Token(id) => Err(Problem::conflict(
            "token-shown-once",
            "The token was made before",
            format!("this request made token {id}, which is shown once; revoke it and make another"),
        )),
        OnceSubject::Plan(id) => plans::again(state, id, made).await?.ok_or_else(gone),
        OnceSubject::Voucher(id) => sales::sold_again(state, id).await,
        OnceSubject::Sale(id) => sales::refund_again(state, id).await?.ok_or_else(gone),
        OnceSubject::Hook(id) => Err(Problem::conflict(
            "secret-shown-once",
            "The hook was made before",
            format!("this request made hook {id}, whose secret is shown once; give it another or delete it"),
        )),
        OnceSubject::Account(id) => accounts::again(state, id, made).await?.ok_or_else(gone),
        OnceSubject::Admin(id) => admins::again(state, id, made).await?.ok_or_else(gone),
        OnceSubject::Nothing => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// It was done, and what it made is no longer there.
fn gone() -> Problem {
    let detail = "this request was carried out, but what it made or changed is no longer there";
    Problem::new(StatusCode::GONE, "done-and-gone", "Done, and gone", detail)
}
