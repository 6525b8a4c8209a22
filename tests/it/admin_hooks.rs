//! The pages of webhooks.

use turnpike::domain::Permission;
use turnpike::store::AuditQuery;

use crate::admin_pages::Pages;
use crate::admin_watch::hostile;
use crate::support::receiver::{Manner, Receiver};

/// The value of a hidden field.
pub fn hidden(page: &str, name: &str) -> String {
    let from =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    from.split('"').next().unwrap().to_owned()
}

fn fields<'a>(once: &'a str, name: &'a str, url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("once", once),
        ("name", name),
        ("url", url),
        ("kind", "open"),
        ("kind", "close"),
        ("filter", ""),
        ("properties", "ALL_FIXED_PROPERTIES, Desk"),
        ("secret", ""),
    ]
}

async fn once(pages: &Pages, cookie: &str) -> String {
    hidden(&pages.get(cookie, "/admin/hooks/new").await.text, "once")
}

/// Makes one and says where it is.
async fn made(pages: &Pages, cookie: &str, name: &str, url: &str) -> String {
    let once = once(pages, cookie).await;
    let made = pages.post(cookie, "/admin/hooks", &fields(&once, name, url)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = pages.app.store.hooks().await.unwrap().pop().unwrap().hook.id;
    format!("/admin/hooks/{id}")
}

#[tokio::test]
async fn a_hook_is_made_once_and_its_secret_is_shown_once() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    assert!(pages.get(&cookie, "/admin/hooks").await.text.contains("Make the first hook"));
    let once = once(&pages, &cookie).await;
    let form = fields(&once, "till", "http://127.0.0.1:9/till?key=s3cret");
    let made = pages.post(&cookie, "/admin/hooks", &form).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let kept = pages.app.store.hooks().await.unwrap();
    assert_eq!(kept.len(), 1);
    let secret = kept[0].secret.as_str().to_owned();
    assert!(made.text.contains(&secret), "{}", made.text);
    assert_eq!(kept[0].hook.kinds.names(), ["open", "close"]);
    assert_eq!(kept[0].hook.properties.names(), ["ALL_FIXED_PROPERTIES", "Desk"]);
    // Reloaded, and with another name after going back.
    for form in [form.clone(), fields(&once, "other", "http://127.0.0.1:9/")] {
        let again = pages.post(&cookie, "/admin/hooks", &form).await;
        assert!(again.status == 409 && again.text.contains("is made already"), "{}", again.text);
        assert!(!again.text.contains(&secret), "{}", again.text);
    }
    assert_eq!(pages.app.store.hooks().await.unwrap().len(), 1);
    let place = format!("/admin/hooks/{}", kept[0].hook.id);
    for path in ["/admin/hooks".to_owned(), place.clone(), format!("{place}/edit")] {
        let shown = pages.get(&cookie, &path).await;
        assert!(shown.status == 200 && !shown.text.contains(&secret), "{path}");
    }
    let (lines, _) =
        pages.app.store.audit(&AuditQuery { page: 1, per_page: 9, ..AuditQuery::default() }).await.unwrap();
    let lines: Vec<_> = lines.into_iter().filter(|line| line.action.starts_with("hook.")).collect();
    assert_eq!(lines.len(), 1);
    let details = lines[0].details.to_string();
    assert!(lines[0].action == "hook.create" && !details.contains("s3cret"), "{details}");
}

#[tokio::test]
async fn what_cannot_be_stands_beside_its_field_and_what_was_typed_is_kept() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    made(&pages, &cookie, "till", "http://127.0.0.1:9/").await;
    let long = "x".repeat(65);
    let hostile = hostile();
    for (name, url, more, error) in [
        ("", "http://a/", ("secret", ""), "id=\"name-trouble\">Error: Must have between 1 and 64"),
        (&*long, "http://a/", ("secret", ""), "id=\"name-trouble\""),
        (&*hostile, "http://a/", ("secret", ""), "id=\"name-trouble\""),
        ("till", "http://a/", ("secret", ""), "id=\"name-trouble\">Error: Another hook has this name."),
        ("a", "ftp://a/<b>", ("secret", ""), "id=\"url-trouble\">Error: Must begin with http"),
        ("a", "http://user:pw@a/", ("secret", ""), "id=\"url-trouble\""),
        ("a", "http://a/", ("secret", "short"), "id=\"secret-trouble\""),
        ("a", "http://a/", ("filter", "Desk is"), "at column 8."),
        ("a", "http://a/", ("filter", "$TimeLeft lt '5'"), "changes by itself"),
        ("a", "http://a/", ("kind", "never"), "id=\"kinds-trouble\">Error: Choose at least one."),
    ] {
        let once = once(&pages, &cookie).await;
        let mut form = fields(&once, name, url);
        form.retain(|(known, _)| *known != more.0);
        form.push(more);
        let shown = pages.post(&cookie, "/admin/hooks", &form).await;
        assert_eq!(shown.status, 422, "{name} {url} {more:?}");
        assert!(
            shown.text.contains("<title>Error: New hook") && shown.text.contains(error),
            "{}",
            shown.text
        );
        let kept = url.replace('<', "&#60;").replace('>', "&#62;");
        assert!(shown.text.contains(&format!("value=\"{kept}\"")), "{url} is kept: {}", shown.text);
        assert!(!shown.text.contains("value=\"short\""), "a secret is not shown");
    }
    assert_eq!(pages.app.store.hooks().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hook_is_changed_paused_resumed_and_deleted() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let place = made(&pages, &cookie, "a <b>", "http://127.0.0.1:9/").await;
    let list = pages.get(&cookie, "/admin/hooks").await.text;
    assert!(list.contains("a &#60;b&#62;") && list.contains("up to date"), "{list}");
    let edit = pages.get(&cookie, &format!("{place}/edit")).await;
    assert!(edit.text.contains("value=\"a &#60;b&#62;\"") && !edit.text.contains("name=\"once\""));
    let tag = hidden(&edit.text, "tag");
    let before = pages.app.store.hooks().await.unwrap().remove(0);
    let mut form = fields("", "b", "https://127.0.0.1:9/x");
    form.extend([("filter", "Desk is \"2\"")]);
    form.retain(|field| *field != ("filter", ""));
    let changed = pages.post(&cookie, &place, &form).await;
    assert_eq!(changed.to, format!("{place}?done=changed"), "{}", changed.text);
    let after = pages.app.store.hooks().await.unwrap().remove(0);
    assert_eq!((after.hook.name.as_str(), after.hook.url.as_str()), ("b", "https://127.0.0.1:9/x"));
    assert_eq!(after.secret.as_str(), before.secret.as_str(), "an empty field leaves it");
    form.push(("secret", "0123456789abcdef"));
    form.retain(|field| *field != ("secret", ""));
    assert_eq!(pages.post(&cookie, &place, &form).await.status, 303);
    assert_eq!(pages.app.store.hooks().await.unwrap()[0].secret.as_str(), "0123456789abcdef");
    let shown = pages.get(&cookie, &place).await.text;
    assert!(shown.contains("Desk is &#34;2&#34;") && shown.contains("open, close"), "{shown}");

    // An old page undoes nothing that was changed since.
    let kept = pages.app.store.hooks().await.unwrap().remove(0);
    let mut old = form.clone();
    old.retain(|(name, _)| *name != "url");
    old.extend([("url", "http://127.0.0.1:9/old"), ("tag", tag.as_str())]);
    let stale = pages.post(&cookie, &place, &old).await;
    assert!(stale.status == 412 && stale.text.contains("was changed meanwhile"), "{}", stale.text);
    assert!(
        stale.text.contains("<title>Error: ") && stale.text.contains("127.0.0.1:9/old"),
        "{}",
        stale.text
    );
    assert_eq!(pages.app.store.hooks().await.unwrap()[0].hook, kept.hook);
    let fresh = hidden(&pages.get(&cookie, &format!("{place}/edit")).await.text, "tag");
    old.retain(|(name, _)| *name != "tag");
    old.push(("tag", &fresh));
    assert_eq!(pages.post(&cookie, &place, &old).await.status, 303);

    let ask = pages.get(&cookie, &format!("{place}/pause")).await;
    assert!(ask.text.contains("What happens meanwhile it is never told."), "{}", ask.text);
    assert_eq!(pages.post(&cookie, &format!("{place}/pause"), &[]).await.to, format!("{place}?done=pause"));
    assert!(!pages.app.store.hooks().await.unwrap()[0].hook.enabled);
    assert!(pages.get(&cookie, &place).await.text.contains("Resume"));
    assert_eq!(pages.post(&cookie, &format!("{place}/resume"), &[]).await.status, 303);
    assert!(pages.app.store.hooks().await.unwrap()[0].hook.enabled);
    let ask = pages.get(&cookie, &format!("{place}/delete")).await;
    assert!(ask.text.contains("its secret is gone") && ask.text.contains("No event waits"), "{}", ask.text);
    assert_eq!(pages.post(&cookie, &format!("{place}/delete"), &[]).await.to, "/admin/hooks?done=delete");
    for path in [place.clone(), format!("{place}/delete"), "/admin/hooks/x".to_owned()] {
        assert_eq!(pages.get(&cookie, &path).await.status, 404, "{path}");
    }
    assert_eq!(pages.post(&cookie, &format!("{place}/delete"), &[]).await.status, 404);
}

#[tokio::test]
async fn a_test_shows_what_came_back() {
    let receiver = Receiver::start().await;
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let place = made(&pages, &cookie, "till", &receiver.url()).await;
    let shown = pages.post(&cookie, &format!("{place}/test"), &[]).await;
    assert!(shown.status == 200 && shown.text.contains("The receiver took the test."), "{}", shown.text);
    assert_eq!(receiver.received().len(), 1);
    receiver
        .behave_always(Manner::Raw(b"HTTP/1.1 500 No\r\ncontent-length: 23\r\n\r\n<script>alert(1)</script"));
    let shown = pages.post(&cookie, &format!("{place}/test"), &[]).await;
    assert!(shown.text.contains("did not take the test") && shown.text.contains("500"), "{}", shown.text);
    assert!(shown.text.contains("&#60;script&#62;"), "{}", shown.text);
    receiver.behave_always(Manner::Hang);
    let shown = pages.post(&cookie, &format!("{place}/test"), &[]).await;
    assert!(shown.text.contains("did not take the test"), "{}", shown.text);
}

#[tokio::test]
async fn a_receiver_that_fails_is_shown_with_when_it_is_tried_again() {
    let receiver = Receiver::start().await;
    receiver.behave_always(Manner::Status(503));
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let place = made(&pages, &cookie, "till", &receiver.url()).await;
    let work = tokio::spawn(pages.hooks.clone().run(std::future::pending()));
    let device = pages.app.device(1).await;
    pages.app.handle.create_session(device.id, crate::support::minutes(5)).await.unwrap();
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(15);
    let shown = loop {
        let shown = pages.get(&cookie, &place).await.text;
        if shown.contains("Tried again") {
            break shown;
        }
        assert!(tokio::time::Instant::now() < until, "{shown}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(shown.contains("answered 503") && shown.contains(">fails<"), "{shown}");
    assert!(shown.contains("Events that wait</dt><dd>1"), "{shown}");
    work.abort();
}

#[tokio::test]
async fn hooks_are_for_those_who_may_everything() {
    let pages = Pages::start().await;
    let admin = pages.log_in(&[Permission::Admin]).await;
    let place = made(&pages, &admin, "till", "http://127.0.0.1:9/").await;
    let clerk = pages.log_in(&[Permission::ViewSession, Permission::RegisterHandler]).await;
    for path in
        ["/admin/hooks".to_owned(), "/admin/hooks/new".to_owned(), place.clone(), format!("{place}/delete")]
    {
        assert_eq!(pages.get(&clerk, &path).await.status, 403, "{path}");
    }
    for path in ["/admin/hooks".to_owned(), place.clone(), format!("{place}/test"), format!("{place}/delete")]
    {
        assert_eq!(pages.post(&clerk, &path, &fields("x", "y", "http://a/")).await.status, 403, "{path}");
    }
    assert_eq!(pages.app.store.hooks().await.unwrap().len(), 1);
}
