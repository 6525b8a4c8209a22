//! Free access: so much a day for a click, once.

use std::sync::Arc;
use std::time::Duration;

use turnpike::clock::Clock;
use turnpike::domain::{
    BootId, BootTime, ClientDevice, ClockGuard, Every, FieldKind, FormField, FormValues, FreeGift, FreeOffer,
    LocalTime, Now, Plan, PlanName, ProviderName, Refusal, Repeat, SessionState, Text, Utc, WallTime,
};
use turnpike::providers::free::FreeProvider;
use turnpike::runtime::FormDone;

use crate::support::{self, FakeKernel, START, TestApp, megabytes, minutes, zone};

const DAY: Duration = Duration::from_secs(86_400);

/// Two hours ahead of universal time in summer, one in winter, as in much of Europe in 2026.
#[derive(Debug)]
struct Summer;

impl LocalTime for Summer {
    fn local(&self, at: WallTime) -> chrono::NaiveDateTime {
        // 2026-03-29T01:00:00Z and 2026-10-25T01:00:00Z.
        let is_summer = (1_774_746_000_000..1_792_890_000_000).contains(&at.0);
        Utc.local(at.plus_millis(if is_summer { 7_200_000 } else { 3_600_000 }))
    }
}

fn field(name: &str, kind: FieldKind, required: bool) -> FormField {
    FormField { name: name.to_owned(), label: Text::new(name), kind, required, max_chars: 200 }
}

fn offer(gives: FreeGift, at_hour: u8) -> FreeOffer {
    FreeOffer {
        title: Text::new("Free access"),
        text: Text::default(),
        gives,
        repeat: Repeat { every: Every::Day, at_hour },
        fields: vec![
            field("name", FieldKind::Text, false),
            field("email", FieldKind::Email, false),
            field("terms", FieldKind::Checkbox, true),
        ],
    }
}

fn half_an_hour() -> FreeGift {
    FreeGift::Terms(Box::new(minutes(30)))
}

fn register(app: &TestApp, offer: FreeOffer, place: Arc<dyn LocalTime>) {
    let store = Arc::new(app.store.clone());
    let free = FreeProvider::new(offer, Arc::clone(&store) as _, store, app.clock.clone(), place);
    app.handle.registry().register(Arc::new(free)).unwrap();
}

async fn start(offer: FreeOffer) -> TestApp {
    let app = TestApp::start().await;
    register(&app, offer, Arc::new(Utc));
    app
}

fn ticked() -> FormValues {
    [("terms".to_owned(), "on".to_owned())].into()
}

async fn click(app: &TestApp, device: &ClientDevice) -> Result<FormDone, Refusal> {
    app.handle.submit(device.id, &ProviderName::new("free"), ticked()).await
}

/// The id and what is left, in seconds.
fn got(done: Result<FormDone, Refusal>) -> (turnpike::domain::SessionId, u64) {
    match done.unwrap() {
        FormDone::Connected(session) => (session.id, session.time_left_ms().unwrap() / 1000),
        FormDone::Taken(text) => panic!("{text:?}"),
    }
}

#[tokio::test]
async fn a_click_gives_half_an_hour_once_a_day() {
    let app = start(offer(half_an_hour(), 4)).await;
    let device = app.device(1).await;
    let (first, left) = got(click(&app, &device).await);
    assert_eq!(left, 1_800);
    app.pass(Duration::from_secs(600)).await;
    assert_eq!(got(click(&app, &device).await), (first, 1_200), "clicking again is going on");
    app.handle.disconnect(device.id, None).await.unwrap();
    app.pass(Duration::from_secs(600)).await;
    assert_eq!(app.handle.connect(device.id, None).await.unwrap().id, first);
    app.pass(Duration::from_secs(1_200)).await;
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    let refused = click(&app, &device).await.unwrap_err();
    // It is 00:40; the day begins at four.
    assert!(refused.to_string().contains("at 04:00"), "{refused}");
    assert!(got(click(&app, &app.device(2).await).await).1 == 1_800, "another device has its own");
    app.pass(Duration::from_secs(4 * 3_600)).await;
    let (second, left) = got(click(&app, &device).await);
    assert!(second != first && left == 1_800);
    app.pass(Duration::from_secs(1_800)).await;
    let refused = click(&app, &device).await.unwrap_err();
    assert!(refused.to_string().contains("tomorrow at 04:00"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clicking_often_at_once_gives_one() {
    let app = Arc::new(start(offer(half_an_hour(), 0)).await);
    let device = app.device(1).await;
    let clicks: Vec<_> = (0..20)
        .map(|_| {
            let (app, device) = (Arc::clone(&app), device.clone());
            tokio::spawn(async move { got(click(&app, &device).await).0 })
        })
        .collect();
    let mut sessions = Vec::new();
    for one in clicks {
        sessions.push(one.await.unwrap());
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(app.handle.usable_sessions(device.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn at_midnight_it_ends_and_the_next_day_needs_a_click() {
    let app = start(offer(FreeGift::Terms(Box::new(megabytes(50.0))), 0)).await;
    let device = app.device(1).await;
    let Ok(FormDone::Connected(first)) = click(&app, &device).await else { panic!("refused") };
    app.pass(DAY - Duration::from_secs(1)).await;
    assert!(app.handle.is_connected(device.id).await.unwrap());
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(app.handle.session(first.id).await.unwrap().state, SessionState::Expired);
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    assert!(matches!(click(&app, &device).await, Ok(FormDone::Connected(second)) if second.id != first.id));
}

#[tokio::test]
async fn days_follow_the_clock_on_the_wall() {
    let app = TestApp::start().await;
    register(&app, offer(half_an_hour(), 0), Arc::new(Summer));
    let device = app.device(1).await;
    // 02:00 in the summer of Europe: the day has begun two hours ago.
    let Ok(FormDone::Connected(first)) = click(&app, &device).await else { panic!("refused") };
    assert_eq!(first.expires_at, Some(START.wall.plus_millis(22 * 3_600_000)));
    // The night in which an hour comes twice: its day has 25 hours.
    let autumn = WallTime(1_792_879_200_000); // 2026-10-24T22:00:00Z, midnight there
    let elapsed = u64::try_from(autumn.0 - START.wall.0).unwrap();
    for hours in (1..=elapsed / 3_600_000).step_by(12) {
        // No clock leaps more than a day and is believed.
        app.clock.set(Now {
            boot: START.boot.plus_millis(hours * 3_600_000),
            wall: START.wall.plus_millis(i64::try_from(hours * 3_600_000).unwrap()),
        });
        app.handle.status().await.unwrap();
    }
    app.clock.set(Now { boot: START.boot.plus_millis(elapsed), wall: autumn });
    app.handle.status().await.unwrap();
    let Ok(FormDone::Connected(long)) = click(&app, &device).await else { panic!("refused") };
    assert_eq!(long.expires_at, Some(autumn.plus_millis(25 * 3_600_000)));
}

#[tokio::test]
async fn a_router_that_begins_in_1970_gives_one_and_no_second_and_none_for_ever() {
    let last_known = ClockGuard::FLOOR.plus_days(100);
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let boot = |number: u32, boot, wall| {
        Clock::manual(
            Now { boot: BootTime(boot), wall: WallTime(wall) },
            BootId::new(&format!("boot-{number}")),
        )
    };
    let mut device = None;
    let mut first = None;
    // It has known the time once, and loses it at each of three boots.
    for number in 0..4_u32 {
        let clock = if number == 0 { boot(0, 1_000, last_known.0) } else { boot(number, 1_000, 5_000) };
        let kernel = Arc::new(FakeKernel::new(clock.clone()));
        let app = TestApp::start_on(Arc::clone(&dir), clock, kernel, vec![zone()], Vec::new()).await;
        register(&app, offer(half_an_hour(), 0), Arc::new(Utc));
        let known = app.device(1).await;
        assert_eq!(*device.get_or_insert(known.id), known.id);
        match number {
            0 => app.pass(Duration::from_secs(61)).await,
            1 => first = Some(got(click(&app, &known).await).0),
            _ => {
                let (again, _) = got(click(&app, &known).await);
                assert_eq!(Some(again), first, "boot {number}: no second helping");
            }
        }
        if number == 3 {
            app.pass(Duration::from_secs(1_800)).await;
            assert!(!app.handle.is_connected(known.id).await.unwrap());
            let refused = click(&app, &known).await.unwrap_err();
            assert!(
                refused.to_string().contains("more later"),
                "no time is told that is not known: {refused}"
            );
            // Nobody ever sets its clock; yet a day of running is a day.
            app.pass(DAY).await;
            assert_ne!(Some(got(click(&app, &known).await).0), first);
            // Now somebody does: what was had by another day's name is over.
            let now = app.clock.now();
            app.clock.set(Now { wall: last_known.plus_days(50), ..now });
            app.handle.status().await.unwrap();
            app.pass(Duration::from_millis(1_000)).await;
            assert!(!app.handle.is_connected(known.id).await.unwrap());
            assert_eq!(got(click(&app, &known).await).1, 1_800);
        }
        app.handle.stop().await;
        let TestApp { handle, store, .. } = app;
        drop(handle);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_filled_in_is_kept_and_what_is_hostile_changes_nothing() {
    let app = start(offer(half_an_hour(), 0)).await;
    let (good, bad) = (app.device(1).await, app.device(2).await);
    let free = ProviderName::new("free");
    let value = |pairs: &[(&str, &str)]| -> FormValues {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let long = "x".repeat(500);
    for (values, field) in [
        (value(&[]), Some("terms")),
        (value(&[("terms", "off")]), Some("terms")),
        (value(&[("terms", "on"), ("email", "nobody")]), Some("email")),
        (value(&[("terms", "on"), ("name", &long)]), Some("name")),
        (value(&[("action", "done")]), None),
    ] {
        let refused = app.handle.submit(bad.id, &free, values).await;
        assert!(
            matches!(&refused, Err(Refusal::Form { field: found, .. }) if found.as_deref() == field),
            "{refused:?}"
        );
    }
    assert!(app.handle.usable_sessions(bad.id).await.unwrap().is_empty());
    let name = "<b>Ana</b>'; DROP TABLE grants; -- \u{202e}é";
    let values = value(&[("terms", "on"), ("name", name), ("email", "ana@example.org")]);
    let Ok(FormDone::Connected(session)) = app.handle.submit(good.id, &free, values).await else {
        panic!("refused")
    };
    assert_eq!(session.properties["free_name"], name);
    assert_eq!(session.properties["free_email"], "ana@example.org");
    assert_eq!(session.properties["free_terms"], "on");
}

#[tokio::test]
async fn a_named_plan_says_what_is_free() {
    let name = PlanName::parse("lobby").unwrap();
    let app = start(offer(FreeGift::Plan(name.clone()), 0)).await;
    let device = app.device(1).await;
    assert!(matches!(click(&app, &device).await, Err(Refusal::Provider(_))), "there is none yet");
    let roles = ["slow".to_owned()].into();
    let plan = Plan { name, roles, on_sale: false, ..support::plan("lobby", 0, minutes(5)) };
    app.store.create_plan(&plan, START.wall, None).await.unwrap().unwrap();
    let Ok(FormDone::Connected(session)) = click(&app, &device).await else { panic!("refused") };
    assert_eq!((session.plan.as_deref(), session.time_left_ms()), (Some("lobby"), Some(300_000)));
    assert!(session.roles.contains("slow"));
}

#[tokio::test]
async fn the_same_phone_under_another_mac_gets_no_second_helping() {
    let app = start(offer(half_an_hour(), 0)).await;
    let (first, second, third) = (app.device(1).await, app.device(2).await, app.device(3).await);
    click(&app, &first).await.unwrap();
    app.pass(Duration::from_secs(600)).await;
    app.handle.move_sessions(first.id, second.id).await.unwrap();
    assert_eq!(got(click(&app, &second).await).1, 1_200);
    app.pass(Duration::from_secs(1_200)).await;
    assert!(matches!(click(&app, &second).await, Err(Refusal::Form { .. })));
    assert!(matches!(click(&app, &first).await, Err(Refusal::Form { .. })), "nor under its first one");
    // With nothing left there is nothing to be moved; that it had it is known all the same.
    assert_eq!(app.handle.move_sessions(second.id, third.id).await, Err(Refusal::NoSession));
    assert!(matches!(click(&app, &third).await, Err(Refusal::Form { .. })));
    app.pass(DAY).await;
    assert_eq!(got(click(&app, &third).await).1, 1_800);
}
