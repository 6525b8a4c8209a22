//! Accounts on the admin pages: made and paid once, changed, shut out, logged out, forgotten.

use std::sync::Arc;

use serde_json::json;
use turnpike::domain::{
    AccountName, ClientDevice, ClientSession, FormValues, Permission, Plan, ProviderName, SessionState, Text,
    Utc,
};
use turnpike::providers::account::{AccountProvider, Hasher};
use turnpike::runtime::FormDone;
use turnpike::store::{NewAccount, SalesQuery};

use crate::admin_pages::{Pages, seller};
use crate::admin_sessions::{hidden, hostile, looker};
use crate::support::{self, START, minutes};

const ACCOUNTS: &str = "/admin/accounts";
const NEW: &str = "/admin/accounts/new";
const PLACE: &str = "/admin/accounts/account";
const SURE: &str = "/admin/accounts/sure";

async fn start() -> Pages {
    let pages = Pages::start().await;
    let store = Arc::new(pages.app.store.clone());
    let (clock, hasher) = (pages.app.clock.clone(), Hasher::with_cost(64, 1));
    let accounts = AccountProvider::new(Arc::clone(&store) as _, store, clock, Arc::new(Utc), hasher);
    pages.app.handle.registry().register(Arc::new(accounts)).unwrap();
    let plan = Plan { title: Text::new("One hour"), ..support::plan("hour", 250, minutes(60)) };
    pages.app.store.create_plan(&plan, START.wall, None).await.unwrap().unwrap();
    pages
}

async fn log_in(pages: &Pages, device: &ClientDevice, who: &str, password: &str) -> Option<ClientSession> {
    let form: FormValues =
        [("name".to_owned(), who.to_owned()), ("password".to_owned(), password.to_owned())].into();
    let provider = ProviderName::new(AccountProvider::NAME);
    match pages.app.handle.submit(device.id, &provider, form).await {
        Ok(FormDone::Connected(session)) => Some(*session),
        Ok(_) | Err(_) => None,
    }
}

async fn sales(pages: &Pages) -> u64 {
    let query = SalesQuery { page: 1, per_page: 10, ..SalesQuery::default() };
    pages.app.store.list_sales(&query).await.unwrap().1
}

const ANA: [(&str, &str); 7] = [
    ("name", "Ana"),
    ("password", " correct horse "),
    ("full_name", "Ana <b>Bell</b>"),
    ("plan", "hour"),
    ("paid", "on"),
    ("max_devices", "2"),
    ("one_more", "take_over"),
];

#[tokio::test]
async fn an_account_is_made_and_paid_once_and_logs_in() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    let empty = pages.get(&cookie, ACCOUNTS).await;
    for part in ["No accounts yet.", "An account is a name and a password", "Make the first one"] {
        assert!(empty.text.contains(part), "{part}: {}", empty.text);
    }
    let new = [&[("once", "a")], ANA.as_slice()].concat();
    let (first, second) =
        tokio::join!(pages.post(&cookie, ACCOUNTS, &new), pages.post(&cookie, ACCOUNTS, &new));
    let places = [first.to.as_str(), second.to.as_str()];
    assert!(places.contains(&"/admin/accounts/account?name=ana&done=made"), "{places:?} {}", first.text);
    assert!(places.contains(&"/admin/accounts/account?name=ana&done=again"), "{places:?} {}", second.text);
    assert_eq!(sales(&pages).await, 1, "it was paid once");
    let shown = pages.get(&cookie, &first.to).await;
    for part in ["Ana &#60;b&#62;Bell", "active", "hour", "No device is.", "It has had none."] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert!(!shown.text.contains("correct horse") && !shown.text.contains("argon2"), "{}", shown.text);

    let device = pages.app.device(1).await;
    let session = log_in(&pages, &device, "ana", " correct horse ").await.unwrap();
    let shown = pages.get(&cookie, "/admin/accounts/account?name=ana").await;
    for part in
        [&*format!("/admin/devices/{}", device.id), &format!("/admin/sessions/{}", session.id), "running"]
    {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let list = pages.get(&cookie, "/admin/accounts?q=bell").await;
    assert!(list.text.contains("1 of 2") && list.text.contains("1 to 1 of 1"), "{}", list.text);
    assert!(pages.get(&cookie, "/admin/accounts?q=nobody").await.text.contains("No account is like that."));

    // One more plan, which a reload does not sell twice.
    let once = hidden(&shown.text, "once").to_owned();
    let more = [("once", once.as_str()), ("name", "ana"), ("plan", "hour"), ("paid", "on"), ("note", "cash")];
    assert!(pages.post(&cookie, "/admin/accounts/plan", &more).await.to.ends_with("done=plan"));
    assert!(pages.post(&cookie, "/admin/accounts/plan", &more).await.to.ends_with("done=again"));
    assert_eq!(sales(&pages).await, 2);
    let name = AccountName::parse("ana").unwrap();
    assert_eq!(pages.app.store.find_account(&name).await.unwrap().unwrap().plans.len(), 2);
    for action in ["account.create", "account.attach"] {
        let count = pages.actions().await.into_iter().filter(|(known, _)| known == action).count();
        assert_eq!(count, 1, "{action}");
    }
}

#[tokio::test]
async fn an_account_is_changed_as_the_api_changes_one() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    for name in ["page", "api"] {
        let body = json!({
            "name": name, "password": "1234", "plans": ["hour"], "expires_at": "2027-01-31T18:00:07Z",
            "properties": { "a": "x = y" },
        });
        assert_eq!(pages.api("POST", "/api/v1/accounts", &body).await.0, 201);
    }
    let find = async |name: &str| {
        let found = pages.app.store.find_account(&AccountName::parse(name).unwrap()).await.unwrap().unwrap();
        let plans: Vec<String> = found.plans.iter().map(|plan| plan.plan.to_string()).collect();
        (
            found.full_name,
            found.note,
            found.max_devices,
            found.one_more,
            found.expires_at,
            found.roles,
            found.properties,
            plans,
        )
    };
    let post = async |fields: &[(&str, &str)]| {
        let page = pages.get(&cookie, "/admin/accounts/account?name=page").await;
        let tag = [("tag", hidden(&page.text, "tag"))];
        pages.post(&cookie, PLACE, &[fields, &tag].concat()).await
    };
    // As it is shown: nothing is different, also the seconds, which a field cannot show.
    let shown = [
        ("name", "page"),
        ("full_name", ""),
        ("note", ""),
        ("max_devices", "1"),
        ("one_more", "refuse"),
        ("expires_at", "2027-01-31T18:00"),
        ("plans", "hour"),
        ("roles", ""),
        ("properties", "a = x = y"),
    ];
    assert!(post(&shown).await.to.ends_with("done=changed"));
    assert_eq!(find("page").await, find("api").await);
    let other = [
        ("name", "page"),
        ("full_name", "Ana"),
        ("note", "x"),
        ("max_devices", "3"),
        ("one_more", "take_over"),
        ("expires_at", ""),
        ("plans", ""),
        ("roles", "vip"),
        ("properties", "b = 2"),
    ];
    let changed = post(&other).await;
    assert!(changed.to.ends_with("done=changed"), "{}", changed.text);
    let patch = json!({
        "full_name": "Ana", "note": "x", "max_devices": 3, "one_more": "take_over", "expires_at": null, "plans": [],
        "roles": ["vip"], "properties": { "b": "2" },
    });
    assert_eq!(pages.api("PATCH", "/api/v1/accounts/api", &patch).await.0, 200);
    assert_eq!(find("page").await, find("api").await);
    for (field, typed) in [
        ("max_devices", "0"),
        ("max_devices", "x"),
        ("one_more", "shout"),
        ("expires_at", "soon"),
        ("plans", "nowhere"),
        ("roles", &"r".repeat(65)),
        ("properties", "none"),
    ] {
        let fields: Vec<(&str, &str)> = other
            .into_iter()
            .map(|(name, value)| if name == field { (name, typed) } else { (name, value) })
            .collect();
        let refused = post(&fields).await;
        assert!([404, 422].contains(&refused.status), "{field} {typed}: {} {}", refused.status, refused.text);
        assert!(
            refused.text.contains(&format!("id=\"f-{field}-error\">Error: ")),
            "{field}: {}",
            refused.text
        );
        assert!(refused.text.contains("<title>Error: "), "{field}: {}", refused.text);
    }
    assert_eq!(find("page").await, find("api").await, "nothing was changed");
}

#[tokio::test]
async fn an_old_page_takes_away_no_plan_that_was_paid_since() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    let body = json!({ "name": "ana", "password": "1234", "expires_at": "2027-01-31T18:00:07Z" });
    assert_eq!(pages.api("POST", "/api/v1/accounts", &body).await.0, 201);
    let page = pages.get(&cookie, "/admin/accounts/account?name=ana").await;
    let tag = hidden(&page.text, "tag").to_owned();
    let once = hidden(&page.text, "once").to_owned();
    // Somebody else sells a plan and lets it last longer.
    let more = [("once", once.as_str()), ("name", "ana"), ("plan", "hour"), ("paid", "on")];
    assert_eq!(pages.post(&cookie, "/admin/accounts/plan", &more).await.status, 303);
    let patch = json!({ "expires_at": "2028-01-31T18:00:07Z" });
    assert_eq!(pages.api("PATCH", "/api/v1/accounts/ana", &patch).await.0, 200);
    let find =
        async || pages.app.store.find_account(&AccountName::parse("ana").unwrap()).await.unwrap().unwrap();
    let before = find().await;
    assert_eq!(before.plans.len(), 1);
    let old = |tag| {
        [
            ("name", "ana"),
            ("tag", tag),
            ("note", "x"),
            ("max_devices", "1"),
            ("one_more", "refuse"),
            ("expires_at", "2027-01-31T18:00"),
            ("plans", ""),
        ]
    };
    for tag in [tag.as_str(), "", "nonsense"] {
        let stale = pages.post(&cookie, PLACE, &old(tag)).await;
        assert_eq!(stale.status, 412, "{}", stale.text);
        assert!(stale.text.contains("was changed meanwhile, and nothing was done"), "{}", stale.text);
        for part in ["value=\"hour\"", "2028-01-31T18:00", "<title>Error: "] {
            assert!(stale.text.contains(part), "as it stands now: {part}: {}", stale.text);
        }
        assert_eq!(find().await, before);
    }
    let page = pages.get(&cookie, "/admin/accounts/account?name=ana").await;
    let now = old(hidden(&page.text, "tag"));
    assert_eq!(pages.post(&cookie, PLACE, &now).await.status, 303);
    assert!(find().await.plans.is_empty(), "now it was meant");
}

#[tokio::test]
async fn who_may_only_sell_sees_no_guests_when_a_form_comes_back() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    assert_eq!(pages.send(&cookie, NEW, ACCOUNTS, &ANA).await.status, 303);
    let device = pages.app.device(1).await;
    let session = log_in(&pages, &device, "ana", " correct horse ").await.unwrap();
    let desk = pages.log_in(&[Permission::ManageVouchers]).await;
    for (place, more) in [
        (PLACE, ("max_devices", "x")),
        ("/admin/accounts/password", ("password", "x")),
        ("/admin/accounts/plan", ("plan", "nowhere")),
    ] {
        for (who, sees) in [(&desk, false), (&cookie, true)] {
            let shown = pages.post(who, place, &[("name", "ana"), ("once", "b"), more]).await;
            assert!([404, 412, 422].contains(&shown.status), "{place}: {}", shown.status);
            assert!(shown.text.contains("<title>Error: ana"), "{place}: {}", shown.text);
            for part in [device.id.to_string(), session.id.to_string(), "<h2>Logged in</h2>".to_owned()] {
                assert_eq!(shown.text.contains(&part), sees, "{place} {part}: {}", shown.text);
            }
        }
    }
}

#[tokio::test]
async fn what_is_done_is_noted_and_said_also_if_sessions_cannot_be_ended() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    assert_eq!(pages.send(&cookie, NEW, ACCOUNTS, &ANA).await.status, 303);
    // From here on nothing can be ended; the store goes on.
    pages.app.handle.stop().await;
    for (what, action) in
        [("disable", "account.change"), ("log-out", "account.log_out"), ("delete", "account.delete")]
    {
        let shown = pages.post(&cookie, SURE, &[("name", "ana"), ("what", what)]).await;
        assert!(shown.status == 503 && shown.text.contains("It is done."), "{what}: {}", shown.text);
        let actions = pages.actions().await;
        assert!(actions.iter().any(|(known, _)| known == action), "{what}: {actions:?}");
    }
    let found = pages.app.store.find_account(&AccountName::parse("ana").unwrap()).await.unwrap();
    assert!(found.is_none(), "it is done");
}

#[tokio::test]
async fn buttons_say_what_they_do_and_do_it() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    assert_eq!(pages.send(&cookie, NEW, ACCOUNTS, &ANA).await.status, 303);
    let device = pages.app.device(1).await;
    let session = log_in(&pages, &device, "ana", " correct horse ").await.unwrap();
    let over = async |id| {
        let state = pages.app.handle.session(id).await.unwrap().state;
        matches!(state, SessionState::Closed(..))
    };
    let act = async |what: &str, dev: &str| {
        pages.post(&cookie, SURE, &[("name", "ana"), ("what", what), ("dev", dev)]).await
    };
    let sure = pages.get(&cookie, &format!("{SURE}?name=ana&what=log-out&dev={}", device.id)).await;
    assert!(
        sure.text.contains("Log a device of ana out?") && sure.text.contains("What is left waits"),
        "{}",
        sure.text
    );
    assert!(!over(session.id).await, "nothing is done yet");
    assert!(act("log-out", &device.id.to_string()).await.to.ends_with("done=log-out"));
    assert!(over(session.id).await);
    assert_eq!(act("log-out", &device.id.to_string()).await.status, 404, "not logged in any more");
    let session = log_in(&pages, &device, "ana", " correct horse ").await.unwrap();

    let sure = pages.get(&cookie, &format!("{SURE}?name=ana&what=disable")).await;
    assert!(
        sure.text.contains("Block the account ana?") && sure.text.contains("logged in now: 1."),
        "{}",
        sure.text
    );
    assert!(act("disable", "").await.to.ends_with("done=disable"));
    assert!(over(session.id).await && log_in(&pages, &device, "ana", " correct horse ").await.is_none());
    assert!(pages.get(&cookie, "/admin/accounts/account?name=ana").await.text.contains("blocked"));
    assert!(act("enable", "").await.to.ends_with("done=enable"));

    let password = "/admin/accounts/password";
    let short = pages.post(&cookie, password, &[("name", "ana"), ("password", "123")]).await;
    assert!(short.status == 422 && short.text.contains("id=\"f-password-error\""), "{}", short.text);
    let done = pages.post(&cookie, password, &[("name", "ana"), ("password", "battery")]).await;
    assert!(done.to.ends_with("done=password"), "{}", done.text);
    assert!(log_in(&pages, &device, "ana", " correct horse ").await.is_none());
    let session = log_in(&pages, &device, "ana", "battery").await.unwrap();

    let sure = pages.get(&cookie, &format!("{SURE}?name=ana&what=delete")).await;
    assert!(
        sure.text.contains("Delete the account ana?") && sure.text.contains("cannot be undone"),
        "{}",
        sure.text
    );
    assert_eq!(act("delete", "").await.to, "/admin/accounts?done=deleted");
    assert!(over(session.id).await);
    assert_eq!(pages.get(&cookie, "/admin/accounts/account?name=ana").await.status, 404);
    for what in ["", "shout"] {
        assert_eq!(pages.get(&cookie, &format!("{SURE}?name=ana&what={what}")).await.status, 404);
    }
    let known: Vec<String> = pages.actions().await.into_iter().map(|(action, _)| action).collect();
    for action in ["account.log_out", "account.change", "account.password", "account.delete"] {
        assert!(known.iter().any(|known| known == action), "{action}: {known:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_new_account_stands_beside_its_field() {
    let pages = start().await;
    let cookie = pages.log_in(&seller()).await;
    for (field, typed) in [
        ("name", ""),
        ("name", "a b"),
        ("password", "123"),
        ("plan", "nowhere"),
        ("max_devices", "0"),
        ("one_more", "shout"),
    ] {
        let fields: Vec<(&str, &str)> = ANA
            .into_iter()
            .map(|(name, value)| if name == field { (name, typed) } else { (name, value) })
            .collect();
        let refused = pages.send(&cookie, NEW, ACCOUNTS, &fields).await;
        assert!([404, 422].contains(&refused.status), "{field} {typed}: {} {}", refused.status, refused.text);
        let text = &refused.text;
        assert!(text.contains(&format!("id=\"f-{field}-error\">Error: ")), "{field} {typed}: {text}");
        assert!(text.contains("value=\"Ana &#60;b") && !text.contains("correct horse"), "{field}: {text}");
    }
    assert_eq!(
        (pages.app.store.list_accounts(&Default::default()).await.unwrap().1, sales(&pages).await),
        (0, 0)
    );
    assert_eq!(pages.send(&cookie, NEW, ACCOUNTS, &ANA).await.status, 303);
    let taken = pages.send(&cookie, NEW, ACCOUNTS, &ANA).await;
    assert!(taken.status == 409 && taken.text.contains("id=\"f-name-error\""), "{}", taken.text);
}

#[tokio::test]
async fn many_accounts_are_paged_and_each_permission_opens_its_part() {
    let pages = start().await;
    let password = Hasher::with_cost(64, 1).hash("1234").await.unwrap();
    for number in 0..120 {
        let name = AccountName::parse(&format!("guest-{number:03}")).unwrap();
        let mut new = NewAccount { name, password: password.clone(), rest: Default::default() };
        new.rest.full_name = Some(Some(Text::new(&hostile())));
        pages.app.store.create_account(&new, START.wall, None).await.unwrap().unwrap();
    }
    let viewer = pages.log_in(&looker()).await;
    let last = pages.get(&viewer, "/admin/accounts?page=3").await;
    assert!(last.text.contains("101 to 120 of 120") && last.text.contains("guest-119"), "{}", last.text);
    assert!(!last.text.contains("guest-099") && !last.text.contains("<script>"), "{}", last.text);
    assert!(!last.text.contains("New account"), "{}", last.text);
    let shown = pages.get(&viewer, "/admin/accounts/account?name=guest-001").await;
    assert!(
        shown.status == 200 && !shown.text.contains("<textarea") && !shown.text.contains("Delete"),
        "{}",
        shown.text
    );
    for place in [NEW.to_owned(), format!("{SURE}?name=guest-001&what=delete")] {
        let refused = pages.get(&viewer, &place).await;
        assert!(refused.status == 403 && refused.text.contains("manage_vouchers"), "{}", refused.text);
    }
    for place in [ACCOUNTS, PLACE, SURE, "/admin/accounts/password", "/admin/accounts/plan"] {
        let fields = [("name", "guest-001"), ("what", "delete"), ("once", "x"), ("password", "abcd")];
        assert_eq!(pages.post(&viewer, place, &fields).await.status, 403, "{place}");
    }
    let desk = pages.log_in(&[Permission::ManageVouchers]).await;
    assert_eq!(pages.get(&desk, ACCOUNTS).await.status, 403);
    let made = pages.send(&desk, NEW, ACCOUNTS, &ANA).await;
    assert_eq!((made.status, made.to.as_str()), (303, "/admin/accounts/new?done=made"), "{}", made.text);
}
