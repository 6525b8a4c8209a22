//! Which providers a zone has, in which order; all that they have for a device; and what comes anew by itself.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use turnpike::domain::{
    BoxFuture, ClientDevice, Granted, Guard, PeriodGrant, ProviderError, ProviderName, Repeat,
    SessionProvider, SessionSource, SourceData, Text, WallTime, ZoneName,
};
use turnpike::providers::Registry;

use crate::support::{START, TestApp, mac, minutes, zone};

/// A provider with so many sessions for everybody.
struct Stock {
    name: ProviderName,
    sessions: Vec<SourceData>,
}

fn stock(name: &str, count: usize) -> Arc<dyn SessionProvider> {
    let session = |number: usize| SourceData {
        reference: Some(format!("{name} {number}")),
        ..SourceData::new(minutes(number as u64))
    };
    Arc::new(Stock { name: ProviderName::new(name), sessions: (1..=count).map(session).collect() })
}

impl SessionProvider for Stock {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        let first = self.sessions.first().cloned();
        Box::pin(async { Ok(first.map(|data| Box::new(Granted(data)) as Box<dyn SessionSource>)) })
    }

    fn fetch_sessions<'a>(
        &'a self,
        _device: &'a ClientDevice,
        page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        let (skip, take) = ((page - 1) as usize * per_page as usize, per_page as usize);
        Box::pin(async move { Ok(self.sessions.iter().skip(skip).take(take).cloned().collect()) })
    }
}

async fn a_device() -> ClientDevice {
    TestApp::start().await.device(1).await
}

#[tokio::test]
async fn a_zone_asks_its_own_providers_in_its_own_order() {
    let device = Arc::new(a_device().await);
    let order = vec![ProviderName::new("b"), ProviderName::new("not-there"), ProviderName::new("a")];
    let registry = Registry::new(Duration::from_secs(1)).with_orders([(ZoneName::new("guests"), order)]);
    for (name, count) in [("a", 1), ("b", 1), ("c", 1)] {
        registry.register(stock(name, count)).unwrap();
    }
    assert_eq!(registry.get_session(&device).await.unwrap().provider.as_str(), "b");
    assert!(registry.unregister(&ProviderName::new("b")));
    assert_eq!(registry.get_session(&device).await.unwrap().provider.as_str(), "a");
    assert!(registry.unregister(&ProviderName::new("a")));
    assert!(registry.get_session(&device).await.is_none(), "c is not in this zone");
    let elsewhere = Arc::new(ClientDevice { zone: Some(ZoneName::new("cellar")), ..(*device).clone() });
    assert_eq!(registry.get_session(&elsewhere).await.unwrap().provider.as_str(), "c");
}

#[tokio::test]
async fn pages_go_over_all_providers_without_a_gap_or_a_double() {
    let device = a_device().await;
    let registry = Registry::new(Duration::from_secs(1));
    for (name, count) in [("a", 5), ("b", 0), ("c", 7), ("d", 4)] {
        registry.register(stock(name, count)).unwrap();
    }
    for per_page in [1, 2, 3, 4, 5, 7, 16, 100] {
        let mut all = Vec::new();
        let mut page = 1;
        let total = loop {
            let (found, seen) = registry.fetch_all(&device, page, per_page).await;
            let is_last = found.len() < per_page as usize;
            all.extend(found.into_iter().map(|(_, data)| data.reference.unwrap()));
            if is_last {
                break seen;
            }
            page += 1;
        };
        let expected: Vec<String> = [("a", 5), ("c", 7), ("d", 4)]
            .iter()
            .flat_map(|(name, count)| (1..=*count).map(move |number| format!("{name} {number}")))
            .collect();
        assert_eq!(all, expected, "{per_page} a page");
        assert_eq!(total, 16);
    }
}

/// A plan of a hundred hours a day, so that the day ends it, for everybody, by the clock of the test.
struct Daily {
    name: ProviderName,
    now: Mutex<WallTime>,
}

impl SessionProvider for Daily {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        let repeat = Repeat { every: turnpike::domain::Every::Day, at_hour: 4 };
        let period = repeat.period(*self.now.lock().unwrap(), &turnpike::domain::Utc);
        let grant = PeriodGrant {
            subject: format!("device {}", device.id),
            plan: "daily".to_owned(),
            period: period.start,
            most: 1,
            session: turnpike::domain::SessionId::new(uuid::Uuid::nil()),
        };
        let data = SourceData {
            expires_at: Some(period.end),
            guards: vec![Guard::Grant(Box::new(grant))],
            ..SourceData::new(minutes(60 * 100))
        };
        Box::pin(async { Ok(Some(Box::new(Granted(data)) as Box<dyn SessionSource>)) })
    }
}

#[tokio::test]
async fn what_ends_with_its_day_goes_on_with_the_next_days_and_only_once_a_day() {
    let daily = Arc::new(Daily { name: ProviderName::new("daily"), now: Mutex::new(START.wall) });
    let app = TestApp::start_with(vec![zone()], vec![Arc::<Daily>::clone(&daily)]).await;
    let device = app.device(1).await;
    let first = app.handle.connect(device.id, None).await.unwrap();
    let end = first.expires_at.unwrap();

    app.handle
        .close_session(first.id, turnpike::domain::CloseReason::Operator, Text::default())
        .await
        .unwrap();
    let again = app.handle.connect(device.id, None).await;
    assert_eq!(again.unwrap_err(), turnpike::domain::Refusal::GrantUsed, "one a day");
    assert!(!app.kernel.packet(mac(1), 100, true));

    let until_next = Duration::from_millis(u64::try_from(end.0 - START.wall.0).unwrap());
    app.pass(until_next).await;
    *daily.now.lock().unwrap() = app.clock.now().wall;
    let second = app.handle.connect(device.id, None).await.unwrap();
    assert_ne!(second.id, first.id);
    assert!(app.kernel.packet(mac(1), 100, true));

    // It is online as the day ends: the next day's takes over by itself.
    let day = Duration::from_secs(86_400);
    *daily.now.lock().unwrap() = app.clock.now().wall.plus_days(1);
    app.pass(day).await;
    let third = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match app.handle.curr_session(device.id).await.unwrap() {
                Some(session) if session.id != second.id => break session,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await
    .expect("the next day's session runs");
    assert!(third.expires_at > second.expires_at);
    assert!(app.kernel.packet(mac(1), 100, true));
    assert_eq!(app.handle.session(second.id).await.unwrap().state.as_str(), "expired");
}

#[tokio::test]
async fn what_the_kernel_refuses_does_not_use_up_the_day() {
    let daily = Arc::new(Daily { name: ProviderName::new("daily"), now: Mutex::new(START.wall) });
    let app = TestApp::start_with(vec![zone()], vec![daily]).await;
    let device = app.device(1).await;
    app.kernel.refuse_opening(true);
    let refused = app.handle.connect(device.id, None).await.unwrap_err();
    assert!(matches!(refused, turnpike::domain::Refusal::Kernel(_)), "{refused}");
    assert!(app.handle.usable_sessions(device.id).await.unwrap().is_empty());
    app.kernel.refuse_opening(false);
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 100, true));
}
