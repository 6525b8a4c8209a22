//! The configuration file: every default, every mistake with its line and key.

use std::path::Path;

use turnpike::config::{Config, ConfigError};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("turnpike.toml"))
}

/// The mistakes as `line key`.
fn mistakes(text: &str) -> Vec<String> {
    let error = parse(text).expect_err("has mistakes");
    error
        .mistakes
        .iter()
        .map(|mistake| format!("{} {}", mistake.line.map_or(0, |line| line), mistake.key))
        .collect()
}

/// A zone in two lines, and what follows from line 4 on.
fn zone(rest: &str) -> String {
    format!("[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n{rest}")
}

#[test]
fn the_shortest_file_has_every_default() {
    let config = parse(&zone("")).unwrap();
    assert!(config.network.wan.is_empty());
    assert_eq!(config.network.lease_files.len(), 3);
    assert_eq!(config.network.mark_mask, 0xff00_00ff);
    let [zone] = config.zones.as_slice() else { panic!("one zone") };
    assert_eq!(zone.name.as_str(), "guests");
    assert_eq!(zone.lan, ["br-lan"]);
    assert_eq!(zone.portal.to_string(), "[::]:2050");
    assert_eq!((zone.down, zone.up, zone.client_down, zone.client_up), (None, None, None, None));
    assert_eq!((zone.idle_timeout_secs, zone.away_pause_secs), (None, Some(60)));
    assert!(!zone.auto_connect && !zone.isolate && !zone.inbound);
    assert!(zone.garden_domains.is_empty() && zone.garden_addresses.is_empty() && zone.trusted.is_empty());
    assert!(!config.gateway.name.is_empty(), "the host name");
    assert_eq!((config.gateway.latitude, config.gateway.longitude), (None, None));
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:2051");
    assert_eq!(config.control.socket, Path::new("/run/turnpike/control.sock"));
    assert_eq!(config.store.path, Path::new("/var/lib/turnpike/turnpike.db"));
    assert_eq!(config.store.flush_secs, 60);
    assert_eq!(config.audit.keep_days, 365);
    assert!(config.roles.is_empty() && config.metrics.is_empty());
    assert!(config.warnings.is_empty());
}

#[test]
fn the_documented_example_says_what_the_defaults_are() {
    let example = include_str!("../../docs/turnpike.toml");
    assert_eq!(parse(example).unwrap(), parse(&zone("")).unwrap());
    // Every key that can be written is in it: without its line, it parses to the same.
    for key in [
        "wan",
        "mark_mask",
        "portal",
        "down_mbps",
        "up_mbps",
        "client_down_mbps",
        "client_up_mbps",
        "idle_timeout_secs",
        "away_pause_secs",
        "auto_connect",
        "garden_domains",
        "garden_addresses",
        "trusted",
        "trusted_ports",
        "isolate",
        "inbound",
        "country",
        "latitude",
        "longitude",
        "listen",
        "socket",
        "path",
        "flush_secs",
        "keep_days",
    ] {
        assert!(example.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
    }
}

#[test]
fn what_the_example_leaves_out_can_be_taken_in() {
    let example = include_str!("../../docs/turnpike.toml");
    let whole: String = example
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with('[')
                    || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = parse(&whole).unwrap();
    assert!(config.roles["vip"].unmetered);
    assert_eq!(config.roles["vip"].idle_timeout_secs, Some(None));
    assert_eq!(config.site.currency.code(), "EUR");
    assert_eq!(config.authenticators.order, ["school-register"]);
    assert_eq!(config.zones[0].providers.as_ref().unwrap().len(), 3);
    assert_eq!(config.metrics[0].group_by.as_deref(), Some("$Zone"));
    assert_eq!(config.coin_slots[0].slot.rates.rows().len(), 2);
}

#[test]
fn every_mistake_of_a_coin_slot_is_named() {
    let slot = |lines: &str| format!("{}[[coinslot]]\nname = \"1\"\n{lines}\n", zone(""));
    let rates = "rates = [{ amount = \"5\", time_secs = 3600 }]";
    let pipe = format!("pipe = \"/run/coins\"\n{rates}");
    let config = parse(&slot(&pipe)).unwrap();
    // Unless the file says otherwise, a pulse is one unit of the currency.
    assert_eq!(config.coin_slots[0].slot.pulses.worth(2).amount.0, 200);
    assert_eq!((config.coin_slots[0].window_secs, config.coin_slots[0].debounce_ms), (60, 10));
    for (lines, key) in [
        (rates.to_owned(), "coinslot.name: needs either"),
        (format!("gpio_chip = \"/dev/gpiochip0\"\n{rates}"), "coinslot.name: needs either"),
        (format!("{pipe}\nactive_low = true"), "coinslot.pipe: active_low"),
        (format!("{pipe}\npulses = [[1]]"), "coinslot.pulses: must be rows"),
        (format!("{pipe}\npulses = [[1, \"0\"]]"), "coinslot.pulses: must be an amount above 0"),
        (format!("{pipe}\npulses = [[1, 0.5]]"), "coinslot.pulses: expected an amount in quotes"),
        (format!("{pipe}\npulses = [[1, \"1\"], [1, \"2\"]]"), "coinslot.pulses: there are two rows"),
        (format!("{pipe}\ndebounce_ms = 500"), "coinslot.train_gap_ms: must be above debounce_ms (500)"),
        (format!("{pipe}\nwindow_secs = 1"), "coinslot.window_secs: must be between 5 and 3600"),
        (format!("{pipe}\nbias = \"up\""), "coinslot.bias: must be"),
        ("pipe = \"/run/coins\"\nrates = [{ amount = \"5\" }]".to_owned(), "coinslot.rates.amount: must buy"),
        ("pipe = \"/run/coins\"\nrates = []".to_owned(), "coinslot.rates: must have between 1 and"),
        ("pipe = \"/run/coins\"".to_owned(), "coinslot.rates: must have between 1 and"),
        (
            "pipe = \"/run/coins\"\nrates = [{ time_secs = 5 }]".to_owned(),
            "coinslot.rates.amount: is missing",
        ),
        (format!("{pipe}\ncolour = 1"), "coinslot.colour: unknown key"),
    ] {
        let error = parse(&slot(&lines)).unwrap_err().to_string();
        assert!(error.contains(key), "{lines}\n{error}");
    }
    let name = slot(&pipe).replace("name = \"1\"", "name = \"A/B\"");
    assert!(parse(&name).unwrap_err().to_string().contains("coinslot.name: must be 1 to 32"));
    let two = format!("{}{}", slot(&pipe), slot(&pipe).replace(&zone(""), ""));
    let error = parse(&two).unwrap_err().to_string();
    assert!(
        error.contains("two coin slots named 1") && error.contains("two coin slots at /run/coins"),
        "{error}"
    );
}

#[test]
fn every_key_is_read() {
    let config = parse(
        r#"
network = { wan = ["wan", "wwan0"], mark_mask = 0x00ff00ff, lease_files = ["/srv/leases"] }
[[zone]]
name = "cafe-1"
lan = ["br-lan", "wlan0.7"]
portal = "192.0.2.1:80"
down_mbps = 100
up_mbps = 12.5
client_down_mbps = 5.5
client_up_mbps = 1
idle_timeout_secs = 900
away_pause_secs = 0
auto_connect = true
garden_domains = ["Example.COM.", "xn--bcher-kva.example"]
garden_addresses = ["192.0.2.77/24", "2001:db8::1"]
trusted = ["02-00-5E-00-53-01"]
trusted_ports = [443, 22]
isolate = true
inbound = true
[gateway]
name = "Café"
country = "de"
latitude = 52
longitude = -13.4
[admin]
listen = "[::1]:9000"
[control]
socket = "/tmp/t.sock"
[store]
path = "/data/t.db"
flush_secs = 3600
[audit]
keep_days = 30
[roles.vip]
down_mbps = 20.5
up_mbps = 0
idle_timeout_secs = 0
unmetered = true
[roles."night staff"]
idle_timeout_secs = 7200
[[metric]]
name = "low_data_2"
filter = '$DataLeft lt "10"'
group_by = "$Zone"
[[metric]]
name = "sessions"
"#,
    )
    .unwrap();
    let zone = &config.zones[0];
    assert_eq!(config.network.wan, ["wan", "wwan0"]);
    assert_eq!(config.network.lease_files, [std::path::Path::new("/srv/leases")]);
    assert_eq!(config.network.mark_mask, 0x00ff_00ff);
    assert_eq!(zone.up.unwrap().bits_per_sec(), 12_500_000);
    assert_eq!(zone.client_down.unwrap().as_mbps(), 5.5);
    assert_eq!((zone.idle_timeout_secs, zone.away_pause_secs), (Some(900), None));
    assert_eq!(zone.garden_domains, ["example.com", "xn--bcher-kva.example"]);
    let prefixes: Vec<String> = zone.garden_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["192.0.2.0/24", "2001:db8::1/128"]);
    assert_eq!(zone.trusted.first().unwrap().to_string(), "02:00:5e:00:53:01");
    assert_eq!(zone.trusted_ports, [22, 443].into());
    assert_eq!(config.gateway.country.as_str(), "DE");
    assert_eq!((config.gateway.latitude, config.gateway.longitude), (Some(52.0), Some(-13.4)));
    assert_eq!(config.store.flush_secs, 3600);
    assert_eq!(config.audit.keep_days, 30);
    let vip = &config.roles["vip"];
    assert_eq!(vip.down.unwrap().unwrap().bits_per_sec(), 20_500_000);
    assert_eq!((vip.up, vip.idle_timeout_secs, vip.unmetered), (Some(None), Some(None), true));
    let staff = &config.roles["night staff"];
    assert_eq!((staff.down, staff.idle_timeout_secs, staff.unmetered), (None, Some(Some(7200)), false));
    let [low, all] = config.metrics.as_slice() else { panic!("two metrics") };
    assert_eq!((low.name.as_str(), low.group_by.as_deref()), ("low_data_2", Some("$Zone")));
    assert_eq!(
        (low.filter.to_string(), all.filter.to_string()),
        ("$DataLeft lt \"10\"".into(), "all".into())
    );
    assert_eq!(all.group_by, None);
}

#[test]
fn three_mistakes_are_three_lines_with_place_and_key() {
    let error = parse(&zone("down_mpbs = 5\nup_mbps = \"fast\"\n[store]\nflush_secs = 0\n")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "turnpike.toml:4:1: zone.down_mpbs: unknown key; did you mean down_mbps?\n\
         turnpike.toml:5:11: zone.up_mbps: expected a number, found a string\n\
         turnpike.toml:7:14: store.flush_secs: must be between 1 and 3600 seconds"
    );
}

#[test]
fn broken_lines_are_reported_with_the_rest() {
    let text = zone("down_mbps = = 5\nup_mpbs = 5\n[store]\nflush_secs = 0\npath = \"unclosed\n");
    let lines: Vec<Option<usize>> =
        parse(&text).unwrap_err().mistakes.iter().map(|found| found.line).collect();
    for line in [4, 5, 7, 8] {
        assert!(lines.contains(&Some(line)), "line {line} in {lines:?}");
    }
    assert_eq!(mistakes("[[zone\n").first().map(String::as_str), Some("1 "));
}

#[test]
fn the_same_key_twice_is_a_mistake() {
    assert_eq!(parse(&zone("isolate = true\nisolate = false\n")).unwrap_err().mistakes[0].line, Some(5));
}

#[test]
fn a_file_needs_a_zone_and_a_zone_its_name_and_devices() {
    assert_eq!(mistakes(""), ["0 zone"]);
    assert_eq!(mistakes("zone = []"), ["0 zone"]);
    assert_eq!(mistakes("[[zone]]\n"), ["1 zone.name", "1 zone.lan"]);
    assert_eq!(mistakes("[zone]\nname = \"a\"\n"), ["1 zone"]);
    assert_eq!(mistakes("[[zone]]\nname = \"a\"\nlan = []\n"), ["3 zone.lan"]);
    assert_eq!(mistakes("[[zone]]\nname = \"a\"\nlan = \"br-lan\"\n"), ["3 zone.lan"]);
}

#[rstest::rstest]
#[case("portal = \"2050\"", "zone.portal")]
#[case("portal = \"[::]:0\"", "zone.portal")]
#[case("portal = \"[ff02::1]:80\"", "zone.portal")]
#[case("down_mbps = -1", "zone.down_mbps")]
#[case("down_mbps = nan", "zone.down_mbps")]
#[case("up_mbps = inf", "zone.up_mbps")]
#[case("client_down_mbps = 1e12", "zone.client_down_mbps")]
#[case("client_up_mbps = true", "zone.client_up_mbps")]
#[case("idle_timeout_secs = -1", "zone.idle_timeout_secs")]
#[case("away_pause_secs = 1.5", "zone.away_pause_secs")]
#[case("away_pause_secs = 99999999999999999999999", "zone.away_pause_secs")]
#[case("auto_connect = 1", "zone.auto_connect")]
#[case("isolate = \"yes\"", "zone.isolate")]
#[case("garden_domains = [\"*.example.com\"]", "zone.garden_domains")]
#[case("garden_domains = [\"bücher.example\"]", "zone.garden_domains")]
#[case("garden_domains = [\"a b\"]", "zone.garden_domains")]
#[case("garden_domains = [\"x/inet#evil\"]", "zone.garden_domains")]
#[case("garden_domains = [\"192.0.2.1\"]", "zone.garden_domains")]
#[case("garden_addresses = [\"192.0.2.0/33\"]", "zone.garden_addresses")]
#[case("garden_addresses = [7]", "zone.garden_addresses")]
#[case("trusted = [\"ff:ff:ff:ff:ff:ff\"]", "zone.trusted")]
#[case("trusted = [\"phone\"]", "zone.trusted")]
#[case("trusted_ports = [0]", "zone.trusted_ports")]
#[case("trusted_ports = [65536]", "zone.trusted_ports")]
#[case("trusted_ports = [\"ssh\"]", "zone.trusted_ports")]
#[case("trusted_ports = [2051]", "zone.trusted_ports")]
#[case("lan2 = []", "zone.lan2")]
#[case("[network]\nwan = [\"a/b\"]", "network.wan")]
#[case("[network]\nlease_files = [\"leases\"]", "network.lease_files")]
#[case("[network]\nwan = [\"sixteen-letters-\"]", "network.wan")]
#[case("[network]\nwan = [\"a b\"]", "network.wan")]
#[case("[network]\nwan = [\"br-lan\"]", "zone.lan")]
#[case("[network]\nwan = [\"w\", \"w\"]", "network.wan")]
#[case("[network]\nmark_mask = 0", "network.mark_mask")]
#[case("[network]\nmark_mask = 0x1ffffffff", "network.mark_mask")]
#[case("[gateway]\nname = \"a\\nb\"", "gateway.name")]
#[case("[gateway]\ncountry = \"Germany\"", "gateway.country")]
#[case("[gateway]\nlatitude = 90.1", "gateway.latitude")]
#[case("[gateway]\nlongitude = -181", "gateway.longitude")]
#[case("[admin]\nlisten = \"localhost:1\"", "admin.listen")]
#[case("[admin]\nlisten = \"127.0.0.1:2050\"", "admin.listen")]
#[case("[admin]\nidle_sign_out_secs = 59", "admin.idle_sign_out_secs")]
#[case("[admin]\nsign_out_secs = 604801", "admin.sign_out_secs")]
#[case("[control]\nsocket = \"control.sock\"", "control.socket")]
#[case("[store]\npath = \"/a/../b\"", "store.path")]
#[case("[store]\nflush_secs = 3601", "store.flush_secs")]
#[case("[rolls.vip]\n", "rolls")]
#[case("providers = [\"a b\"]", "zone.providers")]
#[case("providers = [\"voucher\", \"voucher\"]", "zone.providers")]
#[case("[site]\ncurrency = \"euro\"", "site.currency")]
#[case("[site]\ncurrency = 7", "site.currency")]
#[case("[authenticators]\norder = [\"A\"]", "authenticators.order")]
#[case("[authenticators]\non_silence = \"allow\"", "authenticators.on_silence")]
#[case("[authenticators]\ndeadline_secs = 0", "authenticators.deadline_secs")]
#[case("[audit]\nkeep_days = 0", "audit.keep_days")]
#[case("[audit]\nkeep_days = 3651", "audit.keep_days")]
#[case("[roles]\nvip = 1", "roles.vip")]
#[case("[roles.vip]\ndown_mbps = -1", "roles.vip.down_mbps")]
#[case("[roles.vip]\ndown_mbsp = 1", "roles.vip.down_mbsp")]
#[case("[roles.\"night staff\"]\nup_mbps = \"fast\"", "roles.\"night staff\".up_mbps")]
#[case("[roles.vip]\nidle_timeout_secs = -1", "roles.vip.idle_timeout_secs")]
#[case("[roles.vip]\nunmetered = 1", "roles.vip.unmetered")]
#[case("[roles.\"\"]", "roles.\"\"")]
#[case("[roles.\"a\\tb\"]", "roles.\"a\\tb\"")]
#[case("[metric]\nname = \"a\"", "metric")]
#[case("[[metric]]", "metric.name")]
#[case("[[metric]]\nname = \"\"", "metric.name")]
#[case("[[metric]]\nname = \"LowData\"", "metric.name")]
#[case("[[metric]]\nname = \"1st\"", "metric.name")]
#[case("[[metric]]\nname = \"a\"\n[[metric]]\nname = \"a\"", "metric.name")]
#[case("[[metric]]\nname = \"a\"\nfilter = 7", "metric.filter")]
#[case("[[metric]]\nname = \"a\"\nfilter = \"\"", "metric.filter")]
#[case("[[metric]]\nname = \"a\"\nfilter = '$Zone is'", "metric.filter")]
#[case("[[metric]]\nname = \"a\"\ngroup_by = \"a b\"", "metric.group_by")]
#[case("[[metric]]\nname = \"a\"\ngroup_by = \"(a)\"", "metric.group_by")]
#[case("[[metric]]\nname = \"a\"\ngroup_by = \"\"", "metric.group_by")]
#[case("[[metric]]\nname = \"a\"\ngroup_by = \"$Zoen\"", "metric.group_by")]
#[case("[[metric]]\nname = \"a\"\nby = \"$Zone\"", "metric.by")]
fn an_impossible_value_is_one_mistake_by_key(#[case] rest: &str, #[case] key: &str) {
    let error = parse(&zone(&format!("{rest}\n"))).expect_err(rest);
    let keys: Vec<&str> = error.mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, [key], "{error}");
    assert!(error.mistakes[0].line.is_some_and(|line| line >= 3), "{error}");
}

#[test]
fn zones_share_no_name_device_or_portal() {
    let second = "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n";
    assert_eq!(mistakes(&zone(second)), ["4 zone.portal", "5 zone.name", "6 zone.lan"]);
    let apart = "[[zone]]\nname = \"staff\"\nlan = [\"br-staff\"]\nportal = \"[::]:2052\"\n";
    assert_eq!(parse(&zone(apart)).unwrap().zones.len(), 2);
    let by_address =
        "portal = \"192.0.2.1:80\"\n[[zone]]\nname = \"b\"\nlan = [\"b\"]\nportal = \"192.0.2.2:80\"\n";
    assert_eq!(parse(&zone(by_address)).unwrap().zones.len(), 2);
    let dual = "portal = \"192.0.2.1:80\"\n[[zone]]\nname = \"b\"\nlan = [\"b\"]\nportal = \"[::]:80\"\n";
    assert_eq!(mistakes(&zone(dual)), ["8 zone.portal"]);
}

#[test]
fn a_wrong_filter_is_reported_with_its_column() {
    let error = parse(&zone("[[metric]]\nname = \"a\"\nfilter = '$Zone is guests'\n")).unwrap_err();
    assert!(
        error.to_string().starts_with("turnpike.toml:6:10: metric.filter: expected")
            && error.to_string().ends_with("at column 10"),
        "{error}"
    );
}

#[test]
fn roles_and_metrics_are_bounded() {
    let roles = |count: usize| (0..count).map(|number| format!("[roles.r{number}]\n")).collect::<String>();
    assert_eq!(parse(&zone(&roles(256))).unwrap().roles.len(), 256);
    assert_eq!(mistakes(&zone(&roles(257))), ["260 roles"]);
    let metrics = |count: usize| {
        (0..count).map(|number| format!("[[metric]]\nname = \"m{number}\"\n")).collect::<String>()
    };
    assert_eq!(parse(&zone(&metrics(32))).unwrap().metrics.len(), 32);
    assert_eq!(mistakes(&zone(&metrics(33))), ["68 metric"]);
    let named = |length: usize| parse(&zone(&format!("[roles.\"{}\"]\n", "é".repeat(length))));
    assert!(named(64).is_ok() && named(65).is_err());
}

#[test]
fn doubtful_values_are_warned_of() {
    let text = "down_mbps = 1\nclient_down_mbps = 5\ngarden_addresses = [\"0.0.0.0/0\"]\n[network]\nmark_mask = 0xf\n";
    let keys: Vec<String> =
        parse(&zone(text)).unwrap().warnings.into_iter().map(|warning| warning.key).collect();
    for key in ["zone.client_down_mbps", "zone.garden_addresses", "network.mark_mask"] {
        assert!(keys.iter().any(|found| found == key), "{key} in {keys:?}");
    }
}

#[test]
fn a_hostile_file_is_refused_in_words_that_print() {
    let error = parse(&zone("\"\\u001b[2J\" = 1\n")).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&format!("a = {}", "[".repeat(100_000))).is_err());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("/nonexistent/turnpike.toml")).unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/turnpike.toml: cannot be read"), "{error}");
}
