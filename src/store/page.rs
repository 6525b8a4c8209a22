use sqlx::{QueryBuilder, Row, Sqlite};

use super::rows::{self, SESSION_COLUMNS};
use super::sql::{like_pattern, rows_before};
use super::{Store, StoreError, filter_sql};
use crate::domain::{ClientSession, DeviceId, Filter, GatewayFacts, MacAddr, SessionId, Text};

/// Which sessions a list shows.
///
/// What a filter and a free text ask about is partly in memory only while a session has not ended. Whoever knows it
/// chooses among those sessions and hands over the ids (`live`); the store chooses among the sessions that have ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionQuery {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Those that have ended and that it selects.
    pub filter: Option<Filter>,
    /// This box, of which a filter may ask.
    pub gateway: GatewayFacts,
    /// These, whatever else is asked for but `device`: the sessions that have not ended and were chosen in memory. With it,
    /// `filter`, `q` and `state` choose among those that have ended.
    pub live: Option<Vec<SessionId>>,
    /// Free text, found anywhere in MAC, host name, alias, id, provider, plan, principal, voucher (without its dashes) or
    /// state, in any (ASCII) case.
    pub q: Option<String>,
    /// Devices whose sessions are found by `q` as well: those with such an address.
    pub q_devices: Vec<DeviceId>,
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
    /// What the device is called: its alias, else its host name, else its MAC.
    Name, "name", "lower(coalesce(d.alias, d.hostname, d.mac))";
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
        if let (Some(device), None) = (wanted.device, &wanted.live)
            && !self.traces(device).await?.sessions
        {
            return Ok((Vec::new(), 0));
        }
        if !wanted.is_search() {
            // Of the session alone: the device's row is not looked up.
            let mut query = QueryBuilder::new("SELECT count(*) FROM sessions s");
            push_conditions(&mut query, wanted);
            let total = self.count(query).await?;
            let mut query = QueryBuilder::new(format!("SELECT {} {SESSIONS}", session_columns()));
            push_conditions(&mut query, wanted);
            push_order(&mut query, wanted);
            let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
            return Ok((rows.iter().map(rows::session).collect::<Result<_, _>>()?, total));
        }
        // Never closed: an error would only mean that nobody waits in line.
        let _turn = self.searches.acquire().await;
        // One statement for page and number, since every row must be looked at for either.
        let mut query = found(wanted);
        query.push(format_args!(
            "SELECT {}, (SELECT count(*) FROM found) AS total FROM found CROSS JOIN sessions s ON s.rowid = found.place \
             LEFT JOIN devices d ON d.id = s.device",
            session_columns()
        ));
        push_order(&mut query, wanted);
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        let total = match rows.first() {
            Some(row) => row.try_get::<i64, _>("total")?.unsigned_abs(),
            None if wanted.page <= 1 && wanted.per_page > 0 => 0,
            // A page behind the last one.
            None => {
                let mut query = found(wanted);
                query.push("SELECT count(*) FROM found");
                self.count(query).await?
            }
        };
        Ok((rows.iter().map(rows::session).collect::<Result<_, _>>()?, total))
    }

    async fn count(&self, mut query: QueryBuilder<Sqlite>) -> Result<u64, StoreError> {
        let count: i64 = query.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }
}

impl SessionQuery {
    /// Whether every row must be looked at; a plain list follows an index and stops early.
    fn is_search(&self) -> bool {
        self.filter.is_some() || self.live.is_some() || self.text().is_some()
    }

    /// The free text: bounded and without control characters, since a pattern would end at a NUL.
    fn text(&self) -> Option<Text> {
        self.q.as_deref().map(Text::new).filter(|q| !q.is_empty())
    }
}

fn session_columns() -> String {
    let columns: Vec<String> =
        SESSION_COLUMNS.split(',').map(|column| format!("s.{}", column.trim())).collect();
    columns.join(", ")
}

/// Every session has its device; as an outer join, SQLite leaves it out where nothing is asked of the device.
const SESSIONS: &str = "FROM sessions s LEFT JOIN devices d ON d.id = s.device";

/// The beginning of a statement that reads `found`: the places of the rows that are wanted, each once.
fn found(wanted: &SessionQuery) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("WITH found (place) AS MATERIALIZED (");
    query.push("SELECT s.rowid ").push(SESSIONS);
    push_conditions(&mut query, wanted);
    if wanted.live.is_some() || wanted.filter.is_some() {
        query.push(" AND s.state NOT IN ('available', 'running', 'paused')");
    }
    if let Some(filter) = &wanted.filter {
        query.push(" AND ");
        filter_sql::push(&mut query, filter, &wanted.gateway);
    }
    if let Some(live) = &wanted.live {
        query.push(" UNION SELECT s.rowid FROM sessions s WHERE s.id IN ");
        push_listed(&mut query, live);
        push_device(&mut query, wanted);
    }
    query.push(") ");
    query
}

/// Texts are bound, never written into the statement.
fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &SessionQuery) {
    query.push(" WHERE 1");
    push_device(query, wanted);
    if let Some(state) = &wanted.state {
        query.push(" AND s.state = ").push_bind(state.clone());
    }
    let Some(q) = wanted.text() else { return };
    let pattern = like_pattern(q.as_str());
    let mac =
        q.as_str().parse().map_or_else(|_| pattern.clone(), |mac: MacAddr| like_pattern(&mac.to_string()));
    query.push(" AND (d.mac LIKE ").push_bind(mac).push(r" ESCAPE '\'");
    for column in ["d.hostname", "d.alias", "s.id", "s.provider", "s.plan", "s.principal", "s.state"] {
        query.push(format_args!(" OR {column} LIKE ")).push_bind(pattern.clone()).push(r" ESCAPE '\'");
    }
    let code = q.as_str().replace('-', "");
    if !code.is_empty() {
        query
            .push(" OR replace(s.voucher, '-', '') LIKE ")
            .push_bind(like_pattern(&code))
            .push(r" ESCAPE '\'");
    }
    if !wanted.q_devices.is_empty() {
        query.push(" OR s.device IN ");
        push_listed(query, &wanted.q_devices);
    }
    query.push(")");
}

fn push_device(query: &mut QueryBuilder<Sqlite>, wanted: &SessionQuery) {
    if let Some(device) = wanted.device {
        query.push(" AND s.device = ").push_bind(device.to_string());
    }
}

/// Any number of ids as one value.
fn push_listed(query: &mut QueryBuilder<Sqlite>, ids: &[impl ToString]) {
    let ids: serde_json::Value = ids.iter().map(ToString::to_string).collect();
    query.push("(SELECT value FROM json_each(").push_bind(ids.to_string()).push("))");
}

fn push_order(query: &mut QueryBuilder<Sqlite>, wanted: &SessionQuery) {
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
}
