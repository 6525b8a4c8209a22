use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::rows::{Columns, integer};
use super::{Store, StoreError};
use crate::domain::samples::{Figures, Sample, Tier, ZoneFigures, rolled_up};
use crate::domain::{WallTime, ZoneName};

const COLUMNS: &str = "at, covered_ms, online_ms, clients_most, down_bytes, up_bytes, started, ended, repairs, \
     own_cpu_ms, box_cpu_ms, box_cpu_of_ms, own_memory_kb, box_memory_kb, store_kb, uplink_known_ms, uplink_ms, zones";

static FIND: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {COLUMNS} FROM samples WHERE step_secs = $1 AND place = $2 AND at = $3")
});
static PUT: LazyLock<String> = LazyLock::new(|| {
    let values: Vec<String> = (1..=20).map(|number| format!("${number}")).collect();
    format!("INSERT OR REPLACE INTO samples (step_secs, place, {COLUMNS}) VALUES ({})", values.join(", "))
});
static LIST: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {COLUMNS} FROM samples WHERE step_secs = $1 AND at >= $2 AND at < $3 ORDER BY at")
});

impl Store {
    /// Adds samples to their slots in every ring, in one transaction: all of it is there afterwards, or nothing.
    pub async fn add_samples(&self, samples: &[Sample]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for tier in Tier::STORED {
            for mut sample in rolled_up(samples, tier) {
                if let Some(known) = find(&mut transaction, tier, sample.at).await? {
                    sample.add(&known);
                }
                put(&mut transaction, &sample).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The samples of a ring whose slots begin in this time, the oldest first.
    pub async fn samples(&self, tier: Tier, from: WallTime, to: WallTime) -> Result<Vec<Sample>, StoreError> {
        let rows = sqlx::query(LIST.as_str())
            .bind(i64::from(tier.step_secs()))
            .bind(from.0)
            .bind(to.0)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| sample(row, tier)).collect()
    }

    /// How many rows the rings take.
    pub async fn sample_count(&self) -> Result<u64, StoreError> {
        let row = sqlx::query(AssertSqlSafe("SELECT count(*) FROM samples")).fetch_one(&self.readers).await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }
}

async fn find(
    connection: &mut SqliteConnection,
    tier: Tier,
    at: WallTime,
) -> Result<Option<Sample>, StoreError> {
    let row = sqlx::query(FIND.as_str())
        .bind(i64::from(tier.step_secs()))
        .bind(i64::from(tier.place(at)))
        .bind(at.0)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(|row| sample(row, tier)).transpose()
}

async fn put(connection: &mut SqliteConnection, sample: &Sample) -> Result<(), StoreError> {
    let whole = &sample.whole;
    let zones: BTreeMap<&str, [u64; 4]> =
        sample.zones.iter().map(|(name, zone)| (name.as_str(), numbers(zone))).collect();
    let zones =
        serde_json::to_string(&zones).map_err(|error| StoreError::row("samples", sample.at.0, error))?;
    let mut query = sqlx::query(PUT.as_str())
        .bind(i64::from(sample.tier.step_secs()))
        .bind(i64::from(sample.tier.place(sample.at)))
        .bind(sample.at.0);
    for (field, value) in [
        ("covered_ms", whole.covered_ms),
        ("online_ms", whole.online_ms),
        ("clients_most", whole.clients_most),
        ("down_bytes", whole.down_bytes),
        ("up_bytes", whole.up_bytes),
        ("started", whole.started),
        ("ended", whole.ended),
        ("repairs", whole.repairs),
        ("own_cpu_ms", whole.own_cpu_ms),
        ("box_cpu_ms", whole.box_cpu_ms),
        ("box_cpu_of_ms", whole.box_cpu_of_ms),
        ("own_memory_kb", whole.own_memory_kb),
        ("box_memory_kb", whole.box_memory_kb),
        ("store_kb", whole.store_kb),
        ("uplink_known_ms", whole.uplink_known_ms),
        ("uplink_ms", whole.uplink_ms),
    ] {
        query = query.bind(integer("samples", sample.at.0, field, value)?);
    }
    query.bind(zones).execute(connection).await?;
    Ok(())
}

const fn numbers(zone: &ZoneFigures) -> [u64; 4] {
    [zone.online_ms, zone.clients_most, zone.down_bytes, zone.up_bytes]
}

fn sample(row: &SqliteRow, tier: Tier) -> Result<Sample, StoreError> {
    let mut columns = Columns::new(row, "samples");
    let at = columns.wall()?;
    // Struct fields are evaluated in the order written here, which is that of the columns.
    let whole = Figures {
        covered_ms: columns.count()?,
        online_ms: columns.count()?,
        clients_most: columns.count()?,
        down_bytes: columns.count()?,
        up_bytes: columns.count()?,
        started: columns.count()?,
        ended: columns.count()?,
        repairs: columns.count()?,
        own_cpu_ms: columns.count()?,
        box_cpu_ms: columns.count()?,
        box_cpu_of_ms: columns.count()?,
        own_memory_kb: columns.count()?,
        box_memory_kb: columns.count()?,
        store_kb: columns.count()?,
        uplink_known_ms: columns.count()?,
        uplink_ms: columns.count()?,
    };
    let zones: BTreeMap<String, [u64; 4]> = columns.json()?;
    let zone = |(name, [online_ms, clients_most, down_bytes, up_bytes]): (String, [u64; 4])| {
        (ZoneName::new(&name), ZoneFigures { online_ms, clients_most, down_bytes, up_bytes })
    };
    Ok(Sample { at, tier, whole, zones: zones.into_iter().map(zone).collect() })
}
