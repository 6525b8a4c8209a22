use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::PLACE;
use super::fields;
use super::pages::{Back, find, place, show_new, show_one};
use crate::admin::clerk::{Clerk, Fields, SELL};
use crate::admin::form::{Form, Wrong};
use crate::admin::once::{before, new_once, of_form};
use crate::admin::page::{failed, refused, say};
use crate::admin::state::AdminState;
use crate::domain::{Account, AccountName, OnceSubject, PlanName, Refusal, Tag, Text};
use crate::store::AccountPatch;
use crate::wares::till;

/// The page of an account, for whoever may see it.
pub(super) fn to(clerk: &Clerk, name: &AccountName, done: &str) -> Response {
    let place = if clerk.views() { place(name, done) } else { format!("{PLACE}/new?done={done}") };
    Redirect::to(&place).into_response()
}

/// The account of a form that was sent before.
async fn done_before(clerk: &Clerk, state: &AdminState, subject: OnceSubject) -> Result<Response, Response> {
    let OnceSubject::Account(id) = subject else { return Err(refused(state, Refusal::DoneBefore)) };
    let found = state.store.account_by_id(id).await.map_err(|error| failed(state, &error))?;
    Ok(found.map_or_else(
        || Redirect::to(&format!("{PLACE}?done=again")).into_response(),
        |account| to(clerk, &account.name, "again"),
    ))
}

/// `POST /admin/accounts`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(sent): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(sent);
    let key = form.get("once").to_owned();
    let (once, sent_before) = of_form(&state, &clerk, "account", &form).await?;
    if let Some(subject) = sent_before {
        return done_before(&clerk, &state, subject).await;
    }
    let read = match fields::read_new(&form, &*state.place) {
        Ok(fields) => {
            fields.new_account(&state.handle, &clerk.name).await.map_err(|problem| Wrong::from(&problem))
        }
        Err(wrong) => Err(wrong),
    };
    let new = match read {
        Ok(new) => new,
        Err(wrong) => return show_new(&clerk, &state, refuse_new(form, wrong), key, "").await,
    };
    let made = state.store.create_account(&new, state.handle.believable(), Some(&once)).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(account) => {
            clerk.note(&state, "account.create", account.name.as_str()).await;
            Ok(to(&clerk, &account.name, "made"))
        }
        // Sent twice in one moment, the first one made it.
        Err(refusal) => match before(&state, &once).await? {
            Some(subject) => done_before(&clerk, &state, subject).await,
            None => show_new(&clerk, &state, refuse_new(form, Wrong::from(refusal)), key, "").await,
        },
    }
}

/// A form with one plan, or one with the names of all: what is wrong with plans stands beside what it has of them.
fn refuse(form: Form, wrong: Wrong, own: &str) -> Form {
    let text = ["plan", "plans"].into_iter().find_map(|field| wrong.of(field)).map(str::to_owned);
    form.refused(text.map_or(wrong, |text| Wrong::field(own, text)))
}

fn refuse_new(form: Form, wrong: Wrong) -> Form {
    refuse(form, wrong, "plan")
}

/// Carries out a change as the API does: what must not go on by it ends before it is answered.
pub(super) async fn carry_out(
    clerk: &Clerk,
    state: &AdminState,
    name: &AccountName,
    patch: &AccountPatch,
    (action, details): (&'static str, &str),
) -> Result<Result<Account, Refusal>, Response> {
    let changed = state.store.change_account(name, patch, state.handle.believable(), None).await;
    let account = match changed.map_err(|error| failed(state, &error))? {
        Ok(account) => account,
        Err(refusal) => return Ok(Err(refusal)),
    };
    clerk.note_with(state, action, name.as_str(), details).await;
    enforce(state).await?;
    Ok(Ok(account))
}

/// Ends what must not go on after a change that is made and noted. If that fails the change stands all the same, and is not
/// said to have failed.
pub(super) async fn enforce(state: &AdminState) -> Result<(), Response> {
    state.handle.enforce_accounts().await.map_err(|refusal| {
        tracing::error!(%refusal, "sessions of accounts could not be ended");
        let text = "It is done. But sessions that must not go on could not be ended yet: they are when somebody logs in or \
                    turnpike starts. The log of turnpike says what went wrong.";
        say(state, StatusCode::SERVICE_UNAVAILABLE, "Done, but sessions still run", text)
    })
}

/// A form that was filled before somebody else's change is not shown again as it was: sent once more it would undo that.
async fn changed_meanwhile(
    clerk: &Clerk,
    state: &AdminState,
    account: &Account,
) -> Result<Response, Response> {
    let form = fields::of(account, &*state.place).refused(Wrong::from(Refusal::Changed));
    show_one(clerk, state, account, Back { edit: Some(form), ..Back::default() }, new_once(), "").await
}

/// `POST /admin/accounts/account`
pub(super) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(sent): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(sent);
    let account = find(&state, form.get("name")).await?;
    // What is in the form is compared with what stands: only if that is what it was filled with, it says what is wanted.
    let expected = Tag::parse(form.get("tag")).filter(|tag| *tag == Tag::of_account(&account));
    if expected.is_none() {
        return changed_meanwhile(&clerk, &state, &account).await;
    }
    let patch = match fields::read(&form, &account, &*state.place) {
        Ok(fields) => fields.patch(&clerk.name).map_err(|problem| Wrong::from(&problem)),
        Err(wrong) => Err(wrong),
    };
    let changed = match patch {
        Ok(patch) => {
            let patch = AccountPatch { expected, ..patch };
            let what = ("account.change", "on the admin pages");
            match carry_out(&clerk, &state, &account.name, &patch, what).await? {
                Err(Refusal::Changed) => {
                    let account = find(&state, account.name.as_str()).await?;
                    return changed_meanwhile(&clerk, &state, &account).await;
                }
                done => done.map_err(Wrong::from),
            }
        }
        Err(wrong) => Err(wrong),
    };
    match changed {
        Ok(account) => Ok(to(&clerk, &account.name, "changed")),
        Err(wrong) => {
            let back = Back { edit: Some(refuse(form, wrong, "plans")), ..Back::default() };
            show_one(&clerk, &state, &account, back, new_once(), "").await
        }
    }
}

/// `POST /admin/accounts/password`
pub(super) async fn password(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(sent): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(sent);
    let account = find(&state, form.get("name")).await?;
    let typed = form.whole("password").to_owned();
    if let Err(error) = Account::check_password(&typed) {
        let back = Back { password: Some(form.refused(Wrong::from(error))), ..Back::default() };
        return show_one(&clerk, &state, &account, back, new_once(), "").await;
    }
    let hashed = state.handle.hash_password(&typed).await.map_err(|refusal| refused(&state, refusal))?;
    let patch = AccountPatch { password: Some(hashed), ..AccountPatch::default() };
    let what = ("account.password", "on the admin pages");
    let done = carry_out(&clerk, &state, &account.name, &patch, what).await?;
    done.map_err(|refusal| refused(&state, refusal))?;
    Ok(to(&clerk, &account.name, "password"))
}

/// `POST /admin/accounts/plan`: one more plan, for its price if it is paid.
pub(super) async fn attach(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(sent): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let form = Form::sent(sent);
    let key = form.get("once").to_owned();
    let (once, sent_before) = of_form(&state, &clerk, "attach", &form).await?;
    if let Some(subject) = sent_before {
        return done_before(&clerk, &state, subject).await;
    }
    let account = find(&state, form.get("name")).await?;
    let note = Some(Text::new(form.get("note"))).filter(|note| !note.is_empty());
    let till = till(Some(form.is("paid", "on")), &clerk.name, note);
    let plan = PlanName::parse(form.get("plan"));
    let plan = plan.map_err(|_| Wrong::field("plan", "choose a plan"));
    let done = match &plan {
        Ok(plan) => {
            let at = state.handle.believable();
            let done = state.store.attach_plan(&account.name, plan, till.as_ref(), at, Some(&once)).await;
            match done.map_err(|error| failed(&state, &error))? {
                Err(Refusal::DoneBefore) => return Ok(to(&clerk, &account.name, "again")),
                done => done.map_err(Wrong::from).map(|()| plan),
            }
        }
        Err(wrong) => Err(wrong.clone()),
    };
    match done {
        Ok(plan) => {
            let details = if till.is_some() { format!("{plan}, paid") } else { plan.to_string() };
            clerk.note_with(&state, "account.attach", account.name.as_str(), &details).await;
            Ok(to(&clerk, &account.name, "plan"))
        }
        Err(wrong) => {
            let back = Back { plan: Some(refuse_new(form, wrong)), ..Back::default() };
            show_one(&clerk, &state, &account, back, key, "").await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TermsError;

    #[test]
    fn what_is_wrong_with_plans_stands_beside_the_one() {
        let form = Form::sent(vec![("plan".to_owned(), "x".to_owned())]);
        let wrong = Wrong::from(TermsError { field: "plans", problem: "there is no such plan".to_owned() });
        assert_eq!(refuse_new(form, wrong).error("plan"), Some("There is no such plan."));
    }
}
