use super::*;
use crate::setup::sample::{card, plain_box};
use crate::setup::{Caller, DeviceKind, Listen};

/// Answers every question with its guess; the answers and what came of it.
fn guessed(mut wishes: Wishes, facts: &Facts) -> (Vec<(Topic, String)>, Result<Choices, String>) {
    let mut answers = Vec::new();
    loop {
        match next(&wishes, facts) {
            Ok(Next::Ready(choices)) => return (answers, Ok(*choices)),
            Err(refused) => return (answers, Err(refused.0)),
            Ok(Next::Ask(question)) => {
                let Some(guess) = question.guess else {
                    return (answers, Err(format!("no guess: {}", question.text)));
                };
                wishes.answer(question.topic, &guess).unwrap();
                answers.push((question.topic, guess));
            }
        }
    }
}

fn with(answers: &[(Topic, &str)]) -> Wishes {
    let mut wishes = Wishes { config: "/etc/turnpike/turnpike.toml".into(), ..Wishes::default() };
    for (topic, answer) in answers {
        wishes.answer(*topic, answer).unwrap();
    }
    wishes
}

fn called(facts: &mut Facts, device: &str, mac: Option<&str>) {
    facts.caller = Some(Caller {
        address: [192, 168, 77, 50].into(),
        ssh_port: 22,
        device: Some(device.to_owned()),
        mac: mac.map(|mac| mac.parse().unwrap()),
    });
}

const CREATE: (Topic, &str) = (Topic::CreateNetwork, "yes");
const MAC: &str = "02:00:5e:00:53:01";

#[test]
fn a_plain_box_needs_two_words() {
    let (answers, made) = guessed(with(&[CREATE, (Topic::Manage, "loopback")]), &plain_box());
    let made = made.unwrap();
    let ports = made.network.unwrap().bridge.unwrap().ports;
    assert_eq!(ports.iter().map(DeviceName::as_str).collect::<Vec<_>>(), ["eth1"]);
    assert_eq!((made.wan.as_str(), made.guest.as_str()), ("eth0", "br-guest"));
    assert_eq!(made.name, "", "the host name is the default");
    assert_eq!(answers.first(), Some(&(Topic::Wan, "eth0".to_owned())));
    // Without the first word it is asked for, and not guessed: much is changed by it.
    let (_, made) = guessed(with(&[]), &plain_box());
    assert!(made.unwrap_err().contains("No network for guests was found"));
    // Nor is it guessed from where the box is managed, if nothing says it.
    let (_, made) = guessed(with(&[CREATE]), &plain_box());
    assert!(made.unwrap_err().contains("From where is this box managed?"));
}

#[test]
fn a_network_that_is_there_is_taken() {
    let mut facts = plain_box();
    facts.devices.push(card("eth2", &["10.0.0.1/24"]));
    facts.devices.push(card("docker0", &["172.17.0.1/16"]));
    let (_, made) = guessed(with(&[(Topic::Manage, "loopback")]), &facts);
    let made = made.unwrap();
    assert_eq!((made.guest.as_str(), made.network), ("eth2", None));
    // Two: which, is asked.
    facts.devices.push(card("eth3", &["10.0.1.1/24"]));
    let (_, made) = guessed(with(&[(Topic::Manage, "loopback")]), &facts);
    assert!(made.unwrap_err().contains("There are: eth2, eth3"));
    // A bridge among them is likely meant, and the other is where it is managed from.
    facts.devices[2].kind = DeviceKind::Bridge;
    let (_, made) = guessed(with(&[]), &facts);
    let made = made.unwrap();
    assert_eq!(made.guest.as_str(), "eth2");
    assert!(matches!(made.listen, Listen::On { device, is_wan: false, .. } if device.as_str() == "eth3"));
}

#[test]
fn whoever_calls_over_the_guests_network_is_not_cut_off() {
    let mut facts = plain_box();
    facts.devices[1] = card("eth1", &["192.168.77.1/24"]);
    called(&mut facts, "eth1", Some(MAC));
    let (_, made) = guessed(with(&[]), &facts);
    let made = made.unwrap();
    assert_eq!(made.listen, Listen::Guests([192, 168, 77, 1].into()));
    assert_eq!(made.trusted, [MAC.parse().unwrap()]);
    // Another is trusted, or nobody: refused.
    for answer in ["02:00:5e:00:53:02", "loopback"] {
        let (_, made) = guessed(with(&[(Topic::Manage, answer)]), &facts);
        let said = made.unwrap_err();
        assert!(said.contains("you would be cut off") && said.contains(&format!("--trust {MAC}")), "{said}");
    }
    let (_, made) = guessed(with(&[(Topic::Manage, "loopback"), (Topic::Trust, MAC)]), &facts);
    assert_eq!(made.unwrap().trusted, [MAC.parse().unwrap()]);
    // From beyond another router there.
    called(&mut facts, "eth1", None);
    let (_, made) = guessed(with(&[(Topic::Trust, MAC)]), &facts);
    assert!(made.unwrap_err().contains("cannot be told"));
}

#[test]
fn admin_pages_are_not_put_on_the_internet() {
    let mut facts = plain_box();
    let wishes = || with(&[CREATE, (Topic::Manage, "eth0")]);
    assert!(guessed(wishes(), &facts).1.unwrap_err().contains("everybody could try passwords"));
    facts.devices[0] = card("eth0", &["192.168.1.2/24"]);
    assert!(matches!(guessed(wishes(), &facts).1.unwrap().listen, Listen::On { is_wan: true, .. }));
    for (device, said) in [("eth7", "no network device eth7"), ("br-guest", "is the guests' network")] {
        let (_, made) = guessed(with(&[CREATE, (Topic::Manage, device)]), &facts);
        let why = made.unwrap_err();
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn guests_are_not_put_where_the_way_out_is() {
    let mut facts = plain_box();
    for (wan, guest) in [("eth0", "eth0"), ("ppp0", "eth0")] {
        let (_, made) = guessed(with(&[(Topic::Wan, wan), (Topic::Guest, guest)]), &facts);
        assert!(made.unwrap_err().contains("leads to the Internet"), "{wan} {guest}");
    }
    let (_, made) = guessed(with(&[(Topic::Guest, "br7")]), &facts);
    assert!(made.unwrap_err().contains("no network device br7"));
    facts.devices[1].bridge = Some("br-lan".to_owned());
    let (_, made) = guessed(with(&[(Topic::Guest, "eth1")]), &facts);
    assert!(made.unwrap_err().contains("--guest br-lan"));
    let (_, made) = guessed(
        with(&[(Topic::CreateNetwork, "no"), (Topic::Guest, "eth1"), (Topic::Ports, "eth1")]),
        &facts,
    );
    assert_eq!(made.unwrap_err(), "--ports goes with --create-network");
}

#[test]
fn the_first_plan_is_checked_as_the_daemon_does() {
    let facts = plain_box();
    let base = [CREATE, (Topic::Manage, "loopback"), (Topic::Currency, "JPY"), (Topic::Plan, "One hour!")];
    let plan = |more: &[(Topic, &str)]| {
        guessed(with(&[&base[..], more].concat()), &facts).1.map(|made| made.plan.unwrap())
    };
    let made = plan(&[(Topic::PlanPrice, "200")]).unwrap();
    assert_eq!(
        (made.plan.name.as_str(), made.plan.title.as_str(), made.time_secs),
        ("one-hour", "One hour!", Some(3600))
    );
    assert_eq!(made.plan.price.0, 200);
    assert!(plan(&[(Topic::PlanPrice, "2.50")]).unwrap_err().starts_with("--plan-price: must be an amount"));
    assert!(plan(&[(Topic::PlanTime, "0")]).unwrap_err().starts_with("--plan-time-secs: "));
    assert!(plan(&[(Topic::PlanData, "-1")]).unwrap_err().starts_with("--plan-data-mb: "));
    let both = plan(&[(Topic::PlanTime, "60"), (Topic::PlanData, "5")]).unwrap();
    assert_eq!(both.plan.terms.kind, SessionKind::TimeOrData);
    let (_, made) = guessed(with(&[CREATE, (Topic::Manage, "loopback"), (Topic::PlanPrice, "1")]), &facts);
    assert_eq!(made.unwrap_err(), "--plan-price goes with --plan TITLE");
    for (title, name) in [("Día", "d-a"), ("ชั่วโมง", "first"), ("  24 h / day ", "24-h-day")]
    {
        assert_eq!(name_of(title), name);
    }
    assert_eq!(name_of(&"x y".repeat(40)).len(), 64);
}
