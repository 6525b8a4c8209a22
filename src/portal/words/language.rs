use crate::domain::wanted_languages;

/// A language that the portal speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, which all others fall back to.
    English,
    /// Spanish.
    Spanish,
    /// Portuguese.
    Portuguese,
    /// French.
    French,
    /// Indonesian.
    Indonesian,
    /// Filipino.
    Filipino,
    /// Arabic.
    Arabic,
}

impl Language {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 7] = [
        Self::English,
        Self::Spanish,
        Self::Portuguese,
        Self::French,
        Self::Indonesian,
        Self::Filipino,
        Self::Arabic,
    ];

    /// Its BCP 47 tag.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::French => "fr",
            Self::Indonesian => "id",
            Self::Filipino => "fil",
            Self::Arabic => "ar",
        }
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
            Self::Portuguese => "Português",
            Self::French => "Français",
            Self::Indonesian => "Bahasa Indonesia",
            Self::Filipino => "Filipino",
            Self::Arabic => "العربية",
        }
    }

    /// Which way it is written, as HTML's `dir` says it.
    pub const fn dir(self) -> &'static str {
        match self {
            Self::English
            | Self::Spanish
            | Self::Portuguese
            | Self::French
            | Self::Indonesian
            | Self::Filipino => "ltr",
            Self::Arabic => "rtl",
        }
    }

    /// That of a BCP 47 tag, whatever its region; old tags too.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "in" => Some(Self::Indonesian),
            "tl" => Some(Self::Filipino),
            code => Self::ALL.into_iter().find(|known| known.code() == code),
        }
    }

    /// The one that a browser would like best of those that there are, by its `Accept-Language`.
    pub fn wanted(accept_language: &str) -> Option<Self> {
        wanted_languages(accept_language).into_iter().find_map(Self::of_tag)
    }

    pub(super) const fn texts(self) -> &'static str {
        match self {
            Self::English => include_str!("../../../locales/en/portal.ftl"),
            Self::Spanish => include_str!("../../../locales/es/portal.ftl"),
            Self::Portuguese => include_str!("../../../locales/pt/portal.ftl"),
            Self::French => include_str!("../../../locales/fr/portal.ftl"),
            Self::Indonesian => include_str!("../../../locales/id/portal.ftl"),
            Self::Filipino => include_str!("../../../locales/fil/portal.ftl"),
            Self::Arabic => include_str!("../../../locales/ar/portal.ftl"),
        }
    }

    /// A number or a clock's time as it is written there, from its digits and its `.`.
    pub(super) fn digits(self, text: &str) -> String {
        let separator = match self {
            Self::English | Self::Filipino => '.',
            Self::Spanish | Self::Portuguese | Self::French | Self::Indonesian => ',',
            Self::Arabic => '\u{66b}',
        };
        let written = |letter| match (letter, self) {
            ('.', _) => separator,
            ('0'..='9', Self::Arabic) => {
                char::from_u32(u32::from(letter) - u32::from('0') + 0x660).unwrap_or(letter)
            }
            (letter, _) => letter,
        };
        text.chars().map(written).collect()
    }
}
