//! Any file is a configuration, in TOML or in OpenWrt's form, or a list of mistakes that can be printed and found.

use std::path::Path;

use turnpike::config::{Config, ConfigError, Finding, FromUci};

use super::{Target, assert_sayable};

/// The longest mistake, in bytes: it may name a list of all that would be right.
const MOST_OF_A_FINDING: usize = 2_000;

/// Opens the target.
pub fn open() -> Target {
    Box::new(|bytes| {
        let file = Path::new("etc/turnpike");
        if let Ok(text) = std::str::from_utf8(bytes) {
            let parsed = Config::parse(text, file);
            check(&parsed, text);
            assert_eq!(Config::parse(text, file), parsed);
        }
        let parsed = FromUci::parse(bytes, file);
        check(&parsed, &String::from_utf8_lossy(bytes));
        if let Ok(FromUci { toml, config }) = parsed {
            let again = Config::parse(&toml, file).expect("what it is turned into is a configuration");
            // They name the lines of one file or the other.
            assert_eq!(Config { warnings: Vec::new(), ..again }, Config { warnings: Vec::new(), ..config });
        }
    })
}

fn check<T>(parsed: &Result<T, ConfigError>, text: &str) {
    let Err(error) = parsed else { return };
    assert!(!error.mistakes.is_empty());
    for finding in &error.mistakes {
        check_finding(finding, text);
    }
    assert_eq!(error.to_string().lines().count(), error.mistakes.len());
}

fn check_finding(finding: &Finding, text: &str) {
    assert_sayable(&finding.to_string(), MOST_OF_A_FINDING);
    assert!(!finding.message.is_empty());
    assert!(finding.column >= 1);
    if let Some(number) = finding.line {
        let lines = text.split('\n').count();
        assert!((1..=lines).contains(&number), "line {number} of {lines}: {finding}");
        let line = text.split('\n').nth(number - 1).unwrap_or_default();
        assert!(finding.column <= line.chars().count() + 1, "{finding} in {line:?}");
    }
}
