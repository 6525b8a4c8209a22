//! `[theme]` and `[zone.theme]`: how portals look.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Found, Section, expected};
use super::tls::Files;
use super::values;
use crate::domain::theme::{
    Colour, Palette, Picture, PictureUse, PlaceName, Prose, Shade, Theme, Translated,
};

/// The key of a text that is the same in every language.
const ALL: &str = "all";

/// How a portal looks, as far as the file says it; what lies in other files is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThemeConfig {
    /// All of it but the pictures.
    pub theme: Theme,
    /// Where the logo is.
    pub logo: Option<PathBuf>,
    /// Where the picture behind the page is.
    pub background: Option<PathBuf>,
}

impl ThemeConfig {
    /// The theme with its pictures. One that cannot be used is left out, and said: a portal without a logo is better than
    /// none.
    pub fn load(&self) -> (Theme, Vec<String>) {
        let (mut theme, mut problems) = (self.theme.clone(), Vec::new());
        let mut picture = |path: &Option<PathBuf>, used| {
            let path = path.as_ref()?;
            let read = read_picture(path, used);
            read.map_err(|problem| problems.push(format!("{}: {problem}", path.display()))).ok()
        };
        theme.logo = picture(&self.logo, PictureUse::Logo);
        theme.background = picture(&self.background, PictureUse::Background);
        (theme, problems)
    }
}

/// Reads a theme over another: what the table does not say stays as it is there.
pub(super) fn read(
    report: &mut Report<'_>,
    name: &'static str,
    table: Option<(usize, &DeTable<'_>)>,
    base: &ThemeConfig,
    files: Files,
) -> ThemeConfig {
    let mut config = base.clone();
    let Some((at, table)) = table else { return config };
    let mut section = Section::new(report, name, at, table);
    if let Some(found) = section.read("name", place_name) {
        config.theme.name = found.value;
    }
    picture(&mut section, "logo", PictureUse::Logo, files, &mut config.logo);
    picture(&mut section, "background_picture", PictureUse::Background, files, &mut config.background);
    let shades = Shade::ALL.map(|shade| (shade, section.table(shade.as_str())));
    let theme = &mut config.theme;
    let texts = [
        ("welcome", Theme::SHORT_CHARS, &mut theme.welcome),
        ("footer", Theme::SHORT_CHARS, &mut theme.footer),
        ("terms", Theme::TERMS_CHARS, &mut theme.terms),
    ];
    let texts = texts.map(|(key, most, text)| {
        if let Some(DeValue::Table(_)) = table.get(key).map(|value| value.get_ref()) {
            return (key, most, text, section.table(key));
        }
        if let Some(found) = section.read(key, prose(most)) {
            *text = Translated::same(found.value);
        }
        (key, most, text, None)
    });
    let required = section.read("terms_required", values::boolean);
    let said: Vec<_> =
        texts.into_iter().filter_map(|(key, most, text, table)| Some((key, most, text, table?))).collect();
    section.finish();
    for (key, most, text, table) in said {
        *text = read_texts(report, format!("{name}.{key}"), table, most);
    }
    if let Some(required) = required {
        theme.terms_required = required.value;
        if required.value && theme.terms.is_empty() {
            let text = "there are no terms that could be accepted: give terms, too";
            report.mistake(required.at, &format!("{name}.terms_required"), text);
        }
    }
    for (shade, table) in shades {
        let Some(table) = table else { continue };
        let palette =
            read_palette(report, format!("{name}.{}", shade.as_str()), table, shade, theme.palette(shade));
        match shade {
            Shade::Light => theme.light = palette,
            Shade::Dark => theme.dark = palette,
        }
    }
    config
}

fn picture(
    section: &mut Section<'_, '_, '_>,
    key: &'static str,
    used: PictureUse,
    files: Files,
    path: &mut Option<PathBuf>,
) {
    let Some(found) = section.read(key, values::path_if) else { return };
    if let (Files::Read, Some(path)) = (files, &found.value)
        && let Err(problem) = read_picture(path, used)
    {
        section.mistake(found.at, key, format!("{}: {problem}", path.display()));
    }
    *path = found.value;
}

fn read_palette(
    report: &mut Report<'_>,
    name: String,
    (at, table): (usize, &DeTable<'_>),
    shade: Shade,
    base: &Palette,
) -> Palette {
    let mut section = Section::new(report, name, at, table);
    let mut read = |key, base: Option<Colour>| {
        let found: Option<Found<Option<Colour>>> = section.read(key, colour);
        (found.as_ref().map_or(base, |found| found.value), found.map(|found| found.at))
    };
    let (accent, _) = read("accent", base.accent());
    let (background, background_at) = read("background", base.background());
    let (text, text_at) = read("text", base.text());
    let palette = Palette::new(shade, accent, background, text).unwrap_or_else(|error| {
        let place = if error.field == "text" { text_at.or(background_at) } else { background_at };
        section.mistake(place.unwrap_or(at), error.field, error.problem);
        *base
    });
    section.finish();
    palette
}

/// A text for each language.
fn read_texts(
    report: &mut Report<'_>,
    name: String,
    (at, table): (usize, &DeTable<'_>),
    most: usize,
) -> Translated {
    let mut section = Section::new(report, name, at, table);
    let mut texts = Translated::same(section.read(ALL, prose(most)).and_then(|found| found.value));
    for language in Translated::LANGUAGES {
        if let Some(found) = section.read(language, prose(most))
            && let Err(problem) = texts.set(Some(language), found.value)
        {
            section.mistake(found.at, language, problem);
        }
    }
    section.finish();
    texts
}

fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

fn place_name(value: &DeValue<'_>) -> Result<Option<PlaceName>, String> {
    PlaceName::parse(text(value)?)
}

/// A colour; empty is none.
fn colour(value: &DeValue<'_>) -> Result<Option<Colour>, String> {
    match text(value)? {
        "" => Ok(None),
        written => {
            written.parse().map(Some).map_err(|error: crate::domain::theme::ColourError| error.to_string())
        }
    }
}

fn prose(most: usize) -> impl FnOnce(&DeValue<'_>) -> Result<Option<Prose>, String> {
    move |value| {
        let written = value.as_str();
        let written =
            written.ok_or_else(|| expected("a string, or a table with a string for each language", value))?;
        Prose::parse(written, most)
    }
}

/// Reads a picture, and never more of a file than one can have.
fn read_picture(path: &Path, used: PictureUse) -> Result<Picture, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let is_file = std::fs::metadata(path).map_err(unreadable)?.is_file();
    if !is_file {
        return Err("is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(used.max_bytes()).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > used.max_bytes() {
        return Err(format!("is too large: a picture here can have at most {} KB", used.max_bytes() / 1024));
    }
    Picture::parse(&bytes, used).map_err(|error| error.to_string())
}
