//! The pages of providers, plugins, coin slots, locks and roles.

use std::sync::Arc;
use std::time::Duration;

use turnpike::config::Config;
use turnpike::domain::sessions_mgr::RolePatch;
use turnpike::domain::{
    BoxFuture, ClientDevice, DeviceId, LockName, LockScope, Money, Permission, ProviderError, ProviderName,
    SessionProvider, SessionSource, Text, WallTime,
};
use turnpike::runtime::{DevicePatch, PluginKind, PluginState, PluginStatus};
use turnpike::store::AuditQuery;

use crate::admin_pages::{Pages, encoded};
use crate::plugins::client::{Host, eventually};
use crate::plugins::supervised::script;
use crate::support::{START, TestApp, minutes, zone};

/// HTML, marks that turn the direction, and more than fits anywhere.
pub fn hostile() -> String {
    format!("<b>\"'&\u{202e}{}", "x".repeat(300))
}

async fn actions(pages: &Pages) -> Vec<(String, Option<String>)> {
    let wanted = AuditQuery { page: 1, per_page: 100, ..AuditQuery::default() };
    let (lines, _) = pages.app.store.audit(&wanted).await.unwrap();
    lines.into_iter().map(|line| (line.action, line.subject.map(|subject| subject.to_string()))).collect()
}

/// One that fails whatever it is asked.
struct Broken(ProviderName);

impl SessionProvider for Broken {
    fn name(&self) -> &ProviderName {
        &self.0
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Err(ProviderError("<b>the till</b> is on fire".to_owned())) })
    }

    fn fetch_sessions<'a>(
        &'a self,
        _device: &'a ClientDevice,
        _page: u32,
        _per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<turnpike::domain::SourceData>, ProviderError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn source<'a>(
        &'a self,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_shown_with_what_it_said_and_its_sessions_are_counted() {
    let broken = Arc::new(Broken(ProviderName::new("till")));
    let pages = Pages::on(TestApp::start_with(vec![zone()], vec![broken]).await, |state| state);
    let cookie = pages.log_in(&[Permission::ViewSession]).await;
    let before = pages.get(&cookie, "/admin/providers").await;
    assert_eq!(before.status, 200);
    assert!(before.text.contains("not asked yet") && before.text.contains("There are no plugins."));
    let device = pages.app.device(1).await;
    pages.app.handle.get_session(device.id).await.unwrap();
    pages.app.handle.create_session(device.id, minutes(5)).await.unwrap();
    let after = pages.get(&cookie, "/admin/providers").await.text;
    assert!(after.contains("did not answer last"), "{after}");
    assert!(after.contains("Asked</dt><dd>once, 1 in vain"), "{after}");
    assert!(after.contains("<bdi>operator</bdi> 1</a>"), "an operator made one: {after}");
    assert!(after.contains("q=%24Provider%20is%20%22operator%22"), "{after}");
    let nobody = pages.log_in(&[Permission::ManageVouchers]).await;
    assert_eq!(pages.get(&nobody, "/admin/providers").await.status, 403);
    assert!(!pages.get(&nobody, "/admin/counter").await.text.contains("/admin/providers"), "not in the menu");
}

const TALKER: &str = r#"#!/usr/bin/env python3
import json, sys
print("<b>born</b> \u202e", file=sys.stderr, flush=True)
print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": 1, "name": "talker"}}), flush=True)
for line in sys.stdin:
    pass
"#;

#[tokio::test]
async fn a_plugin_is_started_anew_by_an_operator_and_shows_what_it_wrote() {
    let app = TestApp::start().await;
    let config = script(&app, "talker", TALKER);
    let host = Host::start_with(app, vec![config]);
    eventually("it runs", || host.status("talker").state == PluginState::Running).await;
    eventually("it has written", || !host.status("talker").said.is_empty()).await;
    let first = host.status("talker").pid;
    let pages = Pages::on(host.app, |state| state);
    let looker = pages.log_in(&[Permission::ViewSession]).await;
    let shown = pages.get(&looker, "/admin/providers").await.text;
    assert!(shown.contains("started by this box") && !shown.contains("Start it anew"), "{shown}");
    assert!(!shown.contains("born"), "a program may write anything there: {shown}");
    let place = "/admin/providers/restart";
    assert_eq!(pages.get(&looker, &format!("{place}?plugin=talker")).await.status, 403);
    assert_eq!(pages.post(&looker, place, &[("plugin", "talker")]).await.status, 403);
    let admin = pages.log_in(&[Permission::Admin]).await;
    let shown = pages.get(&admin, "/admin/providers").await.text;
    assert!(shown.contains("restart?plugin=talker"), "{shown}");
    assert!(shown.contains("&#60;b&#62;born&#60;/b&#62;"), "{shown}");
    let ask = pages.get(&admin, &format!("{place}?plugin=talker")).await;
    assert!(ask.status == 200 && ask.text.contains("Sessions that it sold go on."), "{}", ask.text);
    for wrong in ["", "none", "<b>"] {
        assert_eq!(pages.post(&admin, place, &[("plugin", wrong)]).await.status, 404, "{wrong}");
    }
    let done = pages.post(&admin, place, &[("plugin", "talker")]).await;
    assert_eq!((done.status, done.to.as_str()), (303, "/admin/providers?done=restart"));
    let plugins = pages.app.handle.registry().plugins().clone();
    let now = || plugins.get("talker").unwrap();
    eventually("it runs again", || {
        now().state == PluginState::Running && now().pid.is_some() && now().pid != first
    })
    .await;
    assert_eq!(now().restarts, 1);
    assert!(now().last_error.is_none(), "that was nobody's fault");
    let shown = pages.get(&admin, &done.to).await.text;
    assert!(
        shown.contains("an operator had it started anew") && shown.contains("Started again</dt><dd>once"),
        "{shown}"
    );
    assert!(actions(&pages).await.contains(&("plugin.restart".to_owned(), Some("talker".to_owned()))));
}

#[tokio::test]
async fn plugins_stand_as_they_are_and_those_that_run_by_themselves_are_not_started_here() {
    let pages = Pages::start().await;
    let roster = pages.app.handle.registry().plugins();
    let put = |name: &str, kind, state| roster.put(PluginStatus::new(name, kind, state, START.wall));
    put("waits", PluginKind::Child, PluginState::WaitingToRestart);
    put("far", PluginKind::Socket, PluginState::Connected);
    roster.change("far", |status| {
        status.left_out = true;
        status.last_error = Some(Text::new(&hostile()));
        status.last_error_at = Some(START.wall);
        status.last_exit = Some((START.wall, Text::new("it ended (exit status: 7)")));
    });
    let admin = pages.log_in(&[Permission::Admin]).await;
    let shown = pages.get(&admin, "/admin/providers").await.text;
    for part in
        ["ended, starts again soon", "left out: it fails", "exit status: 7", "runs by itself", "2026-06-01"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(shown.contains("restart?plugin=waits") && !shown.contains("restart?plugin=far"), "{shown}");
    assert_eq!(pages.get(&admin, "/admin/providers/restart?plugin=far").await.status, 404);
}

#[tokio::test]
async fn a_coin_slot_shows_who_is_at_it_what_it_took_today_and_its_trouble() {
    let text = "[site]\ncurrency = \"EUR\"\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n\
                [[coinslot]]\nname = \"1\"\npipe = \"/nonexistent\"\n\
                rates = [{ amount = \"1\", time_secs = 600 }]\npulses = [[1, \"1\"]]\n";
    let config = Config::parse(text, std::path::Path::new("test")).unwrap();
    let slot = Arc::new(Broken(ProviderName::new("coin-1")));
    let app = TestApp::start_with(vec![zone()], vec![slot]).await;
    let device = app.device(1).await;
    let pages = Pages::on(app, |state| state.with_coin_slots(&config.coin_slots));
    let cookie = pages.log_in(&[Permission::ViewSession, Permission::ManageVouchers]).await;
    let empty = pages.get(&cookie, "/admin/providers").await.text;
    assert!(empty.contains("Taken today</dt><dd>nothing yet") && empty.contains("nobody"), "{empty}");
    let name: LockName = "coinslot/1".parse().unwrap();
    pages.app.handle.acquire_lock(&name, device.id, LockScope::ConnectionLoss, None).await.unwrap();
    let yesterday = WallTime(START.wall.0 - 86_400_000);
    for (number, at) in [(1, START.wall), (2, START.wall), (3, yesterday)] {
        let reference = format!("coin-{number}");
        let put = pages.app.store.add_credit("coinslot/1", &reference, Money(150), Some(device.id), at);
        assert!(put.await.unwrap());
    }
    pages.app.handle.registry().set_trouble(
        &ProviderName::new("coin-1"),
        "input",
        Some(Text::new("Its input fails: <b>gone</b>")),
    );
    let shown = pages.get(&cookie, "/admin/providers").await.text;
    for part in ["3.00 EUR (2 times)", "4.50 EUR", "has trouble", "Its input fails: &#60;b&#62;gone"] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(shown.contains(&format!("/admin/devices/{}", device.id)), "{shown}");
    let looker = pages.log_in(&[Permission::ViewSession]).await;
    let shown = pages.get(&looker, "/admin/providers").await.text;
    assert!(shown.contains("has trouble") && !shown.contains(" EUR"), "money is another's business: {shown}");
}

async fn lock(pages: &Pages, name: &str, device: DeviceId) {
    let name: LockName = name.parse().unwrap();
    pages.app.handle.acquire_lock(&name, device, LockScope::SessionLoss, None).await.unwrap();
}

#[tokio::test]
async fn a_lock_is_released_by_whoever_may_and_only_from_whom_it_was_seen_with() {
    let pages = Pages::start().await;
    let (ana, ben) = (pages.app.device(1).await, pages.app.device(2).await);
    let looker = pages.log_in(&[Permission::ViewSession, Permission::AcquireLock("other".to_owned())]).await;
    assert!(pages.get(&looker, "/admin/locks").await.text.contains("Nobody holds a lock."));
    let alias = Some(Some(Text::new(&hostile())));
    pages.app.handle.update_device(ana.id, DevicePatch { alias, ..DevicePatch::default() }).await.unwrap();
    lock(&pages, "coinslot/<b>", ana.id).await;
    let shown = pages.get(&looker, "/admin/locks").await;
    assert!(
        shown.text.contains("coinslot/&#60;b&#62;") && shown.text.contains("&#60;b&#62;&#34;&#39;"),
        "{}",
        shown.text
    );
    assert!(!shown.text.contains("/admin/locks/release"), "{}", shown.text);
    let owner = ana.id.to_string();
    let fields = [("name", "coinslot/<b>"), ("owner", owner.as_str())];
    assert_eq!(pages.post(&looker, "/admin/locks/release", &fields).await.status, 403);
    let clerk =
        pages.log_in(&[Permission::ViewSession, Permission::AcquireLock("coinslot".to_owned())]).await;
    let part = pages.get(&clerk, "/admin/locks?part=rows").await.text;
    let ask = format!(
        "/admin/locks/release?name={}&amp;owner={owner}",
        encoded("coinslot/<b>").replace("%2D", "-")
    );
    assert!(part.starts_with("<div id=\"rows\"") && part.contains(&ask.replace("&amp;", "&#38;")), "{part}");
    let asked = pages.get(&clerk, &ask.replace("&amp;", "&")).await;
    assert!(asked.status == 200 && asked.text.contains("Nobody waits for it"), "{}", asked.text);
    // It has changed hands since.
    let stale = [("name", "coinslot/<b>"), ("owner", &*ben.id.to_string())];
    assert_eq!(pages.post(&clerk, "/admin/locks/release", &stale).await.status, 409);
    assert_eq!(pages.app.handle.locks().len(), 1);
    let done = pages.post(&clerk, "/admin/locks/release", &fields).await;
    assert_eq!((done.status, done.to.as_str()), (303, "/admin/locks?done=released"));
    assert!(pages.app.handle.locks().is_empty());
    assert_eq!(pages.post(&clerk, "/admin/locks/release", &fields).await.status, 409, "a second time");
    assert_eq!(pages.post(&clerk, "/admin/locks/release", &[("name", "//")]).await.status, 409);
    let released = ("lock.release".to_owned(), Some("coinslot/<b>".to_owned()));
    assert_eq!(actions(&pages).await.iter().filter(|line| **line == released).count(), 1);
}

#[tokio::test]
async fn roles_say_what_they_change_and_who_has_them() {
    let pages = Pages::start().await;
    let device = pages.app.device(1).await;
    let session = pages.app.handle.create_session(device.id, minutes(5)).await.unwrap();
    let add = ["slow", "a \"b\" <b>"].map(str::to_owned).into();
    pages.app.handle.change_roles(session.id, RolePatch { add, remove: Default::default() }).await.unwrap();
    let roles = Some(["vip".to_owned()].into());
    pages.app.handle.update_device(device.id, DevicePatch { roles, ..DevicePatch::default() }).await.unwrap();
    let cookie = pages.log_in(&[Permission::ViewSession]).await;
    let shown = pages.get(&cookie, "/admin/roles").await.text;
    for part in [
        "what is used is counted, not taken",
        "20 Mbit/s down",
        "In use, and not in the configuration",
        "a &#34;b&#34; &#60;b&#62;",
        "q=hasRoles%20%5B%22slow%22%5D",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    // The link leads to those that have it, also with quotes in the name.
    for role in ["slow", "a \"b\" <b>"] {
        let filter = format!("hasRoles [\"{}\"]", role.replace('"', "\\\""));
        let found = pages.get(&cookie, &format!("/admin/sessions?q={}", encoded(&filter))).await;
        assert!(found.status == 200 && found.text.contains(&session.id.to_string()), "{}", found.text);
    }
    let devices = pages.get(&cookie, &format!("/admin/devices?q={}", encoded("hasRoles [\"vip\"]"))).await;
    assert!(devices.text.contains(&device.id.to_string()), "{}", devices.text);
    let nobody = pages.log_in(&[Permission::RegisterHandler]).await;
    assert_eq!(pages.get(&nobody, "/admin/roles").await.status, 403);
}

#[tokio::test]
async fn what_plugins_do_with_locks_is_noted() {
    let host = Host::start().await;
    let mut plugin = host.plugin("coins").await;
    plugin.ask("lock.acquire", serde_json::json!({ "name": "own" })).await.unwrap();
    plugin.ask("lock.acquire", serde_json::json!({ "name": "own" })).await.unwrap();
    plugin.ask("lock.release", serde_json::json!({ "name": "own" })).await.unwrap();
    plugin.ask("lock.release", serde_json::json!({ "name": "own" })).await.unwrap_err();
    let wanted = AuditQuery { page: 1, per_page: 10, ..AuditQuery::default() };
    let (lines, _) = host.app.store.audit(&wanted).await.unwrap();
    let said: Vec<(&str, &str, Option<&str>)> = lines
        .iter()
        .map(|line| (line.actor.as_str(), line.action.as_str(), line.subject.as_ref().map(Text::as_str)))
        .collect();
    let own = Some("own");
    assert_eq!(said, [("plugin coins", "lock.release", own), ("plugin coins", "lock.acquire", own)]);
    assert!(tokio::time::timeout(Duration::from_secs(10), host.stop()).await.is_ok());
}
