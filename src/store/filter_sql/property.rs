use sqlx::{QueryBuilder, Sqlite};

use crate::domain::{FixedKey, GatewayFacts, Text, millionths};

/// Where the value of a property is found. All are NULL if it is not set.
pub(super) enum Property {
    /// Nowhere.
    Unset,
    /// A text.
    Text(&'static str),
    /// A text that is the same for all.
    Constant(String),
    /// An integer, shown as it is.
    Integer(&'static str),
    /// An integer of at least 0, shown divided by a million.
    Millionths(&'static str),
    /// What was set by hand under this name, else a text, else another that is the same for all.
    Set(&'static str, &'static str, String),
    /// A user-defined property, by its place in the JSON object.
    User(String),
}

impl Property {
    pub(super) fn of(key: &str, gateway: &GatewayFacts) -> Self {
        let Some(fixed) = FixedKey::from_name(key) else {
            // No property has a key with a NUL, which JSON paths end at.
            return if key.starts_with('$') || key.contains('\0') {
                Self::Unset
            } else {
                Self::User(path(key))
            };
        };
        let name = fixed.as_str();
        let degrees = |degrees: Option<f64>| degrees.map_or_else(|| "NaN".to_owned(), |it| it.to_string());
        let text = |text: &Text| text.as_str().to_owned();
        match fixed {
            FixedKey::SessionId => Self::Text("s.id"),
            FixedKey::DeviceId => Self::Text("s.device"),
            FixedKey::Mac => Self::Text("d.mac"),
            // Where a device is now says nothing of where it was.
            FixedKey::ClientIp | FixedKey::Interface | FixedKey::Transport => Self::Unset,
            FixedKey::Hostname => Self::Text("d.hostname"),
            FixedKey::Zone | FixedKey::Connector => Self::Text("d.zone"),
            FixedKey::State => Self::Text("s.state"),
            FixedKey::Kind => Self::Text("s.kind"),
            FixedKey::Provider => Self::Text("s.provider"),
            FixedKey::Principal => Self::Text("ifnull(s.principal, '')"),
            FixedKey::Roles => Self::Text(ROLES),
            FixedKey::Gateway | FixedKey::ServerName => Self::Constant(text(&gateway.name)),
            FixedKey::StartTime => Self::Integer("s.started_at"),
            FixedKey::ClientType => Self::Text("ifnull(d.client_type, 'OTHER')"),
            FixedKey::Country => Self::Set(name, "NULL", text(&gateway.country)),
            FixedKey::Latitude => Self::Set(name, "NULL", degrees(gateway.latitude)),
            FixedKey::Longitude => Self::Set(name, "NULL", degrees(gateway.longitude)),
            FixedKey::Language => Self::Set(name, "d.language", String::new()),
            FixedKey::TimeLeft => {
                Self::Integer("(max(0, s.time_limit_ms - max(0, s.used_time_ms - s.free_time_ms)) / 1000)")
            }
            FixedKey::DataLeft => Self::Millionths(
                "max(0, s.data_limit_bytes - max(0, s.used_sent + s.used_received - s.free_sent - s.free_received))",
            ),
            FixedKey::TimeUsed => Self::Integer("(s.used_time_ms / 1000)"),
            FixedKey::DataUsed => Self::Millionths("(s.used_sent + s.used_received)"),
            FixedKey::DownMbps => Self::Millionths("ifnull(s.down_bps, 0)"),
            FixedKey::UpMbps => Self::Millionths("ifnull(s.up_bps, 0)"),
            FixedKey::Plan => Self::Text("s.plan"),
            FixedKey::Voucher => Self::Text("s.voucher"),
            FixedKey::CreatedAt => Self::Integer("s.created_at"),
            FixedKey::ExpiresAt => Self::Integer("s.expires_at"),
        }
    }

    /// Adds it as it is stored.
    pub(super) fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Unset => query.push("NULL"),
            Self::Text(sql) | Self::Integer(sql) | Self::Millionths(sql) => query.push(sql),
            Self::Constant(value) => query.push_bind(value.clone()),
            Self::Set(name, sql, default) => query
                .push("coalesce(json_extract(s.properties, ")
                .push_bind(path(name))
                .push(format_args!("), {sql}, "))
                .push_bind(default.clone())
                .push(")"),
            Self::User(path) => query.push("json_extract(s.properties, ").push_bind(path.clone()).push(")"),
        };
    }

    /// Adds it as the text that it is shown as.
    pub(super) fn push_text(&self, query: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Integer(sql) => {
                query.push(format_args!("CAST({sql} AS TEXT)"));
            }
            Self::Millionths(sql) => {
                query.push(format_args!(
                    "iif({sql} IS NULL, NULL, \
                     rtrim(rtrim(printf('%d.%06d', {sql} / 1000000, {sql} % 1000000), '0'), '.'))"
                ));
            }
            Self::Unset | Self::Text(_) | Self::Constant(_) | Self::Set(..) | Self::User(_) => {
                self.push(query);
            }
        }
    }

    /// What is stored where this is shown; `None` if nothing is shown so.
    pub(super) fn stored(&self, shown: &str) -> Option<Stored> {
        match self {
            Self::Integer(_) => {
                let value: i64 = shown.parse().ok()?;
                (value.to_string() == shown).then_some(Stored::Integer(value))
            }
            Self::Millionths(_) => {
                let (whole, fraction) = shown.split_once('.').unwrap_or((shown, ""));
                let value: u64 = format!("{whole}{fraction:0<6}").parse().ok()?;
                let value = Some(value).filter(|value| millionths(*value) == shown)?;
                value.try_into().ok().map(Stored::Integer)
            }
            Self::Unset | Self::Text(_) | Self::Constant(_) | Self::Set(..) | Self::User(_) => {
                Some(Stored::Text(shown.to_owned()))
            }
        }
    }
}

/// A value as it is stored.
pub(super) enum Stored {
    Text(String),
    Integer(i64),
}

impl Stored {
    /// Adds it.
    pub(super) fn push(self, query: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Text(value) => query.push_bind(value),
            Self::Integer(value) => query.push_bind(value),
        };
    }
}

/// The roles of session and device together, as `domain::roles::canonical` writes them.
const ROLES: &str = r#"iif(s.roles = '[]' AND d.roles = '[]', '', (SELECT ifnull(group_concat('"' || replace(replace(value, '\', '\\'), '"', '\"') || '"', ','), '')
    FROM (SELECT value FROM json_each(s.roles) UNION SELECT value FROM json_each(d.roles) ORDER BY value)))"#;

/// The place of a key in a JSON object, as SQLite's JSON functions read it.
fn path(key: &str) -> String {
    format!("$.{}", serde_json::Value::from(key))
}
