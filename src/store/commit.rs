use std::collections::HashMap;
use std::ops::Range;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Acquire, SqliteTransaction};

use super::outbox::{self, Owed};
use super::put::{self, MOVE_DEVICES, MOVE_SESSIONS, PUT_DEVICES, PUT_SESSIONS, PUT_USAGE};
use super::script::{Added, Script};
use super::voucher_uses::Use;
use super::{
    Store, StoreError, account_devices, audit, counter, credits, events, grants, messages, once, retire,
    sales, session_events, voucher_uses,
};
use crate::clock::Stopwatch;
use crate::domain::{
    AuditLine, Change, ClientDevice, ClientSession, DeviceId, Event, GrantChange, Guard, Message, Refusal,
    Sale, SessionEvent, SessionId, Transition, WallTime,
};
use crate::faults::{attempt, boundary};

/// What one transition writes.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    /// What must hold, or the rest is left out.
    pub guards: Vec<Guard>,
    /// Rows.
    pub changes: Vec<Change>,
    /// Events.
    pub events: Vec<Event>,
    /// What listeners are told.
    pub told: Vec<SessionEvent>,
}

impl Writes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.changes.is_empty() && self.events.is_empty() && self.told.is_empty()
    }

    /// Whether it is rows alone that are put.
    fn is_plain(&self) -> bool {
        self.guards.is_empty() && self.changes.iter().all(is_put)
    }
}

/// Whether it is a row that is put: nothing is asked of the database, and nothing deleted. Most commits have nothing else.
const fn is_put(change: &Change) -> bool {
    matches!(
        change,
        Change::Device(_) | Change::Session(_) | Change::Usage(_) | Change::NewestWall(_) | Change::Audit(_)
    )
}

impl From<&Transition> for Writes {
    fn from(transition: &Transition) -> Self {
        Self {
            guards: transition.guards.clone(),
            changes: transition.changes.clone(),
            events: transition.events.clone(),
            told: transition.told.clone(),
        }
    }
}

/// What became of one [`Writes`], or the refusal of the guard that did not hold.
pub type Committed = Result<Numbers, Refusal>;

/// The numbers that events got, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Of the events.
    pub events: Vec<i64>,
    /// Of what listeners are told.
    pub told: Vec<i64>,
}

impl Store {
    /// Writes the whole group in one transaction; on disk when it returns. One answer for each member, in order.
    ///
    /// A member whose guard does not hold is left out whole, and the others go on.
    ///
    /// # Errors
    ///
    /// Anything else that fails takes the whole group back.
    pub async fn commit(&self, group: Vec<Writes>) -> Result<Vec<Committed>, StoreError> {
        let watch = Stopwatch::start();
        let committed = self.write_group(group).await;
        match committed {
            Ok(_) => self.measures().commit_secs.observe(watch.secs()),
            Err(_) => self.measures().errors.count("commit"),
        }
        committed
    }

    async fn write_group(&self, group: Vec<Writes>) -> Result<Vec<Committed>, StoreError> {
        let mut pending = Pending::default();
        let mut answers = Vec::with_capacity(group.len());
        let (first_event, first_told) = if group.iter().all(Writes::is_plain) {
            answers.extend(group.into_iter().map(|writes| Ok(pending.take_in(writes))));
            self.write_at_once(pending).await?
        } else {
            let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            for writes in group {
                let held = hold_all(&mut transaction, &writes.guards).await?;
                answers.push(held.map(|()| pending.take_in(writes)));
            }
            let first_numbers = pending.write(&mut transaction).await?;
            attempt("store.commit").map_err(sqlx::Error::Io)?;
            transaction.commit().await?;
            first_numbers
        };
        boundary("store.committed");
        let ids = |first: i64, places: Range<usize>| {
            (first..).skip(places.start).take(places.len()).collect::<Vec<i64>>()
        };
        let numbers =
            |(events, told)| Numbers { events: ids(first_event, events), told: ids(first_told, told) };
        Ok(answers.into_iter().map(|answer| answer.map(numbers)).collect())
    }

    /// Writes rows of which nothing depends on what is there: the whole transaction goes to the connection's thread at once.
    async fn write_at_once(&self, mut pending: Pending) -> Result<(i64, i64), StoreError> {
        let mut connection = self.writer.acquire().await?;
        attempt("store.commit").map_err(sqlx::Error::Io)?;
        self.half_done.begins();
        let mut script = Script::new(&mut connection);
        let written = async {
            script.add("BEGIN IMMEDIATE", Ok)?;
            pending.put_rows(&mut script).await?;
            let (events, told) = pending.put_lines(&mut script).await?;
            script.add("COMMIT", Ok)?;
            script.run().await?;
            Ok((script.first_number(events), script.first_number(told)))
        };
        let written = written.await;
        if written.is_ok() {
            self.half_done.is_whole();
        } else {
            self.half_done.take_back(&mut connection).await;
        }
        written
    }
}

/// Checks and sets all guards of one member, or none.
async fn hold_all(
    transaction: &mut SqliteTransaction<'_>,
    guards: &[Guard],
) -> Result<Result<(), Refusal>, StoreError> {
    match guards {
        [] => Ok(Ok(())),
        // One statement is atomic by itself.
        [guard] => hold(transaction, guard).await,
        several => {
            let mut savepoint = transaction.begin().await?;
            for guard in several {
                if let Err(refusal) = hold(&mut savepoint, guard).await? {
                    savepoint.rollback().await?;
                    return Ok(Err(refusal));
                }
            }
            savepoint.commit().await?;
            Ok(Ok(()))
        }
    }
}

async fn hold(connection: &mut SqliteConnection, guard: &Guard) -> Result<Result<(), Refusal>, StoreError> {
    match guard {
        Guard::RedeemVoucher { voucher, device, session, at } => {
            let wanted = Use { voucher: *voucher, device: *device, session: *session, at: *at };
            voucher_uses::redeem(connection, wanted).await
        }
        Guard::TakeOverVoucher { voucher, from, device, session, at } => {
            let wanted = Use { voucher: *voucher, device: *device, session: *session, at: *at };
            voucher_uses::take_over(connection, wanted, *from).await
        }
        Guard::HoldsVoucher { voucher, device, at } => {
            voucher_uses::hold(connection, *voucher, *device, *at).await
        }
        Guard::Grant(grant) => grants::take(connection, grant).await,
        Guard::Account(guard) => account_devices::enter(connection, guard).await,
        Guard::Resume { from, session } => grants::resume(connection, *from, *session).await,
        Guard::ClaimCredits { credits, amount, session, at } => {
            credits::claim(connection, credits, *amount, *session, *at).await
        }
        Guard::Once(done) => once::remember(connection, done).await,
        Guard::NothingLeft(device, parting) => retire::hold(connection, *device, parting).await,
    }
}

/// Undoes what [`hold`] did, for a session that has been taken back.
async fn give_back(connection: &mut SqliteConnection, guard: &Guard) -> Result<(), StoreError> {
    match guard {
        Guard::Grant(grant) => grants::give_back(connection, grant).await,
        Guard::ClaimCredits { session, .. } => credits::unclaim(connection, *session).await,
        Guard::Resume { from, session } => grants::park_again(connection, *from, *session).await,
        Guard::RedeemVoucher { voucher, device, session, at } => {
            let used = Use { voucher: *voucher, device: *device, session: *session, at: *at };
            voucher_uses::give_back(connection, used, None).await
        }
        Guard::TakeOverVoucher { voucher, from, device, session, at } => {
            let used = Use { voucher: *voucher, device: *device, session: *session, at: *at };
            voucher_uses::give_back(connection, used, Some(*from)).await
        }
        Guard::HoldsVoucher { .. } | Guard::Account(_) | Guard::Once(_) | Guard::NothingLeft(..) => Ok(()),
    }
}

/// All changes of a group, the last word on each row: many commands touch the same device.
#[derive(Default)]
struct Pending {
    /// Whether there is anything that is not put as a row.
    has_seldom: bool,
    owed: Vec<Owed>,
    deleted_devices: Vec<DeviceId>,
    deleted_sessions: Vec<SessionId>,
    devices: Rows<DeviceId, ClientDevice>,
    sessions: Rows<SessionId, ClientSession>,
    usages: Rows<SessionId, ClientSession>,
    newest_wall: Option<WallTime>,
    forgotten: Vec<(String, String)>,
    messages: Vec<Message>,
    sales: Vec<Sale>,
    moved_credits: Vec<(DeviceId, DeviceId)>,
    given_back: Vec<Guard>,
    dropped_sales: Vec<uuid::Uuid>,
    grants: Vec<GrantChange>,
    origins: Vec<(SessionId, SessionId)>,
    audit: Vec<AuditLine>,
    events: Vec<Event>,
    told: Vec<SessionEvent>,
}

impl Pending {
    /// Where its events are, and what listeners are told.
    fn take_in(&mut self, writes: Writes) -> (Range<usize>, Range<usize>) {
        writes.changes.into_iter().for_each(|change| self.add(change));
        let (events, told) = (self.events.len(), self.told.len());
        self.events.extend(writes.events);
        self.told.extend(writes.told);
        (events..self.events.len(), told..self.told.len())
    }

    fn add(&mut self, change: Change) {
        self.has_seldom |= !is_put(&change);
        match change {
            Change::Device(device) => self.devices.put(device.id, device),
            Change::DeleteDevice(id) => {
                self.devices.remove(&id);
                self.sessions.remove_if(|session| session.device == id);
                self.usages.remove_if(|session| session.device == id);
                self.messages.retain(|message| message.device != id);
                self.deleted_devices.push(id);
            }
            Change::Session(session) => {
                self.usages.remove(&session.id);
                self.sessions.put(session.id, session);
            }
            Change::DeleteSession(id) => {
                self.sessions.remove(&id);
                self.usages.remove(&id);
                self.deleted_sessions.push(id);
            }
            Change::Usage(session) => self.usages.put(session.id, session),
            Change::Outbox(usage) => {
                let provider = self.sessions.get(&usage.session).map(|session| session.provider.clone());
                self.owed.push(Owed { usage, provider });
            }
            Change::NewestWall(wall) => self.newest_wall = Some(wall),
            Change::Message(message) => self.messages.push(*message),
            Change::Sale(sale) => self.sales.push(*sale),
            Change::MoveCredits { from, to } => self.moved_credits.push((from, to)),
            Change::Grants(change) => self.grants.push(change),
            Change::Origin { from, to } => self.origins.push((from, to)),
            Change::Audit(line) => self.audit.push(*line),
            Change::GiveBack(guard) => self.given_back.push(*guard),
            Change::DropSale(id) => self.dropped_sales.push(id),
            Change::ForgetOnce { caller, key } => self.forgotten.push((caller, key)),
        }
    }

    /// Writes all of it and returns the numbers of the first event and of the first that listeners are told.
    ///
    /// What is owed comes first, while the sessions to be deleted can still say whose they are; then the deletions, since
    /// whatever is put after a deletion is to stay.
    async fn write(mut self, connection: &mut SqliteConnection) -> Result<(i64, i64), StoreError> {
        for owed in &mut self.owed {
            if owed.provider.is_none() {
                owed.provider =
                    self.sessions.get(&owed.usage.session).map(|session| session.provider.clone());
            }
        }
        outbox::put(connection, &self.owed).await?;
        for id in &self.deleted_sessions {
            retire::note_bought(connection, retire::Gone::Session(*id)).await?;
            sqlx::query("DELETE FROM sessions WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *connection)
                .await?;
        }
        for id in &self.deleted_devices {
            retire::note_bought(connection, retire::Gone::Device(*id)).await?;
            // Its number never comes again.
            sqlx::query("DELETE FROM grants WHERE subject = 'device ' || $1")
                .bind(id.to_string())
                .execute(&mut *connection)
                .await?;
            sqlx::query("DELETE FROM devices WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *connection)
                .await?;
        }
        let mut script = Script::new(connection);
        self.put_rows(&mut script).await?;
        if self.has_seldom {
            self.write_seldom(script.connection().await?).await?;
        }
        let (events, told) = self.put_lines(&mut script).await?;
        script.run().await?;
        Ok((script.first_number(events), script.first_number(told)))
    }

    /// What is appended: the audit log, the events, what listeners are told.
    async fn put_lines(&self, script: &mut Script<'_>) -> Result<(Added, Added), StoreError> {
        audit::put(script, &self.audit).await?;
        Ok((events::put(script, &self.events).await?, session_events::put(script, &self.told).await?))
    }

    async fn put_rows(&mut self, script: &mut Script<'_>) -> Result<(), StoreError> {
        let (devices, sessions, usages) = (self.devices.take(), self.sessions.take(), self.usages.take());
        script.rows(&PUT_DEVICES, &devices, |query, device| put::bind_device(query, device)).await?;
        script
            .rows(&MOVE_DEVICES, &devices, |query, device| Ok(put::bind_moved_device(query, device)))
            .await?;
        script.rows(&PUT_SESSIONS, &sessions, |query, session| put::bind_session(query, session)).await?;
        script
            .rows(&MOVE_SESSIONS, &sessions, |query, session| Ok(put::bind_moved_session(query, session)))
            .await?;
        script.rows(&PUT_USAGE, &usages, |query, session| put::bind_usage(query, session)).await?;
        match self.newest_wall {
            Some(wall) => script.add(
                "INSERT INTO meta (name, value) VALUES ('newest_wall', ?) \
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                |query| Ok(query.bind(wall.0)),
            ),
            None => Ok(()),
        }
    }

    /// What most commits have nothing of.
    async fn write_seldom(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for (caller, key) in &self.forgotten {
            once::forget(connection, caller, key).await?;
        }
        messages::put(connection, &self.messages).await?;
        for (from, to) in &self.moved_credits {
            credits::reassign(connection, *from, *to).await?;
        }
        for guard in &self.given_back {
            give_back(connection, guard).await?;
        }
        // Behind what makes credits unclaimed again, or moves them away.
        for id in &self.deleted_devices {
            credits::orphan(connection, *id).await?;
        }
        sales::drop(connection, &self.dropped_sales).await?;
        sales::put(connection, &self.sales).await?;
        for (from, to) in &self.origins {
            counter::note_origin(connection, *from, *to).await?;
        }
        for change in &self.grants {
            grants::change(connection, change).await?;
        }
        Ok(())
    }
}

/// The newest image of each row, in the order of first appearance.
struct Rows<Id, Row> {
    places: HashMap<Id, usize>,
    rows: Vec<Option<Box<Row>>>,
}

impl<Id, Row> Default for Rows<Id, Row> {
    fn default() -> Self {
        Self { places: HashMap::new(), rows: Vec::new() }
    }
}

impl<Id: std::hash::Hash + Eq, Row> Rows<Id, Row> {
    fn put(&mut self, id: Id, row: Box<Row>) {
        let place = *self.places.entry(id).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some(slot) => *slot = Some(row),
            None => self.rows.push(Some(row)),
        }
    }

    fn get(&self, id: &Id) -> Option<&Row> {
        self.rows.get(*self.places.get(id)?)?.as_deref()
    }

    fn remove(&mut self, id: &Id) {
        if let Some(slot) = self.places.remove(id).and_then(|place| self.rows.get_mut(place)) {
            *slot = None;
        }
    }

    fn remove_if(&mut self, unwanted: impl Fn(&Row) -> bool) {
        for slot in &mut self.rows {
            if slot.as_deref().is_some_and(&unwanted) {
                *slot = None;
            }
        }
    }

    fn take(&mut self) -> Vec<Box<Row>> {
        self.rows.drain(..).flatten().collect()
    }
}
