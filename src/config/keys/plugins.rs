use super::{Key, Kind, Table};

pub(super) static AUTHENTICATORS: Table = Table::once(
    "authenticators",
    "Programs that are asked each time before a device is let through, signs in, or changes its account.",
    &[
        Key::new(
            "order",
            Kind::Texts,
            "These first, in this order. One that is not there counts as silent. Others that register follow.",
        )
        .within("at most 32, each once")
        .or("[]")
        .such_as(r#"["school-register"]"#),
        Key::new(
            "on_silence",
            Kind::Choice(&["deny", "abstain"]),
            "What it means when one does not answer in time: nobody gets in, or the others decide.",
        )
        .or(r#""deny""#),
        Key::new("deadline_secs", Kind::Integer(1, 30, "seconds"), "How long each has to answer.").or("5"),
    ],
)
.more("See docs/plugins.md.")
.commented();

pub(super) static PLUGIN: Table = Table::list(
    "plugin",
    "Programs that sell, give or forbid sessions, at most 32.",
    &[
        Key::new("name", Kind::Text, "What the plugin is called.")
            .within("1 to 32 small letters, digits, - and _; unique, and no built-in provider's")
            .required()
            .such_as(r#""coins""#),
        Key::new(
            "command",
            Kind::Texts,
            "The program by its absolute path, and its arguments. No shell is in between.",
        )
        .within("at most 64 words of at most 4096 bytes")
        .required()
        .such_as(r#"["/usr/lib/turnpike/coin.py", "/dev/ttyUSB0"]"#),
        Key::new("user", Kind::Text, "As whom it runs, if turnpike runs as root.")
            .or_words("as turnpike")
            .such_as(r#""coins""#),
        Key::new("dir", Kind::Text, "Where it runs, as an absolute path.")
            .or_words("/")
            .such_as(r#""/var/lib/coins""#),
        Key::new(
            "permissions",
            Kind::Texts,
            "What it may do, as a token: view_session, modify_session, register_handler, acquire_lock:PATH, manage_vouchers, \
             admin.",
        )
        .or("[]")
        .such_as(r#"["register_handler", "acquire_lock:coinslot"]"#),
        Key::new("deadline_ms", Kind::Integer(100, 4_500, "milliseconds"), "How long it has to answer.").or("2000"),
        Key::new("env", Kind::Variables, "Its environment: this, PATH and LANG.")
            .within("at most 64 variables of at most 4096 bytes; names of letters, digits and _")
            .or("{}")
            .such_as(r#"{ PRICE = "5" }"#),
    ],
)
.more("They are started with turnpike, again when they end, and stopped with it. See docs/plugins.md.")
.commented();

pub(super) static PLUGINS: Table = Table::once(
    "plugins",
    "Where programs of the same sort connect that run by themselves.",
    &[Key::new("socket", Kind::Text, "The Unix socket that they connect to.")
        .within("an absolute path of at most 107 bytes")
        .or_words("plugin.sock beside the control socket")
        .such_as(r#""/run/turnpike/plugin.sock""#)],
)
.commented();
