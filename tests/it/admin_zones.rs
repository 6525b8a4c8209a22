//! The pages of zones, and of how their portals look.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use axum::response::Response;
use axum::{Extension, Router};
use http_body_util::BodyExt;
use tower::ServiceExt;
use turnpike::admin::{self, AdminState};
use turnpike::config::Config;
use turnpike::domain::{Currency, Permission, Text, Utc, VoucherCodes, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState, Themes};
use turnpike::providers::voucher::VoucherProvider;
use turnpike::store::{AuditQuery, TokenText};

use crate::admin_pages::csrf;
use crate::support::{START, TestApp, zone};

const HOST: &str = "box.lan:2051";
const THEME: &str = "/admin/zones/guests/theme";
const FILE: &str = "[theme]\nname = \"File <b>\"\nwelcome = \"From the file\"\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n\
                    down_mbps = 50\ngarden_domains = [\"free.example\"]\ntrusted = [\"02:00:00:00:00:99\"]\n";

/// The admin pages and the portal of one zone, which wear the same themes.
struct Desk {
    app: TestApp,
    pages: Router,
    portal: Router,
    cookie: String,
    themes: Themes,
}

struct Shown {
    status: u16,
    to: String,
    policy: String,
    framed: String,
    cache: String,
    text: String,
}

async fn shown(response: Response) -> Shown {
    let header =
        |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let status = response.status().as_u16();
    let (to, policy, framed, cache) = (
        header("location"),
        header("content-security-policy"),
        header("x-frame-options"),
        header("cache-control"),
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Shown { status, to, policy, framed, cache, text }
}

impl Desk {
    async fn start() -> Self {
        let config = Config::parse(FILE, Path::new("turnpike.toml")).unwrap();
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        Self::on(app, config).await
    }

    async fn on(app: TestApp, config: Config) -> Self {
        let themes =
            Themes::new("box", config.zones.iter().map(|zone| (zone.name.clone(), zone.theme.load().0)));
        for kept in app.store.themes().await.unwrap() {
            themes.wear(&kept.zone, Some(kept.theme));
        }
        let codes = Arc::clone(&app.vault) as Arc<dyn VoucherCodes>;
        let (handle, store) = (app.handle.clone(), app.store.clone());
        let euro = Currency::parse("EUR").unwrap();
        let state = AdminState::new(handle, store, codes, Arc::new(Utc), Text::new("box"), euro)
            .with_zones(config.zones.clone(), themes.clone());
        let ends = |peer: &str, local: &str| {
            Extension(Endpoints::new(
                format!("{peer}:40000").parse().unwrap(),
                local.parse::<SocketAddr>().unwrap(),
            ))
        };
        let pages = admin::router(state).layer(ends("10.0.0.99", "10.0.0.1:2051"));
        let name = ZoneName::new("guests");
        let state = PortalState::new(app.handle.clone(), name.clone(), Text::new("box"))
            .with_theme(themes.of(&name).unwrap());
        app.device(1).await;
        let portal =
            Router::new().fallback_service(portal::router(state)).layer(ends("10.0.0.1", "10.0.0.254:2050"));
        let mut desk = Self { app, pages, portal, cookie: String::new(), themes };
        desk.cookie = desk.signed_in(&[Permission::Admin]).await;
        desk
    }

    async fn signed_in(&self, permissions: &[Permission]) -> String {
        let text = TokenText::random().unwrap();
        self.app.store.create_token(&Text::new("ana"), permissions, &text, START.wall).await.unwrap();
        let request = Request::post("/admin/login")
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("token={}", text.as_str())))
            .unwrap();
        let response = self.pages.clone().oneshot(request).await.unwrap();
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn get_as(&self, cookie: &str, path: &str) -> Shown {
        let request = Request::get(path).header("host", HOST).header("cookie", cookie).body(Body::empty());
        shown(self.pages.clone().oneshot(request.unwrap()).await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Shown {
        self.get_as(&self.cookie, path).await
    }

    async fn send(&self, path: &str, kind: &str, body: Vec<u8>) -> Shown {
        let request = Request::post(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("cookie", &self.cookie)
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        shown(self.pages.clone().oneshot(request).await.unwrap()).await
    }

    /// As the form of the theme is sent: names that begin with @ are files.
    async fn post(&self, fields: &[(&str, &[u8])]) -> Shown {
        let mut body = Vec::new();
        for (name, value) in fields {
            let name = match name.strip_prefix('@') {
                Some(name) => format!("{name}\"; filename=\"a.png"),
                None => (*name).to_owned(),
            };
            body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
            body.extend(*value);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        let path = format!("{THEME}?csrf={}", csrf(&self.cookie));
        self.send(&path, "multipart/form-data; boundary=XX", body).await
    }

    async fn press(&self, what: &str) -> Shown {
        let body = format!("csrf={}", csrf(&self.cookie)).into_bytes();
        self.send(&format!("{THEME}/{what}"), "application/x-www-form-urlencoded", body).await
    }

    async fn guest(&self, path: &str) -> Shown {
        let request = Request::get(path).header("host", "10.0.0.254:2050").body(Body::empty()).unwrap();
        shown(self.portal.clone().oneshot(request).await.unwrap()).await
    }

    async fn guest_posts(&self, path: &str, form: &str) -> Shown {
        let request = Request::post(path)
            .header("host", "10.0.0.254:2050")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        shown(self.portal.clone().oneshot(request).await.unwrap()).await
    }
}

#[tokio::test]
async fn a_zone_says_its_hours() {
    let open = "open = [\"mon 00:00-00:10\", \"sat 09:00-24:00\"]";
    let file = format!("[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n{open}\n");
    let config = Config::parse(&file, Path::new("turnpike.toml")).unwrap();
    let app = TestApp::start_with(vec![config.zones[0].policy()], Vec::new()).await;
    let desk = Desk::on(app, config).await;
    let page = desk.get("/admin/zones").await.text;
    assert!(
        page.contains("Open; closes at 00:10.") && page.contains("mon 00:00-00:10, sat 09:00-24:00"),
        "{page}"
    );
    desk.app.pass(std::time::Duration::from_secs(600)).await;
    let page = desk.get("/admin/zones").await.text;
    assert!(page.contains("Closed; opens on Saturday at 09:00."), "{page}");
}

fn png() -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x20\x08\x06\0\0\0crc!".to_vec();
    file.extend(b"\0\0\0\0IDATcrc!\0\0\0\0IENDcrc!");
    file
}

/// The path of the first thing of this name that a page loads.
fn path_of<'t>(text: &'t str, name: &str) -> &'t str {
    let at = text.find(name).unwrap_or_else(|| panic!("no {name} in {text}"));
    let start = text[..at].rfind('"').unwrap() + 1;
    text[start..].split('"').next().unwrap()
}

#[tokio::test]
async fn zones_are_shown_as_the_file_has_them() {
    let desk = Desk::start().await;
    let shown = desk.get("/admin/zones").await;
    assert_eq!(shown.status, 200);
    for part in [
        "guests",
        "0 online",
        "br-lan",
        "50 Mbit/s down",
        "free.example",
        "02:00:00:00:00:99",
        THEME,
        "File &#60;b&#62;",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let seller = desk.signed_in(&[Permission::ManageVouchers, Permission::ViewSession]).await;
    for path in ["/admin/zones", THEME, &format!("{THEME}/preview/light/welcome"), &format!("{THEME}/reset")]
    {
        assert_eq!(desk.get_as(&seller, path).await.status, 403, "{path}");
        assert_eq!(desk.get_as("", path).await.to, "/admin/login", "{path}");
    }
    for path in [
        "/admin/zones/nowhere/theme",
        "/admin/zones/nowhere/theme/reset",
        &format!("{THEME}/preview/pink/welcome"),
    ] {
        assert_eq!(desk.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_saved_is_seen_at_once_survives_a_restart_and_is_taken_back() {
    let desk = Desk::start().await;
    let before = desk.guest("/?lang=en").await.text;
    assert!(before.contains("File &#60;b&#62;") && before.contains("From the file"), "{before}");
    let saved = desk
        .post(&[
            ("name", "Café \"Luna\"".as_bytes()),
            ("light-accent", b"#b00020"),
            ("welcome-all", b"Hello <script>alert(1)</script>\r\n\r\nAgain"),
            ("welcome-es", "Hola".as_bytes()),
            ("footer-all", b"Ask Ana"),
            ("@logo", &png()),
            ("@background", b""),
            ("action", b"save"),
        ])
        .await;
    assert_eq!(
        (saved.status, saved.to.as_str()),
        (303, "/admin/zones/guests/theme?done=saved"),
        "{}",
        saved.text
    );
    let page = desk.guest("/").await.text;
    for part in ["Luna", "Hello &#60;script&#62;", "<p dir=\"auto\">Again</p>", "Ask Ana"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("From the file") && !page.contains("<script>") && !page.contains("style="));
    assert!(desk.guest("/?lang=es").await.text.contains("Hola"));
    for (name, kind) in [("/portal/theme-", "--accent:#b00020"), ("/portal/logo-", "PNG")] {
        let path = path_of(&page, name);
        let file = desk.guest(path).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.text.contains(kind) && file.cache.contains("immutable"), "{path}: {}", file.cache);
    }
    assert_eq!(desk.guest("/portal/logo-0000000000000000.png").await.status, 404);
    assert!(desk.get(THEME).await.text.contains("Guests see what was saved here"));

    let config = Config::parse(FILE, Path::new("turnpike.toml")).unwrap();
    let again = Desk::on(desk.app, config).await;
    assert!(again.guest("/").await.text.contains("Luna"), "kept");
    assert!(again.get(&format!("{THEME}/reset")).await.text.contains("nobody is cut off"));
    assert_eq!(again.press("reset").await.to, "/admin/zones/guests/theme?done=reset");
    assert_eq!(again.guest("/?lang=en").await.text, before);
    assert!(again.app.store.themes().await.unwrap().is_empty());
    let (lines, _) =
        again.app.store.audit(&AuditQuery { page: 1, per_page: 9, ..AuditQuery::default() }).await.unwrap();
    let actions: Vec<&str> =
        lines.iter().map(|line| line.action.as_str()).filter(|it| it.starts_with("theme")).collect();
    assert_eq!(actions, ["theme.reset", "theme.change"]);
}

#[tokio::test]
async fn who_began_before_somebody_else_saved_is_told_and_undoes_nothing_unseen() {
    let desk = Desk::start().await;
    let seen = |text: &str| {
        let rest = text.split("name=\"seen\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().as_bytes().to_vec()
    };
    let old = seen(&desk.get(THEME).await.text);
    // Somebody else has the form open, too, and saves first.
    let saved = desk.post(&[("name", b"Theirs"), ("seen", &old), ("action", b"save")]).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let mine = [("name", b"Mine".as_slice()), ("seen", &old), ("action", b"save")];
    let stale = desk.post(&mine).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    for part in ["somebody else has saved something", "<title>Error: ", "value=\"Mine\""] {
        assert!(stale.text.contains(part), "{part}: {}", stale.text);
    }
    assert!(desk.guest("/").await.text.contains("Theirs"), "guests see what was saved");
    // Also by way of a look at it.
    let looked = desk.post(&[("name", b"Mine"), ("seen", &old), ("action", b"preview")]).await;
    assert_eq!(looked.status, 303);
    let page = desk.get(THEME).await;
    assert!(page.text.contains("somebody else has saved something"), "{}", page.text);
    let now = seen(&page.text);
    assert_ne!(now, old);
    let saved = desk.post(&[("name", b"Mine"), ("seen", &now), ("action", b"save")]).await;
    assert_eq!(saved.status, 303, "whoever was told may: {}", saved.text);
    assert!(desk.guest("/").await.text.contains("Mine"));
}

#[tokio::test]
async fn a_preview_is_the_real_page_in_a_frame_of_ours_and_guests_see_nothing_of_it() {
    let desk = Desk::start().await;
    let before = desk.guest("/").await.text;
    let seen = desk
        .post(&[("name", b"Draft"), ("dark-accent", b"#ffaa00"), ("@logo", &png()), ("action", b"preview")])
        .await;
    assert_eq!((seen.status, seen.to.as_str()), (303, "/admin/zones/guests/theme?show=welcome#preview"));
    assert_eq!(desk.guest("/").await.text, before, "guests see what they saw");
    let form = desk.get(THEME).await;
    assert!(form.text.contains("not saved") && form.text.contains("value=\"Draft\""), "{}", form.text);
    assert!(form.text.contains(" KB</b> of 30 KB"), "{}", form.text);
    assert!(form.policy.contains("frame-src 'self'") && form.policy.contains("frame-ancestors 'none'"));
    assert!(form.policy.contains("script-src 'self'") && form.framed == "DENY", "{}", form.policy);
    for (page, word) in
        [("welcome", "Voucher"), ("online", "0:43:10"), ("used-up", "used it up"), ("", "Welcome")]
    {
        let shown = desk.get(&format!("{THEME}/preview/dark/{page}")).await;
        assert_eq!((shown.status, shown.framed.as_str()), (200, "SAMEORIGIN"), "{page}");
        assert!(shown.text.contains(word) && shown.text.contains("Draft"), "{page}: {}", shown.text);
        assert!(
            !shown.text.contains("<script") && !shown.text.contains("http-equiv"),
            "{page}: {}",
            shown.text
        );
        for part in ["default-src 'none'", "frame-ancestors 'self'", "form-action 'none'"] {
            assert!(shown.policy.contains(part) && !shown.policy.contains("script-src"), "{}", shown.policy);
        }
        for file in ["/static/portal.css", "/portal/theme-", "/portal/logo-"] {
            let path = path_of(&shown.text, file);
            assert!(path.starts_with(&format!("{THEME}/preview/dark/")), "{path}");
            assert_eq!(desk.get(path).await.status, 200, "{path}");
        }
    }
    let sheet = desk
        .get(path_of(&desk.get(&format!("{THEME}/preview/dark/welcome")).await.text, "/portal/theme-"))
        .await;
    assert!(sheet.text.contains("#ffaa00") && !sheet.text.contains("prefers-color-scheme"), "{}", sheet.text);
    let ben = desk.signed_in(&[Permission::Admin]).await;
    assert!(!desk.get_as(&ben, THEME).await.text.contains("Draft"), "a draft is somebody's own");

    // The picture of the draft is not sent again.
    assert_eq!(desk.post(&[("name", b"Draft"), ("action", b"save")]).await.status, 303);
    assert!(desk.guest("/").await.text.contains("/portal/logo-"));
    assert_eq!(
        desk.post(&[("name", b"Other"), ("logo-remove", b"on"), ("action", b"preview")]).await.status,
        303
    );
    assert_eq!(desk.press("discard").await.to, "/admin/zones/guests/theme?done=discarded");
    assert!(desk.get(THEME).await.text.contains("value=\"Draft\""), "what guests see");
}

#[tokio::test]
async fn mistakes_stand_at_their_fields_and_change_nothing() {
    let desk = Desk::start().await;
    let before = desk.guest("/").await.text;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let shown = desk
        .post(&[
            ("name", b"<b>x"),
            ("light-text", b"#dddddd"),
            ("@logo", svg),
            ("terms-required", b"on"),
            ("action", b"save"),
        ])
        .await;
    assert_eq!(shown.status, 422);
    for part in [
        "<title>Error: ",
        "id=\"light-text-trouble\">Error: Text of #dddddd",
        ":1, and cannot be read",
        "id=\"logo-trouble\">Error: Must be a picture",
        "id=\"terms-required-trouble\"",
        "value=\"&#60;b&#62;x\"",
        "value=\"#dddddd\"",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert_eq!(desk.guest("/").await.text, before);
    let huge = vec![b'x'; 1_300_000];
    assert_eq!(desk.post(&[("@background", &huge), ("action", b"save")]).await.status, 413);
    assert_eq!(
        desk.send(THEME, "multipart/form-data; boundary=XX", b"--XX--".to_vec()).await.status,
        403,
        "no token"
    );
    let path = format!("{THEME}?csrf={}", csrf(&desk.cookie));
    for (kind, body) in [
        ("multipart/form-data; boundary=XX", &b"--YY"[..]),
        ("multipart/form-data", b"--XX--"),
        ("text/plain", b"x"),
    ] {
        assert_eq!(desk.send(&path, kind, body.to_vec()).await.status, 400, "{kind}");
    }
    assert!(desk.app.store.themes().await.unwrap().is_empty());
}

#[tokio::test]
async fn terms_that_must_be_accepted_are_on_every_form_and_checked_here() {
    let desk = Desk::start().await;
    assert_eq!(desk.guest("/terms").await.status, 404);
    let terms = "Be <i>kind</i>.\r\n\r\nNo spam.".as_bytes();
    let fields: [(&str, &[u8]); 4] = [
        ("terms-all", terms),
        ("terms-ar", "كن لطيفا".as_bytes()),
        ("terms-required", b"on"),
        ("action", b"save"),
    ];
    assert_eq!(desk.post(&fields).await.status, 303);
    let page = desk.guest("/").await.text;
    assert!(page.contains("name=\"accept-terms\"") && page.contains("href=\"/terms\""), "{page}");
    let shown = desk.guest("/terms").await;
    assert!(
        shown.text.contains("Be &#60;i&#62;kind") && shown.text.contains("<p dir=\"auto\">No spam.</p>"),
        "{}",
        shown.text
    );
    assert!(desk.guest("/terms?lang=ar").await.text.contains("كن لطيفا"));
    let refused = desk.guest_posts("/providers/voucher", "code=abcde-fghij").await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("Please accept the terms of use.") && refused.text.contains("abcde-fghij"),
        "{}",
        refused.text
    );
    let wrong = desk.guest_posts("/providers/voucher", "code=abcde-fghij&accept-terms=on").await;
    assert!(
        wrong.status == 404 && wrong.text.contains("value=\"on\" checked"),
        "{}: {}",
        wrong.status,
        wrong.text
    );
    desk.themes.wear(&ZoneName::new("guests"), None);
    assert!(!desk.guest("/").await.text.contains("accept-terms"));
    let page = desk.guest_posts("/providers/voucher", "code=abcde-fghij&accept-terms=on").await;
    assert_eq!(page.status, 404, "a page of before");
}
