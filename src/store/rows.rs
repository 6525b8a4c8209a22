//! Rows and domain types, both ways.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
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
