//! The counter: what is sold there, and what the till says of it.

use std::time::Duration;

use turnpike::domain::{Permission, Plan, SessionTerms, Text};
use turnpike::store::SalesQuery;

use crate::admin_pages::{Pages, seller};
use crate::support::{self, START, minutes};

fn plan(name: &str, price: i64, terms: SessionTerms) -> Plan {
    Plan { title: Text::new(&format!("{name} <u>")), ..support::plan(name, price, terms) }
}

impl Pages {
    async fn with_plans() -> Self {
        let pages = Self::start().await;
        let off = Plan { on_sale: false, ..plan("old", 100, minutes(5)) };
        for plan in [plan("hour", 250, minutes(60)), plan("day", 1_000, minutes(1_440)), off] {
            pages.app.store.create_plan(&plan, START.wall, None).await.unwrap().unwrap();
        }
        pages
    }

    async fn sales(&self) -> Vec<(String, Option<String>, i64)> {
        let query = SalesQuery { page: 1, per_page: 100, ..SalesQuery::default() };
        let (sales, _) = self.app.store.list_sales(&query).await.unwrap();
        sales
            .into_iter()
            .map(|line| (line.sale.seller.to_string(), line.sale.plan, line.sale.amount.0))
            .collect()
    }
}

/// What the page's hidden field of that name holds.
fn hidden<'a>(text: &'a str, name: &str) -> &'a str {
    let marker = format!("type=\"hidden\" name=\"{name}\" value=\"");
    text.split(&marker).nth(1).and_then(|rest| rest.split('"').next()).unwrap()
}

#[tokio::test]
async fn a_voucher_is_sold_once_however_often_the_form_is_sent() {
    let pages = Pages::with_plans().await;
    let cookie = pages.log_in(&seller()).await;
    let front = pages.get(&cookie, "/admin/counter").await;
    assert!(front.text.contains("hour &#60;u&#62;") && front.text.contains("2.50 EUR"), "{}", front.text);
    assert!(!front.text.contains("old"), "not on sale");
    let once = hidden(&front.text, "once");
    let fields = [("once", once), ("plan", "hour"), ("note", "table <7>")];
    let first = pages.post(&cookie, "/admin/sell", &fields).await;
    assert!(first.status == 303 && first.to.ends_with("&done=sold"), "{} {}", first.to, first.text);
    let shown = pages.get(&cookie, &first.to).await;
    assert!(shown.text.contains("Sold. Hand over") && shown.text.contains("2.50 EUR"), "{}", shown.text);
    let again = pages.post(&cookie, "/admin/sell", &fields).await;
    assert_eq!(again.to, first.to.replace("=sold", "=again"));
    assert!(pages.get(&cookie, &again.to).await.text.contains("no other one"));
    // The same page cannot sell something else.
    let other = pages.post(&cookie, "/admin/sell", &[("once", once), ("plan", "day")]).await;
    assert_eq!(other.status, 409, "{}", other.text);
    assert_eq!(pages.sales().await, [("Ana & Ben".to_owned(), Some("hour".to_owned()), 250)]);
    let all_at_once = futures_util::future::join_all((0..8).map(|_| {
        let fields = [("once", "at-once"), ("plan", "day")];
        let (pages, cookie) = (&pages, &cookie);
        async move { pages.post(cookie, "/admin/sell", &fields).await.status }
    }));
    assert_eq!(all_at_once.await, [303; 8]);
    assert_eq!(pages.sales().await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_and_nothing_is_in_the_till() {
    let pages = Pages::with_plans().await;
    let cookie = pages.log_in(&seller()).await;
    for path in ["sell", "topup", "redeem", "revoke", "connect"] {
        let again = pages.get(&cookie, &format!("/admin/{path}")).await;
        assert_eq!(again.to, "/admin/counter", "{path}: a page that said what went wrong is loaded again");
    }
    for (fields, status) in [
        (vec![("once", "1"), ("plan", "old")], 409),
        (vec![("once", "2"), ("plan", "nothing")], 404),
        (vec![("once", "3"), ("batch", "77")], 404),
        (vec![("once", "4"), ("batch", "x")], 404),
        (vec![("once", "5"), ("code", "AAAA-BBBB")], 404),
        (vec![("once", "6")], 422),
        (vec![("once", "7"), ("plan", "hour"), ("batch", "1")], 422),
        (vec![("once", ""), ("plan", "hour")], 422),
        (vec![("once", "a b"), ("plan", "hour")], 422),
        (vec![("plan", "hour")], 400),
    ] {
        let shown = pages.post(&cookie, "/admin/sell", &fields).await;
        assert_eq!(shown.status, status, "{fields:?}: {}", shown.text);
    }
    let looker = pages.log_in(&[Permission::ViewSession, Permission::ModifySession]).await;
    assert_eq!(pages.post(&looker, "/admin/sell", &[("once", "9"), ("plan", "hour")]).await.status, 403);
    assert_eq!(pages.get(&looker, "/admin/till").await.status, 403);
    assert_eq!(pages.sales().await, []);
}

#[tokio::test]
async fn a_printed_code_is_sold_as_the_next_of_its_batch_or_as_itself() {
    let pages = Pages::with_plans().await;
    let cookie = pages.log_in(&seller()).await;
    let code = pages.voucher().await;
    let page = pages.get(&cookie, &format!("/admin/voucher?code={code}")).await;
    assert!(page.text.contains("Sell this voucher"), "{}", page.text);
    let once = hidden(&page.text, "once");
    let sold = pages.post(&cookie, "/admin/sell", &[("once", once), ("code", &code)]).await;
    let shown = pages.get(&cookie, &sold.to).await;
    assert!(shown.text.contains("sold, can be redeemed"), "{}", shown.text);
    assert!(!shown.text.contains("Sell this voucher"), "{}", shown.text);
    let twice = pages.post(&cookie, "/admin/sell", &[("once", "other"), ("code", &code)]).await;
    assert_eq!(twice.status, 409, "{}", twice.text);
    let empty = pages.post(&cookie, "/admin/sell", &[("once", "next"), ("batch", "1")]).await;
    assert_eq!(empty.status, 409, "{}", empty.text);
}

#[tokio::test]
async fn a_device_is_topped_up_and_the_till_says_by_whom() {
    let pages = Pages::with_plans().await;
    let cookie = pages.log_in(&seller()).await;
    let device = pages.app.device(1).await;
    let dev = device.id.to_string();
    let page = pages.get(&cookie, "/admin/device?dev=10.0.0.1").await;
    let once = hidden(&page.text, "once").to_owned();
    for done in ["topped_up", "again"] {
        let fields = [("once", once.as_str()), ("dev", &dev), ("plan", "hour"), ("session", "")];
        let shown = pages.post(&cookie, "/admin/topup", &fields).await;
        assert!(shown.to.ends_with(done), "{} {}", shown.to, shown.text);
    }
    let sessions = pages.app.handle.usable_sessions(device.id).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].time_left_ms(), Some(3_600_000));
    let page = pages.get(&cookie, "/admin/device?dev=10.0.0.1").await;
    let (once, session) = (hidden(&page.text, "once").to_owned(), sessions[0].id.to_string());
    assert!(page.text.contains(&session), "{}", page.text);
    let fields = [("once", once.as_str()), ("dev", &dev), ("plan", "hour"), ("session", &session)];
    assert_eq!(pages.post(&cookie, "/admin/topup", &fields).await.status, 303);
    let sessions = pages.app.handle.usable_sessions(device.id).await.unwrap();
    assert_eq!((sessions.len(), sessions[0].time_left_ms()), (1, Some(7_200_000)));
    for (plan, session, status) in [("old", "", 409), ("none", "", 404), ("hour", "nonsense", 404)] {
        let fields = [("once", "o"), ("dev", dev.as_str()), ("plan", plan), ("session", session)];
        assert_eq!(pages.post(&cookie, "/admin/topup", &fields).await.status, status, "{plan} {session}");
    }
    assert_eq!(pages.sales().await.len(), 2);
}

#[tokio::test]
async fn the_till_is_read_by_day_seller_and_plan() {
    let pages = Pages::with_plans().await;
    let cookie = pages.log_in(&seller()).await;
    let nothing = pages.get(&cookie, "/admin/till").await;
    assert!(nothing.text.contains("Nothing was sold"), "{}", nothing.text);
    for (number, plan) in ["hour", "hour", "day"].into_iter().enumerate() {
        let once = format!("first-{number}");
        assert_eq!(pages.post(&cookie, "/admin/sell", &[("once", &once), ("plan", plan)]).await.status, 303);
    }
    pages.app.pass(Duration::from_secs(86_400)).await;
    let cookie = pages.log_in(&seller()).await;
    pages.post(&cookie, "/admin/sell", &[("once", "second"), ("plan", "hour")]).await;
    let today = pages.get(&cookie, "/admin/till").await;
    assert!(today.text.contains("2.50 EUR") && !today.text.contains("15.00"), "{}", today.text);
    let both = pages.get(&cookie, "/admin/till?from=2026-06-01&to=2026-06-02").await;
    let flat: String = both.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for row in [
        "<td class=\"day\">2026-06-01</td><td><bdi>Ana &#38; Ben</bdi></td><td><bdi>day</bdi></td><td class=\"amount\">1</td><td class=\"amount\">0</td><td class=\"amount\">10.00</td>",
        "<td class=\"day\">2026-06-01</td><td><bdi>Ana &#38; Ben</bdi></td><td><bdi>hour</bdi></td><td class=\"amount\">2</td><td class=\"amount\">0</td><td class=\"amount\">5.00</td>",
        "<td class=\"day\">2026-06-02</td><td><bdi>Ana &#38; Ben</bdi></td><td><bdi>hour</bdi></td><td class=\"amount\">1</td><td class=\"amount\">0</td><td class=\"amount\">2.50</td>",
    ] {
        assert!(flat.contains(row), "{row}\n{flat}");
    }
    assert!(flat.contains("17.50 EUR"), "{flat}");
    for (query, status) in [
        ("from=2026-06-02&to=2026-06-01", 422),
        ("from=<script>", 422),
        ("from=2020-01-01&to=2026-01-01", 422),
        ("from=2019-01-01", 200),
    ] {
        let query = query.replace('<', "%3C").replace('>', "%3E");
        assert_eq!(pages.get(&cookie, &format!("/admin/till?{query}")).await.status, status, "{query}");
    }
}
