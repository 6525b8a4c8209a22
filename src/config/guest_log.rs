use std::path::PathBuf;

use super::report::Report;
use super::section::Section;
use super::values;
use super::whole::Table;

/// Ten years.
const MAX_DAYS: u32 = 3_650;

/// `[guest_log]`: who had which address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestLogConfig {
    /// The files, without the day at the end of each name; `None` if none is written.
    pub file: Option<PathBuf>,
    /// Whether it goes to the system's log as well.
    pub syslog: bool,
    /// For how many days files are kept.
    pub keep_days: u32,
    /// Whether it has each connection, too.
    pub connections: bool,
}

impl GuestLogConfig {
    /// Whether anything is logged.
    pub const fn is_on(&self) -> bool {
        self.file.is_some() || self.syslog
    }
}

pub(super) fn read(report: &mut Report<'_>, (at, table): Table<'_>) -> GuestLogConfig {
    let mut section = Section::new(report, "guest_log", at, table);
    let file = section.read("file", values::path_if);
    let syslog = section.read("syslog", values::boolean).is_some_and(|found| found.value);
    // One that is there and wrong was reported already.
    let is_said = table.get("keep_days").is_some();
    let keep_days = section.read("keep_days", values::days(1, MAX_DAYS));
    let connections = section.read("connections", values::boolean);
    if let Some(found) = file.as_ref().filter(|found| found.value.is_some() && !is_said) {
        let text = "needs keep_days: say for how many days you keep who your guests were";
        section.mistake(found.at, "file", text);
    }
    let file = file.and_then(|found| found.value);
    if let Some(found) = connections.as_ref().filter(|found| found.value && file.is_none() && !syslog) {
        section.warning(found.at, "connections", "is written nowhere: there is neither file nor syslog");
    }
    section.finish();
    GuestLogConfig {
        file,
        syslog,
        keep_days: keep_days.map_or(0, |days| days.value),
        connections: connections.is_some_and(|found| found.value),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, ConfigError};

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let zone = "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n";
        Config::parse(&format!("{zone}[guest_log]\n{text}"), Path::new("t"))
    }

    #[test]
    fn whoever_keeps_a_file_says_for_how_long() {
        assert!(!parse("").unwrap().guest_log.is_on(), "off by default");
        assert!(!parse("file = \"\"").unwrap().guest_log.is_on());
        let said = parse("file = \"/var/log/guests.log\"").unwrap_err().to_string();
        assert!(said.contains("guest_log.file") && said.contains("needs keep_days"), "{said}");
        let said = parse("file = \"/var/log/guests.log\"\nkeep_days = 0").unwrap_err().to_string();
        assert!(said.contains("guest_log.keep_days") && !said.contains("needs keep_days"), "{said}");
        for wrong in ["file = \"guests.log\"", "file = \"/var/../etc/x\"", "syslog = 1", "keepdays = 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let log = parse("file = \"/var/log/guests.log\"\nkeep_days = 30").unwrap().guest_log;
        assert!(log.is_on() && log.keep_days == 30 && !log.connections);
        let log = parse("syslog = true\nconnections = true").unwrap();
        assert!(log.guest_log.is_on() && log.warnings.is_empty());
        assert_eq!(parse("connections = true").unwrap().warnings.len(), 1, "written nowhere");
    }
}
