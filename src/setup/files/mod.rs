//! The files that make a guests' network on Debian, each whole.

pub(super) mod dnsmasq;
pub(super) mod hostapd;
pub(super) mod ifupdown;
pub(super) mod nat;
pub(super) mod networkd;
pub(super) mod sysctl;

use super::{Facts, MARK, NewFile, Refused, Step};

/// Whether there is such a file, of ours.
pub(super) fn is_ours(facts: &Facts, path: &str) -> bool {
    facts.text(path).is_some_and(|text| text.starts_with(MARK))
}

/// The step that writes a file; `None` if it is there as it should be. One that is otherwise is not touched.
pub(super) fn write(facts: &Facts, file: NewFile) -> Result<Option<Step>, Refused> {
    let shown = file.path.display().to_string();
    match facts.text(&shown) {
        Some(text) if text == file.text => Ok(None),
        Some(text) if text.starts_with(MARK) => Err(Refused::new(format!(
            "{shown} is from an earlier set-up with other answers: take that back first, with turnpike setup --undo-network"
        ))),
        None if !facts.has(&shown) => Ok(Some(Step::Write(file))),
        Some(_) | None => Err(Refused::new(format!(
            "{shown} is there already, and not from turnpike setup: nothing of somebody else's is overwritten. Move it away first"
        ))),
    }
}
