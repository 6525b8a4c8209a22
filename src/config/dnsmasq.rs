use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Section, expected};
use super::values;

/// The most words of a command, and the most files.
const MAX_WORDS: usize = 16;
/// The longest word of a command, in bytes.
const MAX_WORD_BYTES: usize = 4096;
/// What it is called where it is installed.
const PROGRAM: &str = "dnsmasq";

/// `[dnsmasq]`: the name server that fills the walled garden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsmasqConfig {
    /// The file that is written for it; `None` is none.
    pub fragment: Option<PathBuf>,
    /// The program, which is asked for what it can do and whether it takes the file.
    pub program: String,
    /// What has it take the file when that has changed; nothing if empty.
    pub reload: Vec<String>,
    /// Where it says its process id; empty is where Debian and OpenWrt have it.
    pub pid_files: Vec<PathBuf>,
    /// The file that is written when the gardens are to be filled again, for whoever may tell dnsmasq; `None` is none.
    pub refill_file: Option<PathBuf>,
}

impl Default for DnsmasqConfig {
    fn default() -> Self {
        Self {
            fragment: None,
            program: PROGRAM.to_owned(),
            reload: Vec::new(),
            pid_files: Vec::new(),
            refill_file: None,
        }
    }
}

/// Reads `[dnsmasq]`.
pub(super) fn read(report: &mut Report<'_>, (at, table): (usize, &DeTable<'_>)) -> DnsmasqConfig {
    let mut section = Section::new(report, "dnsmasq", at, table);
    let fragment = section.read("fragment", values::path_if);
    let program = section.read("program", program);
    let reload = section.list("reload", word);
    if let Some(found) = &reload
        && (found.value.len() > MAX_WORDS || found.value.first().is_some_and(|word| word.value.is_empty()))
    {
        let text = format!("must be a program and its arguments, at most {MAX_WORDS} words");
        section.mistake(found.at, "reload", text);
    }
    let pid_files = section.list("pid_files", values::path);
    if let Some(found) = pid_files.as_ref().filter(|found| found.value.len() > MAX_WORDS) {
        section.mistake(found.at, "pid_files", format!("there can be at most {MAX_WORDS}"));
    }
    let refill_file = section.read("refill_file", values::path_if);
    section.finish();
    let words = |found: Option<super::section::Found<Vec<super::section::Found<String>>>>| {
        found.map_or_else(Vec::new, |found| found.value.into_iter().map(|word| word.value).collect())
    };
    DnsmasqConfig {
        fragment: fragment.and_then(|found| found.value),
        program: program.map_or_else(|| PROGRAM.to_owned(), |found| found.value),
        reload: words(reload),
        pid_files: pid_files
            .map_or_else(Vec::new, |found| found.value.into_iter().map(|path| path.value).collect()),
        refill_file: refill_file.and_then(|found| found.value),
    }
}

/// A program: its name, to be found in `PATH`, or where it is.
fn program(value: &DeValue<'_>) -> Result<String, String> {
    let program = word(value)?;
    if program.is_empty() || program.starts_with('-') || (program.contains('/') && !program.starts_with('/'))
    {
        return Err("must be a program's name or its absolute path".to_owned());
    }
    Ok(program)
}

fn word(value: &DeValue<'_>) -> Result<String, String> {
    let word = value.as_str().ok_or_else(|| expected("a string", value))?;
    if word.len() > MAX_WORD_BYTES || word.contains('\0') {
        return Err(format!("must be at most {MAX_WORD_BYTES} bytes, none of them zero"));
    }
    Ok(word.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn mistakes(lines: &str) -> usize {
        let text = format!("[[zone]]\nname = \"a\"\nlan = [\"br-lan\"]\n[dnsmasq]\n{lines}\n");
        Config::parse(&text, Path::new("turnpike.toml")).map_or_else(|error| error.mistakes.len(), |_| 0)
    }

    #[test]
    fn every_mistake_is_told() {
        for good in [
            "",
            "fragment = \"\"",
            "fragment = \"/tmp/dnsmasq.d/turnpike.conf\"\nreload = [\"/etc/init.d/dnsmasq\", \"restart\"]",
            "program = \"/usr/sbin/dnsmasq\"\npid_files = [\"/run/dnsmasq.pid\"]\nrefill_file = \"/run/turnpike/refill\"",
        ] {
            assert_eq!(mistakes(good), 0, "{good}");
        }
        for bad in [
            "fragment = \"dnsmasq.d/turnpike.conf\"",
            "fragment = \"/etc/../etc/shadow\"",
            "program = \"bin/dnsmasq\"",
            "program = \"-x\"",
            "program = \"\"",
            "reload = [\"\"]",
            "reload = \"systemctl restart dnsmasq\"",
            "pid_files = [\"dnsmasq.pid\"]",
            "refill_file = \"here\"",
            "fragments = \"/tmp/x\"",
        ] {
            assert_eq!(mistakes(bad), 1, "{bad}");
        }
    }
}
