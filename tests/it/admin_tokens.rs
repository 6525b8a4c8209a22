//! The page of tokens.

use turnpike::domain::{Permission, Text};
use turnpike::store::{AuditQuery, TokenText};

use crate::admin_hooks::hidden;
use crate::admin_pages::Pages;
use crate::admin_watch::hostile;
use crate::support::START;

const ALL: &str = "/admin/tokens";

async fn once(pages: &Pages, cookie: &str) -> String {
    hidden(&pages.get(cookie, "/admin/tokens/new").await.text, "once")
}

/// The text of a token within a page.
fn text(page: &str) -> Option<TokenText> {
    let from = page.find("tp_")?;
    TokenText::parse(page.get(from..from + 67)?)
}

#[tokio::test]
async fn a_token_is_made_once_shown_once_and_revoked() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let once = once(&pages, &cookie).await;
    let name = format!("<i>\u{202e}{}", "x".repeat(100));
    let form = [("once", once.as_str()), ("name", &name), ("view_session", "on"), ("locks", "coinslot/1")];
    let made = pages.post(&cookie, ALL, &form).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = text(&made.text).unwrap_or_else(|| panic!("{}", made.text));
    let found = pages.app.store.find_token(&token).await.unwrap().unwrap();
    assert_eq!(
        found.permissions,
        [Permission::ViewSession, Permission::AcquireLock("coinslot/1".to_owned())]
    );
    // Reloaded, and sent again with something else in it.
    for form in [form, [("once", once.as_str()), ("name", "more"), ("admin", "on"), ("locks", "")]] {
        let again = pages.post(&cookie, ALL, &form).await;
        assert!(again.status == 409 && again.text.contains("is made already"), "{}", again.text);
        assert!(text(&again.text).is_none(), "{}", again.text);
    }
    assert_eq!(pages.app.store.list_tokens().await.unwrap().len(), 2, "this and the one that signed in");
    let list = pages.get(&cookie, ALL).await.text;
    assert!(
        text(&list).is_none() && list.contains("&#60;i&#62;") && list.contains("Ana &#38; Ben</bdi></td>"),
        "{list}"
    );
    assert!(list.contains("see guests, lock coinslot/1"), "{list}");

    let place = format!("{ALL}/{}/revoke", found.id);
    let ask = pages.get(&cookie, &place).await;
    assert!(ask.status == 200 && ask.text.contains("is refused from now on"), "{}", ask.text);
    assert!(!ask.text.contains("\u{202e}") && !ask.text.contains("You are signed in with it"));
    assert_eq!(pages.post(&cookie, &place, &[]).await.to, "/admin/tokens?done=revoked");
    assert_eq!(pages.app.store.find_token(&token).await.unwrap(), None);
    assert_eq!(pages.post(&cookie, &place, &[]).await.status, 404, "a second time");
    assert!(pages.get(&cookie, ALL).await.text.contains("Revoked: 1"));
    let wanted =
        AuditQuery { action: Some("token.".to_owned()), page: 1, per_page: 9, ..AuditQuery::default() };
    let (lines, total) = pages.app.store.audit(&wanted).await.unwrap();
    assert_eq!(total, 2, "{lines:?}");
    assert!(lines.iter().all(|line| !line.details.as_str().contains("tp_")));
}

#[tokio::test]
async fn whoever_revokes_the_own_token_is_told_and_signed_out() {
    let pages = Pages::start().await;
    let (id, token) = pages.token(&[Permission::Admin]).await;
    let signed_in = pages.post("", "/admin/login", &[("token", &token)]).await;
    let cookie = signed_in.cookie.split(';').next().unwrap().to_owned();
    let place = format!("{ALL}/{id}/revoke");
    assert!(pages.get(&cookie, &place).await.text.contains("You are signed in with it"));
    assert_eq!(pages.post(&cookie, &place, &[]).await.status, 303);
    assert_eq!(pages.get(&cookie, ALL).await.to, "/admin/login");
}

#[tokio::test]
async fn what_cannot_be_stands_beside_its_field_and_what_was_typed_is_kept() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let hostile = hostile();
    for (name, ticks, locks, error) in [
        ("", Some("admin"), "", "id=\"name-trouble\""),
        ("\u{7}", Some("admin"), "", "id=\"name-trouble\""),
        ("till", None, "", "id=\"permissions-trouble\""),
        (&*hostile, Some("admin"), "a//b", "id=\"locks-trouble\""),
    ] {
        let once = once(&pages, &cookie).await;
        let mut form = vec![("once", once.as_str()), ("name", name), ("locks", locks)];
        form.extend(ticks.map(|tick| (tick, "on")));
        let shown = pages.post(&cookie, ALL, &form).await;
        assert_eq!(shown.status, 422, "{name}");
        assert!(
            shown.text.contains("<title>Error: New token") && shown.text.contains(error),
            "{}",
            shown.text
        );
        assert!(shown.text.contains(locks), "{}", shown.text);
        assert_eq!(shown.text.contains("value=\"on\" checked"), ticks.is_some(), "{}", shown.text);
    }
    let nameless = pages.post(&cookie, ALL, &[("once", ""), ("name", "a"), ("admin", "on")]).await;
    assert_eq!(nameless.status, 422);
    assert_eq!(pages.app.store.list_tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn tokens_are_for_those_who_may_everything() {
    let pages = Pages::start().await;
    let other = TokenText::random().unwrap();
    let all = [Permission::Admin];
    let made = pages.app.store.create_token(&Text::new("other"), &all, &other, START.wall).await.unwrap();
    let clerk = pages.log_in(&crate::admin_pages::seller()).await;
    let revoke = format!("{ALL}/{}/revoke", made.id);
    for path in [ALL, "/admin/tokens/new", &revoke] {
        assert_eq!(pages.get(&clerk, path).await.status, 403, "{path}");
    }
    for path in [ALL, &revoke] {
        let form = [("once", "x"), ("name", "mine"), ("admin", "on")];
        assert_eq!(pages.post(&clerk, path, &form).await.status, 403, "{path}");
    }
    assert!(pages.app.store.find_token(&other).await.unwrap().is_some());
    assert_eq!(pages.app.store.list_tokens().await.unwrap().len(), 2);
}
