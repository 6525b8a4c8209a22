//! What is done, in words.

use super::super::output::{Failure, say};
use crate::setup::{Facts, Plan, Step};

/// A heading and its lines; nothing if there are none.
pub(super) fn lines(heading: &str, lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    say(&format!("{heading}:\n{lines}"))
}

/// Every file and command.
pub(super) fn steps(plan: &Plan, facts: &Facts) -> Result<(), Failure> {
    say("What is done:\n")?;
    for step in &plan.steps {
        let not_here = match left_to_others(step, facts) {
            Some(_) => " (not here: systemd does not run)",
            None => "",
        };
        say(&format!("  {}{not_here}\n", doing(step)))?;
        if let Step::Configure { file, .. } | Step::Write(file) = step {
            let text: String = file.shown().lines().map(|line| format!("      {line}\n")).collect();
            say(&text)?;
        }
    }
    Ok(())
}

/// What somebody else has to do.
pub(super) fn by_hand(plan: &Plan) -> Result<(), Failure> {
    for work in &plan.by_hand {
        lines(&format!("To be done by hand. {}", work.why), &work.lines)?;
    }
    Ok(())
}

/// One thing, in a line.
pub(super) fn doing(step: &Step) -> String {
    match step {
        Step::Configure { file, keep } => {
            let kept = if *keep { ", and keep the old one beside it" } else { "" };
            format!("write {}{kept}", file.path.display())
        }
        Step::Write(file) => format!("write {}", file.path.display()),
        Step::Append { path, line, copy } => {
            format!("add to {} (kept as {}): {line}", path.display(), copy.display())
        }
        Step::TakeOut { path, line, .. } => format!("take out of {}: {line}", path.display()),
        Step::Remove(path) => format!("remove {}", path.display()),
        Step::Run(command) => format!("{}      ({})", command.line(), command.why),
    }
}

/// What only systemd can do, where it does not run.
pub(super) fn left_to_others(step: &Step, facts: &Facts) -> Option<String> {
    match step {
        Step::Run(command) if command.needs_systemd && !facts.systemd_runs() => Some(command.line()),
        Step::Configure { .. }
        | Step::Write(_)
        | Step::Append { .. }
        | Step::TakeOut { .. }
        | Step::Remove(_)
        | Step::Run(_) => None,
    }
}
