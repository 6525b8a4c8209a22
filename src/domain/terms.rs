use super::{Mbps, MbpsError, mb_to_bytes};

/// What ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// Its time.
    Time,
    /// Its data.
    Data,
    /// Whichever is used up first.
    TimeOrData,
}

impl SessionKind {
    /// The name in API, CLI, configuration and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Data => "data",
            Self::TimeOrData => "time_or_data",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "time" => Some(Self::Time),
            "data" => Some(Self::Data),
            "time_or_data" => Some(Self::TimeOrData),
            _ => None,
        }
    }
}

/// What a session grants, checked: limits by kind, days, speeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTerms {
    /// What ends it.
    pub kind: SessionKind,
    /// Milliseconds that it may run. `None` for kind `data`, and for the sessions of trusted devices.
    pub time_limit_ms: Option<u64>,
    /// Bytes that it may pass, both directions together. `None` for kind `time`, and for trusted devices.
    pub data_limit_bytes: Option<u64>,
    /// Days from its first start until it expires, whatever is left.
    pub exp_days: Option<u32>,
    /// Speed towards the client; `None` is unlimited.
    pub down: Option<Mbps>,
    /// Speed from the client; `None` is unlimited.
    pub up: Option<Mbps>,
    /// Takes the zone's client speeds instead of its own.
    pub use_global_speed: bool,
}

/// Why terms are impossible: the field and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct TermsError {
    /// The field, by its name in the API.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl TermsError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// The longest session, in seconds: a hundred years.
pub const MAX_TIME_SECS: u64 = 100 * 366 * 86_400;
/// The most days that a session may stay valid: a hundred years.
pub const MAX_EXP_DAYS: u32 = 36_600;

impl SessionTerms {
    /// Checks what a caller asked for; the arguments are those of `create_session`, seconds, MB, days and Mbit/s.
    ///
    /// A limit that the kind does not use must be absent or 0.
    pub fn new(
        kind: SessionKind,
        time_secs: Option<u64>,
        data_mb: Option<f64>,
        exp_days: Option<u32>,
        down_mbps: f64,
        up_mbps: f64,
        use_global_speed: bool,
    ) -> Result<Self, TermsError> {
        let time_secs = time_secs.filter(|secs| *secs != 0);
        let data_mb = data_mb.filter(|mb| *mb != 0.0);
        let wants_time = kind != SessionKind::Data;
        let wants_data = kind != SessionKind::Time;
        let time_limit_ms = match (wants_time, time_secs) {
            (true, Some(secs)) => Some(time_limit(secs)?),
            (true, None) => {
                return Err(TermsError::new(
                    "time_secs",
                    format!("a session of kind {} needs it, above 0", kind.as_str()),
                ));
            }
            (false, None) => None,
            (false, Some(_)) => {
                return Err(TermsError::new("time_secs", "a session of kind data has no time limit"));
            }
        };
        let data_limit_bytes = match (wants_data, data_mb) {
            (true, Some(mb)) => Some(data_limit(mb)?),
            (true, None) => {
                return Err(TermsError::new(
                    "data_mb",
                    format!("a session of kind {} needs it, above 0", kind.as_str()),
                ));
            }
            (false, None) => None,
            (false, Some(_)) => {
                return Err(TermsError::new("data_mb", "a session of kind time has no data limit"));
            }
        };
        if exp_days.is_some_and(|days| days == 0 || days > MAX_EXP_DAYS) {
            return Err(TermsError::new("exp_days", format!("must be between 1 and {MAX_EXP_DAYS}")));
        }
        let speed = |field, mbps| {
            Mbps::from_mbps(mbps).map_err(|error: MbpsError| TermsError::new(field, error.to_string()))
        };
        Ok(Self {
            kind,
            time_limit_ms,
            data_limit_bytes,
            exp_days,
            down: speed("down_mbps", down_mbps)?,
            up: speed("up_mbps", up_mbps)?,
            use_global_speed,
        })
    }

    /// The terms of a trusted device's session: no limit at all, the zone's client speeds.
    pub const fn unlimited() -> Self {
        Self {
            kind: SessionKind::TimeOrData,
            time_limit_ms: None,
            data_limit_bytes: None,
            exp_days: None,
            down: None,
            up: None,
            use_global_speed: true,
        }
    }
}

/// A time limit in milliseconds from a caller's seconds.
pub(crate) fn time_limit(secs: u64) -> Result<u64, TermsError> {
    if secs == 0 || secs > MAX_TIME_SECS {
        return Err(TermsError::new("time_secs", format!("must be between 1 and {MAX_TIME_SECS}")));
    }
    Ok(secs * 1000)
}

/// A data limit in bytes from a caller's MB.
pub(crate) fn data_limit(mb: f64) -> Result<u64, TermsError> {
    mb_to_bytes(mb)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| TermsError::new("data_mb", "must be between 0.000001 and 1000000000"))
}

/// A change of a session's terms. Absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionPatch {
    /// The new time limit, absolute, in milliseconds; never below what is used.
    pub time_limit_ms: Option<u64>,
    /// The new data limit, absolute, in bytes; never below what is used.
    pub data_limit_bytes: Option<u64>,
    /// Milliseconds on top of the time limit.
    pub add_time_ms: u64,
    /// Bytes on top of the data limit.
    pub add_data_bytes: u64,
    /// The new speed towards the client; `Some(None)` is unlimited.
    pub down: Option<Option<Mbps>>,
    /// The new speed from the client; `Some(None)` is unlimited.
    pub up: Option<Option<Mbps>>,
    /// Whether the zone's client speeds apply.
    pub use_global_speed: Option<bool>,
    /// Days from the first start; `Some(None)` never expires.
    pub exp_days: Option<Option<u32>>,
}

impl SessionPatch {
    /// Checks a change in the caller's units: seconds, MB, days, Mbit/s.
    #[expect(clippy::too_many_arguments, reason = "the fields of a PATCH, one for one")]
    pub fn new(
        time_secs: Option<u64>,
        data_mb: Option<f64>,
        add_time_secs: Option<u64>,
        add_data_mb: Option<f64>,
        down_mbps: Option<f64>,
        up_mbps: Option<f64>,
        use_global_speed: Option<bool>,
        exp_days: Option<u32>,
    ) -> Result<Self, TermsError> {
        let speed = |field, mbps: Option<f64>| {
            mbps.map(|mbps| Mbps::from_mbps(mbps).map_err(|error| TermsError::new(field, error.to_string())))
                .transpose()
        };
        if exp_days.is_some_and(|days| days > MAX_EXP_DAYS) {
            return Err(TermsError::new(
                "exp_days",
                format!("must be at most {MAX_EXP_DAYS}; 0 never expires"),
            ));
        }
        let named = |field: &'static str| move |error: TermsError| TermsError { field, ..error };
        Ok(Self {
            time_limit_ms: time_secs.map(time_limit).transpose()?,
            data_limit_bytes: data_mb.map(data_limit).transpose()?,
            add_time_ms: add_time_secs
                .map(|secs| time_limit(secs).map_err(named("add_time_secs")))
                .transpose()?
                .unwrap_or(0),
            add_data_bytes: add_data_mb
                .map(|mb| data_limit(mb).map_err(named("add_data_mb")))
                .transpose()?
                .unwrap_or(0),
            down: speed("down_mbps", down_mbps)?,
            up: speed("up_mbps", up_mbps)?,
            use_global_speed,
            exp_days: exp_days.map(|days| Some(days).filter(|days| *days != 0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(result: Result<SessionTerms, TermsError>) -> &'static str {
        result.unwrap_err().field
    }

    #[test]
    fn every_kind_needs_its_own_limits() {
        use SessionKind::{Data, Time, TimeOrData};
        let new = |kind, secs, mb| SessionTerms::new(kind, secs, mb, None, 0.0, 0.0, false);
        assert_eq!(new(Time, Some(60), None).unwrap().time_limit_ms, Some(60_000));
        assert_eq!(new(Data, Some(0), Some(2.0)).unwrap().data_limit_bytes, Some(2_000_000));
        assert_eq!(field(new(Time, None, None)), "time_secs");
        assert_eq!(field(new(Data, None, None)), "data_mb");
        assert_eq!(field(new(TimeOrData, Some(1), None)), "data_mb");
        assert_eq!(field(new(Time, Some(1), Some(1.0))), "data_mb");
        assert_eq!(field(new(Data, Some(1), Some(1.0))), "time_secs");
    }

    #[test]
    fn absurd_numbers_are_refused_by_field() {
        let new = |secs, days, down, up| {
            SessionTerms::new(SessionKind::Time, Some(secs), None, days, down, up, false)
        };
        assert_eq!(field(new(u64::MAX, None, 0.0, 0.0)), "time_secs");
        assert_eq!(field(new(1, Some(0), 0.0, 0.0)), "exp_days");
        assert_eq!(field(new(1, Some(u32::MAX), 0.0, 0.0)), "exp_days");
        assert_eq!(field(new(1, None, -1.0, 0.0)), "down_mbps");
        assert_eq!(field(new(1, None, 0.0, 1e9)), "up_mbps");
    }
}
