use super::Code;

/// The longest text of a finding, in characters: names in it come from outside.
const MAX_CHARS: usize = 1_000;

/// How bad something is; worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Turnpike does not work, or lets people through, or loses what was paid for.
    Problem,
    /// It works, but something is not as it should be, or could not be looked at.
    Warning,
    /// As it should be.
    Ok,
}

impl Severity {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Ok => "ok",
        }
    }
}

/// One thing that was looked at. All texts are free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in one line.
    pub what: String,
    /// Why it matters; empty if all is well.
    pub why: String,
    /// What to do: commands, or lines of a configuration, each a line; empty if all is well.
    pub fix: Vec<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(code: Code, what: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Ok, what.as_ref())
    }

    /// It does not work.
    pub(super) fn problem(code: Code, what: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Problem, what.as_ref())
    }

    /// It is not as it should be.
    pub(super) fn warning(code: Code, what: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Warning, what.as_ref())
    }

    /// It could not be looked at.
    pub(super) fn unchecked(code: Code, reason: impl std::fmt::Display) -> Self {
        let what = format!("{} could not be checked, because {reason}", code.looks_at());
        let why = "what was not looked at may be wrong";
        let fix = ["see to what the reason says, and run turnpike doctor again, as root"];
        Self {
            code,
            severity: Severity::Warning,
            what: clean(&what),
            why: why.to_owned(),
            fix: fix.map(str::to_owned).into(),
        }
    }

    fn new(code: Code, severity: Severity, what: &str) -> Self {
        debug_assert!(
            code.may_be(severity),
            "{} is no {}: its table says so",
            code.as_str(),
            severity.as_str()
        );
        Self { code, severity, what: clean(what), why: String::new(), fix: Vec::new() }
    }

    /// Why it matters.
    pub(super) fn because(mut self, why: impl AsRef<str>) -> Self {
        self.why = clean(why.as_ref());
        self
    }

    /// What to do, each a line.
    pub(super) fn fix<L: AsRef<str>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.fix = lines.into_iter().map(|line| clean(line.as_ref())).collect();
        self
    }
}

/// One line of bounded length without what a terminal would obey.
fn clean(text: &str) -> String {
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(MAX_CHARS).map(printable).collect::<String>().trim().to_owned()
}

/// Everything that was found, problems first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Sorted by severity, then by code.
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (finding.severity, finding.code));
        Self { findings }
    }

    /// How many are as severe as that.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_first_and_nothing_reaches_the_terminal_that_it_obeys() {
        let report = Report::new(vec![
            Finding::ok(Code::DNS, "a"),
            Finding::warning(Code::CLOCK, "b"),
            Finding::unchecked(Code::NFT, "\u{1b}[2Jx\ny"),
            Finding::problem(Code::PORT_TAKEN, "c").because("\0").fix(["d\re"]),
        ]);
        let shown: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(shown, ["port-taken", "nft", "clock", "dns"]);
        assert_eq!(
            [Severity::Problem, Severity::Warning, Severity::Ok].map(|of| report.count(of)),
            [1, 2, 1]
        );
        for text in report.findings.iter().flat_map(|found| found.fix.iter().chain([&found.what, &found.why]))
        {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
}
