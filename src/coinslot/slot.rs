use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{info, warn};

use super::line::{Turn, WaitingLine};
use super::money::{Coin, Customer, Settled, Till, sum};
use super::provider::{Request, Wish, refused};
use super::reader::{Heard, Input};
use super::trouble::{Trouble, What};
use super::window::{Closing, Window};
use crate::config::CoinSlotConfig;
use crate::domain::coin::PulseCounter;
use crate::domain::{
    BootTime, BoxFuture, Currency, DeviceId, LockName, LockNameError, LockScope, Part, Phrase, Refusal,
    SessionKind, Submitted, Text, Waiting,
};
use crate::runtime::Handle;
use crate::store::Store;

/// How often the slot looks at what nobody tells it: whether the lock is lost, the window over, who waits where.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many looks there are between two at money of nobody.
const LOOKS_PER_COUNT: u32 = 40;
/// How long after a guest has gone a coin is still theirs, if nobody else is at the slot: some take a while to fall.
const FALLS_MS: u64 = 5_000;

/// One slot: the task that has it.
pub(super) struct Slot {
    pub(super) config: CoinSlotConfig,
    pub(super) lock: LockName,
    pub(super) till: Till,
    pub(super) trouble: Trouble,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) input: Input,
    pub(super) counter: PulseCounter,
    /// When the last edge was heard.
    pub(super) heard_at: Instant,
    /// Who had the slot when the pulses began that are being counted.
    pub(super) train_of: Option<Customer>,
    pub(super) window: Option<Window>,
    pub(super) line: WaitingLine,
    /// Here and not in tasks of their own: they end with the slot.
    pub(super) settling: FuturesUnordered<BoxFuture<'static, Settled>>,
    pub(super) unsaved: VecDeque<Coin>,
    /// Who was here last, and until when a coin is still theirs.
    pub(super) last: Option<(Customer, BootTime)>,
    /// Names the coins whose times are of no use for that.
    pub(super) run: uuid::Uuid,
    pub(super) coins: u64,
    pub(super) looks: u32,
}

/// What a slot hears of.
enum Event {
    Heard(Heard),
    Quiet,
    Turn(DeviceId, Turn),
    Settled(Settled),
    Asked(Request),
    Look,
}

impl Slot {
    pub(super) fn new(
        handle: Handle,
        store: Store,
        currency: Currency,
        config: CoinSlotConfig,
        requests: mpsc::Receiver<Request>,
        trouble: Trouble,
    ) -> Result<Self, LockNameError> {
        let lock = config.slot.lock()?;
        let till = Till {
            handle: handle.clone(),
            store,
            currency,
            slot: Arc::new(config.slot.clone()),
            source: config.slot.source().into(),
            provider: config.slot.provider(),
        };
        Ok(Self {
            line: WaitingLine::new(handle, lock.clone()),
            lock,
            till,
            trouble,
            requests,
            input: Input::new(config.input.clone()),
            counter: PulseCounter::new(config.debounce_ms, config.train_gap_ms),
            heard_at: Instant::now(),
            train_of: None,
            window: None,
            settling: FuturesUnordered::new(),
            unsaved: VecDeque::new(),
            last: None,
            run: uuid::Uuid::now_v7(),
            coins: 0,
            looks: 0,
            config,
        })
    }

    /// Serves the slot until it is dropped.
    pub(super) async fn run(mut self) {
        self.begin().await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let quiet_at = self.counter.patience_ns().map(|ns| self.heard_at + Duration::from_nanos(ns));
            let quiet = async {
                match quiet_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            // In no order: a wire that never rests keeps nobody waiting.
            let event = tokio::select! {
                heard = self.input.next() => Event::Heard(heard),
                () = quiet => Event::Quiet,
                (device, turn) = self.line.next() => Event::Turn(device, turn),
                Some(settled) = self.settling.next() => Event::Settled(settled),
                request = self.requests.recv() => match request {
                    Some(request) => Event::Asked(request),
                    // The provider has gone, and nobody can come any more.
                    None => return,
                },
                _ = look.tick() => Event::Look,
            };
            self.handle(event).await;
            self.close_if_due();
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Heard(heard) => self.heard(heard).await,
            Event::Quiet => match self.input.next().now_or_never() {
                // Pulses that have come are no silence, however late this task is.
                Some(heard) => self.heard(heard).await,
                None => {
                    let quiet = u64::try_from(self.heard_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    if let Some(train) = self.counter.quiet(quiet) {
                        self.coin(train).await;
                    }
                }
            },
            Event::Turn(device, turn) => self.turn(device, turn).await,
            Event::Settled(settled) => self.settled(settled),
            Event::Asked(request) => self.asked(request).await,
            Event::Look => self.look().await,
        }
    }

    async fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Edge(edge) => self.edge(edge).await,
            Heard::Works => self.trouble.note(&self.config.slot.name, What::Input, None),
            Heard::Fails(error) => {
                warn!(slot = self.config.slot.name, %error, "the slot's input fails");
                let text = format!("its input fails: {error}");
                self.trouble.note(&self.config.slot.name, What::Input, Some(text));
            }
        }
    }

    /// What an earlier run of the daemon left.
    async fn begin(&mut self) {
        match self.till.offers().await {
            Ok(offers) => offers.into_iter().for_each(|(device, offer)| self.show(device, Some(offer))),
            Err(error) => warn!(%error, "credits could not be read"),
        }
        self.count_nobodys().await;
    }

    async fn asked(&mut self, request: Request) {
        let Request { device, wish, reply } = request;
        let has_window = self.window.as_ref().is_some_and(|window| window.device == device);
        let answer = match wish {
            Wish::Done | Wish::Cancel if has_window => return self.close(true, Some(reply)),
            Wish::Cancel => {
                if self.line.leave(device) {
                    self.show(device, None);
                }
                Submitted::Done(None)
            }
            Wish::Done | Wish::Insert(_) if has_window || self.line.has(device) => Submitted::Done(None),
            Wish::Done => return self.settle(device, None, true, vec![reply]),
            Wish::Insert(kind) => {
                let credit = self.till.credits(device).await.map(|credits| sum(&credits)).unwrap_or_default();
                if self.config.slot.rates.best(kind, credit).is_some() {
                    return self.settle(device, kind, true, vec![reply]);
                }
                self.come(device, kind).await
            }
        };
        // Whoever pressed the button may be gone.
        let _ = reply.send(answer);
    }

    /// A device wants the slot: it gets it, or stands in line.
    async fn come(&mut self, device: DeviceId, kind: Option<SessionKind>) -> Submitted {
        let scope = LockScope::ConnectionLoss;
        match self.till.handle.acquire_lock(&self.lock, device, scope, None).await {
            Ok(_lock) => self.open(device, kind).await,
            Err(Refusal::LockHeld(_)) => {
                if !self.line.join(device, kind) {
                    return refused(Phrase::CoinLineFull);
                }
                self.show(device, Some(waits(Text::ours(Phrase::CoinWait))));
            }
            Err(refusal) => {
                warn!(slot = self.config.slot.name, %device, %refusal, "a device could not have the slot");
                return refused(Phrase::CoinTrouble);
            }
        }
        Submitted::Done(None)
    }

    async fn turn(&mut self, device: DeviceId, turn: Turn) {
        match turn {
            Turn::Has(kind) => self.open(device, kind).await,
            Turn::TooLate if self.window.as_ref().is_some_and(|window| window.device == device) => {}
            Turn::TooLate => self.release(device),
            Turn::Over(refusal) => {
                info!(slot = self.config.slot.name, %device, %refusal, "a wait for the slot is over");
                self.show(device, None);
            }
        }
    }

    /// The device has the lock: the slot takes its coins.
    async fn open(&mut self, device: DeviceId, kind: Option<SessionKind>) {
        // Whoever was there has lost the lock, or it would not be this one's.
        self.lose();
        let credit = self.till.credits(device).await.map(|credits| sum(&credits)).unwrap_or_default();
        info!(slot = self.config.slot.name, %device, "the slot is open");
        self.window = Some(Window::new(device, kind, credit, self.window_end()));
        self.last = None;
        self.enable(self.unsaved.is_empty());
        self.show_window();
    }

    pub(super) fn window_end(&self) -> BootTime {
        self.till.handle.now().boot.plus_millis(self.config.window_secs * 1_000)
    }

    /// The guest has gone, and the lock with it: what was inserted becomes a session for later.
    fn lose(&mut self) {
        if let Some(window) = self.window.take() {
            info!(slot = self.config.slot.name, device = %window.device, "the guest at the slot has gone");
            self.end(window, false);
        }
    }

    /// The window is to be closed as soon as the coin that falls is counted.
    fn close(&mut self, connect: bool, reply: Option<oneshot::Sender<Submitted>>) {
        let longest = Duration::from_millis(u64::from(self.config.train_gap_ms)) + Duration::from_secs(1);
        if let Some(window) = &mut self.window {
            let closing = Closing { connect, replies: Vec::new(), at_last: Instant::now() + longest };
            let closing = window.closing.get_or_insert(closing);
            closing.replies.extend(reply);
        }
    }

    fn close_if_due(&mut self) {
        let is_quiet = !self.counter.is_busy() && self.unsaved.is_empty();
        let closing = self.window.as_ref().and_then(|window| window.closing.as_ref());
        if closing.is_some_and(|closing| is_quiet || closing.at_last <= Instant::now())
            && let Some(window) = self.window.take()
        {
            let connect = window.closing.as_ref().is_some_and(|closing| closing.connect);
            self.end(window, connect);
        }
    }

    /// After the window: the slot is the next one's.
    fn end(&mut self, window: Window, connect: bool) {
        self.enable(false);
        self.last = Some((window.customer(), self.till.handle.now().boot.plus_millis(FALLS_MS)));
        self.show(window.device, None);
        self.release(window.device);
        let replies = window.closing.map(|closing| closing.replies).unwrap_or_default();
        self.settle(window.device, window.kind, connect, replies);
    }

    fn release(&self, device: DeviceId) {
        // It may have lost the lock already.
        let _ = self.till.handle.release_lock(&self.lock, Some(device));
    }

    async fn look(&mut self) {
        self.save().await;
        let now = self.till.handle.now().boot;
        if let Some(window) = &self.window {
            if !self.line.is_held_by(window.device) {
                self.lose();
            } else if window.until <= now {
                self.close(true, None);
            }
        }
        for (place, device) in (1..).zip(self.line.order()) {
            let text = Text::ours_with(Phrase::CoinPlace, vec![("place", Part::Count(place))]);
            self.show(device, Some(waits(text)));
        }
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS_PER_COUNT) {
            self.count_nobodys().await;
        }
    }

    pub(super) fn show_window(&self) {
        if let Some(window) = &self.window {
            let waiting = window.waiting(&self.config.slot.rates, self.till.currency);
            self.show(window.device, Some(waiting));
        }
    }

    /// Puts it on a device's page, if it is not there.
    pub(super) fn show(&self, device: DeviceId, waiting: Option<Waiting>) {
        let shown = self.till.handle.waiting(device);
        let is_shown = match (&shown, &waiting) {
            (Some((of, shown)), Some(waiting)) => *of == self.till.provider && shown == waiting,
            (Some((of, _)), None) => *of != self.till.provider,
            (None, waiting) => waiting.is_none(),
        };
        if !is_shown {
            self.till.handle.set_waiting(device, &self.till.provider, waiting);
        }
    }

    pub(super) fn enable(&mut self, enable: bool) {
        if let Err(error) = self.input.enable(enable) {
            warn!(slot = self.config.slot.name, %error, "the acceptor could not be switched");
        }
    }
}

/// What a device in line reads.
fn waits(text: Text) -> Waiting {
    Waiting { text, until: None, done: None, cancel: Some(Text::ours(Phrase::CoinCancel)) }
}
