use super::{Key, Kind, Table};

pub(super) static GUEST_LOG: Table = Table::once(
    "guest_log",
    "Who had which address when, for those whose law asks for it. It is off unless there is a file or syslog.",
    &[
        Key::new(
            "file",
            Kind::Text,
            "A file for each day, by its absolute path without the day: guests.log.2026-01-31 and so on. Empty: no file.",
        )
        .or(r#""""#)
        .such_as(r#""/var/log/turnpike/guests.log""#),
        Key::new("syslog", Kind::Boolean, "Whether it goes to the system's log (/dev/log), too or instead.").or("false"),
        Key::new(
            "keep_days",
            Kind::Integer(1, 3_650, "days"),
            "A day's file is removed so many days after that day. Must be said where there is a file.",
        )
        .or_words("none: there is no usual time")
        .such_as("180")
        .commented(),
        Key::new(
            "connections",
            Kind::Boolean,
            "Whether it has each connection of a guest, too, with its address and port after translation: only with this is a \
             guest found by an address that many share. It is much more, and says whom a guest spoke to.",
        )
        .or("false"),
    ],
)
.more("What it has and what it means for your guests: [guest-log.md](guest-log.md).");
