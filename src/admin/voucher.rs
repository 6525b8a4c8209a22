use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{Clerk, Fields, SELL, SERVE};
use super::device::{self, find_device};
use super::frame::Frame;
use super::once::new_once;
use super::page::{failed, html, refused, say};
use super::shown;
use super::state::AdminState;
use crate::domain::{DeviceId, Refusal, SessionId, Voucher, VoucherStatus};
use crate::store::ListedVoucher;

/// The longest code that is looked at, in characters; real ones are far shorter.
const MAX_CODE_CHARS: usize = 64;

/// A voucher, and what can be done with it.
#[derive(Debug, Template)]
#[template(path = "admin/voucher.html")]
struct VoucherPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    code: &'a str,
    print_place: String,
    status: VoucherStatus,
    standing: &'static str,
    facts: Vec<(&'static str, String)>,
    batch_place: String,
    revoke_place: String,
    places: Vec<Place>,
    sessions: Vec<Going>,
    /// What it costs, if it can be sold.
    price: Option<String>,
    once: String,
    /// What was just done.
    done: Option<&'static str>,
}

/// A device that has, or had, a place of it.
#[derive(Debug)]
struct Place {
    device: DeviceId,
    session: SessionId,
    at: String,
    /// When another one took it over.
    ended: Option<String>,
}

/// A session that came of it and is not over.
#[derive(Debug)]
struct Going {
    id: SessionId,
    state: &'static str,
    left: String,
}

/// A voucher as it is handed over.
#[derive(Debug, Template)]
#[template(path = "admin/print.html")]
struct PrintPage<'a> {
    frame: Frame,
    code: &'a str,
    name: String,
    grants: String,
    until: Option<String>,
    back: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    code: String,
    /// What was just done, by a word of ours.
    done: Option<String>,
}

/// The address of a voucher's page.
pub(super) fn place(code: &str, done: &str) -> String {
    format!("/admin/voucher?code={}&done={done}", plain(code))
}

/// A code as it stands in an address: nothing else is in one.
fn plain(code: &str) -> String {
    code.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

/// The voucher that a typed code names, with the code as it is printed.
pub(super) async fn find_listed(state: &AdminState, code: &str) -> Result<(ListedVoucher, String), Response> {
    let lookup = state.codes.lookup(code).filter(|_| code.chars().count() <= MAX_CODE_CHARS);
    let unknown = || refused(state, Refusal::VoucherUnknown);
    let found = state.store.find_listed_voucher(&lookup.ok_or_else(unknown)?).await;
    let listed = found.map_err(|error| failed(state, &error))?.ok_or_else(unknown)?;
    let printed = state.codes.unseal(&listed.code).map_err(|error| failed(state, &error))?;
    Ok((listed, printed))
}

/// What has come of it.
async fn came_of(state: &AdminState, listed: &ListedVoucher) -> Result<(Vec<Place>, Vec<Going>), Response> {
    let time = |at| shown::time(at, &*state.place);
    let uses = state.store.voucher_uses(listed.voucher.id).await.map_err(|error| failed(state, &error))?;
    let places = uses.iter().map(|place| Place {
        device: place.redeemed.device,
        session: place.redeemed.session,
        at: time(place.redeemed.at),
        ended: place.ended_at.map(time),
    });
    if uses.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let sessions = state.handle.voucher_sessions(vec![listed.clone()]).await;
    let sessions = sessions.map_err(|refusal| refused(state, refusal))?;
    let going = sessions.iter().map(|session| Going {
        id: session.id,
        state: shown::state(session),
        left: shown::left(session),
    });
    Ok((places.collect(), going.collect()))
}

/// `GET /admin/voucher`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let code = wanted.code.trim();
    let (listed, printed) = find_listed(&state, code).await?;
    let (places, sessions) = came_of(&state, &listed).await?;
    let voucher = listed.voucher;
    let status = voucher.status(state.handle.now().wall);
    let page = VoucherPage {
        frame: clerk.frame(&state, "/admin/vouchers"),
        clerk: &clerk,
        code: &printed,
        print_place: format!("/admin/print?code={}", plain(code)),
        batch_place: format!("/admin/vouchers/batches/{}", voucher.batch.id),
        revoke_place: format!("/admin/vouchers/revoke?code={}", plain(code)),
        places,
        sessions,
        status,
        standing: shown::standing(status),
        facts: facts(&state, &voucher),
        price: can_be_sold(status).then(|| state.currency.show(voucher.batch.offer.price)),
        once: new_once(),
        done: match wanted.done.as_deref() {
            Some("sold") => Some("Sold. Hand over the code."),
            Some("again") => Some("This form was sent before. It sold this voucher, and no other one."),
            Some("revoked") => Some("Taken back. What it made is over."),
            Some(_) | None => None,
        },
    };
    Ok(html(StatusCode::OK, page.render()))
}

fn can_be_sold(status: VoucherStatus) -> bool {
    matches!(status, VoucherStatus::Unsold | VoucherStatus::NotYetValid)
}

fn facts(state: &AdminState, voucher: &Voucher) -> Vec<(&'static str, String)> {
    let time = |at| shown::time(at, &*state.place);
    let batch = &voucher.batch;
    let mut facts = vec![("Grants", shown::terms(&batch.terms))];
    facts.extend(batch.name.as_ref().map(|name| ("Batch", name.to_string())));
    facts.push(("Made", time(batch.created_at)));
    facts.extend(batch.valid_from.map(|at| ("Valid from", time(at))));
    facts.extend(batch.valid_until.map(|at| ("Valid until", time(at))));
    let price = state.currency.show(batch.offer.price);
    let sale = voucher.sold.as_ref();
    facts.extend(sale.map(|sale| ("Sold", format!("{}, by {}, for {price}", time(sale.at), sale.seller))));
    if batch.offer.max_devices > 1 {
        facts.push(("Devices", format!("{} of {}", voucher.uses, batch.offer.max_devices)));
    }
    facts.extend(voucher.redeemed.map(|redeemed| ("Redeemed", time(redeemed.at))));
    facts.extend(voucher.ends_at().map(|at| ("All of it is over", time(at))));
    facts.extend(voucher.revoked_at.map(|at| ("Taken back", time(at))));
    facts
}

/// `GET /admin/print`
pub(super) async fn print(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let code = wanted.code.trim();
    let (listed, printed) = find_listed(&state, code).await?;
    let voucher = listed.voucher;
    let page = PrintPage {
        frame: clerk.frame(&state, "/admin/counter"),
        code: &printed,
        name: voucher.batch.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        grants: shown::terms(&voucher.batch.terms),
        until: voucher.batch.valid_until.map(|at| shown::time(at, &*state.place)),
        back: place(code, ""),
    };
    Ok(html(StatusCode::OK, page.render()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Redeem {
    code: String,
    dev: String,
}

/// `POST /admin/redeem`
pub(super) async fn redeem(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Redeem>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let device = find_device(&state, fields.dev.trim()).await?;
    if fields.code.chars().count() > MAX_CODE_CHARS {
        return Err(refused(&state, Refusal::VoucherUnknown));
    }
    let handle = clerk.handle(&state, "voucher.redeem");
    handle.redeem(fields.code.trim(), device.id).await.map_err(|refusal| refused(&state, refusal))?;
    Ok(Redirect::to(&device::place(device.id, "redeemed")).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Revoke {
    code: String,
    sure: Option<String>,
}

/// `POST /admin/revoke`
pub(super) async fn revoke(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Revoke>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    if fields.sure.is_none() {
        let text = "Nothing was changed: tick the box to take a voucher back.";
        return Err(say(&state, StatusCode::UNPROCESSABLE_ENTITY, "Are you sure?", text));
    }
    let code = fields.code.trim();
    if code.chars().count() > MAX_CODE_CHARS {
        return Err(refused(&state, Refusal::VoucherUnknown));
    }
    let revoked = state.handle.revoke_voucher(code).await.map_err(|refusal| refused(&state, refusal))?;
    if !revoked.already {
        // Never the code: the log is not the place for money.
        let subject = format!("{}/{}", revoked.voucher.batch.id, revoked.voucher.id);
        clerk.note(&state, "voucher.revoke", &subject).await;
    }
    Ok(Redirect::to(&place(code, "revoked")).into_response())
}
