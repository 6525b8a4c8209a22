use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::http::HttpRequest;
use super::ns::Ns;
use super::poll::eventually;
use super::process::Process;
use super::{LAN4, Lab, NET4, OFFICE4};

/// Where the driver listens, on the machine's own loopback.
const DRIVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9515);
/// The key of an element in an answer (W3C WebDriver, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How the driver says that an element is not there any more, before or while it was looked at: nothing was done to it.
const GONE: [&str; 2] = ["stale element", "does not belong to the document"];
const START: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(20);

/// Chromium on a phone or in the office, driven as its user drives it: by what is on the page.
///
/// Its profile lies in the lab's directory, so that a browser that is closed and opened again has its cookies.
pub struct Browser<'lab> {
    here: &'lab Ns,
    driver: Process,
    session: String,
    shots: PathBuf,
}

impl<'lab> Browser<'lab> {
    /// Opens one, 390 by 900 points large; `profile` names its cookie jar.
    pub fn open(lab: &'lab Lab, here: &'lab Ns, profile: &str) -> Self {
        let dir = lab.dir.path().join(format!("browser-{profile}"));
        let log = lab.dir.path().join(format!("browser-{profile}.log"));
        let driver = here.spawn(&["chromedriver", "--port=9515"], &log);
        let ready = eventually(START, || {
            HttpRequest::get("/status").send(here, DRIVER).is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "chromedriver does not answer (scripts/test installs it): {}", driver.log());
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-quic".to_owned(),
            "--window-size=390,900".to_owned(),
            // Names of tests lead to the far end; those that the browser asks for by itself lead nowhere, at once: online
            // there is nobody here who would answer.
            format!(
                "--host-resolver-rules=MAP *.test {NET4},MAP * ~NOTFOUND,EXCLUDE {LAN4},EXCLUDE {OFFICE4},EXCLUDE 127.0.0.1"
            ),
            "--no-proxy-server".to_owned(),
            format!("--user-data-dir={}", dir.display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            // The admin pages have a certificate that the box made for itself.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"pageLoad": 30_000, "script": 40_000, "implicit": 0},
        }}});
        let mut browser = Self { here, driver, session: String::new(), shots: lab.dir.path().to_owned() };
        let made = browser.call("POST", "/session", &wanted).unwrap_or_else(|problem| panic!("{problem}"));
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// Loads a page.
    pub fn goto(&self, url: &str) {
        let mut went = Ok(Value::Null);
        // A page that loads itself just then gets in the way.
        eventually(SOON, || {
            went = self.session_call("POST", "url", &json!({"url": url}));
            went.is_ok()
        });
        went.unwrap_or_else(|problem| panic!("{url}: {problem}"));
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.must("GET", "url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Everything that the page shows.
    pub fn text(&self) -> String {
        self.text_of("body").unwrap_or_default()
    }

    /// What an element shows; `None` if there is none.
    pub fn text_of(&self, css: &str) -> Option<String> {
        let element = self.find(css)?;
        let text = self.session_call("GET", &format!("element/{element}/text"), &Value::Null).ok()?;
        text.as_str().map(str::to_owned)
    }

    /// Whether the page has such an element and shows it.
    pub fn shows(&self, css: &str) -> bool {
        let Some(element) = self.find(css) else { return false };
        self.session_call("GET", &format!("element/{element}/displayed"), &Value::Null)
            .is_ok_and(|shown| shown == true)
    }

    /// Waits until the page shows a text.
    pub fn waits_for(&self, text: &str) {
        let shown = eventually(SOON, || self.text().contains(text));
        assert!(shown, "no {text:?} at {}:\n{}", self.url(), self.text());
    }

    /// Presses a button or follows a link.
    pub fn press(&self, css: &str) {
        self.does(css, "click", &json!({}));
    }

    /// Types into a field, in place of what is there.
    pub fn fill(&self, css: &str, text: &str) {
        self.does(css, "clear", &json!({}));
        self.does(css, "value", &json!({"text": text}));
    }

    /// Types where the focus is; keys as WebDriver names them (17.4.2), as in `\u{E004}` for Tab.
    pub fn types(&self, keys: &str) {
        let element = self.must("GET", "element/active", &Value::Null);
        let element = element[ELEMENT].as_str().expect("an element has the focus").to_owned();
        self.must("POST", &format!("element/{element}/value"), &json!({"text": keys}));
    }

    /// Chooses an entry of a list by its value.
    pub fn choose(&self, css: &str, value: &str) {
        self.press(&format!("{css} option[value='{value}']"));
    }

    /// Chooses a file in a field for files.
    pub fn choose_file(&self, css: &str, file: &Path) {
        let element = self.must_find(css);
        let path = json!({"text": file.display().to_string()});
        self.must("POST", &format!("element/{element}/value"), &path);
    }

    /// What stands in a field.
    pub fn value(&self, css: &str) -> String {
        let element = self.must_find(css);
        let value = self.must("GET", &format!("element/{element}/property/value"), &Value::Null);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Shows pages as on a screen of this size, light or dark.
    pub fn screen(&self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        // Without motion, so that colours are what they are at once.
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// What an expression is on the page.
    pub fn evaluate(&self, expression: &str) -> Value {
        self.must("POST", "execute/sync", &json!({"script": format!("return {expression};"), "args": []}))
    }

    /// What a script hands to the function that is its last argument.
    pub fn awaits(&self, script: &str) -> Value {
        self.must("POST", "execute/async", &json!({"script": script, "args": []}))
    }

    /// Runs a script that answers nothing.
    pub fn runs(&self, script: &str) {
        self.must("POST", "execute/sync", &json!({"script": script, "args": []}));
    }

    fn devtools(&self, command: &str, params: &Value) {
        self.must("POST", "goog/cdp/execute", &json!({"cmd": command, "params": params}));
    }

    /// A picture of the page; kept if `TURNPIKE_SHOTS` names a directory.
    pub fn shot(&self, name: &str) {
        let taken = self.must("GET", "screenshot", &Value::Null);
        let encoded = taken.as_str().unwrap_or_default();
        let directory = std::env::var_os("TURNPIKE_SHOTS").map_or_else(|| self.shots.clone(), PathBuf::from);
        let file = directory.join(format!("{name}.png"));
        std::fs::write(&file, base64(encoded)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// Closes it; its cookies stay in the profile.
    pub fn close(self) {
        self.must("DELETE", "", &Value::Null);
    }

    fn find(&self, css: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.session_call("POST", "element", &wanted).ok()?;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    /// Does something to an element; once more if the page has loaded itself in between.
    fn does(&self, css: &str, command: &str, body: &Value) {
        let mut did = Ok(Value::Null);
        eventually(SOON, || {
            let element = self.must_find(css);
            did = self.session_call("POST", &format!("element/{element}/{command}"), body);
            !did.as_ref().is_err_and(|problem| GONE.iter().any(|gone| problem.contains(gone)))
        });
        did.unwrap_or_else(|problem| panic!("{command} {css}: {problem}"));
    }

    fn must_find(&self, css: &str) -> String {
        let mut found = None;
        eventually(SOON, || {
            found = self.find(css);
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("no {css} at {}:\n{}", self.url(), self.text()))
    }

    fn must(&self, method: &str, command: &str, body: &Value) -> Value {
        self.session_call(method, command, body).unwrap_or_else(|problem| panic!("{command}: {problem}"))
    }

    fn session_call(&self, method: &str, command: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{command}", self.session);
        self.call(method, path.trim_end_matches('/'), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let request = match method {
            "POST" => HttpRequest::json(method, path, &body.to_string()),
            _ => HttpRequest::new(method, path, "application/json", b""),
        };
        let answer = request
            .send(self.here, DRIVER)
            .map_err(|error| format!("the driver: {error}: {}", self.driver.log()))?;
        let said = answer.json()["value"].clone();
        if answer.status == 200 { Ok(said) } else { Err(format!("{} {said}", answer.status)) }
    }
}

/// Decodes base64 (RFC 4648): a picture from the driver.
fn base64(text: &str) -> Vec<u8> {
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    bytes
}
