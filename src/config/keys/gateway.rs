use super::{Key, Kind, Table};

/// A week.
const WEEK_SECS: i64 = 604_800;

pub(super) static GATEWAY: Table = Table::once(
    "gateway",
    "What is said of this box to providers, plugins and listeners.",
    &[
        Key::new("name", Kind::Text, "What the box is called. Empty: the host name.")
            .within("one line of at most 100 characters")
            .or(r#""""#)
            .such_as(r#""cafe-1""#),
        Key::new("country", Kind::Text, "The country that it stands in, or empty.")
            .within("two letters, as in \"DE\"")
            .or(r#""""#)
            .such_as(r#""DE""#),
        Key::new("latitude", Kind::Number(-90.0, 90.0, "degrees"), "How far north it stands; nan is unset.")
            .or("nan")
            .such_as("52.52"),
        Key::new(
            "longitude",
            Kind::Number(-180.0, 180.0, "degrees"),
            "How far east it stands; nan is unset.",
        )
        .or("nan")
        .such_as("13.4"),
    ],
);

pub(super) static TLS: Table = Table::once(
    "tls",
    "The certificate of the portals that have a portal_tls, in PEM files.",
    &[
        Key::new("certificate", Kind::Text, "The certificate with its chain, by its absolute path; empty is none.")
            .or(r#""""#)
            .such_as(r#""/etc/turnpike/portal.pem""#),
        Key::new("key", Kind::Text, "Its key without a password, by its absolute path; empty is none.")
            .or(r#""""#)
            .such_as(r#""/etc/turnpike/portal.key""#),
        Key::new(
            "host",
            Kind::Text,
            "The name in the certificate. It must lead guests to the portal: turnpike dhcp-options prints how.",
        )
        .within("a host's name of at most 233 characters, no address")
        .or(r#""""#)
        .such_as(r#""portal.example.net""#),
    ],
)
.more(
    "They are read again when they change. With a host, phones can be told of the portal by DHCP: docs/tls.md. Without a \
     certificate one is made here, which browsers warn of.",
)
.commented();

pub(super) static ADMIN: Table = Table::once(
    "admin",
    "Where API and admin pages are, and how long one stays signed in.",
    &[
        Key::new("listen", Kind::Text, "Where the API and the admin pages listen. Guests never reach it.")
            .within("an address and a port")
            .or(r#""127.0.0.1:2051""#),
        Key::new(
            "tls",
            Kind::Choice(&["offered", "required", "off"]),
            "How TLS is spoken on the same port: beside plain HTTP, in its place, or not at all.",
        )
        .or(r#""offered""#),
        Key::new(
            "certificate",
            Kind::Text,
            "Its certificate, a PEM file by its absolute path; empty: that of [tls], else one that is made at the first start.",
        )
        .or(r#""""#)
        .such_as(r#""/etc/turnpike/admin.pem""#),
        Key::new("key", Kind::Text, "The certificate's key, without a password; given together with it.")
            .or(r#""""#)
            .such_as(r#""/etc/turnpike/admin.key""#),
        Key::new(
            "idle_sign_out_secs",
            Kind::Integer(60, WEEK_SECS, "seconds"),
            "Whoever does nothing on the admin pages for so long is signed out.",
        )
        .or("1800"),
        Key::new(
            "sign_out_secs",
            Kind::Integer(60, WEEK_SECS, "seconds"),
            "Whoever is signed in signs in again after so long in any case.",
        )
        .or("43200"),
    ],
);

pub(super) static CONTROL: Table = Table::once(
    "control",
    "The socket of the command line.",
    &[Key::new("socket", Kind::Text, "The Unix socket of the command line; root needs no token there.")
        .within("an absolute path of at most 107 bytes")
        .or(r#""/run/turnpike/control.sock""#)],
);

pub(super) static STORE: Table = Table::once(
    "store",
    "The database.",
    &[
        Key::new("path", Kind::Text, "Where the database is: a file, by its absolute path.")
            .or(r#""/var/lib/turnpike/turnpike.db""#),
        Key::new(
            "flush_secs",
            Kind::Integer(1, 3_600, "seconds"),
            "Write the usage of running sessions every so many seconds: what a power cut may cost. Vouchers, sessions and \
             payments are always written before they are answered.",
        )
        .or("60"),
        Key::new(
            "keep_days",
            Kind::Integer(0, 3_650, "days"),
            "Sessions are deleted so many days after they were over, and so is a device that was not seen for so long, has \
             nothing left and was given nothing by you; 0 keeps them for ever. Money stays. What that means: \
             [retention.md](retention.md).",
        )
        .or("90"),
    ],
);

pub(super) static SITE: Table = Table::once(
    "site",
    "What the place is like.",
    &[Key::new("currency", Kind::Text, "The currency of prices and of the till.")
        .within("three capital letters (ISO 4217)")
        .or_words("amounts without a currency, with two decimals")
        .such_as(r#""EUR""#)
        .commented()],
);

pub(super) static AUDIT: Table = Table::once(
    "audit",
    "The log of who changed what.",
    &[Key::new(
        "keep_days",
        Kind::Integer(1, 3_650, "days"),
        "It is kept for so many days, at most a million lines.",
    )
    .or("365")],
);

pub(super) static HOOKS: Table = Table::once(
    "hooks",
    "Webhooks.",
    &[Key::new(
        "ca_file",
        Kind::Text,
        "A PEM file of certificate authorities that https receivers of webhooks may be vouched for by, beside those that \
         browsers trust, by its absolute path; empty is none.",
    )
    .or(r#""""#)
    .such_as(r#""/etc/turnpike/authorities.pem""#)],
);
