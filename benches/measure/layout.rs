//! A router whose rules grow with its clients: what portals that list their clients rule by rule do.

use std::fmt::Write as _;

use crate::lab::{Lab, Phone};

/// Rules of one client: on the way up its mark by address and MAC, and leave to pass; on the way down leave to pass, and a count.
pub const RULES_OF_A_CLIENT: usize = 4;

/// Loads such rules for so many clients, of whom the phone is the one in the middle: as many come before it as after.
pub fn load(lab: &Lab, phone: &Phone, clients: usize) {
    let (mut marks, mut up, mut down, mut counts) =
        (String::new(), String::new(), String::new(), String::new());
    for number in 0..clients {
        let (address, mac) = if number == clients / 2 {
            (phone.v4.to_string(), phone.mac.clone())
        } else {
            let [high, low] = u16::try_from(number).expect("few enough").to_be_bytes();
            (format!("10.99.{high}.{low}"), format!("02:11:00:00:{high:02x}:{low:02x}"))
        };
        writeln!(marks, "ip saddr {address} ether saddr {mac} counter meta mark set 0x10000 accept")
            .expect("a string");
        writeln!(up, "ip saddr {address} counter accept").expect("a string");
        writeln!(down, "ip daddr {address} counter accept").expect("a string");
        writeln!(counts, "ip daddr {address} counter accept").expect("a string");
    }
    lab.router.nft(&format!(
        "table ip clients {{\n\
         chain marks {{ type filter hook prerouting priority mangle; iifname != \"br-lan\" accept\n{marks}}}\n\
         chain passes {{ type filter hook forward priority filter; policy drop\n\
         iifname \"br-lan\" goto up\noifname \"br-lan\" goto down\n}}\n\
         chain up {{ meta mark != 0x10000 drop\n{up}drop\n}}\n\
         chain down {{\n{down}drop\n}}\n\
         chain counts {{ type filter hook postrouting priority mangle; oifname != \"br-lan\" accept\n{counts}}}\n}}\n"
    ));
}
