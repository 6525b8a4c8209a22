//! Sessions whose source lives elsewhere: asked anew when they run, told everything that was used.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use turnpike::domain::{
    BoxFuture, ClientDevice, ProviderError, ProviderName, SessionProvider, SessionSource, SessionTerms,
    SourceData, SourceUsage, ZonePolicy,
};

use crate::support::{TestApp, mac, megabytes, minutes, zone};

/// A provider with one session, whose terms somebody changes at the other end.
struct Elsewhere {
    name: ProviderName,
    account: Arc<Mutex<Account>>,
}

struct Account {
    terms: SessionTerms,
    reloads: usize,
    saved: Vec<SourceUsage>,
}

struct Source(Arc<Mutex<Account>>);

impl Elsewhere {
    fn new(terms: SessionTerms) -> Arc<Self> {
        let account = Account { terms, reloads: 0, saved: Vec::new() };
        Arc::new(Self { name: ProviderName::new("elsewhere"), account: Arc::new(Mutex::new(account)) })
    }

    fn source(&self) -> Box<dyn SessionSource> {
        Box::new(Source(Arc::clone(&self.account)))
    }
}

impl SessionProvider for Elsewhere {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Ok(Some(self.source())) })
    }

    fn fetch_sessions<'a>(
        &'a self,
        _device: &'a ClientDevice,
        _page: u32,
        _per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async { Ok(vec![self.source().data()]) })
    }

    fn source<'a>(
        &'a self,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Ok(Some(self.source())) })
    }
}

impl SessionSource for Source {
    fn data(&self) -> SourceData {
        let terms = self.0.lock().unwrap().terms.clone();
        SourceData { reference: Some("account-7".to_owned()), ..SourceData::new(terms) }
    }

    fn save<'a>(&'a self, usage: &'a SourceUsage) -> BoxFuture<'a, Result<(), ProviderError>> {
        self.0.lock().unwrap().saved.push(usage.clone());
        Box::pin(async { Ok(()) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<SourceData, ProviderError>> {
        self.0.lock().unwrap().reloads += 1;
        Box::pin(async { Ok(self.data()) })
    }
}

/// Waits until something holds; a failure is the test's own time limit.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn a_source_is_asked_anew_when_its_session_goes_on_by_itself() {
    let provider = Elsewhere::new(minutes(10));
    let account = Arc::clone(&provider.account);
    let zones = vec![ZonePolicy { auto_connect: true, ..zone() }];
    let app = TestApp::start_with(zones, vec![provider]).await;
    let device = app.device(1).await;
    let session = app.handle.connect(device.id, None).await.unwrap();
    app.handle.disconnect(device.id, None).await.unwrap();
    app.handle.lost(mac(1), [10, 0, 0, 1].into()).await.unwrap();
    account.lock().unwrap().terms = minutes(20);
    app.device(1).await;
    assert!(app.handle.is_connected(device.id).await.unwrap(), "it goes on at once");
    until("the source's new terms hold", async || {
        let now = app.handle.session(session.id).await.unwrap();
        now.terms == minutes(20)
    })
    .await;
}

#[tokio::test]
async fn what_is_deleted_is_saved_to_its_source_first() {
    let provider = Elsewhere::new(megabytes(10.0));
    let account = Arc::clone(&provider.account);
    let app = TestApp::start_with(vec![zone()], vec![provider]).await;
    let device = app.device(1).await;
    let session = app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 1_234, true));
    app.handle.delete_session(session.id).await.unwrap();
    until("the last usage reaches the source", async || {
        account.lock().unwrap().saved.iter().any(|saved| saved.usage.sent_bytes == 1_234)
    })
    .await;
    let session = app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 777, true));
    app.handle.delete_device(device.id).await.unwrap();
    until("that of a deleted device too", async || {
        account
            .lock()
            .unwrap()
            .saved
            .iter()
            .any(|saved| saved.session == session.id && saved.usage.sent_bytes == 777)
    })
    .await;
}
