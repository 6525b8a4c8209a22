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

pub(super) static DNSMASQ: Table = Table::once(
    "dnsmasq",
    "The name server of the guests' networks, which fills garden_domains and leads guests to the portal's name: docs/garden.md.",
    &[
        Key::new(
            "fragment",
            Kind::Text,
            "The file that is written for it, in a directory that it reads, by its absolute path; empty: none is.",
        )
        .or(r#""""#)
        .such_as(r#""/etc/dnsmasq.d/turnpike.conf""#),
        Key::new("program", Kind::Text, "dnsmasq itself, which is asked whether it takes the file.")
            .within("a program's name or its absolute path")
            .or(r#""dnsmasq""#)
            .such_as(r#""/usr/sbin/dnsmasq""#),
        Key::new(
            "reload",
            Kind::Texts,
            "What is run when the file has changed, for dnsmasq to start anew: program and arguments, no shell. Empty: nothing.",
        )
        .within("at most 16 words")
        .or("[]")
        .such_as(r#"["/etc/init.d/dnsmasq", "restart"]"#),
        Key::new(
            "pid_files",
            Kind::Texts,
            "Where dnsmasq says its process id; it gets a SIGHUP when the firewall's table was lost. Empty: every *.pid in \
             /run/dnsmasq.",
        )
        .within("at most 16, by their absolute paths")
        .or("[]")
        .such_as(r#"["/run/dnsmasq/dnsmasq.pid"]"#),
        Key::new(
            "refill_file",
            Kind::Text,
            "A file that is written then as well, by its absolute path, for a service that may signal dnsmasq where turnpike \
             may not. Empty: none is.",
        )
        .or(r#""""#)
        .such_as(r#""/run/turnpike/refill""#),
    ],
);
