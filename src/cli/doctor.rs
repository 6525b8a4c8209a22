use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::args::ConfigFile;
use super::daemon::{Daemon, runtime};
use super::output::{Failure, say};
use super::{DONE, FAILED, WARNINGS};
use crate::doctor::{Finding, Report, Severity};

/// `turnpike doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Show also what is in order
    #[arg(long, short)]
    verbose: bool,
}

impl Doctor {
    pub(super) fn run(self, daemon: Daemon) -> Result<u8, Failure> {
        let report = runtime()?.block_on((daemon.doctor)(self.config.config));
        say(&if self.json { format!("{}\n", as_json(&report)) } else { as_text(&report, self.verbose) })?;
        Ok(exit_code(&report))
    }
}

fn exit_code(report: &Report) -> u8 {
    match (report.count(Severity::Problem), report.count(Severity::Warning)) {
        (0, 0) => DONE,
        (0, _) => WARNINGS,
        _ => FAILED,
    }
}

fn as_json(report: &Report) -> Value {
    let finding = |found: &Finding| {
        json!({
            "code": found.code.as_str(),
            "severity": found.severity.as_str(),
            "what": found.what,
            "why": found.why,
            "fix": found.fix.join("\n"),
        })
    };
    json!({
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "problems": report.count(Severity::Problem),
        "warnings": report.count(Severity::Warning),
    })
}

/// In words.
pub(super) fn as_text(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    for (severity, heading) in [(Severity::Problem, "Problems"), (Severity::Warning, "Warnings")] {
        let found = report.findings.iter().filter(|finding| finding.severity == severity);
        if report.count(severity) > 0 {
            let _ = writeln!(text, "{heading} ({})", report.count(severity));
        }
        for Finding { code, what, why, fix, .. } in found {
            let _ = writeln!(text, "  {}: {what}", code.as_str());
            let _ = writeln!(text, "    why: {why}");
            for (number, line) in fix.iter().enumerate() {
                let _ = writeln!(text, "    {} {line}", if number == 0 { "fix:" } else { "    " });
            }
        }
    }
    let well = report.count(Severity::Ok);
    if !verbose {
        let _ = writeln!(text, "In order: {well} (shown by --verbose)");
        return text;
    }
    let _ = writeln!(text, "In order ({well})");
    for Finding { code, what, .. } in report.findings.iter().filter(|found| found.severity == Severity::Ok) {
        let _ = writeln!(text, "  {}: {what}", code.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Code;

    fn finding(code: Code, severity: Severity) -> Finding {
        let fix = vec!["first".to_owned(), "then".to_owned()];
        Finding { code, severity, what: "what".to_owned(), why: "why".to_owned(), fix }
    }

    #[test]
    fn the_exit_code_says_the_worst() {
        let of = |severities: &[Severity]| {
            let findings = severities.iter().map(|severity| finding(Code::DNS, *severity)).collect();
            exit_code(&Report { findings })
        };
        assert_eq!(of(&[]), DONE);
        assert_eq!(of(&[Severity::Ok]), DONE);
        assert_eq!(of(&[Severity::Ok, Severity::Warning]), WARNINGS);
        assert_eq!(of(&[Severity::Problem, Severity::Warning]), FAILED);
    }

    #[test]
    fn what_is_in_order_is_counted_or_shown() {
        let findings = vec![finding(Code::DNS, Severity::Problem), finding(Code::CLOCK, Severity::Ok)];
        let report = Report { findings };
        let begin = "Problems (1)\n  dns: what\n    why: why\n    fix: first\n         then\n";
        assert_eq!(as_text(&report, false), format!("{begin}In order: 1 (shown by --verbose)\n"));
        assert_eq!(as_text(&report, true), format!("{begin}In order (1)\n  clock: what\n"));
        let shape = as_json(&report);
        assert_eq!((&shape["problems"], &shape["warnings"]), (&json!(1), &json!(0)));
        let first =
            json!({"code": "dns", "severity": "problem", "what": "what", "why": "why", "fix": "first\nthen"});
        assert_eq!(shape["findings"][0], first);
    }
}
