use super::Severity;

/// What a finding is about. The names are stable: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(usize);

/// What the table in `docs/doctor.md` says of a code.
struct Meaning {
    name: &'static str,
    looks_at: &'static str,
    /// When it is a problem; empty if it never is.
    problem: &'static str,
    /// When it is a warning; empty if it only is one when it cannot be checked.
    warning: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal: $looks_at:literal, $problem:literal, $warning:literal;)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only its numbers are used, as constants are named")]
        enum Row { $($constant),* }
        #[expect(missing_docs, reason = "MEANINGS says what each is")]
        impl Code {
            $(pub const $constant: Self = Self(Row::$constant as usize);)*
        }
        /// In the order in which findings are shown.
        const MEANINGS: &[Meaning] = &[$(
            Meaning { name: $name, looks_at: $looks_at, problem: $problem, warning: $warning }
        ),*];
    };
}

codes! {
    CONFIG "config": "the configuration file",
        "it cannot be read, or there is a mistake in it: one finding for each",
        "what works but is hardly meant: one finding for each; and what could not be looked at for want of a configuration";
    NET_ADMIN "net-admin": "the right to change the network (CAP_NET_ADMIN)",
        "the daemon, or this command while none runs, does not have it", "the daemon has it, this command does not";
    LOW_PORTS "low-ports": "the right to listen on the configured ports",
        "a port is reserved for root and CAP_NET_BIND_SERVICE is missing", "";
    NFT "nft": "the program nft",
        "it is not there, or has no JSON", "it is older than those that Turnpike is tested with";
    KERNEL_VERSION "kernel-version": "the kernel's version", "", "it is older than Linux 5.15";
    KERNEL_SETS "kernel-sets": "nf_tables sets whose elements carry a time-out, a quota, a counter", "one of them is missing", "";
    KERNEL_QUEUES "kernel-queues": "the queues that limit speeds",
        "there is no HTB, and speeds are configured", "there is no HTB and no speed is configured, or no fq_codel";
    DAEMON "daemon": "the daemon and its control socket",
        "it runs and does not answer", "it does not run";
    DAEMON_SAYS "daemon-says": "what the running daemon warns of", "", "each of its warnings";
    RULES "rules": "the table inet turnpike",
        "the daemon runs and the table is not loaded, or does not know a zone's device",
        "the daemon does not run and the table is not loaded";
    FORWARDING_V4 "forwarding-v4": "forwarding of IPv4", "it is off, on the whole box or for a zone's or WAN device", "";
    FORWARDING_V6 "forwarding-v6": "forwarding of IPv6", "", "it is off although a zone has routed IPv6 addresses";
    ROUTER_ADVERTISEMENTS "router-advertisements": "router advertisements on the WAN",
        "", "the kernel stopped hearing them because it forwards, and there is no IPv6 default route";
    RP_FILTER "rp-filter": "reverse path filters with several WAN devices", "", "one is strict";
    DEFAULT_ROUTE "default-route": "the default route and [network] wan",
        "there is none, it leads to a zone's device, or to none of the WAN devices", "";
    WAN_DEVICE "wan-device": "each WAN device", "it does not exist", "it is down or has no carrier";
    ZONE_DEVICE "zone-device": "each zone's devices",
        "one does not exist, is switched off, has no address, or is a port of a bridge", "one has no carrier, or no IPv4 address";
    BRIDGED "bridged": "bridges between a zone and the WAN", "they are on one bridge: guests walk round the portal", "";
    PORTAL_LISTEN "portal-listen": "the addresses that portals listen on",
        "an address is on none of the zone's devices, or the running daemon does not listen there",
        "it is IPv4 alone, and the zone has IPv6";
    ADMIN_LISTEN "admin-listen": "the address of the admin listener",
        "this box does not have it, the running daemon does not listen there, or guests are kept from it by nothing",
        "it is on the guests' side, and only the table inet turnpike keeps them out";
    PORT_TAKEN "port-taken": "who holds the configured ports", "another program holds one", "";
    OTHER_PORTAL "other-portal": "other captive portals (openNDS, nodogsplash, CoovaChilli)", "one runs, or has rules or a device", "";
    FLOW_OFFLOAD "flow-offload": "flow offload",
        "a flow table has a device of a zone or of the WAN", "another flow table is loaded, or firewall4 will load one when it starts anew";
    FOREIGN_QDISC "foreign-qdisc": "what shapes the devices of zones and of the WAN", "", "somebody else's root qdisc is there";
    MARK_BITS "mark-bits": "other tables' use of the connection mark",
        "a rule writes bits of mark_mask, or the whole mark, for every connection",
        "a rule does so for some connections, or before Turnpike's own chain, or reads bits of mark_mask";
    FIREWALL "firewall": "which firewall is there", "", "it has rules that nft does not show (iptables-legacy)";
    FORWARD_POLICY "forward-policy": "other firewalls' rules for what is forwarded",
        "one drops what it does not know, and has no rule that lets a zone to the WAN", "whether its rules let guests through cannot be told";
    MASQUERADE "masquerade": "address translation towards the WAN", "", "a zone has private IPv4 addresses and no rule translates any";
    CONNTRACK "conntrack": "the table of connections", "it is full: new connections are dropped", "it is more than four fifths full";
    NEIGHBOURS "neighbours": "the kernel's tables of neighbours", "one is full: devices beyond it get no answers", "one is more than four fifths full";
    DNS "dns": "a name server for guests", "nobody listens on UDP port 53 of a zone's device", "nobody listens on TCP port 53 of it";
    DHCP "dhcp": "a DHCP server for guests", "", "nobody listens on UDP port 67 of a zone's device";
    CLOCK "clock": "the time", "", "it is before 2026, or before a time that the store has seen";
    TIME_SYNC "time-sync": "what sets the time", "", "no program that does so runs";
    STORE_PLACE "store-place": "the directory of the database", "it cannot be made, or the service's user may not write there", "";
    STORE_VOLATILE "store-volatile": "the file system of the database", "it is in memory: everything is lost when the box restarts", "";
    STORE_SPACE "store-space": "room for the database", "less than 10 MB are free", "less than 50 MB are free";
    STORE_DATABASE "store-database": "the database", "it is damaged, or a newer Turnpike has used it", "";
}

impl Code {
    /// All there are, in the order in which findings are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MEANINGS.len()).map(Self)
    }

    /// Its name, as in `flow-offload`.
    pub fn as_str(self) -> &'static str {
        self.meaning().name
    }

    /// What is looked at, as in "flow offload".
    pub fn looks_at(self) -> &'static str {
        self.meaning().looks_at
    }

    /// Its row of the table in the documentation.
    pub fn row(self) -> String {
        let Meaning { name, looks_at, problem, warning } = self.meaning();
        let or_none = |text: &'static str| if text.is_empty() { "–" } else { text };
        format!("| `{name}` | {looks_at} | {} | {} |", or_none(problem), or_none(warning))
    }

    /// Whether a finding that was made can be as severe as that.
    pub(super) fn may_be(self, severity: Severity) -> bool {
        match severity {
            Severity::Problem => !self.meaning().problem.is_empty(),
            Severity::Warning => !self.meaning().warning.is_empty(),
            Severity::Ok => true,
        }
    }

    fn meaning(self) -> &'static Meaning {
        const UNKNOWN: &Meaning = &Meaning { name: "", looks_at: "", problem: "", warning: "" };
        MEANINGS.get(self.0).unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documentation_has_the_very_same_table() {
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md"));
        let documented: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let here: Vec<String> = Code::all().map(Code::row).collect();
        assert_eq!(documented.join("\n"), here.join("\n"));
    }

    #[test]
    fn no_two_codes_have_one_name() {
        let names: BTreeSet<&str> = Code::all().map(Code::as_str).collect();
        assert_eq!(names.len(), MEANINGS.len());
        assert_eq!((Code::CONFIG.as_str(), Code::STORE_DATABASE.as_str()), ("config", "store-database"));
    }
}
