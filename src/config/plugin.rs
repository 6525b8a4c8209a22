use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Section, expected, printable};
use super::values;
use crate::domain::{Permission, ProviderName};

/// The most plugins that are started.
const MAX_PLUGINS: usize = 32;
/// The most words of a command, and the most variables.
const MAX_WORDS: usize = 64;
/// The longest word of a command, and the longest variable, in bytes.
const MAX_WORD_BYTES: usize = 4096;
/// How long a plugin has to answer unless the file says otherwise.
const DEADLINE: Duration = Duration::from_secs(2);

/// Names that sessions bear whose provider is no plugin.
pub const RESERVED_PLUGIN_NAMES: [&str; 6] =
    ["operator", "trusted", "voucher", "account", "free", "coinslot"];

/// One `[[plugin]]`: a program that the daemon starts, and starts again when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig {
    /// Its name, unique.
    pub name: String,
    /// The program, by its absolute path, and its arguments; no shell is in between.
    pub command: Vec<String>,
    /// As whom it runs; `None` is as the daemon.
    pub user: Option<String>,
    /// Where it runs; `None` is `/`.
    pub dir: Option<PathBuf>,
    /// What its environment holds beside PATH and LANG.
    pub env: BTreeMap<String, String>,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// How long it has to answer.
    pub deadline: Duration,
}

/// Reads `[plugins]`: the socket of those that run by themselves. Unless the file says otherwise it is beside the control
/// socket.
pub(super) fn read_socket(
    report: &mut Report<'_>,
    (at, table): (usize, &DeTable<'_>),
    control: &Path,
) -> PathBuf {
    let mut section = Section::new(report, "plugins", at, table);
    let socket = section.read("socket", values::socket_path);
    if let Some(socket) = &socket
        && socket.value == control
    {
        section.mistake(socket.at, "socket", "is the same file as control.socket");
    }
    section.finish();
    socket.map_or_else(|| control.with_file_name("plugin.sock"), |socket| socket.value)
}

/// Reads every `[[plugin]]`.
pub(super) fn read(report: &mut Report<'_>, tables: Vec<(usize, &DeTable<'_>)>) -> Vec<PluginConfig> {
    if let Some((at, _)) = tables.get(MAX_PLUGINS) {
        report.mistake(*at, "plugin", format!("there can be at most {MAX_PLUGINS} plugins"));
    }
    let mut names = BTreeSet::new();
    let mut plugins = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new(report, "plugin", at, table);
        let name = section.required("name", "\"coins\"", name);
        if let Some(name) = &name
            && !names.insert(name.value.clone())
        {
            section.mistake(name.at, "name", format!("there are two plugins named {}", name.value));
        }
        let command = read_command(&mut section);
        let user = section.read("user", user).map(|found| found.value);
        let dir = section.read("dir", values::path).map(|found| found.value);
        let permissions = section.list("permissions", permission);
        let deadline = section.read("deadline_ms", deadline);
        let env = read_env(&mut section);
        section.finish();
        let (Some(name), Some(command)) = (name, command) else { continue };
        plugins.push(PluginConfig {
            name: name.value,
            command,
            user,
            dir,
            env,
            permissions: permissions
                .map_or_else(Vec::new, |found| found.value.into_iter().map(|item| item.value).collect()),
            deadline: deadline.map_or(DEADLINE, |found| found.value),
        });
    }
    plugins
}

/// The command, with its program by absolute path; `None` if there is none.
fn read_command(section: &mut Section<'_, '_, '_>) -> Option<Vec<String>> {
    let Some(found) = section.list("command", word) else {
        section.required("command", "[\"/usr/lib/turnpike/coins\"]", |_| Ok(()));
        return None;
    };
    let words: Vec<String> = found.value.into_iter().map(|item| item.value).collect();
    let is_absolute = words.first().is_some_and(|program| Path::new(program).is_absolute());
    if !is_absolute {
        section.mistake(found.at, "command", "must begin with the absolute path of a program");
    }
    if words.len() > MAX_WORDS {
        section.mistake(found.at, "command", format!("has more than {MAX_WORDS} words"));
    }
    Some(words)
}

fn read_env(section: &mut Section<'_, '_, '_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let Some((at, table)) = section.table("env") else { return env };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty()
            || name.starts_with(|first: char| first.is_ascii_digit())
            || !name.bytes().all(plain)
        {
            let text = format!("{} is no name of a variable: letters, digits and _", printable(name));
            section.mistake(key.span().start, "env", text);
            continue;
        }
        match word(value.get_ref()) {
            Ok(value) => drop(env.insert(name.to_owned(), value)),
            Err(message) => section.mistake(value.span().start, "env", message),
        }
    }
    if env.len() > MAX_WORDS {
        section.mistake(at, "env", format!("has more than {MAX_WORDS} variables"));
    }
    env
}

fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

fn name(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    if !ProviderName::is_name(name) {
        return Err("must be 1 to 32 small letters, digits, - and _".to_owned());
    }
    if RESERVED_PLUGIN_NAMES.contains(&name) {
        return Err(format!("{name} is the name of a session provider that is built in"));
    }
    Ok(name.to_owned())
}

fn word(value: &DeValue<'_>) -> Result<String, String> {
    let word = text(value)?;
    if word.len() > MAX_WORD_BYTES || word.contains('\0') {
        return Err(format!("must be at most {MAX_WORD_BYTES} bytes, none of them zero"));
    }
    Ok(word.to_owned())
}

fn user(value: &DeValue<'_>) -> Result<String, String> {
    let user = text(value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'$');
    ((1..=32).contains(&user.len()) && user.bytes().all(plain))
        .then(|| user.to_owned())
        .ok_or_else(|| "must be the name of a user of this machine".to_owned())
}

fn permission(value: &DeValue<'_>) -> Result<Permission, String> {
    text(value)?.parse().map_err(|error: crate::domain::PermissionError| error.to_string())
}

fn deadline(value: &DeValue<'_>) -> Result<Duration, String> {
    let wrong = || "must be between 100 and 4500 milliseconds".to_owned();
    let written = value.as_integer().ok_or_else(|| expected("a whole number", value))?;
    let millis = u64::from_str_radix(written.as_str(), written.radix()).map_err(|_| wrong())?;
    (100..=4500).contains(&millis).then(|| Duration::from_millis(millis)).ok_or_else(wrong)
}
