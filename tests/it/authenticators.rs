//! Who may say no: in what order they are asked, what silence means, and that a no leaves everything as it was.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use turnpike::domain::sessions_mgr::RolePatch;
use turnpike::domain::{
    Allowed, AuthRequest, Authenticator, BoxFuture, ClientDevice, FormValues, Occasion, ProviderError,
    ProviderFace, ProviderName, Refusal, SessionProvider, SourceData, Submitted, Text, Verdict,
};
use turnpike::providers::{AuthPolicy, Authenticators, OnSilence};
use turnpike::runtime::FormDone;

use crate::counter::Counter;
use crate::support::{TestApp, minutes, zone};

type Asked = Arc<Mutex<Vec<(String, Occasion, Option<String>)>>>;

/// An authenticator that answers as a test says, and notes what it was asked.
struct Fake {
    name: &'static str,
    answer: Mutex<Answer>,
    asked: Asked,
}

#[derive(Clone)]
enum Answer {
    Says(Verdict),
    Fails,
    Silent,
    Panics,
}

impl Fake {
    fn new(name: &'static str, answer: Answer, asked: &Asked) -> Arc<Self> {
        Arc::new(Self { name, answer: Mutex::new(answer), asked: Arc::clone(asked) })
    }

    fn says(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

impl Authenticator for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn authenticate<'a>(&'a self, request: &'a AuthRequest) -> BoxFuture<'a, Result<Verdict, ProviderError>> {
        let roles = request.session.roles.iter().cloned().collect::<Vec<_>>().join(",");
        let seen = format!("{} {roles}", self.name);
        let principal = request.session.principal.clone();
        self.asked.lock().unwrap().push((seen.trim().to_owned(), request.occasion, principal));
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            match answer {
                Answer::Says(verdict) => Ok(verdict),
                Answer::Fails => Err(ProviderError("out of order".to_owned())),
                Answer::Silent => std::future::pending().await,
                Answer::Panics => panic!("on purpose"),
            }
        })
    }
}

fn allows(role: &str) -> Answer {
    let roles = RolePatch { add: [role.to_owned()].into(), remove: Default::default() };
    Answer::Says(Verdict::Allow(Allowed { roles, ..Allowed::default() }))
}

fn denies(text: &str) -> Answer {
    Answer::Says(Verdict::Deny(Text::new(text)))
}

fn names(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().drain(..).map(|(name, ..)| name).collect()
}

/// A request about a session of nobody in particular.
async fn request(app: &TestApp) -> AuthRequest {
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(10)).await.unwrap();
    AuthRequest { occasion: Occasion::Connect, device, session, previous: None }
}

#[tokio::test]
async fn they_are_asked_in_order_and_the_first_no_holds() {
    let app = TestApp::start().await;
    let request = request(&app).await;
    let asked = Asked::default();
    let policy = AuthPolicy { order: vec!["second".to_owned(), "first".to_owned()], ..AuthPolicy::default() };
    let all = Authenticators::new(policy);
    let first = Fake::new("first", allows("pupil"), &asked);
    for fake in [&Fake::new("third", Answer::Says(Verdict::Abstain), &asked), &first] {
        assert!(all.register(Arc::<Fake>::clone(fake)));
    }
    assert!(!all.register(Fake::new("first", denies("an impostor"), &asked)), "a name is given once");
    let missing = all.ask(request.clone()).await.unwrap_err();
    assert!(matches!(missing, Refusal::Denied(_)), "one that is named and not there has not answered");
    assert!(names(&asked).is_empty());

    assert!(all.register(Fake::new("second", allows("staff"), &asked)));
    let allowed = all.ask(request.clone()).await.unwrap();
    assert_eq!(names(&asked), ["second", "first staff", "third pupil,staff"], "each sees what was changed");
    assert_eq!(allowed.roles.add, ["pupil".to_owned(), "staff".to_owned()].into());

    first.says(denies("school is out"));
    assert_eq!(all.ask(request).await.unwrap_err(), Refusal::Denied(Text::new("school is out")));
    assert_eq!(names(&asked), ["second", "first staff"], "the others are not asked any more");
}

#[tokio::test]
async fn silence_failure_and_panic_mean_what_the_configuration_says() {
    let app = TestApp::start().await;
    let request = request(&app).await;
    for answer in [Answer::Fails, Answer::Silent, Answer::Panics] {
        for on_silence in [OnSilence::Deny, OnSilence::Abstain] {
            let policy =
                AuthPolicy { on_silence, deadline: Duration::from_millis(20), ..AuthPolicy::default() };
            let all = Authenticators::new(policy);
            assert!(all.register(Fake::new("odd", answer.clone(), &Asked::default())));
            let said = all.ask(request.clone()).await;
            assert_eq!(said.is_ok(), on_silence == OnSilence::Abstain, "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_no_leaves_everything_as_it_was_and_its_text_reaches_the_caller() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(10)).await.unwrap();
    let asked = Asked::default();
    let fake = Fake::new("school", denies("not before noon"), &asked);
    assert!(app.handle.registry().authenticators().register(Arc::<Fake>::clone(&fake)));

    let denied = Refusal::Denied(Text::new("not before noon"));
    assert_eq!(app.handle.connect(device.id, None).await.unwrap_err(), denied);
    assert_eq!(app.handle.session(session.id).await.unwrap(), session);
    assert!(!app.kernel.packet(device.mac, 100, true));
    let refused = app.handle.set_principal(session.id, Some("ana".to_owned())).await;
    assert_eq!(refused.unwrap_err(), denied);
    assert_eq!(app.handle.session(session.id).await.unwrap(), session);

    fake.says(allows("vip"));
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(device.mac, 100, true));
    let changed = app.handle.set_principal(session.id, Some("ana".to_owned())).await.unwrap();
    assert_eq!(changed.principal.as_deref(), Some("ana"));
    assert!(changed.roles.contains("vip"));
    let occasions: Vec<(Occasion, Option<String>)> =
        asked.lock().unwrap().iter().map(|(_, occasion, principal)| (*occasion, principal.clone())).collect();
    let ana = Some("ana".to_owned());
    assert_eq!(
        occasions,
        [
            (Occasion::Connect, None),
            (Occasion::Principal, ana.clone()),
            (Occasion::Connect, None),
            (Occasion::Principal, ana)
        ]
    );
    fake.says(denies("no logging out"));
    let refused = app.handle.set_principal(session.id, None).await.unwrap_err();
    assert_eq!(refused, Refusal::Denied(Text::new("no logging out")));
    assert_eq!(app.handle.session(session.id).await.unwrap().principal.as_deref(), Some("ana"));
}

#[tokio::test]
async fn who_joins_automatically_is_asked_about_and_let_through() {
    let zones = vec![turnpike::domain::ZonePolicy { auto_connect: true, ..zone() }];
    let app = TestApp::start_with(zones, Vec::new()).await;
    let device = app.device(1).await;
    app.handle.create_session(device.id, minutes(10)).await.unwrap();
    let asked = Asked::default();
    let fake = Fake::new("school", denies("no"), &asked);
    assert!(app.handle.registry().authenticators().register(Arc::<Fake>::clone(&fake)));
    let comes_back = async || {
        app.handle.lost(device.mac, [10, 0, 0, 1].into()).await.unwrap();
        app.device(1).await;
        // The connect follows the joining; a command of the device waits until it has been answered.
        app.handle.connect(device.id, None).await.is_ok()
    };
    assert!(!comes_back().await);
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    fake.says(Answer::Says(Verdict::Abstain));
    assert!(comes_back().await);
    assert!(app.handle.is_connected(device.id).await.unwrap());
}

/// A provider with a form of one button that grants ten minutes.
struct Giver(ProviderName);

impl SessionProvider for Giver {
    fn name(&self) -> &ProviderName {
        &self.0
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        let text = Text::new;
        Some(Arc::new(ProviderFace {
            title: text("Free minutes"),
            icon: text(""),
            text: text(""),
            fields: Vec::new(),
            button: text("Go"),
        }))
    }

    fn submit<'a>(
        &'a self,
        _device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        let mut data = SourceData::new(minutes(10));
        data.properties = values.clone();
        Box::pin(async { Ok(Submitted::Grant(Box::new(data))) })
    }
}

#[tokio::test]
async fn a_form_is_asked_about_before_its_session_is_made() {
    let giver = Arc::new(Giver(ProviderName::new("giver")));
    let app = TestApp::start_with(vec![zone()], vec![giver]).await;
    let device = app.device(1).await;
    let asked = Asked::default();
    let fake = Fake::new("school", denies("no"), &asked);
    assert!(app.handle.registry().authenticators().register(Arc::<Fake>::clone(&fake)));
    let name = ProviderName::new("giver");
    let submit = || app.handle.submit(device.id, &name, FormValues::new());
    assert_eq!(submit().await.unwrap_err(), Refusal::Denied(Text::new("no")));
    assert!(app.handle.usable_sessions(device.id).await.unwrap().is_empty(), "nothing was made");
    fake.says(allows("vip"));
    let FormDone::Connected(session) = submit().await.unwrap() else { panic!("it grants a session") };
    assert!(session.roles.contains("vip") && app.handle.is_connected(device.id).await.unwrap());
    let occasions: Vec<Occasion> = asked.lock().unwrap().iter().map(|(_, occasion, _)| *occasion).collect();
    assert_eq!(occasions, [Occasion::LogIn, Occasion::LogIn, Occasion::Connect]);

    let unknown = app.handle.submit(device.id, &ProviderName::new("nobody"), FormValues::new()).await;
    assert_eq!(unknown.unwrap_err(), Refusal::UnknownProvider("nobody".to_owned()));
}

#[tokio::test]
async fn a_no_spends_no_voucher() {
    let counter = Counter::open().await;
    let new = serde_json::json!({ "count": 1, "kind": "time", "time_secs": 60, "when_full": "take_over" });
    let (_, codes) = counter.batch(new).await;
    let handle = &counter.app.handle;
    let (first, second) = (counter.app.device(1).await, counter.app.device(2).await);
    let asked = Asked::default();
    let fake = Fake::new("school", denies("no"), &asked);
    assert!(handle.registry().authenticators().register(Arc::<Fake>::clone(&fake)));
    let denied = Refusal::Denied(Text::new("no"));
    assert_eq!(handle.redeem(&codes[0], first.id).await.unwrap_err(), denied);
    fake.says(allows("vip"));
    let session = handle.redeem(&codes[0], first.id).await.unwrap();
    assert!(session.roles.contains("vip"));
    fake.says(denies("no"));
    assert_eq!(handle.redeem(&codes[0], second.id).await.unwrap_err(), denied);
    assert_eq!(handle.session(session.id).await.unwrap(), session, "its place is not taken over");
    fake.says(allows("vip"));
    assert_eq!(handle.redeem(&codes[0], second.id).await.unwrap().device, second.id);
    let occasions: Vec<Occasion> = asked.lock().unwrap().iter().map(|(_, occasion, _)| *occasion).collect();
    assert_eq!(occasions, [Occasion::LogIn; 4]);
}
