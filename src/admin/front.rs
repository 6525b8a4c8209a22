use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::clerk::Clerk;
use super::page::{failed, html};
use super::shown;
use super::state::AdminState;
use crate::domain::{Currency, Plan, Text};

/// The counter: what is sold, and whom or what to look for.
#[derive(Debug, Template)]
#[template(path = "admin/front.html")]
struct FrontPage<'a> {
    gateway: &'a str,
    clerk: &'a Clerk,
    plans: Vec<PlanView>,
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

/// Names what one page does, so that it is done once.
pub(super) fn new_once() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// `GET /admin`
pub(super) async fn front(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    let plans = if clerk.sells() { plans_on_sale(&state).await? } else { Vec::new() };
    let page = FrontPage { gateway: state.gateway.as_str(), clerk: &clerk, plans, once: new_once() };
    Ok(html(StatusCode::OK, page.render()))
}
