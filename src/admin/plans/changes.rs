use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::PLACE;
use super::fields::read;
use super::pages::{find, place, say, show_form};
use crate::admin::clerk::{Clerk, Fields, SELL};
use crate::admin::form::{Form, Wrong};
use crate::admin::once::{before, of_form};
use crate::admin::page::{failed, refused};
use crate::admin::state::AdminState;
use crate::domain::{OnceSubject, Refusal, Tag};
use crate::store::PlanProviso;

/// The page of a plan, for whoever may see it.
fn to(clerk: &Clerk, name: &str, done: &str) -> Response {
    let place = if clerk.views() { place(name, done) } else { format!("{PLACE}/new?done={done}") };
    Redirect::to(&place).into_response()
}

/// `POST /admin/plans`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(fields);
    let key = form.get("once").to_owned();
    let (once, sent_before) = of_form(&state, &clerk, "plan", &form).await?;
    if let Some(subject) = sent_before {
        return made_before(&clerk, &state, subject).await;
    }
    let again = |form: Form, wrong: Wrong| show_form(&clerk, &state, None, form.refused(wrong), &key, "");
    let plan = match read(&form, None) {
        Ok(fields) => fields.new_plan(state.currency),
        Err(wrong) => return Ok(again(form, wrong)),
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(problem) => return Ok(again(form, Wrong::from(&problem))),
    };
    let made = state.store.create_plan(&plan, once.at.wall, Some(&once)).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(()) => {
            clerk.note(&state, "plan.create", plan.name.as_str()).await;
            Ok(to(&clerk, plan.name.as_str(), "made"))
        }
        Err(Refusal::DoneBefore) => match before(&state, &once).await? {
            Some(subject) => made_before(&clerk, &state, subject).await,
            None => Err(refused(&state, Refusal::DoneBefore)),
        },
        // Sent twice in one moment: the first one made it.
        Err(Refusal::PlanExists) => match before(&state, &once).await? {
            Some(subject) => made_before(&clerk, &state, subject).await,
            None => Ok(again(form, Wrong::from(Refusal::PlanExists))),
        },
        Err(refusal) => Ok(again(form, Wrong::from(refusal))),
    }
}

async fn made_before(clerk: &Clerk, state: &AdminState, subject: OnceSubject) -> Result<Response, Response> {
    let OnceSubject::Plan(id) = subject else { return Err(refused(state, Refusal::DoneBefore)) };
    let plan = state.store.plan_by_id(id).await.map_err(|error| failed(state, &error))?;
    Ok(plan.map_or_else(
        || Redirect::to(&format!("{PLACE}?done=again")).into_response(),
        |plan| to(clerk, plan.name.as_str(), "again"),
    ))
}

fn proviso(form: &Form) -> PlanProviso {
    PlanProviso { once: None, expected: Some(Tag::parse(form.get("tag")).into_iter().collect()) }
}

/// `POST /admin/plans/plan`
pub(super) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(fields);
    let plan = find(&state, form.get("name")).await?;
    let (name, proviso) = (plan.name.to_string(), proviso(&form));
    let again =
        |form: Form, wrong: Wrong| show_form(&clerk, &state, Some(&plan), form.refused(wrong), "", "");
    let body = match read(&form, Some(&plan)) {
        Ok(body) => body,
        Err(wrong) => return Ok(again(form, wrong)),
    };
    let (now, currency) = (state.handle.now().wall, state.currency);
    let changed = state.store.change_plan(&name, now, &proviso, |plan| body.apply(plan, currency)).await;
    match changed.map_err(|error| failed(&state, &error))? {
        Ok(_) => {
            clerk.note(&state, "plan.change", &name).await;
            Ok(to(&clerk, &name, "changed"))
        }
        Err(problem) if problem.status() == StatusCode::PRECONDITION_FAILED => {
            Ok(again(form, Wrong::from(Refusal::Changed)))
        }
        Err(problem) => Ok(again(form, Wrong::from(&problem))),
    }
}

/// `POST /admin/plans/delete`
pub(super) async fn delete(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(fields);
    let gone = state.store.delete_plan(form.get("name"), &proviso(&form)).await;
    match gone.map_err(|error| failed(&state, &error))? {
        Ok(plan) => {
            clerk.note(&state, "plan.delete", plan.name.as_str()).await;
            let place = if clerk.views() { PLACE } else { "/admin/plans/new" };
            Ok(Redirect::to(&format!("{place}?done=deleted")).into_response())
        }
        Err(Refusal::PlanInUse(users)) => Ok(in_use(&clerk, &state, form.get("name"), &users)),
        Err(refusal) => Err(refused(&state, refusal)),
    }
}

/// It cannot be deleted, and what to do instead.
pub(super) fn in_use(clerk: &Clerk, state: &AdminState, name: &str, users: &str) -> Response {
    let text = format!(
        "Still in use by {users}. Nothing was changed. To sell no more of it, take the plan off sale: what was sold goes on."
    );
    say(clerk, state, StatusCode::CONFLICT, ("The plan cannot be deleted yet", &text), name)
}
