use super::{ALL_BITS, Key, Kind, Table};

pub(super) static NETWORK: Table = Table::once(
    "network",
    "The way out, and the bits of the firewall's marks that are turnpike's.",
    &[
        Key::new(
            "wan",
            Kind::Texts,
            "The devices that lead to the Internet. Empty: the device of the default route.",
        )
        .within("names of network devices, each once")
        .or("[]")
        .such_as(r#"["wan", "wwan0"]"#),
        Key::new(
            "mark_mask",
            Kind::Integer(1, ALL_BITS, ""),
            "The bits of the connection mark that hold a client's number. They must not be used by anything else on this \
             router (mwan3 uses 0x3f00, pbr and Tailscale 0xff0000). 16 bits hold 65,279 client devices, 8 bits hold 255.",
        )
        .within("at least one of 32 bits")
        .or("0xff0000ff"),
        Key::new(
            "lease_files",
            Kind::Texts,
            "The files in which dnsmasq and odhcpd keep their leases: devices are shown by what they call themselves there.",
        )
        .within("at most 16, by their absolute paths")
        .or(r#"["/var/lib/misc/dnsmasq.leases", "/tmp/dhcp.leases", "/tmp/hosts/odhcpd"]"#),
    ],
);
