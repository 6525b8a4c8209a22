use super::{long, shown};
use crate::admin::plot::Unit;
use crate::domain::samples::Figures;
use crate::domain::{DeviceId, ZoneName};
use crate::runtime::Standing;

/// Who is online, and what passed.
#[derive(Debug)]
pub(super) struct Figured {
    pub(super) online: usize,
    pub(super) devices: usize,
    pub(super) busiest: Vec<BusyView>,
    /// How many are online and not named.
    pub(super) more: usize,
    /// What passes now; `None` if nobody has looked yet.
    pub(super) rates: Option<(String, String)>,
    /// Sessions; `None` for one zone.
    pub(super) sessions: Option<(u64, u64)>,
    pub(super) time_used: String,
    pub(super) data_used: String,
    pub(super) most: u64,
}

/// One who is online.
#[derive(Debug)]
pub(super) struct BusyView {
    pub(super) id: DeviceId,
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) rate: String,
    pub(super) left: String,
}

impl Figured {
    pub(super) fn new(
        standing: &Standing,
        zone: Option<&ZoneName>,
        sum: &Figures,
        latest: Option<&Figures>,
    ) -> Self {
        let of_zone = zone.and_then(|zone| standing.zones.iter().find(|(name, _)| name == zone));
        let busiest: Vec<BusyView> = standing
            .busiest
            .iter()
            .map(|busy| BusyView {
                id: busy.device.id,
                name: shown::device_name(&busy.device),
                zone: busy.device.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
                rate: rate(busy.bytes_per_sec),
                left: shown::left(&busy.session),
            })
            .collect();
        let online = of_zone.map_or(standing.online, |(_, online)| *online);
        let rates = latest.and_then(|latest| Some((latest.down_bps()?, latest.up_bps()?)));
        Self {
            online,
            devices: standing.devices,
            more: online.saturating_sub(busiest.len()),
            busiest,
            rates: rates.map(|(down, up)| (Unit::BitsPerSec.shown(down), Unit::BitsPerSec.shown(up))),
            sessions: zone.is_none().then_some((sum.started, sum.ended)),
            time_used: long(sum.online_ms),
            data_used: shown::data(sum.down_bytes.saturating_add(sum.up_bytes)),
            most: sum.clients_most,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(bytes_per_sec: u64) -> String {
    Unit::BitsPerSec.shown(bytes_per_sec as f64 * 8.0)
}
