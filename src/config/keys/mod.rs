//! Every key of the configuration, in one table: what the reference, the file of all keys and OpenWrt's form of the file are
//! made from. Tests hold it against the code that reads the file.

mod gateway;
mod guest_log;
mod network;
mod plugins;
mod selling;
mod theme;
mod zone;

#[cfg(test)]
mod tests;

/// Every table that stands at the top of the file, in the order in which the file of all keys has them.
pub(super) static TABLES: [&Table; 20] = [
    &network::NETWORK,
    &zone::ZONE,
    &theme::THEME,
    &gateway::GATEWAY,
    &gateway::TLS,
    &network::DNSMASQ,
    &gateway::ADMIN,
    &gateway::CONTROL,
    &gateway::STORE,
    &gateway::SITE,
    &plugins::AUTHENTICATORS,
    &gateway::AUDIT,
    &guest_log::GUEST_LOG,
    &gateway::HOOKS,
    &zone::ROLES,
    &zone::METRIC,
    &selling::COINSLOT,
    &selling::FREE,
    &plugins::PLUGIN,
    &plugins::PLUGINS,
];

/// The largest number of 32 bits.
const ALL_BITS: i64 = 0xffff_ffff;

/// A table of the file.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name, without that of the table it stands in.
    pub(super) name: &'static str,
    /// How often it is there.
    pub(super) sort: Sort,
    /// What it is, in a sentence.
    pub(super) what: &'static str,
    /// What else is to be known of it; may be empty.
    pub(super) more: &'static str,
    /// The type of its sections in OpenWrt's form; empty where its keys are options of the table around it.
    pub(super) uci: &'static str,
    /// Whether the file of all keys has it commented out: that it is there means something.
    pub(super) commented: bool,
    /// Its keys, in the order in which they are shown.
    pub(super) keys: &'static [Key],
}

/// How often a table is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// At most once: `[store]`.
    Once,
    /// As often as one likes: `[[zone]]`.
    List,
    /// Once for each name: `[roles.NAME]`, here with a name as an example.
    Named(&'static str),
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value is.
    pub(super) kind: Kind,
    /// What it does, in sentences.
    pub(super) what: &'static str,
    /// What its value is bound by, beside what its kind says, in words; may be empty.
    pub(super) bounds: &'static str,
    /// What holds if it is left out.
    pub(super) default: Default,
    /// A value as TOML has it; empty where the default is as good.
    pub(super) example: &'static str,
    /// The keys in whose place it is given, if it is.
    pub(super) instead_of: &'static [&'static str],
    /// Whether the file of all keys has it commented out, though its table is not.
    pub(super) commented: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A whole number between two bounds, of a unit that may be empty.
    Integer(i64, i64, &'static str),
    /// A number between two bounds, of a unit.
    Number(f64, f64, &'static str),
    /// A speed in Mbit/s; 0 is unlimited.
    Speed,
    /// `true` or `false`.
    Boolean,
    /// An amount of money, in quotes.
    Amount,
    /// A list of strings.
    Texts,
    /// A list of TCP ports.
    Ports,
    /// A list of some of these strings.
    Choices(&'static [&'static str]),
    /// A string, or a table with a string for each language.
    Prose,
    /// A list of pairs: a number of pulses and an amount.
    Pulses,
    /// A table of strings by names that one chooses.
    Variables,
    /// A table within this one.
    Table(&'static Table),
    /// A list of tables within this one.
    Tables(&'static Table),
}

/// What holds if a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    /// This value, as TOML has it.
    Value(&'static str),
    /// What no value says, in words.
    Words(&'static str),
    /// Nothing: it must be given.
    Required,
    /// Nothing: it or another must be given, in words.
    Either(&'static str),
}

impl Table {
    /// A table that is there at most once.
    const fn once(name: &'static str, what: &'static str, keys: &'static [Key]) -> Self {
        Self { name, sort: Sort::Once, what, more: "", uci: name, commented: false, keys }
    }

    /// A table that is there as often as one likes.
    const fn list(name: &'static str, what: &'static str, keys: &'static [Key]) -> Self {
        Self { sort: Sort::List, ..Self::once(name, what, keys) }
    }

    const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    const fn uci(self, uci: &'static str) -> Self {
        Self { uci, ..self }
    }

    const fn commented(self) -> Self {
        Self { commented: true, ..self }
    }
}

impl Key {
    /// A key that may be left out; `or` and the like say what holds then.
    const fn new(name: &'static str, kind: Kind, what: &'static str) -> Self {
        Self {
            name,
            kind,
            what,
            bounds: "",
            default: Default::Words("none"),
            example: "",
            instead_of: &[],
            commented: false,
        }
    }

    /// The value that holds if it is left out.
    const fn or(self, toml: &'static str) -> Self {
        Self { default: Default::Value(toml), ..self }
    }

    /// The same, in words.
    const fn or_words(self, words: &'static str) -> Self {
        Self { default: Default::Words(words), ..self }
    }

    const fn required(self) -> Self {
        Self { default: Default::Required, ..self }
    }

    const fn either(self, words: &'static str) -> Self {
        Self { default: Default::Either(words), ..self }
    }

    const fn such_as(self, toml: &'static str) -> Self {
        Self { example: toml, ..self }
    }

    const fn within(self, bounds: &'static str) -> Self {
        Self { bounds, ..self }
    }

    const fn instead_of(self, keys: &'static [&'static str]) -> Self {
        Self { instead_of: keys, ..self }
    }

    const fn commented(self) -> Self {
        Self { commented: true, ..self }
    }

    /// A value as TOML has it: the example, else the default. Empty for a table that is written under a head of its own.
    pub(super) const fn sample(&self) -> &'static str {
        match self.default {
            Default::Value(toml) if self.example.is_empty() => toml,
            Default::Value(_) | Default::Words(_) | Default::Required | Default::Either(_) => self.example,
        }
    }

    /// What the file of all keys has: the default where the key holds, a sample where it is commented out.
    pub(super) const fn shown(&self, commented: bool) -> &'static str {
        match self.default {
            Default::Value(toml) if !commented => toml,
            Default::Value(_) | Default::Words(_) | Default::Required | Default::Either(_) => self.sample(),
        }
    }

    /// Whether it is a table that is written under a head of its own.
    pub(super) const fn is_headed(&self) -> bool {
        matches!(self.kind, Kind::Table(_)) && self.sample().is_empty()
    }

    /// The bounds in words, of kind and value; empty if there are none.
    pub(super) fn bounds_in_words(&self) -> String {
        let of_kind = match self.kind {
            // All that 32 bits hold: no bound that anybody meets.
            Kind::Integer(_, ALL_BITS, _) => String::new(),
            Kind::Integer(least, most, unit) => range(least, most, unit),
            Kind::Number(least, most, unit) => range(least, most, unit),
            Kind::Speed => "0.008 to 100000 Mbit/s, or 0".to_owned(),
            Kind::Choice(all) => format!("one of {}", in_quotes(all)),
            Kind::Choices(all) => format!("any of {}", in_quotes(all)),
            Kind::Text
            | Kind::Boolean
            | Kind::Amount
            | Kind::Texts
            | Kind::Ports
            | Kind::Prose
            | Kind::Pulses
            | Kind::Variables
            | Kind::Table(_)
            | Kind::Tables(_) => String::new(),
        };
        [of_kind.as_str(), self.bounds]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Kind {
    /// The table of a list of tables.
    pub(super) const fn rows(self) -> Option<&'static Table> {
        if let Self::Tables(table) = self { Some(table) } else { None }
    }

    /// What it is, in words.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Choice(_) => "string, one of several",
            Self::Integer(..) => "whole number",
            Self::Number(..) | Self::Speed => "number",
            Self::Boolean => "true or false",
            Self::Amount => "amount, in quotes",
            Self::Texts | Self::Choices(_) => "list of strings",
            Self::Ports => "list of ports",
            Self::Prose => "string, or a table with one for each language",
            Self::Pulses => "list of pairs: pulses, amount",
            Self::Variables => "table of strings by name",
            Self::Table(_) => "table",
            Self::Tables(_) => "list of tables",
        }
    }
}

fn in_quotes(all: &[&str]) -> String {
    all.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ")
}

fn range<T: std::fmt::Display>(least: T, most: T, unit: &str) -> String {
    let space = if unit.is_empty() { "" } else { " " };
    format!("{least} to {most}{space}{unit}")
}

/// A table with its name as messages have it: `zone.theme.light`, `roles` for every `[roles.NAME]`.
pub(super) type Placed = (String, &'static Table);

/// All tables, each with those within it behind it.
pub(super) fn all() -> Vec<Placed> {
    fn add(found: &mut Vec<Placed>, path: String, table: &'static Table) {
        found.push((path.clone(), table));
        for key in table.keys {
            if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                add(found, format!("{path}.{}", key.name), inner);
            }
        }
    }
    let mut found = Vec::new();
    for table in TABLES {
        add(&mut found, table.name.to_owned(), table);
    }
    found
}
