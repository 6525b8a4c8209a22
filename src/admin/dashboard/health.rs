use super::long;
use crate::admin::plot::Unit;
use crate::admin::state::AdminState;
use crate::domain::samples::Figures;
use crate::domain::{Refusal, WallTime};
use crate::runtime::{PluginState, Standing};

/// So many warnings are shown.
const MOST_WARNINGS: usize = 20;
/// Less room than this is too little: a backup and a day's log must fit.
const LITTLE_ROOM_BYTES: u64 = 20_000_000;

/// How the box is.
#[derive(Debug)]
pub(super) struct Health {
    /// What an operator should look at, in sentences.
    pub(super) warnings: Vec<String>,
    /// How many there are beyond those.
    pub(super) more: usize,
    /// Facts, by name.
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Health {
    pub(super) async fn gather(
        state: &AdminState,
        standing: &Standing,
        sum: &Figures,
        latest: Option<&Figures>,
        is_whole: bool,
    ) -> Result<Self, Refusal> {
        let status = state.handle.status().await?;
        let mut warnings = Vec::new();
        if !standing.clock_believed {
            warnings.push(
                "The clock of this box cannot be believed: check its time servers. Until it is right, days that sessions are \
                 valid for do not pass."
                    .to_owned(),
            );
        }
        if standing.uplink == Some(false) {
            warnings.push(
                "There is no uplink: nobody reaches the Internet. Check the cable or the modem, and the default route."
                    .to_owned(),
            );
        }
        warnings.extend(status.warnings.iter().map(|text| crate::admin::page::sentence(text)));
        let space = state.store.space().ok();
        if let Some(space) = space.filter(|space| space.free_bytes < LITTLE_ROOM_BYTES) {
            let free = bytes(space.free_bytes);
            warnings.push(format!("The disk of the database is nearly full ({free} free): make room on it."));
        }
        warnings.extend(failing(state));
        let more = warnings.len().saturating_sub(MOST_WARNINGS);
        warnings.truncate(MOST_WARNINGS);
        Ok(Self { warnings, more, facts: facts(state, standing, sum, latest, is_whole, &status.started_at) })
    }
}

/// Providers that fail, and plugins that are not there.
fn failing(state: &AdminState) -> Vec<String> {
    let registry = state.handle.registry();
    let mut texts = Vec::new();
    for provider in registry.status() {
        if let Some(error) = provider.last_error {
            texts.push(format!("The provider {} fails: {error}", provider.name));
        }
    }
    for plugin in registry.plugins().all() {
        let is_there = matches!(plugin.state, PluginState::Running | PluginState::Connected);
        if !is_there {
            let why = plugin.last_error.map(|error| format!(": {error}")).unwrap_or_default();
            texts.push(format!(
                "The plugin {} is {}{why}",
                plugin.name,
                plugin.state.as_str().replace('_', " ")
            ));
        }
    }
    texts
}

fn facts(
    state: &AdminState,
    standing: &Standing,
    sum: &Figures,
    latest: Option<&Figures>,
    is_whole: bool,
    started: &WallTime,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let uplink = match standing.uplink {
        Some(true) => "up",
        Some(false) => "down",
        None => "not known yet",
    };
    let part = sum.uplink_percent().filter(|_| is_whole).map(|part| format!(", {part:.1} % of the time"));
    facts.push(("Uplink", format!("{uplink}{}", part.unwrap_or_default())));
    if let Some(latest) = latest.filter(|_| is_whole) {
        let percent =
            |part: Option<f64>| part.map_or("not known".to_owned(), |part| Unit::Percent.shown(part));
        let (all, own) = (percent(latest.box_cpu_percent()), percent(latest.own_cpu_percent()));
        facts.push(("Processor", format!("{all}, of that Turnpike {own} of one core")));
    }
    let machine = &standing.machine;
    if machine.box_memory_of_kb > 0 {
        let (used, all) = (kib(machine.box_memory_kb), kib(machine.box_memory_of_kb));
        facts.push(("Memory", format!("{used} of {all} used, Turnpike {}", kib(machine.own_memory_kb))));
    }
    if let Ok(size) = state.store.size() {
        let size = bytes(size.file_bytes.saturating_add(size.log_bytes));
        let free = state.store.space().map(|space| format!(", {} free", bytes(space.free_bytes)));
        facts.push(("Database", format!("{size}{}", free.unwrap_or_default())));
    }
    if is_whole {
        facts.push(("Repairs of the kernel's rules", sum.repairs.to_string()));
    }
    let since = state.place.local(*started).format("%Y-%m-%d %H:%M");
    let now = state.handle.now().wall;
    let ran = u64::try_from(now.0.saturating_sub(started.0)).unwrap_or(0);
    facts.push(("Running since", format!("{since} ({})", long(ran))));
    facts
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn bytes(bytes: u64) -> String {
    Unit::Bytes.shown(bytes as f64)
}

fn kib(kib: u64) -> String {
    bytes(kib.saturating_mul(1024))
}
