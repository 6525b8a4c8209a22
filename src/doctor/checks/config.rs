use std::path::Path;

use crate::config::{Config, ConfigError};
use crate::doctor::{Code, Finding};

/// The configuration: every mistake, every doubt.
pub fn judge(file: &Path, read: &Result<Config, ConfigError>) -> Vec<Finding> {
    let shown = file.display();
    let again = format!("turnpike check-config --config {shown}");
    match read {
        Ok(config) if config.warnings.is_empty() => {
            vec![Finding::ok(Code::CONFIG, format!("{shown} is in order"))]
        }
        Ok(config) => config
            .warnings
            .iter()
            .map(|warning| {
                Finding::warning(Code::CONFIG, format!("{shown}:{warning}"))
                    .because("it works, but is hardly meant")
                    .fix([format!("change it in {shown}"), again.clone()])
            })
            .collect(),
        Err(error) => {
            let mistakes = error.mistakes.iter().map(|mistake| {
                Finding::problem(Code::CONFIG, format!("{shown}:{mistake}"))
                    .because("the daemon does not start with it")
                    .fix([format!("put it right in {shown}"), again.clone()])
            });
            let rest = "zones, listeners and the database were not looked at: what they are stands in the configuration";
            let rest = Finding::warning(Code::CONFIG, rest)
                .because("what was not looked at may be wrong")
                .fix(["put the configuration right, and run turnpike doctor again"]);
            mistakes.chain([rest]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn each_mistake_is_a_finding() {
        let file = Path::new("t.toml");
        let of = |text: &str| judge(file, &Config::parse(text, file));
        let good = "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n";
        assert_eq!(of(good)[0].severity, Severity::Ok);
        let doubtful = of(&format!("[network]\nmark_mask = 3\n{good}"));
        assert_eq!((doubtful.len(), doubtful[0].severity), (1, Severity::Warning), "{doubtful:?}");
        let wrong = of("[netwrk]\n[[zone]]\nname = 3\n");
        let problems = wrong.iter().filter(|finding| finding.severity == Severity::Problem).count();
        assert!(problems >= 3 && wrong.len() == problems + 1, "{wrong:?}");
        assert!(wrong.iter().any(|finding| finding.what.starts_with("t.toml:1:2: ")), "{wrong:?}");
    }
}
