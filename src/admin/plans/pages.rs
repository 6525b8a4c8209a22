use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::fields::{self, ENDS, KINDS, REPEATS};
use super::{PLACE, changes};
use crate::admin::clerk::{Clerk, SELL, VIEW};
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::once::new_once;
use crate::admin::page::{Confirm, Message, currency, failed, html, refused};
use crate::admin::pager::{Pager, address};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{Every, Plan, Refusal, Tag, Text};

/// All plans.
#[derive(Debug, Template)]
#[template(path = "admin/sales/plans.html")]
struct PlansPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    list: Pager,
    rows: Vec<Row>,
    done: Option<&'static str>,
}

/// A plan in the list.
#[derive(Debug)]
struct Row {
    place: String,
    name: String,
    title: Name,
    grants: String,
    price: String,
    devices: u32,
    on_sale: bool,
}

/// A plan, or the form for one.
#[derive(Debug, Template)]
#[template(path = "admin/sales/plan.html")]
struct PlanPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    /// `None` while there is none.
    name: Option<String>,
    form: Form,
    tag: String,
    once: String,
    currency: String,
    delete_place: String,
    vouchers_place: String,
    done: Option<&'static str>,
}

/// The address of a plan's page.
pub(super) fn place(name: &str, done: &str) -> String {
    address("/admin/plans/plan", &[("name", name), ("done", done)])
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    name: String,
    page: String,
    done: String,
}

fn said(done: &str) -> Option<&'static str> {
    Some(match done {
        "made" => "The plan is made.",
        "again" => "This form was sent before. It made this plan, and no other one.",
        "changed" => "The plan is changed, for what is sold from now on.",
        "deleted" => "The plan is deleted.",
        _ => return None,
    })
}

/// What it grants, in a few words.
fn grants(plan: &Plan) -> String {
    let every = match plan.repeat.map(|repeat| repeat.every) {
        None => "",
        Some(Every::Day) => ", each day",
        Some(Every::Week) => ", each week",
        Some(Every::Month) => ", each month",
    };
    format!("{}{every}", shown::terms(&plan.terms))
}

/// `GET /admin/plans`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let plans = state.store.list_plans().await.map_err(|error| failed(&state, &error))?;
    let mut list = Pager::read(PLACE, &wanted.page, Vec::new());
    // All of them are read: there are a thousand at most.
    let _ = list.counted(plans.len() as u64);
    let skipped = usize::try_from(list.first()).unwrap_or(usize::MAX).saturating_sub(1);
    let rows = plans.iter().skip(skipped).take(Pager::ROWS as usize).map(|plan| Row {
        place: place(plan.name.as_str(), ""),
        name: plan.name.to_string(),
        title: Name::short(plan.title.to_string()),
        grants: grants(plan),
        price: state.currency.show(plan.price),
        devices: plan.max_devices,
        on_sale: plan.on_sale,
    });
    let page = PlansPage {
        frame: clerk.frame(&state, PLACE),
        clerk: &clerk,
        rows: rows.collect(),
        list,
        done: said(&wanted.done),
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/plans/new`
pub(super) async fn new(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    Ok(show_form(&clerk, &state, None, fields::blank(), &new_once(), &wanted.done))
}

/// `GET /admin/plans/plan?name=…`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let plan = find(&state, &wanted.name).await?;
    let form = fields::of(&plan, state.currency);
    Ok(show_form(&clerk, &state, Some(&plan), form, "", &wanted.done))
}

/// The form of a plan, or of a new one.
pub(super) fn show_form(
    clerk: &Clerk,
    state: &AdminState,
    plan: Option<&Plan>,
    form: Form,
    once: &str,
    done: &str,
) -> Response {
    let name = plan.map(|plan| plan.name.to_string());
    let page = PlanPage {
        frame: clerk.frame(state, PLACE),
        clerk,
        tag: plan.map(|plan| Tag::of_plan(plan).to_string()).unwrap_or_default(),
        once: once.to_owned(),
        currency: currency(state),
        delete_place: address("/admin/plans/delete", &[("name", name.as_deref().unwrap_or_default())]),
        vouchers_place: address("/admin/vouchers/new", &[("plan", name.as_deref().unwrap_or_default())]),
        name,
        done: said(done),
        form,
    };
    html(page.form.status(), page.render())
}

pub(super) async fn find(state: &AdminState, name: &str) -> Result<Plan, Response> {
    let found = state.store.find_plan(name).await.map_err(|error| failed(state, &error))?;
    found.ok_or_else(|| refused(state, Refusal::UnknownPlan(Text::new(name).to_string())))
}

/// `GET /admin/plans/delete?name=…`: who uses it, and what will happen.
pub(super) async fn sure(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let plan = find(&state, &wanted.name).await?;
    let name = plan.name.to_string();
    let users = state.store.plan_users(&name).await.map_err(|error| failed(&state, &error))?;
    let back = place(&name, "");
    if !users.is_empty() {
        return Ok(changes::in_use(&clerk, &state, &name, &users.join(", ")));
    }
    let page = Confirm {
        frame: clerk.frame(&state, PLACE),
        heading: &format!("Delete the plan “{name}”?"),
        happens: vec![
            "No session, voucher or account uses it any more. It cannot be sold then.".to_owned(),
            "What was sold of it stays in the till and in the history of its sessions and vouchers.".to_owned(),
            "Free access and plugins that name it in the configuration have nothing to give until there is a plan of \
             this name again."
                .to_owned(),
        ],
        action: "/admin/plans/delete",
        fields: vec![("name", name.clone()), ("tag", Tag::of_plan(&plan).to_string())],
        button: "Delete the plan",
        back: &back,
    };
    Ok(page.respond())
}

/// A page that only says something, with the way back to a plan.
pub(super) fn say(
    clerk: &Clerk,
    state: &AdminState,
    status: StatusCode,
    said: (&str, &str),
    name: &str,
) -> Response {
    let (link, frame) = (place(name, ""), clerk.frame(state, PLACE));
    Message { frame, heading: said.0, text: said.1, link: &link, link_text: "Back to the plan" }
        .respond(status)
}
