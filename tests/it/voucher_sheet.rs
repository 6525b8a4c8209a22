//! Vouchers on paper and in tables: what is printed, and codes that were made elsewhere.

use serde_json::json;

use crate::counter::{Answer, Counter};

async fn sheet(counter: &Counter, batch: i64, query: &str) -> Answer {
    let path = format!("/api/v1/vouchers/batches/{batch}/sheet{query}");
    counter.send(&counter.token, "GET", &path, String::new(), &[]).await
}

async fn import(counter: &Counter, query: &str, text: &str) -> Answer {
    let path = format!("/api/v1/vouchers/import?{query}");
    counter.send(&counter.token, "POST", &path, text.to_owned(), &[("content-type", "text/csv")]).await
}

#[tokio::test]
async fn a_sheet_says_what_each_code_grants_and_runs_nothing() {
    let counter = Counter::open().await;
    let (batch, codes) = counter
        .batch(json!({
            "count": 4,
            "name": "<script>alert(1)</script> & \"Co\"",
            "kind": "time_or_data",
            "time_secs": 5400,
            "data_mb": 2000,
            "down_mbps": 10,
            "price": "12.50",
            "max_devices": 2,
            "use_days": 7,
            "valid_until": "2026-12-24T23:00:00Z",
        }))
        .await;
    counter.online(1, &codes[1]).await;
    counter.ask("DELETE", &format!("/api/v1/vouchers/{}", codes[2]), json!(null)).await;
    let page = sheet(&counter, batch, "?format=a4&portal=http%3A%2F%2F10.0.0.1%3A2050%2F").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8"),
        "{}",
        page.text
    );
    let policy = page.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
    assert!(page.text.contains(&format!("<style nonce=\"{nonce}\">")));
    assert!(!page.text.contains("<script") && page.text.contains("&#60;script&#62;"), "{}", page.text);
    for words in [
        "1 hour 30 minutes or 2 GB, whichever ends first",
        "up to 10 Mbit/s",
        "for up to 2 devices",
        "valid for 7 days from the first use",
        "can be used until 2026-12-24",
        "12.50 EUR",
    ] {
        assert_eq!(page.text.matches(words).count(), 2, "{words}: {}", page.text);
    }
    assert!(page.text.contains(&codes[0]) && page.text.contains(&codes[3]));
    assert!(!page.text.contains(&codes[1]) && !page.text.contains(&codes[2]), "used up or taken back");
    assert_eq!(page.text.matches("<svg").count(), 2);

    let roll = sheet(&counter, batch, "?format=receipt58").await;
    assert!(roll.text.contains("size: 58mm auto") && !roll.text.contains("<svg"), "no portal, no QR code");
    for (query, field) in
        [("?format=a5", "format"), ("?portal=javascript:alert(1)", "portal"), ("?page=0", "page")]
    {
        let refused = sheet(&counter, batch, query).await;
        assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some(field)), "{query}");
    }
    assert_eq!(sheet(&counter, 99, "").await.status, 404);
}

#[tokio::test]
async fn a_table_of_codes_goes_from_one_place_to_another() {
    let counter = Counter::open().await;
    let new = json!({ "count": 3, "kind": "time", "time_secs": 60, "name": "=1+1", "price": "1" });
    let (batch, codes) = counter.batch(new).await;
    let path = format!("/api/v1/vouchers/batches/{batch}.csv");
    let table = counter.send(&counter.token, "GET", &path, String::new(), &[]).await;
    assert_eq!((table.status, table.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(table.text.contains(",'=1+1,"), "{}", table.text);
    assert_eq!(table.text.lines().count(), 4);

    let known = import(&counter, "kind=time&time_secs=60", &table.text).await;
    assert_eq!(known.status, 422);
    assert!(known.json()["detail"].as_str().unwrap().contains("line 2: this code is known already"));

    let elsewhere = Counter::open().await;
    elsewhere.hour().await;
    let made = import(&elsewhere, "plan=hour&name=moved&max_devices=2", &table.text).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!((&made.json()["codes"], &made.json()["plan"]), (&json!(codes), &json!("hour")));
    elsewhere.online(1, &codes[2]).await;
    let shown = elsewhere.get(&format!("/api/v1/vouchers/{}", codes[2])).await;
    assert_eq!(
        (&shown["uses"], &shown["name"], &shown["price"]),
        (&json!(1), &json!("moved"), &json!("2.50"))
    );
}

#[tokio::test]
async fn of_codes_made_elsewhere_all_are_taken_or_none() {
    let counter = Counter::open().await;
    let terms = "kind=time&time_secs=60";
    let wrong = "22222-22222\nABC\n22222-22222\n<b>code</b>\n33333 33333\n";
    let refused = import(&counter, terms, wrong).await;
    assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some("csv")), "{}", refused.text);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    for line in ["line 2: not a code", "line 3: the same code as in line 1", "line 4: not a code"] {
        assert!(detail.contains(line), "{detail}");
    }
    for (query, text, status) in [
        (terms, "", 422),
        (terms, "code\n", 422),
        ("", "22222-22222\n", 422),
        ("kind=time", "22222-22222\n", 422),
        ("plan=none", "22222-22222\n", 404),
        ("kind=time&time_secs=60&count=1", "22222-22222\n", 422),
        ("kind=time&time_secs=x", "22222-22222\n", 422),
        (terms, "\u{0}\u{1}\u{2}", 422),
    ] {
        assert_eq!(import(&counter, query, text).await.status, status, "{query} {text:?}");
    }
    let huge = "22222-22222\n".repeat(6_000);
    assert_eq!(import(&counter, terms, &huge).await.status, 413);
    assert_eq!(counter.get("/api/v1/vouchers").await["total"], 0);

    let bare = "\u{feff}name,Code\nAna,22222-22222\n\"B, C\",33333 33333\n\n";
    let made = import(&counter, terms, bare).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["codes"], json!(["22222-22222", "33333-33333"]));
    assert_eq!(counter.get("/api/v1/vouchers/batches").await["items"][0]["count"], 2);
}
