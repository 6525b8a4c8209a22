use super::{Key, Kind, Table};

pub(super) static THEME: Table = Table::once("theme", "How every zone's portal looks.", KEYS)
    .more("See docs/themes.md. All of it may be changed on the admin pages, which then hold for the zone.")
    .commented();

pub(super) static ZONE_THEME: Table =
    Table::once("theme", "How this zone's portal looks, where it differs from [theme]: the same keys.", KEYS)
        .more("What is left out is as [theme] has it.")
        .uci("")
        .commented();

const KEYS: &[Key] = &[
    Key::new("name", Kind::Text, "The name above every page. Empty: the gateway's.")
        .within("one line of at most 60 characters")
        .or(r#""""#)
        .such_as(r#""Café Luna""#),
    Key::new(
        "logo",
        Kind::Text,
        "A picture beside the name, by its absolute path: PNG, JPEG or WebP; empty is none.",
    )
    .within("at most 64 KB and 1024 points a side")
    .or(r#""""#)
    .such_as(r#""/etc/turnpike/logo.png""#),
    Key::new(
        "background_picture",
        Kind::Text,
        "A picture behind the page, by its absolute path: PNG, JPEG or WebP; empty is none.",
    )
    .within("at most 256 KB and 2560 points a side")
    .or(r#""""#)
    .such_as(r#""/etc/turnpike/beach.webp""#),
    Key::new("light", Kind::Table(&LIGHT), "Colours by day.")
        .or_words("those that the portal has by itself")
        .such_as(r##"{ accent = "#0b6b5d", background = "#eef2f1", text = "#17211f" }"##),
    Key::new("dark", Kind::Table(&DARK), "Colours for phones that are set to dark.")
        .or_words("those that the portal has by itself")
        .such_as(r##"{ accent = "#5fd3bd", background = "#101715", text = "#ecf2f0" }"##),
    Key::new(
        "welcome",
        Kind::Prose,
        "What guests read before they are online. Plain text, the same in all languages or by language: all, en, es, pt, \
         fr, id, fil, ar. An empty line begins a paragraph.",
    )
    .within("at most 600 characters")
    .or(r#""""#)
    .such_as(r#""Welcome!""#),
    Key::new(
        "footer",
        Kind::Prose,
        "What stands at the foot of every page; plain text, as welcome is.",
    )
    .within("at most 600 characters")
    .or(r#""""#)
    .such_as(r#"{ all = "Questions? 555 0100", es = "¿Preguntas? 555 0100" }"#),
    Key::new("terms", Kind::Prose, "The terms of use, on a page of their own; plain text, as welcome is.")
        .within("at most 20000 characters")
        .or(r#""""#)
        .such_as(r#""Be kind.""#),
    Key::new("terms_required", Kind::Boolean, "Whether guests must accept the terms.")
        .or("false")
        .such_as("true"),
];

static LIGHT: Table = Table::once("light", "Colours by day.", BY_DAY).more(CONTRAST).uci("");

static DARK: Table =
    Table::once("dark", "Colours for phones that are set to dark.", BY_NIGHT).more(CONTRAST).uci("");

const CONTRAST: &str = "Text needs a contrast of 4.5:1 with its background.";

const BY_DAY: &[Key] = &colours([r##""#0b6b5d""##, r##""#eef2f1""##, r##""#17211f""##]);

const BY_NIGHT: &[Key] = &colours([r##""#5fd3bd""##, r##""#101715""##, r##""#ecf2f0""##]);

const fn colours([accent, background, text]: [&'static str; 3]) -> [Key; 3] {
    [
        colour("accent", "Buttons and links; empty is what the portal has by itself.", accent),
        colour("background", "Behind everything; empty is what the portal has by itself.", background),
        colour("text", "What is read; empty is what the portal has by itself.", text),
    ]
}

const fn colour(name: &'static str, what: &'static str, example: &'static str) -> Key {
    Key::new(name, Kind::Text, what).within("#rrggbb or #rgb").or(r#""""#).such_as(example)
}
