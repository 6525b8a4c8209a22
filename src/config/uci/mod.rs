//! OpenWrt's form of the configuration: a UCI file, turned into TOML by the table of keys.
//!
//! What it says is checked as any configuration is; mistakes are led back to the lines of the UCI file.

mod fields;
mod lines;
mod map;
mod names;
mod parse;
mod values;
pub(super) mod write;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;

use self::lines::{Lines, Origin};
use self::map::Mapper;
use self::parse::{Parsed, Place, Section, parse};
use super::report::{ConfigError, Finding};
use super::section::printable;
use super::{Config, MAX_BYTES};

/// Where OpenWrt keeps it.
pub const DEFAULT_UCI_PATH: &str = "/etc/config/turnpike";

/// The first line of what is made of a UCI file, before and after the name of that.
const MADE_OF: &str = "# Made of ";
const MADE_BY: &str = " by turnpike from-uci: change that, not this.";

/// The UCI file that a configuration was made of, if its first line says so: it is made anew whatever is changed in it.
pub fn made_of_uci(toml: &str) -> Option<&str> {
    toml.lines().next()?.strip_prefix(MADE_OF)?.strip_suffix(MADE_BY)
}

/// The most mistakes, and the most warnings, that are told at once.
const MAX_FINDINGS: usize = 100;

/// What a UCI file says.
#[derive(Debug, Clone, PartialEq)]
pub struct FromUci {
    /// The same as TOML; each line names the one that it was made of.
    pub toml: String,
    /// What that says; its warnings are led back to the UCI file.
    pub config: Config,
}

impl FromUci {
    /// Reads and checks a file of at most 1 MB.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has mistakes: all of them, by their lines.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |problem: String| refused(file, problem);
        let opened =
            std::fs::File::open(file).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        let mut bytes = Vec::new();
        opened
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        Self::parse(&bytes, file)
    }

    /// Checks the bytes of a file; `file` is for messages only.
    ///
    /// # Errors
    ///
    /// As [`FromUci::load`].
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Self, ConfigError> {
        if u64::try_from(bytes.len()).is_ok_and(|size| size > MAX_BYTES) {
            return Err(refused(file, format!("has more than {MAX_BYTES} bytes: not a configuration file")));
        }
        let text = readable(bytes)
            .map_err(|mistake| ConfigError { file: file.to_owned(), mistakes: vec![mistake] })?;
        let Parsed { sections, mut mistakes, mut warnings } = parse(text);
        let mut mapper = Mapper::new(&sections);
        let shown = printable_path(file);
        let top = Origin { section: None, option: None, at: Place { line: 1, column: 1 } };
        mapper.lines.push(&format!("{MADE_OF}{shown}{MADE_BY}"), top);
        mapper.run();
        let has_zone = sections.iter().any(|section| section.kind == "zone");
        if !has_zone {
            mapper.mistakes.push(whole("there must be at least one config zone, with name and lan"));
        }
        mistakes.append(&mut mapper.mistakes);
        let led_back = |finding: Finding| lead_back(finding, &mapper.lines, &sections);
        let checked = match Config::parse(&mapper.lines.text, file) {
            Ok(mut config) => {
                warnings
                    .extend(std::mem::take(&mut config.warnings).into_iter().map(|found| led_back(found).1));
                config.warnings = bounded(warnings, "warnings");
                Some(config)
            }
            Err(error) => {
                for (option, finding) in error.mistakes.into_iter().map(led_back) {
                    let was_said = option.is_some_and(|option| mapper.said.contains(&option));
                    let of_zones = finding.line.is_none() && finding.key == "zone" && !has_zone;
                    if !was_said && !of_zones {
                        mistakes.push(finding);
                    }
                }
                None
            }
        };
        match checked {
            Some(config) if mistakes.is_empty() => {
                let toml = std::mem::take(&mut mapper.lines.text);
                if u64::try_from(toml.len()).is_ok_and(|size| size > MAX_BYTES) {
                    return Err(refused(file, format!("says more than {MAX_BYTES} bytes of TOML")));
                }
                Ok(Self { toml, config })
            }
            Some(_) | None => {
                Err(ConfigError { file: file.to_owned(), mistakes: bounded(mistakes, "mistakes") })
            }
        }
    }
}

/// The text, if it is one.
fn readable(bytes: &[u8]) -> Result<&str, Finding> {
    let line = |at: usize| bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let wrong = |at: usize, message: &str| Finding {
        line: Some(line(at)),
        column: 1,
        key: String::new(),
        message: message.to_owned(),
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(wrong(at, "has a zero byte: not a configuration file"));
    }
    std::str::from_utf8(bytes).map_err(|error| wrong(error.valid_up_to(), "is not UTF-8"))
}

/// What was found in the TOML, as of the UCI file: with its section and option, if it has one.
fn lead_back(finding: Finding, lines: &Lines, sections: &[Section]) -> (Option<(usize, String)>, Finding) {
    let origin = finding.line.and_then(|line| lines.origin(line));
    let Some(origin) = origin else { return (None, finding) };
    let Some((index, section)) = origin.section.and_then(|index| Some((index, sections.get(index)?))) else {
        return (None, whole(&finding.message));
    };
    // At the head of a table, the key says what it is about.
    let option = origin
        .option
        .clone()
        .unwrap_or_else(|| finding.key.rsplit('.').next().unwrap_or_default().to_owned());
    let at = match section.options.get(&option).and_then(parse::Value::at) {
        Some(at) if origin.option.is_none() => at,
        Some(_) | None => origin.at,
    };
    let is_option = origin.option.is_some() || names::is_option(section, &option);
    let key = if is_option { format!("{}.{option}", section.reference()) } else { section.reference() };
    let led = Finding { line: Some(at.line), column: at.column, key, message: finding.message };
    (Some((index, option)), led)
}

fn whole(message: &str) -> Finding {
    Finding { line: None, column: 1, key: String::new(), message: message.to_owned() }
}

fn refused(file: &Path, message: String) -> ConfigError {
    ConfigError { file: file.to_owned(), mistakes: vec![whole(&message)] }
}

/// The first findings of the file, and how many more there are.
fn bounded(mut findings: Vec<Finding>, what: &str) -> Vec<Finding> {
    findings.sort_by_key(|found| (found.line.is_none(), found.line, found.column));
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    findings.truncate(MAX_FINDINGS);
    if more > 0 {
        findings.push(whole(&format!("and {more} more {what}")));
    }
    findings
}

/// A path as a comment shows it.
fn printable_path(file: &Path) -> String {
    printable(&file.to_string_lossy())
}
