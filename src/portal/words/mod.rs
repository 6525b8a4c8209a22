//! What the pages say, in the guest's language, and times and amounts as they are written there.
//!
//! The texts are Fluent's, one file for each language under `locales`, embedded. What a language lacks is said in English.

mod amounts;
mod bundle;
mod language;
mod phrases;

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentValue};

pub use amounts::percent;
pub use language::Language;

/// A language's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(Language);

impl Words {
    /// Those of this language.
    pub const fn of(language: Language) -> Self {
        Self(language)
    }

    /// The language.
    pub const fn language(self) -> Language {
        self.0
    }

    /// Its BCP 47 tag.
    pub const fn code(self) -> &'static str {
        self.0.code()
    }

    /// Which way it is written.
    pub const fn dir(self) -> &'static str {
        self.0.dir()
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        self.0.name()
    }

    /// The languages that the page could be in instead.
    pub fn others(self) -> impl Iterator<Item = Language> {
        Language::ALL.into_iter().filter(move |other| *other != self.0)
    }

    /// A text without parts.
    pub fn get(self, id: &str) -> Cow<'static, str> {
        self.say(id, None)
    }

    /// A text with one part.
    pub fn one<'a>(
        self,
        id: &str,
        name: &'static str,
        value: impl Into<FluentValue<'a>>,
    ) -> Cow<'static, str> {
        self.with(id, [(name, value.into())])
    }

    /// A text with several parts.
    pub fn with<'a>(
        self,
        id: &str,
        parts: impl IntoIterator<Item = (&'static str, FluentValue<'a>)>,
    ) -> Cow<'static, str> {
        let mut args: FluentArgs<'a> = FluentArgs::new();
        for (name, value) in parts {
            let name: &'a str = name;
            args.set(name, value);
        }
        self.say(id, Some(&args))
    }

    /// The same with how many there are of something.
    pub fn counted(self, id: &str, count: impl TryInto<u64>) -> Cow<'static, str> {
        self.one(id, "count", count.try_into().unwrap_or(u64::MAX))
    }

    fn say(self, id: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        let said = bundle::format(self.0, id, args).or_else(|| bundle::format(Language::English, id, args));
        said.unwrap_or_else(|| {
            // A test keeps this from happening.
            tracing::error!(id, "a text of the portal is missing");
            Cow::Owned(id.to_owned())
        })
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
