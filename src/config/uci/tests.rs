use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::keys::{Kind, Sort, TABLES};
use super::*;

fn said(text: &str) -> FromUci {
    FromUci::parse(text.as_bytes(), Path::new("turnpike")).unwrap_or_else(|error| panic!("{error}"))
}

/// The mistakes, a line each, without the name of the file.
fn mistakes(text: &str) -> Vec<String> {
    let error = FromUci::parse(text.as_bytes(), Path::new("turnpike")).expect_err(text);
    error.to_string().lines().map(|line| line.strip_prefix("turnpike:").unwrap_or(line).to_owned()).collect()
}

const ZONE: &str = "config zone 'guests'\n\tlist lan 'br-guest'\n";

#[test]
fn options_and_sections_are_each_of_one_meaning() {
    let mut types: BTreeSet<&str> = map::SCRIPT.into();
    let mut tables = TABLES.to_vec();
    for table in TABLES {
        for key in table.keys {
            if let Kind::Tables(inner) = key.kind {
                assert!(
                    table.keys.iter().any(|key| key.name == "name"),
                    "rows name the section they belong to"
                );
                tables.push(inner);
            }
        }
    }
    for table in tables {
        assert!(types.insert(table.uci) && !table.uci.is_empty(), "{}", table.uci);
        let mut options = BTreeMap::new();
        names::names(table, "", &mut options);
        let mut count = 0;
        count_names(table, &mut count);
        assert_eq!(options.len(), count, "two keys of {} are the same option", table.uci);
        for option in options.keys() {
            assert!(option.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{option}");
            assert!(option != write::EMPTY, "{}", table.uci);
            assert!(!(option == map::NAME && matches!(table.sort, Sort::Named(_))), "{}", table.uci);
        }
    }
}

fn count_names(table: &super::super::keys::Table, count: &mut usize) {
    for key in table.keys {
        match key.kind {
            Kind::Table(inner) => count_names(inner, count),
            Kind::Tables(_) => {}
            Kind::Prose => *count += 9,
            Kind::Text
            | Kind::Choice(_)
            | Kind::Integer(..)
            | Kind::Number(..)
            | Kind::Speed
            | Kind::Boolean
            | Kind::Amount
            | Kind::Texts
            | Kind::Ports
            | Kind::Choices(_)
            | Kind::Pulses
            | Kind::Variables => *count += 1,
        }
    }
}

#[test]
fn a_file_becomes_toml_that_names_its_lines() {
    let text = "config turnpike 'main'\n\toption enabled '1'\n\nconfig network\n\tlist wan 'wan'\n\toption mark_mask '0x00ff00ff'\n\n\
                config zone 'guests'\n\tlist lan 'br-a'\n\tlist lan 'br-b'\n\toption down_mbps '12.5'\n\toption isolate 'on'\n\
                \toption theme_light_accent '#0b6b5d'\n\toption theme_welcome 'Hi'\n\toption theme_welcome_es 'Hola'\n\n\
                config role 'vip'\n\toption unmetered 1\n";
    assert_eq!(
        said(text).toml,
        "# Made of turnpike by turnpike from-uci: change that, not this.\n\
         [network] # line 4: config network\n\
         wan = [ # line 5\n  \"wan\", # line 5\n] # line 5\n\
         mark_mask = 0xff00ff # line 6\n\
         [[zone]] # line 8: config zone 'guests'\n\
         name = \"guests\" # line 8\n\
         lan = [ # line 9\n  \"br-a\", # line 9\n  \"br-b\", # line 10\n] # line 9\n\
         down_mbps = 12.5 # line 11\n\
         isolate = true # line 12\n\
         [zone.theme]\n\
         [zone.theme.light]\n\
         accent = \"#0b6b5d\" # line 13\n\
         [zone.theme.welcome]\n\
         all = \"Hi\" # line 14\n\
         es = \"Hola\" # line 15\n\
         [roles.vip] # line 17: config role 'vip'\n\
         unmetered = true # line 18\n"
    );
}

#[test]
fn coins_and_plugins_are_told_in_sections_and_lists() {
    let text = format!(
        "{ZONE}config coinslot\n\toption name 'bar'\n\toption pipe '/run/coins'\n\tlist pulses '1=0.50'\n\tlist pulses '5=2'\n\
         config rate\n\toption coinslot 'bar'\n\toption amount '2'\n\toption time_secs '3600'\n\
         config coinslot 'b2'\n\toption gpio_chip '/dev/gpiochip0'\n\toption gpio_line '4'\n\toption pulses '1=1 2=3'\n\
         config rate\n\toption coinslot 'b2'\n\toption amount '1'\n\toption data_mb '.5'\n\
         config rate\n\toption coinslot 'bar'\n\toption amount '5'\n\toption time_secs '7200'\n\
         config plugin 'one'\n\tlist command '/bin/one'\n\tlist command 'two words'\n\tlist command ''\n\tlist env 'A=1 2'\n\tlist env 'B='\n\
         config plugin 'two'\n\toption command '/bin/two  -v'\n"
    );
    let config = said(&text).config;
    let [bar, b2] = config.coin_slots.as_slice() else { panic!("two slots") };
    assert_eq!((bar.slot.rates.rows().len(), b2.slot.rates.rows().len()), (2, 1));
    assert_eq!(bar.slot.pulses.worth(5).amount.0, 200);
    assert_eq!(b2.slot.pulses.worth(2).amount.0, 300);
    let [one, two] = config.plugins.as_slice() else { panic!("two plugins") };
    assert_eq!(one.command, ["/bin/one", "two words", ""]);
    assert_eq!(one.env, [("A".to_owned(), "1 2".to_owned()), ("B".to_owned(), String::new())].into());
    assert_eq!(
        (two.name.as_str(), two.command.as_slice()),
        ("two", ["/bin/two".to_owned(), "-v".to_owned()].as_slice())
    );
}

#[test]
fn what_is_there_and_empty_is_said_by_a_list() {
    let text = format!(
        "{ZONE}\tlist empty 'providers'\n\tlist empty 'theme_name'\nconfig theme\n\toption name 'Luna'\n"
    );
    let config = said(&text).config;
    assert_eq!(config.zones[0].providers.as_deref(), Some(&[][..]));
    assert_eq!(config.zones[0].theme.theme.name, None);
    // An option without a value is one that is not there, as everywhere on OpenWrt.
    let config = said(&format!("{ZONE}\toption providers ''\n\toption portal ''\n")).config;
    assert_eq!((config.zones[0].providers.as_ref(), config.zones[0].portal.port()), (None, 2050));
    assert_eq!(
        mistakes(&format!("{ZONE}\tlist empty 'isolate'\n\tlist empty 'lan'\n\tlist empty 'lna'\n")),
        [
            "3:13: guests.empty: isolate cannot be empty",
            "4:13: guests.empty: lan is not empty: it is given, too",
            "5:13: guests.empty: there is no option lna",
        ]
    );
}

#[test]
fn names_come_from_the_section_or_its_option() {
    let config = said(&format!(
        "{ZONE}\toption name 'g-1'\nconfig role\n\toption name 'night staff'\nconfig role 'vip'\n"
    ))
    .config;
    assert_eq!(config.zones[0].name.as_str(), "g-1");
    assert_eq!(config.roles.keys().collect::<Vec<_>>(), ["night staff", "vip"]);
    assert_eq!(
        mistakes(
            "config zone\n\tlist lan a\nconfig role\nconfig role 'vip'\nconfig role\n\toption name 'vip'\n"
        ),
        [
            "1:1: @zone[0].name: needs a name, as in: config zone 'NAME', or option name",
            "3:1: @role[0]: needs a name, as in: config role 'vip'",
            "5:1: @role[2]: there is one of this name already, in line 4: vip",
        ]
    );
}

#[test]
fn every_mistake_is_told_at_once_by_its_line() {
    let text = "config zone 'guests'\n\toption name 'guests'\n\toption down_mbps 'fast'\n\toption dwon_mbps '5'\n\toption isolate 'maybe'\n\
                \tlist portal '[::]:2050'\n\toption portal_tls '[::]'\n\tlist garden_domains 'example.com'\n\tlist garden_domains '*.example.com'\n\
                config zones\n\toption name 'x'\nconfig store\n\toption flush_secs '0'\nconfig store\nconfig globals\n\toption enable '1'\n\
                config coinslot '1'\n\toption gpio_line 'x'\n\tlist rates '5'\nconfig rate\n\toption coinslot '2'\n\toption amount '5'\n";
    assert_eq!(
        mistakes(text),
        [
            "1:1: guests.lan: is missing, as in: list lan 'br-lan'",
            "3:19: guests.down_mbps: must be a number, not 'fast'",
            "4:19: guests.dwon_mbps: unknown option; did you mean down_mbps?",
            "5:17: guests.isolate: must be 1 or 0, not 'maybe'",
            "6:14: guests.portal: takes one value: write option, not list",
            "7:20: guests.portal_tls: must be an address and a port, as in \"[::]:2050\" or \"192.0.2.1:2050\"",
            "9:22: guests.garden_domains: subdomains are included already: write it without the leading *. or dot",
            "10:1: @zones[0]: unknown type zones; did you mean zone?",
            "13:20: @store[0].flush_secs: must be between 1 and 3600 seconds",
            "14:1: @store[1]: there is one config store already, in line 12",
            "16:16: @globals[0].enable: unknown option; this section has enabled only",
            "17:1: 1.rates: needs at least one section of its own: config rate with option coinslot '1'",
            "17:1: 1.name: needs either gpio_chip and gpio_line, or pipe: where the pulses come from",
            "18:19: 1.gpio_line: must be a whole number, not 'x'",
            "19:13: 1.rates: unknown option; write a section config rate for each",
            "21:18: @rate[0].coinslot: there is no config coinslot of the name 2",
        ]
    );
    assert_eq!(mistakes(""), [" there must be at least one config zone, with name and lan"]);
}

#[test]
fn what_the_checks_of_the_whole_find_is_led_back() {
    let two = format!(
        "{ZONE}\nconfig zone\n\toption name 'b'\n\tlist lan 'x'\n\tlist lan 'br-guest'\n\toption client_down_mbps 5\n"
    );
    assert_eq!(
        mistakes(&two),
        [
            "4:1: @zone[1].portal: [::]:2050 is taken by the portal of zone guests",
            "7:11: @zone[1].lan: br-guest is in zone guests already",
        ]
    );
    let text = format!(
        "{ZONE}\toption theme_terms_required '1'\n\toption theme_light_text '#ffffff'\nconfig store\n\toption path '/run/turnpike/control.sock'\n"
    );
    let found = mistakes(&text);
    assert!(found[0].starts_with("3:30: guests.theme_terms_required: there are no terms"), "{found:?}");
    assert!(found[1].starts_with("4:26: guests.theme_light_text: text of #ffffff"), "{found:?}");
    assert_eq!(found[2], " store.path: is the same file as control.socket");
    let doubtful =
        said(&format!("{ZONE}\toption down_mbps 1\n\toption down_mbps 2\n\toption client_down_mbps 5\n"));
    let warnings: Vec<String> = doubtful.config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "3:19: guests.down_mbps: is said again in line 4, which holds",
            "5:26: guests.client_down_mbps: is above the whole zone's down_mbps, which holds",
        ]
    );
}

#[test]
fn hostile_files_are_refused_in_bounds() {
    assert_eq!(mistakes(&"x".repeat(1_000_001)), [" has more than 1000000 bytes: not a configuration file"]);
    let wrong = |bytes: &[u8]| FromUci::parse(bytes, Path::new("turnpike")).unwrap_err().to_string();
    assert_eq!(wrong(b"config zone\n\toption a '\xff'\n"), "turnpike:2:1: is not UTF-8");
    assert_eq!(wrong(b"config\n\0"), "turnpike:2:1: has a zero byte: not a configuration file");
    let many = mistakes(&"config zoen\n".repeat(9_000));
    assert_eq!(many.len(), 101);
    assert_eq!(many.last().map(String::as_str), Some(" and 8901 more mistakes"));
    // Rows that many sections could claim are told once.
    let claimed =
        "config coinslot\noption name a\n".repeat(2_000) + &"config rate\noption coinslot a\n".repeat(2_000);
    assert_eq!(mistakes(&claimed).len(), 101);
    let items = format!("config zone a\n{}", "list lan a/b\n".repeat(9_000));
    assert_eq!(mistakes(&items).len(), 101);
    for escape in [
        "config \u{1b}[2J\n",
        "config zone\noption \u{1b}[2J 1\n",
        "config zone\noption isolate '\u{1b}[2J'\n",
        "\u{1b}[2J\n",
    ] {
        assert!(!mistakes(escape).concat().contains('\u{1b}'), "{escape:?}");
    }
}
