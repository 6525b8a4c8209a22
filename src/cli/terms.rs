//! What a session, plan or voucher grants, as arguments.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::request::fields;

/// What ends a session.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Its time
    Time,
    /// Its data
    Data,
    /// Whichever is used up first
    TimeOrData,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Data => "data",
            Self::TimeOrData => "time_or_data",
        }
    }
}

/// Limits and speeds.
#[derive(Debug, Args)]
pub struct Limits {
    /// Seconds it may run
    #[arg(long, value_name = "N")]
    time_secs: Option<u64>,
    /// MB (of 1,000,000 bytes) it may pass, both directions together
    #[arg(long, value_name = "N")]
    data_mb: Option<f64>,
    /// Days from its first start until it expires; as a change, 0 is never
    #[arg(long, value_name = "N")]
    exp_days: Option<u32>,
    /// Mbit/s towards the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    down_mbps: Option<f64>,
    /// Mbit/s from the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    up_mbps: Option<f64>,
    /// Whether it takes the zone's client speeds
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    global_speed: Option<bool>,
}

impl Limits {
    /// Those that are given, as a body has them.
    pub(super) fn fields(&self) -> Map<String, Value> {
        fields([
            ("time_secs", self.time_secs.map(|secs| json!(secs))),
            ("data_mb", self.data_mb.map(|mb| json!(mb))),
            ("exp_days", self.exp_days.map(|days| json!(days))),
            ("down_mbps", self.down_mbps.map(|mbps| json!(mbps))),
            ("up_mbps", self.up_mbps.map(|mbps| json!(mbps))),
            ("use_global_speed", self.global_speed.map(|global| json!(global))),
        ])
    }
}
