//! Vouchers: how long ten thousand codes take to be made and stored.

use std::time::Instant;

use serde_json::json;

use crate::Effort;
use crate::lab::{HttpRequest, Lab};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::Sample;

const AREA: &str = "vouchers";
/// Codes of a batch.
const CODES: usize = 10_000;

/// Making a batch.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let mut made = Sample::default();
    for _ in 0..effort.runs {
        let body = json!({ "count": CODES, "kind": "time", "time_secs": 3600, "max_devices": 2 });
        let request = HttpRequest::json("POST", "/api/v1/vouchers", &body.to_string());
        let begun = Instant::now();
        let answer = request.send_unix(&router.socket()).expect("an answer");
        made.add(begun.elapsed().as_secs_f64());
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["codes"].as_array().map(Vec::len), Some(CODES));
    }
    report.add(AREA, format!("making {CODES} codes, stored when answered"), made, "s", Aim::Below(2.0));
}
