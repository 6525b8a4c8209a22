//! The power goes at random points, and the disk forgets what it was not told to keep.

use serde_json::json;

use crate::Effort;
use crate::cuts;
use crate::report::{Report, Row};

const CUTS: usize = 200;
/// Of a disk that lies; one is found out soon.
const LIES: usize = 40;

pub fn prove(report: &mut Report, effort: Effort) {
    let found = cuts::cut_and_lie(effort.seed, LIES);
    report.add(Row {
        what: "a disk that only says that it keeps what it is told to: the losses are found".to_owned(),
        count: 1,
        held: u64::from(!found.failures.is_empty()),
        failures: Vec::new(),
        facts: vec![("cuts", json!(found.cuts)), ("losses", json!(found.failures.len()))],
    });
    let survived = cuts::cut(effort.seed, effort.count.unwrap_or(CUTS));
    let acts = survived.acts;
    report.add(Row {
        what: "the power goes: what was answered is there, nothing is there twice".to_owned(),
        count: survived.cuts,
        held: survived.held,
        failures: survived.failures,
        facts: vec![
            ("cuts while starting", json!(survived.at_start)),
            ("while ending", json!(survived.at_end)),
            ("while moving the log", json!(survived.in_checkpoint)),
            ("changes of the disk", json!(survived.operations)),
            ("acts", json!(acts.tried)),
            ("answered", json!(acts.answered)),
            ("without an answer", json!(acts.open)),
            ("of those done", json!(acts.found_done)),
            ("sent again", json!(acts.sent_again)),
            ("oldest usage in ms", json!(u64::try_from(survived.oldest.as_millis()).unwrap_or(u64::MAX))),
        ],
    });
}
