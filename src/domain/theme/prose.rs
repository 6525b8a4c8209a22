use std::collections::BTreeMap;
use std::sync::Arc;

/// The most lines of a text.
const MAX_LINES: usize = 400;

/// A text of paragraphs, which an empty line parts. Never empty; no markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prose(Arc<str>);

/// A text in the languages in which there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translated {
    any: Option<Prose>,
    by_language: BTreeMap<&'static str, Prose>,
}

/// A text as it is found for a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'t> {
    /// The text.
    pub prose: &'t Prose,
    /// The language that it is in, by its tag, where that is known and another one.
    pub language: Option<&'static str>,
}

impl Prose {
    /// Reads a text of at most so many characters; one without letters is none.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str, most_chars: usize) -> Result<Option<Self>, String> {
        // Browsers send both.
        let text = text.replace("\r\n", "\n").replace('\t', " ");
        let text = text.trim();
        if text.contains(|letter: char| {
            letter != '\n' && letter.is_control() || letter == char::REPLACEMENT_CHARACTER
        }) {
            return Err("has characters that cannot be shown".to_owned());
        }
        let chars = text.chars().count();
        if chars > most_chars {
            return Err(format!("has {chars} characters; it can have at most {most_chars}"));
        }
        if text.lines().count() > MAX_LINES {
            return Err(format!("can have at most {MAX_LINES} lines"));
        }
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its paragraphs, each with its lines.
    pub fn paragraphs(&self) -> Vec<Vec<&str>> {
        let lines: Vec<&str> = self.0.lines().map(str::trim).collect();
        let parts = lines.split(|line| line.is_empty());
        parts.filter(|part| !part.is_empty()).map(<[&str]>::to_vec).collect()
    }
}

impl Translated {
    /// The languages that there can be texts in, by their tags: those of the portal.
    pub const LANGUAGES: [&'static str; 7] = ["en", "es", "pt", "fr", "id", "fil", "ar"];

    /// Sets the text of a language; `None` is the one that is the same in all.
    ///
    /// # Errors
    ///
    /// There is no such language; the message names those that there are.
    pub fn set(&mut self, language: Option<&str>, prose: Option<Prose>) -> Result<(), String> {
        let Some(language) = language else {
            self.any = prose;
            return Ok(());
        };
        let known = Self::LANGUAGES.into_iter().find(|known| *known == language);
        let known = known.ok_or_else(|| {
            format!("the portal does not speak this language; it speaks {}", Self::LANGUAGES.join(", "))
        })?;
        match prose {
            Some(prose) => self.by_language.insert(known, prose),
            None => self.by_language.remove(known),
        };
        Ok(())
    }

    /// The same text in all languages.
    pub fn same(prose: Option<Prose>) -> Self {
        Self { any: prose, by_language: BTreeMap::new() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.any.is_none() && self.by_language.is_empty()
    }

    /// The text of exactly this language; `None` is the one for all.
    pub fn exactly(&self, language: Option<&str>) -> Option<&Prose> {
        language.map_or(self.any.as_ref(), |language| self.by_language.get(language))
    }

    /// The text for a guest: in their language, else the one for all, else in English, else in whatever language there is
    /// one.
    pub fn find(&self, language: &str) -> Option<Found<'_>> {
        if let Some(prose) = self.by_language.get(language) {
            return Some(Found { prose, language: None });
        }
        if let Some(prose) = &self.any {
            return Some(Found { prose, language: None });
        }
        let english = self.by_language.get_key_value("en");
        let (language, prose) = english.or_else(|| self.by_language.iter().next())?;
        Some(Found { prose, language: Some(language) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(text: &str) -> Option<Prose> {
        Prose::parse(text, 1_000).unwrap()
    }

    #[test]
    fn texts_are_paragraphs_of_bounded_length() {
        let text = prose(" One.\r\nStill one.\r\n\r\n \r\n<b>Two</b>\t! ").unwrap();
        assert_eq!(text.paragraphs(), [vec!["One.", "Still one."], vec!["<b>Two</b> !"]]);
        assert_eq!(prose(" \r\n\t "), None);
        assert!(Prose::parse("é".repeat(10).as_str(), 10).is_ok());
        assert!(Prose::parse("é".repeat(11).as_str(), 10).unwrap_err().contains("11 characters"));
        for wrong in ["a\0b", "a\u{1b}[31m", "a\u{fffd}", "a\u{85}b"] {
            assert!(Prose::parse(wrong, 10).is_err(), "{wrong:?}");
        }
        assert!(Prose::parse(&"a\n".repeat(500), 1_000).unwrap_err().contains("lines"));
    }

    #[test]
    fn a_text_falls_back_to_what_there_is() {
        let mut texts = Translated::default();
        assert_eq!(texts.find("es"), None);
        texts.set(Some("fr"), prose("Bonjour")).unwrap();
        let found = |texts: &Translated, language| {
            texts.find(language).map(|found| (found.prose.as_str().to_owned(), found.language))
        };
        assert_eq!(found(&texts, "es"), Some(("Bonjour".to_owned(), Some("fr"))));
        texts.set(Some("en"), prose("Hello")).unwrap();
        assert_eq!(found(&texts, "es"), Some(("Hello".to_owned(), Some("en"))));
        assert_eq!(found(&texts, "fr"), Some(("Bonjour".to_owned(), None)));
        texts.set(None, prose("Mabuhay")).unwrap();
        assert_eq!(found(&texts, "es"), Some(("Mabuhay".to_owned(), None)));
        texts.set(Some("en"), None).unwrap();
        assert_eq!(texts.exactly(Some("en")), None);
        assert!(texts.set(Some("de"), None).unwrap_err().contains("en, es, pt"));
    }
}
