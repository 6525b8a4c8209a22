use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::clerk::Clerk;
use super::frame::Frame;
use super::once::new_once;
use super::page::{failed, html};
use super::shown;
use super::state::AdminState;
use crate::domain::{Currency, Plan, Text, VoucherBatch};

/// So many batches are looked through for those that can be sold from.
const MOST_BATCHES: u32 = 200;

/// The counter: what is sold, and whom or what to look for.
#[derive(Debug, Template)]
#[template(path = "admin/front.html")]
struct FrontPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    plans: Vec<PlanView>,
    /// Batches of printed codes, by number.
    batches: Vec<(i64, String)>,
    /// Names this page's sale: sent twice, it is one.
    once: String,
}

/// A plan that can be sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlanView {
    pub(super) name: String,
    pub(super) title: Text,
    pub(super) grants: String,
    pub(super) price: String,
}

impl PlanView {
    fn new(plan: &Plan, currency: Currency) -> Self {
        Self {
            name: plan.name.to_string(),
            title: plan.title.clone(),
            grants: shown::terms(&plan.terms),
            price: currency.show(plan.price),
        }
    }
}

/// What can be sold.
pub(super) async fn plans_on_sale(state: &AdminState) -> Result<Vec<PlanView>, Response> {
    let plans = state.store.list_plans().await.map_err(|error| failed(state, &error))?;
    let on_sale = plans.iter().filter(|plan| plan.on_sale);
    Ok(on_sale.map(|plan| PlanView::new(plan, state.currency)).collect())
}

/// The newest batches of codes that were printed in advance.
async fn batches(state: &AdminState) -> Result<Vec<(i64, String)>, Response> {
    let (batches, _) =
        state.store.list_batches(None, 1, MOST_BATCHES).await.map_err(|error| failed(state, &error))?;
    // One of a single code was made for a sale.
    let printed = batches.iter().filter(|batch| batch.count > 1);
    let name = |batch: &VoucherBatch| {
        let name = batch.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        let (grants, price) = (shown::terms(&batch.terms), state.currency.show(batch.offer.price));
        format!("{}: {name}{grants}, {price}", batch.id)
    };
    Ok(printed.map(|batch| (batch.id, name(batch))).collect())
}

/// `GET /admin`
pub(super) async fn front(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let plans = if clerk.sells() { plans_on_sale(&state).await? } else { Vec::new() };
    let batches = if clerk.sells() { batches(&state).await? } else { Vec::new() };
    let page = FrontPage {
        frame: clerk.frame(&state, "/admin/counter"),
        clerk: &clerk,
        plans,
        batches,
        once: new_once(),
    };
    Ok(html(StatusCode::OK, page.render()))
}
