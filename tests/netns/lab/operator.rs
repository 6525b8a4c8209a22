use super::{Browser, Daemon, Lab, OFFICE4};

/// Sizes and colours that each page is looked at in.
pub const SCREENS: [(&str, u32, u32, bool); 5] = [
    ("phone", 390, 844, false),
    ("phone-dark", 390, 844, true),
    ("narrow", 320, 640, false),
    ("desk", 1280, 800, false),
    ("desk-dark", 1280, 800, true),
];

/// Whoever runs the place, at the browser in the office.
pub struct Operator<'lab> {
    /// The browser.
    pub browser: Browser<'lab>,
}

impl<'lab> Operator<'lab> {
    /// The table of the configuration that has the admin pages answer the office.
    pub fn config() -> String {
        format!("[admin]\nlisten = \"{OFFICE4}:2051\"\n")
    }

    /// Opens the browser and makes the first account with the set-up code of the log.
    pub fn sets_up(lab: &'lab Lab, daemon: &Daemon<'_>) -> Self {
        let here = lab.office.as_ref().expect("a lab with an office");
        let operator = Self { browser: Browser::open(lab, here, "office") };
        let browser = &operator.browser;
        browser.screen(1280, 800, false);
        operator.opens("/admin");
        browser.waits_for("Make the first account");
        let log = daemon.log();
        let code = log.rsplit("set-up code ").next().and_then(|rest| rest.split_whitespace().next());
        browser.fill("[name=setup_code]", code.unwrap_or_else(|| panic!("no set-up code: {log}")));
        browser.fill("[name=name]", "ana");
        browser.fill("[name=password]", "correct horse battery");
        browser.fill("[name=again]", "correct horse battery");
        browser.press("main form button");
        // A page that is opened while that one is still on its way is left for it again.
        browser.waits_for("Sign out");
        operator
    }

    /// Opens a page.
    pub fn opens(&self, path: &str) {
        self.browser.goto(&format!("https://{OFFICE4}:2051{path}"));
    }

    /// Looks at the page that is shown on every screen and keeps a picture of each: what keeps somebody out of it.
    pub fn hurdles(&self, name: &str) -> Vec<String> {
        let mut hurdles = Vec::new();
        for (screen, width, height, dark) in SCREENS {
            self.browser.screen(width, height, dark);
            hurdles.extend(self.browser.hurdles(&format!("{name} {screen}")));
            self.browser.shot(&format!("admin-{name}-{screen}"));
        }
        self.browser.screen(1280, 800, false);
        hurdles.extend(self.browser.keyboard_hurdles(name));
        hurdles
    }

    /// Looks at the page that is shown on every screen: it is accessible on each.
    pub fn looks(&self, name: &str) {
        let hurdles = self.hurdles(name);
        assert!(hurdles.is_empty(), "{}:\n{}", self.browser.url(), hurdles.join("\n"));
    }
}
