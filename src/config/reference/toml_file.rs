use super::super::keys::{Key, Kind, Sort, TABLES, Table};
use super::{comment, joined, sentences};

const HEAD: &str = "\
# The configuration of turnpike, every key with its default; `turnpike config-reference --toml` prints this file.
# `turnpike check-config --config FILE` reports every mistake of a file at once, each with its line and key.
# Only [[zone]] with name and lan must be given; everything else may be left out.
";

/// The file of all keys, each with what it does and its default. What means something by being there is commented out.
pub fn toml_file() -> String {
    let mut text = HEAD.to_owned();
    for table in TABLES {
        add(&mut text, table.name, table);
    }
    text
}

fn add(text: &mut String, path: &str, table: &Table) {
    text.push('\n');
    text.push_str(&comment("# ", &joined(table.what, table.more)));
    let head = match table.sort {
        Sort::Once => format!("[{path}]"),
        Sort::List => format!("[[{path}]]"),
        Sort::Named(name) => format!("[{path}.{name}]"),
    };
    let mark = if table.commented { "# " } else { "" };
    text.push_str(&format!("{mark}{head}\n"));
    let is_within = path.contains('.');
    for key in table.keys.iter().filter(|key| !key.is_headed()) {
        if is_within {
            // Its keys were, or will be, told of where they stand at the top.
            text.push_str(&format!("{mark}{} = {}\n", key.name, key.sample()));
            break;
        }
        text.push_str(&comment("# ", &sentences(key)));
        text.push_str(&line(key, table.commented));
    }
    for key in table.keys.iter().filter(|key| key.is_headed()) {
        if let Kind::Table(inner) = key.kind {
            add(text, &format!("{path}.{}", key.name), inner);
        }
    }
}

fn line(key: &Key, commented: bool) -> String {
    let value = key.shown(commented || key.commented);
    if !key.instead_of.is_empty() {
        return format!("# instead of {}: {} = {value}\n", key.instead_of.join(", "), key.name);
    }
    let mark = if commented || key.commented { "# " } else { "" };
    format!("{mark}{} = {value}\n", key.name)
}
