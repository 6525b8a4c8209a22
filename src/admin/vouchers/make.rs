use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{PLACE, batch};
use crate::admin::clerk::{Clerk, Fields, SELL};
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::once::{before, new_once, of_form};
use crate::admin::page::{currency, failed, html, refused};
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{OnceSubject, Plan, Refusal};
use crate::wares::{NewVouchers, make_codes};

const KINDS: [(&str, &str); 4] = [
    ("", "As the plan says"),
    ("time", "Time"),
    ("data", "Data"),
    ("time_or_data", "Time or data: what ends first"),
];
const WHEN_FULL: [(&str, &str); 2] =
    [("refuse", "Is refused"), ("take_over", "Takes the place of the one that is away the longest")];

/// The form for new vouchers.
#[derive(Debug, Template)]
#[template(path = "admin/sales/make.html")]
struct MakePage {
    frame: Frame,
    form: Form,
    once: String,
    price_hint: String,
    /// Names and titles of plans that can be sold.
    plans: Vec<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    plan: String,
}

/// `GET /admin/vouchers/new`
pub(super) async fn new(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::filled([("count", "10".to_owned()), ("plan", wanted.plan)]);
    show(&clerk, &state, form, new_once()).await
}

async fn show(clerk: &Clerk, state: &AdminState, form: Form, once: String) -> Result<Response, Response> {
    let plans = state.store.list_plans().await.map_err(|error| failed(state, &error))?;
    let named = |plan: &Plan| {
        let title = format!(
            "{} ({}, {})",
            Name::short(plan.title.to_string()).plain(),
            plan.name,
            state.currency.show(plan.price)
        );
        (plan.name.to_string(), title)
    };
    let none = (String::new(), "No plan: terms of their own".to_owned());
    let on_sale = plans.iter().filter(|plan| plan.on_sale).map(named);
    let page = MakePage {
        frame: clerk.frame(state, PLACE),
        plans: std::iter::once(none).chain(on_sale).collect(),
        price_hint: format!("{} Empty: as the plan says, else nothing.", currency(state)).trim().to_owned(),
        once,
        form,
    };
    Ok(html(page.form.status(), page.render()))
}

/// The body that a form says.
fn read(state: &AdminState, form: &Form) -> Result<NewVouchers, Wrong> {
    if form.get("plan").is_empty() && form.get("kind").is_empty() {
        let text = "choose a plan, or say below under “Terms of their own” what each grants";
        return Err(Wrong::field("plan", text));
    }
    let mut body = form
        .body()
        .whole("count")
        .text("name")
        .text("note")
        .text("plan")
        .text("kind")
        .minutes("time_min", "time_secs")
        .amount("data_mb")
        .whole("exp_days")
        .amount("down_mbps")
        .amount("up_mbps")
        .price("price")
        .whole("max_devices")
        .text("when_full")
        .whole("use_days")
        .moment_or_null("valid_from", &*state.place)
        .moment_or_null("valid_until", &*state.place);
    if form.is("use_global_speed", "on") {
        body = body.with("use_global_speed", true);
    }
    // Nothing is what the plan says.
    if !form.get("roles").is_empty() {
        body = body.names("roles");
    }
    body.pairs("properties", "").read()
}

/// `POST /admin/vouchers`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(fields);
    let key = form.get("once").to_owned();
    let (once, sent_before) = of_form(&state, &clerk, "batch", &form).await?;
    if let Some(subject) = sent_before {
        return made_before(&state, subject);
    }
    let checked = match read(&state, &form) {
        Ok(body) => {
            body.check(&state.store, state.currency, None).await.map_err(|problem| Wrong::from(&problem))
        }
        Err(wrong) => Err(wrong),
    };
    let new = match checked {
        Ok(new) => new,
        Err(wrong) => return show(&clerk, &state, form.refused(wrong), key).await,
    };
    let (_, sealed) = match make_codes(&state.codes, new.count()).await {
        Ok(made) => made,
        Err(problem) => return show(&clerk, &state, form.refused(Wrong::from(&problem)), key).await,
    };
    let made = state.store.create_batch_once(&new, &sealed, &once).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(made) => {
            let details = format!("{} codes", made.count);
            clerk.note_with(&state, "voucher.create", &made.id.to_string(), &details).await;
            Ok(Redirect::to(&batch::place(made.id, "made")).into_response())
        }
        Err(Refusal::DoneBefore) => match before(&state, &once).await? {
            Some(subject) => made_before(&state, subject),
            None => Err(refused(&state, Refusal::DoneBefore)),
        },
        Err(refusal) => show(&clerk, &state, form.refused(Wrong::from(refusal)), key).await,
    }
}

#[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
fn made_before(state: &AdminState, subject: OnceSubject) -> Result<Response, Response> {
    let OnceSubject::Batch(id) = subject else { return Err(refused(state, Refusal::DoneBefore)) };
    Ok(Redirect::to(&batch::place(id, "again")).into_response())
}
