use super::ns::Ns;

/// Packets and layer-3 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IP header on.
    pub bytes: u64,
}

/// An nft counter in a namespace: the far end's own books.
pub struct PacketCounter<'ns> {
    ns: &'ns Ns,
    table: String,
}

impl<'ns> PacketCounter<'ns> {
    /// Counts what matches at a hook (`input`, `output`, `forward`, …), as in `("input", "meta l4proto udp")`.
    /// Each counter needs a `name` of its own in its namespace.
    pub fn install(ns: &'ns Ns, name: &str, hook: &str, matching: &str) -> Self {
        let table = format!("count_{name}");
        ns.nft(&format!(
            "table inet {table} {{\nchain c {{\ntype filter hook {hook} priority 300; policy accept;\n{matching} counter\n}}\n}}"
        ));
        Self { ns, table }
    }

    /// What it has counted.
    pub fn read(&self) -> Count {
        let rules = self.ns.run(&["nft", "-j", "list", "table", "inet", &self.table]).json();
        let items = rules["nftables"].as_array().expect("a list");
        let counter = items
            .iter()
            .filter_map(|item| item["rule"]["expr"].as_array())
            .flatten()
            .find_map(|expression| expression.get("counter"))
            .expect("the counter");
        Count {
            packets: counter["packets"].as_u64().expect("a number"),
            bytes: counter["bytes"].as_u64().expect("a number"),
        }
    }
}
