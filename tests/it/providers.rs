//! Providers that are silent, slow, broken or wrong, and how usage finds its way back to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use turnpike::domain::{
    BootTime, BoxFuture, ClientDevice, ProviderError, ProviderName, SessionId, SessionKind, SessionProvider,
    SessionSource, SessionTerms, SourceData, SourceUsage, Usage,
};
use turnpike::providers::{Delivered, Delivery, Offer, Outbox, OutboxError, OwedUsage, Registry};
use uuid::Uuid;

use crate::store::{block_on, device};

#[derive(Clone)]
enum Manner {
    Offers(Box<SourceData>),
    Nothing,
    Silent,
    Blocks,
    Panics,
    Fails(&'static str),
}

/// A provider that behaves as told, and what was saved to it.
struct Fake {
    name: ProviderName,
    manner: Mutex<Manner>,
    saved: Arc<Mutex<Vec<(SessionId, u64)>>>,
}

struct FakeSource {
    data: SourceData,
    saved: Arc<Mutex<Vec<(SessionId, u64)>>>,
}

fn fake(name: &str, manner: Manner) -> Arc<Fake> {
    Arc::new(Fake { name: ProviderName::new(name), manner: Mutex::new(manner), saved: Arc::default() })
}

impl Fake {
    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn seqs(&self) -> Vec<u64> {
        self.saved.lock().unwrap().iter().map(|(_, seq)| *seq).collect()
    }

    async fn answer(&self) -> Result<Option<Box<dyn SessionSource>>, ProviderError> {
        let manner = self.manner.lock().unwrap().clone();
        match manner {
            Manner::Offers(data) => {
                Ok(Some(Box::new(FakeSource { data: *data, saved: Arc::clone(&self.saved) })))
            }
            Manner::Nothing => Ok(None),
            Manner::Silent => std::future::pending().await,
            Manner::Blocks => {
                std::thread::sleep(Duration::from_millis(500));
                Ok(None)
            }
            Manner::Panics => panic!("as told"),
            Manner::Fails(text) => Err(ProviderError(text.to_owned())),
        }
    }
}

impl SessionProvider for Fake {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(self.answer())
    }

    fn fetch_sessions<'a>(
        &'a self,
        _device: &'a ClientDevice,
        _page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async move {
            let source = self.answer().await?;
            let one_too_many = usize::try_from(per_page).unwrap() + 1;
            Ok(source.map_or_else(Vec::new, |source| vec![source.data(); one_too_many]))
        })
    }

    fn source<'a>(
        &'a self,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(self.answer())
    }
}

impl SessionSource for FakeSource {
    fn data(&self) -> SourceData {
        self.data.clone()
    }

    fn save<'a>(&'a self, usage: &'a SourceUsage) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            self.saved.lock().unwrap().push((usage.session, usage.seq));
            Ok(())
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<SourceData, ProviderError>> {
        Box::pin(async move { Ok(self.data()) })
    }
}

fn data() -> SourceData {
    let terms = SessionTerms::new(SessionKind::Time, Some(60), None, None, 0.0, 0.0, false).unwrap();
    SourceData { reference: Some("slot 1".to_owned()), ..SourceData::new(terms) }
}

fn offers() -> Manner {
    Manner::Offers(Box::new(data()))
}

fn threads<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

fn registry(providers: &[&Arc<Fake>]) -> Registry {
    let registry = Registry::new(Duration::from_millis(50));
    for provider in providers {
        registry.register(Arc::<Fake>::clone(provider)).unwrap();
    }
    registry
}

#[test]
fn a_name_is_given_once() {
    let registry = registry(&[&fake("coins", Manner::Nothing)]);
    let error = registry.register(fake("coins", offers())).unwrap_err();
    assert!(error.to_string().contains("coins"));
    assert!(registry.provider(&ProviderName::new("coins")).is_some());
    assert!(registry.provider(&ProviderName::new("other")).is_none());
    assert!(registry.unregister(&ProviderName::new("coins")) && registry.status().is_empty());
    registry.register(fake("coins", offers())).unwrap();
}

#[test]
fn the_first_that_offers_wins_and_those_that_fail_are_passed_over() {
    threads(async {
        let absurd = SourceData { terms: SessionTerms::unlimited(), ..data() };
        let all = [
            fake("nothing", Manner::Nothing),
            fake("silent", Manner::Silent),
            fake("blocks", Manner::Blocks),
            fake("panics", Manner::Panics),
            fake("fails", Manner::Fails("no\r\nchange")),
            fake("wrong", Manner::Offers(Box::new(absurd))),
            fake("good", offers()),
            fake("late", offers()),
        ];
        let registry = registry(&all.iter().collect::<Vec<_>>());
        // Two of them never answer: without deadlines this would not end.
        let asked = tokio::time::timeout(Duration::from_secs(30), async {
            registry.get_session(&Arc::new(device(1))).await
        });
        let Offer { provider, data: offered } = asked.await.unwrap().unwrap();
        assert_eq!((provider.as_str(), offered), ("good", data()));

        let errors: Vec<Option<String>> = registry
            .status()
            .into_iter()
            .map(|status| status.last_error.map(|error| error.as_str().to_owned()))
            .collect();
        let expected = [
            None,
            Some("did not answer within 50 ms"),
            Some("did not answer within 50 ms"),
            Some("broke off (panic)"),
            Some("no  change"),
            Some("offered what cannot be: the limits are not those of its kind"),
            None,
            None,
        ];
        assert_eq!(errors, expected.map(|error| error.map(str::to_owned)));
        assert_eq!(registry.status()[7].asked, 0);

        all[1].behave(offers());
        assert_eq!(registry.get_session(&Arc::new(device(1))).await.unwrap().provider.as_str(), "silent");
        let status = &registry.status()[1];
        assert_eq!((status.asked, status.failed, &status.last_error), (2, 1, &None));
    });
}

#[test]
fn what_cannot_be_is_not_offered() {
    block_on(async {
        let good = fake("p", offers());
        let registry = registry(&[&good]);
        let name = ProviderName::new("p");
        assert!(registry.reload(&name, "slot 1").await.is_ok());
        let terms = |time_limit_ms, data_limit_bytes| SessionTerms {
            time_limit_ms,
            data_limit_bytes,
            ..data().terms
        };
        for wrong in [
            SourceData { terms: terms(None, None), ..data() },
            SourceData { terms: terms(Some(0), None), ..data() },
            SourceData { terms: terms(Some(u64::MAX), None), ..data() },
            SourceData { terms: terms(Some(1), Some(1)), ..data() },
            SourceData { terms: SessionTerms { exp_days: Some(u32::MAX), ..data().terms }, ..data() },
            SourceData { usage: Usage { sent_bytes: u64::MAX, ..Usage::default() }, ..data() },
            SourceData { reference: Some(String::new()), ..data() },
            SourceData { reference: Some("x".repeat(201)), ..data() },
            SourceData { principal: Some("a\0b".to_owned()), ..data() },
        ] {
            good.behave(Manner::Offers(Box::new(wrong.clone())));
            assert!(registry.get_session(&Arc::new(device(1))).await.is_none(), "{wrong:?}");
            assert!(registry.reload(&name, "slot 1").await.is_err());
        }
        good.behave(offers());
        let error = registry.fetch_sessions(&name, &device(1), 1, 10).await.unwrap_err();
        assert_eq!(error.to_string(), "11 sessions on a page of 10");
        assert!(registry.fetch_sessions(&ProviderName::new("q"), &device(1), 1, 10).await.is_err());
    });
}

/// A queue in memory that keeps the trait's promises: the oldest of each session, in order.
#[derive(Default)]
struct Queue {
    rows: Mutex<Vec<OwedUsage>>,
    loses_done: bool,
}

impl Queue {
    fn owe(&self, provider: &str, session: u128, seq: u64) {
        let mut rows = self.rows.lock().unwrap();
        let usage = SourceUsage {
            session: SessionId::new(Uuid::from_u128(session)),
            reference: format!("slot {session}"),
            seq,
            usage: Usage { time_ms: seq, ..Usage::default() },
            state: "running",
        };
        let row = rows.last().map_or(1, |last| last.row + 1);
        rows.push(OwedUsage { row, provider: ProviderName::new(provider), usage });
    }

    fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

impl Outbox for Queue {
    fn pending(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Vec<OwedUsage>, OutboxError>> {
        let rows = self.rows.lock().unwrap().clone();
        let oldest = |owed: &OwedUsage| {
            !rows.iter().any(|other| other.row < owed.row && other.usage.session == owed.usage.session)
        };
        let pending =
            rows.iter().filter(|owed| owed.row > after && oldest(owed)).take(usize::try_from(limit).unwrap());
        let pending = pending.cloned().collect();
        Box::pin(async move { Ok(pending) })
    }

    fn done(&self, done: Vec<i64>) -> BoxFuture<'_, Result<(), OutboxError>> {
        if !self.loses_done {
            self.rows.lock().unwrap().retain(|owed| !done.contains(&owed.row));
        }
        Box::pin(
            async move { if self.loses_done { Err(OutboxError("disk full".to_owned())) } else { Ok(()) } },
        )
    }
}

#[test]
fn totals_arrive_in_order_and_those_that_fail_wait_longer_each_time() {
    block_on(async {
        let coins = fake("coins", offers());
        let away = fake("away", Manner::Fails("gone fishing"));
        let registry = registry(&[&coins, &away]);
        let queue = Queue::default();
        (1..=3).for_each(|seq| queue.owe("coins", 1, seq));
        (1..=2).for_each(|seq| queue.owe("away", 2, seq));
        queue.owe("away", 3, 1);
        let mut delivery = Delivery::default();

        let first = delivery.deliver_step(&queue, &registry, BootTime(0)).await.unwrap();
        assert_eq!(first, Delivered { saved: 1, failed: 1, waiting: 1, at_end: true });
        for _ in 0..2 {
            delivery.deliver_step(&queue, &registry, BootTime(10)).await.unwrap();
        }
        assert_eq!(coins.seqs(), [1, 2, 3]);

        // Session 3 was tried at 10 ms, session 2 at 0: each waits a second, then two, then four.
        away.behave(Manner::Fails("still gone"));
        let mut tries = Vec::new();
        for millis in (0..20_000).step_by(100) {
            let step = delivery.deliver_step(&queue, &registry, BootTime(20 + millis)).await.unwrap();
            if step.failed > 0 {
                tries.push(millis);
            }
        }
        assert!(tries.len() <= 10, "{tries:?}");

        away.behave(offers());
        let mut now = BootTime(20_000);
        while queue.len() > 0 {
            now = now.plus_millis(1_000);
            assert!(now < BootTime(200_000), "never delivered");
            delivery.deliver_step(&queue, &registry, now).await.unwrap();
        }
        let of_two: Vec<u64> = {
            let saved = away.saved.lock().unwrap();
            let two = SessionId::new(Uuid::from_u128(2));
            saved.iter().filter(|(session, _)| *session == two).map(|(_, seq)| *seq).collect()
        };
        assert_eq!(of_two, [1, 2]);
    });
}

#[test]
fn a_provider_that_is_away_does_not_hold_up_the_queue() {
    block_on(async {
        let coins = fake("coins", offers());
        let registry = registry(&[&coins]);
        let queue = Queue::default();
        for session in 0..350 {
            queue.owe("not registered", session, 1);
        }
        queue.owe("coins", 1_000, 9);
        let mut delivery = Delivery::default();
        for step in 0..4 {
            let done = delivery.deliver_step(&queue, &registry, BootTime(step)).await.unwrap();
            assert_eq!(done.at_end, step == 3);
            assert!(done.failed <= 1, "one try tells enough");
        }
        assert_eq!(coins.seqs(), [9]);
        assert_eq!(queue.len(), 350);
    });
}

#[test]
fn what_the_queue_did_not_take_out_is_saved_again() {
    block_on(async {
        let coins = fake("coins", offers());
        let registry = registry(&[&coins]);
        let queue = Queue { loses_done: true, ..Queue::default() };
        queue.owe("coins", 1, 7);
        let mut delivery = Delivery::default();
        for _ in 0..2 {
            let error = delivery.deliver_step(&queue, &registry, BootTime(0)).await.unwrap_err();
            assert_eq!(error.to_string(), "the outbox failed: disk full");
        }
        assert_eq!(coins.seqs(), [7, 7], "at least once; the receiver knows the number");
    });
}
