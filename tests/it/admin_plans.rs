//! Plans on the admin pages: what a form writes is what the API writes, and what it refuses stands beside its field.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{Currency, Permission, Plan, PlanName, Text};
use turnpike::store::TokenText;

use crate::admin_pages::{Pages, seller};
use crate::admin_sessions::{hidden, hostile, looker};
use crate::support::START;

impl Pages {
    /// The API of the same daemon.
    pub async fn api(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let text = TokenText::random().unwrap();
        let made = self
            .app
            .store
            .create_token(&Text::new("Ana & Ben by API"), &[Permission::Admin], &text, START.wall)
            .await;
        made.unwrap();
        let (handle, store) = (self.app.handle.clone(), self.app.store.clone());
        let codes = Arc::clone(&self.app.vault) as _;
        let state = ApiState::new(handle, store, codes, &[]).with_currency(Currency::parse("EUR").unwrap());
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", text.as_str()));
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = api::router(state).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn plan(&self, name: &str) -> Plan {
        self.app.store.find_plan(name).await.unwrap().unwrap()
    }

    /// Posts the form of a page under a name of its own.
    pub async fn send(
        &self,
        cookie: &str,
        page: &str,
        to: &str,
        fields: &[(&str, &str)],
    ) -> crate::admin_pages::Shown {
        let shown = self.get(cookie, page).await;
        let once = hidden(&shown.text, "once").to_owned();
        self.post(cookie, to, &[&[("once", once.as_str())], fields].concat()).await
    }
}

const NEW: &str = "/admin/plans/new";
const PLANS: &str = "/admin/plans";

/// All that a plan has.
const FULL: [(&str, &str); 19] = [
    ("title", " A day’s <b>hour</b> "),
    ("price", "2,50"),
    ("on_sale", "on"),
    ("kind", "time_or_data"),
    ("time_min", "61.5"),
    ("data_mb", "1500.5"),
    ("exp_days", "30"),
    ("down_mbps", "2.5"),
    ("up_mbps", ""),
    ("use_global_speed", "on"),
    ("max_devices", "3"),
    ("repeat", "day"),
    ("at_hour", "4"),
    ("at_end", "slow"),
    ("slow_min", "1440"),
    ("slow_down_mbps", "0.5"),
    ("slow_up_mbps", "0.25"),
    ("roles", "vip, desk 2"),
    ("properties", "floor = 2\r\na=b = c d\r\n"),
];

fn full() -> Value {
    json!({
        "title": "A day’s <b>hour</b>", "price": "2.50", "on_sale": true, "kind": "time_or_data", "time_secs": 3690,
        "data_mb": 1500.5, "exp_days": 30, "down_mbps": 2.5, "up_mbps": 0, "use_global_speed": true, "max_devices": 3,
        "repeat": { "every": "day", "at_hour": 4 },
        "at_end": { "slow": { "secs": 86400, "down_mbps": 0.5, "up_mbps": 0.25 } },
        "roles": ["vip", "desk 2"], "properties": { "floor": "2", "a=b": "c d" },
    })
}

fn named(mut body: Value, name: &str) -> Value {
    body["name"] = json!(name);
    body
}

#[tokio::test]
async fn a_page_writes_what_the_api_writes() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let empty = pages.get(&cookie, PLANS).await;
    for part in ["No plans yet.", "A plan is what you sell", "Make the first one"] {
        assert!(empty.text.contains(part), "{part}: {}", empty.text);
    }
    let made = pages.send(&cookie, NEW, PLANS, &[&[("name", "page")], FULL.as_slice()].concat()).await;
    assert_eq!(
        (made.status, made.to.as_str()),
        (303, "/admin/plans/plan?name=page&done=made"),
        "{}",
        made.text
    );
    assert_eq!(pages.api("POST", "/api/v1/plans", &named(full(), "api")).await.0, 201);
    let by_api = pages.plan("api").await;
    let renamed = |plan: Plan| Plan { name: PlanName::parse("api").unwrap(), ..plan };
    assert_eq!(renamed(pages.plan("page").await), by_api);

    // The page shows it as it is; saved as it stands, nothing is different.
    let shown = pages.get(&cookie, &made.to).await;
    for part in [
        "The plan is made.",
        "value=\"61.5000\"",
        "value=\"1500.5\"",
        "value=\"2.50\"",
        "floor = 2",
        "A day’s &#60;b",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let tag = hidden(&shown.text, "tag").to_owned();
    let same = [&[("name", "page"), ("tag", tag.as_str())], FULL.as_slice()].concat();
    let saved = pages.post(&cookie, "/admin/plans/plan", &same).await;
    assert_eq!(
        (saved.status, saved.to.as_str()),
        (303, "/admin/plans/plan?name=page&done=changed"),
        "{}",
        saved.text
    );
    assert_eq!(renamed(pages.plan("page").await), by_api);

    // Changed on both sides in the same way: what is emptied is gone.
    let tag = hidden(&pages.get(&cookie, &saved.to).await.text, "tag").to_owned();
    let other = [
        ("name", "page"),
        ("tag", tag.as_str()),
        ("title", "Less"),
        ("price", ""),
        ("kind", "data"),
        ("time_min", ""),
        ("data_mb", "10"),
        ("exp_days", ""),
        ("down_mbps", ""),
        ("up_mbps", "1"),
        ("max_devices", "1"),
        ("repeat", ""),
        ("at_end", "cut_off"),
        ("roles", ""),
        ("properties", ""),
    ];
    assert_eq!(pages.post(&cookie, "/admin/plans/plan", &other).await.status, 303);
    let patch = json!({
        "title": "Less", "price": "0", "kind": "data", "data_mb": 10, "exp_days": null, "down_mbps": 0, "up_mbps": 1,
        "use_global_speed": false, "max_devices": 1, "repeat": null, "at_end": "cut_off", "roles": [], "properties": {},
        "on_sale": false,
    });
    assert_eq!(pages.api("PATCH", "/api/v1/plans/api", &patch).await.0, 200);
    assert_eq!(renamed(pages.plan("page").await), pages.plan("api").await);
    // Somebody else was faster.
    let late = pages.post(&cookie, "/admin/plans/plan", &other).await;
    assert!(late.status == 412 && late.text.contains("changed meanwhile"), "{}", late.text);
    let list = pages.get(&cookie, PLANS).await;
    assert!(list.text.contains("off sale") && list.text.contains("1 to 2 of 2"), "{}", list.text);
    for action in ["plan.create", "plan.change"] {
        assert!(pages.actions().await.iter().any(|(known, _)| known == action), "{action}");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_plan() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let new = [("once", "a"), ("name", "hour"), ("kind", "time"), ("time_min", "60")];
    let (first, second) = tokio::join!(pages.post(&cookie, PLANS, &new), pages.post(&cookie, PLANS, &new));
    let places = [first.to.as_str(), second.to.as_str()];
    assert!(places.contains(&"/admin/plans/plan?name=hour&done=made"), "{places:?} {}", first.text);
    assert!(places.contains(&"/admin/plans/plan?name=hour&done=again"), "{places:?} {}", second.text);
    let reloaded = pages.post(&cookie, PLANS, &new).await;
    assert!(pages.get(&cookie, &reloaded.to).await.text.contains("It made this plan, and no other one."));
    let other = pages
        .post(&cookie, PLANS, &[("once", "a"), ("name", "day"), ("kind", "time"), ("time_min", "9")])
        .await;
    assert_eq!(other.status, 409, "{}", other.text);
    let same = pages.post(&cookie, PLANS, &[&[("once", "b")], &new[1..]].concat()).await;
    assert!(same.status == 409 && same.text.contains("id=\"f-name-error\""), "{}", same.text);
    assert_eq!(pages.post(&cookie, PLANS, &new[1..]).await.status, 422, "a form without a name");
    assert_eq!(pages.app.store.list_plans().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    for (field, typed) in [
        ("name", "a b"),
        ("name", ""),
        ("price", "-1"),
        ("price", "2.555"),
        ("kind", "magic"),
        ("time_min", "x"),
        ("time_min", ""),
        ("time_min", "99999999999"),
        ("data_mb", "1e999"),
        ("data_mb", "-5"),
        ("exp_days", "1.5"),
        ("exp_days", "0"),
        ("down_mbps", "-1"),
        ("max_devices", "0"),
        ("max_devices", "99999999999"),
        ("at_hour", "24"),
        ("repeat", "year"),
        ("slow_min", ""),
        ("roles", "a\"b\u{7}"),
        ("properties", "nothing"),
        ("properties", "$Mac = x"),
    ] {
        let fields: Vec<(&str, &str)> = [&[("name", "new")], FULL.as_slice()]
            .concat()
            .into_iter()
            .map(|(name, value)| if name == field { (name, typed) } else { (name, value) })
            .collect();
        let refused = pages.send(&cookie, NEW, PLANS, &fields).await;
        assert_eq!(refused.status, 422, "{field} {typed}: {}", refused.text);
        let text = &refused.text;
        assert!(text.contains("<title>Error: "), "{field} {typed}: {text}");
        assert!(text.contains(&format!("id=\"f-{field}-error\">Error: ")), "{field} {typed}: {text}");
        assert!(text.contains("value=\"1500.5\"") | (field == "data_mb"), "{field} {typed}: {text}");
        assert!(text.contains("aria-describedby=\"f-") && text.contains("aria-invalid=\"true\""), "{text}");
    }
    assert!(pages.app.store.list_plans().await.unwrap().is_empty());
}

#[tokio::test]
async fn deleting_says_what_uses_it_first() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    for name in ["hour", "."] {
        let plan = json!({ "name": name, "kind": "time", "time_secs": 3600 });
        assert_eq!(pages.api("POST", "/api/v1/plans", &plan).await.0, 201);
    }
    let batch = json!({ "count": 3, "plan": "hour" });
    assert_eq!(pages.api("POST", "/api/v1/vouchers", &batch).await.0, 201);
    let used = pages.get(&cookie, "/admin/plans/delete?name=hour").await;
    assert!(
        used.status == 409 && used.text.contains("3 vouchers that can still be redeemed"),
        "{}",
        used.text
    );
    assert!(used.text.contains("href=\"/admin/plans/plan?name=hour\""), "a way back: {}", used.text);
    let tag = hidden(&pages.get(&cookie, "/admin/plans/plan?name=hour").await.text, "tag").to_owned();
    let refused = pages.post(&cookie, "/admin/plans/delete", &[("name", "hour"), ("tag", &tag)]).await;
    assert!(refused.status == 409 && refused.text.contains("off sale"), "{}", refused.text);
    // One whose name a path would take for another thing.
    let sure = pages.get(&cookie, "/admin/plans/delete?name=.").await;
    assert!(sure.status == 200 && sure.text.contains("Delete the plan “.”?"), "{}", sure.text);
    let tag = hidden(&sure.text, "tag").to_owned();
    let stale = pages.post(&cookie, "/admin/plans/delete", &[("name", "."), ("tag", "x")]).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let gone = pages.post(&cookie, "/admin/plans/delete", &[("name", "."), ("tag", &tag)]).await;
    assert_eq!((gone.status, gone.to.as_str()), (303, "/admin/plans?done=deleted"), "{}", gone.text);
    assert_eq!(pages.app.store.list_plans().await.unwrap().len(), 1);
    assert_eq!(pages.get(&cookie, "/admin/plans/plan?name=.").await.status, 404);
}

#[tokio::test]
async fn each_permission_opens_what_it_opens_in_the_api() {
    let pages = Pages::start().await;
    let plan = json!({ "name": "hour", "title": hostile(), "kind": "time", "time_secs": 3600 });
    assert_eq!(pages.api("POST", "/api/v1/plans", &plan).await.0, 201);
    let viewer = pages.log_in(&looker()).await;
    let list = pages.get(&viewer, PLANS).await;
    assert!(
        list.status == 200 && !list.text.contains("New plan") && !list.text.contains("<script>"),
        "{}",
        list.text
    );
    let shown = pages.get(&viewer, "/admin/plans/plan?name=hour").await;
    assert!(
        shown.status == 200 && shown.text.contains("disabled") && !shown.text.contains(">Save<"),
        "{}",
        shown.text
    );
    for place in [NEW, "/admin/plans/delete?name=hour"] {
        let refused = pages.get(&viewer, place).await;
        assert!(refused.status == 403 && refused.text.contains("manage_vouchers"), "{}", refused.text);
    }
    for place in [PLANS, "/admin/plans/plan", "/admin/plans/delete"] {
        assert_eq!(
            pages.post(&viewer, place, &[("name", "hour"), ("once", "x")]).await.status,
            403,
            "{place}"
        );
    }
    let desk = pages.log_in(&[Permission::ManageVouchers]).await;
    assert_eq!(pages.get(&desk, PLANS).await.status, 403);
    let made = pages.send(&desk, NEW, PLANS, &[("name", "day"), ("kind", "time"), ("time_min", "9")]).await;
    assert_eq!((made.status, made.to.as_str()), (303, "/admin/plans/new?done=made"), "{}", made.text);
    assert_eq!(pages.get(&desk, &made.to).await.status, 200);
}
