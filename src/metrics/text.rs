use std::fmt::{self, Write};

use super::Measured;

/// What a family's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up, and begins anew with the daemon.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A count, exact.
    Whole(u64),
    /// Anything else.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Real(value) if value.is_finite() => write!(f, "{value}"),
            Self::Real(value) if value.is_nan() => f.write_str("NaN"),
            Self::Real(value) => f.write_str(if *value > 0.0 { "+Inf" } else { "-Inf" }),
        }
    }
}

/// Metrics as Prometheus reads them: its text format 0.0.4
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Its media type.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a family: every sample of it follows. `name` and `help` are ours: a plain name and a line without backslash.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { text: self, name }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// A family whose samples are being written.
#[derive(Debug)]
pub struct Family<'e> {
    text: &'e mut Exposition,
    name: &'static str,
}

impl Family<'_> {
    /// A number; `labels` tell it from its siblings. Their values may hold anything.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Into<Value>) -> &mut Self {
        let name = self.name;
        self.text.line(format_args!("{name}{} {}", Labels(labels), value.into()));
        self
    }

    /// A distribution.
    pub fn histogram(&mut self, measured: &Measured) {
        let name = self.name;
        for (bound, count) in &measured.buckets {
            let bound = bound.to_string();
            self.text.line(format_args!("{name}_bucket{} {count}", Labels(&[("le", &bound)])));
        }
        let Measured { count, sum, .. } = measured;
        self.text.line(format_args!("{name}_bucket{} {count}", Labels(&[("le", "+Inf")])));
        self.text.line(format_args!("{name}_sum {}", Value::Real(*sum)));
        self.text.line(format_args!("{name}_count {count}"));
    }
}

struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.0.iter().enumerate() {
            let before = if position == 0 { '{' } else { ',' };
            write!(f, "{before}{name}=\"")?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    other => f.write_char(other)?,
                }
            }
            f.write_char('"')?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_char('}') }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Histogram;
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "How often.").sample(&[], 3_usize);
        text.family("b", Kind::Gauge, "How many.")
            .sample(&[("zone", "guests"), ("of", "a\\b\"c\nd")], u64::MAX)
            .sample(&[("zone", "")], f64::INFINITY);
        let seconds = Histogram::new(&[0.0005, 1.0]);
        seconds.observe(0.25);
        text.family("c_seconds", Kind::Histogram, "How long.").histogram(&seconds.measured());
        assert_eq!(
            text.finish(),
            "# HELP a_total How often.\n# TYPE a_total counter\na_total 3\n\
             # HELP b How many.\n# TYPE b gauge\n\
             b{zone=\"guests\",of=\"a\\\\b\\\"c\\nd\"} 18446744073709551615\nb{zone=\"\"} +Inf\n\
             # HELP c_seconds How long.\n# TYPE c_seconds histogram\n\
             c_seconds_bucket{le=\"0.0005\"} 0\nc_seconds_bucket{le=\"1\"} 1\nc_seconds_bucket{le=\"+Inf\"} 1\n\
             c_seconds_sum 0.25\nc_seconds_count 1\n"
        );
    }
}
