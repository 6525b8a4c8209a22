//! The power goes at random points, and the disk forgets what it was not told to keep.

use serde_json::json;

use crate::Effort;
use crate::cuts;
use crate::report::{Report, Row};

const CUTS: usize = 200;

pub fn prove(report: &mut Report, effort: Effort) {
    let survived = cuts::cut(effort.seed, effort.count.unwrap_or(CUTS));
    let acts = survived.acts;
    report.add(Row {
        what: "the power goes: what was answered is there, nothing is there twice".to_owned(),
        count: survived.cuts,
        held: survived.held,
        failures: survived.failures,
        facts: vec![
            ("cuts while starting", json!(survived.at_start)),
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
