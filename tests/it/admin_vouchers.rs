//! Vouchers on the admin pages: made once, found among ten thousand, printed, handed out and taken back.

use std::collections::BTreeSet;

use serde_json::json;
use turnpike::domain::{NewBatch, Permission, SessionState, Text, VoucherCodes};

use crate::admin_pages::{Pages, seller};
use crate::admin_sessions::{hostile, looker};
use crate::support::{START, minutes};

const VOUCHERS: &str = "/admin/vouchers";
const NEW: &str = "/admin/vouchers/new";
const CODES: &str = "/admin/vouchers/codes";

/// The codes of a page, in their order.
fn codes(text: &str) -> Vec<String> {
    let rows = text.split("<th scope=\"row\" class=\"code\"><a href=\"").skip(1);
    rows.map(|row| row.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_batch_is_made_shown_printed_and_handed_out() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let empty = pages.get(&cookie, VOUCHERS).await;
    for part in ["No vouchers yet.", "A voucher is a code", "Make the first ones"] {
        assert!(empty.text.contains(part), "{part}: {}", empty.text);
    }
    assert!(pages.get(&cookie, CODES).await.text.contains("No vouchers yet."));
    let plan =
        json!({ "name": "hour", "title": "One hour", "kind": "time", "time_secs": 3600, "price": "2.50" });
    assert_eq!(pages.api("POST", "/api/v1/plans", &plan).await.0, 201);
    let of_plan = [("count", "3"), ("name", "July"), ("plan", "hour"), ("kind", ""), ("max_devices", "2")];
    let made = pages.send(&cookie, NEW, VOUCHERS, &of_plan).await;
    assert_eq!(
        (made.status, made.to.as_str()),
        (303, "/admin/vouchers/batches/1?done=made"),
        "{}",
        made.text
    );
    let own = [
        ("count", "2"),
        ("name", "Own"),
        ("note", "for the door"),
        ("plan", ""),
        ("kind", "time_or_data"),
        ("time_min", "90"),
        ("data_mb", "500"),
        ("exp_days", "7"),
        ("down_mbps", "2"),
        ("up_mbps", "1"),
        ("price", "1,5"),
        ("max_devices", "3"),
        ("when_full", "take_over"),
        ("use_days", "5"),
        ("valid_from", "2026-05-01T00:00"),
        ("valid_until", "2026-12-31T18:30"),
        ("roles", "vip"),
    ];
    let made = pages.send(&cookie, NEW, VOUCHERS, &own).await;
    assert_eq!(made.to, "/admin/vouchers/batches/2?done=made", "{}", made.text);
    // The same by the API.
    let body = json!({
        "count": 2, "name": "Own", "note": "for the door", "kind": "time_or_data", "time_secs": 5400, "data_mb": 500,
        "exp_days": 7, "down_mbps": 2, "up_mbps": 1, "price": "1.50", "max_devices": 3, "when_full": "take_over",
        "use_days": 5, "valid_from": "2026-05-01T00:00:00Z", "valid_until": "2026-12-31T18:30:00Z", "roles": ["vip"],
    });
    assert_eq!(pages.api("POST", "/api/v1/vouchers", &body).await.0, 201);
    let find = async |id| pages.app.store.find_batch(id).await.unwrap().unwrap();
    let (by_page, by_api) = (find(2).await, find(3).await);
    assert_eq!((&by_page.terms, &by_page.offer, &by_page.note), (&by_api.terms, &by_api.offer, &by_api.note));
    assert_eq!((by_page.valid_from, by_page.valid_until), (by_api.valid_from, by_api.valid_until));

    let batch = pages.get(&cookie, "/admin/vouchers/batches/1?done=made").await;
    for part in [
        "The vouchers are made.",
        "July",
        "1 h",
        "2.50 EUR",
        "Devices for each",
        "Ana &#38; Ben",
        "Show the sheet",
    ] {
        assert!(batch.text.contains(part), "{part}: {}", batch.text);
    }
    let list = pages.get(&cookie, "/admin/vouchers?q=jul").await;
    assert!(list.text.contains("July") && !list.text.contains("Own<"), "{}", list.text);
    assert!(list.text.contains("hour: 1 h") && list.text.contains("1 to 1 of 1"), "{}", list.text);
    let none = pages.get(&cookie, "/admin/vouchers?q=nothing").await;
    assert!(none.text.contains("No batch is like that."), "{}", none.text);
    let of_batch = pages.get(&cookie, &format!("{CODES}?batch=1")).await;
    let made = codes(&of_batch.text);
    assert_eq!(made.len(), 3, "{}", of_batch.text);
    let sheet = pages
        .get(&cookie, "/admin/vouchers/batches/1/sheet?format=a4&portal=http%3A%2F%2F10.0.0.1%3A2050")
        .await;
    assert!(sheet.status == 200 && made.iter().all(|code| sheet.text.contains(code)), "{}", sheet.text);
    assert!(sheet.text.contains("<svg") && sheet.text.contains("Back to the batch"), "{}", sheet.text);
    let wrong = pages.get(&cookie, "/admin/vouchers/batches/1/sheet?portal=javascript:1").await;
    assert!(wrong.status == 422 && wrong.text.contains("an address"), "{}", wrong.text);
    let table = pages.get(&cookie, "/admin/vouchers/batches/1/table").await;
    assert!(table.status == 200 && table.text.starts_with("code,status,batch"), "{}", table.text);
    assert!(made.iter().all(|code| table.text.contains(code)), "{}", table.text);
    for place in
        ["/admin/vouchers/batches/99", "/admin/vouchers/batches/x", "/admin/vouchers/batches/99/sheet"]
    {
        assert_eq!(pages.get(&cookie, place).await.status, 404, "{place}");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_batch() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let new = [("once", "a"), ("count", "5"), ("plan", ""), ("kind", "time"), ("time_min", "60")];
    let (first, second) =
        tokio::join!(pages.post(&cookie, VOUCHERS, &new), pages.post(&cookie, VOUCHERS, &new));
    let places = [first.to.as_str(), second.to.as_str()];
    assert!(places.contains(&"/admin/vouchers/batches/1?done=made"), "{places:?}");
    assert!(places.contains(&"/admin/vouchers/batches/1?done=again"), "{places:?} {}", second.text);
    let reloaded = pages.post(&cookie, VOUCHERS, &new).await;
    assert!(pages.get(&cookie, &reloaded.to).await.text.contains("and no other ones"), "{}", reloaded.to);
    let more = [("once", "a"), ("count", "6"), ("plan", ""), ("kind", "time"), ("time_min", "60")];
    assert_eq!(pages.post(&cookie, VOUCHERS, &more).await.status, 409);
    assert_eq!(pages.app.store.list_batches(None, 1, 10).await.unwrap().1, 1);
    let made = pages.actions().await.into_iter().filter(|(action, _)| action == "voucher.create");
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_stands_beside_its_field() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let plan = json!({ "name": "old", "kind": "time", "time_secs": 3600, "on_sale": false });
    assert_eq!(pages.api("POST", "/api/v1/plans", &plan).await.0, 201);
    let right = [
        ("count", "5"),
        ("name", "kept"),
        ("plan", ""),
        ("kind", "time"),
        ("time_min", "60"),
        ("data_mb", ""),
    ];
    for (field, typed) in [
        ("count", ""),
        ("count", "0"),
        ("count", "100001"),
        ("count", "many"),
        ("plan", "nowhere"),
        ("kind", "magic"),
        ("time_min", "0"),
        ("data_mb", "5"),
        ("exp_days", "99999"),
        ("price", "x"),
        ("max_devices", "0"),
        ("when_full", "shout"),
        ("use_days", "0"),
        ("valid_from", "soon"),
        ("valid_until", "1970-01-01T00:00"),
        ("roles", &"r".repeat(65)),
    ] {
        let mut fields: Vec<(&str, &str)> = right.into_iter().filter(|(name, _)| *name != field).collect();
        if field == "valid_until" {
            fields.push(("valid_from", "2026-01-01T00:00"));
        }
        if field == "plan" {
            fields.retain(|(name, _)| ["count", "name"].contains(name));
        }
        fields.push((field, typed));
        let refused = pages.send(&cookie, NEW, VOUCHERS, &fields).await;
        assert!([404, 422].contains(&refused.status), "{field} {typed}: {} {}", refused.status, refused.text);
        let text = &refused.text;
        assert!(text.contains("<title>Error: ") && text.contains("value=\"kept\""), "{field}: {text}");
        assert!(text.contains(&format!("id=\"f-{field}-error\">Error: ")), "{field} {typed}: {text}");
    }
    let off = pages.send(&cookie, NEW, VOUCHERS, &[("count", "5"), ("plan", "old")]).await;
    assert!(off.status == 409 && off.text.contains("role=\"alert\">Error: "), "{}", off.text);
    // Neither a plan nor terms.
    let nothing = pages.send(&cookie, NEW, VOUCHERS, &[("count", "5"), ("plan", ""), ("kind", "")]).await;
    assert!(
        nothing.status == 422 && nothing.text.contains("Choose a plan, or say below"),
        "{}",
        nothing.text
    );
    assert!(nothing.text.contains("<a href=\"#f-plan\">One field</a>"), "{}", nothing.text);
    assert_eq!(pages.app.store.list_batches(None, 1, 10).await.unwrap().1, 0);
}

#[tokio::test]
async fn ten_thousand_codes_are_right_page_by_page() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let made = VoucherCodes::new_codes(&*pages.app.vault, 10_000).unwrap();
    let batch = NewBatch::new(Some(Text::new("many")), minutes(10), None, None, 10_000).unwrap();
    let sealed: Vec<_> = made.iter().map(|(_, sealed)| sealed.clone()).collect();
    pages.app.store.create_batch(&batch, &sealed, START.wall).await.unwrap();
    let printed: Vec<String> = made.into_iter().map(|(code, _)| code.to_string()).collect();
    for code in &printed[..75] {
        pages.app.handle.revoke_voucher(code).await.unwrap();
    }
    let mut seen = Vec::new();
    for page in 1..=200 {
        let shown = pages.get(&cookie, &format!("{CODES}?batch=1&page={page}")).await;
        let rows = codes(&shown.text);
        assert_eq!(rows.len(), 50, "page {page}");
        seen.extend(rows);
    }
    assert_eq!(seen, printed, "each once, in the order in which they were made");
    // Behind the last page is the last page.
    let last = pages.get(&cookie, &format!("{CODES}?batch=1&page=9999")).await;
    assert!(last.text.contains("9951 to 10000 of 10000"), "{}", last.text);
    assert_eq!(codes(&last.text), printed[9_950..]);
    let revoked = pages.get(&cookie, &format!("{CODES}?status=revoked&page=2")).await;
    assert!(revoked.text.contains("51 to 75 of 75"), "{}", revoked.text);
    assert_eq!(codes(&revoked.text), printed[50..75]);
    // By how they begin, typed as people type.
    let beginning = &printed[0][..2];
    let expected: Vec<&String> = printed.iter().filter(|code| code.starts_with(beginning)).collect();
    let mut found = Vec::new();
    let typed = beginning.to_lowercase();
    for page in 1..=expected.len().div_ceil(50) {
        found.extend(codes(&pages.get(&cookie, &format!("{CODES}?code={typed}&page={page}")).await.text));
    }
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    let left = pages.get(&cookie, &format!("{CODES}?code={typed}&status=revoked")).await;
    assert!(codes(&left.text).contains(&printed[0]), "{}", left.text);
    // A whole code leads to its page.
    let whole = printed[5_000].to_lowercase().replace('-', "");
    let to = pages.get(&cookie, &format!("{CODES}?code={whole}")).await;
    assert_eq!(to.status, 303);
    assert!(pages.get(&cookie, &to.to).await.text.contains(&printed[5_000]));
    let unlike = pages.get(&cookie, &format!("{CODES}?code=%3Cb%3E0")).await;
    assert!(unlike.text.contains("No code is like that."), "{}", unlike.text);
    let wrong = pages.get(&cookie, &format!("{CODES}?batch=x")).await;
    assert!(wrong.status == 422 && wrong.text.contains("by its number"), "{}", wrong.text);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 10_000);
}

#[tokio::test]
async fn taking_back_says_first_what_it_will_do() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let (status, made) = pages
        .api(
            "POST",
            "/api/v1/vouchers",
            &json!({ "count": 4, "kind": "time", "time_secs": 3600, "price": "2" }),
        )
        .await;
    assert_eq!(status, 201);
    let code = |number: usize| made["codes"][number].as_str().unwrap().to_owned();
    let sold = json!({ "code": code(1) });
    assert_eq!(pages.api("POST", "/api/v1/vouchers/sell", &sold).await.0, 201);
    let mut sessions = Vec::new();
    for (number, used) in [(1, 2), (2, 3)] {
        let device = pages.app.device(number).await;
        sessions.push(pages.app.handle.redeem(&code(used), device.id).await.unwrap().id);
        pages.app.handle.connect(device.id, None).await.unwrap();
    }
    let sure = pages.get(&cookie, "/admin/vouchers/batches/1/revoke").await;
    for part in [
        "Take back all vouchers of batch 1?",
        "2 codes that nobody has used cannot be redeemed any more: 1 not sold, 1 sold over the counter.",
        "2 codes in use are over.",
        "2 sessions that came of them are closed at once, 2 of which run now",
        "Cancel",
    ] {
        assert!(sure.text.contains(part), "{part}: {}", sure.text);
    }
    // One of them first.
    let page = pages.get(&cookie, &format!("/admin/voucher?code={}", code(2))).await;
    for part in ["What came of it", "used by", "left", "running", "/admin/vouchers/batches/1", "Take back"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let one = pages.get(&cookie, &format!("/admin/vouchers/revoke?code={}", code(2).to_lowercase())).await;
    for part in
        [&*format!("Take back the voucher {}?", code(2)), "is in use", "1 session that came of it is closed"]
    {
        assert!(one.text.contains(part), "{part}: {}", one.text);
    }
    let done = pages.post(&cookie, "/admin/revoke", &[("code", &code(2)), ("sure", "on")]).await;
    assert!(pages.get(&cookie, &done.to).await.text.contains("None of its sessions goes on."), "{}", done.to);
    let done = pages.post(&cookie, "/admin/vouchers/batches/1/revoke", &[]).await;
    assert_eq!((done.status, done.to.as_str()), (303, "/admin/vouchers/batches/1?done=revoked.3.1"));
    let batch = pages.get(&cookie, &done.to).await;
    assert!(batch.text.contains("Taken back: 3 codes. Sessions that ended: 1."), "{}", batch.text);
    assert!(!batch.text.contains("Take all of them back") && batch.text.contains("nothing to print"));
    for session in sessions {
        let state = pages.app.handle.session(session).await.unwrap().state;
        assert!(matches!(state, SessionState::Closed(..)), "{state:?}");
    }
    let again = pages.post(&cookie, "/admin/vouchers/batches/1/revoke", &[]).await;
    assert_eq!(again.to, "/admin/vouchers/batches/1?done=revoked.0.0");
    assert!(pages.actions().await.iter().any(|(action, _)| action == "voucher.revoke_batch"));
}

#[tokio::test]
async fn single_sales_and_hostile_names_spoil_no_list() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&seller()).await;
    let plan = json!({ "name": "hour", "title": hostile(), "kind": "time", "time_secs": 3600, "price": "1" });
    assert_eq!(pages.api("POST", "/api/v1/plans", &plan).await.0, 201);
    assert_eq!(pages.api("POST", "/api/v1/vouchers/sell", &json!({ "plan": "hour" })).await.0, 201);
    let name = hostile();
    let made = pages.send(&cookie, NEW, VOUCHERS, &[("count", "1"), ("plan", "hour"), ("name", &name)]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let list = pages.get(&cookie, VOUCHERS).await;
    assert!(list.text.contains("1 to 1 of 1"), "{}", list.text);
    let all = pages.get(&cookie, "/admin/vouchers?singles=on&plan=hour").await;
    assert!(all.text.contains("1 to 2 of 2"), "{}", all.text);
    for place in [
        made.to.as_str(),
        VOUCHERS,
        CODES,
        NEW,
        "/admin/vouchers/batches/1/sheet",
        "/admin/vouchers?singles=on",
    ] {
        let shown = pages.get(&cookie, place).await;
        assert!(shown.status == 200 && !shown.text.contains("<script>"), "{place}: {}", shown.text);
    }
}

#[tokio::test]
async fn only_who_may_manage_vouchers_sees_any_of_it() {
    let pages = Pages::start().await;
    let batch = json!({ "count": 1, "kind": "time", "time_secs": 60 });
    let (_, made) = pages.api("POST", "/api/v1/vouchers", &batch).await;
    let code = made["codes"][0].as_str().unwrap();
    let cookie = pages.log_in(&looker()).await;
    assert!(!pages.get(&cookie, "/admin/sessions").await.text.contains("/admin/vouchers"));
    for place in [
        VOUCHERS.to_owned(),
        NEW.to_owned(),
        CODES.to_owned(),
        format!("{CODES}?code={code}"),
        format!("/admin/vouchers/revoke?code={code}"),
        "/admin/vouchers/batches/1".to_owned(),
        "/admin/vouchers/batches/1/sheet".to_owned(),
        "/admin/vouchers/batches/1/table".to_owned(),
        "/admin/vouchers/batches/1/revoke".to_owned(),
    ] {
        let shown = pages.get(&cookie, &place).await;
        assert!(shown.status == 403 && shown.text.contains("manage_vouchers"), "{place}: {}", shown.text);
        assert!(!shown.text.contains(code));
    }
    for place in [VOUCHERS, "/admin/vouchers/batches/1/revoke"] {
        assert_eq!(pages.post(&cookie, place, &[("once", "a"), ("count", "1")]).await.status, 403, "{place}");
    }
    let desk = pages.log_in(&[Permission::ManageVouchers]).await;
    assert_eq!(pages.get(&desk, "/admin/vouchers/batches/1").await.status, 200);
    // Links to what they may not open are not shown.
    let page = pages.get(&desk, &format!("/admin/voucher?code={code}")).await;
    assert!(page.status == 200 && !page.text.contains("/admin/sessions/"), "{}", page.text);
}
