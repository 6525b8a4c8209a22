//! How a place shows itself to its guests: name, pictures, colours, texts, terms of use. Everything is bounded and parsed at
//! the door; nothing of it is markup.

mod colour;
mod palette;
mod picture;
mod prose;

use std::fmt;

pub use colour::{Colour, ColourError};
pub use palette::{Palette, Scheme, Shade};
pub use picture::{Picture, PictureError, PictureKind, PictureUse};
pub use prose::{Found, Prose, Translated};

use super::Text;

/// How a zone's portal looks and what it says beside what it always says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Theme {
    /// The name of the place; `None` is the gateway's.
    pub name: Option<PlaceName>,
    /// Its colours by day.
    pub light: Palette,
    /// Its colours by night.
    pub dark: Palette,
    /// Beside the name.
    pub logo: Option<Picture>,
    /// Behind the page.
    pub background: Option<Picture>,
    /// What guests read before they are online.
    pub welcome: Translated,
    /// At the foot of every page: who runs this, whom to ask.
    pub footer: Translated,
    /// The terms of use.
    pub terms: Translated,
    /// Whether they must be accepted before a form is taken; nothing where there are none.
    pub terms_required: bool,
}

/// The name of a place: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceName(Text);

/// What is wrong with a theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ThemeError {
    /// What it is about.
    pub field: &'static str,
    /// What is wrong with it, as a sentence.
    pub problem: String,
}

impl PlaceName {
    /// The longest, in characters.
    pub const MAX_CHARS: usize = 60;

    /// Reads a name; an empty one is none.
    ///
    /// # Errors
    ///
    /// It is too long, or no line.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        let is_odd = |letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER;
        if text.chars().count() > Self::MAX_CHARS || text.contains(is_odd) {
            return Err(format!("must be one line of at most {} characters", Self::MAX_CHARS));
        }
        Ok((!text.is_empty()).then(|| Self(Text::new(text))))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Theme {
    /// The longest welcome and the longest footer, in characters: both are on the first page, which has to stay small.
    pub const SHORT_CHARS: usize = 600;
    /// The longest terms of use, in characters.
    pub const TERMS_CHARS: usize = 20_000;

    /// Whether guests must accept the terms before a form of theirs is taken.
    pub fn asks_for_terms(&self) -> bool {
        self.terms_required && !self.terms.is_empty()
    }

    /// The colours of one shade.
    pub const fn palette(&self, shade: Shade) -> &Palette {
        match shade {
            Shade::Light => &self.light,
            Shade::Dark => &self.dark,
        }
    }

    /// Every colour of a page in one shade. An accent chosen for the day alone holds at night, too, as far as it is seen.
    pub fn scheme(&self, shade: Shade) -> Scheme {
        let fallback = match shade {
            Shade::Light => None,
            Shade::Dark => self.light.accent(),
        };
        self.palette(shade).scheme(shade, fallback.filter(|_| self.palette(shade).accent().is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_terms_are_asked_for_only_if_there_are_any() {
        assert_eq!(PlaceName::parse(" Café <b> ").unwrap().unwrap().as_str(), "Café <b>");
        assert_eq!(PlaceName::parse("  "), Ok(None));
        for wrong in ["a\nb", "a\u{0}", &"x".repeat(61)] {
            assert!(PlaceName::parse(wrong).is_err(), "{wrong:?}");
        }
        let mut theme = Theme { terms_required: true, ..Theme::default() };
        assert!(!theme.asks_for_terms());
        theme.terms = Translated::same(Prose::parse("Be kind.", 100).unwrap());
        assert!(theme.asks_for_terms());
    }
}
