//! The admin pages of devices: the list, and the page of one with all that can be done there.

use turnpike::domain::{DeviceStatus, SessionKind};
use turnpike::runtime::{DeviceList, DeviceRef};

use crate::admin_pages::Pages;
use crate::admin_sessions::{hidden, hostile, looker, server};
use crate::support::mac;

#[tokio::test]
async fn devices_are_listed_found_and_made_known() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let empty = pages.get(&cookie, "/admin/devices").await;
    assert!(empty.text.contains("No device is known yet") && empty.text.contains("Make a device known"));
    let wrong = pages.post(&cookie, "/admin/devices", &[("mac", "nonsense <b>"), ("alias", "x")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    for part in [
        "value=\"nonsense &#60;b&#62;\"",
        "aria-invalid",
        "<title>Error: Devices",
        "value=\"x\"",
        "<details class=\"card fold\" id=\"register\" open",
    ] {
        assert!(wrong.text.contains(part), "{part}\n{}", wrong.text);
    }
    let fields = [("mac", "02:00:00:00:53:63"), ("alias", hostile().leak() as &str), ("zone", "guests")];
    let made = pages.post(&cookie, "/admin/devices", &fields).await;
    assert!(made.status == 303 && made.to.ends_with("?done=registered"), "{} {}", made.to, made.text);
    assert!(pages.get(&cookie, &made.to).await.text.contains("The device is known now."));
    assert_eq!(pages.post(&cookie, "/admin/devices", &fields).await.status, 409);
    pages.guest(1, "phone-1").await;
    pages.guest(2, "phone-2").await;
    for (query, count) in [
        ("sort=name", 3),
        ("sort=-status", 3),
        ("state=connected", 2),
        ("state=blocked", 0),
        ("q=phone-2", 1),
        ("q=02-00-00-00-53-63", 1),
        ("q=not%20has%20$SessionId", 1),
        ("q=$State%20is%20'running'", 2),
    ] {
        let shown = pages.get(&cookie, &format!("/admin/devices?{query}")).await;
        let said = if count == 0 { "No device is like that".to_owned() } else { format!(" of {count}</p>") };
        assert!(shown.status == 200 && shown.text.contains(&said), "{query}: {}", shown.text);
    }
    let wrong = pages.get(&cookie, "/admin/devices?q=$State%20is%20running").await;
    assert!(wrong.status == 422 && wrong.text.contains("\n          ^</pre>"), "{}", wrong.text);
}

#[tokio::test]
async fn everything_that_can_be_done_with_a_device_is_done_and_audited() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (id, session) = pages.guest(1, "phone").await;
    let place = format!("/admin/devices/{id}");
    let post = async |act: &str, fields: &[(&str, &str)]| {
        pages.post(&cookie, &format!("{place}/{act}"), fields).await
    };
    let standing = async || {
        let (found, _) = pages
            .app
            .handle
            .list_devices(&DeviceList { page: 1, per_page: 9, ..Default::default() })
            .await
            .unwrap();
        found.iter().find(|listed| listed.device.id == id).unwrap().status()
    };
    for (act, status) in [
        ("disconnect", DeviceStatus::Disconnected),
        ("connect", DeviceStatus::Connected),
        ("block", DeviceStatus::Blocked),
        ("unblock", DeviceStatus::Disconnected),
        ("connect", DeviceStatus::Connected),
    ] {
        let done = post(act, &[]).await;
        assert_eq!(done.status, 303, "{act}: {}", done.text);
        assert_eq!(standing().await, status, "{act}");
        assert_eq!(pages.get(&cookie, &done.to).await.status, 200);
    }
    // From the page of a session, and back there.
    let back = post("disconnect", &[("session", &session.to_string())]).await;
    assert_eq!(back.to, format!("/admin/sessions/{session}"));
    assert_eq!(
        post("change", &[("alias", "Ana"), ("zone", "guests")]).await.to,
        format!("{place}?done=changed")
    );
    assert_eq!(post("roles", &[("roles", "vip, staff")]).await.to, format!("{place}?done=roles"));
    let device = pages.app.handle.find_device(DeviceRef::Id(id)).await.unwrap();
    assert_eq!(device.alias.as_ref().map(ToString::to_string).as_deref(), Some("Ana"));
    assert_eq!(device.roles, ["staff".to_owned(), "vip".to_owned()].into());
    for (act, fields) in [
        ("change", vec![("alias", "x".repeat(501)), ("zone", "guests".to_owned())]),
        ("roles", vec![("roles", "r".repeat(65))]),
        ("session", vec![("kind", "time".to_owned()), ("time_min", String::new())]),
        ("session", vec![("kind", "data".to_owned()), ("data_mb", "-1".to_owned())]),
        (
            "session",
            vec![("kind", "time".to_owned()), ("time_min", "5".to_owned()), ("down_mbps", "x".to_owned())],
        ),
        ("message", vec![("text", String::new())]),
    ] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let wrong = post(act, &fields).await;
        assert!(
            wrong.status == 422 && wrong.text.contains("aria-invalid"),
            "{act} {fields:?}: {}",
            wrong.text
        );
    }
    let made =
        post("session", &[("kind", "data"), ("data_mb", "5"), ("exp_days", "2"), ("up_mbps", "1")]).await;
    assert!(made.to.ends_with("?done=created"), "{} {}", made.to, made.text);
    let sessions = pages.app.handle.usable_sessions(id).await.unwrap();
    assert!(
        sessions
            .iter()
            .any(|session| session.terms.kind == SessionKind::Data && session.terms.exp_days == Some(2))
    );
    assert_eq!(post("message", &[("text", "hello"), ("lasts_min", "5")]).await.status, 303);
    // A double click, and a page that was gone back to.
    let once = hidden(&pages.get(&cookie, &place).await.text, "once").to_owned();
    let count = pages.app.handle.usable_sessions(id).await.unwrap().len();
    let fields = [("once", &*once), ("kind", "time"), ("time_min", "7")];
    let both = tokio::join!(post("session", &fields), post("session", &fields));
    let mut places = [both.0.to, both.1.to];
    places.sort();
    assert!(places[0].ends_with("?done=again") && places[1].ends_with("?done=created"), "{places:?}");
    assert_eq!(places[0].split('?').next(), places[1].split('?').next(), "the same session");
    assert_eq!(pages.get(&cookie, &places[0]).await.status, 200);
    let other = post("session", &[("once", &*once), ("kind", "time"), ("time_min", "8")]).await;
    assert!(other.status == 422 && other.text.contains("sent before, with something else"), "{}", other.text);
    assert_eq!(pages.app.handle.usable_sessions(id).await.unwrap().len(), count + 1);
    let fields = [("once", &*once), ("text", "twice"), ("lasts_min", "5")];
    let both = tokio::join!(post("message", &fields), post("message", &fields));
    let mut places = [both.0.to, both.1.to];
    places.sort();
    assert_eq!(places, [format!("{place}?done=again"), format!("{place}?done=message")]);
    assert_eq!(post("message", &fields).await.to, format!("{place}?done=again"));
    let page = pages.get(&cookie, &places[0]).await;
    assert_eq!(page.text.matches("<div class=\"item\"><p><bdi>twice</bdi>").count(), 1, "{}", page.text);
    for act in ["change", "roles", "session", "message", "block", "code"] {
        let shown = pages.get(&cookie, &format!("{place}/{act}")).await;
        assert_eq!((shown.status, shown.to.as_str()), (303, place.as_str()), "{act}: a page loaded again");
    }
    let ping = post("ping", &[]).await;
    assert!(ping.status == 200 && ping.text.contains("It answered after 1.5 ms."), "{}", ping.text);
    let code = post("code", &[]).await;
    assert!(code.status == 200 && code.text.contains("Its recovery code: "), "{}", code.text);
    assert!(pages.get(&cookie, &format!("{place}?offers=1")).await.text.contains("Nothing at present."));
    let sure = pages.get(&cookie, &format!("{place}/delete")).await;
    assert!(sure.text.contains("Forget this device?"), "{}", sure.text);
    let tag = hidden(&sure.text, "tag").to_owned();
    post("change", &[("alias", "Ben"), ("zone", "guests")]).await;
    let stale = post("delete", &[("tag", &tag)]).await;
    assert!(stale.status == 412 && stale.text.contains("changed meanwhile"), "{}", stale.text);
    let tag = hidden(&stale.text, "tag").to_owned();
    assert_eq!(post("delete", &[("tag", &tag)]).await.to, "/admin/devices?done=deleted");
    assert_eq!(pages.get(&cookie, &place).await.status, 404);
    let mut actions: Vec<String> = pages.actions().await.into_iter().map(|(action, _)| action).collect();
    actions.sort();
    actions.dedup();
    assert_eq!(
        actions,
        [
            "device.block",
            "device.change",
            "device.connect",
            "device.delete",
            "device.disconnect",
            "device.message",
            "device.recovery_code",
            "device.unblock",
            "session.create"
        ]
    );
}

#[tokio::test]
async fn what_a_device_has_is_moved_after_it_was_confirmed() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (from, session) = pages.guest(1, "old").await;
    let to = pages.app.device(2).await.id;
    let place = format!("/admin/devices/{from}/move");
    for (wanted, status) in [("", 422), ("nonsense", 422), ("02:00:00:00:00:99", 422), ("10.0.0.1", 422)] {
        let wrong = pages.get(&cookie, &format!("{place}?to={wanted}")).await;
        assert!(
            wrong.status == status && wrong.text.contains("id=\"move-to-error\""),
            "{wanted}: {}",
            wrong.text
        );
    }
    let sure = pages.get(&cookie, &format!("{place}?to={}", mac(2))).await;
    assert!(sure.status == 200 && sure.text.contains("Move what it has to another device?"), "{}", sure.text);
    let (tag, target) = (hidden(&sure.text, "tag").to_owned(), hidden(&sure.text, "to").to_owned());
    assert_eq!(target, to.to_string());
    let done = pages.post(&cookie, &place, &[("tag", &tag), ("to", &target)]).await;
    assert_eq!(done.to, format!("/admin/devices/{to}?done=moved"), "{}", done.text);
    assert!(pages.app.handle.is_connected(to).await.unwrap());
    assert!(pages.app.handle.session(session).await.unwrap().state.as_str() == "closed");
}

#[tokio::test]
async fn whoever_may_only_look_may_ping_and_nothing_else() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&looker()).await;
    let (id, _) = pages.guest(1, "phone").await;
    for act in [
        "connect",
        "disconnect",
        "block",
        "unblock",
        "change",
        "roles",
        "session",
        "message",
        "message-delete",
        "move",
        "code",
        "delete",
    ] {
        let shown = pages.post(&cookie, &format!("/admin/devices/{id}/{act}"), &[]).await;
        assert_eq!(shown.status, 403, "{act}");
    }
    assert_eq!(pages.post(&cookie, &format!("/admin/devices/{id}/ping"), &[]).await.status, 200);
    assert_eq!(pages.post(&cookie, "/admin/devices", &[("mac", "02:00:00:00:00:01")]).await.status, 403);
    assert_eq!(pages.get(&cookie, &format!("/admin/devices/{id}/delete")).await.status, 403);
    let server = pages.log_in(&server()).await;
    assert_eq!(pages.post(&server, &format!("/admin/devices/{id}/nonsense"), &[]).await.status, 404);
    assert_eq!(pages.get(&server, "/admin/devices/none").await.status, 404);
    // The counter's page of it stays.
    assert_eq!(pages.get(&server, &format!("/admin/device?dev={id}")).await.status, 200);
}
