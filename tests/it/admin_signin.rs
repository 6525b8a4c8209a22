//! Who gets in to the admin pages by name and password, for how long, and what becomes of them when that changes.

use std::time::Duration;

use sha1::Sha1;
use turnpike::domain::{AccountName, Permission, TotpSecret};
use turnpike::store::{AdminPatch, AuditQuery, NewAdmin};

use crate::admin_pages::{Pages, Shown, csrf, seller};
use crate::admin_sessions::hidden;

const PASSWORD: &str = "correct horse";

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

impl Pages {
    async fn account(&self, who: &str, permissions: &[Permission]) {
        let password = self.app.handle.hash_password(PASSWORD).await.unwrap();
        let permissions = permissions.to_vec();
        let new = NewAdmin { name: name(who), password, permissions, first: false };
        self.app.store.create_admin(&new, self.app.handle.now().wall, None).await.unwrap().unwrap();
    }

    async fn sign_in(&self, who: &str, password: &str, code: &str) -> Shown {
        self.post("", "/admin/login", &[("name", who), ("password", password), ("code", code)]).await
    }

    /// The cookie of somebody who signs in.
    async fn signed_in(&self, who: &str) -> String {
        let shown = self.sign_in(who, PASSWORD, "").await;
        assert_eq!((shown.status, shown.to.as_str()), (303, "/admin"), "{}", shown.text);
        shown.cookie.split(';').next().unwrap().to_owned()
    }

    async fn is_in(&self, cookie: &str) -> bool {
        self.get(cookie, "/admin/me").await.status == 200
    }

    /// Actions and actors of the audit log.
    async fn audited(&self) -> Vec<(String, String)> {
        let query = AuditQuery { page: 1, per_page: 100, ..AuditQuery::default() };
        let (lines, _) = self.app.store.audit(&query).await.unwrap();
        lines.into_iter().map(|line| (line.action.to_string(), line.actor.to_string())).collect()
    }
}

#[tokio::test]
async fn the_first_account_takes_the_code_of_the_log() {
    let pages = Pages::start().await;
    assert_eq!(pages.get("", "/admin").await.to, "/admin/login");
    assert_eq!(pages.get("", "/admin/login").await.to, "/admin/setup");
    let code = pages.app.handle.setup_code().unwrap().to_string();
    let page = pages.get("", "/admin/setup").await;
    assert!(page.status == 200 && !page.text.contains(&code), "{}", page.text);
    let fields = |code: &str, who: &str, password: &str, again: &str| {
        [("setup_code", code), ("name", who), ("password", password), ("again", again)]
            .map(|(field, value)| (field, value.to_owned()))
    };
    let post = async |fields: [(&'static str, String); 4]| {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(field, value)| (*field, value.as_str())).collect();
        pages.post("", "/admin/setup", &fields).await
    };
    // What is wrong is said at its field, and costs no try.
    for (who, password, again, field) in [
        ("<b>Ana</b>", PASSWORD, PASSWORD, "name"),
        ("", PASSWORD, PASSWORD, "name"),
        ("ana", "short", "short", "password"),
        ("ana", PASSWORD, "correct house", "again"),
    ] {
        let shown = post(fields(&code, who, password, again)).await;
        assert_eq!(shown.status, 422);
        assert!(shown.text.contains(&format!("id=\"{field}-trouble\"")), "{}", shown.text);
        assert!(shown.text.contains("<title>Error: ") && !shown.text.contains(PASSWORD));
    }
    for wrong in ["", "2222-2223", "<script>", "x"] {
        let shown = post(fields(wrong, "ana", PASSWORD, PASSWORD)).await;
        assert_eq!(shown.status, 403, "{wrong}");
    }
    assert_eq!(pages.app.handle.setup_code().unwrap().to_string(), code, "four were wrong");
    assert_eq!(post(fields("nonsense", "ana", PASSWORD, PASSWORD)).await.status, 403);
    let other = pages.app.handle.setup_code().unwrap().to_string();
    assert_ne!(other, code, "five were wrong");
    pages.app.pass(Duration::from_secs(300)).await;
    assert_eq!(post(fields(&code, "ana", PASSWORD, PASSWORD)).await.status, 403, "the old one");
    let typed = other.to_lowercase().replace('-', " ");
    let made = post(fields(&typed, " Ana ", PASSWORD, PASSWORD)).await;
    assert_eq!((made.status, made.to.as_str()), (303, "/admin"), "{}", made.text);
    let cookie = made.cookie.split(';').next().unwrap().to_owned();
    assert!(pages.is_in(&cookie).await);
    // Once is enough.
    assert_eq!(post(fields(&other, "ben", PASSWORD, PASSWORD)).await.to, "/admin/login");
    assert_eq!(pages.get("", "/admin/setup").await.to, "/admin/login");
    let login = pages.get("", "/admin/login").await;
    assert!(login.status == 200 && login.text.contains("name=\"password\""), "{}", login.text);
    assert!(login.text.contains("in the clear"), "it is asked for from another machine, over plain HTTP");
    assert_eq!(pages.app.store.list_admins().await.unwrap().len(), 1);
    assert!(pages.audited().await.contains(&("admin.create".to_owned(), "the set-up code".to_owned())));
}

#[tokio::test]
async fn a_name_and_its_password_get_in_and_nothing_else_does() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let long = "x".repeat(5_000);
    for (who, password) in [("ana", "wrong horse"), ("ana", ""), ("ben", PASSWORD), ("' OR 1=1 --", PASSWORD)]
    {
        let shown = pages.sign_in(who, password, "").await;
        assert_eq!(shown.status, 403, "{who}");
        assert!(shown.text.contains("The name or the password is wrong") && shown.cookie.is_empty());
    }
    pages.app.pass(Duration::from_secs(600)).await;
    assert_eq!(pages.sign_in("ana", &long, "").await.status, 403);
    let first = pages.signed_in(" ANA ").await;
    let front = pages.get(&first, "/admin").await;
    assert!(front.text.contains("/admin/people") && front.text.contains(">ana<"), "{}", front.text);
    assert!(pages.app.store.find_admin(&name("ana")).await.unwrap().unwrap().signed_in_at.is_some());
    // Who signs in again has a new cookie, and the old one is worth nothing.
    let again = pages.post(&first, "/admin/login", &[("name", "ana"), ("password", PASSWORD)]).await;
    let second = again.cookie.split(';').next().unwrap().to_owned();
    assert!(first != second && !pages.is_in(&first).await && pages.is_in(&second).await);
    assert!(pages.audited().await.contains(&("admin.sign_in".to_owned(), "admin ana".to_owned())));
    assert_eq!(pages.post(&second, "/admin/logout", &[]).await.to, "/admin/login");
    assert!(!pages.is_in(&second).await);
}

#[tokio::test]
async fn guessing_comes_to_a_wait_for_address_and_name() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    for number in 0..5 {
        assert_eq!(pages.sign_in(&format!("nobody{number}"), "guess", "").await.status, 403);
    }
    let shown = pages.sign_in("ana", PASSWORD, "").await;
    assert_eq!(shown.status, 429, "also the right one");
    assert!(shown.text.contains("Try again in 30 seconds"), "{}", shown.text);
    pages.app.pass(Duration::from_secs(31)).await;
    assert_eq!(pages.sign_in("ana", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn a_token_forgives_no_guesses_at_a_name() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let (_, token) = pages.token(&[Permission::ViewSession]).await;
    for _ in 0..5 {
        assert_eq!(pages.sign_in("ana", "guess", "").await.status, 403);
        // Its holder names somebody else beside it.
        let fields = [("name", "ana"), ("token", token.as_str())];
        let shown = pages.post("", "/admin/login", &fields).await;
        assert!(matches!(shown.status, 303 | 429), "{}", shown.status);
    }
    assert_eq!(pages.sign_in("ana", "guess", "").await.status, 429, "of this address");
    pages.app.pass(Duration::from_secs(600)).await;
    let shown = pages.post("", "/admin/login", &[("name", "ana"), ("token", "tp_x")]).await;
    assert!(shown.status == 403 && !shown.text.contains("ana"), "{}", shown.text);
    let query = AuditQuery { page: 1, per_page: 100, ..AuditQuery::default() };
    let (lines, _) = pages.app.store.audit(&query).await.unwrap();
    let subjects: Vec<_> = lines.iter().filter(|line| line.action == "admin.sign_in").collect();
    assert!(!subjects.is_empty());
    for line in subjects {
        assert_eq!(line.subject.as_ref().map(ToString::to_string).as_deref(), Some("token"));
    }
}

#[tokio::test]
async fn nobody_stays_for_ever() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let cookie = pages.signed_in("ana").await;
    for _ in 0..24 {
        pages.app.pass(Duration::from_secs(29 * 60)).await;
        assert!(pages.is_in(&cookie).await);
    }
    pages.app.pass(Duration::from_secs(25 * 60)).await;
    assert!(!pages.is_in(&cookie).await, "after twelve hours");
    let cookie = pages.signed_in("ana").await;
    pages.app.pass(Duration::from_secs(30 * 60)).await;
    assert!(!pages.is_in(&cookie).await, "after half an hour without a click");
}

#[tokio::test]
async fn whoever_is_changed_elsewhere_is_signed_out_at_once() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    pages.account("ben", &seller()).await;
    let store = &pages.app.store;
    let change =
        async |patch: AdminPatch| store.change_admin(&name("ben"), &patch, None).await.unwrap().unwrap();
    let password = Some(pages.app.handle.hash_password(PASSWORD).await.unwrap());
    for patch in [
        AdminPatch { password, ..AdminPatch::default() },
        AdminPatch { sign_out: true, ..AdminPatch::default() },
        AdminPatch { disabled: Some(true), ..AdminPatch::default() },
    ] {
        let ben = pages.signed_in("ben").await;
        assert!(pages.is_in(&ben).await);
        change(patch).await;
        assert!(!pages.is_in(&ben).await);
    }
    let shown = pages.sign_in("ben", PASSWORD, "").await;
    assert!(shown.status == 403 && shown.text.contains("disabled"), "{}", shown.text);
    assert!(!pages.sign_in("ben", "wrong horse", "").await.text.contains("disabled"));
    change(AdminPatch { disabled: Some(false), ..AdminPatch::default() }).await;
    // Permissions hold from the next request on.
    let ben = pages.signed_in("ben").await;
    assert_eq!(pages.get(&ben, "/admin/till").await.status, 200);
    let permissions = Some(vec![Permission::ViewSession]);
    change(AdminPatch { permissions, ..AdminPatch::default() }).await;
    assert_eq!(pages.get(&ben, "/admin/till").await.status, 403);
    pages.app.store.delete_admin(&name("ben")).await.unwrap().unwrap();
    assert!(!pages.is_in(&ben).await);
}

#[tokio::test]
async fn the_last_who_may_do_everything_stays() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    pages.account("ben", &seller()).await;
    let ana = pages.signed_in("ana").await;
    let id = pages.app.store.find_admin(&name("ana")).await.unwrap().unwrap().id;
    let own = |what: &str| format!("/admin/people/{id}/{what}").trim_end_matches('/').to_owned();
    let tag = hidden(&pages.get(&ana, &own("")).await.text, "tag").to_owned();
    let fewer = [("view_session", "on"), ("tag", tag.as_str()), ("sure", "yes")];
    for (what, fields) in [("disable", vec![]), ("delete", vec![]), ("permissions", fewer.to_vec())] {
        let shown = pages.post(&ana, &own(what), &fields).await;
        assert!(shown.status == 409 && shown.text.contains("the last one"), "{what}: {}", shown.text);
        // With the way back, or beside what was ticked, which is kept.
        let place = format!("href=\"/admin/people/{id}\"");
        let is_beside = shown.text.contains("id=\"permissions-trouble\"");
        assert_eq!((shown.text.contains(&place), is_beside), (what != "permissions", what == "permissions"));
        assert_eq!(shown.text.contains("name=\"view_session\" value=\"on\" checked"), is_beside);
    }
    assert!(pages.is_in(&ana).await);
    pages.account("eve", &[Permission::Admin]).await;
    // Whoever takes it from themselves is asked first.
    let sure = pages.post(&ana, &own("permissions"), &[("view_session", "on"), ("tag", &tag)]).await;
    assert!(sure.status == 200 && sure.text.contains("Take “Everything” from yourself?"), "{}", sure.text);
    assert!(sure.text.contains("only do this then: see guests."), "{}", sure.text);
    assert_eq!(pages.get(&ana, "/admin/people").await.status, 200, "nothing is done yet");
    for what in ["disable", "delete"] {
        assert!(pages.get(&ana, &own(what)).await.text.contains("This is you: you are signed out"), "{what}");
    }
    let fields: Vec<(&str, String)> =
        ["view_session", "tag", "sure"].map(|name| (name, hidden(&sure.text, name).to_owned())).into();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(pages.post(&ana, &own("permissions"), &fields).await.status, 303);
    assert_eq!(pages.get(&ana, "/admin/people").await.status, 403, "it holds at once");
}

#[tokio::test]
async fn people_are_made_changed_and_deleted() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let ana = pages.signed_in("ana").await;
    let once = hidden(&pages.get(&ana, "/admin/people/new").await.text, "once").to_owned();
    let new =
        |who, password| [("once", &*once), ("name", who), ("password", password), ("manage_vouchers", "on")];
    for (mut fields, field) in [
        (vec![("name", "<i>x"), ("password", PASSWORD), ("admin", "on")], "name"),
        (vec![("name", "ben"), ("password", "short"), ("admin", "on")], "password"),
        (vec![("name", "ben"), ("password", PASSWORD)], "permissions"),
        (vec![("name", "ben"), ("password", PASSWORD), ("locks", "a//b")], "locks"),
        (vec![("name", "ANA"), ("password", PASSWORD), ("admin", "on")], "name"),
    ] {
        fields.push(("once", &once));
        fields.push(("register_handler", "on"));
        if field == "permissions" {
            fields.pop();
        }
        let shown = pages.post(&ana, "/admin/people", &fields).await;
        assert!(shown.status == 422, "{fields:?} {}", shown.status);
        let kept = shown.text.contains("name=\"register_handler\" value=\"on\" checked");
        assert_eq!(kept, field != "permissions", "what was ticked stays: {fields:?}");
        if field == "locks" {
            assert!(shown.text.contains(">a//b</textarea>"), "and what was written: {}", shown.text);
        }
        assert!(shown.text.contains(&format!("id=\"{field}-trouble\"")), "{fields:?} {}", shown.text);
        assert!(shown.text.contains("<title>Error: ") && !shown.text.contains(PASSWORD));
    }
    let made = pages.post(&ana, "/admin/people", &new("Ben", PASSWORD)).await;
    assert_eq!(made.to, "/admin/people?done=made", "{}", made.text);
    let again = pages.post(&ana, "/admin/people", &new("Ben", PASSWORD)).await;
    assert_eq!(again.to, "/admin/people?done=again", "a double click makes one: {}", again.text);
    assert_eq!(pages.app.store.list_admins().await.unwrap().len(), 2);
    let list = pages.get(&ana, &made.to).await;
    assert!(list.text.contains(">ben<") && list.text.contains("The account is made"), "{}", list.text);
    let ben = pages.signed_in("ben").await;
    for path in ["/admin/people", "/admin/people/new", "/admin/people/1", "/admin/people/1/delete"] {
        let shown = pages.get(&ben, path).await;
        assert_eq!(shown.status, 403, "{path}");
        assert!(shown.text.contains("permission admin") && shown.text.contains("/admin/till"), "a way on");
    }
    let nowhere = pages.get(&ben, "/admin/nowhere").await;
    assert!(
        nowhere.text.contains("/admin/till")
            && !pages.get("", "/admin/nowhere").await.text.contains("/admin/till")
    );
    for (path, fields) in [
        ("/admin/people", new("eve", PASSWORD).to_vec()),
        ("/admin/people/1/disable", vec![]),
        ("/admin/people/2/permissions", vec![("admin", "on")]),
    ] {
        assert_eq!(pages.post(&ben, path, &fields).await.status, 403, "{path}");
    }
    let id = pages.app.store.find_admin(&name("ben")).await.unwrap().unwrap().id;
    let of_ben = |what: &str| format!("/admin/people/{id}{what}");
    let tag = hidden(&pages.get(&ana, &of_ben("")).await.text, "tag").to_owned();
    let fields = [("view_session", "on"), ("locks", "coin/1"), ("tag", &*tag)];
    let wrong = [("view_session", "on"), ("locks", "a//b"), ("tag", &*tag)];
    let shown = pages.post(&ana, &of_ben("/permissions"), &wrong).await;
    assert!(shown.status == 422 && shown.text.contains(">a//b</textarea>"), "{}", shown.text);
    assert!(shown.text.contains("name=\"view_session\" value=\"on\" checked"), "{}", shown.text);
    let shown = pages.post(&ana, &of_ben("/permissions"), &fields).await;
    let page = pages.get(&ana, &shown.to).await;
    assert!(page.text.contains("see guests, lock coin/1"), "{}", page.text);
    // An old page gives nothing back that was taken away since.
    let old = [("admin", "on"), ("tag", &*tag)];
    for fields in [&old[..], &old[..1]] {
        let stale = pages.post(&ana, &of_ben("/permissions"), fields).await;
        assert!(stale.status == 412 && stale.text.contains("this is what holds now"), "{}", stale.text);
        assert!(
            stale.text.contains("see guests, lock coin/1")
                && !stale.text.contains("name=\"admin\" value=\"on\" checked")
        );
    }
    for what in ["/permissions", "/password", "/sign-out", "/enable"] {
        assert_eq!(pages.get(&ana, &of_ben(what)).await.to, of_ben(""), "a page that is loaded again");
    }
    for what in ["password", "sign-out", "confirm-codes", "no-codes"] {
        assert_eq!(pages.get(&ana, &format!("/admin/me/{what}")).await.to, "/admin/me", "{what}");
    }
    let confirm = pages.get(&ana, &of_ben("/delete")).await;
    assert!(confirm.text.contains("Delete ben?") && confirm.text.contains("stays in the audit log"));
    assert_eq!(pages.post(&ana, &of_ben("/password"), &[("password", "another horse")]).await.status, 303);
    assert!(!pages.is_in(&ben).await);
    assert_eq!(pages.sign_in("ben", PASSWORD, "").await.status, 403);
    assert_eq!(pages.sign_in("ben", "another horse", "").await.status, 303);
    assert_eq!(pages.post(&ana, &of_ben("/delete"), &[]).await.to, "/admin/people?done=delete");
    assert_eq!(pages.get(&ana, &of_ben("")).await.status, 404);
    for wrong in
        ["/admin/people/x", "/admin/people/-1", "/admin/people/99999999999999999999", "/admin/people/1/x"]
    {
        assert_eq!(pages.get(&ana, wrong).await.status, 404, "{wrong}");
    }
    let audited = pages.audited().await;
    for action in ["admin.create", "admin.change", "admin.password", "admin.delete"] {
        assert!(audited.contains(&(action.to_owned(), "admin ana".to_owned())), "{action}: {audited:?}");
    }
}

#[tokio::test]
async fn the_own_password_is_changed_by_who_knows_it() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let (here, there) = (pages.signed_in("ana").await, pages.signed_in("ana").await);
    let fields = |current, new, again| [("current", current), ("password", new), ("again", again)];
    for (fields, field) in [
        (fields("wrong horse", "new horse", "new horse"), "current"),
        (fields(PASSWORD, "short", "short"), "password"),
        (fields(PASSWORD, "new horse", "new house"), "again"),
    ] {
        let shown = pages.post(&here, "/admin/me/password", &fields).await;
        assert!(shown.status == 422 && shown.text.contains(&format!("id=\"{field}-trouble\"")));
    }
    let done = pages.post(&here, "/admin/me/password", &fields(PASSWORD, "new horse", "new horse")).await;
    assert_eq!(done.to, "/admin/me?done=password", "{}", done.text);
    let anew = done.cookie.split(';').next().unwrap().to_owned();
    assert!(pages.is_in(&anew).await && !pages.is_in(&here).await && !pages.is_in(&there).await);
    assert_eq!(pages.sign_in("ana", "new horse", "").await.status, 303);
    // Guesses at an open page are limited as they are at the door.
    for _ in 0..5 {
        pages.post(&anew, "/admin/me/password", &fields("guess", "new horse", "new horse")).await;
    }
    let shown = pages.post(&anew, "/admin/me/password", &fields("new horse", PASSWORD, PASSWORD)).await;
    assert_eq!(shown.status, 429);
    let token = pages.log_in_again(&seller()).await;
    let shown = pages.get(&token, "/admin/me").await;
    assert!(shown.text.contains("signed in with a token") && !shown.text.contains("Turn codes on"));
    assert_eq!(pages.post(&token, "/admin/me/codes", &[]).await.status, 409);
}

impl Pages {
    /// Signs in with a token when the wait is over.
    async fn log_in_again(&self, permissions: &[Permission]) -> String {
        self.app.pass(Duration::from_secs(300)).await;
        self.log_in(permissions).await
    }

    /// The code that an app shows now.
    fn code(&self, secret: &TotpSecret) -> String {
        use hmac::{Hmac, KeyInit, Mac};
        let step = self.app.handle.now().wall.0 / 30_000;
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret.bytes()).unwrap();
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[19] & 0xf);
        let four: [u8; 4] = digest[offset..offset + 4].try_into().unwrap();
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

/// The secret that a page shows.
fn secret_of(text: &str) -> TotpSecret {
    let shown = text.split("<p class=\"mono\">").nth(1).unwrap().split('<').next().unwrap();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut count, mut bytes) = (0_u64, 0, Vec::new());
    for letter in shown.bytes().filter(|letter| *letter != b' ') {
        bits = (bits << 5) | letters.iter().position(|known| *known == letter).unwrap() as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    TotpSecret::new(bytes.try_into().unwrap())
}

#[tokio::test]
async fn one_time_codes_are_asked_for_once_they_are_confirmed_and_taken_once() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let ana = pages.signed_in("ana").await;
    assert_eq!(pages.get(&ana, "/admin/me/codes").await.to, "/admin/me", "nothing to show");
    for wrong in ["", "guess"] {
        let shown = pages.post(&ana, "/admin/me/codes", &[("current", wrong)]).await;
        assert!(shown.status == 422 && shown.text.contains("id=\"own-trouble\""), "{}", shown.text);
    }
    assert_eq!(pages.get(&ana, "/admin/me/codes").await.to, "/admin/me", "an open page is not enough");
    assert_eq!(pages.post(&ana, "/admin/me/codes", &[("current", PASSWORD)]).await.to, "/admin/me/codes");
    let page = pages.get(&ana, "/admin/me/codes").await;
    let secret = secret_of(&page.text);
    assert!(page.text.contains("<svg"));
    assert_eq!(pages.post(&ana, "/admin/me/confirm-codes", &[("code", "000000")]).await.status, 422);
    assert_eq!(pages.sign_in("ana", PASSWORD, "").await.status, 303, "not confirmed, not needed");
    let done = pages.post(&ana, "/admin/me/confirm-codes", &[("code", &pages.code(&secret))]).await;
    assert_eq!(done.to, "/admin/me?done=codes", "{}", done.text);
    let ana = done.cookie.split(';').next().unwrap().to_owned();
    assert_eq!(pages.get(&ana, "/admin/me/codes").await.to, "/admin/me", "shown once");
    for what in ["codes", "confirm-codes"] {
        let place = format!("/admin/me/{what}");
        let shown = pages.post(&ana, &place, &[("current", PASSWORD), ("code", &pages.code(&secret))]).await;
        assert!(shown.status == 422 && shown.text.contains("Codes are on already"), "{}", shown.text);
    }
    // The one that confirmed it is used up.
    let shown = pages.sign_in("ana", PASSWORD, &pages.code(&secret)).await;
    assert!(shown.status == 403 && shown.text.contains("used before"), "{}", shown.text);
    pages.app.pass(Duration::from_secs(30)).await;
    for wrong in ["", "123", "abcdef"] {
        assert_eq!(pages.sign_in("ana", PASSWORD, wrong).await.status, 403, "{wrong}");
    }
    let code = pages.code(&secret);
    pages.app.pass(Duration::from_secs(30)).await;
    assert_eq!(pages.sign_in("ana", PASSWORD, &code).await.status, 303, "a step late");
    assert_eq!(pages.sign_in("ana", PASSWORD, &code).await.status, 403, "again");
    pages.app.pass(Duration::from_secs(120)).await;
    let code = pages.code(&secret);
    let both = futures_util::future::join_all((0..2).map(|_| pages.sign_in("ana", PASSWORD, &code))).await;
    let mut answers: Vec<u16> = both.iter().map(|shown| shown.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [303, 403], "two at once are one");
    // It is in the store, sealed.
    let kept = pages.app.store.find_admin(&name("ana")).await.unwrap().unwrap().totp.unwrap();
    assert!(!kept.windows(8).any(|window| secret.bytes().windows(8).any(|bytes| bytes == window)));
    // Wrong ones after the right password wait longer than wrong passwords do.
    pages.app.pass(Duration::from_secs(600)).await;
    for _ in 0..5 {
        pages.app.pass(Duration::from_secs(60)).await;
        assert_eq!(pages.sign_in("ana", PASSWORD, "000000").await.status, 403);
    }
    pages.app.pass(Duration::from_secs(60)).await;
    let shown = pages.sign_in("ana", PASSWORD, &pages.code(&secret)).await;
    assert!(shown.status == 429 && shown.text.contains("wrong one-time codes"), "{}", shown.text);
    assert_eq!(pages.sign_in("ana", PASSWORD, "").await.status, 403, "asked for, not looked at");
    assert_eq!(pages.sign_in("ana", "guess", "000000").await.status, 403, "the password comes first");
    pages.app.pass(Duration::from_secs(600)).await;
    let shown = pages.sign_in("ana", PASSWORD, &pages.code(&secret)).await;
    assert_eq!(shown.status, 303, "{}", shown.text);
    let ana = shown.cookie.split(';').next().unwrap().to_owned();
    assert_eq!(pages.post(&ana, "/admin/me/no-codes", &[("current", "guess")]).await.status, 422);
    assert_eq!(pages.post(&ana, "/admin/me/no-codes", &[("current", PASSWORD)]).await.status, 303);
    assert_eq!(pages.sign_in("ana", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn a_token_of_another_login_is_no_use() {
    let pages = Pages::start().await;
    pages.account("ana", &[Permission::Admin]).await;
    let (one, other) = (pages.signed_in("ana").await, pages.signed_in("ana").await);
    let shown = pages.post(&one, "/admin/logout", &[("csrf", &csrf(&other))]).await;
    assert_eq!(shown.status, 403, "two tokens are none");
    assert!(pages.is_in(&one).await);
}
