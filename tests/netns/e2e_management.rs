//! Whoever looks after the box is never cut off by our table: not when it comes, is lost, comes again, or goes.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, LAN4, Lab, OFFICE4, TcpServer, Transfer, WAN4, eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const SHELL: u16 = 22;

#[test]
fn the_operators_shell_and_pages_stay_whatever_becomes_of_the_table() {
    let lab = Lab::builder().office().build();
    let office = lab.office.as_ref().expect("asked for");
    office.ip(&format!("route add default via {OFFICE4}\n"));
    let everywhere = SocketAddr::from(([0, 0, 0, 0], SHELL));
    let _shell = TcpServer::open(&lab.router, everywhere);
    // One that was there before our table, and ones that come while it does.
    let before = Transfer::download(office, (OFFICE4, SHELL));
    let goes_on = |what: &str, shell: &Transfer| {
        let bytes = shell.bytes();
        assert!(eventually(SECOND, || shell.bytes() > bytes), "{what}: the shell hangs");
        assert!(shell.alive(), "{what}: the shell was cut off");
    };
    goes_on("before", &before);
    let (stop, made, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (is_over, good, bad) = (Arc::clone(&stop), Arc::clone(&made), Arc::clone(&refused));
    let knocking = office.start(move || {
        while !is_over.load(Ordering::SeqCst) {
            for address in [OFFICE4, LAN4, WAN4] {
                let knocked = TcpStream::connect_timeout(&(IpAddr::from(address), SHELL).into(), SECOND);
                if knocked.is_ok() { &good } else { &bad }.fetch_add(1, Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let more = "[admin]\nlisten = \"[::]:2051\"\n".to_owned();
    let config = DaemonConfig { more, ..DaemonConfig::default() };
    let mut daemon = Daemon::start_with(&lab, &config);
    goes_on("with the table", &before);
    let during = Transfer::download(office, (OFFICE4, SHELL));
    let pages = |what: &str| {
        for address in [OFFICE4, LAN4] {
            let page = HttpRequest::get("/admin/setup").send(office, (address, 2051)).unwrap();
            assert_eq!(page.status, 200, "{what}, {address}: {page:?}");
        }
    };
    pages("with the table");
    let stands = || lab.router.run(&["nft", "list", "chain", "inet", "turnpike", "input"]).ok();
    for round in 0..3 {
        lab.router.nft("flush ruleset");
        assert!(eventually(2 * SECOND, stands), "never back:\n{}", daemon.log());
        for shell in [&before, &during] {
            goes_on(&format!("flushed, round {round}"), shell);
        }
        pages("flushed");
    }
    daemon.stop();
    goes_on("without the daemon", &before);
    let file = daemon.config().display().to_string();
    let down = Daemon::run_cli(&lab, &["down", "--config", &file]);
    assert!(down.ok() && !stands(), "{down:?}");
    for shell in [&before, &during] {
        goes_on("closed", shell);
    }
    let counted = made.load(Ordering::SeqCst);
    assert!(eventually(SECOND, || made.load(Ordering::SeqCst) > counted + 30));
    stop.store(true, Ordering::SeqCst);
    knocking.join().expect("it knocked");
    assert_eq!(refused.load(Ordering::SeqCst), 0, "refused of {}", made.load(Ordering::SeqCst));
}
