//! One phone attacks the portal in every way that it has, once with the help of another; the others do not notice more than a delay.

use std::time::{Duration, Instant};

use crate::lab::{Attack, Attacker, Daemon, HttpRequest, LAN4, Lab, eventually};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than what is slow is waited for (10 s a head), so that places that were taken come free and are taken again.
const TIME: Duration = Duration::from_secs(11);
const VISITS: usize = 100;

#[test]
fn the_portal_is_there_for_others_whatever_one_phone_does() {
    let lab = Lab::with_phones(3);
    let mut daemon = Daemon::start(&lab);
    let [attacker, honest, _] = lab.phones.as_slice() else { panic!("three phones") };
    daemon.meet(attacker);
    daemon.meet(honest);
    Attacker::equip(&lab, attacker);
    for attack in Attack::ALL {
        let attacking = Attacker::start(&lab, attacker, attack);
        // All that it can hold, and more than one address may.
        let busy = !attack.connects() || eventually(10 * SECOND, || attacking.begun() > 2_000);
        assert!(busy, "{}: only {}", attack.words(), attacking.begun());
        let begun = Instant::now();
        let mut visits = 0;
        while visits < VISITS || begun.elapsed() < TIME {
            let page = HttpRequest::get("/").send(honest, (LAN4, 2050));
            let page = page.unwrap_or_else(|error| {
                panic!("{}: visit {visits}, {:?} on: {error}", attack.words(), begun.elapsed())
            });
            assert_eq!(page.status, 200, "{}: {page:?}", attack.words());
            visits += 1;
        }
        assert!(daemon.runs(), "{}", attack.words());
    }
    // And the attacker is let through like anybody, once it behaves.
    let answers = eventually(15 * SECOND, || {
        HttpRequest::get("/").send(attacker, (LAN4, 2050)).is_ok_and(|page| page.status == 200)
    });
    assert!(answers, "{}", daemon.log());
}
