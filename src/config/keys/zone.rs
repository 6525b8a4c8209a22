use super::{Key, Kind, Table, theme};

/// A year of seconds.
const YEAR_SECS: i64 = 366 * 86_400;

pub(super) static ZONE: Table = Table::list(
    "zone",
    "One for each guest network; at least one.",
    &[
        Key::new("name", Kind::Text, "What the zone is called.")
            .within("1 to 32 letters, digits, - and _, the first a letter or digit; unique")
            .required()
            .such_as(r#""guests""#),
        Key::new("lan", Kind::Texts, "The zone's network devices.")
            .within("at least one; a device is in one zone only")
            .required()
            .such_as(r#"["br-lan"]"#),
        Key::new(
            "portal",
            Kind::Text,
            "Where the zone's portal listens. [::] is dual stack: IPv4 and IPv6. Each zone has its own port or address.",
        )
        .within("an address and a port")
        .or(r#""[::]:2050""#),
        Key::new(
            "portal_tls",
            Kind::Text,
            "Where it listens for TLS; empty: nowhere. See [tls].",
        )
        .within("an address and a port, not 80")
        .or(r#""""#)
        .such_as(r#""[::]:2443""#),
        Key::new(
            "venue_info_url",
            Kind::Text,
            "What phones show as being about the place (venue-info-url of RFC 8908); empty is none.",
        )
        .within("begins with http:// or https://")
        .or(r#""""#)
        .such_as(r#""https://cafe.example.com/""#),
        Key::new(
            "down_mbps",
            Kind::Speed,
            "The speed of the whole zone towards its clients, in Mbit/s (10^6 bit/s), fractions allowed; 0 is unlimited.",
        )
        .or("0")
        .such_as("100"),
        Key::new("up_mbps", Kind::Speed, "The speed of the whole zone from its clients; 0 is unlimited.")
            .or("0")
            .such_as("12.5"),
        Key::new(
            "client_down_mbps",
            Kind::Speed,
            "The speed towards each client whose session takes the zone's (use_global_speed); 0 is unlimited.",
        )
        .or("0")
        .such_as("10"),
        Key::new(
            "client_up_mbps",
            Kind::Speed,
            "The speed from each client whose session takes the zone's (use_global_speed); 0 is unlimited.",
        )
        .or("0")
        .such_as("2"),
        Key::new(
            "idle_timeout_secs",
            Kind::Integer(0, YEAR_SECS, "seconds"),
            "Pause the session of a device that passes nothing for so many seconds; 0 is never.",
        )
        .or("0")
        .such_as("900"),
        Key::new(
            "away_pause_secs",
            Kind::Integer(0, YEAR_SECS, "seconds"),
            "Pause the session of a device that has left the network for so many seconds; 0 is never.",
        )
        .or("60"),
        Key::new(
            "auto_connect",
            Kind::Boolean,
            "Let a known device with a usable session through as it joins, without asking on the portal.",
        )
        .or("false")
        .such_as("true"),
        Key::new(
            "open",
            Kind::Texts,
            "When the zone is open, by the clock of this box's place; outside of these hours nobody but trusted devices is let \
             through, and who is online is paused. An end that is not after its begin is on the next day. See \
             opening-hours.md.",
        )
        .within("days (mon to sun, ranges, lists) and hours (00:00 to 24:00); at most 50")
        .or("[]")
        .such_as(r#"["mon-fri 07:00-22:00", "sat,sun 09:00-24:00"]"#),
        Key::new(
            "garden_domains",
            Kind::Texts,
            "Domains that everyone reaches, uncharged, with their subdomains; filled in by dnsmasq.",
        )
        .or("[]")
        .such_as(r#"["example.com"]"#),
        Key::new(
            "garden_addresses",
            Kind::Texts,
            "Addresses that everyone reaches, uncharged: single ones, or prefixes.",
        )
        .or("[]")
        .such_as(r#"["192.0.2.0/24", "2001:db8::1"]"#),
        Key::new(
            "trusted",
            Kind::Texts,
            "MACs of devices that are never captive. They are counted and shown all the same.",
        )
        .or("[]")
        .such_as(r#"["02:00:5e:00:53:01"]"#),
        Key::new(
            "trusted_ports",
            Kind::Ports,
            "TCP ports of this router that trusted devices reach, for an operator who has no other network than the guests'. \
             A MAC is easily taken by somebody else: what is behind a port must protect itself.",
        )
        .within("the port of the admin pages needs [admin] tls = \"required\"")
        .or("[]")
        .such_as("[22]"),
        Key::new("isolate", Kind::Boolean, "Keep the devices on one bridge apart.").or("false").such_as("true"),
        Key::new(
            "inbound",
            Kind::Boolean,
            "Let flows that begin outside (port forwards) reach connected clients.",
        )
        .or("false")
        .such_as("true"),
        Key::new(
            "notice_secs",
            Kind::Integer(0, YEAR_SECS, "seconds"),
            "An open page says so when a session has so many seconds left; 0 is never.",
        )
        .or("300"),
        Key::new(
            "notice_mb",
            Kind::Number(0.0, 1e9, "MB"),
            "An open page says so when a session has so many MB (10^6 bytes) left; 0 is never.",
        )
        .or("10"),
        Key::new(
            "providers",
            Kind::Texts,
            "The session providers of this zone, in the order in which they are asked and shown.",
        )
        .within("at most 32, each once")
        .or_words("all there are")
        .such_as(r#"["voucher", "account", "free"]"#)
        .commented(),
        Key::new("theme", Kind::Table(&theme::ZONE_THEME), "How this zone's portal looks.")
            .or_words("as [theme] says"),
    ],
);

pub(super) static ROLES: Table = Table {
    sort: super::Sort::Named("vip"),
    ..Table::once(
        "roles",
        "What a role changes for the devices and sessions that have it, one table for each role; at most 256.",
        &[
            Key::new("down_mbps", Kind::Speed, "The speed towards the client, in Mbit/s; 0 is unlimited.")
                .or_words("what the session or its zone says")
                .such_as("50"),
            Key::new("up_mbps", Kind::Speed, "The speed from the client, in Mbit/s; 0 is unlimited.")
                .or_words("what the session or its zone says")
                .such_as("10"),
            Key::new(
                "idle_timeout_secs",
                Kind::Integer(0, YEAR_SECS, "seconds"),
                "Pause the session of a device that passes nothing for so many seconds; 0 is never.",
            )
            .or_words("what the zone says")
            .such_as("0"),
            Key::new("unmetered", Kind::Boolean, "Count what is used, but consume nothing of the session.")
                .or("false")
                .such_as("true"),
        ],
    )
    .uci("role")
    .more(
        "What a role does not say, the session or its zone says. Of several roles the fastest speed holds, the longest idle \
         time, any unmetered. A name has 1 to 64 characters; one with others than letters, digits, - and _ is quoted, as in \
         roles.\"night staff\" (on OpenWrt: option name).",
    )
    .commented()
};

pub(super) static METRIC: Table = Table::list(
    "metric",
    "Counts of your own in /metrics, at most 32: how many sessions match a filter, split up by the values of a property.",
    &[
        Key::new("name", Kind::Text, "What the count is called.")
            .within("1 to 64 small letters, digits and _, the first a letter; unique")
            .required()
            .such_as(r#""low_data""#),
        Key::new("filter", Kind::Text, "Which sessions are counted, in the language of filters.")
            .or(r#""all""#)
            .such_as(r#"'$DataLeft lt "10"'"#),
        Key::new("group_by", Kind::Text, "The property to split up by.")
            .or_words("one number for all")
            .such_as(r#""$Zone""#),
    ],
)
.commented();
