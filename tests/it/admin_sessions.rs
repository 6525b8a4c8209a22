//! The admin pages of sessions: the list with its search box, and the page of one with all that can be done there.

use std::net::IpAddr;

use futures_util::StreamExt;
use turnpike::domain::{
    ClientDevice, DeviceId, MacAddr, Permission, SessionId, SessionKind, SessionTerms, Text, ZoneName,
};
use turnpike::store::AuditQuery;

use crate::admin_pages::Pages;
use crate::support::{minutes, zone};

/// A name that tries everything: markup, quotes, a mark that turns the direction around, 300 characters.
pub fn hostile() -> String {
    format!("<script>alert(1)</script>\"'><b>\u{202e}gnp{}", "x".repeat(300))
}

pub fn looker() -> [Permission; 1] {
    [Permission::ViewSession]
}

pub fn server() -> [Permission; 2] {
    [Permission::ViewSession, Permission::ModifySession]
}

/// What the page's hidden field of that name holds first.
pub fn hidden<'a>(text: &'a str, name: &str) -> &'a str {
    let marker = format!("type=\"hidden\" name=\"{name}\" value=\"");
    text.split(&marker)
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("{name}: {text}"))
}

impl Pages {
    /// A device of that name with a running session of an hour or 100 MB.
    pub async fn guest(&self, number: u8, name: &str) -> (DeviceId, SessionId) {
        let address = IpAddr::from([10, 0, 0, number]);
        let device = self.app.device(number).await;
        let (mac, zone) = (device.mac, ZoneName::new("guests"));
        self.app.handle.seen(mac, zone, Some(address), Some(Text::new(name)), true).await.unwrap();
        let terms =
            SessionTerms::new(SessionKind::TimeOrData, Some(3_600), Some(100.0), None, 0.0, 0.0, false);
        let session = self.app.handle.create_session(device.id, terms.unwrap()).await.unwrap();
        self.app.handle.connect(device.id, None).await.unwrap();
        (device.id, session.id)
    }

    pub async fn actions(&self) -> Vec<(String, Option<String>)> {
        let wanted = AuditQuery { page: 1, per_page: 100, ..AuditQuery::default() };
        let (lines, _) = self.app.store.audit(&wanted).await.unwrap();
        assert!(lines.iter().all(|line| line.actor.as_str().contains("Ana & Ben")), "{lines:?}");
        // That they signed in is another's business.
        let own = lines.into_iter().filter(|line| !line.action.starts_with("admin."));
        own.map(|line| (line.action, line.subject.map(|id| id.to_string()))).collect()
    }
}

#[tokio::test]
async fn an_empty_list_says_what_to_do_and_a_full_one_is_found_sorted_and_paged() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let empty = pages.get(&cookie, "/admin/sessions").await;
    assert!(empty.status == 200 && empty.text.contains("There are no sessions yet"), "{}", empty.text);
    for number in 1..=60 {
        pages.guest(number, &format!("phone-{number:02}")).await;
    }
    let first = pages.get(&cookie, "/admin/sessions?sort=name").await.text;
    assert!(first.contains("1 to 50 of 60") && first.contains("aria-sort=\"ascending\""), "{first}");
    assert!(first.contains("phone-01") && !first.contains("phone-51"), "{first}");
    assert!(
        first.contains("/admin/sessions?sort=-name")
            && first.contains("/admin/sessions?sort=name&#38;page=2")
    );
    let second = pages.get(&cookie, "/admin/sessions?sort=name&page=2").await.text;
    assert!(second.contains("51 to 60 of 60") && second.contains("phone-60"), "{second}");
    let beyond = pages.get(&cookie, "/admin/sessions?sort=name&page=77").await.text;
    assert!(beyond.contains("51 to 60 of 60"), "{beyond}");
    let last = pages.get(&cookie, "/admin/sessions?sort=-name&per=25").await.text;
    assert!(last.contains("1 to 25 of 60") && last.contains("aria-sort=\"descending\""), "{last}");
    // Only what the script asks for.
    let rows = pages.get(&cookie, "/admin/sessions?part=rows").await.text;
    assert!(rows.starts_with("<div id=\"rows\"") && !rows.contains("<html"), "{rows}");
    for (query, count) in [
        ("q=PHONE-07", 1),
        ("q=10.0.0.9", 1),
        ("state=running", 60),
        ("state=nonsense", 60),
        ("q=$State%20is%20%22running%22%20and%20$Hostname%20in%20%5B'phone-01','phone-02'%5D", 2),
        ("q=all&as=words", 0),
    ] {
        let found = pages.get(&cookie, &format!("/admin/sessions?{query}")).await;
        let said = if count == 0 { "No session is like that".to_owned() } else { format!(" of {count}</p>") };
        assert!(found.status == 200 && found.text.contains(&said), "{query}: {}", found.text);
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_shown_with_a_caret_and_kept() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&looker()).await;
    let shown = pages.get(&cookie, "/admin/sessions?q=$State%20like%20'%3Cb%3E'").await;
    assert_eq!(shown.status, 422);
    for part in [
        "<title>Error: Sessions",
        "Error: expected is, eq, ne, lt, le, gt, ge or in at column 8.",
        "$State like &#39;&#60;b&#62;&#39;\n       ^</pre>",
        "value=\"$State like &#39;&#60;b&#62;&#39;\"",
        "aria-describedby=\"q-error\"",
        "as=words",
    ] {
        assert!(shown.text.contains(part), "{part}\n{}", shown.text);
    }
    assert_eq!(pages.get("", "/admin/sessions").await.status, 303);
    let seller = pages.log_in(&[Permission::ManageVouchers]).await;
    assert_eq!(pages.get(&seller, "/admin/sessions").await.status, 403);
}

#[tokio::test]
async fn hostile_names_are_harmless_on_every_page() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let (device, session) = pages.guest(1, &hostile()).await;
    for (act, fields) in [
        ("property", vec![("key", "<b>"), ("value", hostile().leak() as &str)]),
        ("principal", vec![("principal", "<b>\u{202e}x")]),
        ("message", vec![("text", "<script>alert(2)</script><b>")]),
        ("roles", vec![("add", "<b>\"'")]),
    ] {
        let done = pages.post(&cookie, &format!("/admin/sessions/{session}/{act}"), &fields).await;
        assert_eq!(done.status, 303, "{act}: {}", done.text);
    }
    let ids = [("id", session.to_string())];
    let bulk = pages.post(&cookie, "/admin/sessions/bulk", &[("act", "close"), ("id", &ids[0].1)]).await;
    let mut texts = vec![bulk.text];
    for path in [
        "/admin/sessions".to_owned(),
        "/admin/devices".to_owned(),
        format!("/admin/sessions/{session}"),
        format!("/admin/sessions/{session}/close"),
        format!("/admin/sessions/{session}/delete"),
        format!("/admin/devices/{device}"),
        format!("/admin/devices/{device}/delete"),
        "/admin/sessions?q=%3Cscript%3E".to_owned(),
    ] {
        // What each page must not hold is looked for wherever one is asked for.
        let shown = pages.get(&cookie, &path).await;
        assert_eq!(shown.status, 200, "{path}");
        texts.push(shown.text);
    }
    for text in &texts {
        assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
        for name in text.split("&#60;script&#62;alert(1)").skip(1) {
            // Wherever the mark stands there is an element around it that ends its effect, or it was taken out.
            let end = name.find("</bdi>").or_else(|| name.find("\">")).unwrap();
            assert!(end < 700, "{name}");
        }
        let title = text.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap();
        assert!(!title.contains('\u{202e}'), "{title}");
    }
}

#[tokio::test]
async fn a_session_is_changed_only_as_it_was_shown_and_errors_stand_beside_their_fields() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (_, id) = pages.guest(1, "phone").await;
    let place = format!("/admin/sessions/{id}");
    let page = pages.get(&cookie, &place).await;
    assert!(
        page.status == 200 && page.text.contains("1 h left") && page.text.contains("100 MB left"),
        "{}",
        page.text
    );
    let tag = hidden(&page.text, "tag").to_owned();
    for (fields, said) in [
        (vec![("add_time_min", "-1")], "Write a number."),
        (vec![("add_time_min", "0")], "Must be between 1 and"),
        (vec![("down_mbps", "0.001")], "must be 0 (unlimited) or between"),
        (vec![("data_mb", "nothing")], "Write a number."),
        (vec![("exp_days", "99999")], "must be at most"),
        (vec![("add_time_min", "")], "Nothing was filled in."),
        (vec![("use_global_speed", "perhaps")], "Choose one of the list."),
    ] {
        let wrong = pages.post(&cookie, &format!("{place}/terms"), &fields).await;
        assert!(wrong.status == 422, "{fields:?}: {}", wrong.status);
        assert!(wrong.text.to_lowercase().contains(&said.to_lowercase()), "{fields:?}: {}", wrong.text);
        assert!(wrong.text.contains("<title>Error: "), "{}", wrong.text);
        let (name, value) = fields[0];
        if name != "use_global_speed" {
            let kept =
                format!("name=\"{name}\" value=\"{value}\" autocomplete=\"off\" aria-invalid=\"true\"");
            assert!(wrong.text.contains(&kept), "{kept}\n{}", wrong.text);
        }
    }
    let fields = [("tag", tag.as_str()), ("add_time_min", "30"), ("add_data_mb", "0,5"), ("down_mbps", "2")];
    let done = pages.post(&cookie, &format!("{place}/terms"), &fields).await;
    assert_eq!((done.status, done.to.clone()), (303, format!("{place}?done=terms")), "{}", done.text);
    let session = pages.app.handle.session(id).await.unwrap();
    assert_eq!(session.terms.time_limit_ms, Some(5_400_000));
    assert_eq!(session.terms.data_limit_bytes, Some(100_500_000));
    // The page from before knows nothing of that.
    let stale = pages.post(&cookie, &format!("{place}/terms"), &fields).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(
        stale.text.contains("changed meanwhile") && stale.text.contains("value=\"0,5\""),
        "{}",
        stale.text
    );
    assert_ne!(hidden(&stale.text, "tag"), tag);
    assert_eq!(pages.app.handle.session(id).await.unwrap().terms.time_limit_ms, Some(5_400_000));
    assert_eq!(pages.post(&cookie, &format!("{place}/close"), &[("tag", &tag)]).await.status, 412);
    let lines = pages.actions().await;
    assert_eq!(lines, [("session.change".to_owned(), Some(id.to_string()))]);
}

#[tokio::test]
async fn everything_that_can_be_done_with_a_session_is_done_and_audited() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (device, id) = pages.guest(1, "phone").await;
    let place = format!("/admin/sessions/{id}");
    let post = async |act: &str, fields: &[(&str, &str)]| {
        pages.post(&cookie, &format!("{place}/{act}"), fields).await
    };
    for (act, fields, done) in [
        ("roles", vec![("add", "vip, desk 2")], "roles"),
        ("roles", vec![("remove", "vip")], "roles"),
        ("property", vec![("key", "Floor"), ("value", "2")], "property"),
        ("property", vec![("key", "Wing"), ("value", "west")], "property"),
        ("property-delete", vec![("key", "Wing")], "property_deleted"),
        ("principal", vec![("principal", "ana")], "principal"),
        ("message", vec![("text", "hello"), ("lasts_min", "5")], "message"),
    ] {
        let shown = post(act, &fields).await;
        assert_eq!(shown.to, format!("{place}?done={done}"), "{act}: {}", shown.text);
    }
    let session = pages.app.handle.session(id).await.unwrap();
    assert_eq!(session.roles, ["desk 2".to_owned()].into());
    assert_eq!(session.properties, [("Floor".to_owned(), "2".to_owned())].into());
    assert_eq!(session.principal.as_deref(), Some("ana"));
    let page = pages.get(&cookie, &place).await.text;
    for part in ["desk 2", "Floor", "hello", "not shown yet", "session started", "$TimeLeft"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let message = hidden(&page, "message").to_owned();
    let path = format!("/admin/devices/{device}/message-delete");
    assert_eq!(pages.post(&cookie, &path, &[("message", &message)]).await.status, 303);
    for (act, fields) in [
        ("property", vec![("key", "$State"), ("value", "x")]),
        ("property", vec![("key", "a b"), ("value", "x")]),
        ("roles", vec![("add", "")]),
        ("message", vec![("text", "  ")]),
        ("message", vec![("text", "x"), ("lasts_min", "0")]),
        ("principal", vec![("principal", "x\u{1b}")]),
    ] {
        let wrong = post(act, &fields).await;
        assert!(
            wrong.status == 422 && wrong.text.contains("aria-invalid"),
            "{act} {fields:?}: {}",
            wrong.text
        );
    }
    for act in ["terms", "property", "roles", "message", "principal"] {
        assert_eq!(
            pages.get(&cookie, &format!("{place}/{act}")).await.to,
            place,
            "{act}: a page loaded again"
        );
    }
    let sure = pages.get(&cookie, &format!("{place}/close")).await;
    assert!(
        sure.text.contains("Close this session?") && sure.text.contains("cannot be undone"),
        "{}",
        sure.text
    );
    let tag = hidden(&sure.text, "tag").to_owned();
    assert_eq!(
        post("close", &[("tag", &tag), ("reason", "late <b>")]).await.to,
        format!("{place}?done=closed")
    );
    let over = pages.get(&cookie, &place).await.text;
    assert!(over.contains("It is over") && over.contains("late &#60;b&#62;"), "{over}");
    assert!(!over.contains("/terms") && !over.contains("property-delete"), "{over}");
    assert_eq!(post("roles", &[("add", "vip")]).await.status, 409);
    let deleted = post("delete", &[]).await;
    assert_eq!(deleted.to, "/admin/sessions?done=deleted", "{}", deleted.text);
    assert_eq!(pages.get(&cookie, &place).await.status, 404);
    let actions: Vec<String> = pages.actions().await.into_iter().rev().map(|(action, _)| action).collect();
    assert_eq!(
        actions,
        [
            "session.roles",
            "session.roles",
            "session.properties",
            "session.properties",
            "session.properties",
            "session.principal",
            "device.message",
            "message.delete",
            "session.close",
            "session.delete"
        ]
    );
}

#[tokio::test]
async fn whoever_may_only_look_is_shown_no_form_and_refused() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&looker()).await;
    let (device, id) = pages.guest(1, "phone").await;
    for path in [
        "/admin/sessions".to_owned(),
        "/admin/devices".to_owned(),
        format!("/admin/sessions/{id}"),
        format!("/admin/devices/{device}"),
    ] {
        let text = pages.get(&cookie, &path).await.text;
        let posts: Vec<&str> = text.split("method=\"post\" action=\"").skip(1).collect();
        let may = |form: &&str| form.starts_with("/admin/logout") || form.contains("/ping\"");
        assert!(
            posts.iter().all(|form| may(form) || form.starts_with("/admin/sessions/bulk")),
            "{path}: {text}"
        );
        assert!(!text.contains("Go on") && !text.contains("class=\"button danger\""), "{path}: {text}");
    }
    for act in ["terms", "property", "property-delete", "roles", "principal", "message", "close", "delete"] {
        let path = format!("/admin/sessions/{id}/{act}");
        assert_eq!(pages.post(&cookie, &path, &[]).await.status, 403, "{act}");
    }
    assert_eq!(pages.get(&cookie, &format!("/admin/sessions/{id}/close")).await.status, 403);
    for (path, status) in [("/admin/sessions/none", 404), ("/admin/sessions/%00", 404)] {
        assert_eq!(pages.get(&cookie, path).await.status, status, "{path}");
    }
    let server = pages.log_in(&server()).await;
    assert_eq!(pages.post(&server, &format!("/admin/sessions/{id}/nonsense"), &[]).await.status, 404);
}

/// Ten thousand devices, each with a session.
async fn fill(pages: &Pages, count: u32) {
    let handle = &pages.app.handle;
    let one = |number: u32| async move {
        let [_, a, b, c] = number.to_be_bytes();
        let mac = MacAddr::from_bytes([2, 0, 0x10, a, b, c]).unwrap();
        let address = IpAddr::from([10, a + 1, b, c]);
        let name = Some(Text::new(&format!("phone-{number:05}")));
        let device: ClientDevice = handle.seen(mac, zone().name, Some(address), name, true).await.unwrap();
        handle.create_session(device.id, minutes(60)).await.unwrap();
        if number.is_multiple_of(2) {
            handle.connect(device.id, None).await.unwrap();
        }
    };
    futures_util::stream::iter((0..count).map(one)).buffer_unordered(500).collect::<Vec<()>>().await;
}

/// How quick such pages are is measured by the benchmarks.
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_rows_a_page_shows_its_part() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    fill(&pages, 10_000).await;
    for path in [
        "/admin/sessions",
        "/admin/sessions?sort=name&page=100",
        "/admin/sessions?sort=-data_used_mb",
        "/admin/sessions?state=running",
        "/admin/sessions?q=phone-09",
        "/admin/sessions?q=$TimeLeft%20lt%20'9999'",
        "/admin/devices",
        "/admin/devices?sort=name",
        "/admin/devices?q=phone-09",
        "/admin/devices?q=$Zone%20is%20'guests'",
    ] {
        let shown = pages.get(&cookie, path).await;
        assert!(shown.status == 200 && shown.text.contains("<tbody>"), "{path}");
        let rows = shown.text.matches("<tr").count();
        assert!((2..=201).contains(&rows), "{path}: {rows} rows");
    }
}
