use serde::Deserialize;

use crate::domain::SessionPatch;
use crate::http::Problem;

/// A change of a session, as the API takes it; `null` is absence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsChange {
    time_secs: Option<u64>,
    data_mb: Option<f64>,
    add_time_secs: Option<u64>,
    add_data_mb: Option<f64>,
    down_mbps: Option<f64>,
    up_mbps: Option<f64>,
    use_global_speed: Option<bool>,
    exp_days: Option<u32>,
}

impl TermsChange {
    /// Checks it.
    pub(super) fn check(&self) -> Result<SessionPatch, Problem> {
        let patch = SessionPatch::new(
            self.time_secs,
            self.data_mb,
            self.add_time_secs,
            self.add_data_mb,
            self.down_mbps,
            self.up_mbps,
            self.use_global_speed,
            self.exp_days,
        )?;
        Ok(patch)
    }
}
