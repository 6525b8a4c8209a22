use super::*;
use crate::setup::sample::{choices, device, network, plain_box, wifi};

fn lines(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| match step {
        Step::Configure { file, keep } => {
            format!("configure {}{}", file.path.display(), if *keep { ", and keep" } else { "" })
        }
        Step::Write(file) => format!("write {} {:o}", file.path.display(), file.mode),
        Step::Append { path, line, copy } => format!("append {} {line} {}", path.display(), copy.display()),
        Step::TakeOut { path, .. } | Step::Remove(path) => panic!("{}", path.display()),
        Step::Run(command) => command.line(),
    };
    plan.steps.iter().map(line).collect()
}

#[test]
fn a_plain_box_becomes_a_hotspot_in_this_order() {
    let made = plan(&choices(), &plain_box()).unwrap();
    assert_eq!(
        lines(&made),
        [
            "configure /etc/turnpike/turnpike.toml",
            "systemctl enable --now turnpike-close.service",
            "write /etc/network/interfaces.d/turnpike 644",
            "write /etc/sysctl.d/60-turnpike.conf 644",
            "write /etc/dnsmasq.d/turnpike-guests.conf 644",
            "sysctl -p /etc/sysctl.d/60-turnpike.conf",
            "ifup br-guest",
            "write /etc/nftables.d/turnpike-nat.nft 644",
            "nft -f /etc/nftables.d/turnpike-nat.nft",
            "append /etc/nftables.conf include \"/etc/nftables.d/turnpike-nat.nft\" /etc/nftables.conf.before-turnpike",
            "systemctl enable nftables.service",
            "systemctl enable dnsmasq.service",
            "systemctl restart dnsmasq.service",
            "systemctl enable --now turnpike-dnsmasq.path turnpike-refill.path",
            "systemctl enable --now turnpike-reapply@nftables.service turnpike-reapply@firewalld.service turnpike-reapply@ufw.service \
             turnpike.service",
        ]
    );
    assert_eq!((made.by_hand, made.notes), (Vec::new(), Vec::new()));
}

#[test]
fn with_networkd_an_access_point_and_no_systemd() {
    let mut choices = choices();
    let by = Networking::Networkd;
    choices.network = Some(GuestNetwork {
        bridge: Some(NewBridge { by, ports: vec![device("eth1")] }),
        wifi: Some(wifi()),
        ..network()
    });
    let mut facts = plain_box();
    facts.exists.remove(std::path::Path::new("/run/systemd/system"));
    let lines = lines(&plan(&choices, &facts).unwrap());
    for line in [
        "/usr/bin/turnpike close --config /etc/turnpike/turnpike.toml",
        "write /etc/systemd/network/50-turnpike-ports.network 644",
        "networkctl reload",
        "write /etc/hostapd/wlan0.conf 600",
        "systemctl enable --now hostapd@wlan0.service",
    ] {
        assert!(lines.contains(&line.to_owned()), "{line} in {lines:?}");
    }
}

#[test]
fn a_configuration_that_somebody_wrote_stays_unless_forced() {
    let (mut choices, mut facts) = (choices(), plain_box());
    choices.network = None;
    let written = config_file::file(&choices).text;
    for example in [EXAMPLE, "# of an earlier version\n"] {
        facts.config = Some(example.to_owned());
        facts.files.insert(EXAMPLE_PLACE.into(), "# of an earlier version\n".to_owned());
        assert_eq!(lines(&plan(&choices, &facts).unwrap())[0], "configure /etc/turnpike/turnpike.toml");
    }
    facts.config = Some("[[zone]]\nname = \"mine\"\nlan = [\"eth1\"]\n".to_owned());
    let said = plan(&choices, &facts).unwrap_err().0;
    assert!(said.contains("--force") && said.contains("turnpike.toml.before-setup"), "{said}");
    choices.force = true;
    facts.daemon = Some("/run/turnpike/control.sock".into());
    let forced = lines(&plan(&choices, &facts).unwrap());
    assert_eq!(forced[0], "configure /etc/turnpike/turnpike.toml, and keep");
    let reload = "/usr/bin/turnpike reload --yes --socket /run/turnpike/control.sock";
    assert_eq!(forced.last().map(String::as_str), Some(reload));
    // What is so already is said; the daemon may still have refused it.
    facts.config = Some(written);
    let again = plan(&choices, &facts).unwrap();
    assert_eq!(again.notes, ["/etc/turnpike/turnpike.toml says it already"]);
    assert!(!lines(&again).iter().any(|line| line.contains("configure")));
    assert_eq!(lines(&again).last().map(String::as_str), Some(reload));
    facts.daemon = None;
    assert!(!lines(&plan(&choices, &facts).unwrap()).iter().any(|line| line.contains("reload")));
}

#[test]
fn nothing_that_exists_is_overwritten_and_what_is_ours_is_left() {
    let (choices, mut facts) = (choices(), plain_box());
    for step in plan(&choices, &facts).unwrap().steps {
        if let Step::Write(file) = step {
            facts.files.insert(file.path, file.text);
        }
    }
    let again = plan(&choices, &facts).unwrap();
    assert!(!lines(&again).iter().any(|line| line.starts_with("write")), "{again:?}");
    assert!(again.notes.contains(&"/etc/sysctl.d/60-turnpike.conf is there already".to_owned()));
    let path = std::path::PathBuf::from(dnsmasq::FILE);
    facts.files.insert(path.clone(), "interface=br-guest\n".to_owned());
    assert!(plan(&choices, &facts).unwrap_err().0.contains("not from turnpike setup"));
    facts.files.insert(path.clone(), format!("{}\ninterface=br-other\n", crate::setup::MARK));
    assert!(plan(&choices, &facts).unwrap_err().0.contains("--undo-network"));
    // It is there and cannot be read.
    facts.files.remove(&path);
    facts.exists.insert(path);
    assert!(plan(&choices, &facts).unwrap_err().0.contains("not from turnpike setup"));
}
