use clap::CommandFactory;

use super::args::Cli;

/// For each command that does something, lines that show how it is used.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (&["run"], &["turnpike run", "RUST_LOG=debug turnpike run --config ./turnpike.toml"]),
    (&["check-config"], &["turnpike check-config --config ./turnpike.toml"]),
    (&["close"], &["turnpike close"]),
    (
        &["doctor"],
        &["turnpike doctor", "turnpike doctor --verbose --config ./turnpike.toml", "turnpike doctor --json"],
    ),
    (
        &["config-reference"],
        &["turnpike config-reference", "turnpike config-reference --toml > turnpike.toml"],
    ),
    (
        &["from-uci"],
        &["turnpike from-uci > /var/etc/turnpike/turnpike.toml", "turnpike from-uci ./turnpike.config"],
    ),
    (&["down"], &["turnpike down"]),
    (
        &["setup"],
        &[
            "turnpike setup",
            "turnpike setup --dry-run --yes --create-network --admin-on-loopback",
            "turnpike setup --yes --guest br-lan --manage eth2 --plan 'One hour' --plan-time-secs 3600 --plan-price 2",
            "turnpike setup --undo-network",
        ],
    ),
    (&["reload"], &["turnpike reload", "turnpike reload --dry-run"]),
    (&["reconcile"], &["turnpike reconcile"]),
    (&["backup"], &["turnpike backup /mnt/stick/turnpike.backup"]),
    (&["restore"], &["turnpike restore turnpike.backup", "turnpike restore turnpike.backup --yes"]),
    (&["salvage"], &["turnpike salvage", "turnpike salvage --yes", "turnpike salvage --empty --yes"]),
    (
        &["guest-log"],
        &[
            "turnpike guest-log 10.0.0.7 --at 2026-01-31T18:00:00Z",
            "turnpike guest-log 203.0.113.2 --port 40123 --at 2026-01-31T19:00:00+01:00 --within 30 --json",
            "turnpike guest-log 02:00:5e:00:53:01 --file /mnt/stick/guests.log",
        ],
    ),
    (
        &["dhcp-options"],
        &[
            "turnpike dhcp-options > /etc/dnsmasq.d/turnpike-portal.conf",
            "turnpike dhcp-options --format radvd --zone guests",
        ],
    ),
    (
        &["dnsmasq"],
        &[
            "turnpike dnsmasq",
            "turnpike dnsmasq --write /etc/dnsmasq.d/turnpike.conf --then systemctl --then restart --then dnsmasq",
        ],
    ),
    (&["status"], &["turnpike status", "turnpike status --json"]),
    (
        &["devices"],
        &[
            "turnpike devices --sort=-last_seen",
            "turnpike devices --q phone",
            "turnpike devices --filter '$State is \"running\"'",
        ],
    ),
    (
        &["sessions"],
        &[
            "turnpike sessions --sort=-created_at --per-page 20",
            "turnpike sessions --filter '$Zone is \"guests\" and $DataLeft lt \"10\"'",
        ],
    ),
    (
        &["events"],
        &[
            "turnpike events --filter '$Zone is \"guests\"' --properties '$Mac,$State'",
            "turnpike events --last-event-id 4711 --json",
        ],
    ),
    (&["providers"], &["turnpike providers"]),
    (
        &["connect"],
        &["turnpike connect 10.0.0.7", "turnpike connect 02:00:5e:00:53:01 --notify 'Welcome back'"],
    ),
    (&["disconnect"], &["turnpike disconnect 10.0.0.7 --notify 'Paused at the desk'"]),
    (&["block"], &["turnpike block 02:00:5e:00:53:01"]),
    (&["unblock"], &["turnpike unblock 02:00:5e:00:53:01"]),
    (&["ping"], &["turnpike ping 10.0.0.7"]),
    (&["device", "add"], &["turnpike device add 02:00:5e:00:53:01 --alias till --zone guests"]),
    (&["device", "show"], &["turnpike device show 10.0.0.7"]),
    (&["device", "session"], &["turnpike device session 10.0.0.7 --usable"]),
    (&["device", "offers"], &["turnpike device offers 10.0.0.7"]),
    (&["device", "rename"], &["turnpike device rename 10.0.0.7 till"]),
    (&["device", "delete"], &["turnpike device delete 02:00:5e:00:53:01"]),
    (&["device", "message"], &["turnpike device message 10.0.0.7 'Your coffee is ready' --expires-secs 600"]),
    (&["device", "move"], &["turnpike device move 02:00:5e:00:53:01 10.0.0.9"]),
    (&["device", "recovery-code"], &["turnpike device recovery-code 10.0.0.7"]),
    (&["device", "roles"], &["turnpike device roles 10.0.0.7 staff"]),
    (
        &["session", "create"],
        &[
            "turnpike session create 10.0.0.7 --kind time --time-secs 3600",
            "turnpike session create 10.0.0.7 --kind data --data-mb 500 --down-mbps 10",
        ],
    ),
    (&["session", "show"], &["turnpike session show 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (
        &["session", "close"],
        &[
            "turnpike session close 01a1fcb0-2403-7573-9210-5f1275644bbd --reason refund",
            "turnpike session close --filter '$Zone is \"cellar\"' --dry-run",
        ],
    ),
    (&["session", "delete"], &["turnpike session delete 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (
        &["session", "set"],
        &["turnpike session set 01a1fcb0-2403-7573-9210-5f1275644bbd --add-time-secs 1800 --down-mbps 20"],
    ),
    (
        &["session", "properties"],
        &[
            "turnpike session properties 01a1fcb0-2403-7573-9210-5f1275644bbd --keys '$Zone,$DataLeft'",
            "turnpike session properties --filter all --set Event=fair",
        ],
    ),
    (
        &["session", "roles"],
        &[
            "turnpike session roles 01a1fcb0-2403-7573-9210-5f1275644bbd --add vip",
            "turnpike session roles --filter 'hasRoles [\"vip\"]' --remove vip",
        ],
    ),
    (
        &["session", "message"],
        &[
            "turnpike session message 01a1fcb0-2403-7573-9210-5f1275644bbd --text 'Ten minutes left'",
            "turnpike session message --filter '$DataLeft lt \"10\"' --text 'Less than 10 MB left'",
        ],
    ),
    (&["session", "principal"], &["turnpike session principal 01a1fcb0-2403-7573-9210-5f1275644bbd ana"]),
    (
        &["plan", "create"],
        &[
            "turnpike plan create hour --title 'One hour' --kind time --time-secs 3600 --price 2.50",
            "turnpike plan create daily --kind data --data-mb 1000 --every day --exp-days 30 --price 15",
        ],
    ),
    (
        &["account", "create"],
        &[
            "turnpike account create ana --generate --plan daily --max-devices 2",
            "turnpike account create room12 --plan week --paid --one-more take_over",
        ],
    ),
    (&["account", "list"], &["turnpike account list -q ana"]),
    (&["account", "show"], &["turnpike account show ana"]),
    (
        &["account", "set"],
        &[
            "turnpike account set ana --expires-at 2026-12-31T18:00:00Z",
            "turnpike account set ana --plan daily --plan extra --max-devices 3",
        ],
    ),
    (&["account", "password"], &["turnpike account password ana --generate"]),
    (&["account", "attach"], &["turnpike account attach ana extra --paid"]),
    (&["account", "disable"], &["turnpike account disable ana"]),
    (&["account", "enable"], &["turnpike account enable ana"]),
    (&["account", "delete"], &["turnpike account delete ana"]),
    (&["account", "logout"], &["turnpike account logout ana", "turnpike account logout ana 10.0.0.7"]),
    (&["admin", "list"], &["turnpike admin list"]),
    (
        &["admin", "create"],
        &[
            "turnpike admin create ana --permission admin",
            "turnpike admin create till --permission manage_vouchers view_session modify_session --generate",
        ],
    ),
    (
        &["admin", "set"],
        &[
            "turnpike admin set ana --no-totp",
            "turnpike admin set till --disable",
            "turnpike admin set till --permission manage_vouchers",
        ],
    ),
    (&["admin", "password"], &["turnpike admin password ana --generate"]),
    (&["admin", "delete"], &["turnpike admin delete till"]),
    (&["admin", "setup-code"], &["turnpike admin setup-code"]),
    (&["plan", "list"], &["turnpike plan list"]),
    (&["plan", "show"], &["turnpike plan show hour"]),
    (&["plan", "set"], &["turnpike plan set hour --price 3", "turnpike plan set hour --on-sale=false"]),
    (&["plan", "delete"], &["turnpike plan delete hour"]),
    (
        &["voucher", "create"],
        &[
            "turnpike voucher create --count 20 --kind time --time-secs 3600 --name spring",
            "turnpike voucher create --count 50 --plan day --max-devices 3 --when-full take_over",
        ],
    ),
    (&["voucher", "show"], &["turnpike voucher show abcde-fghjk"]),
    (
        &["voucher", "sell"],
        &["turnpike voucher sell --plan hour", "turnpike voucher sell --batch 3 --note 'table 4'"],
    ),
    (&["voucher", "batches"], &["turnpike voucher batches --plan hour"]),
    (
        &["voucher", "sheet"],
        &["turnpike voucher sheet 3 --format a4 --portal http://10.0.0.1:2050 > sheet.html"],
    ),
    (&["voucher", "import"], &["turnpike voucher import codes.csv --plan hour --name printed"]),
    (&["voucher", "export"], &["turnpike voucher export 3 > codes.csv"]),
    (&["sale", "list"], &["turnpike sale list --from 2026-01-31", "turnpike sale list --csv > till.csv"]),
    (&["sale", "report"], &["turnpike sale report --from 2026-01-01 --to 2026-01-31 --by day,plan"]),
    (&["sale", "refund"], &["turnpike sale refund 01a1fcb0-2403-7573-9210-5f1275644bbd --note 'no signal'"]),
    (
        &["topup"],
        &["turnpike topup 10.0.0.7 --plan hour", "turnpike topup 10.0.0.7 --add-time-secs 1800 --price 1"],
    ),
    (&["voucher", "list"], &["turnpike voucher list --batch 3 --status unsold"]),
    (&["voucher", "revoke"], &["turnpike voucher revoke ABCDE-FGHJK", "turnpike voucher revoke --batch 3"]),
    (&["voucher", "redeem"], &["turnpike voucher redeem ABCDE-FGHJK 10.0.0.7"]),
    (
        &["credit", "list"],
        &["turnpike credit list --unclaimed", "turnpike credit list --source coinslot/1 --device 10.0.0.7"],
    ),
    (&["credit", "claim"], &["turnpike credit claim 17 10.0.0.7"]),
    (&["credit", "return"], &["turnpike credit return 17"]),
    (&["messages"], &["turnpike messages --device 10.0.0.7"]),
    (
        &["audit"],
        &["turnpike audit --action session. --since 2026-01-31T18:00:00Z", "turnpike audit --actor root"],
    ),
    (&["lock", "acquire"], &["turnpike lock acquire coinslot/1 10.0.0.7 --scope connection --wait 30"]),
    (&["lock", "release"], &["turnpike lock release coinslot/1"]),
    (&["lock", "list"], &["turnpike lock list"]),
    (
        &["hook", "create"],
        &[
            "turnpike hook create --name till --url https://till.example.com/turnpike --kind open close",
            "turnpike hook create --name sms --url http://192.0.2.7:8080/ --filter '$Zone is \"guests\"' --properties '$Mac,$State'",
        ],
    ),
    (&["hook", "list"], &["turnpike hook list"]),
    (&["hook", "test"], &["turnpike hook test 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (&["hook", "disable"], &["turnpike hook disable 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (&["hook", "enable"], &["turnpike hook enable 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (&["hook", "delete"], &["turnpike hook delete 01a1fcb0-2403-7573-9210-5f1275644bbd"]),
    (
        &["token", "create"],
        &[
            "turnpike token create --name desk --permission view_session modify_session",
            "turnpike token create --name slot --permission acquire_lock:coinslot",
        ],
    ),
    (&["token", "list"], &["turnpike token list"]),
    (&["token", "revoke"], &["turnpike token revoke 3"]),
    (&["completions"], &["turnpike completions bash > /etc/bash_completion.d/turnpike"]),
    (&["man"], &["turnpike man | man -l -", "turnpike man --dir /usr/local/share/man/man1"]),
];

/// The whole command line, its help with examples.
pub fn command() -> clap::Command {
    EXAMPLES.iter().fold(Cli::command(), |command, (path, lines)| with_examples(command, path, lines))
}

fn with_examples(command: clap::Command, path: &[&str], lines: &[&str]) -> clap::Command {
    match path {
        [] => command.after_help(format!("Examples:\n  {}", lines.join("\n  "))),
        // A build without some features has not all of them.
        [name, ..] if command.find_subcommand(name).is_none() => command,
        [name, rest @ ..] => command.mut_subcommand(name, |command| with_examples(command, rest, lines)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of all commands that have none below them.
    fn leaves(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands() {
            let path: Vec<String> = path.iter().cloned().chain([below.get_name().to_owned()]).collect();
            if below.has_subcommands() {
                leaves(below, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    /// The words of a line, as a shell reads single quotes; what comes after a pipe or `>` is not ours.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for character in line.chars() {
            match character {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                other => words.last_mut().unwrap().push(other),
            }
        }
        let ours = words.into_iter().skip_while(|word| word != "turnpike");
        ours.take_while(|word| word != "|" && word != ">").collect()
    }

    #[test]
    fn every_command_has_an_example_and_there_is_none_of_another() {
        let mut found = Vec::new();
        leaves(&Cli::command(), &[], &mut found);
        let mut shown: Vec<Vec<String>> =
            EXAMPLES.iter().map(|(path, _)| path.iter().map(|name| (*name).to_owned()).collect()).collect();
        found.sort();
        shown.sort();
        assert_eq!(found, shown);
    }

    #[test]
    fn every_example_is_a_command_that_can_be_given() {
        for (path, lines) in EXAMPLES {
            assert!(!lines.is_empty(), "{path:?}");
            for line in *lines {
                let words = words(line);
                assert_eq!(words.get(1..=path.len()).unwrap(), *path, "{line}");
                let read = command().try_get_matches_from(&words);
                assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
            }
        }
    }
}
