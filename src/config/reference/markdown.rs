use super::super::keys::{self, Default, Key, Kind, Placed, Sort, Table};
use super::{joined, sentences};

const HEAD: &str = "\
<!-- `turnpike config-reference` prints this page. -->

# Configuration

Everything is in one file, `/etc/turnpike/turnpike.toml` unless `--config` says otherwise. `turnpike check-config` reports every
mistake of it at once, each with its line and key. [turnpike.toml](turnpike.toml) is a file with every key and its default;
[settings.md](settings.md) tells how settings change while everybody is online. On OpenWrt the same stands in
`/etc/config/turnpike`, see [uci.md](uci.md).

Only `[[zone]]` with `name` and `lan` must be given; everything else may be left out.

| table | what it is |
|---|---|
";

/// The reference of all keys, as Markdown.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let all: Vec<Placed> = keys::all().into_iter().filter(|(path, _)| !is_below_a_twin(path)).collect();
    for (path, table) in &all {
        let head = head(path, table);
        text.push_str(&format!("| [`{head}`](#{}) | {} |\n", anchor(&head), cell(table.what)));
    }
    for (path, table) in &all {
        let head = head(path, table);
        text.push_str(&format!("\n## `{head}`\n\n{}\n\n", joined(table.what, table.more)));
        text.push_str(&format!("{}\n", on_openwrt(path, table)));
        if let Some(twin) = twin(path, table) {
            text.push_str(&format!("\nIts keys are those of [`[{twin}]`](#{twin}).\n"));
            continue;
        }
        text.push_str("\n| key | value | left out | what it does |\n|---|---|---|---|\n");
        for key in table.keys {
            text.push_str(&row(key));
        }
    }
    text
}

/// The table at the top that has the same keys as one within another.
fn twin(path: &str, table: &Table) -> Option<&'static str> {
    let is_twin = |other: &&&Table| std::ptr::eq(other.keys, table.keys);
    keys::TABLES.iter().filter(|_| path.contains('.')).find(is_twin).map(|table| table.name)
}

/// Whether a table is told of already, with the twin of the one that it stands in.
fn is_below_a_twin(path: &str) -> bool {
    let all = keys::all();
    all.iter().any(|(other, table)| path.starts_with(&format!("{other}.")) && twin(other, table).is_some())
}

fn head(path: &str, table: &Table) -> String {
    match table.sort {
        Sort::Once => format!("[{path}]"),
        Sort::List => format!("[[{path}]]"),
        Sort::Named(_) => format!("[{path}.NAME]"),
    }
}

/// The anchor that a head gets: lower case, without what is neither letter, digit, `-` nor `_`.
fn anchor(head: &str) -> String {
    head.chars()
        .filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter))
        .collect::<String>()
        .to_lowercase()
}

fn on_openwrt(path: &str, table: &Table) -> String {
    let (outer, inner) = path.split_once('.').unwrap_or((path, ""));
    let kind = |name: &str| {
        keys::TABLES.iter().find(|table| table.name == name).map_or("", |table| table.uci).to_owned()
    };
    match (table.sort, table.uci) {
        (Sort::Named(name), uci) => format!("OpenWrt: `config {uci} '{name}'`."),
        (Sort::Once | Sort::List, "") => {
            format!("OpenWrt: options `{}_…` of `config {}`.", inner.replace('.', "_"), kind(outer))
        }
        (Sort::Once | Sort::List, uci) if inner.is_empty() => format!("OpenWrt: `config {uci}`."),
        (Sort::Once | Sort::List, uci) => {
            let parent = kind(outer);
            format!("OpenWrt: `config {uci}`, with `option {parent}` for the name of its `config {parent}`.")
        }
    }
}

fn row(key: &Key) -> String {
    let left_out = match key.default {
        Default::Value(toml) => format!("`{toml}`"),
        Default::Words(words) => words.to_owned(),
        Default::Required => "must be given".to_owned(),
        Default::Either(words) => format!("needed: {words}"),
    };
    let mut what = sentences(key);
    if !key.instead_of.is_empty() {
        let others: Vec<String> = key.instead_of.iter().map(|other| format!("`{other}`")).collect();
        what.push_str(&format!(" Instead of {}.", others.join(", ")));
    }
    if !key.example.is_empty() && key.default != Default::Value(key.example) {
        what.push_str(&format!(" For example `{}`.", key.example));
    }
    let mut kind = key.kind.in_words().to_owned();
    if matches!(key.kind, Kind::Table(_) | Kind::Tables(_)) {
        kind.push_str(", see below");
    }
    format!("| `{}` | {kind} | {} | {} |\n", key.name, cell(&left_out), cell(&what))
}

/// What stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
