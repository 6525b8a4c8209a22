use super::{ALL_BITS, Key, Kind, Table};

/// The longest session: a hundred years.
const MAX_TIME_SECS: i64 = 100 * 366 * 86_400;
/// The least and the most data of a session, in MB.
const DATA_MB: Kind = Kind::Number(0.000_001, 1e9, "MB");

pub(super) static COINSLOT: Table = Table::list(
    "coinslot",
    "A coin slot, at most 16; see docs/coinslot.md.",
    &[
        Key::new("name", Kind::Text, "What the slot is called.")
            .within("1 to 32 lower-case letters, digits, - and _; unique")
            .required()
            .such_as(r#""1""#),
        Key::new("title", Kind::Text, "What guests read above the button.")
            .within("one line of at most 100 characters")
            .or_words("\"Coins\", in the guest's language")
            .such_as(r#""Coins""#),
        Key::new("gpio_chip", Kind::Text, "Where pulses come from: the kernel's GPIO character device.")
            .either("with gpio_line; else pipe")
            .such_as(r#""/dev/gpiochip0""#),
        Key::new("gpio_line", Kind::Integer(0, ALL_BITS, ""), "The line of it that pulses come in on.")
            .either("with gpio_chip; else pipe")
            .such_as("17"),
        Key::new(
            "pipe",
            Kind::Text,
            "Where pulses come from instead: a named pipe that a program writes edges to, by its absolute path.",
        )
        .either("else gpio_chip and gpio_line")
        .such_as(r#""/run/turnpike/coins""#)
        .instead_of(&["gpio_chip", "gpio_line", "active_low", "bias", "gpio_enable_line"]),
        Key::new("active_low", Kind::Boolean, "Whether a pulse pulls the line down.").or("false"),
        Key::new(
            "bias",
            Kind::Choice(&["as_is", "disabled", "pull_up", "pull_down"]),
            "The resistor that holds the line.",
        )
        .or(r#""as_is""#),
        Key::new(
            "gpio_enable_line",
            Kind::Integer(0, ALL_BITS, ""),
            "A line that is active while somebody has the slot.",
        )
        .within("another one than gpio_line")
        .such_as("27"),
        Key::new(
            "debounce_ms",
            Kind::Integer(1, 1_000, "milliseconds"),
            "A level counts once it has stood still for so long.",
        )
        .or("10"),
        Key::new(
            "train_gap_ms",
            Kind::Integer(10, 10_000, "milliseconds"),
            "A coin is complete after so long without a pulse.",
        )
        .within("above debounce_ms")
        .or("300"),
        Key::new("pulses", Kind::Pulses, "How much so many pulses are, in [site] currency.")
            .within("1 to 64 rows, each of 1 to 1000 pulses")
            .or_words("each pulse is 1")
            .such_as(r#"[[1, "1"], [5, "5"]]"#),
        Key::new(
            "window_secs",
            Kind::Integer(5, 3_600, "seconds"),
            "How long the slot waits for a coin; each coin begins it anew.",
        )
        .or("60"),
        Key::new("rates", Kind::Tables(&RATES), "What an amount buys.")
            .within("1 to 64 of them")
            .required()
            .such_as(
                r#"[{ amount = "5", time_secs = 3600 }, { amount = "10", time_secs = 10800, plan = "afternoon" }]"#,
            ),
        Key::new("down_mbps", Kind::Speed, "The speed of what is sold towards the client; 0 is unlimited.")
            .or("0"),
        Key::new("up_mbps", Kind::Speed, "The speed of what is sold from the client; 0 is unlimited.").or("0"),
        Key::new("use_global_speed", Kind::Boolean, "Take the zone's client speeds instead.").or("false"),
    ],
)
.more("Its provider is named coin-NAME.")
.commented();

static RATES: Table = Table::list(
    "rates",
    "What an amount buys: time, data, or both.",
    &[
        Key::new("amount", Kind::Amount, "The amount, in [site] currency.")
            .within("above 0")
            .required()
            .such_as(r#""5""#),
        Key::new("time_secs", Kind::Integer(1, MAX_TIME_SECS, "seconds"), "How much time it buys.")
            .either("it, data_mb, or both")
            .such_as("3600"),
        Key::new("data_mb", DATA_MB, "How much data it buys, in MB (10^6 bytes).")
            .either("it, time_secs, or both")
            .such_as("500"),
        Key::new("plan", Kind::Text, "A name for your own lists.")
            .within("1 to 64 letters, digits, -, _ and dots")
            .such_as(r#""afternoon""#),
    ],
)
.uci("rate");

pub(super) static FREE: Table = Table::once(
    "free",
    "Free access for a click: so much for each device in each period. That the table is there offers it.",
    &[
        Key::new("title", Kind::Text, "The heading of its part of the portal's page.")
            .within("one line of at most 100 characters")
            .or_words("\"Free access\", in the guest's language")
            .such_as(r#""Free access""#),
        Key::new("text", Kind::Text, "A sentence above the form.")
            .within("at most 240 characters")
            .or(r#""""#)
            .such_as(r#""Half an hour a day.""#),
        Key::new(
            "plan",
            Kind::Text,
            "One of the plans, which says what is given, instead of kind, time, data and speeds.",
        )
        .within("1 to 64 letters, digits, -, _ and dots")
        .either("else time_secs, data_mb, or both")
        .such_as(r#""lobby""#)
        .instead_of(&["kind", "time_secs", "data_mb", "down_mbps", "up_mbps", "use_global_speed"]),
        Key::new("kind", Kind::Choice(&["time", "data", "time_or_data"]), "What ends what is given.")
            .or_words("what of time_secs and data_mb is given")
            .such_as(r#""time_or_data""#),
        Key::new("time_secs", Kind::Integer(1, MAX_TIME_SECS, "seconds"), "How much time is given.")
            .either("it, data_mb, or both; else plan")
            .such_as("1800"),
        Key::new("data_mb", DATA_MB, "How much data is given, in MB (10^6 bytes).")
            .either("it, time_secs, or both; else plan")
            .such_as("100"),
        Key::new("down_mbps", Kind::Speed, "The speed towards the client; 0 is unlimited.").or("0"),
        Key::new("up_mbps", Kind::Speed, "The speed from the client; 0 is unlimited.").or("0"),
        Key::new("use_global_speed", Kind::Boolean, "Take the zone's client speeds instead.").or("false"),
        Key::new("every", Kind::Choice(&["day", "week", "month"]), "How often; a week begins on Monday.")
            .or(r#""day""#),
        Key::new("at_hour", Kind::Integer(0, 23, ""), "At which hour of the local day the period begins.")
            .or("0"),
        Key::new("fields", Kind::Choices(&["name", "email", "phone", "terms"]), "What is to be filled in.")
            .within("each once")
            .or("[]")
            .such_as(r#"["email", "terms"]"#),
        Key::new(
            "required",
            Kind::Choices(&["name", "email", "phone", "terms"]),
            "Which of the fields must be filled in; \"terms\" always must.",
        )
        .or("[]")
        .such_as(r#"["email"]"#),
        Key::new(
            "terms",
            Kind::Text,
            "What is accepted with \"terms\": a text, the address of one, or both.",
        )
        .within("at most 240 characters")
        .or(r#""""#)
        .such_as(r#""Be kind.""#),
        Key::new("terms_url", Kind::Text, "The address of the text that is accepted with \"terms\".")
            .within("begins with http:// or https://; at most 200 characters")
            .such_as(r#""https://example.org/terms""#),
    ],
)
.more("See docs/accounts.md.")
.commented();
