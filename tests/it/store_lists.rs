//! What the store lists: sessions by page, tokens, the audit log.

use proptest::prelude::*;
use turnpike::domain::{
    Actor, AuditLine, Change, ClientDevice, ClientSession, CloseReason, Permission, ProviderName,
    SessionState, Text, Usage, WallTime,
};
use turnpike::store::{AuditQuery, Direction, SessionQuery, SortKey, Store, TokenText};

use crate::store::{block_on, changes, device, fixture, put_device, put_session, session};

fn query() -> SessionQuery {
    SessionQuery { page: 1, per_page: 100, ..SessionQuery::default() }
}

/// Thirty sessions of three devices, the third of which has names full of wildcards.
async fn fill(store: &Store) -> Vec<ClientSession> {
    let devices: Vec<ClientDevice> = (0..3)
        .map(|number| ClientDevice {
            hostname: Some(Text::new(["anna-phone", "Bob", r"100%_\'x"][usize::from(number)])),
            alias: (number == 1).then(|| Text::new("Tablet")),
            ..device(number)
        })
        .collect();
    let sessions: Vec<ClientSession> = (0..30)
        .map(|number| ClientSession {
            usage: Usage { time_ms: u64::from(number % 7), ..Usage::default() },
            provider: ProviderName::new(if number % 2 == 0 { "operator" } else { "voucher" }),
            principal: (number == 5).then(|| "batch 12".to_owned()),
            state: if number < 3 {
                SessionState::Closed(CloseReason::Operator, Text::default())
            } else {
                SessionState::Available
            },
            ..session(number, &devices[usize::from(number % 3)])
        })
        .collect();
    let all = devices.iter().map(put_device).chain(sessions.iter().map(put_session));
    store.commit(vec![changes(all.collect::<Vec<Change>>())]).await.unwrap().remove(0).unwrap();
    sessions
}

#[test]
fn pages_follow_each_other_newest_first() {
    block_on(async {
        let fixture = fixture().await;
        let mut sessions = fill(&fixture.store).await;
        sessions.reverse();
        let mut paged = Vec::new();
        for page in 1..=5 {
            let wanted = SessionQuery { page, per_page: 7, ..query() };
            let (found, total) = fixture.store.page_sessions(&wanted).await.unwrap();
            assert_eq!(total, 30);
            paged.extend(found);
        }
        assert_eq!(paged, sessions);
        let far = SessionQuery { page: u32::MAX, per_page: u32::MAX, ..query() };
        assert_eq!(fixture.store.page_sessions(&far).await.unwrap(), (vec![], 30));
        let none = SessionQuery { per_page: 0, page: 0, ..query() };
        assert_eq!(fixture.store.page_sessions(&none).await.unwrap(), (vec![], 30));
    });
}

#[test]
fn every_key_sorts_both_ways_and_ties_are_stable() {
    block_on(async {
        let fixture = fixture().await;
        let sessions = fill(&fixture.store).await;
        for (key, name) in SortKey::ALL {
            assert_eq!(SortKey::from_name(name), Some(*key));
            for direction in [Direction::Ascending, Direction::Descending] {
                let wanted = SessionQuery { sort: vec![(*key, direction); 500], ..query() };
                assert_eq!(fixture.store.page_sessions(&wanted).await.unwrap().0.len(), 30, "{name}");
            }
        }
        assert_eq!(SortKey::from_name("id; DROP TABLE sessions"), None);
        let wanted = SessionQuery {
            sort: vec![
                (SortKey::TimeUsedSecs, Direction::Descending),
                (SortKey::CreatedAt, Direction::Ascending),
            ],
            ..query()
        };
        let mut expected = sessions;
        expected.sort_by_key(|session| (std::cmp::Reverse(session.usage.time_ms), session.created_at));
        assert_eq!(fixture.store.page_sessions(&wanted).await.unwrap().0, expected);
    });
}

#[test]
fn free_text_finds_in_every_field_and_takes_wildcards_literally() {
    block_on(async {
        let fixture = fixture().await;
        let sessions = fill(&fixture.store).await;
        let count = async |q: &str| {
            let wanted = SessionQuery { q: Some(q.to_owned()), ..query() };
            fixture.store.page_sessions(&wanted).await.unwrap().1
        };
        assert_eq!(count("").await, 30);
        assert_eq!(count("ANNA").await, 10);
        assert_eq!(count("tablet").await, 10);
        assert_eq!(count("02:00:5e:00:00:01").await, 10);
        assert_eq!(count("02-00-5E-00-00-01").await, 10);
        assert_eq!(count("voucher").await, 15);
        assert_eq!(count("batch 12").await, 1);
        assert_eq!(count("closed").await, 3);
        assert_eq!(count(&sessions[4].id.to_string()).await, 1);
        for literal in ["%", "_", r"\", "'", r"100%_\'x", "0%_"] {
            assert_eq!(count(literal).await, 10, "{literal:?}");
        }
        for nothing in ["b%b", "' OR 1=1 --", r"\%", "nothing\0at all", &"%_".repeat(100_000)] {
            assert_eq!(count(nothing).await, 0, "{nothing:.20?}");
        }
        let wanted = SessionQuery { device: Some(device(1).id), state: Some("closed".to_owned()), ..query() };
        assert_eq!(fixture.store.page_sessions(&wanted).await.unwrap().0, [sessions[1].clone()]);
        let wanted = SessionQuery { state: Some("' OR 1".to_owned()), ..query() };
        assert_eq!(fixture.store.page_sessions(&wanted).await.unwrap().1, 0);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_search_text_is_an_error(texts in proptest::collection::vec(".{0,80}", 20)) {
        block_on(async {
            let fixture = fixture().await;
            fill(&fixture.store).await;
            for text in texts {
                let wanted = SessionQuery { q: Some(text), ..query() };
                prop_assert!(fixture.store.page_sessions(&wanted).await.is_ok());
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_token_is_known_by_its_text_until_it_is_revoked() {
    block_on(async {
        let fixture = fixture().await;
        let store = &fixture.store;
        let text = TokenText::random().unwrap();
        assert_eq!(TokenText::parse(text.as_str()), Some(text.clone()));
        let permissions = [Permission::ViewSession, Permission::AcquireLock("coinslot/1".to_owned())];
        let made = store.create_token(&Text::new("shop"), &permissions, &text, WallTime(7)).await.unwrap();
        assert_eq!(store.find_token(&text).await.unwrap(), Some(made.clone()));
        assert_eq!(store.find_token(&TokenText::random().unwrap()).await.unwrap(), None);
        assert_eq!(store.list_tokens().await.unwrap(), std::slice::from_ref(&made));

        let revoked = store.revoke_token(made.id, WallTime(8)).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(WallTime(8)));
        assert_eq!(store.revoke_token(made.id, WallTime(9)).await.unwrap(), Some(revoked));
        assert_eq!(store.revoke_token(made.id + 1, WallTime(9)).await.unwrap(), None);
        assert_eq!(store.find_token(&text).await.unwrap(), None);

        store.close().await.unwrap();
        let file = std::fs::read(store.path()).unwrap();
        assert!(!file.windows(16).any(|window| window == &text.as_str().as_bytes()[3..19]));
        assert!(!format!("{text:?}").contains(text.as_str()));
        for wrong in ["", "tp_", "tp_00", &text.as_str().to_uppercase(), &format!("{}0", text.as_str())] {
            assert_eq!(TokenText::parse(wrong), None, "{wrong}");
        }
    });
}

#[test]
fn the_audit_log_is_read_newest_first() {
    block_on(async {
        let fixture = fixture().await;
        let actor = Actor {
            name: Text::new("root"),
            origin: Text::new("socket"),
            action: "session.close",
            details: Text::new("reason: none"),
        };
        let fields = |state: &str| Some([("state".to_owned(), state.to_owned())].into());
        let entry = |number| AuditLine {
            at: WallTime(number),
            actor: actor.clone(),
            subject: Some("a session".to_owned()),
            before: fields("running"),
            after: fields("closed"),
        };
        for number in 0..5 {
            fixture.store.append_audit(&[entry(number)]).await.unwrap();
        }
        let page = |page| AuditQuery { page, per_page: 3, ..AuditQuery::default() };
        let (newest, total) = fixture.store.audit(&page(1)).await.unwrap();
        assert_eq!((newest.iter().map(|line| line.at.0).collect::<Vec<_>>(), total), (vec![4, 3, 2], 5));
        let (older, _) = fixture.store.audit(&page(2)).await.unwrap();
        assert_eq!(older.len(), 2);
        assert_eq!((older[0].action.as_str(), &older[0].actor), ("session.close", &actor.name));
        assert_eq!((&older[0].before, &older[0].after), (&fields("running"), &fields("closed")));
        for (wanted, count) in [
            (AuditQuery { q: Some("NONE".to_owned()), ..page(1) }, 5),
            (AuditQuery { q: Some("%".to_owned()), ..page(1) }, 0),
            (AuditQuery { action: Some("session.".to_owned()), ..page(1) }, 5),
            (AuditQuery { action: Some("session".to_owned()), ..page(1) }, 0),
            (AuditQuery { actor: Some("root".to_owned()), ..page(1) }, 5),
            (AuditQuery { subject: Some("another".to_owned()), ..page(1) }, 0),
            (AuditQuery { since: Some(WallTime(3)), ..page(1) }, 2),
            (AuditQuery { since: Some(WallTime(1)), until: Some(WallTime(3)), ..page(1) }, 2),
        ] {
            assert_eq!(fixture.store.audit(&wanted).await.unwrap().1, count, "{wanted:?}");
        }
        assert_eq!(fixture.store.prune_step().await.unwrap(), 0);
    });
}
