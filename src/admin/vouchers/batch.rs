use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{PLACE, stock};
use crate::admin::clerk::{Clerk, SELL};
use crate::admin::frame::Frame;
use crate::admin::page::{self, failed, html, refused, say, sentence};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{AtEnd, Every, Mbps, Refusal, VoucherBatch, WallTime, WhenFull};
use crate::http::Problem;
use crate::store::BatchSums;
use crate::wares::{Format, Layout, read_portal};

/// A batch, and what can be done with it.
#[derive(Debug, Template)]
#[template(path = "admin/sales/batch.html")]
struct BatchPage {
    frame: Frame,
    id: i64,
    title: Name,
    facts: Vec<(&'static str, Name)>,
    sums: BatchSums,
    done: Option<String>,
}

/// What a batch is called.
pub(super) fn title(batch: &VoucherBatch) -> String {
    batch.name.as_ref().map_or_else(|| format!("Batch {}", batch.id), ToString::to_string)
}

/// A batch's page.
pub(super) fn place(id: i64, done: &str) -> String {
    address(&format!("{PLACE}/batches/{id}"), &[("done", done)])
}

/// What was just done; `revoked.12.3` is 12 codes and 3 sessions.
pub(super) fn said(done: &str) -> Option<String> {
    let mut parts = done.split('.');
    let (word, codes, sessions) = (parts.next()?, parts.next(), parts.next());
    let number = |text: Option<&str>| text?.parse::<u64>().ok();
    Some(match (word, number(codes), number(sessions)) {
        ("made", ..) => "The vouchers are made. Print them, or hand out the table.".to_owned(),
        ("again", ..) => "This form was sent before. It made these vouchers, and no other ones.".to_owned(),
        ("revoked", Some(codes), Some(sessions)) => {
            format!("Taken back: {}. Sessions that ended: {sessions}.", count(codes, "code"))
        }
        _ => return None,
    })
}

/// `1 code`, `12 codes`.
pub(super) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

pub(super) async fn find(state: &AdminState, id: &str) -> Result<VoucherBatch, Response> {
    page::find(state, id, |id| state.store.find_batch(id), || refused(state, Refusal::UnknownBatch)).await
}

pub(super) async fn sums(state: &AdminState, id: i64) -> Result<BatchSums, Response> {
    let found = state.store.batch_sums(&[id]).await.map_err(|error| failed(state, &error))?;
    Ok(found.get(&id).copied().unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: String,
}

/// `GET /admin/vouchers/batches/{id}`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let batch = find(&state, &id).await?;
    let makers = state.store.batch_makers(&[batch.id]).await.map_err(|error| failed(&state, &error))?;
    let page = BatchPage {
        frame: clerk.frame(&state, PLACE),
        id: batch.id,
        title: Name::whole(title(&batch)),
        facts: facts(&state, &batch, makers.get(&batch.id)),
        sums: sums(&state, batch.id).await?,
        done: said(&wanted.done),
    };
    Ok(html(StatusCode::OK, page.render()))
}

fn facts(state: &AdminState, batch: &VoucherBatch, by: Option<&String>) -> Vec<(&'static str, Name)> {
    let (terms, offer) = (&batch.terms, &batch.offer);
    let time = |at: WallTime| shown::time(at, &*state.place);
    let mut facts = vec![("Number", batch.id.to_string())];
    facts.extend(offer.plan.clone().map(|plan| ("Plan", plan)));
    let every = match offer.repeat.map(|repeat| repeat.every) {
        None => "",
        Some(Every::Day) => ", each day",
        Some(Every::Week) => ", each week",
        Some(Every::Month) => ", each month",
    };
    facts.push(("Each grants", format!("{}{every}", shown::terms(terms))));
    let speed = |speed: Option<Mbps>| {
        speed.map_or_else(|| "no limit".to_owned(), |speed| format!("{} Mbit/s", speed.as_mbps()))
    };
    if terms.use_global_speed {
        facts.push(("Speed", "the zone’s for clients".to_owned()));
    } else if terms.down.is_some() || terms.up.is_some() {
        facts.push(("Speed", format!("{} down, {} up", speed(terms.down), speed(terms.up))));
    }
    facts.push(("Price", state.currency.show(offer.price)));
    if offer.max_devices > 1 {
        facts.push(("Devices for each", offer.max_devices.to_string()));
    }
    if offer.when_full == WhenFull::TakeOver {
        facts.push(("One device more", "takes over".to_owned()));
    }
    if matches!(offer.at_end, AtEnd::Slow(_)) {
        facts.push(("When used up", "goes on slowly".to_owned()));
    }
    facts.extend(offer.use_days.map(|days| ("Days from the first use", days.to_string())));
    facts.extend(batch.valid_from.map(|at| ("Valid from", time(at))));
    facts.extend(batch.valid_until.map(|at| ("Valid until", time(at))));
    if !offer.roles.is_empty() {
        facts.push(("Roles", crate::admin::form::commas(&offer.roles)));
    }
    facts.extend(batch.note.as_ref().map(|note| ("Remark", note.to_string())));
    let made = by.map_or_else(String::new, |by| format!(", by {by}"));
    facts.push(("Made", format!("{}{made}", time(batch.created_at))));
    facts.into_iter().map(|(name, value)| (name, Name::whole(value))).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Paper {
    format: String,
    portal: String,
    page: String,
}

/// What a problem of a sheet says, on a page.
fn wrong(state: &AdminState, problem: &Problem) -> Response {
    say(state, problem.status(), "That did not work", &sentence(problem.detail()))
}

/// `GET /admin/vouchers/batches/{id}/sheet`: the API's sheet, with a way back.
pub(super) async fn sheet(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Query(paper): Query<Paper>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let batch = find(&state, &id).await?;
    let wrong = |problem| wrong(&state, &problem);
    let portal_typed = paper.portal.trim();
    let (format, portal) = (Format::read(Some(&paper.format)), read_portal(Some(portal_typed)));
    let (format, portal) = (format.map_err(wrong)?, portal.map_err(wrong)?);
    let page = paper.page.parse().ok().filter(|page| *page > 0).unwrap_or(1);
    let here = address(
        &format!("{PLACE}/batches/{}/sheet", batch.id),
        &[("format", paper.format.as_str()), ("portal", portal_typed), ("page", "0")],
    );
    let pages = here.strip_suffix('0').unwrap_or(&here).to_owned();
    let layout = Layout { format, portal, ways: Some((place(batch.id, ""), pages)) };
    stock(&state).print(batch, layout, page).await.map_err(wrong)
}

/// `GET /admin/vouchers/batches/{id}/table`: the API's table.
pub(super) async fn table(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let batch = find(&state, &id).await?;
    stock(&state).export(&batch).await.map_err(|problem| wrong(&state, &problem))
}
