use serde::Deserialize;

use crate::domain::{SessionKind, SessionTerms};
use crate::http::Problem;

/// What a new session grants, as the API takes it; `null` is absence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTerms {
    pub(crate) kind: Option<String>,
    pub(crate) time_secs: Option<u64>,
    pub(crate) data_mb: Option<f64>,
    pub(crate) exp_days: Option<u32>,
    pub(crate) down_mbps: Option<f64>,
    pub(crate) up_mbps: Option<f64>,
    pub(crate) use_global_speed: Option<bool>,
}

impl NewTerms {
    /// The first field that says anything.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("kind", self.kind.is_some()),
            ("time_secs", self.time_secs.is_some()),
            ("data_mb", self.data_mb.is_some()),
            ("exp_days", self.exp_days.is_some()),
            ("down_mbps", self.down_mbps.is_some()),
            ("up_mbps", self.up_mbps.is_some()),
            ("use_global_speed", self.use_global_speed.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(field, _)| field)
    }

    /// Checks it.
    pub(crate) fn check(&self) -> Result<SessionTerms, Problem> {
        let kind = self
            .kind
            .as_deref()
            .and_then(SessionKind::from_name)
            .ok_or_else(|| Problem::invalid_field("kind", "must be one of time, data, time_or_data"))?;
        let terms = SessionTerms::new(
            kind,
            self.time_secs,
            self.data_mb,
            self.exp_days,
            self.down_mbps.unwrap_or(0.0),
            self.up_mbps.unwrap_or(0.0),
            self.use_global_speed.unwrap_or(false),
        )?;
        Ok(terms)
    }
}
