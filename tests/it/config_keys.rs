//! The table of keys as people read it: the reference and the files that have every key are what the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use turnpike::config::{Config, FromUci, reference};

/// With this variable set the files are written anew.
const WRITE: &str = "TURNPIKE_WRITE_DOCS";

fn printed(options: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_turnpike")).arg("config-reference").args(options).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn assert_is_the_file(text: &str, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let line = (1..)
        .zip(kept.lines().chain([""]).zip(text.lines().chain([""])))
        .find(|(_, (kept, new))| kept != new);
    assert!(
        kept == text,
        "{name} is not what the table of keys says, from line {:?} on. To write it anew: {WRITE}=1 cargo test --test it config_keys",
        line.map(|(number, _)| number)
    );
}

#[test]
fn the_documented_files_are_what_is_printed() {
    for (options, name, text) in [
        (&[][..], "docs/configuration.md", reference::markdown()),
        (&["--toml"], "docs/turnpike.toml", reference::toml_file()),
        (&["--uci"], "openwrt/files/turnpike.config", reference::uci_file()),
    ] {
        assert_eq!(printed(options), text);
        assert_is_the_file(&text, name);
    }
}

#[test]
fn the_reference_has_a_heading_for_every_link() {
    let text = reference::markdown();
    let anchor = |heading: &str| -> String {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter));
        kept.collect::<String>().to_lowercase()
    };
    let headings: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    let links: Vec<&str> = text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(headings.len() > 15 && links.len() >= headings.len(), "{headings:?}");
    for link in links {
        assert_eq!(headings.iter().filter(|heading| *heading == link).count(), 1, "{link}");
    }
    for name in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        let is_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name).is_file();
        assert!(name.starts_with('#') || is_file, "{name}");
    }
    // Every row of every table has as many cells as its head.
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!(cells == 5 || line.starts_with("| [`"), "{line}");
    }
}

/// The lines that are commented out, taken in.
fn taken_in(text: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let line = |line: &str| {
        let bare = line.trim_start_matches('\t');
        match bare.strip_prefix("# ") {
            Some(rest) if is_meant(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

#[test]
fn toml_and_openwrt_file_say_the_same_when_everything_in_them_holds() {
    let toml = taken_in(&reference::toml_file(), |rest| {
        rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    });
    let uci = taken_in(&reference::uci_file(), |rest| {
        ["config ", "option ", "list "].iter().any(|word| rest.starts_with(word)) && rest.contains('\'')
            || ["config metric", "config coinslot", "config plugin", "config rate"].contains(&rest)
    });
    let mut toml = Config::parse(&toml, Path::new("turnpike.toml")).unwrap();
    let mut uci = FromUci::parse(uci.as_bytes(), Path::new("turnpike"))
        .unwrap_or_else(|error| panic!("{error}\n{uci}"))
        .config;
    toml.warnings.clear();
    uci.warnings.clear();
    // What differs: OpenWrt's file gives examples where the other has defaults, and a first zone of its own.
    assert_eq!(toml.coin_slots[0].input, uci.coin_slots[0].input);
    assert_eq!(toml.plugins, uci.plugins);
    assert_eq!((&toml.roles, &toml.metrics), (&uci.roles, &uci.metrics));
    assert_eq!(toml.zones[0].theme.theme.light, uci.zones[0].theme.theme.light);
    assert_eq!(toml.zones[0].theme.theme.footer, uci.zones[0].theme.theme.footer);
    assert_eq!(uci.zones[0].lan, ["br-guest"], "never the router's own network");
    assert!(uci.store.path.starts_with("/etc"), "money lies on flash");
}

#[test]
fn the_packaged_file_can_be_used_as_it_is() {
    let said = FromUci::parse(reference::uci_file().as_bytes(), Path::new("turnpike")).unwrap();
    assert_eq!(said.config.zones.len(), 1);
    assert!(said.config.warnings.is_empty() && said.config.free.is_none(), "{:?}", said.config.warnings);
}
