//! Masquerading of guests towards the Internet, in a table of its own that Debian's nftables.service loads.

use std::path::PathBuf;

use super::super::facts::Firewall;
use super::super::{ByHand, Command, DeviceName, Facts, GuestNetwork, MARK, NewFile, Refused, Step};
use super::write;

/// The file.
pub(in super::super) const FILE: &str = "/etc/nftables.d/turnpike-nat.nft";
/// What loads it at boot.
pub(in super::super) const MAIN: &str = "/etc/nftables.conf";
/// What that was before.
pub(in super::super) const COPY: &str = "/etc/nftables.conf.before-turnpike";

const ENABLED: &str = "/etc/systemd/system/sysinit.target.wants/nftables.service";

/// What Debian's file says, without its comments: it lets everything through.
const STOCK: &str = "flush ruleset table inet filter { chain input { type filter hook input priority filter; } \
     chain forward { type filter hook forward priority filter; } chain output { type filter hook output priority filter; } }";

/// The line that is added there.
pub(in super::super) fn include() -> String {
    format!("include \"{FILE}\"")
}

/// What is done, or has to be done by hand where another firewall has the say.
pub(in super::super) fn steps(
    facts: &Facts,
    wan: &DeviceName,
    network: &GuestNetwork,
) -> Result<(Vec<Step>, Option<ByHand>), Refused> {
    match facts.firewall() {
        Firewall::Ufw => return Ok((Vec::new(), Some(ufw(wan, network)))),
        Firewall::Firewalld => return Ok((Vec::new(), Some(firewalld(wan, network)))),
        Firewall::Nftables => {}
    }
    let mut steps: Vec<Step> = write(facts, file(wan, network))?.into_iter().collect();
    steps.push(Step::Run(Command::new(["nft", "-f", FILE], "guests leave under this box's address")));
    let Some(main) = facts.text(MAIN) else {
        return Err(Refused::new(format!(
            "{MAIN} is not there: apt-get install --reinstall nftables, and come again"
        )));
    };
    let is_included = main.lines().any(|line| line.trim() == include());
    let rest: Vec<&str> = main.lines().filter(|line| line.trim() != include()).collect();
    if !facts.has(ENABLED) && !is_stock(&rest) {
        let why = format!(
            "{MAIN} is not Debian's own, and nftables.service, which would load it at boot, is not enabled. Rules that nobody uses are \
             not put to use here: they may shut you out. Look at them; then these lines keep masquerading after the next start"
        );
        let lines =
            vec![format!("echo '{}' >> {MAIN}", include()), "systemctl enable nftables.service".to_owned()];
        return Ok((steps, Some(ByHand { why, lines })));
    }
    if !is_included {
        steps.push(Step::Append { path: PathBuf::from(MAIN), line: include(), copy: PathBuf::from(COPY) });
    }
    let why = "also after the next start";
    steps.push(Step::Run(Command::new(["systemctl", "enable", "nftables.service"], why)));
    Ok((steps, None))
}

fn is_stock(lines: &[&str]) -> bool {
    let words = lines
        .iter()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split_whitespace());
    words.collect::<Vec<_>>().join(" ").replace("priority 0;", "priority filter;") == STOCK
}

fn file(wan: &DeviceName, network: &GuestNetwork) -> NewFile {
    let mut rules = format!("    ip saddr {} oifname \"{wan}\" masquerade\n", network.v4.trunc());
    if let Some(v6) = network.v6 {
        rules.push_str(&format!("    ip6 saddr {} oifname \"{wan}\" masquerade\n", v6.trunc()));
    }
    let text = format!(
        "{MARK}\n\
         # What guests send to the Internet leaves under this box's address. Loading it again changes nothing.\n\
         table inet turnpike_nat\n\
         delete table inet turnpike_nat\n\
         table inet turnpike_nat {{\n  \
           chain postrouting {{\n    \
             type nat hook postrouting priority srcnat; policy accept;\n\
         {rules}  }}\n\
         }}\n"
    );
    NewFile::system(FILE, text)
}

/// What takes the table away, also if it is not there.
pub(in super::super) fn take_down() -> Command {
    let text = "add table inet turnpike_nat; delete table inet turnpike_nat";
    Command::new(["nft", text], "guests are masqueraded no more")
}

fn ufw(wan: &DeviceName, network: &GuestNetwork) -> ByHand {
    let guests = &network.device;
    let mut lines = vec![
        format!("ufw allow in on {guests}"),
        format!("ufw route allow in on {guests} out on {wan}"),
        "# in /etc/ufw/before.rules, above the line *filter:".to_owned(),
    ];
    let nat = |net: String| {
        let rule = format!("-A POSTROUTING -s {net} -o {wan} -j MASQUERADE");
        ["*nat".to_owned(), ":POSTROUTING ACCEPT [0:0]".to_owned(), rule, "COMMIT".to_owned()]
    };
    lines.extend(nat(network.v4.trunc().to_string()));
    if let Some(v6) = network.v6 {
        lines.push("# in /etc/ufw/before6.rules, above the line *filter:".to_owned());
        lines.extend(nat(v6.trunc().to_string()));
    }
    lines.push("ufw reload".to_owned());
    let why = "ufw is this box's firewall, and its rules are its own: it drops what guests send until this is done. What guests may \
               reach on the box Turnpike says";
    ByHand { why: why.to_owned(), lines }
}

fn firewalld(wan: &DeviceName, network: &GuestNetwork) -> ByHand {
    let guests = &network.device;
    let zone = format!("$(firewall-cmd --get-zone-of-interface={wan} || firewall-cmd --get-default-zone)");
    let mut lines = vec![
        "firewall-cmd --permanent --new-zone=turnpike".to_owned(),
        "firewall-cmd --permanent --zone=turnpike --set-target=ACCEPT".to_owned(),
        format!("firewall-cmd --permanent --zone=turnpike --add-interface={guests}"),
        format!("firewall-cmd --permanent --zone=\"{zone}\" --add-masquerade"),
    ];
    if network.v6.is_some() {
        lines.push(format!(
            "firewall-cmd --permanent --zone=\"{zone}\" --add-rich-rule='rule family=\"ipv6\" masquerade'"
        ));
    }
    lines.extend(
        [
            "firewall-cmd --permanent --new-policy=turnpike-out",
            "firewall-cmd --permanent --policy=turnpike-out --add-ingress-zone=turnpike",
            "firewall-cmd --permanent --policy=turnpike-out --add-egress-zone=ANY",
            "firewall-cmd --permanent --policy=turnpike-out --set-target=ACCEPT",
            "firewall-cmd --reload",
        ]
        .map(str::to_owned),
    );
    let why = "firewalld is this box's firewall, and its rules are its own: it drops what guests send until this is done. What guests \
               may reach on the box Turnpike says";
    ByHand { why: why.to_owned(), lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{device, network, plain_box};

    const TEXT: &str = r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# What guests send to the Internet leaves under this box's address. Loading it again changes nothing.
table inet turnpike_nat
delete table inet turnpike_nat
table inet turnpike_nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 192.168.77.0/24 oifname "eth0" masquerade
    ip6 saddr fd12:3456:789a::/64 oifname "eth0" masquerade
  }
}
"#;

    fn kinds(steps: &[Step]) -> Vec<String> {
        let kind = |step: &Step| match step {
            Step::Write(file) | Step::Configure { file, .. } => format!("write {}", file.path.display()),
            Step::Append { path, line, .. } => format!("append {} {line}", path.display()),
            Step::TakeOut { path, .. } => format!("take out {}", path.display()),
            Step::Remove(path) => format!("remove {}", path.display()),
            Step::Run(command) => command.line(),
        };
        steps.iter().map(kind).collect()
    }

    #[test]
    fn debians_own_rules_include_ours_once() {
        let (mut facts, wan) = (plain_box(), device("eth0"));
        let (first, by_hand) = steps(&facts, &wan, &network()).unwrap();
        assert_eq!(by_hand, None);
        assert_eq!(
            kinds(&first),
            [
                "write /etc/nftables.d/turnpike-nat.nft",
                "nft -f /etc/nftables.d/turnpike-nat.nft",
                "append /etc/nftables.conf include \"/etc/nftables.d/turnpike-nat.nft\"",
                "systemctl enable nftables.service",
            ]
        );
        let Some(Step::Write(written)) = first.first() else { panic!("a file") };
        assert_eq!(written.text, TEXT);
        let main = format!("{}{}\n", facts.text(MAIN).unwrap(), include());
        facts.files.insert(MAIN.into(), main);
        facts.files.insert(FILE.into(), TEXT.to_owned());
        let (again, _) = steps(&facts, &wan, &network()).unwrap();
        assert_eq!(
            kinds(&again),
            ["nft -f /etc/nftables.d/turnpike-nat.nft", "systemctl enable nftables.service"]
        );
    }

    #[test]
    fn rules_that_nobody_uses_are_not_put_to_use() {
        let (mut facts, wan) = (plain_box(), device("eth0"));
        let own = "flush ruleset\ntable inet filter { chain input { type filter hook input priority 0; policy drop; } }\n";
        facts.files.insert(MAIN.into(), own.to_owned());
        let (first, by_hand) = steps(&facts, &wan, &network()).unwrap();
        assert!(
            kinds(&first).iter().all(|kind| !kind.starts_with("append") && !kind.starts_with("systemctl"))
        );
        assert!(by_hand.unwrap().lines[1].contains("enable nftables"));
        // Where they are in use already, ours join them.
        facts.exists.insert(ENABLED.into());
        let (second, by_hand) = steps(&facts, &wan, &network()).unwrap();
        assert_eq!(by_hand, None);
        assert!(kinds(&second).iter().any(|kind| kind.starts_with("append")));
    }

    #[test]
    fn another_firewall_keeps_its_rules_and_its_commands_are_said() {
        let (mut facts, wan) = (plain_box(), device("eth0"));
        facts.files.insert("/etc/ufw/ufw.conf".into(), "ENABLED=yes\n".to_owned());
        let (done, by_hand) = steps(&facts, &wan, &network()).unwrap();
        assert!(done.is_empty());
        let lines = by_hand.unwrap().lines;
        assert!(lines.contains(&"ufw route allow in on br-guest out on eth0".to_owned()), "{lines:?}");
        assert!(
            lines.contains(&"-A POSTROUTING -s 192.168.77.0/24 -o eth0 -j MASQUERADE".to_owned()),
            "{lines:?}"
        );
        facts.files.insert("/etc/ufw/ufw.conf".into(), "ENABLED=no\n".to_owned());
        facts.exists.insert("/run/firewalld".into());
        let (done, by_hand) = steps(&facts, &wan, &network()).unwrap();
        assert!(done.is_empty());
        assert!(by_hand.unwrap().lines.iter().all(|line| line.starts_with("firewall-cmd ")));
    }
}
