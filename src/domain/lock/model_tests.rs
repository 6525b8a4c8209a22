//! Random operations on the table and on a model of it that is too simple to be wrong.

use super::*;

const OWNERS: usize = 5;
const LOCKS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Acquire {
        lock: usize,
        owner: usize,
        scope: LockScope,
    },
    /// Of all tickets ever given out, good or not.
    Take(prop::sample::Index),
    Cancel(prop::sample::Index),
    Release {
        lock: usize,
        only: Option<usize>,
    },
    Lose {
        owner: usize,
        scope: LockScope,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let scope = || prop::sample::select(vec![LockScope::ConnectionLoss, LockScope::SessionLoss]);
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        8 => (0..LOCKS, 0..OWNERS, scope()).prop_map(|(lock, owner, scope)| Step::Acquire { lock, owner, scope }),
        2 => index().prop_map(Step::Take),
        2 => index().prop_map(Step::Cancel),
        2 => (0..LOCKS, prop::option::of(0..OWNERS)).prop_map(|(lock, only)| Step::Release { lock, only }),
        1 => (0..OWNERS, scope()).prop_map(|(owner, scope)| Step::Lose { owner, scope }),
    ];
    prop::collection::vec(step, 1..60)
}

fn name(number: usize) -> LockName {
    format!("lock/{number}").parse().unwrap()
}

/// The last one is a plugin.
fn who(number: usize) -> LockOwner {
    let id = Uuid::from_u128(number as u128);
    if number + 1 == OWNERS {
        LockOwner::Connection(ConnectionId::new(id))
    } else {
        LockOwner::Device(DeviceId::new(id))
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Lock {
    holder: Option<(usize, LockScope)>,
    taken: bool,
    offered: Vec<LockTicket>,
    line: Vec<(usize, Vec<(LockTicket, LockScope)>)>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    locks: [Lock; LOCKS],
}

impl Model {
    /// Whether the one waits for the other: through any number of others in between.
    fn waits_for(&self) -> [[bool; OWNERS]; OWNERS] {
        let mut waits = [[false; OWNERS]; OWNERS];
        for lock in &self.locks {
            for (place, (waiter, _)) in lock.line.iter().enumerate() {
                let ahead = lock.line[..place].iter().map(|(owner, _)| *owner);
                for other in lock.holder.iter().map(|(owner, _)| *owner).chain(ahead) {
                    waits[*waiter][other] = true;
                }
            }
        }
        for via in 0..OWNERS {
            for from in 0..OWNERS {
                for to in 0..OWNERS {
                    waits[from][to] |= waits[from][via] && waits[via][to];
                }
            }
        }
        waits
    }

    fn has_cycle(&self) -> bool {
        let waits = self.waits_for();
        (0..OWNERS).any(|owner| waits[owner][owner])
    }

    fn is_waiting(&self, owner: usize) -> bool {
        self.locks.iter().any(|lock| lock.line.iter().any(|(other, _)| *other == owner))
    }

    fn free(&mut self, lock: usize) -> Vec<LockTicket> {
        let lock = &mut self.locks[lock];
        (lock.offered, lock.taken) = (Vec::new(), false);
        if lock.line.is_empty() {
            lock.holder = None;
            return Vec::new();
        }
        let (owner, waits) = lock.line.remove(0);
        lock.holder = Some((owner, waits.iter().map(|(_, scope)| *scope).min().unwrap()));
        lock.offered = waits.iter().map(|(ticket, _)| *ticket).collect();
        lock.offered.clone()
    }

    fn cancel(&mut self, ticket: LockTicket) -> Vec<LockTicket> {
        for number in 0..LOCKS {
            let lock = &mut self.locks[number];
            for (_, waits) in &mut lock.line {
                waits.retain(|(other, _)| *other != ticket);
            }
            lock.line.retain(|(_, waits)| !waits.is_empty());
            if lock.offered.contains(&ticket) {
                lock.offered.retain(|other| *other != ticket);
                if lock.offered.is_empty() && !lock.taken {
                    return self.free(number);
                }
            }
        }
        Vec::new()
    }
}

/// The table says of every lock what the model says.
fn same(table: &LockTable, model: &Model) -> Result<(), TestCaseError> {
    let held = model.locks.iter().filter(|lock| lock.holder.is_some()).count();
    prop_assert_eq!(table.locks().len(), held);
    for (number, lock) in model.locks.iter().enumerate() {
        let shown = table.lock(&name(number));
        let holder = shown.as_ref().map(|shown| (shown.owner, shown.scope));
        prop_assert_eq!(holder, lock.holder.map(|(owner, scope)| (who(owner), scope)));
        let line = |(owner, waits): &(usize, Vec<(LockTicket, LockScope)>)| {
            (who(*owner), waits.iter().map(|(_, scope)| *scope).min().unwrap())
        };
        let waiters = shown.map_or_else(Vec::new, |shown| shown.waiters);
        let waiters: Vec<_> = waiters.iter().map(|waiter| (waiter.owner, waiter.scope)).collect();
        prop_assert_eq!(waiters, lock.line.iter().map(line).collect::<Vec<_>>());
    }
    // What is counted is what is there.
    let waits: usize = model.locks.iter().flat_map(|lock| &lock.line).map(|(_, waits)| waits.len()).sum();
    let offered: usize = model.locks.iter().map(|lock| lock.offered.len()).sum();
    prop_assert_eq!((table.waits, table.tickets.len()), (waits, waits + offered));
    for owner in 0..OWNERS {
        let holds = model.locks.iter().filter(|lock| lock.holder.is_some_and(|(other, _)| other == owner));
        let share = table.owners.get(&who(owner));
        prop_assert_eq!(share.map_or(0, |share| share.holds.len()), holds.count());
        prop_assert_eq!(share.is_some_and(|share| share.waits > 0), model.is_waiting(owner));
        prop_assert_eq!(share.is_some_and(|share| !share.waits_for.is_empty()), model.is_waiting(owner));
    }
    Ok(())
}

fn tickets(next: Option<HandOver>) -> Vec<LockTicket> {
    next.map_or_else(Vec::new, |next| next.tickets)
}

fn acquire(
    table: &mut LockTable,
    model: &mut Model,
    given: &mut Vec<LockTicket>,
    (number, owner, scope): (usize, usize, LockScope),
) -> Result<(), TestCaseError> {
    let said = table.acquire(&name(number), who(owner), scope, NOW);
    let lock = &mut model.locks[number];
    match lock.holder {
        None => {
            prop_assert_eq!(said, Ok(Acquired::Granted));
            (lock.holder, lock.taken) = (Some((owner, scope)), true);
        }
        Some((holder, before)) if holder == owner => {
            prop_assert_eq!(said, Ok(Acquired::HeldBefore));
            (lock.holder, lock.taken) = (Some((owner, before.min(scope))), true);
        }
        Some(_) => {
            let mut tried = model.clone();
            let ticket = if let Ok(Acquired::Waiting(ticket)) = said { ticket } else { LockTicket(0) };
            let line = &mut tried.locks[number].line;
            match line.iter_mut().find(|(other, _)| *other == owner) {
                Some((_, waits)) => waits.push((ticket, scope)),
                None => line.push((owner, vec![(ticket, scope)])),
            }
            if tried.has_cycle() {
                prop_assert_eq!(said, Err(LockRefusal::WouldDeadlock));
            } else {
                prop_assert_eq!(said, Ok(Acquired::Waiting(ticket)));
                prop_assert!(!given.contains(&ticket));
                given.push(ticket);
                *model = tried;
            }
        }
    }
    Ok(())
}

fn lose(
    table: &mut LockTable,
    model: &mut Model,
    owner: usize,
    lost: LockScope,
) -> Result<(), TestCaseError> {
    let loss = match lost {
        LockScope::ConnectionLoss => table.lose_connection(who(owner), NOW),
        LockScope::SessionLoss => table.lose_session(who(owner), NOW),
    };
    let (mut ended, mut freed, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for lock in &mut model.locks {
        for (_, waits) in lock.line.iter_mut().filter(|(other, _)| *other == owner) {
            ended.extend(waits.iter().filter(|(_, scope)| *scope <= lost).map(|(ticket, _)| *ticket));
            waits.retain(|(_, scope)| *scope > lost);
        }
        lock.line.retain(|(_, waits)| !waits.is_empty());
    }
    for number in 0..LOCKS {
        if model.locks[number].holder.is_some_and(|(other, scope)| other == owner && scope <= lost) {
            freed.push(name(number));
            next.extend(model.free(number));
        }
    }
    prop_assert_eq!((loss.ended, loss.freed), (ended, freed));
    prop_assert_eq!(loss.handed_over.into_iter().flat_map(|next| next.tickets).collect::<Vec<_>>(), next);
    Ok(())
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (mut table, mut model) = (LockTable::default(), Model::default());
    let mut given: Vec<LockTicket> = Vec::new();
    for step in steps {
        match step {
            Step::Acquire { lock, owner, scope } => {
                acquire(&mut table, &mut model, &mut given, (lock, owner, scope))?;
            }
            Step::Take(which) if !given.is_empty() => {
                let ticket = *which.get(&given);
                let found = model.locks.iter_mut().find(|lock| lock.offered.contains(&ticket));
                prop_assert_eq!(table.take(ticket), found.is_some());
                if let Some(lock) = found {
                    lock.offered.retain(|other| *other != ticket);
                    lock.taken = true;
                }
            }
            Step::Cancel(which) if !given.is_empty() => {
                let ticket = *which.get(&given);
                prop_assert_eq!(tickets(table.cancel(ticket, NOW)), model.cancel(ticket));
            }
            Step::Take(_) | Step::Cancel(_) => {}
            Step::Release { lock, only } => {
                let holder = model.locks[lock].holder.map(|(owner, _)| owner);
                let said = table.release(&name(lock), only.map(who), NOW);
                if holder.is_some() && (only.is_none() || only == holder) {
                    prop_assert_eq!(said.map(tickets), Ok(model.free(lock)));
                } else {
                    prop_assert_eq!(said, Err(NotHeld));
                }
            }
            Step::Lose { owner, scope } => lose(&mut table, &mut model, owner, scope)?,
        }
        prop_assert!(!model.has_cycle());
        same(&table, &model)?;
    }
    // Whoever waits for nothing gives back what it holds, again and again: nobody is left waiting.
    for _ in 0..=OWNERS * LOCKS {
        for number in 0..LOCKS {
            let holder = model.locks[number].holder.map(|(owner, _)| owner);
            if holder.is_some_and(|owner| !model.is_waiting(owner)) {
                prop_assert_eq!(table.release(&name(number), None, NOW).map(tickets), Ok(model.free(number)));
                same(&table, &model)?;
            }
        }
    }
    prop_assert!(table.locks().is_empty() && table.owners.is_empty() && table.tickets.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_table_does_what_the_model_does(steps in steps()) {
        run(steps)?;
    }
}
