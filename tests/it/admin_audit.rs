//! The page of the audit log.

use turnpike::domain::{Actor, AuditFields, AuditLine, Permission, Text, WallTime};
use turnpike::store::{AuditLook, AuditPlace};

use crate::admin_pages::{Pages, encoded};
use crate::admin_watch::hostile;
use crate::support::START;

const PLACE: &str = "/admin/audit";
const DAY_MS: i64 = 86_400_000;

fn line(at: i64, name: &str, action: &'static str, subject: &str, details: &str) -> AuditLine {
    let (name, origin, details) = (Text::new(name), Text::new("10.0.0.9"), Text::new(details));
    AuditLine {
        at: WallTime(START.wall.0 + at),
        actor: Actor { name, origin, action, details },
        subject: (!subject.is_empty()).then(|| subject.to_owned()),
        before: None,
        after: None,
    }
}

/// The subjects that a page shows, in its order.
fn shown(page: &str) -> Vec<String> {
    let marks = page.split("<td><a href=\"/admin/audit?subject=").skip(1);
    marks.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Where the link of this text leads.
fn link(page: &str, text: &str) -> Option<String> {
    let before = page.split(&format!(">{text}</a>")).next().filter(|before| before.len() < page.len())?;
    let href = before.rsplit("href=\"").next()?.split('"').next()?;
    Some(href.replace("&#38;", "&"))
}

#[tokio::test]
async fn lines_are_read_page_by_page_in_both_directions() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let begun = pages.get(&cookie, PLACE).await;
    assert!(begun.status == 200 && begun.text.contains("admin.sign_in"), "{}", begun.text);
    let lines: Vec<_> =
        (0..120).map(|number| line(number, "root", "plan.create", &format!("p{number:03}"), "")).collect();
    pages.app.store.append_audit(&lines).await.unwrap();
    let first = pages.get(&cookie, &format!("{PLACE}?what=plan.create")).await.text;
    assert_eq!((shown(&first).len(), shown(&first)[0].as_str()), (50, "p119"));
    assert!(link(&first, "Newer").is_none());
    let second = pages.get(&cookie, &link(&first, "Older").unwrap()).await.text;
    assert_eq!((shown(&second)[0].as_str(), shown(&second)[49].as_str()), ("p069", "p020"));
    let third = pages.get(&cookie, &link(&second, "Older").unwrap()).await.text;
    assert_eq!((shown(&third).len(), shown(&third)[19].as_str()), (20, "p000"));
    assert!(link(&third, "Older").is_none());
    // What comes in meanwhile moves nothing.
    pages.app.store.append_audit(&[line(500, "root", "plan.create", "new", "")]).await.unwrap();
    let back = pages.get(&cookie, &link(&third, "Newer").unwrap()).await.text;
    assert_eq!(shown(&back), shown(&second));
    let newest = pages.get(&cookie, &link(&back, "Newer").unwrap()).await.text;
    assert_eq!((shown(&newest).len(), shown(&newest)[49].as_str()), (50, "p070"));
    let end = pages.get(&cookie, &link(&newest, "Newer").unwrap()).await.text;
    assert_eq!(shown(&end), ["new"]);
    assert!(link(&end, "Newer").is_none() && link(&end, "Older").is_some(), "{end}");
    for odd in ["before=0", "after=999999", "before=-5", "before=1&after=3"] {
        assert_eq!(pages.get(&cookie, &format!("{PLACE}?{odd}")).await.status, 200, "{odd}");
    }
}

#[tokio::test]
async fn lines_are_found_by_who_what_to_what_and_day() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let device = pages.app.device(1).await;
    let id = device.id.to_string();
    let lines = [
        line(-2 * DAY_MS, "admin ana", "device.block", &id, ""),
        line(-DAY_MS, "admin ana", "plan.create", "hour", ""),
        line(0, "admin anabel", "plan.delete", "day", ""),
        // The clock was set back.
        line(-2 * DAY_MS + 1000, "root", "session.close", &id, "taken back: the kernel refused it"),
        line(1, "token 3 till", "session.close", "week", ""),
    ];
    pages.app.store.append_audit(&lines).await.unwrap();
    for (query, found) in [
        ("who=admin%20ana", vec!["hour", &id]),
        ("who=ADMIN%20A", vec!["day", "hour", &id]),
        ("what=plan.", vec!["day", "hour"]),
        ("what=session.close", vec!["week", &id]),
        ("who=root&what=session.close", vec![&id]),
        ("subject=hour", vec!["hour"]),
        ("subject=10.0.0.1", vec![&*id, &id]),
        ("from=2026-05-31&to=2026-05-31", vec!["hour"]),
        ("to=2026-05-30", vec![&id, &id]),
        ("from=2026-06-01", vec!["week", "day", "token"]),
        ("who=nobody", vec![]),
        ("who=root&from=2026-06-01", vec![]),
        ("from=2030-01-01", vec![]),
    ] {
        let page = pages.get(&cookie, &format!("{PLACE}?{query}")).await;
        assert_eq!(
            (page.status, shown(&page.text)),
            (200, found.iter().map(|&text| text.to_owned()).collect()),
            "{query}"
        );
        assert_eq!(page.text.contains("No line is like that."), found.is_empty(), "{query}");
    }
    let all = pages.get(&cookie, PLACE).await.text;
    assert!(all.contains("taken back</span>") && all.contains(&format!("/admin/devices/{id}")), "{all}");
    assert!(
        all.contains("<option value=\"admin anabel\">") && all.contains("<option value=\"plan.delete\">")
    );
    for (query, field) in [("from=soon", "from"), ("from=2026-06-02&to=2026-06-01", "to")] {
        let page = pages.get(&cookie, &format!("{PLACE}?{query}")).await;
        assert!(page.status == 422 && page.text.contains("<title>Error: Audit log"), "{}", page.text);
        assert!(page.text.contains(&format!("id=\"{field}-trouble\"")), "{query}");
    }
}

#[tokio::test]
async fn hostile_lines_are_harmless_and_the_log_is_for_few() {
    let pages = Pages::start().await;
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let hostile = hostile();
    let fields: AuditFields = [("alias".to_owned(), hostile.clone())].into();
    let mut line = line(0, &hostile, "device.change", &hostile, &hostile);
    (line.before, line.after) = (Some(fields.clone()), Some(fields));
    pages.app.store.append_audit(&[line]).await.unwrap();
    let page = pages.get(&cookie, PLACE).await;
    assert!(page.status == 200 && page.text.contains("alias from &#60;b&#62;"), "{}", page.text);
    assert_eq!(pages.get(&cookie, &format!("{PLACE}?who={}", encoded(&hostile))).await.status, 200);
    let clerk = pages.log_in(&crate::admin_pages::seller()).await;
    assert_eq!(pages.get(&clerk, PLACE).await.status, 403);
    assert_eq!(pages.get("", PLACE).await.to, "/admin/login");
}

#[tokio::test]
async fn very_many_names_at_once_are_found_as_well() {
    let pages = Pages::start().await;
    let lines: Vec<_> =
        (0..100).map(|number| line(number, &format!("admin a{number}"), "plan.create", "", "")).collect();
    pages.app.store.append_audit(&lines).await.unwrap();
    let store = &pages.app.store;
    let names = store.audit_actors().await.unwrap();
    assert_eq!((names.len(), store.audit_actions().await.unwrap().len()), (100, 1));
    let look = AuditLook { actors: Some(names), ..AuditLook::default() };
    let newest = store.look_at_audit(&look, AuditPlace::Newest, 3).await.unwrap();
    let ids: Vec<i64> = newest.iter().map(|line| line.id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted_by(|a, b| a > b));
    let after = store.look_at_audit(&look, AuditPlace::After(ids[2]), 1).await.unwrap();
    assert_eq!(after[0].id, ids[1], "the next one, not the newest");
}
