use sqlx::{QueryBuilder, Sqlite};

use super::rows::{self, SESSION_COLUMNS};
use super::sql::{like_pattern, rows_before};
use super::{Store, StoreError};
use crate::domain::{ClientSession, DeviceId, MacAddr, Text};

/// Which sessions a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionQuery {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Free text, found anywhere in MAC, host name, alias, id, provider, principal or state, in any (ASCII) case.
    pub q: Option<String>,
    /// In this state only, by its name; an unknown name finds nothing.
    pub state: Option<String>,
    /// First by the first; what is equal in all is in the order of creation, newest first.
    pub sort: Vec<(SortKey, Direction)>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first; what is not set comes first.
    Ascending,
    /// Largest first; what is not set comes last.
    Descending,
}

macro_rules! sort_keys {
    ($($(#[$doc:meta])* $key:ident, $name:literal, $column:literal;)*) => {
        /// What a list can be sorted by: the fields of a session and of its device, by their API names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SortKey {
            $($(#[$doc])* $key,)*
        }

        impl SortKey {
            /// Every key, with its name in the API.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$key, $name),)*];

            /// The key of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, known)| *known == name).map(|(key, _)| *key)
            }

            const fn column(self) -> &'static str {
                match self {
                    $(Self::$key => $column,)*
                }
            }
        }
    };
}

sort_keys! {
    /// The id: in the order of making.
    Id, "id", "s.id";
    /// The device's id.
    Device, "device", "s.device";
    /// The device's MAC.
    Mac, "mac", "d.mac";
    /// The device's host name.
    Hostname, "hostname", "d.hostname";
    /// The device's alias.
    Alias, "alias", "d.alias";
    /// The device's zone.
    Zone, "zone", "d.zone";
    /// The provider.
    Provider, "provider", "s.provider";
    /// The kind.
    Kind, "kind", "s.kind";
    /// The time limit.
    TimeSecs, "time_secs", "s.time_limit_ms";
    /// The data limit.
    DataMb, "data_mb", "s.data_limit_bytes";
    /// The time used.
    TimeUsedSecs, "time_used_secs", "s.used_time_ms";
    /// The data used.
    DataUsedMb, "data_used_mb", "(s.used_sent + s.used_received)";
    /// The days from first start to expiry.
    ExpDays, "exp_days", "s.exp_days";
    /// The speed towards the client.
    DownMbps, "down_mbps", "s.down_bps";
    /// The speed from the client.
    UpMbps, "up_mbps", "s.up_bps";
    /// The state.
    State, "state", "s.state";
    /// When it was made.
    CreatedAt, "created_at", "s.created_at";
    /// When it first ran.
    StartedAt, "started_at", "s.started_at";
    /// When it last began to run.
    ResumedAt, "resumed_at", "s.resumed_at";
    /// When it expires.
    ExpiresAt, "expires_at", "s.expires_at";
    /// When it ended.
    EndedAt, "ended_at", "s.ended_at";
    /// The plan.
    Plan, "plan", "s.plan";
    /// The account or voucher batch.
    Principal, "principal", "s.principal";
}

impl Store {
    /// A page of sessions as of the last flush, and how many there are in all.
    pub async fn page_sessions(
        &self,
        wanted: &SessionQuery,
    ) -> Result<(Vec<ClientSession>, u64), StoreError> {
        let mut counting =
            QueryBuilder::new("SELECT count(*) FROM sessions s JOIN devices d ON d.id = s.device");
        push_conditions(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let columns: Vec<String> = SESSION_COLUMNS.split(", ").map(|column| format!("s.{column}")).collect();
        let mut query = QueryBuilder::new(format!(
            "SELECT {} FROM sessions s JOIN devices d ON d.id = s.device",
            columns.join(", ")
        ));
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY ");
        for (place, (key, direction)) in wanted.sort.iter().enumerate() {
            // A key named again decides nothing; SQLite takes so many terms and no more.
            if wanted.sort.iter().position(|(known, _)| known == key) == Some(place) {
                query.push(key.column());
                query.push(match direction {
                    Direction::Ascending => " ASC, ",
                    Direction::Descending => " DESC, ",
                });
            }
        }
        query.push("s.created_at DESC, s.id DESC LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let found = query.build().persistent(false).fetch_all(&self.readers).await?;
        Ok((found.iter().map(rows::session).collect::<Result<_, _>>()?, total.unsigned_abs()))
    }
}

/// Texts are bound, never written into the statement.
fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &SessionQuery) {
    query.push(" WHERE 1");
    if let Some(device) = wanted.device {
        query.push(" AND s.device = ").push_bind(device.to_string());
    }
    if let Some(state) = &wanted.state {
        query.push(" AND s.state = ").push_bind(state.clone());
    }
    // Bounded and without control characters: a pattern would end at a NUL.
    let Some(q) = wanted.q.as_deref().map(Text::new).filter(|q| !q.is_empty()) else { return };
    let pattern = like_pattern(q.as_str());
    let mac =
        q.as_str().parse().map_or_else(|_| pattern.clone(), |mac: MacAddr| like_pattern(&mac.to_string()));
    query.push(" AND (d.mac LIKE ").push_bind(mac).push(r" ESCAPE '\'");
    for column in ["d.hostname", "d.alias", "s.id", "s.provider", "s.principal", "s.state"] {
        query.push(format_args!(" OR {column} LIKE ")).push_bind(pattern.clone()).push(r" ESCAPE '\'");
    }
    query.push(")");
}
