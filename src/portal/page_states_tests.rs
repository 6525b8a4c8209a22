use uuid::Uuid;

use super::tests::{
    EN, NOW, device, face, field, html, page_of, running, session, standing, standing_of, voucher, worn,
};
use super::*;
use crate::domain::{
    Amount, Beside, ClientSession, FieldKind, Part, PauseReason, Phrase, ProviderFace, SessionKind,
    SessionState, Text, Waiting, When,
};
use crate::portal::dress::Dress;
use crate::portal::hours::Hours;
use crate::portal::view::{EndNotice, Soon};
use crate::portal::words::Language;

/// What vouchers show by themselves.
fn ours() -> (ProviderName, ProviderFace) {
    let (name, face) = voucher();
    let mut fields = face.fields;
    fields[0].label = Text::ours(Phrase::VoucherCode);
    let (title, text) = (Text::ours(Phrase::VoucherTitle), Text::ours(Phrase::VoucherText));
    (
        name,
        ProviderFace {
            title,
            text,
            button: Text::ours(Phrase::VoucherButton),
            icon: Text::default(),
            fields,
        },
    )
}

/// The fullest page that there is, in a language.
fn fullest(t: Words) -> String {
    let mut online = running(SessionKind::TimeOrData);
    online.terms.exp_days = Some(30);
    let mut usable = vec![online];
    usable.extend((10..18).map(|number| session(number, SessionKind::TimeOrData)));
    let mut accounts =
        face("Accounts", vec![field("user", FieldKind::Text), field("password", FieldKind::Password)]);
    accounts.1.text = Text::new(&"A sentence of the operator. ".repeat(6));
    let mut free = face("Free", vec![field("email", FieldKind::Email), field("terms", FieldKind::Checkbox)]);
    free.1.fields[1].label = Text::ours(Phrase::FreeTerms);
    let (coin, slot) = face("Coins", Vec::new());
    let parts = vec![
        ("money", Part::Money("7.00 PHP".to_owned())),
        ("grant", Part::Grant(Amount { time_ms: 4_200_000, data_bytes: 0 })),
        ("rest", Part::Money("2.00 PHP".to_owned())),
    ];
    let waiting = Waiting {
        text: Text::ours_with(Phrase::CoinSoFarRest, parts),
        until: Some(NOW.boot.plus_millis(45_500)),
        done: Some(Text::ours(Phrase::CoinDone)),
        cancel: Some(Text::ours(Phrase::CoinCancel)),
    };
    let scene = Scene {
        standing: standing(&usable, None),
        waiting: Some((coin.clone(), waiting)),
        faces: worn([voucher(), accounts, free, (coin, slot)]),
        beside: Beside::NONE,
        offline: true,
        soon: Some(Soon::Time(300_000)),
        closed: None,
    };
    let mut page = Page::of(Dress::plain("A gateway with a long name"), &scene, NOW.boot, t);
    page.notice = Some("Welcome to our place!".to_owned());
    let message = |number| MessageView {
        id: Uuid::from_u128(number).to_string(),
        text: "We close at ten o'clock today. See you tomorrow!".to_owned(),
        age: t.age(7_200_000).into_owned(),
    };
    page.messages = (1..=5).map(message).collect();
    page.recovery_code = Some("ABCD-EFGH".to_owned());
    let left = t.one("left-from-earlier", "left", t.time(5_000_000));
    page.earlier = Some(left.into_owned());
    html(&page)
}

#[test]
fn everything_the_fullest_page_loads_stays_under_30_kb_in_every_language() {
    let files = [
        include_str!("../../static/portal/portal.css"),
        include_str!("../../static/portal/portal.js"),
        include_str!("../../static/portal/icon.svg"),
    ];
    let files = files.iter().map(|file| file.len()).sum::<usize>();
    for language in Language::ALL {
        let page = fullest(Words::of(language));
        assert!(page.len() + files < 30_000, "{language:?}: {} and {files} bytes", page.len());
    }
}

#[test]
fn every_state_is_said_in_the_guests_language() {
    let mut blocked = device();
    blocked.blocked = true;
    let mut paused = running(SessionKind::TimeOrData);
    paused.state = SessionState::Paused(PauseReason::Asked);
    let mut ended = running(SessionKind::TimeOrData);
    ended.state = SessionState::Consumed;
    let states = [
        standing(&[], None),
        standing(&[running(SessionKind::TimeOrData)], None),
        standing(&[paused], None),
        standing(&[session(4, SessionKind::Data)], None),
        standing(&[], Some(&ended)),
        standing_of(&blocked, &[], Some(NOW.wall)),
        Standing::Stranger,
    ];
    for language in Language::ALL {
        let t = Words::of(language);
        for state in &states {
            let faces = worn([ours()]);
            let scene = Scene { faces, offline: true, ..Scene::bare(state.clone()) };
            let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, t));
            assert!(page.contains(&format!("<html lang=\"{}\" dir=\"{}\">", t.code(), t.dir())));
            let heading = t.get(state.heading());
            assert!(page.contains(&format!("<h1>{heading}</h1>")), "{language:?}: {page}");
            let english = ["Please", "staff", "left", "paused", "Voucher code", "Get more", "Welcome"];
            let is_said =
                |word: &&str| page.split(['<', '>']).any(|part| part.split(' ').any(|it| it == *word));
            let found = english.iter().find(|word| is_said(word));
            assert!(language == Language::English || found.is_none(), "{language:?}: {found:?}: {page}");
            assert_eq!(
                page.matches("hreflang=").count(),
                Language::ALL.len() - 1,
                "the way to all the others"
            );
        }
    }
}

#[test]
fn before_the_end_and_without_the_internet_the_page_says_so() {
    let notice = EndNotice { time_ms: Some(7_200_000), data_bytes: Some(400_000_000) };
    let online = |kind| standing(&[running(kind)], None);
    assert_eq!(online(SessionKind::Time).soon(notice, Hours::Open), Some(Soon::Time(7_200_000)));
    assert_eq!(online(SessionKind::Data).soon(notice, Hours::Open), Some(Soon::Data(400_000_000)));
    assert_eq!(
        online(SessionKind::Time).soon(EndNotice { time_ms: Some(5_399_000), ..notice }, Hours::Open),
        None,
        "exactly that"
    );
    assert_eq!(online(SessionKind::TimeOrData).soon(EndNotice::default(), Hours::Open), None);
    assert_eq!(
        standing(&[session(1, SessionKind::Time)], None).soon(notice, Hours::Open),
        None,
        "nothing runs"
    );
    let closes = |millis| Hours::ClosesIn { millis, when: When::Today(22, 0) };
    assert_eq!(
        online(SessionKind::Time).soon(notice, closes(600_000)),
        Some(Soon::Closes(When::Today(22, 0)))
    );
    assert_eq!(online(SessionKind::Time).soon(notice, closes(7_100_000)), Some(Soon::Time(7_200_000)));
    assert_eq!(online(SessionKind::Time).soon(EndNotice::default(), closes(600_000)), None);
    let mut scene = Scene { soon: Some(Soon::Time(300_000)), ..Scene::bare(online(SessionKind::Time)) };
    let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN));
    assert!(
        page.contains("role=\"status\">Less than 5 minutes left.</p>") && !page.contains("offline"),
        "{page}"
    );
    scene.soon = None;
    scene.offline = true;
    let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN));
    assert!(page.contains("id=\"soon\" class=\"notice soon\" role=\"status\" hidden></p>"), "{page}");
    assert!(page.contains("no Internet connection") && page.contains("Your time goes on"));
    scene.standing = online(SessionKind::Data);
    assert!(
        html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN)).contains("Nothing is used up meanwhile.")
    );
    scene.standing = Standing::New;
    let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN));
    assert!(page.contains("no Internet connection") && !page.contains("meanwhile"));
}

#[test]
fn what_is_used_up_for_today_says_when_there_is_more_and_has_no_form() {
    let mut page = page_of("x", standing(&[], None));
    page.offers[0].hint = Some("There is more tomorrow.".to_owned());
    assert!(html(&page).contains("<form") && html(&page).contains("There is more tomorrow."));
    page.offers[0].is_closed = true;
    assert!(!html(&page).contains("/providers/voucher") && html(&page).contains("There is more tomorrow."));
    // Somebody sent the form while another page used up the rest.
    page.complain(
        Some(&ProviderName::new("voucher")),
        Some("code"),
        "You have used this up for now.".to_owned(),
    );
    let page = html(&page);
    assert!(page.contains("role=\"alert\">You have used this up for now.</p>"), "{page}");
    assert!(!page.contains("/providers/voucher") && page.contains("<title>Error: "));
}

#[test]
fn what_ends_with_its_days_promises_no_more_and_says_so_before() {
    const HOUR: i64 = 3_600_000;
    let notice = EndNotice { time_ms: Some(600_000), data_bytes: Some(400_000_000) };
    let mut session = running(SessionKind::Time);
    session.expires_at = Some(NOW.wall.plus_millis(HOUR));
    let online = |session: &ClientSession, wall| standing_of(&device(), std::slice::from_ref(session), wall);
    let page = html(&page_of("x", online(&session, Some(NOW.wall))));
    assert!(page.contains("id=\"time-left\">1:00:00<") && page.contains("value=\"50\""), "{page}");
    assert!(page.contains("id=\"validity\" class=\"small\">Can be used for another 1 hour</p>"), "{page}");
    assert!(
        page.contains("The time within which you can use it still passes.")
            && !page.contains("nothing is used")
    );
    assert_eq!(online(&session, Some(NOW.wall)).soon(notice, Hours::Open), None);
    session.expires_at = Some(NOW.wall.plus_millis(599_999));
    assert_eq!(online(&session, Some(NOW.wall)).soon(notice, Hours::Open), Some(Soon::Time(600_000)));
    // Without a limit of time there is no number that could say it.
    session.terms.time_limit_ms = None;
    assert_eq!(online(&session, Some(NOW.wall)).soon(notice, Hours::Open), Some(Soon::Time(600_000)));
    // By a clock that cannot be believed nothing ends, and nothing is said of days.
    session = running(SessionKind::Time);
    session.expires_at = Some(NOW.wall.plus_millis(599_999));
    let page = html(&page_of("x", online(&session, None)));
    assert!(page.contains(">1:29:59<") && page.contains("class=\"small\" hidden></p>"), "{page}");
    assert!(!page.contains("Can be used") && page.contains("still passes"), "{page}");
    assert_eq!(online(&session, None).soon(notice, Hours::Open), None);
    let free = html(&page_of("x", standing(&[running(SessionKind::Time)], None)));
    assert!(free.contains("While paused, nothing is used up.") && !free.contains("still passes"));
}

#[test]
fn offline_nothing_is_used_up_but_days() {
    let offline = |standing| {
        html(&Page::of(Dress::plain("x"), &Scene { offline: true, ..Scene::bare(standing) }, NOW.boot, EN))
    };
    let mut paused = running(SessionKind::TimeOrData);
    paused.state = SessionState::Paused(PauseReason::Asked);
    assert!(offline(standing(&[paused.clone()], None)).contains("Nothing is used up meanwhile."));
    paused.terms.exp_days = Some(30);
    let text = "No time or data is used up meanwhile. The time within which you can use it still passes.";
    assert!(offline(standing(&[paused], None)).contains(text));
    let mut unused = session(4, SessionKind::Data);
    unused.terms.exp_days = Some(30);
    assert!(
        offline(standing(&[unused], None)).contains("Nothing is used up meanwhile."),
        "its days begin later"
    );
}

#[test]
fn what_a_role_changes_is_on_the_page() {
    let notice = EndNotice { time_ms: Some(7_200_000), data_bytes: Some(400_000_000) };
    let mut session = running(SessionKind::TimeOrData);
    let page = |session: &ClientSession| html(&page_of("x", standing(std::slice::from_ref(session), None)));
    assert!(page(&session).contains("Up to 5 Mbit/s down, 2 Mbit/s up"));
    session.roles.insert("fast".to_owned());
    assert!(page(&session).contains("Up to 9 Mbit/s down, 2 Mbit/s up"));
    assert!(standing(&[session.clone()], None).soon(notice, Hours::Open).is_some());
    session.roles = ["staff".to_owned()].into();
    let shown = page(&session);
    assert!(shown.contains(">1:30:00<"), "it stands still between two readings, too: {shown}");
    assert_eq!(
        standing(&[session.clone()], None).soon(notice, Hours::Open),
        None,
        "nothing of it is charged"
    );
    let mut staff = device();
    staff.roles = ["staff".to_owned()].into();
    session.roles.clear();
    assert_eq!(standing_of(&staff, &[session.clone()], Some(NOW.wall)).soon(notice, Hours::Open), None);
    session.slowed = true;
    session.roles = ["fast".to_owned()].into();
    assert!(page(&session).contains("Up to 5 Mbit/s down"), "what goes on slowly does");
}
