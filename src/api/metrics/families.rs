use std::collections::BTreeMap;

use super::custom::Counted;
use crate::domain::{LockStatus, SessionKind, ZoneName};
use crate::metrics::{Counters, Exposition, Kind};
use crate::runtime::{Measures, ServiceStatus, Survey};
use crate::store::{KeptHook, StoreMeasures};

/// The states of a session that is not over.
const STATES: [&str; 3] = ["available", "running", "paused"];

/// How things stand now.
pub(super) fn standing(text: &mut Exposition, status: &ServiceStatus, survey: &Survey) {
    text.family("turnpike_build_info", Kind::Gauge, "Always 1; the labels say what runs.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1_u64);
    text.family("turnpike_start_time_seconds", Kind::Gauge, "When the daemon started, since the epoch.")
        .sample(&[], seconds(status.started_at.0));
    text.family("turnpike_warnings", Kind::Gauge, "What an operator should look at; status says what.")
        .sample(&[], status.warnings.len());

    let mut sessions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut clients: BTreeMap<&str, usize> = BTreeMap::new();
    for state in STATES {
        for kind in [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData] {
            sessions.insert((state, kind.as_str()), 0);
        }
    }
    for (zone, _) in &survey.traffic {
        clients.insert(zone.as_str(), 0);
    }
    for (session, device) in &survey.snapshot.sessions {
        *sessions.entry((session.state.as_str(), session.terms.kind.as_str())).or_default() += 1;
        if session.is_running() {
            let zone = device.zone.as_ref().unwrap_or(&survey.snapshot.policies.first_zone);
            *clients.entry(ZoneName::as_str(zone)).or_default() += 1;
        }
    }
    let mut family =
        text.family("turnpike_sessions", Kind::Gauge, "Sessions that are not over, by state and kind.");
    for ((state, kind), count) in sessions {
        family.sample(&[("state", state), ("kind", kind)], count);
    }
    let mut family = text.family("turnpike_clients_connected", Kind::Gauge, "Devices let through, by zone.");
    for (zone, count) in clients {
        family.sample(&[("zone", zone)], count);
    }
    let neither = survey.devices.saturating_sub(survey.connected + survey.blocked);
    text.family("turnpike_devices", Kind::Gauge, "Devices known, by status.")
        .sample(&[("status", "connected")], survey.connected)
        .sample(&[("status", "disconnected")], neither)
        .sample(&[("status", "blocked")], survey.blocked);
    let mut family = text.family(
        "turnpike_traffic_bytes_total",
        Kind::Counter,
        "Bytes that passed for clients; down is towards them.",
    );
    for (zone, traffic) in &survey.traffic {
        let zone = ("zone", zone.as_str());
        family.sample(&[zone, ("direction", "down")], traffic.received_bytes);
        family.sample(&[zone, ("direction", "up")], traffic.sent_bytes);
    }
}

/// What the sessions manager counted and measured.
pub(super) fn counted(text: &mut Exposition, measures: &Measures, repairs: u64) {
    let mut counter = |name, help, value| {
        text.family(name, Kind::Counter, help).sample(&[], value);
    };
    counter("turnpike_connects_total", "Devices that were let through.", measures.connects.value());
    counter("turnpike_disconnects_total", "Devices that were cut off.", measures.disconnects.value());
    counter(
        "turnpike_reconciliations_total",
        "Comparisons of the kernel with what it must hold.",
        measures.reconciliations.value(),
    );
    text.family("turnpike_repairs_total", Kind::Counter, "Things in the kernel that had to be put right.")
        .sample(&[], repairs);
    by_name(
        text,
        "turnpike_sessions_ended_total",
        "Sessions that ended, by the state in which they did.",
        "state",
        &measures.ended,
    );
    by_name(
        text,
        "turnpike_refusals_total",
        "Commands that were refused, by reason.",
        "reason",
        &measures.refusals,
    );
    by_name(
        text,
        "turnpike_netlink_errors_total",
        "What the kernel refused, by what it was asked for.",
        "operation",
        &measures.netlink_errors,
    );
    text.family(
        "turnpike_connect_duration_seconds",
        Kind::Histogram,
        "From the arrival of a connect to its answer.",
    )
    .histogram(&measures.connect_secs.measured());
    text.family(
        "turnpike_kernel_batch_duration_seconds",
        Kind::Histogram,
        "What the kernel took for the changes of a group.",
    )
    .histogram(&measures.batch_secs.measured());
    text.family(
        "turnpike_group_commands",
        Kind::Histogram,
        "How many commands and questions were handled as one group.",
    )
    .histogram(&measures.group_commands.measured());
    text.family("turnpike_guest_log_lines_total", Kind::Counter, "Lines of the guest log that were written.")
        .sample(&[], measures.guest_log_lines.value());
    by_name(
        text,
        "turnpike_guest_log_lost_total",
        "What is not in the guest log and should be, by what that is; of kernel_overflows nobody knows how much each lost.",
        "what",
        &measures.guest_log_lost,
    );
    text.family("turnpike_event_listeners", Kind::Gauge, "Who listens to events.")
        .sample(&[], measures.listeners.value());
}

/// What waits.
pub(super) fn waiting(text: &mut Exposition, mailbox: usize, outbox: Option<u64>) {
    text.family("turnpike_mailbox_depth", Kind::Gauge, "Commands and questions that wait.")
        .sample(&[], mailbox);
    // A number that could not be read is left out: 0 would say that all is well.
    if let Some(depth) = outbox {
        text.family(
            "turnpike_outbox_depth",
            Kind::Gauge,
            "Usage that waits to be saved to where it came from.",
        )
        .sample(&[], depth);
    }
}

/// Named locks.
pub(super) fn locks(text: &mut Exposition, locks: &[LockStatus]) {
    text.family("turnpike_locks_held", Kind::Gauge, "Named locks that somebody holds.")
        .sample(&[], locks.len());
    let waiting: usize = locks.iter().map(|lock| lock.waiters.len()).sum();
    text.family("turnpike_lock_waiters", Kind::Gauge, "Who waits in line for a named lock.")
        .sample(&[], waiting);
}

/// Webhooks, by name.
pub(super) fn hooks(text: &mut Exposition, hooks: &[KeptHook]) {
    let mut family = |name, kind, help, value: fn(&KeptHook) -> u64| {
        let mut family = text.family(name, kind, help);
        for kept in hooks {
            family.sample(&[("hook", kept.hook.name.as_str())], value(kept));
        }
    };
    let waiting = "Events that wait for a webhook's receiver.";
    family("turnpike_hook_waiting", Kind::Gauge, waiting, |kept| kept.standing.waiting);
    let delivered = "Events that a webhook's receiver took.";
    family("turnpike_hook_delivered_total", Kind::Counter, delivered, |kept| kept.standing.delivered);
    let dropped = "Events for a webhook that were given up: too old, or too many waited.";
    family("turnpike_hook_dropped_total", Kind::Counter, dropped, |kept| kept.standing.dropped);
    let failures = "Tries in vain since a webhook's receiver last took an event.";
    family("turnpike_hook_failures", Kind::Gauge, failures, |kept| kept.standing.failures);
}

/// What the store counted and measured.
pub(super) fn stored(text: &mut Exposition, measures: &StoreMeasures) {
    text.family(
        "turnpike_store_commit_duration_seconds",
        Kind::Histogram,
        "What the store took until a group was on disk.",
    )
    .histogram(&measures.commit_secs.measured());
    by_name(
        text,
        "turnpike_store_errors_total",
        "What could not be written, by what that was.",
        "operation",
        &measures.errors,
    );
    text.family(
        "turnpike_store_writable",
        Kind::Gauge,
        "1 while the disk takes what is to be stored, 0 while nothing can be sold.",
    )
    .sample(&[], u64::from(measures.is_writable()));
    text.family(
        "turnpike_audit_lines_lost_total",
        Kind::Counter,
        "Lines of the audit log that could not be written.",
    )
    .sample(&[], measures.audit_lines_lost.value());
}

/// The operator's own counts.
pub(super) fn custom(text: &mut Exposition, counted: &[Counted]) {
    if counted.is_empty() {
        return;
    }
    let mut family = text.family(
        "turnpike_custom_sessions",
        Kind::Gauge,
        "Sessions that are not over and match a filter of the operator's, by the value of a property.",
    );
    for Counted { metric, groups } in counted {
        for (group, count) in groups {
            family.sample(&[("metric", metric), ("group", group)], *count);
        }
    }
}

fn by_name(
    text: &mut Exposition,
    name: &'static str,
    help: &'static str,
    label: &'static str,
    counters: &Counters,
) {
    let mut family = text.family(name, Kind::Counter, help);
    for (value, count) in counters.values() {
        family.sample(&[(label, value)], count);
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
