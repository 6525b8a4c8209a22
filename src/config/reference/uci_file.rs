use super::super::keys::{Key, Kind, Sort, TABLES, Table};
use super::super::uci::write;
use super::{comment, joined, sentences};

const HEAD: &str = "\
# The configuration of turnpike on OpenWrt, every option with what it does; `turnpike config-reference --uci` prints
# this file. docs/uci.md tells how it is read; `turnpike from-uci` names every mistake with its line.

config turnpike 'main'
\t# 0: the service is not started. Set lan of the zone below to the device of your guest network first.
\toption enabled '0'
";

/// What the packaged file says, as TOML has it. Guests are never put on the router's own network by it, and what was paid for
/// lies on flash.
const SAID: [(&str, &str, &str); 3] = [
    ("zone", "name", r#""guests""#),
    ("zone", "lan", r#"["br-guest"]"#),
    ("store", "path", r#""/etc/turnpike/turnpike.db""#),
];

/// OpenWrt's file with every option, commented out but for a first zone.
pub fn uci_file() -> String {
    let mut text = HEAD.to_owned();
    for table in TABLES {
        add(&mut text, table);
    }
    text
}

fn add(text: &mut String, table: &Table) {
    text.push('\n');
    text.push_str(&comment("# ", &here(&joined(table.what, table.more))));
    let name = match table.sort {
        Sort::Once => table.uci,
        Sort::List => "",
        Sort::Named(name) => name,
    };
    let name = if table.name == "zone" { "guests" } else { name };
    let head = if name.is_empty() { String::new() } else { format!(" '{name}'") };
    let mark = if table.commented { "# " } else { "" };
    text.push_str(&format!("{mark}config {}{head}\n", table.uci));
    for key in table.keys {
        let said = SAID.iter().find(|(of, name, _)| *of == table.name && *name == key.name);
        text.push_str(&comment("\t# ", &here(&what(key))));
        let lines = said.map_or_else(|| sample(key), |(_, _, toml)| write::written(key, toml));
        let mark = if said.is_some() { String::new() } else { format!("# {}", instead(key)) };
        for line in lines {
            text.push_str(&format!("\t{mark}{line}\n"));
        }
    }
    for key in table.keys {
        if let Kind::Tables(inner) = key.kind {
            sections(text, table, key, inner);
        }
    }
}

/// A text that names tables, as they are named here.
fn here(text: &str) -> String {
    let named = |text: String, table: &&Table| {
        text.replace(&format!("[{}]", table.name), &format!("config {}", table.uci))
    };
    TABLES.iter().fold(text.to_owned(), named)
}

fn instead(key: &Key) -> String {
    if key.instead_of.is_empty() {
        String::new()
    } else {
        format!("instead of {}: ", key.instead_of.join(", "))
    }
}

/// What a key does, and where it is said if not here.
fn what(key: &Key) -> String {
    if let Kind::Table(inner) = key.kind
        && key.is_headed()
    {
        return format!(
            "{} Options as those of config {}, with {}_ in front.",
            inner.what, inner.name, key.name
        );
    }
    let sentences = sentences(key);
    if key.kind.rows().is_some() { format!("{sentences} Sections of their own, below.") } else { sentences }
}

/// The lines of an example. Of a table that has its keys from elsewhere, the first one.
fn sample(key: &Key) -> Vec<String> {
    if let Kind::Table(inner) = key.kind
        && key.is_headed()
    {
        let first = inner.keys.first().map_or_else(Vec::new, sample);
        let prefix = format!("option {}_", key.name);
        return first.into_iter().map(|line| line.replacen("option ", &prefix, 1)).collect();
    }
    write::written(key, key.sample())
}

/// The sections of a list of tables within a table.
fn sections(text: &mut String, table: &Table, key: &Key, inner: &Table) {
    let name = table.keys.iter().find(|key| key.name == "name");
    let owner =
        name.map_or_else(Vec::new, |name| write::written(&Key { name: table.uci, ..*name }, name.sample()));
    text.push('\n');
    text.push_str(&comment(
        "# ",
        &format!("{} One section for each; {} is the name of its config {}.", key.what, table.uci, table.uci),
    ));
    text.push_str(&format!("# config {}\n", inner.uci));
    for line in owner {
        text.push_str(&format!("\t# {line}\n"));
    }
    for key in inner.keys {
        text.push_str(&comment("\t# ", &here(&sentences(key))));
        for line in sample(key) {
            text.push_str(&format!("\t# {line}\n"));
        }
    }
}
