use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

use crate::domain::theme::{Found, Picture, Scheme, Shade, Theme};

use super::words::Words;

/// Everything that a page loads beside itself, whatever it wears.
const FILES: [&str; 3] = [
    include_str!("../../static/portal/portal.css"),
    include_str!("../../static/portal/portal.js"),
    include_str!("../../static/portal/icon.svg"),
];

/// What a zone's pages wear: its theme, ready to be shown.
///
/// Colours and the picture behind the page reach it through a style sheet that is made here, since no page may hold a style
/// of its own. Style sheet and pictures have names that follow from what is in them, so that browsers can keep them for good
/// and a change is seen at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Dress {
    /// The name of the place.
    pub name: String,
    /// What stands before every path; empty on the portal itself.
    base: String,
    theme: Arc<Theme>,
    /// The name of the style sheet and its text, if it says anything.
    sheet: Option<(String, Bytes)>,
}

/// A picture on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// Where it is.
    pub path: String,
    /// Its width in points.
    pub width: u32,
    /// Its height in points.
    pub height: u32,
}

/// A text of the operator's, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'t> {
    /// The language that it is in, where that is known and another one than the page's.
    pub language: Option<&'static str>,
    /// Its paragraphs, each with its lines.
    pub paragraphs: Vec<Vec<&'t str>>,
}

impl Dress {
    /// What a theme comes to; `gateway` is the name of the place if the theme has none.
    pub fn new(gateway: &str, theme: Arc<Theme>) -> Self {
        let text = sheet(&theme, None);
        Self::made(gateway, theme, text, String::new())
    }

    /// The same in one shade, whichever the browser is set to, with `base` before every path: to be looked at.
    pub fn preview(gateway: &str, theme: Arc<Theme>, shade: Shade, base: String) -> Self {
        let text = sheet(&theme, Some(shade));
        Self::made(gateway, theme, text, base)
    }

    /// That of a place that has said nothing but its name.
    pub fn plain(gateway: &str) -> Arc<Self> {
        Arc::new(Self::new(gateway, Arc::default()))
    }

    fn made(gateway: &str, theme: Arc<Theme>, text: String, base: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let sheet = (!text.is_empty()).then(|| (format!("theme-{tag}.css"), Bytes::from(text)));
        let name = theme.name.as_ref().map_or_else(|| gateway.to_owned(), ToString::to_string);
        Self { name, base, theme, sheet }
    }

    /// A path of the portal, as this page has to name it.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether it is a guest's page, and not one to be looked at.
    pub const fn is_live(&self) -> bool {
        self.base.is_empty()
    }

    /// Where its style sheet is, if it has one.
    pub fn sheet(&self) -> Option<String> {
        self.sheet.as_ref().map(|(name, _)| self.at(&format!("/portal/{name}")))
    }

    /// The logo, if it has one.
    pub fn logo(&self) -> Option<Logo> {
        let logo = self.theme.logo.as_ref()?;
        let path = self.at(&format!("/portal/{}", Self::picture_name("logo", logo)));
        Some(Logo { path, width: logo.width(), height: logo.height() })
    }

    /// The name of a picture's file: `logo` or `background`, and what follows from its content.
    pub fn picture_name(kind: &str, picture: &Picture) -> String {
        format!("{kind}-{}.{}", picture.tag(), picture.kind().ending())
    }

    /// A file of the theme by its name: media type and content, which is not copied.
    pub fn file(&self, name: &str) -> Option<(&'static str, Bytes)> {
        if let Some((_, text)) = self.sheet.as_ref().filter(|(known, _)| known == name) {
            return Some(("text/css; charset=utf-8", text.clone()));
        }
        let pictures = [("logo", &self.theme.logo), ("background", &self.theme.background)];
        let found = pictures.into_iter().find_map(|(kind, picture)| {
            picture.as_ref().filter(|picture| Self::picture_name(kind, picture) == name)
        });
        found.map(|picture| (picture.kind().media_type(), Bytes::from_owner(picture.shared())))
    }

    /// What guests read before they are online.
    pub fn welcome(&self, t: Words) -> Option<Said<'_>> {
        self.theme.welcome.find(t.code()).map(Said::of)
    }

    /// What stands at the foot of every page.
    pub fn footer(&self, t: Words) -> Option<Said<'_>> {
        self.theme.footer.find(t.code()).map(Said::of)
    }

    /// The terms of use.
    pub fn terms(&self, t: Words) -> Option<Said<'_>> {
        self.theme.terms.find(t.code()).map(Said::of)
    }

    /// Whether there are any.
    pub fn has_terms(&self) -> bool {
        !self.theme.terms.is_empty()
    }

    /// Whether they must be accepted before a form is taken.
    pub fn asks_for_terms(&self) -> bool {
        self.theme.asks_for_terms()
    }

    /// How many bytes a page comes to with everything that it loads, but for pictures.
    pub fn weight(&self, page: &str) -> usize {
        let sheet = self.sheet.as_ref().map_or(0, |(_, text)| text.len());
        FILES.iter().map(|file| file.len()).sum::<usize>() + sheet + page.len()
    }

    /// How many bytes its pictures are.
    pub fn pictures(&self) -> usize {
        let pictures = [&self.theme.logo, &self.theme.background];
        pictures.into_iter().flatten().map(|picture| picture.bytes().len()).sum()
    }
}

impl<'t> Said<'t> {
    fn of(found: Found<'t>) -> Self {
        Self { language: found.language, paragraphs: found.prose.paragraphs() }
    }
}

/// The style sheet of a theme, in one shade or in that of the browser; empty if it changes nothing. Only numbers that were
/// read and written again are in it, nothing that somebody typed.
fn sheet(theme: &Theme, only: Option<Shade>) -> String {
    let mut text = String::new();
    let rule = |shade: Shade| format!(":root{{{}}}", variables(&theme.scheme(shade)));
    match only {
        Some(shade) => {
            text.push_str(&rule(shade));
            // Writing to a string does not fail.
            let _ = write!(text, ":root{{color-scheme:{}}}", shade.as_str());
        }
        None => {
            for shade in Shade::ALL {
                if theme.scheme(shade) != shade.plain() {
                    let _ =
                        write!(text, "@media (prefers-color-scheme:{}){{{}}}", shade.as_str(), rule(shade));
                }
            }
        }
    }
    if let Some(picture) = &theme.background {
        // The path is seen from the style sheet. What does not stand on a card gets one: nobody knows what is behind it.
        let _ = write!(
            text,
            "body::before{{content:\"\";position:fixed;inset:0;z-index:-1;background:url(\"{}\") center/cover}}\
             header,footer{{background:var(--card);border-radius:1rem;padding:.25rem .75rem}}footer{{padding:.75rem}}",
            Dress::picture_name("background", picture)
        );
    }
    text
}

/// The variables of the portal's style sheet.
fn variables(scheme: &Scheme) -> String {
    let all = [
        ("page", scheme.page),
        ("card", scheme.card),
        ("ink", scheme.ink),
        ("soft", scheme.soft),
        ("line", scheme.line),
        ("track", scheme.track),
        ("accent", scheme.accent),
        ("on-accent", scheme.on_accent),
        ("link", scheme.link),
        ("trouble", scheme.trouble),
        ("trouble-page", scheme.trouble_page),
        ("notice-page", scheme.notice_page),
    ];
    all.map(|(name, colour)| format!("--{name}:{colour}")).join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::theme::{Palette, PlaceName, Prose, Translated};
    use crate::portal::words::Language;

    /// What the style sheet says a variable is, in either shade; short forms written out.
    fn in_sheet(shade: Shade, name: &str) -> String {
        let part =
            FILES[0].split("prefers-color-scheme: dark").nth(usize::from(shade == Shade::Dark)).unwrap();
        let value = part.split(&format!("--{name}: ")).nth(1).unwrap().split(';').next().unwrap();
        value.parse::<crate::domain::theme::Colour>().unwrap().to_string()
    }

    #[test]
    fn the_style_sheet_has_the_colours_of_a_plain_theme() {
        for shade in Shade::ALL {
            for variable in variables(&shade.plain()).split(';') {
                let (name, colour) = variable.trim_start_matches("--").split_once(':').unwrap();
                assert_eq!(in_sheet(shade, name), colour, "{shade:?} {name}");
            }
        }
        assert_eq!(sheet(&Theme::default(), None), "");
    }

    #[test]
    fn a_theme_is_a_sheet_of_numbers_under_a_name_that_follows_from_it() {
        let colour = |text: &str| Some(text.parse().unwrap());
        let theme = |accent: &str| Theme {
            name: PlaceName::parse("}</style><script>alert(1)</script>").unwrap(),
            light: Palette::new(Shade::Light, colour(accent), None, None).unwrap(),
            welcome: Translated::same(Prose::parse("} body { display: none }", 100).unwrap()),
            ..Theme::default()
        };
        let (one, other) =
            (Dress::new("x", Arc::new(theme("#aa0055"))), Dress::new("x", Arc::new(theme("#aa0056"))));
        let (path, name) = (one.sheet().unwrap(), one.sheet.clone().unwrap().0);
        assert!(path.starts_with("/portal/theme-") && Some(&path) != other.sheet().as_ref(), "{path}");
        let (kind, text) = one.file(&name).unwrap();
        let again = one.file(&name).unwrap().1;
        assert_eq!(again.as_ptr(), text.as_ptr(), "it is not copied for each guest");
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(kind.starts_with("text/css") && text.contains("--accent:#aa0055"), "{text}");
        assert!(!text.contains("script") && !text.contains("display"), "{text}");
        assert_eq!(
            text.matches("prefers-color-scheme").count(),
            2,
            "the accent holds at night as well: {text}"
        );
        assert_eq!(other.file(&name), None);
        let night = Dress::preview("x", Arc::new(theme("#aa0055")), Shade::Dark, "/base".to_owned());
        assert!(night.sheet().unwrap().starts_with("/base/portal/theme-"));
        let text = String::from_utf8(night.sheet.clone().unwrap().1.to_vec()).unwrap();
        assert!(text.contains("color-scheme:dark") && !night.is_live());
        let t = Words::of(Language::Arabic);
        assert_eq!(one.welcome(t).unwrap().paragraphs, [["} body { display: none }"]]);
    }
}
