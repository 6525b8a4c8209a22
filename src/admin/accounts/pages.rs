use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::PLACE;
use super::fields::{self, ONE_MORE};
use crate::admin::clerk::{Clerk, SELL, VIEW};
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::once::new_once;
use crate::admin::page::{failed, html, refused};
use crate::admin::pager::{Pager, address};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{Account, AccountName, AccountOff, DeviceId, Refusal, SessionId, Tag, filter};
use crate::runtime::SessionList;
use crate::store::AccountQuery;

/// So many sessions of an account are on its page; the list of sessions has all.
const MOST_SESSIONS: u32 = 20;
/// The longest text that is looked for, in characters.
const MOST_CHARS: usize = 200;

/// All accounts.
#[derive(Debug, Template)]
#[template(path = "admin/sales/accounts.html")]
struct AccountsPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    list: Pager,
    rows: Vec<Row>,
    q: String,
    done: Option<&'static str>,
}

/// An account in the list.
#[derive(Debug)]
struct Row {
    place: String,
    name: String,
    full_name: Name,
    standing: &'static str,
    badge: &'static str,
    plans: String,
    devices: String,
    expires: String,
}

/// The form for a new account.
#[derive(Debug, Template)]
#[template(path = "admin/sales/new_account.html")]
struct NewPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    form: Form,
    once: String,
    plans: Vec<(String, String)>,
    done: Option<&'static str>,
}

/// Forms of an account's page that came back.
#[derive(Debug, Default)]
pub(super) struct Back {
    pub(super) edit: Option<Form>,
    pub(super) password: Option<Form>,
    pub(super) plan: Option<Form>,
}

/// An account, and what can be done with it.
#[derive(Debug, Template)]
#[template(path = "admin/sales/account.html")]
struct AccountPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    name: String,
    full_name: Name,
    standing: &'static str,
    badge: &'static str,
    disabled: bool,
    made: String,
    form: Form,
    password: Form,
    plan: Form,
    once: String,
    /// How the account stands that the form changes.
    tag: String,
    attached: Vec<(String, String)>,
    plans: Vec<(String, String)>,
    devices: Vec<Device>,
    sessions: Vec<Session>,
    sessions_place: String,
    done: Option<&'static str>,
}

impl AccountPage<'_> {
    /// The page that asks before something is done.
    fn sure(&self, what: &str) -> String {
        address("/admin/accounts/sure", &[("name", &self.name), ("what", what)])
    }

    fn is_wrong(&self) -> bool {
        [&self.form, &self.password, &self.plan].into_iter().any(Form::is_wrong)
    }
}

/// A device that is logged in.
#[derive(Debug)]
struct Device {
    id: DeviceId,
    name: Name,
    since: String,
    out: String,
}

/// A session of its.
#[derive(Debug)]
struct Session {
    id: SessionId,
    plan: Name,
    state: &'static str,
    left: String,
    made: String,
}

/// The address of an account's page.
pub(super) fn place(name: &AccountName, done: &str) -> String {
    address("/admin/accounts/account", &[("name", name.as_str()), ("done", done)])
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    name: String,
    q: String,
    page: String,
    done: String,
}

fn said(done: &str) -> Option<&'static str> {
    Some(match done {
        "made" => "The account is made. Hand over the name and the password.",
        "again" => "This form was sent before. It was done then, and once.",
        "changed" => "The account is changed. It holds at once.",
        "password" => "The password is changed, and every device is logged out.",
        "plan" => "The plan is added.",
        "disable" => "The account is blocked, and its sessions are over.",
        "enable" => "The account can be used again.",
        "log-out" => "Logged out. What is left waits for the next log-in.",
        "deleted" => "The account is deleted.",
        _ => return None,
    })
}

/// How an account stands, and how that looks.
fn standing(state: &AdminState, account: &Account) -> (&'static str, &'static str) {
    match account.standing(state.handle.believable()) {
        Ok(()) => ("active", "good"),
        Err(AccountOff::Disabled) => ("blocked", "bad"),
        Err(AccountOff::Expired) => ("over", "warn"),
    }
}

/// `GET /admin/accounts`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let failed = |error| failed(&state, &error);
    let q: String = wanted.q.trim().chars().take(MOST_CHARS).collect();
    let mut list = Pager::read(PLACE, &wanted.page, vec![("q", q.clone())]);
    let mut query = AccountQuery { text: Some(q.clone()), page: list.page, per_page: Pager::ROWS };
    let (mut found, total) = state.store.list_accounts(&query).await.map_err(failed)?;
    if list.counted(total) {
        query.page = list.page;
        (found, _) = state.store.list_accounts(&query).await.map_err(failed)?;
    }
    let ids: Vec<i64> = found.iter().map(|account| account.id).collect();
    let logged_in = state.store.count_account_devices(&ids).await.map_err(failed)?;
    let row = |account: &Account| {
        let devices = logged_in.get(&account.id).copied().unwrap_or_default();
        let (standing, badge) = standing(&state, account);
        let plans: Vec<&str> = account.plans.iter().map(|attached| attached.plan.as_str()).collect();
        Row {
            place: place(&account.name, ""),
            name: account.name.to_string(),
            full_name: Name::short(account.full_name.as_ref().map(ToString::to_string).unwrap_or_default()),
            standing,
            badge,
            plans: plans.join(", "),
            devices: format!("{devices} of {}", account.max_devices),
            expires: account.expires_at.map(|at| shown::time(at, &*state.place)).unwrap_or_default(),
        }
    };
    let page = AccountsPage {
        frame: clerk.frame(&state, PLACE),
        clerk: &clerk,
        list,
        rows: found.iter().map(row).collect(),
        q,
        done: said(&wanted.done),
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// What can be attached: names, and titles with prices.
async fn plans(state: &AdminState) -> Result<Vec<(String, String)>, Response> {
    let plans = state.store.list_plans().await.map_err(|error| failed(state, &error))?;
    let on_sale = plans.iter().filter(|plan| plan.on_sale).map(|plan| {
        (
            plan.name.to_string(),
            format!(
                "{} ({}, {})",
                Name::short(plan.title.to_string()).plain(),
                plan.name,
                state.currency.show(plan.price)
            ),
        )
    });
    Ok(std::iter::once((String::new(), "None".to_owned())).chain(on_sale).collect())
}

/// `GET /admin/accounts/new`
pub(super) async fn new(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    show_new(&clerk, &state, fields::blank(), new_once(), &wanted.done).await
}

pub(super) async fn show_new(
    clerk: &Clerk,
    state: &AdminState,
    form: Form,
    once: String,
    done: &str,
) -> Result<Response, Response> {
    let (plans, done) = (plans(state).await?, said(done));
    let page = NewPage { frame: clerk.frame(state, PLACE), clerk, form, once, plans, done };
    Ok(html(page.form.status(), page.render()))
}

/// The account that a form or an address names.
pub(super) async fn find(state: &AdminState, name: &str) -> Result<Account, Response> {
    let unknown = || refused(state, Refusal::UnknownAccount);
    let name = AccountName::parse(name).map_err(|_| unknown())?;
    state.store.find_account(&name).await.map_err(|error| failed(state, &error))?.ok_or_else(unknown)
}

/// `GET /admin/accounts/account?name=…`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let account = find(&state, &wanted.name).await?;
    show_one(&clerk, &state, &account, Back::default(), new_once(), &wanted.done).await
}

pub(super) async fn show_one(
    clerk: &Clerk,
    state: &AdminState,
    account: &Account,
    back: Back,
    once: String,
    done: &str,
) -> Result<Response, Response> {
    let name = account.name.to_string();
    let time = |at| shown::time(at, &*state.place);
    let (standing, badge) = standing(state, account);
    let of_account = format!("$Provider is \"account\" and $Principal is \"{}\"", filter::escape(&name));
    let attached = account.plans.iter().map(|plan| (plan.plan.to_string(), time(plan.attached_at)));
    // Whoever may only sell sees an account when a form comes back, and guests never.
    let (devices, sessions) = if clerk.views() {
        (devices(state, account).await?, sessions(state, &of_account).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    let status = [&back.edit, &back.password, &back.plan].into_iter().flatten().map(Form::status).next();
    let page = AccountPage {
        frame: clerk.frame(state, PLACE),
        clerk,
        full_name: Name::whole(account.full_name.as_ref().map(ToString::to_string).unwrap_or_default()),
        standing,
        badge,
        disabled: account.disabled,
        made: time(account.created_at),
        form: back.edit.unwrap_or_else(|| fields::of(account, &*state.place)),
        password: back.password.unwrap_or_default(),
        plan: back.plan.unwrap_or_default(),
        once,
        attached: attached.collect(),
        plans: plans(state).await?,
        tag: Tag::of_account(account).to_string(),
        devices,
        sessions,
        sessions_place: address("/admin/sessions", &[("q", &of_account)]),
        done: said(done),
        name,
    };
    Ok(html(status.unwrap_or(StatusCode::OK), page.render()))
}

async fn devices(state: &AdminState, account: &Account) -> Result<Vec<Device>, Response> {
    let bound = state.store.account_devices(account.id).await.map_err(|error| failed(state, &error))?;
    let known = state.handle.devices_by_id(bound.iter().map(|bound| bound.device).collect()).await;
    let known = known.map_err(|refusal| refused(state, refusal))?;
    let device = |bound: &crate::domain::AccountDevice| {
        let name = known.get(&bound.device).map_or_else(|| bound.device.to_string(), shown::device_name);
        let id = bound.device.to_string();
        let fields = [("name", account.name.as_str()), ("what", "log-out"), ("dev", id.as_str())];
        Device {
            id: bound.device,
            name: Name::short(name),
            since: shown::time(bound.bound_at, &*state.place),
            out: address("/admin/accounts/sure", &fields),
        }
    };
    Ok(bound.iter().map(device).collect())
}

/// The newest that a filter selects.
async fn sessions(state: &AdminState, of_account: &str) -> Result<Vec<Session>, Response> {
    let filter = filter::Filter::parse(of_account).map_err(|error| failed(state, &error))?;
    let wanted =
        SessionList { filter: Some(filter), page: 1, per_page: MOST_SESSIONS, ..SessionList::default() };
    let (found, _) = state.handle.list_sessions(&wanted).await.map_err(|refusal| refused(state, refusal))?;
    let session = |session: &crate::domain::ClientSession| Session {
        id: session.id,
        plan: Name::short(session.plan.clone().unwrap_or_else(|| "none".to_owned())),
        state: shown::state(session),
        left: shown::left(session),
        made: shown::time(session.created_at, &*state.place),
    };
    Ok(found.iter().map(session).collect())
}
