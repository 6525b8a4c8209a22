//! The log's last lines on the admin pages: filtered, searched, and harmless.

use tracing::Level;
use turnpike::domain::{Permission, WallTime};
use turnpike::upkeep::{LogTail, SettingsFile, Upkeep};

use crate::admin_pages::Pages;

#[tokio::test]
async fn the_last_lines_are_shown_filtered_and_searched() {
    let log = LogTail::default();
    let (upkeep, _orders) = Upkeep::new(SettingsFile::new("t".into()), log.clone());
    let pages = Pages::start_as(|state| state.with_upkeep(upkeep)).await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let empty = pages.get(&cookie, "/admin/log").await;
    assert!(empty.status == 200 && empty.text.contains("Nothing was logged yet"), "{}", empty.text);
    let at = WallTime(1_795_219_200_000);
    log.note(at, Level::INFO, "turnpike::app", "turnpike is ready");
    log.note(at, Level::WARN, "turnpike::store", "slow: <b>\u{202e}evil\u{1b}[2J</b>");
    log.note(at, Level::ERROR, "turnpike::gate", "broken");
    let all = pages.get(&cookie, "/admin/log").await;
    let place = |text: &str| all.text.find(text).unwrap_or_else(|| panic!("no {text}: {}", all.text));
    assert!(place("broken") < place("slow: ") && place("slow: ") < place("turnpike is ready"));
    assert!(all.text.contains("slow: &#60;b&#62;\\u{202e}evil\\u{1b}[2J"), "{}", all.text);
    let graver = pages.get(&cookie, "/admin/log?level=warn").await;
    assert!(graver.text.contains("broken") && !graver.text.contains("turnpike is ready"));
    assert!(graver.text.contains("<option value=\"warn\" selected>"), "{}", graver.text);
    let found = pages.get(&cookie, "/admin/log/live?q=READY").await;
    assert!(
        found.text.contains("turnpike is ready")
            && !found.text.contains("broken")
            && !found.text.contains("<h1>")
    );
    let none = pages.get(&cookie, "/admin/log?q=%3Cscript%3E").await;
    assert!(
        none.text.contains("No line matches") && none.text.contains("value=\"&#60;script&#62;\""),
        "{}",
        none.text
    );
    assert!(none.text.contains("/admin/log/live?level=&#38;q=%3Cscript%3E"), "{}", none.text);
    let odd = pages.get(&cookie, &format!("/admin/log?level=nonsense&q={}", "%C3%A4".repeat(500))).await;
    assert_eq!(odd.status, 200);
    let file = pages.get(&cookie, "/admin/log/file?level=info&q=is").await;
    assert_eq!(file.text, "2026-11-21T00:00:00.000Z  INFO turnpike::app: turnpike is ready\n");
    for number in 0..400 {
        log.note(at, Level::INFO, "t", &format!("line {number}"));
    }
    let many = pages.get(&cookie, "/admin/log").await;
    assert!(
        many.text.contains("line 399")
            && !many.text.contains("line 99<")
            && many.text.contains("103 older ones")
    );
}
