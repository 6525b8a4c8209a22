//! Changes of many sessions from the admin pages: seen before they are done, and done to what was seen.

use turnpike::domain::{CloseReason, SessionState, Text};
use turnpike::store::AuditQuery;

use crate::admin_pages::{Pages, Shown};
use crate::admin_sessions::{hidden, looker, server};

const PLACE: &str = "/admin/sessions/bulk";

/// All hidden fields of the page's own form, to be sent again.
fn form(shown: &Shown) -> Vec<(String, String)> {
    let main = shown.text.split("<main").nth(1).unwrap();
    main.split("type=\"hidden\" name=\"")
        .skip(1)
        .map(|field| {
            let (name, rest) = field.split_once('"').unwrap();
            let value = rest.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let value = value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<");
            (name.to_owned(), value)
        })
        .filter(|(name, _)| name != "csrf")
        .collect()
}

async fn send(pages: &Pages, cookie: &str, fields: &[(String, String)], more: &[(&str, &str)]) -> Shown {
    let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    pages.post(cookie, PLACE, &own.chain(more.iter().copied()).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn ticked_sessions_are_shown_then_closed_and_it_says_how_many() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(pages.guest(number, &format!("phone-{number}")).await.1);
    }
    let (first, second) = (ids[0].to_string(), ids[1].to_string());
    let ticked =
        [("which", "ticked"), ("act", "close"), ("id", first.as_str()), ("id", &second), ("id", "x")];
    let preview = pages.post(&cookie, PLACE, &ticked).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    for part in ["Close 2 sessions?", "phone-1", "phone-2", "This cannot be undone"] {
        assert!(preview.text.contains(part), "{part}\n{}", preview.text);
    }
    assert!(!preview.text.contains("phone-3"), "{}", preview.text);
    assert!(pages.app.handle.session(ids[0]).await.unwrap().is_running(), "nothing is done yet");
    let done = send(&pages, &cookie, &form(&preview), &[("reason", "late")]).await;
    assert_eq!((done.status, done.to.as_str()), (303, "/admin/sessions?done=close.2.2"), "{}", done.text);
    assert!(pages.get(&cookie, &done.to).await.text.contains("Closed: 2 sessions."));
    for (id, closed) in [(ids[0], true), (ids[1], true), (ids[2], false)] {
        let state = pages.app.handle.session(id).await.unwrap().state;
        let is_closed = state == SessionState::Closed(CloseReason::Operator, Text::new("late"));
        assert_eq!(is_closed, closed, "{state:?}");
    }
    let wanted = AuditQuery { page: 1, per_page: 10, ..AuditQuery::default() };
    let (lines, _) = pages.app.store.audit(&wanted).await.unwrap();
    assert_eq!(
        (lines[0].action.as_str(), lines[0].details.as_str()),
        ("sessions.close", "2 sessions: reason late; ticked")
    );
    assert!(lines[0].actor.as_str().contains("Ana & Ben"));
    // Sent again, as by a reload, it is not done again.
    let again = send(&pages, &cookie, &form(&preview), &[("reason", "late")]).await;
    assert_eq!((again.status, again.to.as_str()), (303, "/admin/sessions?done=again"), "{}", again.text);
    assert!(pages.get(&cookie, &again.to).await.text.contains("Nothing more was done now."));
}

#[tokio::test]
async fn what_became_different_since_the_preview_is_shown_and_not_done() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    pages.guest(1, "phone-1").await;
    pages.guest(2, "tablet").await;
    let found = [("which", "found"), ("act", "message"), ("q", "$Hostname ne \"tablet\"")];
    let asked = pages.post(&cookie, PLACE, &found).await;
    assert!(asked.text.contains("Leave a message for 1 session"), "{}", asked.text);
    let preview = send(&pages, &cookie, &form(&asked), &[("text", "hello <b>"), ("lasts_min", "5")]).await;
    assert!(
        preview.text.contains("hello &#60;b&#62;") && preview.text.contains("for 5 min"),
        "{}",
        preview.text
    );
    let (device, other) = pages.guest(3, "phone-3").await;
    let differs = send(&pages, &cookie, &form(&preview), &[]).await;
    assert_eq!(differs.status, 409, "{}", differs.text);
    assert!(differs.text.contains("about 2 sessions instead of 1 session"), "{}", differs.text);
    let left = |wanted| async move { pages_messages(wanted).await };
    assert_eq!(left(&pages).await, 0);
    // As many, but others.
    pages.app.handle.close_session(other, CloseReason::Operator, Text::default()).await.unwrap();
    pages.app.handle.create_session(device, crate::support::minutes(5)).await.unwrap();
    let others = send(&pages, &cookie, &form(&differs), &[]).await;
    assert_eq!(others.status, 409, "{}", others.text);
    let done = send(&pages, &cookie, &form(&others), &[]).await;
    assert!(done.to.ends_with("done=message.2.2"), "{} {}", done.to, done.text);
    assert_eq!(left(&pages).await, 2);
    // A reload sends the form again: the message is left once.
    let again = send(&pages, &cookie, &form(&others), &[]).await;
    assert!(again.to.ends_with("done=again"), "{} {}", again.to, again.text);
    assert_eq!(left(&pages).await, 2);
}

async fn pages_messages(pages: &Pages) -> u64 {
    let wanted = turnpike::store::MessageQuery { page: 1, per_page: 10, ..Default::default() };
    pages.app.store.messages(&wanted).await.unwrap().1
}

#[tokio::test]
async fn roles_and_properties_of_many_are_changed_and_errors_keep_what_was_typed() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (_, id) = pages.guest(1, "phone-1").await;
    for (act, wrong, right) in [
        ("roles", vec![("add", "")], vec![("add", "vip"), ("remove", "slow")]),
        ("properties", vec![("key", "$State"), ("value", "x")], vec![("key", "Floor"), ("value", "2")]),
        ("properties", vec![("key", ""), ("how", "delete")], vec![("key", "Floor"), ("how", "delete")]),
        ("message", vec![("text", "x"), ("lasts_min", "-")], vec![("text", "x"), ("lasts_min", "")]),
    ] {
        let asked = pages.post(&cookie, PLACE, &[("which", "found"), ("act", act)]).await;
        let refused = send(&pages, &cookie, &form(&asked), &wrong).await;
        assert_eq!(refused.status, 422, "{act}: {}", refused.text);
        assert!(
            refused.text.contains("aria-invalid") && refused.text.contains("<title>Error"),
            "{}",
            refused.text
        );
        let (name, value) = wrong[0];
        assert!(refused.text.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{}", refused.text);
        let preview = send(&pages, &cookie, &form(&refused), &right).await;
        assert_eq!(preview.status, 200, "{act}: {}", preview.text);
        assert_eq!(hidden(&preview.text.replace("csrf", ""), "step"), "run");
        let done = send(&pages, &cookie, &form(&preview), &[]).await;
        assert!(done.to.ends_with(&format!("done={act}.1.1")), "{act}: {} {}", done.to, done.text);
        let session = pages.app.handle.session(id).await.unwrap();
        assert!(session.roles.contains("vip"));
        assert_eq!(session.properties.contains_key("Floor"), right.contains(&("value", "2")), "{right:?}");
    }
}

#[tokio::test]
async fn nothing_is_changed_for_nobody_or_by_whoever_may_not() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&server()).await;
    let (_, id) = pages.guest(1, "phone-1").await;
    let session = id.to_string();
    for fields in [
        vec![("which", "ticked"), ("act", "close")],
        vec![("which", "found"), ("act", "close"), ("q", "nobody")],
        vec![("which", "found"), ("act", "close"), ("q", "$State is")],
        vec![("which", "found"), ("act", "close"), ("state", "closed")],
    ] {
        let shown = pages.post(&cookie, PLACE, &fields).await;
        assert!(
            shown.status == 422 && shown.text.contains("nothing to change"),
            "{fields:?}: {}",
            shown.text
        );
    }
    // Without having seen anything.
    let blind = [("step", "run"), ("which", "ticked"), ("act", "close"), ("id", session.as_str())];
    assert_eq!(pages.post(&cookie, PLACE, &blind).await.status, 409);
    let looker = pages.log_in(&looker()).await;
    assert_eq!(pages.post(&looker, PLACE, &blind).await.status, 403);
    assert!(pages.app.handle.session(id).await.unwrap().is_running());
}
