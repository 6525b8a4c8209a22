//! Whatever TOML can say, UCI can: to UCI and back it is the same configuration.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use toml::de::{DeTable, DeValue};

use super::super::keys::{Default, Key, Kind, Sort, TABLES, Table, all};
use super::super::{Config, FromUci};
use super::write::{options, quoted};
use crate::domain::theme::Translated;

/// The UCI file of a TOML file.
fn uci(toml: &str) -> String {
    let document = DeTable::parse(toml).unwrap();
    let mut text = String::from("config turnpike 'main'\n\toption enabled '1'\n");
    for table in TABLES {
        let Some(value) = document.get_ref().get(table.name) else { continue };
        match (table.sort, value.get_ref()) {
            (Sort::Once, value) => section(&mut text, table, None, value),
            (Sort::List, value) => {
                for value in value.as_array().unwrap().iter() {
                    section(&mut text, table, None, value.get_ref());
                }
            }
            (Sort::Named(_), value) => {
                for (name, value) in value.as_table().unwrap() {
                    section(&mut text, table, Some(("name", name.get_ref())), value.get_ref());
                }
            }
        }
    }
    text
}

fn section(text: &mut String, table: &Table, first: Option<(&str, &str)>, value: &DeValue<'_>) {
    text.push_str(&format!("\nconfig {}\n", table.uci));
    if let Some((name, value)) = first {
        text.push_str(&format!("\toption {name} {}\n", quoted(value)));
    }
    let value = value.as_table().unwrap();
    for (name, value) in value {
        let key = table.keys.iter().find(|key| key.name == name.get_ref()).unwrap();
        for line in options(key, "", value.get_ref()) {
            text.push_str(&format!("\t{line}\n"));
        }
    }
    for key in table.keys {
        let (Kind::Tables(rows), Some(found)) = (key.kind, value.get(key.name)) else { continue };
        let owner = value.get("name").unwrap().get_ref().as_str().unwrap().to_owned();
        for row in found.get_ref().as_array().unwrap().iter() {
            section(text, rows, Some((table.uci, &owner)), row.get_ref());
        }
    }
}

fn toml_string(text: &str) -> String {
    super::lines::quoted(text)
}

/// One line of text as people write it, and as they do not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9 '\"#;\\\\$=.ü-]{1,40}", "\\PC{1,40}"]
}

/// The value of a key, of the table with this number.
fn value(path: &str, key: &'static Key, number: usize) -> BoxedStrategy<String> {
    let known: Vec<&'static str> = match key.default {
        Default::Value(default) => vec![default, key.sample()],
        Default::Words(_) | Default::Required | Default::Either(_) => vec![key.sample()],
    };
    match (path, key.name, key.kind) {
        (_, "train_gap_ms", _) => (1_001..=10_000).prop_map(|gap: i32| gap.to_string()).boxed(),
        (_, "gpio_line", _) => (100..200).prop_map(|line: i32| line.to_string()).boxed(),
        ("zone", "lan", _) => subsequence(vec!["a", "b", "c"], 1..=3)
            .prop_map(move |names| {
                format!(
                    "[{}]",
                    names.iter().map(|name| format!("\"{name}{number}\"")).collect::<Vec<_>>().join(", ")
                )
            })
            .boxed(),
        ("zone", "portal", _) => Just(format!("\"[::]:{}\"", 3000 + number)).boxed(),
        ("zone", "portal_tls", _) => {
            select(vec![String::from("\"\""), format!("\"192.0.2.1:{}\"", 4000 + number)]).boxed()
        }
        ("zone" | "metric" | "coinslot" | "plugin", "name", _) => Just(format!("\"n_{number}\"")).boxed(),
        ("coinslot", "pipe", _) => Just(format!("\"/run/turnpike/coins {number}\"")).boxed(),
        ("zone", "trusted", _) => Just(format!("[\"02:00:5e:00:53:0{number}\"]")).boxed(),
        ("gateway", "name", _) | (_, "title" | "text", _) => {
            line().prop_map(|text| toml_string(&text)).boxed()
        }
        ("plugin", "command", _) => prop::collection::vec("[^\\x00]{0,20}", 0..5)
            .prop_map(|words| {
                let words: Vec<String> = words.iter().map(|word| toml_string(word)).collect();
                format!("[\"/bin/true\", {}]", words.join(", "))
            })
            .boxed(),
        (_, _, Kind::Variables) => {
            prop::collection::btree_map("[A-Z_][A-Z0-9_]{0,8}", "[^\\x00]{0,20}", 0..4)
                .prop_map(|all| {
                    let all: Vec<String> =
                        all.iter().map(|(name, value)| format!("{name} = {}", toml_string(value))).collect();
                    format!("{{ {} }}", all.join(", "))
                })
                .boxed()
        }
        (_, _, Kind::Integer(least, most, _)) => {
            (least..=most, any::<bool>())
                .prop_map(|(number, hexadecimal)| {
                    if hexadecimal && number >= 0 { format!("{number:#x}") } else { number.to_string() }
                })
                .boxed()
        }
        (_, _, Kind::Number(least, most, _)) => {
            (least..=most).prop_map(|number| format!("{number:?}")).boxed()
        }
        (_, _, Kind::Speed) => {
            prop_oneof![Just("0".to_owned()), (0.008..100_000.0).prop_map(|speed: f64| format!("{speed:?}"))]
                .boxed()
        }
        // The port of the admin pages has a rule of its own.
        (_, _, Kind::Ports) => {
            prop::collection::vec(1..2_000_u16, 0..4).prop_map(|ports| format!("{ports:?}")).boxed()
        }
        (_, _, Kind::Boolean) => any::<bool>().prop_map(|is| is.to_string()).boxed(),
        (_, _, Kind::Choice(all)) => select(all).prop_map(toml_string).boxed(),
        (_, _, Kind::Prose) => {
            let text = prop_oneof![line(), "[a-z\n\t ]{0,60}"];
            let languages: Vec<&'static str> = Translated::LANGUAGES.into_iter().chain(["all"]).collect();
            let several = (subsequence(languages, 0..=8), prop::collection::vec(text.clone(), 8)).prop_map(
                |(languages, texts)| {
                    let all: Vec<String> = languages
                        .iter()
                        .zip(texts)
                        .map(|(language, text)| format!("{language} = {}", toml_string(&text)))
                        .collect();
                    format!("{{ {} }}", all.join(", "))
                },
            );
            prop_oneof![text.prop_map(|text| toml_string(&text)), several].boxed()
        }
        (_, _, Kind::Amount) => (1..1000).prop_map(|amount: i32| format!("\"{amount}\"")).boxed(),
        (_, _, Kind::Pulses) => prop::collection::btree_map(1..1000_i32, 1..1000_i32, 1..6)
            .prop_map(|rows| {
                let rows: Vec<String> =
                    rows.iter().map(|(pulses, amount)| format!("[{pulses}, \"{amount}\"]")).collect();
                format!("[{}]", rows.join(", "))
            })
            .boxed(),
        (_, _, Kind::Table(_)) => {
            let accent =
                "#[0-9a-f]{6}".prop_map(|accent| format!("{{ accent = \"{accent}\", text = \"\" }}"));
            prop_oneof![accent, select(known).prop_map(str::to_owned)].boxed()
        }
        (_, _, Kind::Tables(_)) => prop::collection::vec((1..1_000, 1..9_999, 0.5..9_999.0, 0..4), 1..5)
            .prop_map(|rows: Vec<(i32, i32, f64, i32)>| {
                let row = |(amount, secs, mb, kind)| match kind {
                    0 => format!("{{ amount = \"{amount}\", time_secs = {secs} }}"),
                    1 => format!("{{ amount = {amount}, data_mb = {mb:?} }}"),
                    2 => format!("{{ amount = \"{amount}\", data_mb = {secs}, time_secs = {secs} }}"),
                    _ => format!("{{ plan = \"a.b-{secs}\", amount = \"{amount}\", time_secs = {secs} }}"),
                };
                format!("[{}]", rows.into_iter().map(row).collect::<Vec<_>>().join(", "))
            })
            .boxed(),
        (_, _, Kind::Text | Kind::Texts | Kind::Choices(_)) => select(known).prop_map(str::to_owned).boxed(),
    }
}

/// The keys of a table, each there or not.
fn table(path: &'static str, table: &'static Table, head: String, number: usize) -> BoxedStrategy<String> {
    // Of keys that stand for others, these or those.
    let all: Vec<BoxedStrategy<(bool, String)>> = table
        .keys
        .iter()
        .filter(|key| !key.is_headed())
        .map(|key| {
            let is_needed =
                matches!(key.default, Default::Required | Default::Either(_)) || key.name == "portal";
            let is_there = if is_needed { Just(true).boxed() } else { any::<bool>().boxed() };
            (is_there, value(path, key, number))
                .prop_map(move |(there, value)| (there, format!("{} = {value}\n", key.name)))
                .boxed()
        })
        .collect();
    (all, any::<bool>())
        .prop_map(move |(lines, others)| {
            let keys: Vec<&Key> = table.keys.iter().filter(|key| !key.is_headed()).collect();
            let stands_in = keys.iter().copied().find(|key| !key.instead_of.is_empty());
            let mut text = format!("{head}\n");
            for (key, (there, line)) in keys.iter().zip(lines) {
                let is_replaced = stands_in.is_some_and(|stands_in| stands_in.instead_of.contains(&key.name));
                let is_stand_in = !key.instead_of.is_empty();
                if there && !(others && is_replaced) && (others || !is_stand_in) {
                    text.push_str(&line);
                }
            }
            text
        })
        .boxed()
}

fn documents() -> BoxedStrategy<String> {
    let mut parts: Vec<BoxedStrategy<String>> = Vec::new();
    let maybe = |part: BoxedStrategy<String>| {
        (any::<bool>(), part).prop_map(|(there, part)| if there { part } else { String::new() }).boxed()
    };
    for top in TABLES {
        match top.sort {
            Sort::Once => parts.push(maybe(table(top.name, top, format!("[{}]", top.name), 0))),
            Sort::List => {
                for number in 0..2 {
                    let part = table(top.name, top, format!("[[{}]]", top.name), number);
                    let part = if top.name == "zone" && number == 0 { part } else { maybe(part) };
                    let theme = top.keys.iter().find_map(|key| {
                        let Kind::Table(inner) = key.kind else { return None };
                        key.is_headed().then_some((key, inner))
                    });
                    parts.push(match theme {
                        None => part,
                        Some((key, inner)) => {
                            let below =
                                table(inner.name, inner, format!("[{}.{}]", top.name, key.name), number);
                            (part, maybe(below))
                                .prop_map(|(part, below)| if part.is_empty() { part } else { part + &below })
                                .boxed()
                        }
                    });
                }
            }
            Sort::Named(_) => {
                for name in ["vip", "night staff", "käse's \\\"#;"] {
                    parts.push(maybe(table(top.name, top, format!("[{}.\"{name}\"]", top.name), 0)));
                }
            }
        }
    }
    parts.prop_map(|parts| parts.concat()).boxed()
}

/// What both say, without what is doubted, which has other lines.
fn config(toml: &str) -> Option<Config> {
    let mut config = Config::parse(toml, Path::new("turnpike.toml")).ok()?;
    config.warnings.clear();
    Some(config)
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_toml_says_uci_says_as_well(toml in documents()) {
        let before = config(&toml);
        prop_assume!(before.is_some());
        let uci = uci(&toml);
        let mut said = FromUci::parse(uci.as_bytes(), Path::new("turnpike")).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{uci}"))
        })?;
        said.config.warnings.clear();
        prop_assert_eq!(Some(&said.config), before.as_ref(), "{}\n{}", uci, said.toml);
        prop_assert_eq!(config(&said.toml), before);
    }
}

/// The keys that a document has, by their tables.
fn keys_in(path: &str, table: &Table, value: &DeValue<'_>, found: &mut BTreeSet<String>) {
    match value {
        DeValue::Array(all) => all.iter().for_each(|value| keys_in(path, table, value.get_ref(), found)),
        DeValue::Table(all) => {
            for key in table.keys {
                let Some(value) = all.get(key.name) else { continue };
                let path = format!("{path}.{}", key.name);
                if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                    keys_in(&path, inner, value.get_ref(), found);
                }
                found.insert(path);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

#[test]
fn every_key_takes_the_trip() {
    let mut runner = TestRunner::deterministic();
    let strategy = documents();
    let mut found = BTreeSet::new();
    let mut taken = 0;
    for _ in 0..600 {
        let toml = strategy.new_tree(&mut runner).unwrap().current();
        if config(&toml).is_none() {
            continue;
        }
        taken += 1;
        let document = DeTable::parse(&toml).unwrap();
        for table in TABLES {
            let value = document.get_ref().get(table.name).map(|value| value.get_ref());
            match (table.sort, value) {
                (_, None) => {}
                (Sort::Once | Sort::List, Some(value)) => keys_in(table.name, table, value, &mut found),
                (Sort::Named(_), Some(value)) => {
                    for (_, value) in value.as_table().unwrap() {
                        keys_in(table.name, table, value.get_ref(), &mut found);
                    }
                }
            }
        }
    }
    let all: BTreeSet<String> = all()
        .into_iter()
        .flat_map(|(path, table)| table.keys.iter().map(move |key| format!("{path}.{}", key.name)))
        .collect();
    let missed: Vec<&String> = all.difference(&found).collect();
    assert!(missed.is_empty() && taken > 100, "{taken} documents without {missed:?}");
}
