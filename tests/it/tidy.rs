//! Rules of the house that a compiler does not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines: a longer one has a second idea in it. Tests may tell longer stories.
const LONGEST_FILE_LINES: &[(&str, usize)] =
    &[("src", 450), ("benches", 450), ("migrations", 450), ("scripts", 450), ("tests", 600)];

/// Which parts of the program may name which others; a part that is not listed here has no place yet.
/// `clock` is the one seam to the time, for everybody but the domain.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("faults", &[]),
    ("durable", &["faults"]),
    ("metrics", &[]),
    ("tls", &["domain", "durable"]),
    ("config", &["domain", "tls"]),
    ("dnsmasq", &["domain", "config", "durable"]),
    ("gate", &["domain", "clock", "faults"]),
    ("shaper", &["domain", "clock", "faults"]),
    ("net", &["domain", "clock", "faults"]),
    ("store", &["domain", "clock", "durable", "faults", "metrics"]),
    ("providers", &["domain", "clock", "durable", "faults"]),
    ("http", &["domain", "clock", "tls"]),
    ("runtime", &["domain", "clock", "faults", "metrics", "gate", "shaper", "net", "store", "providers"]),
    ("guest_log", &["domain", "clock", "gate", "metrics", "runtime"]),
    ("plugins", &["domain", "clock", "config", "metrics", "runtime", "store"]),
    ("portal", &["domain", "clock", "config", "http", "runtime", "store"]),
    ("hooks", &["domain", "clock", "http", "runtime", "store"]),
    ("events", &["domain", "clock", "metrics", "http", "runtime", "store"]),
    ("wares", &["domain", "http", "runtime", "store"]),
    (
        "api",
        &[
            "domain", "clock", "config", "metrics", "http", "runtime", "store", "hooks", "events", "tls",
            "upkeep", "wares",
        ],
    ),
    ("coinslot", &["domain", "clock", "config", "runtime", "store"]),
    ("doctor", &["domain", "clock", "config", "gate", "shaper", "net", "store"]),
    ("upkeep", &["domain", "clock", "config", "durable", "store", "providers"]),
    ("setup", &["domain", "config"]),
    (
        "admin",
        &[
            "domain", "clock", "config", "http", "portal", "runtime", "store", "hooks", "events", "upkeep",
            "wares",
        ],
    ),
    (
        "app",
        &[
            "domain",
            "clock",
            "config",
            "gate",
            "guest_log",
            "shaper",
            "net",
            "store",
            "providers",
            "http",
            "runtime",
            "hooks",
            "plugins",
            "portal",
            "api",
            "admin",
            "coinslot",
            "dnsmasq",
            "tls",
            "upkeep",
            "doctor",
            "durable",
            "setup",
        ],
    ),
    (
        "cli",
        &["domain", "clock", "config", "dnsmasq", "doctor", "guest_log", "http", "app", "upkeep", "setup"],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder that end so, as path from the root and text.
fn files(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                // What is built, and what belongs to git.
                if !["target", ".git"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending)) {
                // What is no text has no lines to look at.
                if let Ok(text) = fs::read_to_string(&path) {
                    found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
                }
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let found = files("src", &[".rs"]);
    assert!(found.len() > 20, "the sources are elsewhere");
    found
}

/// The text without its line comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The parts of this crate that a text names: `crate::gate::…` and `crate::{gate::…, net::…}`.
fn parts_named(code: &str) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect()
    };
    for (at, marker) in code.match_indices("crate::") {
        let rest = &code[at + marker.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            parts.insert(word(rest));
            continue;
        };
        let mut depth = 0_usize;
        parts.insert(word(group));
        for (index, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.insert(word(&group[index + 1..]));
                }
                _ => {}
            }
        }
    }
    parts.remove("");
    parts
}

/// `src/gate/books.rs` and `src/gate.rs` both belong to `gate`.
fn part_of(path: &Path) -> String {
    let below = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
    below.trim_end_matches(".rs").to_owned()
}

#[test]
fn the_walls_between_the_parts_stand() {
    let known: BTreeSet<&str> = WALLS.iter().map(|(part, _)| *part).collect();
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        let part = part_of(&path);
        if part == "lib" {
            continue;
        }
        let code = code(&text);
        if part == "main" {
            // It hands the daemon to the command line, which would otherwise drag every adapter in.
            let named = parts_named(&code.replace("turnpike::", "crate::"));
            for other in named.iter().filter(|other| !["app", "cli"].contains(&other.as_str())) {
                breaches.push(format!("main names {other}"));
            }
            continue;
        }
        let Some((_, allowed)) = WALLS.iter().find(|(name, _)| *name == part) else {
            breaches.push(format!("{}: the part {part} has no place in WALLS", path.display()));
            continue;
        };
        for other in parts_named(&code) {
            if other != part && known.contains(other.as_str()) && !allowed.contains(&other.as_str()) {
                breaches.push(format!("{}: {part} may not use {other}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn paths_are_read_as_rust_reads_them() {
    let code = code("use crate::{gate::{Gate, Books}, net};\nlet x = crate::store::rows(); // crate::api");
    assert_eq!(parts_named(&code), ["gate", "net", "store"].map(str::to_owned).into());
}

#[test]
fn no_shell_is_started() {
    let shells = ["sh", "bash", "ash", "busybox"];
    for (path, text) in sources().into_iter().chain(files("tests/netns", &[".rs"])) {
        let code = code(&text);
        for shell in shells {
            for way in ["Command::new(\"", "Command::new(\"/bin/", "Command::new(\"/usr/bin/", "[\"", "&[\""]
            {
                let call = format!("{way}{shell}\"");
                assert!(!code.contains(&call), "{}: {call}", path.display());
            }
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for (folder, longest) in LONGEST_FILE_LINES {
        for (path, text) in files(folder, &[]) {
            let lines = text.lines().count();
            if lines > *longest {
                long.push(format!("{}: {lines} lines, of {longest} at most", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    let names: Vec<String> = files("migrations", &[".sql"])
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for (number, name) in (1..).zip(&names) {
        let (digits, rest) = name.split_once('_').unwrap_or_else(|| panic!("{name}: NNNN_what.sql"));
        assert_eq!(
            digits,
            format!("{number:04}"),
            "{name}: the next migration is a new file with the next number"
        );
        assert!(rest.len() > ".sql".len(), "{name}: says nothing");
    }
}

#[test]
fn no_64_bit_atomics_for_the_32_bit_routers() {
    for (path, text) in sources() {
        for word in ["AtomicU64", "AtomicI64"] {
            assert!(!code(&text).contains(word), "{}: {word} is not there on mipsel", path.display());
        }
    }
}

#[test]
fn no_file_names_a_path_of_a_build_machine() {
    let homes = ["home", "Users", "root", "work"].map(|folder| format!("/{folder}/"));
    let endings = [".rs", ".toml", ".md", ".sql", ".html", ".css", ".js", ".sh", ".service", ".lock"];
    let scripts = ["scripts", ".ci"].into_iter().flat_map(|folder| files(folder, &[]));
    for (path, text) in files("", &endings).into_iter().chain(scripts) {
        for (number, line) in (1..).zip(text.lines()) {
            for home in &homes {
                // As the beginning of a path, not as a part of a URL or a longer path.
                let named = line.match_indices(home.as_str()).any(|(at, _)| {
                    !line[..at]
                        .ends_with(|letter: char| letter.is_alphanumeric() || "./-_}:".contains(letter))
                });
                assert!(!named, "{}:{number}: {line}", path.display());
            }
        }
    }
}
