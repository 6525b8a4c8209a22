use std::collections::BTreeMap;

use super::drafts::Draft;
use crate::domain::theme::{
    Colour, Palette, Picture, PictureUse, PlaceName, Prose, Shade, Theme, Translated,
};
use crate::http::Part;

/// The texts of a theme: name of the field, and the most characters.
pub(super) const TEXTS: [(&str, usize); 3] =
    [("welcome", Theme::SHORT_CHARS), ("footer", Theme::SHORT_CHARS), ("terms", Theme::TERMS_CHARS)];
/// The colours of a palette.
pub(super) const COLOURS: [&str; 3] = ["accent", "background", "text"];
/// The language of a text that is the same in all.
pub(super) const ALL: &str = "all";
/// The longest name of what was saved last, in characters.
const MAX_SEEN: usize = 32;
/// The longest field that is shown again, in characters.
const MAX_SHOWN: usize = Theme::TERMS_CHARS * 2;

/// What was typed, by field; only fields that the form has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::admin) struct Typed(BTreeMap<String, String>);

/// What is wrong with a form, by field.
pub(super) type Troubles = BTreeMap<String, String>;

/// What somebody sent: a draft, what is wrong with it, and what they want with it.
#[derive(Debug)]
pub(super) struct Sent {
    /// The draft; its theme is there if nothing is wrong.
    pub(super) draft: Draft,
    /// What is wrong.
    pub(super) troubles: Troubles,
    /// Whether guests are to see it; else it is only looked at.
    pub(super) saves: bool,
}

/// The languages of a text as fields have them.
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    std::iter::once(ALL).chain(Translated::LANGUAGES)
}

fn fields() -> impl Iterator<Item = String> {
    let colours =
        Shade::ALL.into_iter().flat_map(|shade| COLOURS.map(|key| format!("{}-{key}", shade.as_str())));
    let texts =
        TEXTS.into_iter().flat_map(|(key, _)| languages().map(move |language| format!("{key}-{language}")));
    ["name", "terms-required", "logo-remove", "background-remove"]
        .map(str::to_owned)
        .into_iter()
        .chain(colours)
        .chain(texts)
}

impl Typed {
    /// What would be typed for a theme that there is.
    pub(super) fn of(theme: &Theme) -> Self {
        let mut typed = BTreeMap::new();
        let mut put = |name: String, value: Option<String>| value.and_then(|value| typed.insert(name, value));
        put("name".to_owned(), theme.name.as_ref().map(PlaceName::to_string));
        put("terms-required".to_owned(), theme.terms_required.then(|| "on".to_owned()));
        for shade in Shade::ALL {
            let palette = theme.palette(shade);
            for (key, colour) in
                COLOURS.into_iter().zip([palette.accent(), palette.background(), palette.text()])
            {
                put(format!("{}-{key}", shade.as_str()), colour.map(|colour| colour.to_string()));
            }
        }
        for ((key, _), texts) in TEXTS.into_iter().zip([&theme.welcome, &theme.footer, &theme.terms]) {
            for language in languages() {
                let prose = texts.exactly(Some(language).filter(|language| *language != ALL));
                put(format!("{key}-{language}"), prose.map(|prose| prose.as_str().to_owned()));
            }
        }
        Self(typed)
    }

    /// What stands in a field.
    pub(super) fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    fn has(&self, field: &str) -> bool {
        !self.get(field).is_empty()
    }
}

impl Sent {
    /// Reads a form over what there was before: pictures stay unless another one or none is wanted.
    pub(super) fn read(parts: &[Part], logo: Option<Picture>, background: Option<Picture>) -> Self {
        let known: Vec<String> = fields().collect();
        let mut typed = Typed::default();
        let (mut saves, mut seen) = (false, String::new());
        let mut files: BTreeMap<&str, &[u8]> = BTreeMap::new();
        let mut troubles = Troubles::new();
        for part in parts {
            if part.is_file {
                // A field of files that nothing was chosen in is sent empty.
                if matches!(part.name.as_str(), "logo" | "background") && !part.bytes.is_empty() {
                    files.insert(&part.name, &part.bytes);
                }
                continue;
            }
            if part.name == "action" {
                saves = part.bytes == b"save";
            } else if part.name == "seen" {
                seen = String::from_utf8_lossy(&part.bytes).chars().take(MAX_SEEN).collect();
            } else if known.contains(&part.name) {
                let value: String = String::from_utf8_lossy(&part.bytes).chars().take(MAX_SHOWN).collect();
                typed.0.insert(part.name.clone(), value);
            }
        }
        let mut picture = |name: &str, used, before: Option<Picture>, removes: bool| match files.get(name) {
            Some(bytes) => Picture::parse(bytes, used).map(Some).unwrap_or_else(|error| {
                troubles.insert(name.to_owned(), error.to_string());
                before
            }),
            None => before.filter(|_| !removes),
        };
        let logo = picture("logo", PictureUse::Logo, logo, typed.has("logo-remove"));
        let background =
            picture("background", PictureUse::Background, background, typed.has("background-remove"));
        typed.0.remove("logo-remove");
        typed.0.remove("background-remove");
        let mut theme = read_theme(&typed, &mut troubles);
        (theme.logo, theme.background) = (logo.clone(), background.clone());
        let theme = troubles.is_empty().then(|| theme.into());
        Self { draft: Draft { typed, logo, background, theme, seen }, troubles, saves }
    }
}

/// What the fields come to; a field with a mistake counts as empty.
fn read_theme(typed: &Typed, troubles: &mut Troubles) -> Theme {
    let mut theme = Theme::default();
    let mut take = |field: &str, problem: String| drop(troubles.insert(field.to_owned(), problem));
    theme.name = PlaceName::parse(typed.get("name")).unwrap_or_else(|problem| {
        take("name", problem);
        None
    });
    for shade in Shade::ALL {
        let name = |key: &str| format!("{}-{key}", shade.as_str());
        let mut colour = |key: &str| {
            let text = typed.get(&name(key)).trim();
            if text.is_empty() {
                return None;
            }
            text.parse::<Colour>().inspect_err(|error| take(&name(key), error.to_string())).ok()
        };
        let (accent, background, text) = (colour("accent"), colour("background"), colour("text"));
        let palette = Palette::new(shade, accent, background, text).unwrap_or_else(|error| {
            take(&name(error.field), error.problem);
            Palette::default()
        });
        match shade {
            Shade::Light => theme.light = palette,
            Shade::Dark => theme.dark = palette,
        }
    }
    let texts = [&mut theme.welcome, &mut theme.footer, &mut theme.terms];
    for ((key, most), texts) in TEXTS.into_iter().zip(texts) {
        for language in languages() {
            let field = format!("{key}-{language}");
            let tag = Some(language).filter(|language| *language != ALL);
            let read = Prose::parse(typed.get(&field), most).and_then(|prose| texts.set(tag, prose));
            if let Err(problem) = read {
                take(&field, problem);
            }
        }
    }
    theme.terms_required = typed.has("terms-required");
    if theme.terms_required && theme.terms.is_empty() {
        take("terms-required", "there are no terms that could be accepted: write them above".to_owned());
    }
    theme
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, value: &str) -> Part {
        Part { name: name.to_owned(), is_file: false, bytes: value.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_typed_for_a_theme_comes_to_the_same_theme() {
        let parts = [
            part("name", "Café <Luna>"),
            part("light-accent", "#B00020"),
            part("dark-background", "#000"),
            part("welcome-all", "Hello\r\n\r\nyou"),
            part("welcome-es", "Hola"),
            part("terms-all", "Be kind."),
            part("terms-required", "on"),
            part("action", "save"),
            part("csrf", "x"),
        ];
        let sent = Sent::read(&parts, None, None);
        assert_eq!((sent.saves, &sent.troubles), (true, &Troubles::new()));
        let theme = sent.draft.theme.unwrap();
        assert!(theme.asks_for_terms() && theme.name.as_ref().unwrap().as_str() == "Café <Luna>");
        let typed = Typed::of(&theme);
        assert_eq!(
            (typed.get("light-accent"), typed.get("welcome-es"), typed.get("csrf")),
            ("#b00020", "Hola", "")
        );
        let again: Vec<(String, String)> = typed.0.into_iter().collect();
        let parts: Vec<Part> = again.iter().map(|(name, value)| part(name, value)).collect();
        assert_eq!(Sent::read(&parts, None, None).draft.theme.as_deref(), Some(&*theme));
    }

    #[test]
    fn each_mistake_stands_at_its_field_and_what_was_typed_stays() {
        let long = "x".repeat(601);
        let parts = [
            part("name", "a\nb"),
            part("light-text", "#cccccc"),
            part("dark-accent", "red"),
            part("footer-fr", &long),
            part("terms-required", "on"),
            Part { is_file: true, ..part("logo", "<svg>") },
        ];
        let sent = Sent::read(&parts, None, None);
        let wrong: Vec<&str> = sent.troubles.keys().map(String::as_str).collect();
        assert_eq!(wrong, ["dark-accent", "footer-fr", "light-text", "logo", "name", "terms-required"]);
        assert!(sent.troubles["light-text"].contains(":1"), "{:?}", sent.troubles);
        assert!(sent.draft.theme.is_none() && !sent.saves);
        assert_eq!(
            (sent.draft.typed.get("dark-accent"), sent.draft.typed.get("footer-fr").len()),
            ("red", 601)
        );
    }
}
