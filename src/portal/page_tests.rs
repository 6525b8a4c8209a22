use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::domain::{
    BootId, BootTime, Checkpoint, ClientDevice, ClientKey, ClientSession, CloseReason, DeviceId, FieldKind,
    FormField, GatewayFacts, Mbps, Now, PauseReason, Policies, ProviderFace, ProviderName, RolePolicy,
    SessionId, SessionKind, SessionState, SessionTerms, Text, Usage, Waiting, WallTime, ZoneName,
};
use crate::portal::Reckoning;
use crate::portal::dress::Dress;
use crate::portal::words::Language;

pub(super) const EN: Words = Words::of(Language::English);
pub(super) const NOW: Now = Now { boot: BootTime(100_000), wall: WallTime(1_790_000_000_000) };

pub(super) fn device() -> ClientDevice {
    ClientDevice::new(DeviceId::new(Uuid::from_u128(1)), "02:00:00:00:00:01".parse().unwrap(), NOW.wall)
}

pub(super) fn session(number: u128, kind: SessionKind) -> ClientSession {
    let time = (kind != SessionKind::Data).then_some(7200);
    let data = (kind != SessionKind::Time).then_some(500.0);
    let terms = SessionTerms::new(kind, time, data, None, 5.0, 2.0, false).unwrap();
    let provider = ProviderName::new("voucher");
    ClientSession::new(SessionId::new(Uuid::from_u128(number)), device().id, provider, terms, NOW.wall)
}

pub(super) fn running(kind: SessionKind) -> ClientSession {
    let mut session = session(2, kind);
    session.started_at = Some(NOW.wall);
    session.usage = Usage { time_ms: 1_800_000, sent_bytes: 1_000_000, received_bytes: 124_000_000 };
    session.state = SessionState::Running(Checkpoint {
        boot_id: BootId::new("b"),
        at: BootTime(99_000),
        key: ClientKey::new(1).unwrap(),
        sent_bytes: 0,
        received_bytes: 0,
    });
    session
}

/// What the configuration says: one role makes fast, and one pays nothing.
pub(super) fn policies() -> Policies {
    let role = |unmetered| RolePolicy {
        unmetered,
        down: Some(Mbps::from_mbps(9.0).unwrap()),
        ..RolePolicy::default()
    };
    Policies {
        zones: BTreeMap::new(),
        first_zone: ZoneName::new("guests"),
        roles: [("fast".to_owned(), role(false)), ("staff".to_owned(), role(true))].into(),
        gateway: GatewayFacts::default(),
    }
}

pub(super) fn standing_of(
    device: &ClientDevice,
    usable: &[ClientSession],
    wall: Option<WallTime>,
) -> Standing {
    let policies = policies();
    Standing::of(usable, None, Reckoning { device, policies: &policies, boot: NOW.boot, wall })
}

pub(super) fn standing(usable: &[ClientSession], ended: Option<&ClientSession>) -> Standing {
    let (device, policies) = (device(), policies());
    let wall = Some(NOW.wall);
    Standing::of(usable, ended, Reckoning { device: &device, policies: &policies, boot: NOW.boot, wall })
}

pub(super) fn face(title: &str, fields: Vec<FormField>) -> (ProviderName, ProviderFace) {
    let (title, button) = (Text::new(title), Text::new("Go"));
    let name = ProviderName::new(&title.as_str().to_lowercase());
    (name, ProviderFace { title, icon: Text::default(), text: Text::default(), fields, button })
}

pub(super) fn field(name: &str, kind: FieldKind) -> FormField {
    let (name, label) = (name.to_owned(), Text::new(name));
    FormField { name, label, kind, required: true, max_chars: 64 }
}

pub(super) fn voucher() -> (ProviderName, ProviderFace) {
    face("Voucher", vec![field("code", FieldKind::Code)])
}

/// As a registry has them.
pub(super) fn worn(
    faces: impl IntoIterator<Item = (ProviderName, ProviderFace)>,
) -> Vec<(ProviderName, Arc<ProviderFace>)> {
    faces.into_iter().map(|(name, face)| (name, Arc::new(face))).collect()
}

/// The page where vouchers alone are taken.
pub(super) fn page_of(gateway: &str, standing: Standing) -> Page {
    let faces =
        if matches!(standing, Standing::Stranger | Standing::Blocked) { vec![] } else { worn([voucher()]) };
    Page::of(Dress::plain(gateway), &Scene { faces, ..Scene::bare(standing) }, NOW.boot, EN)
}

pub(super) fn html(page: &Page) -> String {
    let html = page.render().unwrap();
    check_plain(&html);
    html
}

/// What holds of every page.
fn check_plain(html: &str) {
    assert!(html.len() < 20_000, "a first page of {} bytes", html.len());
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<html lang=\""));
    assert_eq!(html.matches("<h1>").count(), 1);
    assert!(html.contains("<main>") && html.contains("name=\"viewport\""));
    assert!(!html.contains("://"), "nothing is loaded from elsewhere");
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick"));
    for script in html.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/static/"), "no inline script");
    }
    for (index, _) in html.match_indices("<input") {
        let tag = &html[index..index + html[index..].find('>').unwrap()];
        let id = tag.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(html.matches(&format!("for=\"{id}\"")).count(), 1, "a label for each input");
    }
}

#[test]
fn a_new_guest_is_asked_for_a_voucher() {
    let page = html(&page_of("cafe-1", standing(&[], None)));
    assert!(page.contains("action=\"/providers/voucher\"") && page.contains("name=\"code\""));
    assert!(!page.contains("action=\"/connect\"") && !page.contains("http-equiv=\"refresh\""));
    assert!(page.contains("cafe-1"));
}

#[test]
fn whoever_is_online_sees_what_is_left_to_the_second() {
    let page = html(&page_of("cafe-1", standing(&[running(SessionKind::TimeOrData)], None)));
    // 7200 s less 1800 s used less the second since the books were read.
    assert!(page.contains(">1:29:59<") && page.contains("of 2:00:00"), "{page}");
    assert!(page.contains(">375.0 MB<") && page.contains("of 500 MB"));
    assert!(page.contains("value=\"74\"") && page.contains("value=\"75\""));
    assert!(page.contains("Up to 5 Mbit/s down, 2 Mbit/s up"));
    assert!(page.contains("action=\"/disconnect\"") && page.contains("action=\"/providers/voucher\""));
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"30;url=/\"></noscript>"));
    assert!(page.contains("href=\"/?still\""));
}

#[test]
fn each_kind_shows_its_own_limits_only() {
    let page = html(&page_of("x", standing(&[running(SessionKind::Time)], None)));
    assert!(page.contains("id=\"time-left\"") && !page.contains("id=\"data-left\""));
    let page = html(&page_of("x", standing(&[running(SessionKind::Data)], None)));
    assert!(page.contains("id=\"data-left\"") && !page.contains("id=\"time-left\""));
    let mut trusted = running(SessionKind::Time);
    trusted.terms = SessionTerms::unlimited();
    let page = html(&page_of("x", standing(&[trusted], None)));
    assert!(page.contains("No limit"));
}

#[test]
fn a_waiting_session_offers_to_connect() {
    let mut paused = session(3, SessionKind::Time);
    paused.started_at = Some(NOW.wall);
    paused.state = SessionState::Paused(PauseReason::Asked);
    paused.expires_at = Some(NOW.wall.plus_millis(2 * 86_400_000 + 3_600_000));
    let page = html(&page_of("x", standing(&[paused, session(4, SessionKind::Data)], None)));
    assert!(page.contains("Your access is paused") && page.contains("action=\"/connect\""));
    assert!(page.contains("another 2 days 1 hour") && page.contains("1 more session"));
    assert!(!page.contains("action=\"/disconnect\""));
    let page = html(&page_of("x", standing(&[session(4, SessionKind::Data)], None)));
    assert!(page.contains("Your access is ready"));
}

#[test]
fn what_is_used_up_is_said_with_its_numbers() {
    let mut ended = running(SessionKind::TimeOrData);
    ended.usage.time_ms = 8_000_000;
    ended.state = SessionState::Consumed;
    let page = html(&page_of("x", standing(&[], Some(&ended))));
    assert!(page.contains("Your access has ended") && page.contains("2:00:00 of 2:00:00 used"));
    assert!(page.contains("125 MB of 500 MB used") && page.contains("name=\"code\""));
    ended.state = SessionState::Closed(CloseReason::Operator, Text::new("secret remark"));
    let page = html(&page_of("x", standing(&[], Some(&ended))));
    assert!(page.contains("The staff ended it") && !page.contains("secret remark"));
}

#[test]
fn a_blocked_or_foreign_device_gets_no_form() {
    let mut blocked = device();
    blocked.blocked = true;
    let usable = [running(SessionKind::Time)];
    let page = html(&page_of("x", standing_of(&blocked, &usable, Some(NOW.wall))));
    assert!(page.contains("blocked") && !page.contains("<form") && !page.contains("1:29"));
    let page = html(&page_of("x", Standing::Stranger));
    assert!(page.contains("cannot see your device") && !page.contains("<form"));
}

#[test]
fn a_refused_code_is_explained_at_its_field_and_kept_escaped() {
    let mut page = page_of("x", standing(&[], None));
    let voucher = ProviderName::new("voucher");
    let typed = [("code".to_owned(), "\"><script>alert(1)</script>".to_owned())].into();
    page.fill(Some(&voucher), &typed);
    page.complain(Some(&voucher), Some("code"), "We do not know this code.".to_owned());
    let page = html(&page);
    assert!(page.contains("aria-invalid=\"true\"") && page.contains("aria-describedby=\"f0-0-trouble\""));
    assert!(page.contains("We do not know this code.") && page.contains("<title>Error: "));
    assert!(!page.contains("<script>alert") && page.contains("alert(1)"), "kept, as text");
}

#[test]
fn names_and_notices_are_text_never_markup() {
    let mut page = page_of("<b>cafe</b>", standing(&[], None));
    page.notice = Some("Hello <img src=x>".to_owned());
    let page = html(&page);
    assert!(!page.contains("<b>cafe") && !page.contains("<img"));
    assert!(page.contains("role=\"status\">Hello"));
}

#[test]
fn messages_are_shown_on_every_page_and_can_be_taken_away() {
    let left = |number: u32| MessageView {
        id: Uuid::from_u128(u128::from(number)).to_string(),
        text: format!("Closing at {number} <b>sharp</b>"),
        age: "2 minutes ago".to_owned(),
    };
    let mut blocked = device();
    blocked.blocked = true;
    let standings = [
        standing(&[], None),
        standing(&[running(SessionKind::Time)], None),
        standing(&[session(4, SessionKind::Data)], None),
        standing_of(&blocked, &[], Some(NOW.wall)),
    ];
    for standing in standings {
        let mut page = page_of("x", standing);
        page.messages = vec![left(2), left(1)];
        let page = html(&page);
        assert!(page.contains("Closing at 2") && page.contains("2 minutes ago") && !page.contains("<b>"));
        assert!(page.find("Closing at 2") < page.find("Closing at 1"));
        assert!(page.contains("action=\"/messages/00000000-0000-0000-0000-000000000002/dismiss\""));
    }
}

#[test]
fn each_provider_has_its_part_with_its_fields_by_kind() {
    let choice =
        FieldKind::Choice(vec![("a".to_owned(), Text::new("Room <A>")), ("b".to_owned(), Text::new("B"))]);
    let fields = vec![
        field("user", FieldKind::Text),
        field("password", FieldKind::Password),
        field("mail", FieldKind::Email),
        field("phone", FieldKind::Telephone),
        field("terms", FieldKind::Checkbox),
        field("room", choice),
    ];
    let mut faces = vec![voucher(), face("Accounts", fields), face("Free", Vec::new())];
    faces[1].1.icon = Text::new("<i>");
    let accounts = faces[1].0.clone();
    let scene = |standing| Scene { faces: worn(faces.clone()), ..Scene::bare(standing) };
    let mut new = Page::of(Dress::plain("x"), &scene(standing(&[], None)), NOW.boot, EN);
    let shown = html(&new);
    assert_eq!(
        shown.matches("<details class=\"offer\" open>").count(),
        2,
        "the first, and the single button"
    );
    assert!(
        shown
            .contains("<summary><span aria-hidden=\"true\">&#60;i&#62;</span> <bdi>Accounts</bdi></summary>"),
        "{shown}"
    );
    for part in [
        "type=\"text\" value=\"\" required maxlength=\"64\" autocomplete=\"username\"",
        "type=\"password\" value=\"\" required maxlength=\"64\" autocomplete=\"current-password\"",
        "type=\"email\" value=\"\" required maxlength=\"64\" autocomplete=\"email\"",
        "type=\"tel\" value=\"\" required maxlength=\"64\" autocomplete=\"tel\"",
        "type=\"checkbox\" value=\"on\" required",
        "<option value=\"a\">Room &#60;A&#62;</option>",
        "action=\"/providers/free\"",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let typed = [("user", "ana\"<"), ("password", "secret"), ("terms", "on"), ("room", "b")];
    new.fill(Some(&accounts), &typed.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    new.complain(Some(&accounts), Some("user"), "We do not know <you>.".to_owned());
    let shown = html(&new);
    assert!(shown.contains("value=\"ana&#34;&#60;\"") && !shown.contains("secret"));
    assert!(shown.contains("value=\"on\" checked") && shown.contains("<option value=\"b\" selected>"));
    assert!(shown.contains("id=\"f1-0-trouble\" role=\"alert\">We do not know &#60;you&#62;."));
    assert_eq!(shown.matches("<details class=\"offer\" open>").count(), 3);
    let online = html(&Page::of(
        Dress::plain("x"),
        &scene(standing(&[running(SessionKind::Time)], None)),
        NOW.boot,
        EN,
    ));
    assert_eq!(online.matches("<details class=\"offer\">").count(), 3, "folded while there is something");
    let none = Scene::bare(standing(&[], None));
    let none = html(&Page::of(Dress::plain("x"), &none, NOW.boot, EN));
    assert!(none.contains("please ask the staff") && !none.contains("/providers/"));
}

#[test]
fn what_a_provider_waits_for_stands_first_with_its_buttons() {
    let (text, until) = (Text::new("Insert <coins>"), Some(NOW.boot.plus_millis(45_500)));
    let waiting =
        Waiting { text, until, done: Some(Text::new("Done & go")), cancel: Some(Text::new("Cancel")) };
    let (coin, shown) = face("Coins", Vec::new());
    let faces = worn([voucher(), (coin.clone(), shown)]);
    let mut scene =
        Scene { waiting: Some((coin.clone(), waiting)), faces, ..Scene::bare(standing(&[], None)) };
    let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN));
    assert!(page.contains("Insert &#60;coins&#62;") && page.contains(">0:00:45<"), "{page}");
    assert!(page.contains("name=\"action\" value=\"done\">Done &#38; go<"));
    assert!(page.contains("name=\"action\" value=\"cancel\">Cancel<"));
    assert!(page.contains("content=\"5;url=/\""), "counted down without a script, too");
    assert_eq!(page.matches("action=\"/providers/coins\"").count(), 1, "its own form is not there meanwhile");
    assert!(page.find("Insert") < page.find("/providers/voucher"));
    // Trouble with the one that waits has no form to stand in.
    let mut page = Page::of(Dress::plain("x"), &scene, NOW.boot, EN);
    page.complain(Some(&coin), None, "The slot is jammed.".to_owned());
    assert!(html(&page).contains("role=\"alert\">The slot is jammed."));
    scene.waiting =
        scene.waiting.map(|(of, waiting)| (of, Waiting { until: None, done: None, cancel: None, ..waiting }));
    let page = html(&Page::of(Dress::plain("x"), &scene, NOW.boot, EN));
    assert!(!page.contains("waiting-left") && !page.contains("value=\"done\""));
}

#[test]
fn a_code_in_the_address_fills_the_voucher_form_and_unfolds_it() {
    let mut online = page_of("x", standing(&[running(SessionKind::Time)], None));
    online.offer_code("\"><b>AB");
    let page = html(&online);
    assert!(
        page.contains("value=\"&#34;&#62;&#60;b&#62;AB\" required") && page.contains("offer\" open"),
        "{page}"
    );
    assert!(!page.contains("http-equiv=\"refresh\""), "which would take the code away");
}

#[test]
fn the_fingerprint_changes_with_what_the_live_numbers_do_not_cover() {
    let online = standing(&[running(SessionKind::Time)], None);
    let mut later = running(SessionKind::Time);
    later.usage.time_ms += 60_000;
    assert_eq!(online.fingerprint(), standing(&[later.clone()], None).fingerprint(), "only less left");
    later.terms.time_limit_ms = Some(9_000_000);
    let topped_up = standing(&[later.clone()], None);
    assert_ne!(online.fingerprint(), topped_up.fingerprint());
    later.id = SessionId::new(Uuid::from_u128(99));
    assert_ne!(topped_up.fingerprint(), standing(&[later], None).fingerprint(), "handed over");
    let offer = |id| standing(&[session(id, SessionKind::Data)], None).fingerprint();
    assert_eq!(offer(7), offer(8), "an offer has a new id each time; the page must not load itself for ever");
}
