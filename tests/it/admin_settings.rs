//! The configuration file on the admin pages: checked as `check-config` does, shown before it is saved, and never half done.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;
use turnpike::config::FromUci;
use turnpike::domain::Permission;
use turnpike::upkeep::{CameTo, LogTail, NotTaken, Order, SettingsFile, Upkeep, fingerprint};

use crate::admin_pages::{Pages, Shown, seller};

const OLD: &str = "# Ours <b>bold</b>\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n";

struct Desk {
    pages: Pages,
    upkeep: Upkeep,
    orders: Receiver<Order>,
    dir: TempDir,
    cookie: String,
}

impl Desk {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turnpike.toml");
        fs::write(&path, OLD).unwrap();
        let (upkeep, orders) = Upkeep::new(SettingsFile::new(path), LogTail::default());
        let known = upkeep.clone();
        let pages = Pages::start_as(|state| state.with_upkeep(known)).await;
        let cookie = pages.log_in(&[Permission::Admin]).await;
        Self { pages, upkeep, orders, dir, cookie }
    }

    async fn send(&self, path: &str, text: &str, go: &str) -> Shown {
        let seen = fingerprint(OLD);
        self.pages.post(&self.cookie, path, &[("text", text), ("seen", &seen), ("go", go)]).await
    }

    fn file(&self) -> String {
        fs::read_to_string(self.dir.path().join("turnpike.toml")).unwrap()
    }
}

#[tokio::test]
async fn only_who_may_do_everything_sees_the_settings() {
    let desk = Desk::open().await;
    let other = desk.pages.log_in(&seller()).await;
    for path in
        ["/admin/settings", "/admin/settings/file", "/admin/settings/result", "/admin/log", "/admin/log/live"]
    {
        assert_eq!(desk.pages.get(&other, path).await.status, 403, "{path}");
        assert_eq!(desk.pages.get("", path).await.to, "/admin/login", "{path}");
    }
    for path in ["/admin/settings", "/admin/settings/apply"] {
        let shown = desk.pages.post(&other, path, &[("text", OLD), ("seen", &fingerprint(OLD))]).await;
        assert_eq!(shown.status, 403, "{path}");
    }
    let front = desk.pages.get(&desk.cookie, "/admin/settings").await;
    assert_eq!(front.status, 200);
    assert!(
        front.text.contains("# Ours &#60;b&#62;bold") && front.text.contains("turnpike.toml"),
        "{}",
        front.text
    );
    assert!(front.text.contains("href=\"/admin/settings\" aria-current"), "{}", front.text);
    let file = desk.pages.get(&desk.cookie, "/admin/settings/result").await;
    assert_eq!(file.to, "/admin/settings", "nothing was ordered yet");
    // A daemon without any has no such page.
    let bare = Pages::start().await;
    let cookie = bare.log_in(&[Permission::Admin]).await;
    assert_eq!(bare.get(&cookie, "/admin/settings").await.status, 404);
}

#[tokio::test]
async fn every_mistake_is_shown_with_its_line_and_what_was_typed_is_kept() {
    let desk = Desk::open().await;
    let typed = format!("{OLD}down_mbps = \"<script>\"\nspeed = 1\n");
    for go in ["check", "save"] {
        let shown = desk.send("/admin/settings", &typed, go).await;
        assert_eq!(shown.status, 422, "{go}");
        for part in [
            "<title>Error: Settings",
            "There are 2 mistakes",
            "data-line=\"5\">Line 5</a>, <code>zone.down_mbps</code>",
            "data-line=\"6\">Line 6</a>, <code>zone.speed</code>",
            "aria-invalid=\"true\"",
            "down_mbps = &#34;&#60;script&#62;&#34;\nspeed = 1\n</textarea>",
        ] {
            assert!(shown.text.contains(part), "{go} {part}: {}", shown.text);
        }
    }
    assert_eq!(desk.file(), OLD);
    let fine = desk.send("/admin/settings", &format!("{OLD}down_mbps = 5\n"), "check").await;
    assert!(fine.status == 200 && fine.text.contains("Everything is in order"), "{}", fine.text);
    let same = desk.send("/admin/settings", &OLD.replace('\n', "\r\n"), "save").await;
    assert!(same.text.contains("what the file says already"), "{}", same.text);
    let file = desk.send("/admin/settings", "anything", "download").await;
    assert_eq!((file.status, file.text.as_str()), (200, "anything"));
    let huge = desk.send("/admin/settings", &"#".repeat(300_000), "check").await;
    assert_eq!(huge.status, 413);
}

#[tokio::test]
async fn what_saving_means_is_shown_before_and_its_end_after() {
    let mut desk = Desk::open().await;
    let typed = format!("{OLD}down_mbps = 5\r\n[admin]\r\nlisten = \"10.0.0.1:2099\"\r\n");
    let shown = desk.send("/admin/settings", &typed, "save").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    for part in [
        "<h1>Save and apply these settings?</h1>",
        "Speeds of the zone guests change at once",
        "The admin pages move from 127.0.0.1:2051 to 10.0.0.1:2099",
        "Everybody stays online",
        "turnpike.toml.previous",
        "<tr class=\"new\"><td class=\"number\">5</td>",
        "lan = [&#34;br-lan&#34;]",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert_eq!(desk.file(), OLD, "nothing is saved yet");
    // The composition root's part is played here.
    let carried_out = async {
        let Some(Order::Settings(new)) = desk.orders.recv().await else { panic!("no order") };
        assert_eq!(new.config.admin.listen.to_string(), "10.0.0.1:2099");
        assert_eq!(new.by.action, "settings.change");
        assert!(new.by.details.as_str().contains(&fingerprint(&new.text)), "{}", new.by.details);
        assert!(!new.text.contains('\r') && new.seen == fingerprint(OLD));
        desk.upkeep.begin(desk.pages.app.handle.now().wall, new.by.name.clone(), false);
        desk.upkeep.settings().replace(&new.text, &new.seen).unwrap();
        new.reply.send(Ok(())).unwrap();
    };
    let fields = [("text", typed.as_str()), ("seen", &*fingerprint(OLD))];
    let sent = desk.pages.post(&desk.cookie, "/admin/settings/apply", &fields);
    let (moved, ()) = tokio::join!(sent, carried_out);
    assert!(
        moved.status == 200 && moved.text.contains("http://10.0.0.1:2099/admin/settings/result"),
        "{}",
        moved.text
    );
    assert!(desk.file().contains("down_mbps = 5\n"));
    let result = desk.pages.get(&desk.cookie, "/admin/settings/result").await;
    assert!(result.status == 202 && result.text.contains("Being applied"), "{}", result.text);
    desk.upkeep.end(CameTo::TakenBack("the <moon> is full".to_owned()));
    let result = desk.pages.get(&desk.cookie, "/admin/settings/result").await;
    assert!(
        result.text.contains("do not work") && result.text.contains("The &#60;moon&#62; is full."),
        "{}",
        result.text
    );
    desk.upkeep.end(CameTo::Done);
    let result = desk.pages.get(&desk.cookie, "/admin/settings/result").await;
    assert!(result.text.contains("The new settings hold"), "{}", result.text);
}

#[tokio::test]
async fn a_file_that_somebody_else_changed_or_that_is_refused_stays_as_it_is() {
    let mut desk = Desk::open().await;
    let theirs = format!("{OLD}up_mbps = 1\n");
    fs::write(desk.dir.path().join("turnpike.toml"), &theirs).unwrap();
    let mine = format!("{OLD}down_mbps = 5\n");
    let shown = desk.send("/admin/settings", &mine, "save").await;
    assert!(shown.status == 409 && shown.text.contains("changed meanwhile"), "{}", shown.text);
    assert!(shown.text.contains("down_mbps = 5") && shown.text.contains(&fingerprint(&theirs)));
    fs::write(desk.dir.path().join("turnpike.toml"), OLD).unwrap();
    let refuse = async {
        let Some(Order::Settings(new)) = desk.orders.recv().await else { panic!("no order") };
        let text = "[admin] listen 10.0.0.1:1 cannot be opened".to_owned();
        new.reply.send(Err(NotTaken::Unfit(text))).unwrap();
    };
    let seen = fingerprint(OLD);
    let fields = [("text", mine.as_str()), ("seen", seen.as_str())];
    let sent = desk.pages.post(&desk.cookie, "/admin/settings/apply", &fields);
    let (shown, ()) = tokio::join!(sent, refuse);
    assert_eq!(shown.status, 409);
    assert!(shown.text.contains("cannot be opened. Nothing was changed."), "{}", shown.text);
    assert_eq!(desk.file(), OLD);
    // Nobody is there to carry it out.
    desk.orders.close();
    let shown = desk.pages.post(&desk.cookie, "/admin/settings/apply", &fields).await;
    assert!(shown.status == 409 && shown.text.contains("Another change is being made"), "{}", shown.text);
    // A text with mistakes is not even ordered.
    let wrong =
        desk.pages.post(&desk.cookie, "/admin/settings/apply", &[("text", "zone"), ("seen", &seen)]).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn a_file_keeps_the_ends_of_its_lines() {
    let mut desk = Desk::open().await;
    let old = OLD.replace('\n', "\r\n");
    fs::write(desk.dir.path().join("turnpike.toml"), &old).unwrap();
    let typed = format!("{old}down_mbps = 5\r\n");
    let seen = fingerprint(&old);
    let fields = [("text", typed.as_str()), ("seen", seen.as_str()), ("go", "save")];
    let shown = desk.pages.post(&desk.cookie, "/admin/settings", &fields).await;
    assert_eq!(shown.text.matches("<tr class=\"new\">").count(), 1, "{}", shown.text);
    let unchanged = [("text", OLD), ("seen", seen.as_str()), ("go", "save")];
    let shown = desk.pages.post(&desk.cookie, "/admin/settings", &unchanged).await;
    assert!(shown.text.contains("what the file says already"), "{}", shown.text);
    let order = async {
        let Some(Order::Settings(new)) = desk.orders.recv().await else { panic!("no order") };
        assert_eq!(new.text, format!("{old}down_mbps = 5\r\n"));
        new.reply.send(Ok(())).unwrap();
    };
    let lf = typed.replace('\r', "");
    let fields = [("text", lf.as_str()), ("seen", seen.as_str())];
    let sent = desk.pages.post(&desk.cookie, "/admin/settings/apply", &fields);
    assert_eq!(tokio::join!(sent, order).0.status, 303);
}

#[tokio::test]
async fn a_file_that_no_form_can_send_back_is_said() {
    let desk = Desk::open().await;
    let path = desk.dir.path().join("turnpike.toml");
    // As long as the door lets through, which is what the page says.
    fs::write(&path, format!("{OLD}# {}\n", "x".repeat(190_000))).unwrap();
    let shown = desk.pages.get(&desk.cookie, "/admin/settings").await;
    assert!(
        !shown.text.contains("longer than a page can send back") && shown.text.contains("value=\"save\"")
    );
    for more in ["x".repeat(300_000), "é".repeat(50_000), "\n".repeat(45_000)] {
        fs::write(&path, format!("{OLD}# {more}\n")).unwrap();
        let shown = desk.pages.get(&desk.cookie, "/admin/settings").await;
        assert!(shown.text.contains("longer than a page can send back"), "{} bytes", more.len());
        assert!(!shown.text.contains("value=\"save\"") && shown.text.contains("/admin/settings/file"));
        let text = format!("{OLD}# {more}\n");
        let sent = text.replace('\n', "\r\n");
        assert_eq!(desk.send("/admin/settings", &sent, "check").await.status, 413, "{}", more.len());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_said_plainly() {
    let desk = Desk::open().await;
    fs::remove_file(desk.dir.path().join("turnpike.toml")).unwrap();
    let shown = desk.pages.get(&desk.cookie, "/admin/settings").await;
    assert!(shown.text.contains("cannot write this file") && shown.text.contains("SIGHUP"), "{}", shown.text);
    assert!(shown.text.contains("could not be read"), "{}", shown.text);
    assert_eq!(desk.pages.get(&desk.cookie, "/admin/settings/file").await.status, 409);
}

#[tokio::test]
async fn a_file_that_is_made_of_another_says_so() {
    let desk = Desk::open().await;
    let told = "made of <code><bdi>/etc/config/turnpike</bdi></code>";
    let front = desk.pages.get(&desk.cookie, "/admin/settings").await;
    assert!(!front.text.contains("made of"), "{}", front.text);
    let made = FromUci::parse(
        b"config zone\n\toption name 'guests'\n\tlist lan 'br-lan'\n",
        Path::new("/etc/config/turnpike"),
    );
    let made = made.unwrap().toml;
    fs::write(desk.dir.path().join("turnpike.toml"), &made).unwrap();
    let front = desk.pages.get(&desk.cookie, "/admin/settings").await;
    assert!(front.status == 200 && front.text.contains(told), "{}", front.text);
    // It can be saved all the same, and what was typed does not take the warning away.
    let (typed, seen) = (format!("{OLD}down_mbps = 5\n"), fingerprint(&made));
    let fields = [("text", typed.as_str()), ("seen", seen.as_str()), ("go", "check")];
    let checked = desk.pages.post(&desk.cookie, "/admin/settings", &fields).await;
    assert!(checked.status == 200 && checked.text.contains(told), "{}", checked.text);
    let fields = [("text", typed.as_str()), ("seen", seen.as_str()), ("go", "save")];
    let shown = desk.pages.post(&desk.cookie, "/admin/settings", &fields).await;
    assert!(
        shown.status == 200 && shown.text.contains("made of /etc/config/turnpike anew"),
        "{}",
        shown.text
    );
}
