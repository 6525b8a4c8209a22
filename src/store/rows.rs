//! Rows and domain types, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::sql::{Bound, RowsStatement};
use crate::domain::{
    AtEnd, BootId, BootTime, Checkpoint, ClientDevice, ClientKey, ClientRates, ClientSession, ClientType,
    CloseReason, DeviceId, Identity, Mbps, PauseReason, ProviderName, SessionId, SessionKind, SessionState,
    SessionTerms, SlowEnd, Text, Usage, WallTime, ZoneName,
};

/// The columns of `devices`, in the order that [`device`] reads and [`bind_device`] binds.
pub(super) const DEVICE_COLUMNS: &str = "id, mac, zone, client_key, hostname, alias, blocked, notice, roles, first_seen, last_seen, client_type, language, \
     identity, moves, moves_since";

/// The columns of `sessions`, in the order that [`session`] reads and [`bind_session`] binds.
pub(super) const SESSION_COLUMNS: &str = "id, device, provider, source, source_seq, kind, time_limit_ms, \
     data_limit_bytes, exp_days, down_bps, up_bps, use_global_speed, used_time_ms, used_sent, used_received, \
     free_time_ms, free_sent, free_received, state, reason, reason_text, boot_id, at_boot_ms, counter_key, counter_sent, counter_received, created_at, \
     started_at, resumed_at, expires_at, ended_at, slow_ms, slow_down_bps, slow_up_bps, slowed, plan, principal, voucher, properties, roles";

/// Insert or replace devices. Not SQLite's `INSERT OR REPLACE`: that deletes first, and the sessions with it.
pub(super) static PUT_DEVICES: LazyLock<RowsStatement> = LazyLock::new(|| put("devices", DEVICE_COLUMNS));

/// Insert or replace sessions.
pub(super) static PUT_SESSIONS: LazyLock<RowsStatement> = LazyLock::new(|| put("sessions", SESSION_COLUMNS));

/// Usage and checkpoint only, of rows that stand as the caller thinks: running with a checkpoint, or not running and
/// without one.
pub(super) static PUT_USAGE: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "WITH new (id, used_time_ms, used_sent, used_received, free_time_ms, free_sent, free_received, boot_id, at_boot_ms, counter_key, counter_sent, \
         counter_received) AS (",
        12,
        ") UPDATE sessions SET used_time_ms = new.used_time_ms, used_sent = new.used_sent, \
         used_received = new.used_received, free_time_ms = new.free_time_ms, \
         free_sent = new.free_sent, free_received = new.free_received, boot_id = new.boot_id, at_boot_ms = new.at_boot_ms, \
         counter_key = new.counter_key, counter_sent = new.counter_sent, counter_received = new.counter_received \
         FROM new WHERE sessions.id = new.id AND (sessions.boot_id IS NULL) = (new.boot_id IS NULL)",
    )
});

fn put(table: &str, columns: &str) -> RowsStatement {
    let names: Vec<&str> = columns.split(',').map(str::trim).collect();
    let updates: Vec<String> =
        names.iter().filter(|name| **name != "id").map(|name| format!("{name} = excluded.{name}")).collect();
    RowsStatement::new(
        &format!("INSERT INTO {table} ({columns})"),
        names.len(),
        &format!("ON CONFLICT (id) DO UPDATE SET {}", updates.join(", ")),
    )
}

/// A `u64` as SQLite holds integers; the domain's bounds keep it inside 63 bits.
pub(super) fn integer(
    table: &'static str,
    id: impl ToString,
    field: &str,
    value: u64,
) -> Result<i64, StoreError> {
    i64::try_from(value)
        .map_err(|_| StoreError::row(table, id, format!("{field} {value} is beyond what can be stored")))
}

pub(super) fn bind_device(query: Bound, device: &ClientDevice) -> Result<Bound, StoreError> {
    Ok(query
        .bind(device.id.to_string())
        .bind(device.mac.to_string())
        .bind(device.zone.as_ref().map(ZoneName::as_str))
        .bind(device.key.map(|key| i64::from(key.get())))
        .bind(device.hostname.as_ref().map(Text::as_str))
        .bind(device.alias.as_ref().map(Text::as_str))
        .bind(i64::from(device.blocked))
        .bind(device.notice.as_ref().map(Text::as_str))
        .bind(json("devices", device.id, &device.roles)?)
        .bind(device.first_seen.0)
        .bind(device.last_seen.map(|at| at.0))
        .bind(device.client_type.map(ClientType::as_str))
        .bind(device.language.as_ref().map(Text::as_str))
        .bind(i64::from(device.identity.version))
        .bind(i64::from(device.identity.moves))
        .bind(device.identity.moves_since.map(|at| at.0)))
}

pub(super) fn bind_session(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    let terms = &session.terms;
    let (reason, reason_text) = match &session.state {
        SessionState::Paused(reason) => (Some(reason.as_str()), None),
        SessionState::Closed(reason, text) => (Some(reason.as_str()), Some(text.as_str())),
        SessionState::Available
        | SessionState::Running(_)
        | SessionState::Consumed
        | SessionState::Expired => (None, None),
    };
    let slow = match session.at_end {
        AtEnd::Slow(slow) => Some(slow),
        AtEnd::CutOff => None,
    };
    let slow_speed = |field: &'static str, speed: Option<Mbps>| {
        speed.map(|speed| number(field, speed.bits_per_sec())).transpose()
    };
    let query = query
        .bind(session.id.to_string())
        .bind(session.device.to_string())
        .bind(session.provider.as_str())
        .bind(session.source.as_deref())
        .bind(number("source_seq", session.source_seq)?)
        .bind(terms.kind.as_str())
        .bind(terms.time_limit_ms.map(|limit| number("time_limit_ms", limit)).transpose()?)
        .bind(terms.data_limit_bytes.map(|limit| number("data_limit_bytes", limit)).transpose()?)
        .bind(terms.exp_days.map(i64::from))
        .bind(terms.down.map(|speed| number("down_bps", speed.bits_per_sec())).transpose()?)
        .bind(terms.up.map(|speed| number("up_bps", speed.bits_per_sec())).transpose()?)
        .bind(i64::from(terms.use_global_speed));
    let query = bind_totals(query, session)?.bind(session.state.as_str()).bind(reason).bind(reason_text);
    Ok(bind_checkpoint(query, session)?
        .bind(session.created_at.0)
        .bind(session.started_at.map(|at| at.0))
        .bind(session.resumed_at.map(|at| at.0))
        .bind(session.expires_at.map(|at| at.0))
        .bind(session.ended_at.map(|at| at.0))
        .bind(slow.map(|slow| number("slow_ms", slow.lasts_ms)).transpose()?)
        .bind(slow_speed("slow_down_bps", slow.and_then(|slow| slow.rates.down))?)
        .bind(slow_speed("slow_up_bps", slow.and_then(|slow| slow.rates.up))?)
        .bind(i64::from(session.slowed))
        .bind(session.plan.as_deref())
        .bind(session.principal.as_deref())
        .bind(session.voucher.as_deref())
        .bind(json("sessions", session.id, &session.properties)?)
        .bind(json("sessions", session.id, &session.roles)?))
}

/// The values of [`PUT_USAGE`].
pub(super) fn bind_usage(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    bind_checkpoint(bind_totals(query.bind(session.id.to_string()), session)?, session)
}

fn bind_totals(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    Ok(query
        .bind(number("used_time_ms", session.usage.time_ms)?)
        .bind(number("used_sent", session.usage.sent_bytes)?)
        .bind(number("used_received", session.usage.received_bytes)?)
        .bind(number("free_time_ms", session.free.time_ms)?)
        .bind(number("free_sent", session.free.sent_bytes)?)
        .bind(number("free_received", session.free.received_bytes)?))
}

fn bind_checkpoint(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    let checkpoint = match &session.state {
        SessionState::Running(checkpoint) => Some(checkpoint),
        SessionState::Available
        | SessionState::Paused(_)
        | SessionState::Consumed
        | SessionState::Expired
        | SessionState::Closed(..) => None,
    };
    Ok(query
        .bind(checkpoint.map(|checkpoint| checkpoint.boot_id.as_str()))
        .bind(checkpoint.map(|checkpoint| number("at_boot_ms", checkpoint.at.0)).transpose()?)
        .bind(checkpoint.map(|checkpoint| i64::from(checkpoint.key.get())))
        .bind(checkpoint.map(|checkpoint| number("counter_sent", checkpoint.sent_bytes)).transpose()?)
        .bind(
            checkpoint.map(|checkpoint| number("counter_received", checkpoint.received_bytes)).transpose()?,
        ))
}

fn json(table: &'static str, id: impl ToString, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::row(table, id, error))
}

/// Reads a row's columns one after the other; every failure names the row, whose first column is its id.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) const fn new(row: &'r SqliteRow, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    fn take<T>(&mut self) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        let column = self.next;
        self.next += 1;
        self.row.try_get(column).map_err(|error| self.wrong(error))
    }

    /// An error about this row.
    pub(super) fn wrong(&self, problem: impl ToString) -> StoreError {
        let id = self
            .row
            .try_get::<String, _>(0)
            .or_else(|_| self.row.try_get::<i64, _>(0).map(|id| id.to_string()))
            .unwrap_or_else(|_| "with an unreadable id".to_owned());
        StoreError::row(self.table, id, problem)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, StoreError> {
        self.take()
    }

    pub(super) fn text_if(&mut self) -> Result<Option<&'r str>, StoreError> {
        self.take()
    }

    pub(super) fn blob(&mut self) -> Result<&'r [u8], StoreError> {
        self.take()
    }

    pub(super) fn blob_if(&mut self) -> Result<Option<&'r [u8]>, StoreError> {
        self.take()
    }

    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        self.take()
    }

    pub(super) fn int_if(&mut self) -> Result<Option<i64>, StoreError> {
        self.take()
    }

    pub(super) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    pub(super) fn count(&mut self) -> Result<u64, StoreError> {
        self.int()?.try_into().map_err(|_| self.wrong("a negative amount"))
    }

    fn small_count(&mut self) -> Result<u32, StoreError> {
        self.int()?.try_into().map_err(|_| self.wrong("a number beyond what it can be"))
    }

    pub(super) fn count_if(&mut self) -> Result<Option<u64>, StoreError> {
        self.int_if()?.map(|value| value.try_into().map_err(|_| self.wrong("a negative amount"))).transpose()
    }

    pub(super) fn wall(&mut self) -> Result<WallTime, StoreError> {
        self.int().map(WallTime)
    }

    pub(super) fn wall_if(&mut self) -> Result<Option<WallTime>, StoreError> {
        Ok(self.int_if()?.map(WallTime))
    }

    pub(super) fn parse<T>(&mut self) -> Result<T, StoreError>
    where
        T: std::str::FromStr<Err: ToString>,
    {
        self.text()?.parse().map_err(|error: T::Err| self.wrong(error.to_string()))
    }

    pub(super) fn parse_if<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: std::str::FromStr<Err: ToString>,
    {
        self.text_if()?
            .map(|text| text.parse().map_err(|error: T::Err| self.wrong(error.to_string())))
            .transpose()
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        serde_json::from_str(self.text()?).map_err(|error| self.wrong(error))
    }

    fn key_if(&mut self) -> Result<Option<ClientKey>, StoreError> {
        let Some(number) = self.int_if()? else { return Ok(None) };
        let key = u16::try_from(number).ok().and_then(ClientKey::new);
        key.map(Some).ok_or_else(|| self.wrong(format!("client key {number} cannot be")))
    }

    fn speed_if(&mut self) -> Result<Option<Mbps>, StoreError> {
        let Some(bits) = self.count_if()? else { return Ok(None) };
        Mbps::from_bits_per_sec(bits).map(Some).map_err(|error| self.wrong(format!("{bits} bit/s: {error}")))
    }

    /// The seven columns that are a [`SessionTerms`], from `kind` on.
    pub(super) fn terms(&mut self) -> Result<SessionTerms, StoreError> {
        let kind = self.text()?;
        Ok(SessionTerms {
            kind: SessionKind::from_name(kind).ok_or_else(|| self.wrong(format!("unknown kind {kind:?}")))?,
            time_limit_ms: self.count_if()?,
            data_limit_bytes: self.count_if()?,
            exp_days: self
                .int_if()?
                .map(|days| days.try_into().map_err(|_| self.wrong(format!("exp_days {days} cannot be"))))
                .transpose()?,
            down: self.speed_if()?,
            up: self.speed_if()?,
            use_global_speed: self.flag()?,
        })
    }

    /// The three columns that are an [`AtEnd`].
    pub(super) fn at_end(&mut self) -> Result<AtEnd, StoreError> {
        let (lasts_ms, down, up) = (self.count_if()?, self.speed_if()?, self.speed_if()?);
        Ok(lasts_ms.map_or(AtEnd::CutOff, |lasts_ms| {
            AtEnd::Slow(SlowEnd { rates: ClientRates { down, up }, lasts_ms })
        }))
    }

    /// The three columns that are a [`Usage`].
    pub(super) fn usage(&mut self) -> Result<Usage, StoreError> {
        Ok(Usage { time_ms: self.count()?, sent_bytes: self.count()?, received_bytes: self.count()? })
    }

    fn checkpoint_if(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        let boot_id = self.text_if()?.map(BootId::new);
        let at = self.count_if()?.map(BootTime);
        let (key, sent, received) = (self.key_if()?, self.count_if()?, self.count_if()?);
        match (boot_id, at, key, sent, received) {
            (Some(boot_id), Some(at), Some(key), Some(sent_bytes), Some(received_bytes)) => {
                Ok(Some(Checkpoint { boot_id, at, key, sent_bytes, received_bytes }))
            }
            (None, None, None, None, None) => Ok(None),
            _ => Err(self.wrong("half a checkpoint")),
        }
    }

    /// The columns from `state` to the checkpoint.
    fn state(&mut self) -> Result<SessionState, StoreError> {
        let name = self.text()?;
        let reason = self.text_if()?;
        let text = self.text_if()?;
        let checkpoint = self.checkpoint_if()?;
        let state = match name {
            "available" => Some(SessionState::Available),
            "running" => checkpoint.map(SessionState::Running),
            "paused" => reason.and_then(PauseReason::from_name).map(SessionState::Paused),
            "consumed" => Some(SessionState::Consumed),
            "expired" => Some(SessionState::Expired),
            "closed" => reason
                .and_then(CloseReason::from_name)
                .map(|reason| SessionState::Closed(reason, Text::new(text.unwrap_or_default()))),
            _ => None,
        };
        state.ok_or_else(|| self.wrong(format!("state {name:?} with reason {reason:?} cannot be")))
    }
}

/// A row of [`DEVICE_COLUMNS`].
pub(super) fn device(row: &SqliteRow) -> Result<ClientDevice, StoreError> {
    let mut columns = Columns::new(row, "devices");
    let id: DeviceId = columns.parse()?;
    let mac = columns.parse()?;
    let zone = columns.text_if()?.map(ZoneName::new);
    let key = columns.key_if()?;
    let hostname = columns.text_if()?.map(Text::new);
    let alias = columns.text_if()?.map(Text::new);
    let blocked = columns.flag()?;
    let notice = columns.text_if()?.map(Text::new);
    let roles: BTreeSet<String> = columns.json()?;
    let first_seen = columns.wall()?;
    let last_seen = columns.wall_if()?;
    let client_type = columns.text_if()?.and_then(ClientType::from_name);
    let language = columns.text_if()?.map(Text::new);
    let known = ClientDevice::new(id, mac, first_seen);
    let identity = Identity {
        version: columns.small_count()?,
        moves: columns.small_count()?,
        moves_since: columns.wall_if()?,
    };
    let known = ClientDevice { client_type, language, identity, ..known };
    Ok(ClientDevice { zone, key, hostname, alias, blocked, notice, roles, last_seen, ..known })
}

/// A row of [`SESSION_COLUMNS`].
pub(super) fn session(row: &SqliteRow) -> Result<ClientSession, StoreError> {
    let mut columns = Columns::new(row, "sessions");
    // Struct fields are evaluated in the order written here, which is that of the columns.
    Ok(ClientSession {
        id: columns.parse::<SessionId>()?,
        device: columns.parse()?,
        provider: ProviderName::new(columns.text()?),
        source: columns.text_if()?.map(str::to_owned),
        source_seq: columns.count()?,
        terms: columns.terms()?,
        usage: columns.usage()?,
        free: columns.usage()?,
        state: columns.state()?,
        created_at: columns.wall()?,
        started_at: columns.wall_if()?,
        resumed_at: columns.wall_if()?,
        expires_at: columns.wall_if()?,
        ended_at: columns.wall_if()?,
        at_end: columns.at_end()?,
        slowed: columns.flag()?,
        plan: columns.text_if()?.map(str::to_owned),
        principal: columns.text_if()?.map(str::to_owned),
        voucher: columns.text_if()?.map(str::to_owned),
        properties: columns.json::<BTreeMap<String, String>>()?,
        roles: columns.json()?,
    })
}
