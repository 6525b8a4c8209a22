//! The page of live events, and its stream.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt;
use turnpike::domain::{Permission, PropertyPatch, SessionId};

use crate::admin_pages::{Pages, encoded};
use crate::support::{START, minutes};

const PLACE: &str = "/admin/events";

fn listener() -> [Permission; 2] {
    [Permission::ViewSession, Permission::RegisterHandler]
}

async fn session(pages: &Pages, number: u8) -> SessionId {
    let device = pages.app.device(number).await;
    pages.app.handle.create_session(device.id, minutes(10)).await.unwrap().id
}

async fn set(pages: &Pages, session: SessionId, value: &str) {
    let change = BTreeMap::from([("Desk".to_owned(), Some(value.to_owned()))]);
    pages.app.handle.set_properties(session, PropertyPatch::new(change).unwrap()).await.unwrap();
}

/// An attribute of the page.
fn data(page: &str, name: &str) -> String {
    let rest = page.split(&format!("data-{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn ids(page: &str) -> Vec<i64> {
    let rows = page.split("<tr data-id=\"").skip(1);
    rows.map(|row| row.split('"').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_last_events_are_shown_and_what_comes_after_them() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&listener()).await;
    let empty = pages.get(&cookie, PLACE).await;
    assert!(
        empty.status == 200 && empty.text.contains("Nothing has happened to a session yet."),
        "{}",
        empty.text
    );
    let id = session(&pages, 1).await;
    for number in 0..130 {
        set(&pages, id, &format!("<b>{number}")).await;
    }
    let page = pages.get(&cookie, PLACE).await.text;
    let shown = ids(&page);
    assert_eq!(shown.len(), 100);
    assert!(shown.is_sorted_by(|a, b| a > b));
    assert!(page.contains("Desk: &#60;b&#62;128 → &#60;b&#62;129"), "{page}");
    assert!(page.contains(&format!("/admin/sessions/{id}")));
    let last: i64 = data(&page, "last").parse().unwrap();
    assert_eq!(last, shown[0]);
    let after = format!("{PLACE}?after={last}");
    let nothing = pages.get(&cookie, &after).await.text;
    assert!(nothing.contains("Nothing has happened since."), "{nothing}");
    for number in 0..150 {
        set(&pages, id, &format!("{number}")).await;
    }
    // A hundred at a time, none left out.
    let some = pages.get(&cookie, &after).await.text;
    assert_eq!((ids(&some).len(), *ids(&some).last().unwrap()), (100, last + 1));
    let next = data(&some, "last");
    let rest = pages.get(&cookie, &format!("{PLACE}?after={next}")).await.text;
    assert_eq!((ids(&rest).len(), ids(&rest)[0]), (50, last + 150));
    for odd in ["after=-9", "after=99999999", "after=0"] {
        assert_eq!(pages.get(&cookie, &format!("{PLACE}?{odd}")).await.status, 200, "{odd}");
    }
}

#[tokio::test]
async fn a_filter_narrows_what_is_shown_and_a_wrong_one_is_pointed_at() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&listener()).await;
    let (ana, ben) = (session(&pages, 1).await, session(&pages, 2).await);
    set(&pages, ana, "2").await;
    set(&pages, ben, "3").await;
    let page = pages.get(&cookie, &format!("{PLACE}?q={}", encoded("Desk is \"3\""))).await.text;
    assert!(page.contains(&ben.to_string()) && !page.contains(&ana.to_string()), "{page}");
    assert!(data(&page, "stream").contains("Desk"), "{page}");
    let wrong = pages.get(&cookie, &format!("{PLACE}?q={}", encoded("Desk is <b>"))).await;
    assert!(wrong.status == 422 && wrong.text.contains("<title>Error: Live events"), "{}", wrong.text);
    assert!(
        wrong.text.contains("at column 9") && wrong.text.contains("value=\"Desk is &#60;b&#62;\""),
        "{}",
        wrong.text
    );
    assert!(!wrong.text.contains("data-stream"), "{}", wrong.text);
    let stream = pages.get(&cookie, &format!("{PLACE}/stream?q={}", encoded("Desk is <b>"))).await;
    assert_eq!(stream.status, 422);
}

#[tokio::test]
async fn events_are_for_those_who_may_listen() {
    let pages = Pages::start().await;
    for permission in listener() {
        let cookie = pages.log_in(&[permission]).await;
        for path in [PLACE, "/admin/events/stream"] {
            assert_eq!(pages.get(&cookie, path).await.status, 403, "{path}");
        }
    }
    assert_eq!(pages.get("", "/admin/events/stream").await.to, "/admin/login");
}

/// Reads from a stream until it holds this; what it has told.
async fn until(body: &mut axum::body::Body, wanted: &str) -> String {
    let mut told = String::new();
    while !told.contains(wanted) {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no {wanted} in {told}"));
        let Some(frame) = frame else { panic!("it ended without {wanted}: {told}") };
        told.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
    }
    told
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_and_ends_with_whoever_opened_it() {
    let pages = Pages::start().await;
    let (token, text) = pages.token(&listener()).await;
    let signed_in = pages.post("", "/admin/login", &[("token", &text)]).await;
    let cookie = signed_in.cookie.split(';').next().unwrap().to_owned();
    let id = session(&pages, 1).await;
    set(&pages, id, "1").await;
    let page = pages.get(&cookie, PLACE).await.text;
    let last = data(&page, "last");
    set(&pages, id, "missed").await;
    let place = format!("{}?last_event_id={last}", data(&page, "stream"));
    let headers = [("cookie", cookie.as_str()), ("accept", "text/event-stream")];
    let response = pages.answer("GET", &place, &headers, "").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut body = response.into_body();
    let told = until(&mut body, "event: ready").await;
    assert!(told.contains("missed") && !told.contains("event: open"), "only what came after: {told}");
    set(&pages, id, "now").await;
    let told = until(&mut body, "\"Desk\":\"now\"").await;
    assert!(told.contains("event: update"), "{told}");
    // The header of a browser that comes back counts more than the address that it began with.
    let back = [("cookie", cookie.as_str()), ("last-event-id", "1")];
    let mut again = pages.answer("GET", &place, &back, "").await.into_body();
    assert!(until(&mut again, "event: ready").await.contains("\"Desk\":\"1\""));
    let wrong = [("cookie", cookie.as_str()), ("last-event-id", "x")];
    assert!(pages.answer("GET", &place, &wrong, "").await.status().is_client_error());
    pages.app.store.revoke_token(token, START.wall).await.unwrap();
    let ended = async { while body.frame().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends with its token");
}
