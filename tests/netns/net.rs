//! Who is on the network, as the kernel's tables and notices tell it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use turnpike::domain::{MacAddr, Transport};
use turnpike::net::{Net, NetEvent, NetWatch};

use crate::lab::{LAN4, LAN6, Lab, NET4, Phone};

const SECOND: Duration = Duration::from_secs(1);

fn lan() -> Vec<String> {
    vec!["br-lan".to_owned()]
}

fn mac(phone: &Phone) -> MacAddr {
    phone.mac.parse().unwrap()
}

/// The first event that fits, and all that came before it.
async fn wait_for(watch: &mut NetWatch, what: &str, fits: impl Fn(&NetEvent) -> bool) -> NetEvent {
    let mut before = Vec::new();
    let result = timeout(10 * SECOND, async {
        loop {
            let event = watch.next().await.unwrap();
            if fits(&event) {
                return event;
            }
            before.push(event);
        }
    })
    .await;
    let count = before.len();
    let last = before.split_off(count.saturating_sub(20));
    result.unwrap_or_else(|_| panic!("{what} did not come; the last of {count} events: {last:?}"))
}

fn is_seen(event: &NetEvent, who: MacAddr, at: IpAddr) -> bool {
    matches!(event, NetEvent::Seen { mac, address, device, .. } if *mac == who && *address == at && device == "br-lan")
}

#[test]
fn a_device_that_joins_is_seen_within_100_ms_in_both_families() {
    // Whatever else the machine does comes on top: the fastest of them is our own time.
    let tries = [(); 3].map(|()| joins());
    for family in [0, 1] {
        let took = tries.map(|both| both[family]);
        let fastest = took.iter().min();
        assert!(fastest < Some(&Duration::from_millis(100)), "{took:?} with the start of ping");
    }
}

/// How long after its first packet a device is seen, by IPv4 and by IPv6.
fn joins() -> [Duration; 2] {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    [(IpAddr::from(phone.v4), IpAddr::from(LAN4)), (phone.v6.into(), LAN6.into())].map(|(own, router)| {
        lab.router.enter_async(|| async {
            let mut watch = NetWatch::open(&lan()).await.unwrap();
            wait_for(&mut watch, "the first reading", |event| matches!(event, NetEvent::Resynced(_))).await;
            let start = Instant::now();
            assert!(phone.ping(router));
            wait_for(&mut watch, "the phone", |event| is_seen(event, mac(phone), own)).await;
            let after = start.elapsed();
            let neighbour = Net::open().unwrap().neighbour_of(&lan(), own).await.unwrap().unwrap();
            assert_eq!(neighbour.mac, mac(phone));
            after
        })
    })
}

#[test]
fn who_has_an_address_is_told_also_while_another_device_of_the_zone_is_missing() {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    assert!(phone.ping(LAN4));
    let devices = ["radio0".to_owned(), "br-lan".to_owned()];
    lab.router.enter_async(|| async {
        let net = Net::open().unwrap();
        for own in [IpAddr::from(phone.v4), phone.v6.into()] {
            assert!(phone.ping(if own.is_ipv4() { LAN4.into() } else { IpAddr::from(LAN6) }));
            let holder = async || net.holder_of(&devices, own).await.unwrap();
            assert_eq!(
                net.holder_of(&devices[..1], own).await.unwrap(),
                None,
                "nobody is on what is not there"
            );
            assert_eq!(holder().await, Some(mac(phone)));
            lab.router.ip("tuntap add radio0 mode tap\nlink set radio0 up\n");
            assert_eq!(holder().await, Some(mac(phone)), "it is there, and has nobody");
            lab.router.ip("link delete radio0\n");
            assert_eq!(holder().await, Some(mac(phone)), "its number is known still, and it is gone");
        }
        let own = IpAddr::from(phone.v4);
        let crowd = (0..500).map(|_| net.holder_of(&devices[1..], own));
        let found = futures_util::future::join_all(crowd).await;
        assert!(
            found.iter().all(|found| matches!(found, Ok(Some(found)) if *found == mac(phone))),
            "{found:?}"
        );
    });
}

#[test]
fn the_way_out_the_own_addresses_and_only_the_zones_neighbours() {
    let lab = Lab::builder().phones(1).guests(1).build();
    assert!(lab.phones[0].ping(NET4) && lab.guests[0].ping(NET4));
    lab.router.ip("route replace default via 203.0.113.1 dev wan\n");
    lab.router.enter_async(|| async {
        let net = Net::open().unwrap();
        assert_eq!(net.default_route_devices().await.unwrap(), ["wan"]);
        assert!(net.addresses("br-lan").await.unwrap().contains(&LAN4.into()));
        assert!(net.addresses("br-lan").await.unwrap().contains(&LAN6.into()));
        assert!(net.addresses("nothing0").await.is_err());
        let macs: Vec<_> = net.neighbours(&lan()).await.unwrap().into_iter().map(|found| found.mac).collect();
        assert!(!macs.is_empty() && macs.iter().all(|found| *found == mac(&lab.phones[0])), "{macs:?}");
        let bridge = net.links().await.unwrap().into_iter().find(|link| link.name == "br-lan").unwrap();
        assert!(bridge.up && bridge.master.is_none());
    });
}

#[test]
fn how_a_device_is_attached_is_told_by_its_port() {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    let (stranger, far): (MacAddr, MacAddr) =
        ("02:99:00:00:00:01".parse().unwrap(), "02:99:00:00:00:02".parse().unwrap());
    assert!(phone.ping(LAN4));
    // A tunnel to another site, with a device behind it; another one is a zone by itself.
    lab.router.ip(
        "tuntap add none0 mode tap\ntuntap add tun0 mode tap\nlink set tun0 master br-lan\nlink set tun0 up\n",
    );
    lab.router.must(&["bridge", "fdb", "add", "02:99:00:00:00:02", "dev", "tun0", "master", "static"]);
    lab.router.enter_async(|| async {
        let net = Net::open().unwrap();
        let transport = async |device: &str, mac| net.transport_of(device, mac).await.unwrap();
        assert_eq!(transport("br-lan", mac(phone)).await, Some(Transport::Wired), "behind a veth");
        assert_eq!(transport("br-lan", far).await, Some(Transport::Other), "behind a tunnel");
        assert_eq!(transport("br-lan", stranger).await, None, "nobody knows it");
        assert_eq!(transport("wan", stranger).await, Some(Transport::Wired), "a zone without a bridge");
        assert_eq!(transport("none0", stranger).await, Some(Transport::Other));
        assert_eq!(transport("nothing0", stranger).await, None);

        // Somebody new is found although the tables were read just now.
        lab.router.must(&["bridge", "fdb", "add", "02:99:00:00:00:01", "dev", "tun0", "master", "static"]);
        let found = timeout(5 * SECOND, async {
            loop {
                match transport("br-lan", stranger).await {
                    None => tokio::task::yield_now().await,
                    found => return found,
                }
            }
        });
        assert_eq!(found.await.unwrap(), Some(Transport::Other));
        // It walks over to a cable.
        lab.router.must(&["bridge", "fdb", "del", "02:99:00:00:00:01", "dev", "tun0", "master"]);
        lab.router.must(&[
            "bridge",
            "fdb",
            "add",
            "02:99:00:00:00:01",
            "dev",
            &phone.port,
            "master",
            "static",
        ]);
        let walked = timeout(5 * SECOND, async {
            while transport("br-lan", stranger).await != Some(Transport::Wired) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        walked.await.expect("it was not followed");
    });
}

#[test]
fn a_bridge_made_anew_goes_on_being_watched() {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    lab.router.enter_async(|| async {
        let mut watch = NetWatch::open(&lan()).await.unwrap();
        let up = |event: &NetEvent| matches!(event, NetEvent::LinkUp { device, .. } if device == "br-lan");
        let NetEvent::LinkUp { index: old, .. } = wait_for(&mut watch, "the bridge", up).await else {
            unreachable!("asked for")
        };
        lab.router.ip("link del br-lan\n");
        wait_for(&mut watch, "its end", |event| {
            matches!(event, NetEvent::LinkGone { device } if device == "br-lan")
        })
        .await;
        lab.router.ip(&format!(
            "link add br-lan type bridge\nlink set {port} master br-lan\nlink set br-lan up\nlink set {port} up\n\
             address add 192.168.77.1/24 dev br-lan\n",
            port = phone.port
        ));
        wait_for(&mut watch, "the port", |event| {
            matches!(event, NetEvent::PortJoined { bridge, port } if bridge == "br-lan" && *port == phone.port)
        })
        .await;
        let NetEvent::LinkUp { index: new, .. } = wait_for(&mut watch, "the new bridge", up).await else {
            unreachable!("asked for")
        };
        assert_ne!(old, new);
        assert!(crate::lab::eventually(5 * SECOND, || phone.ping(LAN4)));
        wait_for(&mut watch, "the phone", |event| is_seen(event, mac(phone), phone.v4.into())).await;
    });
}

#[test]
fn two_thousand_rotating_macs_and_lost_notices_do_not_hide_a_device() {
    for receive_buffer_bytes in [4 << 20, 4096] {
        let lab = Lab::with_phones(1);
        let phone = &lab.phones[0];
        let resyncs = lab.router.enter_async(|| async {
            let mut watch = NetWatch::open_with_buffer(&lan(), receive_buffer_bytes).unwrap();
            wait_for(&mut watch, "the first reading", |event| matches!(event, NetEvent::Resynced(_))).await;
            // 2,000 MACs on 200 addresses; nobody listens while they come.
            let rotating: String = (0..2000)
                .map(|number| {
                    format!(
                        "neigh replace 10.7.0.{} lladdr 02:77:00:00:{:02x}:{:02x} dev br-lan nud stale\n",
                        number % 200 + 1,
                        number / 256,
                        number % 256
                    )
                })
                .collect();
            lab.router.ip("address add 10.7.255.254/16 dev br-lan\n");
            lab.router.ip(&rotating);
            assert!(phone.ping(LAN4));
            let mut resyncs = 0;
            let mut here = std::collections::BTreeSet::new();
            timeout(10 * SECOND, async {
                while !here.contains(&mac(phone)) || here.len() != 201 {
                    match watch.next().await.unwrap() {
                        NetEvent::Seen { mac, .. } => {
                            here.insert(mac);
                        }
                        NetEvent::Resynced(all) => {
                            resyncs += 1;
                            here = all.into_iter().map(|neighbour| neighbour.mac).collect();
                        }
                        NetEvent::Lost { mac, .. } => {
                            here.remove(&mac);
                        }
                        NetEvent::LinkUp { .. }
                        | NetEvent::LinkDown { .. }
                        | NetEvent::LinkGone { .. }
                        | NetEvent::PortJoined { .. }
                        | NetEvent::Moved { .. }
                        | NetEvent::AddressesChanged { .. } => {}
                    }
                }
            })
            .await
            .unwrap_or_else(|_| panic!("{} of 201 here, {resyncs} resyncs", here.len()));
            resyncs
        });
        assert_eq!(resyncs > 0, receive_buffer_bytes == 4096, "{resyncs} resyncs");
    }
}

#[test]
fn a_look_up_that_fails_is_nobody() {
    let lab = Lab::with_phones(1);
    lab.router.enter_async(|| async {
        let absent = Ipv4Addr::new(192, 168, 77, 250);
        assert!(!lab.router.ping(absent));
        let neighbours = Net::open().unwrap().neighbours(&lan()).await.unwrap();
        assert!(neighbours.iter().all(|neighbour| neighbour.address != absent), "{neighbours:?}");
    });
}

#[test]
fn a_ping_tells_who_answers_and_who_does_not() {
    let lab = Lab::with_phones(2);
    let (phone, other) = (&lab.phones[0], &lab.phones[1]);
    assert!(phone.ping(LAN4) && phone.ping(LAN6));
    lab.router.enter_async(|| async {
        let net = Net::open().unwrap();
        for address in [IpAddr::from(phone.v4), phone.v6.into()] {
            let mut took = Vec::new();
            for _ in 0..3 {
                took.push(net.ping("br-lan", &[address], mac(phone), 2 * SECOND).await.unwrap());
            }
            let fastest = took.iter().flatten().min();
            assert!(fastest.is_some_and(|rtt| *rtt < Duration::from_millis(200)), "{took:?}");
            // The address answers, but not from that device.
            let wrong = net.ping("br-lan", &[address], mac(other), SECOND).await.unwrap();
            assert_eq!(wrong, None);
            assert!(net.ping("br-lan", &[address], mac(phone), 2 * SECOND).await.unwrap().is_some());
        }
        phone.ip("link set eth0 down\n");
        let silent =
            net.ping("br-lan", &[phone.v4.into(), phone.v6.into()], mac(phone), SECOND).await.unwrap();
        assert_eq!(silent, None);
    });
}

#[test]
fn a_solicited_device_that_left_is_lost() {
    let lab = Lab::with_phones(2);
    let phone = &lab.phones[0];
    assert!(phone.ping(LAN4));
    lab.router.enter_async(|| async {
        let mut watch = NetWatch::open(&lan()).await.unwrap();
        wait_for(&mut watch, "the first reading", |event| matches!(event, NetEvent::Resynced(_))).await;
        let net = Net::open().unwrap();
        net.solicit("br-lan", phone.v4.into(), mac(phone)).await.unwrap();
        wait_for(&mut watch, "its answer", |event| {
            is_seen(event, mac(phone), phone.v4.into()) && matches!(event, NetEvent::Seen { alive: true, .. })
        })
        .await;
        phone.ip("link set eth0 down\n");
        net.solicit("br-lan", phone.v4.into(), mac(phone)).await.unwrap();
        wait_for(&mut watch, "its loss", |event| {
            matches!(event, NetEvent::Lost { address, mac: lost, .. }
                if *lost == mac(phone) && *address == IpAddr::from(phone.v4))
        })
        .await;
    });
}

#[test]
fn isolated_ports_do_not_reach_each_other_but_the_router() {
    let lab = Lab::with_phones(2);
    let (one, two) = (&lab.phones[0], &lab.phones[1]);
    assert!(one.ping(two.v4));
    for (on, reached) in [(true, false), (false, true)] {
        let ports = lab
            .router
            .enter_async(|| async { Net::open().unwrap().isolate_ports("br-lan", on).await.unwrap() });
        assert_eq!(ports, 2);
        assert_eq!(one.ping(two.v4), reached);
        assert!(one.ping(LAN4));
    }
}

#[test]
fn listings_side_by_side_and_abandoned_ones_disturb_none() {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    assert!(phone.ping(LAN4));
    lab.router.enter_async(|| async {
        let net = Net::open().unwrap();
        for _ in 0..200 {
            // Begun and given up: the kernel goes on with it, and the next on the socket has to wait for that.
            let abandoned = net.clone();
            let task = tokio::spawn(async move { abandoned.links().await.map(|links| links.len()) });
            tokio::task::yield_now().await;
            task.abort();
            let lan = lan();
            let (links, routes, neighbours) =
                tokio::join!(net.links(), net.default_route_devices(), net.neighbours(&lan));
            assert!(links.unwrap().iter().any(|link| link.name == "br-lan"));
            assert!(!routes.unwrap().is_empty());
            assert!(neighbours.unwrap().iter().any(|neighbour| neighbour.mac == mac(phone)));
        }
    });
}
