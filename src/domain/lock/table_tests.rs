use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ConnectionId;

#[path = "model_tests.rs"]
mod model;

const NOW: WallTime = WallTime(7);

fn lock(name: &str) -> LockName {
    name.parse().unwrap()
}

fn owner(number: u128) -> LockOwner {
    LockOwner::Device(DeviceId::new(Uuid::from_u128(number)))
}

fn ask(table: &mut LockTable, name: &str, number: u128) -> Result<Acquired, LockRefusal> {
    table.acquire(&lock(name), owner(number), LockScope::SessionLoss, NOW)
}

fn wait(table: &mut LockTable, name: &str, number: u128, scope: LockScope) -> LockTicket {
    match table.acquire(&lock(name), owner(number), scope, NOW) {
        Ok(Acquired::Waiting(ticket)) => ticket,
        other => panic!("{number} does not wait for {name}: {other:?}"),
    }
}

#[test]
fn first_come_first_served() {
    let mut table = LockTable::default();
    assert_eq!(ask(&mut table, "a", 1), Ok(Acquired::Granted));
    assert_eq!(ask(&mut table, "a", 1), Ok(Acquired::HeldBefore));
    let (second, third) =
        (wait(&mut table, "a", 2, LockScope::SessionLoss), wait(&mut table, "a", 3, LockScope::SessionLoss));
    assert_eq!(table.release(&lock("a"), Some(owner(2)), NOW), Err(NotHeld));
    let next = table.release(&lock("a"), Some(owner(1)), WallTime(9)).unwrap().unwrap();
    assert_eq!((next.owner, next.tickets), (owner(2), vec![second]));
    assert_eq!(table.lock(&lock("a")).unwrap().since, WallTime(9));
    assert!(!table.take(third) && table.take(second) && !table.take(second));
    let next = table.release(&lock("a"), None, NOW).unwrap().unwrap();
    assert_eq!((next.owner, next.tickets), (owner(3), vec![third]));
    assert!(table.take(third));
    assert_eq!(table.release(&lock("a"), None, NOW), Ok(None));
    assert_eq!(table.release(&lock("a"), None, NOW), Err(NotHeld));
    assert!(table.locks().is_empty() && table.devices().is_empty());
}

#[test]
fn all_waits_of_an_owner_are_answered_and_the_weaker_scope_holds() {
    let mut table = LockTable::default();
    ask(&mut table, "a", 1).unwrap();
    let first = wait(&mut table, "a", 2, LockScope::SessionLoss);
    let other = wait(&mut table, "a", 3, LockScope::SessionLoss);
    let again = wait(&mut table, "a", 2, LockScope::ConnectionLoss);
    assert_eq!(table.lock(&lock("a")).unwrap().waiters.len(), 2);
    let next = table.release(&lock("a"), None, NOW).unwrap().unwrap();
    assert_eq!((next.owner, next.tickets), (owner(2), vec![first, again]));
    assert_eq!(table.lock(&lock("a")).unwrap().scope, LockScope::ConnectionLoss);
    // One asker is gone; the other has it still.
    assert_eq!(table.cancel(first, NOW), None);
    assert!(table.take(again));
    assert_eq!(table.holder(&lock("a")), Some(owner(2)));
    assert_eq!(table.release(&lock("a"), None, NOW).unwrap().unwrap().tickets, [other]);
    // While it holds it, too, the weaker one holds; it does not grow strong again.
    for scope in [LockScope::ConnectionLoss, LockScope::SessionLoss] {
        let again = table.acquire(&lock("a"), owner(3), scope, NOW);
        assert_eq!(again, Ok(Acquired::HeldBefore));
        assert_eq!(table.lock(&lock("a")).unwrap().scope, LockScope::ConnectionLoss);
    }
}

#[test]
fn cancelling_one_wait_leaves_the_others_and_the_place() {
    let mut table = LockTable::default();
    ask(&mut table, "a", 1).unwrap();
    let first = wait(&mut table, "a", 2, LockScope::ConnectionLoss);
    wait(&mut table, "a", 3, LockScope::SessionLoss);
    let again = wait(&mut table, "a", 2, LockScope::SessionLoss);
    assert_eq!(table.cancel(first, NOW), None);
    assert_eq!(table.cancel(first, NOW), None);
    let next = table.release(&lock("a"), None, NOW).unwrap().unwrap();
    assert_eq!((next.owner, next.tickets), (owner(2), vec![again]));
    // What was cancelled does not count for the scope.
    assert_eq!(table.lock(&lock("a")).unwrap().scope, LockScope::SessionLoss);
}

#[test]
fn a_lock_that_nobody_takes_goes_on() {
    let mut table = LockTable::default();
    ask(&mut table, "a", 1).unwrap();
    let gone = wait(&mut table, "a", 2, LockScope::SessionLoss);
    let third = wait(&mut table, "a", 3, LockScope::SessionLoss);
    table.release(&lock("a"), None, NOW).unwrap();
    let next = table.cancel(gone, NOW).unwrap();
    assert_eq!((next.owner, next.tickets), (owner(3), vec![third]));
    assert!(!table.take(gone) && table.take(third));
    // Somebody else asked for the same owner in between: then it stays.
    let gone = wait(&mut table, "a", 4, LockScope::SessionLoss);
    table.release(&lock("a"), None, NOW).unwrap();
    assert_eq!(ask(&mut table, "a", 4), Ok(Acquired::HeldBefore));
    assert_eq!(table.cancel(gone, NOW), None);
    assert_eq!(table.holder(&lock("a")), Some(owner(4)));
}

#[test]
fn each_loss_ends_what_its_scope_says() {
    let mut table = LockTable::default();
    ask(&mut table, "strong", 1).unwrap();
    table.acquire(&lock("weak"), owner(1), LockScope::ConnectionLoss, NOW).unwrap();
    ask(&mut table, "wanted", 2).unwrap();
    let weak = wait(&mut table, "wanted", 1, LockScope::ConnectionLoss);
    let strong = wait(&mut table, "wanted", 1, LockScope::SessionLoss);
    let next = wait(&mut table, "weak", 3, LockScope::SessionLoss);
    let loss = table.lose_connection(owner(1), NOW);
    assert_eq!((loss.freed, loss.ended), (vec![lock("weak")], vec![weak]));
    assert_eq!(loss.handed_over, [HandOver { name: lock("weak"), owner: owner(3), tickets: vec![next] }]);
    assert_eq!(table.lose_connection(owner(1), NOW), LockLoss::default());
    let loss = table.lose_session(owner(1), NOW);
    assert_eq!((loss.freed, loss.ended), (vec![lock("strong")], vec![strong]));
    // Told of it and gone before it could take it.
    assert!(table.lose_session(owner(3), NOW).freed == [lock("weak")] && !table.take(next));
    assert_eq!(table.lose_session(owner(9), NOW), LockLoss::default());
}

#[test]
fn a_wait_that_would_never_end_is_refused() {
    let mut table = LockTable::default();
    for (name, number) in [("a", 1), ("b", 2), ("c", 3)] {
        ask(&mut table, name, number).unwrap();
    }
    let ticket = wait(&mut table, "b", 1, LockScope::SessionLoss);
    wait(&mut table, "c", 2, LockScope::SessionLoss);
    assert_eq!(ask(&mut table, "a", 3), Err(LockRefusal::WouldDeadlock));
    assert_eq!(ask(&mut table, "b", 3), Err(LockRefusal::WouldDeadlock), "behind 1, which nobody waits for");
    table.cancel(ticket, NOW);
    wait(&mut table, "a", 3, LockScope::SessionLoss);
    assert_eq!(ask(&mut table, "b", 1), Err(LockRefusal::WouldDeadlock));
    // Somebody ahead in the line counts as well as the holder.
    let mut table = LockTable::default();
    ask(&mut table, "a", 1).unwrap();
    ask(&mut table, "b", 3).unwrap();
    wait(&mut table, "a", 2, LockScope::SessionLoss);
    wait(&mut table, "b", 2, LockScope::SessionLoss);
    assert_eq!(ask(&mut table, "a", 3), Err(LockRefusal::WouldDeadlock));
}

#[test]
fn there_is_a_bound_to_everything() {
    let mut table = LockTable::default();
    for number in 0..LockTable::MAX_OF_OWNER {
        ask(&mut table, &format!("a/{number}"), 1).unwrap();
    }
    assert_eq!(ask(&mut table, "b", 1), Err(LockRefusal::OwnerHasTooMany));
    assert_eq!(ask(&mut table, "a/0", 1), Ok(Acquired::HeldBefore));
    for number in LockTable::MAX_OF_OWNER..LockTable::MAX_LOCKS {
        ask(&mut table, &format!("a/{number}"), 2 + number as u128 / 50).unwrap();
    }
    assert_eq!(ask(&mut table, "b", 99), Err(LockRefusal::TooMany));
    let mut tickets = Vec::new();
    for number in 0..LockTable::MAX_WAITS {
        tickets.push(wait(&mut table, "a/0", 1_000 + number as u128 / 50, LockScope::SessionLoss));
    }
    assert_eq!(ask(&mut table, "a/1", 99), Err(LockRefusal::TooMany));
    for ticket in tickets {
        table.cancel(ticket, NOW);
    }
    assert!(matches!(ask(&mut table, "a/1", 99), Ok(Acquired::Waiting(_))));
    for number in 0..LockTable::MAX_OF_OWNER - 1 {
        wait(&mut table, &format!("a/{}", 1 + number % 3), 99, LockScope::SessionLoss);
    }
    assert_eq!(ask(&mut table, "a/4", 99), Err(LockRefusal::OwnerHasTooMany));
}

#[test]
fn a_long_chain_of_waits_is_seen_through_quickly() {
    let mut table = LockTable::default();
    for number in 0..900 {
        ask(&mut table, &format!("a/{number}"), number).unwrap();
    }
    for number in 0..899 {
        wait(&mut table, &format!("a/{}", number + 1), number, LockScope::SessionLoss);
    }
    assert_eq!(ask(&mut table, "a/0", 899), Err(LockRefusal::WouldDeadlock));
    assert!(matches!(ask(&mut table, "a/0", 5_000), Ok(Acquired::Waiting(_))));
}
