//! Accounts: who may log in, on how many devices, with what; and that nothing is lost or had twice by logging in and out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use turnpike::domain::{
    Account, AccountName, AuthRequest, Authenticator, BoxFuture, ClientDevice, ClientSession, CloseReason,
    DeviceId, Every, FormValues, OneMore, PasswordHash, Plan, PlanName, ProviderError, ProviderName, Refusal,
    Repeat, SessionKind, SessionState, SessionTerms, Text, Utc, Verdict, WallTime,
};
use turnpike::providers::account::{AccountProvider, Hasher};
use turnpike::runtime::FormDone;
use turnpike::store::{AccountPatch, NewAccount, Till};

use crate::support::{self, START, TestApp, megabytes, minutes};

const DAY: Duration = Duration::from_secs(86_400);
const PASSWORD: &str = "correct horse";

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn provider() -> ProviderName {
    ProviderName::new(AccountProvider::NAME)
}

fn hasher() -> Hasher {
    Hasher::with_cost(64, 1)
}

fn plan(name: &str, terms: SessionTerms, repeat: Option<Every>) -> Plan {
    Plan {
        roles: ["vip".to_owned()].into(),
        properties: [("Floor".to_owned(), "2".to_owned())].into(),
        repeat: repeat.map(|every| Repeat { every, at_hour: 0 }),
        ..support::plan(name, 1500, terms)
    }
}

fn register(app: &TestApp) {
    let store = Arc::new(app.store.clone());
    let accounts =
        AccountProvider::new(Arc::clone(&store) as _, store, app.clock.clone(), Arc::new(Utc), hasher());
    app.handle.registry().register(Arc::new(accounts)).unwrap();
}

/// A daemon with accounts, and the plans `day` (an hour each day), `data` (100 MB each day) and `once` (ten minutes).
async fn start() -> TestApp {
    let app = TestApp::start().await;
    register(&app);
    for plan in [
        plan("day", minutes(60), Some(Every::Day)),
        plan("data", megabytes(100.0), Some(Every::Day)),
        plan("once", minutes(10), None),
    ] {
        app.store.create_plan(&plan, START.wall, None).await.unwrap().unwrap();
    }
    app
}

fn with_plans(plans: &[&str]) -> AccountPatch {
    let plans = plans.iter().map(|plan| PlanName::parse(plan).unwrap()).collect();
    AccountPatch { plans: Some(plans), ..AccountPatch::default() }
}

async fn make(app: &TestApp, who: &str, rest: AccountPatch) -> Account {
    let new = NewAccount { name: name(who), password: hasher().hash(PASSWORD).await.unwrap(), rest };
    app.store.create_account(&new, START.wall, None).await.unwrap().unwrap()
}

async fn change(app: &TestApp, who: &str, patch: AccountPatch) -> Account {
    let account = app.store.change_account(&name(who), &patch, START.wall, None).await.unwrap().unwrap();
    app.handle.enforce_accounts().await.unwrap();
    account
}

fn form(who: &str, password: &str) -> FormValues {
    [("name".to_owned(), who.to_owned()), ("password".to_owned(), password.to_owned())].into()
}

async fn log_in(app: &TestApp, device: &ClientDevice, who: &str) -> Result<ClientSession, String> {
    match app.handle.submit(device.id, &provider(), form(who, PASSWORD)).await {
        Ok(FormDone::Connected(session)) => Ok(*session),
        Ok(other) => Err(format!("{other:?}")),
        Err(refusal) => Err(refusal.to_string()),
    }
}

async fn log_out(app: &TestApp, device: DeviceId) -> Result<FormDone, Refusal> {
    let values = BTreeMap::from([("action".to_owned(), "logout".to_owned())]);
    app.handle.submit(device, &provider(), values).await
}

async fn devices_of(app: &TestApp, account: &Account) -> Vec<DeviceId> {
    app.store.account_devices(account.id).await.unwrap().into_iter().map(|known| known.device).collect()
}

/// What a device runs, once it runs something that fits.
async fn eventually(app: &TestApp, device: DeviceId, fits: impl Fn(&ClientSession) -> bool) -> ClientSession {
    let wait = async {
        loop {
            if let Some(session) = app.handle.curr_session(device).await.unwrap().filter(|found| fits(found))
            {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it runs by itself")
}

#[tokio::test]
async fn whoever_knows_the_password_gets_what_the_account_has_and_stays_known() {
    let app = start().await;
    let end = START.wall.plus_days(1);
    let rest = AccountPatch {
        roles: Some(["staff".to_owned()].into()),
        properties: Some([("Floor".to_owned(), "3".to_owned())].into()),
        ..with_plans(&["day"])
    };
    let account = make(&app, "ana", rest).await;
    let device = app.device(1).await;
    let wrong = app.handle.submit(device.id, &provider(), form("ana", "wrong")).await.unwrap_err();
    assert!(wrong.to_string().contains("do not know"), "{wrong}");
    let unknown = app.handle.submit(device.id, &provider(), form("bob", "wrong")).await.unwrap_err();
    assert_eq!(wrong, unknown, "nobody learns which names there are");
    assert!(devices_of(&app, &account).await.is_empty());

    let session = log_in(&app, &device, " Ana ").await.unwrap();
    assert!(session.is_running());
    assert_eq!((session.principal.as_deref(), session.plan.as_deref()), (Some("ana"), Some("day")));
    assert_eq!(session.expires_at, Some(end));
    assert_eq!(session.properties["Floor"], "3");
    assert!(session.roles.contains("vip") && session.roles.contains("staff"));
    assert_eq!(devices_of(&app, &account).await, [device.id]);
    assert_eq!(log_in(&app, &device, "ana").await.unwrap().id, session.id, "again is the same");

    app.pass(Duration::from_secs(600)).await;
    app.handle.disconnect(device.id, None).await.unwrap();
    assert_eq!(app.handle.connect(device.id, None).await.unwrap().id, session.id);
    app.pass(Duration::from_secs(3_000)).await;
    assert_eq!(app.handle.curr_session(device.id).await.unwrap(), None, "the hour is used up");
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    let more = log_in(&app, &device, "ana").await.unwrap_err();
    assert!(more.contains("tomorrow at 00:00"), "{more}");

    // The next day it needs no password.
    app.pass(Duration::from_secs(86_400 - 3_600)).await;
    let next = app.handle.connect(device.id, None).await.unwrap();
    assert_eq!((next.expires_at, next.time_left_ms()), (Some(end.plus_days(1)), Some(3_600_000)));
}

#[tokio::test]
async fn at_midnight_a_repeating_plan_goes_on_by_itself() {
    let app = start().await;
    make(&app, "ana", with_plans(&["data"])).await;
    let device = app.device(1).await;
    let first = log_in(&app, &device, "ana").await.unwrap();
    app.pass(DAY).await;
    let second = eventually(&app, device.id, |session| session.id != first.id).await;
    assert_eq!(second.expires_at, Some(START.wall.plus_days(2)));
    assert_eq!(app.handle.session(first.id).await.unwrap().state, SessionState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_log_ins_at_once_two_have_places() {
    let app = Arc::new(start().await);
    let account = make(&app, "ana", AccountPatch { max_devices: Some(2), ..with_plans(&["day"]) }).await;
    let mut tries = Vec::new();
    for number in 1..=20 {
        let device = app.device(number).await;
        let app = Arc::clone(&app);
        tries.push(tokio::spawn(async move { (device.id, log_in(&app, &device, "ana").await) }));
    }
    let mut won = Vec::new();
    for one in tries {
        let (device, done) = one.await.unwrap();
        match done {
            Ok(session) => {
                assert!(session.is_running());
                won.push(device);
            }
            Err(text) => assert!(text.contains("in use on") || text.contains("used up"), "{text}"),
        }
    }
    won.sort();
    let mut bound = devices_of(&app, &account).await;
    bound.sort();
    assert_eq!((won.len(), &won), (2, &bound));
    assert_eq!(app.handle.snapshot().await.unwrap().sessions.len(), 2);
}

#[tokio::test]
async fn what_is_left_at_a_log_out_goes_on_at_the_next_log_in_to_the_second() {
    let app = start().await;
    let account = make(&app, "ana", with_plans(&["day"])).await;
    let (phone, laptop) = (app.device(1).await, app.device(2).await);
    let first = log_in(&app, &phone, "ana").await.unwrap();
    app.pass(Duration::from_secs(600)).await;
    let refused = log_in(&app, &laptop, "ana").await.unwrap_err();
    assert!(refused.contains("another device"), "{refused}");

    let done = log_out(&app, phone.id).await.unwrap();
    assert_eq!(done, FormDone::Taken(Some(Text::new("You are logged out."))));
    let closed = app.handle.session(first.id).await.unwrap();
    assert_eq!(closed.state, SessionState::Closed(CloseReason::Moved, Text::new("logged out")));
    assert!(devices_of(&app, &account).await.is_empty());
    assert_eq!(app.handle.connect(phone.id, None).await, Err(Refusal::NoSession), "it asks for the password");
    assert!(log_out(&app, phone.id).await.is_ok(), "twice is once");

    let second = log_in(&app, &laptop, "ana").await.unwrap();
    assert_eq!(second.time_left_ms(), Some(3_000_000));
    assert_eq!(second.expires_at, first.expires_at);
    log_out(&app, laptop.id).await.unwrap();
    let third = log_in(&app, &phone, "ana").await.unwrap();
    assert_eq!(third.time_left_ms(), Some(3_000_000));
    app.pass(Duration::from_secs(3_000)).await;
    log_out(&app, phone.id).await.unwrap();
    assert!(log_in(&app, &laptop, "ana").await.unwrap_err().contains("used up"));
}

#[tokio::test]
async fn one_more_device_takes_over_what_the_longest_unused_one_had() {
    let app = start().await;
    let rest = AccountPatch { one_more: Some(OneMore::TakeOver), ..with_plans(&["once"]) };
    let account = make(&app, "ana", rest).await;
    let (phone, laptop) = (app.device(1).await, app.device(2).await);
    let first = log_in(&app, &phone, "ana").await.unwrap();
    app.pass(Duration::from_secs(60)).await;
    let second = log_in(&app, &laptop, "ana").await.unwrap();
    assert_eq!((second.device, second.time_left_ms()), (laptop.id, Some(540_000)));
    assert_eq!(app.handle.curr_session(phone.id).await.unwrap(), None);
    assert!(matches!(
        app.handle.session(first.id).await.unwrap().state,
        SessionState::Closed(CloseReason::Moved, _)
    ));
    assert_eq!(devices_of(&app, &account).await, [laptop.id]);
    assert_eq!(app.handle.connect(phone.id, None).await, Err(Refusal::NoSession));
    // And back; what was had is not had again.
    app.pass(Duration::from_secs(60)).await;
    assert_eq!(log_in(&app, &phone, "ana").await.unwrap().time_left_ms(), Some(480_000));
    app.pass(Duration::from_secs(480)).await;
    assert!(log_in(&app, &laptop, "ana").await.unwrap_err().contains("Nothing is left"));
}

#[tokio::test]
async fn an_account_that_is_off_is_off_at_once() {
    let app = start().await;
    make(&app, "ana", with_plans(&["day"])).await;
    let device = app.device(1).await;
    let first = log_in(&app, &device, "ana").await.unwrap();
    app.pass(Duration::from_secs(60)).await;
    let disabled = |disabled| AccountPatch { disabled: Some(disabled), ..AccountPatch::default() };
    change(&app, "ana", disabled(true)).await;
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    let closed = app.handle.session(first.id).await.unwrap().state;
    assert_eq!(closed, SessionState::Closed(CloseReason::Revoked, Text::new("the account was disabled")));
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    assert!(log_in(&app, &device, "ana").await.unwrap_err().contains("disabled"));
    change(&app, "ana", disabled(false)).await;
    let again = app.handle.connect(device.id, None).await.unwrap();
    assert_eq!(again.time_left_ms(), Some(3_540_000), "what was left is there again");

    let over = AccountPatch { expires_at: Some(Some(app.clock.now().wall)), ..AccountPatch::default() };
    change(&app, "ana", over).await;
    let closed = app.handle.session(again.id).await.unwrap().state;
    assert!(matches!(closed, SessionState::Closed(CloseReason::Expired, _)), "{closed:?}");
    assert!(log_in(&app, &device, "ana").await.unwrap_err().contains("expired"));

    make(&app, "bob", with_plans(&["data"])).await;
    let other = log_in(&app, &device, "bob").await.unwrap();
    assert!(app.store.delete_account(&name("bob")).await.unwrap());
    app.handle.enforce_accounts().await.unwrap();
    let closed = app.handle.session(other.id).await.unwrap().state;
    assert_eq!(closed, SessionState::Closed(CloseReason::Revoked, Text::new("the account was deleted")));
    assert!(log_in(&app, &device, "bob").await.unwrap_err().contains("do not know"));
    // Whoever gets the name next begins anew.
    make(&app, "bob", with_plans(&["data"])).await;
    assert!(log_in(&app, &device, "bob").await.is_ok());
}

#[tokio::test]
async fn a_crash_between_log_out_and_its_end_leaves_nobody_online() {
    let app = start().await;
    make(&app, "ana", with_plans(&["day"])).await;
    let device = app.device(1).await;
    let session = log_in(&app, &device, "ana").await.unwrap();
    assert!(app.store.unbind(&name("ana"), Some(device.id)).await.unwrap());
    let app = app.crash().await;
    register(&app);
    app.handle.enforce_accounts().await.unwrap();
    assert!(!app.handle.session(session.id).await.unwrap().is_usable());
    let again = log_in(&app, &device, "ana").await.unwrap();
    assert_eq!(again.plan.as_deref(), Some("day"), "and nothing is lost");
}

#[tokio::test]
async fn wrong_passwords_are_limited_by_device_and_by_account() {
    let app = start().await;
    make(&app, "ana", with_plans(&["day"])).await;
    let guess = async |number: u8, who: &str, password: &str| {
        let device = app.device(number).await;
        app.handle.submit(device.id, &provider(), form(who, password)).await.map_err(|no| no.to_string())
    };
    for number in 0..5 {
        let no = guess(1, &format!("user{number}"), "guess").await.unwrap_err();
        assert!(no.contains("do not know"), "{no}");
    }
    let no = guess(1, "ana", PASSWORD).await.unwrap_err();
    assert!(no.contains("wait 30 seconds"), "a device that guesses waits, right or wrong: {no}");
    for number in 10..15 {
        assert!(guess(number, "ana", "guess").await.unwrap_err().contains("do not know"));
    }
    let no = guess(15, "ana", PASSWORD).await.unwrap_err();
    assert!(no.contains("wait 30 seconds"), "an account that is guessed at from everywhere waits: {no}");
    app.pass(Duration::from_secs(30)).await;
    assert!(guess(15, "ana", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn somebody_else_on_the_same_device_leaves_the_first_ones_minutes_alone() {
    let app = start().await;
    make(&app, "ana", with_plans(&["day"])).await;
    let bob = make(&app, "bob", with_plans(&["data"])).await;
    let device = app.device(1).await;
    log_in(&app, &device, "ana").await.unwrap();
    app.pass(Duration::from_secs(60)).await;
    let second = log_in(&app, &device, "bob").await.unwrap();
    assert_eq!((second.principal.as_deref(), second.is_running()), (Some("bob"), true));
    assert_eq!(devices_of(&app, &bob).await, [device.id]);
    let usable = app.handle.usable_sessions(device.id).await.unwrap();
    assert_eq!(usable.iter().map(|session| session.id).collect::<Vec<_>>(), [second.id]);
    let back = log_in(&app, &device, "ana").await.unwrap();
    assert_eq!(back.time_left_ms(), Some(3_540_000));
    assert!(devices_of(&app, &bob).await.is_empty());
}

struct Denies(&'static str);

impl Authenticator for Denies {
    fn name(&self) -> &str {
        "denies"
    }

    fn authenticate<'a>(&'a self, request: &'a AuthRequest) -> BoxFuture<'a, Result<Verdict, ProviderError>> {
        let is_denied = request.occasion.as_str() == self.0;
        Box::pin(
            async move { Ok(if is_denied { Verdict::Deny(Text::new("not you")) } else { Verdict::Abstain }) },
        )
    }
}

#[tokio::test]
async fn an_authenticators_no_leaves_everything_as_it_was() {
    let app = start().await;
    let ana = make(&app, "ana", with_plans(&["day"])).await;
    let bob = make(&app, "bob", with_plans(&["day"])).await;
    let device = app.device(1).await;
    let first = log_in(&app, &device, "ana").await.unwrap();
    let authenticators = app.handle.registry().authenticators();
    assert!(authenticators.register(Arc::new(Denies("log_in"))));
    assert!(log_in(&app, &device, "bob").await.unwrap_err().contains("not you"));
    assert_eq!((devices_of(&app, &ana).await, devices_of(&app, &bob).await), (vec![device.id], vec![]));
    assert_eq!(app.handle.curr_session(device.id).await.unwrap().unwrap().id, first.id);
    authenticators.unregister("denies");
    assert!(authenticators.register(Arc::new(Denies("principal"))));
    assert_eq!(log_out(&app, device.id).await, Err(Refusal::Denied(Text::new("not you"))));
    assert_eq!(devices_of(&app, &ana).await, [device.id]);
    assert!(app.handle.is_connected(device.id).await.unwrap());
}

#[tokio::test]
async fn what_does_not_repeat_is_had_once_for_each_time_that_it_was_given() {
    let app = start().await;
    let account = make(&app, "ana", with_plans(&["once"])).await;
    let device = app.device(1).await;
    let first = log_in(&app, &device, "ana").await.unwrap();
    app.pass(Duration::from_secs(600)).await;
    assert_eq!(app.handle.curr_session(device.id).await.unwrap(), None);
    assert!(log_in(&app, &device, "ana").await.unwrap_err().contains("Nothing is left"));
    let till = Till { seller: Text::new("desk"), note: None };
    let once = PlanName::parse("once").unwrap();
    app.store.attach_plan(&account.name, &once, Some(&till), START.wall, None).await.unwrap().unwrap();
    let second = app.handle.connect(device.id, None).await.unwrap();
    assert!(second.id != first.id && second.time_left_ms() == Some(600_000));
    // The same list again gives nothing anew; less and more again does, as it is another attachment.
    let same = change(&app, "ana", with_plans(&["once", "once"])).await;
    assert_eq!(same.plans.len(), 2);
    app.pass(Duration::from_secs(600)).await;
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    let unknown = with_plans(&["once", "nothing"]);
    let refused = app.store.change_account(&name("ana"), &unknown, START.wall, None).await.unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::UnknownPlan("nothing".to_owned()));
    let twice = app.store.change_account(&name("ana"), &with_plans(&["day", "day"]), START.wall, None).await;
    assert!(matches!(twice.unwrap().unwrap_err(), Refusal::Terms(error) if error.field == "plans"));
    let kept = app.store.find_account(&name("ana")).await.unwrap().unwrap();
    assert_eq!(kept.plans, same.plans, "a refused change changes nothing");
}

#[tokio::test]
async fn a_plan_of_thirty_days_comes_anew_each_day_of_them() {
    let app = start().await;
    let terms = SessionTerms::new(SessionKind::Time, Some(60), None, Some(2), 0.0, 0.0, false).unwrap();
    let two_days = plan("two-days", terms, Some(Every::Day));
    app.store.create_plan(&two_days, START.wall, None).await.unwrap().unwrap();
    let account = make(&app, "ana", with_plans(&["two-days"])).await;
    let device = app.device(1).await;
    log_in(&app, &device, "ana").await.unwrap();
    for has_more in [true, false] {
        app.pass(DAY).await;
        assert_eq!(app.handle.connect(device.id, None).await.is_ok(), has_more);
    }
    // One more time: from now on, as the first is over.
    let at = app.clock.now().wall;
    app.store.attach_plan(&account.name, &two_days.name, None, at, None).await.unwrap().unwrap();
    let renewed = app.handle.connect(device.id, None).await.unwrap();
    assert_eq!(renewed.time_left_ms(), Some(60_000));
    app.store.attach_plan(&account.name, &two_days.name, None, at, None).await.unwrap().unwrap();
    let plans = app.store.find_account(&account.name).await.unwrap().unwrap().plans;
    assert_eq!(
        plans.last().unwrap().attached_at,
        at.plus_days(2),
        "bought early, it begins when the other is over"
    );
}

#[tokio::test]
async fn hostile_values_change_nothing() {
    let app = start().await;
    let account = make(&app, "ana", with_plans(&["day"])).await;
    let long = "x".repeat(500);
    let hostile = [
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "ana'; DROP TABLE accounts; --",
        "ana\u{0}",
        "\u{202e}ana",
        "Ana\r\nSet-Cookie: x",
        "%00%ff",
        "ãñä",
        &long,
        "",
    ];
    for (number, text) in (30..).zip(hostile) {
        let device = app.device(number).await;
        for values in [form(text, PASSWORD), form("ana", text), form(text, text)] {
            let refused = app.handle.submit(device.id, &provider(), values).await;
            assert!(matches!(refused, Err(Refusal::Form { .. })), "{text:?}: {refused:?}");
            // The limits are another test's.
            app.pass(Duration::from_secs(7_200)).await;
        }
        let action = BTreeMap::from([("action".to_owned(), text.to_owned())]);
        let refused = app.handle.submit(device.id, &provider(), action).await;
        assert!(matches!(refused, Err(Refusal::Form { .. })), "{text:?}: {refused:?}");
    }
    assert!(devices_of(&app, &account).await.is_empty());
    assert_eq!(app.handle.snapshot().await.unwrap().sessions.len(), 0);
    assert_eq!(app.store.find_account(&name("ana")).await.unwrap(), Some(account));
}

#[tokio::test]
async fn nobody_is_shown_a_form_that_is_of_no_use() {
    let app = start().await;
    let zone = turnpike::domain::ZoneName::new("guests");
    assert!(app.handle.faces(&zone).is_empty());
    let made = make(&app, "ana", AccountPatch::default()).await;
    let device = Arc::new(app.device(1).await);
    assert_eq!(app.handle.faces(&zone).len(), 1);
    assert!(app.handle.beside(&device).await.buttons.is_empty());
    assert!(log_in(&app, &device, "ana").await.unwrap_err().contains("Nothing is left"));
    change(&app, "ana", with_plans(&["day"])).await;
    log_in(&app, &device, "ana").await.unwrap();
    let buttons = app.handle.beside(&device).await.buttons;
    assert_eq!(buttons.iter().map(|(_, button)| button.action.as_str()).collect::<Vec<_>>(), ["logout"]);
    // A new password logs out everywhere.
    let password = Some(PasswordHash::new("$argon2id$changed".to_owned()));
    change(&app, "ana", AccountPatch { password, ..AccountPatch::default() }).await;
    assert!(devices_of(&app, &made).await.is_empty());
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    assert_eq!(made.created_at, WallTime(START.wall.0));
}

#[tokio::test]
async fn the_same_phone_under_another_mac_stays_logged_in_and_gets_no_second_helping() {
    let app = start().await;
    let account = make(&app, "ana", AccountPatch { max_devices: Some(2), ..with_plans(&["day"]) }).await;
    let (old, new) = (app.device(1).await, app.device(2).await);
    let first = log_in(&app, &old, "ana").await.unwrap();
    app.pass(Duration::from_secs(600)).await;
    app.handle.move_sessions(old.id, new.id).await.unwrap();
    let moved = app.handle.connect(new.id, None).await.unwrap();
    assert_eq!((moved.principal.as_deref(), moved.time_left_ms()), (Some("ana"), Some(3_000_000)));
    assert_eq!(moved.expires_at, first.expires_at);
    assert_eq!(devices_of(&app, &account).await, [new.id]);
    app.handle.enforce_accounts().await.unwrap();
    assert!(app.handle.is_connected(new.id).await.unwrap());
    app.pass(Duration::from_secs(3_000)).await;
    // The second place is another device's.
    assert_eq!(app.handle.connect(new.id, None).await, Err(Refusal::NoSession));
    assert_eq!(app.handle.connect(old.id, None).await, Err(Refusal::NoSession));
    let other = app.device(3).await;
    assert_eq!(log_in(&app, &other, "ana").await.unwrap().time_left_ms(), Some(3_600_000));
}
