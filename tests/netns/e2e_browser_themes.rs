//! A place dresses its portal: on the admin pages, with a preview, in a real browser; and a guest sees it only when it is saved.

use crate::lab::{Browser, Daemon, DaemonConfig, LAN4, Lab, Operator, SCREENS};

const THEME: &str = "/admin/zones/guests/theme";

/// A picture, written down without compression (PNG, RFC 1951 3.2.4).
pub fn png(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        rows.extend((0..width).flat_map(|x| colour(x, y)));
    }
    let (mut one, mut two) = (1_u32, 0_u32);
    for byte in &rows {
        one = (one + u32::from(*byte)) % 65_521;
        two = (two + one) % 65_521;
    }
    let mut data = vec![0x78, 1];
    let mut blocks = rows.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        data.push(u8::from(blocks.peek().is_none()));
        data.extend(length.to_le_bytes());
        data.extend((!length).to_le_bytes());
        data.extend(block);
    }
    data.extend((two << 16 | one).to_be_bytes());
    let mut head = Vec::new();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, bytes) in [(b"IHDR", head), (b"IDAT", data), (b"IEND", Vec::new())] {
        file.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        let chunk = [&kind[..], &bytes].concat();
        file.extend(&chunk);
        file.extend(crc(&chunk).to_be_bytes());
    }
    file
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

/// Nothing may reach beyond the screen.
fn fits(browser: &Browser<'_>, what: &str, width: u32) {
    let wide = browser.evaluate("document.documentElement.scrollWidth");
    assert!(wide.as_u64().is_some_and(|wide| wide <= u64::from(width)), "{what}: {wide}");
}

fn look_at_portal(browser: &Browser<'_>) {
    for (language, path) in [("en", ""), ("ar", ""), ("en", "terms")] {
        browser.goto(&format!("http://{LAN4}:2050/{path}?lang={language}"));
        for (screen, width, height, dark) in SCREENS {
            browser.screen(width, height, dark);
            fits(browser, &format!("{path} {language} {screen}"), width);
            browser.shot(&format!("theme-{language}{path}-{screen}"));
            browser.must_be_accessible(&format!("theme {language} {path} {screen}"));
        }
        browser.screen(390, 844, false);
    }
}

/// Looks at the form on every screen, from top to bottom.
fn look_at_form(operator: &Operator<'_>, name: &str) {
    let browser = &operator.browser;
    operator.looks(name);
    for (screen, width, height, dark) in SCREENS {
        browser.screen(width, height, dark);
        fits(browser, &format!("{name} {screen}"), width);
        browser.evaluate("window.scrollTo(0, 0)");
        for part in 1..5 {
            browser.shot(&format!("{name}-{screen}-{part}"));
            browser.evaluate("window.scrollBy(0, window.innerHeight - 60)");
        }
    }
    browser.screen(1280, 800, false);
    browser.evaluate("window.scrollTo(0, 0)");
}

#[test]
fn a_theme_is_looked_at_first_and_seen_by_guests_when_it_is_saved() {
    let lab = Lab::builder().phones(1).office().build();
    let zone = "[free]\ntime_secs = 1800\n".to_owned();
    let config = DaemonConfig { zone, more: Operator::config(), ..DaemonConfig::default() };
    let daemon = Daemon::start_with(&lab, &config);
    let (logo, beach) = (lab.dir.path().join("logo.png"), lab.dir.path().join("beach.png"));
    let ring = |x: u32, y: u32| {
        let (x, y) = (i64::from(x) - 40, i64::from(y) - 40);
        let inside = x * x + y * y;
        if inside < 400 {
            [0xff, 0xd1, 0x66]
        } else if inside < 1_500 {
            [0xb0, 0x00, 0x50]
        } else {
            [0xff, 0xff, 0xff]
        }
    };
    std::fs::write(&logo, png(80, 80, ring)).unwrap();
    let sand = |_: u32, y: u32| {
        let step = u8::try_from(y / 2).unwrap_or(255);
        if y < 120 { [90 + step / 2, 170, 220] } else { [230, 200 - step / 8, 150] }
    };
    std::fs::write(&beach, png(200, 300, sand)).unwrap();

    let guest = Browser::open(&lab, &lab.phones[0], "guest");
    guest.goto(&format!("http://{LAN4}:2050/?lang=en"));
    guest.waits_for("Welcome");
    let before = guest.text();

    let operator = Operator::sets_up(&lab, &daemon);
    let desk = &operator.browser;
    operator.opens("/admin/zones");
    desk.waits_for("br-lan");
    look_at_form(&operator, "zones");
    desk.press("section a.button");
    desk.waits_for("Look of the portal of guests");

    desk.fill("#name", "Luna & Søn");
    desk.fill("#light-text", "#999999");
    desk.press("button[value=save]");
    desk.waits_for("has a contrast of");
    assert_eq!(desk.value("#name"), "Luna & Søn", "what was typed is kept");
    look_at_form(&operator, "theme-error");
    for (field, value) in [
        ("#light-accent", "#b00050"),
        ("#light-background", "#fff4ea"),
        ("#light-text", "#2b1720"),
        ("#dark-accent", "#ff8fb8"),
        ("#welcome-all", "Welcome to the beach!\n\nThe code is on your receipt."),
        ("#footer-all", "Luna & Søn, 555 0100"),
        ("#terms-all", "Be kind.\n\nNo <b>spam</b>."),
    ] {
        desk.fill(field, value);
    }
    desk.choose_file("#logo", &logo);
    desk.choose_file("#background", &beach);
    desk.press("#terms-required");
    desk.press("button[value=preview]");
    desk.waits_for("changes that are not saved");
    let colour = |number: u32, css: &str| {
        let script = format!(
            "getComputedStyle(frames[{number}].document.querySelector('{css}')).getPropertyValue('background-color')"
        );
        desk.evaluate(&script).as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(colour(0, "form button"), "rgb(176, 0, 80)", "the sheet of the preview is there");
    assert_eq!(colour(1, "form button"), "rgb(255, 143, 184)");
    let logo_width = "frames[1].document.querySelector('.logo').naturalWidth";
    assert_eq!(desk.evaluate(logo_width), 80, "and its pictures");
    look_at_form(&operator, "theme-form");
    operator.opens(&format!("{THEME}?show=online#preview"));
    desk.shot("theme-form-online");
    guest.goto(&format!("http://{LAN4}:2050/?lang=en"));
    assert_eq!(guest.text(), before, "guests see nothing of it");

    desk.press("button[value=save]");
    desk.waits_for("nobody was cut off");
    guest.goto(&format!("http://{LAN4}:2050/?lang=en"));
    guest.waits_for("Welcome to the beach!");
    look_at_portal(&guest);
    guest.goto(&format!("http://{LAN4}:2050/?lang=en"));
    let own = "getComputedStyle(document.querySelector('form button')).backgroundColor";
    assert_eq!(guest.evaluate(own), "rgb(176, 0, 80)");
    assert_eq!(guest.evaluate("document.querySelector('.logo').naturalWidth"), 80);
    // The browser would not send the form without the box; the daemon does not take it either.
    guest.evaluate("document.querySelectorAll('form').forEach(function (form) { form.noValidate = true; })");
    guest.press("form[action='/providers/free'] button");
    guest.waits_for("Please accept the terms of use.");
    guest.shot("theme-terms-missing");
    guest.press("form[action='/providers/free'] input[name=accept-terms]");
    guest.press("form[action='/providers/free'] button");
    guest.waits_for("You are online");
    guest.shot("theme-online");

    desk.press("a[href$='/theme/reset']");
    desk.waits_for("nobody is cut off");
    desk.press("main form button");
    desk.waits_for("as the configuration file says");
    guest.goto(&format!("http://{LAN4}:2050/?lang=en"));
    guest.waits_for("You are online");
    assert!(!guest.text().contains("Luna"), "{}", guest.text());
    guest.close();
}
