//! The admin pages: who gets in, what they may do there, and what hostile input comes to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, Response, header};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use turnpike::admin::{self, AdminState};
use turnpike::domain::{Currency, NewBatch, Permission, Text, Utc, VoucherCodes};
use turnpike::events::EventHub;
use turnpike::hooks::Hooks;
use turnpike::http::{Endpoints, HttpClient};
use turnpike::store::{AuditQuery, TokenText};

use crate::support::{START, TestApp, mac, minutes};

const HOST: &str = "box.lan:2051";
const ORIGIN: &str = "http://box.lan:2051";

pub struct Pages {
    pub app: TestApp,
    pub hooks: Hooks,
    router: Router,
}

/// An answer: status, where it leads, its cookie, its text.
pub struct Shown {
    pub status: u16,
    pub to: String,
    pub cookie: String,
    pub text: String,
}

impl Pages {
    pub async fn start() -> Self {
        Self::start_as(|state| state).await
    }

    /// The same, with more in its state.
    pub async fn start_as(change: impl FnOnce(AdminState) -> AdminState) -> Self {
        Self::on(TestApp::start().await, change)
    }

    /// Of a daemon that runs already, with what else its pages know.
    pub fn on(app: TestApp, more: impl FnOnce(AdminState) -> AdminState) -> Self {
        let codes = Arc::clone(&app.vault) as Arc<dyn VoucherCodes>;
        let (handle, store) = (app.handle.clone(), app.store.clone());
        let euro = Currency::parse("EUR").unwrap();
        let events = EventHub::start(handle.clone(), store.clone());
        let name = Text::new("Café <b>");
        let client = HttpClient::new().unwrap();
        let hooks =
            Hooks::new(handle.clone(), store.clone(), client, name.clone(), Duration::from_millis(400));
        let state = AdminState::new(handle, store, codes, Arc::new(Utc), name, euro)
            .with_events(events)
            .with_hooks(hooks.clone());
        let state = more(state);
        let local: SocketAddr = "10.0.0.1:2051".parse().unwrap();
        let peer: SocketAddr = "10.0.0.99:40000".parse().unwrap();
        let router = admin::router(state).layer(Extension(Endpoints::new(peer, local)));
        Self { app, router, hooks }
    }

    pub async fn token(&self, permissions: &[Permission]) -> (i64, String) {
        let text = TokenText::random().unwrap();
        let made = self.app.store.create_token(&Text::new("Ana & Ben"), permissions, &text, START.wall).await;
        (made.unwrap().id, text.as_str().to_owned())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Shown {
        let response = self.answer(method, path, headers, body).await;
        Self::shown(path, response).await
    }

    /// The answer before its body is read: a stream has no end.
    pub async fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.headers_mut().insert(header::HOST, HOST.parse().unwrap());
        }
        for (name, value) in headers {
            request
                .headers_mut()
                .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn shown(path: &str, response: Response<Body>) -> Shown {
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        if path.contains("/sheet") && policy.contains("nonce-") {
            // Paper has a style of its own and nothing else.
            assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
            assert!(!policy.contains("script-src") && policy.contains("form-action 'none'"), "{policy}");
        } else {
            assert!(
                policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; "),
                "{policy}"
            );
            assert!(!policy.contains("unsafe") && policy.contains("form-action 'self'"), "{policy}");
        }
        assert_eq!(response.headers()[header::X_FRAME_OPTIONS], "DENY");
        let header =
            |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (status, to, cookie) =
            (response.status().as_u16(), header(header::LOCATION), header(header::SET_COOKIE));
        let text = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8(text).unwrap();
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/admin/static/"), "only files of ours: {script:.200}");
        }
        assert!(!text.contains("style=") && !text.contains("<b>"), "{text}");
        Shown { status, to, cookie, text }
    }

    /// As a browser posts a form of ours, with its hidden field.
    pub async fn post(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Shown {
        let token = csrf(cookie);
        let fields = [&[("csrf", token.as_str())], fields].concat();
        let headers =
            [("cookie", cookie), ("origin", ORIGIN), ("content-type", "application/x-www-form-urlencoded")];
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask("POST", path, &headers, &body.join("&")).await
    }

    /// As a browser posts a form that holds a file.
    pub async fn post_bytes(&self, cookie: &str, path: &str, kind: &str, body: Vec<u8>) -> Shown {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in [("host", HOST), ("origin", ORIGIN), ("cookie", cookie), ("content-type", kind)]
        {
            request
                .headers_mut()
                .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header =
            |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (status, to) = (response.status().as_u16(), header(header::LOCATION));
        let text = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Shown { status, to, cookie: String::new(), text: String::from_utf8(text).unwrap() }
    }

    /// The bytes that come back for a form.
    pub async fn post_raw(&self, cookie: &str, path: &str) -> Vec<u8> {
        let mut request = Request::new(Body::from(format!("csrf={}", csrf(cookie))));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().unwrap();
        let form = "application/x-www-form-urlencoded";
        for (name, value) in [("host", HOST), ("origin", ORIGIN), ("cookie", cookie), ("content-type", form)]
        {
            request
                .headers_mut()
                .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    pub async fn get(&self, cookie: &str, path: &str) -> Shown {
        self.ask("GET", path, &[("cookie", cookie)], "").await
    }

    /// Logs in and keeps the cookie.
    pub async fn log_in(&self, permissions: &[Permission]) -> String {
        let (_, token) = self.token(permissions).await;
        let shown = self.post("", "/admin/login", &[("token", &token)]).await;
        assert_eq!((shown.status, shown.to.as_str()), (303, "/admin"), "{}", shown.text);
        for part in ["HttpOnly", "SameSite=Strict", "Path=/admin"] {
            assert!(shown.cookie.contains(part), "{}", shown.cookie);
        }
        assert!(!shown.cookie.contains(&token) && !shown.cookie.contains("tp_"));
        shown.cookie.split(';').next().unwrap().to_owned()
    }

    /// Makes one voucher of ten minutes.
    pub async fn voucher(&self) -> String {
        let batch = NewBatch::new(Some(Text::new("Desk <i>")), minutes(10), None, None, 1).unwrap();
        let (code, sealed) = VoucherCodes::new_codes(&*self.app.vault, 1).unwrap().remove(0);
        self.app.store.create_batch(&batch, &[sealed], START.wall).await.unwrap();
        code
    }
}

/// What the forms of whoever has this cookie carry.
pub fn csrf(cookie: &str) -> String {
    let value = cookie.split_once('=').map_or("", |(_, value)| value);
    let digest = Sha256::digest(format!("turnpike admin form 1\0{value}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

pub fn seller() -> [Permission; 3] {
    [Permission::ManageVouchers, Permission::ViewSession, Permission::ModifySession]
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_and_nobody_stays_for_ever() {
    let pages = Pages::start().await;
    for path in ["/admin", "/admin/voucher?code=a", "/admin/device?dev=a", "/admin/print?code=a"] {
        for cookie in ["", "turnpike_admin=", "turnpike_admin=0000", "other=1; turnpike_admin=%00"] {
            let shown = pages.get(cookie, path).await;
            assert_eq!((shown.status, shown.to.as_str()), (303, "/admin/login"), "{path} {cookie}");
        }
    }
    for path in ["/admin/redeem", "/admin/revoke", "/admin/connect"] {
        assert_eq!(pages.post("", path, &[("code", "a"), ("dev", "a")]).await.to, "/admin/login");
    }
    assert_eq!(pages.get("", "/admin/login").await.to, "/admin/setup", "there is no account");
    let login = pages.get("", "/admin/login?by=token").await;
    assert!(login.status == 200 && login.text.contains("Café &#60;b&#62;"), "{}", login.text);
    let cookie = pages.log_in(&seller()).await;
    let front = pages.get(&cookie, "/admin").await;
    assert!(front.status == 200 && front.text.contains("Ana &#38; Ben"), "{}", front.text);
    // Two cookies of the name: somebody else planted one.
    assert_eq!(pages.get(&format!("{cookie}; turnpike_admin=1"), "/admin").await.status, 303);
    assert_eq!(pages.get("", "/").await.to, "/admin");
    assert_eq!(pages.get(&cookie, "/admin/nothing/here").await.status, 404);
    assert_eq!(pages.post(&cookie, "/admin/logout", &[]).await.to, "/admin/login");
    assert_eq!(pages.get(&cookie, "/admin").await.status, 303);
    let cookie = pages.log_in(&seller()).await;
    pages.app.pass(Duration::from_secs(29 * 60)).await;
    assert_eq!(pages.get(&cookie, "/admin").await.status, 200);
    pages.app.pass(Duration::from_secs(30 * 60)).await;
    assert_eq!(pages.get(&cookie, "/admin").await.status, 303, "idle");
}

#[tokio::test]
async fn a_token_that_is_revoked_opens_nothing_any_more() {
    let pages = Pages::start().await;
    let (id, token) = pages.token(&seller()).await;
    let shown = pages.post("", "/admin/login", &[("token", &format!(" {token} "))]).await;
    let cookie = shown.cookie.split(';').next().unwrap().to_owned();
    assert_eq!(pages.get(&cookie, "/admin").await.status, 200);
    pages.app.store.revoke_token(id, START.wall).await.unwrap();
    assert_eq!(pages.get(&cookie, "/admin").await.status, 303);
    assert_eq!(pages.post("", "/admin/login", &[("token", &token)]).await.status, 403);
}

#[tokio::test]
async fn wrong_tokens_come_to_a_wait() {
    let pages = Pages::start().await;
    let (_, token) = pages.token(&seller()).await;
    for wrong in ["", "tp_", "nonsense", "tp_<script>", &"x".repeat(9_000)] {
        let shown = pages.post("", "/admin/login", &[("token", wrong)]).await;
        assert_eq!(shown.status, 403, "{wrong}");
        assert!(shown.cookie.is_empty() && !shown.text.contains(wrong) | wrong.is_empty() | (wrong == "tp_"));
    }
    assert_eq!(pages.post("", "/admin/login", &[("token", &token)]).await.status, 429, "also the right one");
    pages.app.pass(Duration::from_secs(31)).await;
    assert_eq!(pages.post("", "/admin/login", &[("token", &token)]).await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let code = pages.voucher().await;
    let body = format!("csrf={}&code={code}&sure=on", csrf(&cookie));
    let form = ("content-type", "application/x-www-form-urlencoded");
    for headers in [
        vec![],
        vec![("origin", "http://evil.test")],
        vec![("origin", "null")],
        vec![("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
        vec![("referer", "http://box.lan:2051.evil.test/admin")],
        vec![("host", "10.0.0.1:2051"), ("origin", ORIGIN)],
    ] {
        let mut headers = headers;
        headers.extend([("cookie", cookie.as_str()), form]);
        let shown = pages.ask("POST", "/admin/revoke", &headers, &body).await;
        assert_eq!(shown.status, 403, "{headers:?}");
    }
    let standing = pages.get(&cookie, &format!("/admin/voucher?code={code}")).await;
    assert!(standing.text.contains("can be redeemed"), "{}", standing.text);
}

#[tokio::test]
async fn a_voucher_is_found_printed_redeemed_for_a_device_and_taken_back() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let code = pages.voucher().await;
    let device = pages.app.device(1).await;
    let typed = code.to_lowercase().replace('-', "");
    let shown = pages.get(&cookie, &format!("/admin/voucher?code={typed}")).await;
    assert!(shown.text.contains("10 min") && shown.text.contains("Desk &#60;i&#62;"), "{}", shown.text);
    let print = pages.get(&cookie, &format!("/admin/print?code={code}")).await;
    assert!(print.text.contains(&code), "{}", print.text);
    let to = pages.post(&cookie, "/admin/redeem", &[("code", &code), ("dev", "10.0.0.1")]).await;
    assert_eq!(
        (to.status, to.to.as_str()),
        (303, &*format!("/admin/device?dev={}&done=redeemed", device.id))
    );
    let shown = pages.get(&cookie, &to.to).await;
    assert!(shown.text.contains("10 min") && shown.text.contains("Let it through"), "{}", shown.text);
    let again = pages.post(&cookie, "/admin/redeem", &[("code", &code), ("dev", "10.0.0.1")]).await;
    assert_eq!(again.status, 409, "{}", again.text);
    let through = pages.post(&cookie, "/admin/connect", &[("dev", &device.id.to_string())]).await;
    assert_eq!(through.status, 303);
    assert!(pages.app.handle.is_connected(device.id).await.unwrap());
    assert_eq!(pages.post(&cookie, "/admin/revoke", &[("code", &code)]).await.status, 422, "not sure");
    let to = pages.post(&cookie, "/admin/revoke", &[("code", &code), ("sure", "on")]).await;
    let shown = pages.get(&cookie, &to.to).await;
    assert!(shown.text.contains("taken back") && !shown.text.contains("I am sure"), "{}", shown.text);
    assert!(!pages.app.handle.is_connected(device.id).await.unwrap());
    let (lines, _) =
        pages.app.store.audit(&AuditQuery { page: 1, per_page: 50, ..AuditQuery::default() }).await.unwrap();
    for action in ["voucher.redeem", "voucher.revoke", "device.connect"] {
        let line = lines.iter().find(|line| line.action == action).unwrap_or_else(|| panic!("{action}"));
        assert!(
            line.actor.as_str().ends_with("Ana & Ben") && line.origin.as_str() == "10.0.0.99",
            "{line:?}"
        );
        assert!(!line.details.as_str().contains(&code));
    }
}

#[tokio::test]
async fn a_device_is_found_by_anything_of_its_own() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let (one, other) = (pages.app.device(1).await, pages.app.device(2).await);
    for (device, name) in [(&one, "Ana's <b>phone</b>"), (&other, "Ben's phone")] {
        let patch = turnpike::domain::sessions_mgr::DevicePatch {
            alias: Some(Some(Text::new(name))),
            ..Default::default()
        };
        pages.app.handle.update_device(device.id, patch).await.unwrap();
    }
    for by in ["10.0.0.1".to_owned(), mac(1).to_string(), one.id.to_string(), "ANA".to_owned()] {
        let shown = pages.get(&cookie, &format!("/admin/device?dev={}", encoded(&by))).await;
        assert!(shown.status == 200 && shown.text.contains("Ana&#39;s &#60;b&#62;"), "{by}: {}", shown.text);
    }
    let both = pages.get(&cookie, "/admin/device?dev=phone").await;
    assert!(both.text.contains(&one.id.to_string()) && both.text.contains(&other.id.to_string()));
    let code = pages.voucher().await;
    let which = pages.post(&cookie, "/admin/redeem", &[("code", &code), ("dev", "phone")]).await;
    assert_eq!(which.status, 409, "which of them?");
    for by in ["", "nobody", "10.9.9.9", "%ff%00", &"x".repeat(3_000)] {
        let shown = pages.get(&cookie, &format!("/admin/device?dev={by}")).await;
        assert!([400, 404].contains(&shown.status), "{by}: {}", shown.status);
    }
}

#[tokio::test]
async fn a_token_may_do_here_what_it_may_do_there() {
    let pages = Pages::start().await;
    let code = pages.voucher().await;
    pages.app.device(1).await;
    let looker = pages.log_in(&[Permission::ViewSession]).await;
    let front = pages.get(&looker, "/admin/counter").await;
    assert!(front.text.contains("may do nothing here"), "{}", front.text);
    for path in [format!("/admin/voucher?code={code}"), format!("/admin/print?code={code}")] {
        let shown = pages.get(&looker, &path).await;
        assert!(shown.status == 403 && shown.text.contains("manage_vouchers"), "{}", shown.text);
    }
    assert_eq!(pages.get(&looker, "/admin/device?dev=10.0.0.1").await.status, 403);
    for (path, fields) in [
        ("/admin/revoke", vec![("code", code.as_str()), ("sure", "on")]),
        ("/admin/redeem", vec![("code", code.as_str()), ("dev", "10.0.0.1")]),
        ("/admin/connect", vec![("dev", "10.0.0.1")]),
    ] {
        assert_eq!(pages.post(&looker, path, &fields).await.status, 403, "{path}");
    }
    let desk = pages.log_in(&[Permission::ManageVouchers]).await;
    let shown = pages.get(&desk, &format!("/admin/voucher?code={code}")).await;
    assert!(shown.status == 200 && !shown.text.contains("Redeem for a device"), "{}", shown.text);
    assert_eq!(pages.post(&desk, "/admin/redeem", &[("code", &code), ("dev", "10.0.0.1")]).await.status, 403);
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let headers = |kind| [("cookie", cookie.as_str()), ("origin", ORIGIN), ("content-type", kind)];
    let form = "application/x-www-form-urlencoded";
    let token = format!("csrf={}", csrf(&cookie));
    for (kind, body, status) in [
        ("application/json", "{}".to_owned(), 403),
        (form, String::new(), 403),
        (form, token.clone(), 400),
        (form, format!("{token}&code=%00"), 422),
        (form, format!("{token}&code={}&sure=on", "A".repeat(9_000)), 404),
        (form, format!("{token}&code={}&sure=on", "A".repeat(40_000)), 413),
        (form, format!("{token}&code={}&sure=on", "A".repeat(400_000)), 413),
        (form, format!("{token}&code=%3Cscript%3E&sure=on"), 404),
        (form, format!("{token}&code=a&code=b&sure=on"), 400),
    ] {
        let shown = pages.ask("POST", "/admin/revoke", &headers(kind), &body).await;
        assert_eq!(shown.status, status, "{kind} {body:.40}");
    }
    assert_eq!(pages.ask("PUT", "/admin/revoke", &headers(form), &token).await.status, 405);
    assert_eq!(pages.get(&cookie, "/admin/voucher").await.status, 404);
}

/// The paths that are given to `.route(` in the sources of the pages.
fn routes() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let files = if path.is_dir() {
            std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let literals = text
                .split(".route(")
                .skip(1)
                .filter_map(|after| after.trim_start().strip_prefix('"')?.split('"').next());
            found.extend(literals.map(str::to_owned));
        }
    }
    assert!(found.len() > 10 && found.contains(&"/admin/sell".to_owned()), "they are elsewhere: {found:?}");
    found
}

#[tokio::test]
async fn every_change_needs_the_token_of_a_page_of_ours() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let form = "application/x-www-form-urlencoded";
    for route in routes().iter().filter(|route| !["/admin/login", "/admin/setup"].contains(&route.as_str())) {
        let path: Vec<&str> =
            route.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
        let path = path.join("/");
        let headers = [("cookie", &*cookie), ("origin", ORIGIN), ("content-type", form)];
        for body in ["", "csrf=", "csrf=00000000000000000000000000000000", "csrf=a&csrf=b"] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let shown = pages.ask(method, &path, &headers, body).await;
                assert_eq!(shown.status, 403, "{method} {path} {body}");
            }
        }
        let multipart = [("cookie", &*cookie), ("origin", ORIGIN), ("content-type", "multipart/form-data")];
        assert_eq!(pages.ask("POST", &path, &multipart, "").await.status, 403, "{path}");
    }
    assert_eq!(pages.get(&cookie, "/admin").await.status, 200, "and nobody was signed out");
}
