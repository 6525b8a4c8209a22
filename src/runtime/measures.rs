use std::sync::Arc;

use super::kernel::{AllBooks, Kernel, KernelError};
use crate::clock::Stopwatch;
use crate::domain::{Access, BootTime, BoxFuture, ClientKey, EventKind, GateOp, Refusal, ShapeOp};
use crate::metrics::{Counter, Counters, Gauge, Histogram};

/// What the runtime counts and measures over the life of the daemon.
#[derive(Debug)]
pub struct Measures {
    /// Devices that were let through.
    pub connects: Counter,
    /// Devices that were cut off.
    pub disconnects: Counter,
    /// Sessions that ran for the first time.
    pub started: Counter,
    /// Sessions that ended, by the state in which they did.
    pub ended: Counters,
    /// Commands that were refused, by the refusal's name.
    pub refusals: Counters,
    /// Seconds from a connect's arrival to its answer.
    pub connect_secs: Histogram,
    /// How many commands and questions were handled as one group.
    pub group_commands: Histogram,
    /// Seconds that the kernel took for a group's changes.
    pub batch_secs: Histogram,
    /// What the kernel was asked for and refused, by what that was.
    pub netlink_errors: Counters,
    /// Comparisons of the kernel with what it must hold.
    pub reconciliations: Counter,
    /// Who listens to events.
    pub listeners: Gauge,
    /// Lines of the guest log that were written.
    pub guest_log_lines: Counter,
    /// What of the guest log was lost, by what that was.
    pub guest_log_lost: Counters,
}

impl Default for Measures {
    fn default() -> Self {
        const GROUPS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
        Self {
            connects: Counter::default(),
            disconnects: Counter::default(),
            started: Counter::default(),
            ended: Counters::new(&["closed", "consumed", "expired"]),
            refusals: Counters::new(&[]),
            connect_secs: Histogram::new(Histogram::SECONDS),
            group_commands: Histogram::new(GROUPS),
            batch_secs: Histogram::new(Histogram::SECONDS),
            netlink_errors: Counters::new(&[
                "apply",
                "load",
                "look_up",
                "read",
                "reconcile",
                "shut",
                "watch",
            ]),
            reconciliations: Counter::default(),
            listeners: Gauge::default(),
            guest_log_lines: Counter::default(),
            guest_log_lost: Counters::new(&["connections", "kernel_overflows", "lines", "syslog"]),
        }
    }
}

impl Measures {
    /// Something became true.
    pub(super) fn note(&self, event: &EventKind) {
        if matches!(event, EventKind::DeviceConnected) {
            self.connects.count();
        } else if matches!(event, EventKind::DeviceDisconnected) {
            self.disconnects.count();
        } else if matches!(event, EventKind::SessionConnected) {
            self.started.count();
        } else if matches!(event, EventKind::SessionConsumed(_)) {
            self.ended.count("consumed");
        } else if matches!(event, EventKind::SessionExpired) {
            self.ended.count("expired");
        } else if matches!(event, EventKind::SessionClosed(..)) {
            self.ended.count("closed");
        }
    }

    /// Counts what was refused; gives it back.
    pub(super) fn refused(&self, refusal: Refusal) -> Refusal {
        self.refusals.count(refusal.as_str());
        refusal
    }
}

/// The kernel, with what it takes and refuses.
pub(super) struct MeasuredKernel {
    kernel: Arc<dyn Kernel>,
    measures: Arc<Measures>,
}

impl MeasuredKernel {
    pub(super) fn new(kernel: Arc<dyn Kernel>, measures: Arc<Measures>) -> Self {
        Self { kernel, measures }
    }

    fn counted<T>(&self, doing: &'static str, result: Result<T, KernelError>) -> Result<T, KernelError> {
        result.inspect_err(|_| self.measures.netlink_errors.count(doing))
    }
}

impl Kernel for MeasuredKernel {
    fn load(&self) -> BoxFuture<'_, Result<(), KernelError>> {
        Box::pin(async { self.counted("load", self.kernel.load().await) })
    }

    fn read_table(&self) -> BoxFuture<'_, Result<Option<AllBooks>, KernelError>> {
        Box::pin(async { self.counted("read", self.kernel.read_table().await) })
    }

    fn read_all(&self) -> BoxFuture<'_, Result<AllBooks, KernelError>> {
        Box::pin(async { self.counted("read", self.kernel.read_all().await) })
    }

    fn read<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        Box::pin(async { self.counted("read", self.kernel.read(keys).await) })
    }

    fn shut<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        Box::pin(async { self.counted("shut", self.kernel.shut(keys).await) })
    }

    fn apply<'a>(
        &'a self,
        now: BootTime,
        gate: &'a [GateOp],
        shape: &'a [ShapeOp],
    ) -> BoxFuture<'a, Vec<Result<(), KernelError>>> {
        Box::pin(async move {
            let watch = Stopwatch::start();
            let results = self.kernel.apply(now, gate, shape).await;
            self.measures.batch_secs.observe(watch.secs());
            results.into_iter().map(|result| self.counted("apply", result)).collect()
        })
    }

    fn reconcile<'a>(
        &'a self,
        now: BootTime,
        desired: &'a [Access],
    ) -> BoxFuture<'a, Result<u64, KernelError>> {
        Box::pin(async move {
            self.measures.reconciliations.count();
            self.counted("reconcile", self.kernel.reconcile(now, desired).await)
        })
    }

    fn is_amiss(&self) -> bool {
        self.kernel.is_amiss()
    }

    fn warnings(&self) -> Vec<String> {
        self.kernel.warnings()
    }
}
