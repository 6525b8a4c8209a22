use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteRow;

use super::rows::Columns;
use super::{Store, StoreError};
use crate::domain::theme::{
    Colour, Palette, Picture, PictureUse, PlaceName, Prose, Shade, Theme, Translated,
};
use crate::domain::{Text, WallTime, ZoneName};

/// A theme that was written on the admin pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTheme {
    /// Whose portal it is for.
    pub zone: ZoneName,
    /// The theme.
    pub theme: Theme,
    /// When it was written.
    pub at: WallTime,
    /// By whom.
    pub by: Text,
}

/// A theme without its pictures, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    name: Option<String>,
    light: Colours,
    dark: Colours,
    welcome: BTreeMap<String, String>,
    footer: BTreeMap<String, String>,
    terms: BTreeMap<String, String>,
    terms_required: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Colours {
    accent: Option<String>,
    background: Option<String>,
    text: Option<String>,
}

impl Store {
    /// Keeps a zone's theme in place of the one that was kept; on disk when it returns.
    pub async fn keep_theme(&self, kept: &KeptTheme) -> Result<(), StoreError> {
        let theme = &kept.theme;
        let shape = serde_json::to_string(&Shape::of(theme))
            .map_err(|error| StoreError::row("themes", kept.zone.as_str(), error))?;
        let picture = |picture: &Option<Picture>| picture.as_ref().map(|picture| picture.bytes().to_vec());
        sqlx::query(
            "INSERT OR REPLACE INTO themes (zone, shape, logo, background, changed_at, changed_by) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(kept.zone.as_str())
        .bind(shape)
        .bind(picture(&theme.logo))
        .bind(picture(&theme.background))
        .bind(kept.at.0)
        .bind(kept.by.as_str())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Forgets a zone's theme; on disk when it returns. Whether there was one.
    pub async fn forget_theme(&self, zone: &ZoneName) -> Result<bool, StoreError> {
        let gone = sqlx::query("DELETE FROM themes WHERE zone = $1").bind(zone.as_str());
        Ok(gone.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// All themes that are kept. One that cannot be read any more is left out, and logged: guests need a portal, however it
    /// looks.
    pub async fn themes(&self) -> Result<Vec<KeptTheme>, StoreError> {
        let text = "SELECT zone, shape, logo, background, changed_at, changed_by FROM themes ORDER BY zone";
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&self.readers).await?;
        let read = |row: &SqliteRow| {
            kept(row).inspect_err(|error| tracing::error!(%error, "a theme that was kept is not used")).ok()
        };
        Ok(rows.iter().filter_map(read).collect())
    }
}

impl Shape {
    fn of(theme: &Theme) -> Self {
        let colours = |palette: &Palette| {
            let hex = |colour: Option<Colour>| colour.map(|colour| colour.to_string());
            Colours {
                accent: hex(palette.accent()),
                background: hex(palette.background()),
                text: hex(palette.text()),
            }
        };
        Self {
            name: theme.name.as_ref().map(PlaceName::to_string),
            light: colours(&theme.light),
            dark: colours(&theme.dark),
            welcome: texts(&theme.welcome),
            footer: texts(&theme.footer),
            terms: texts(&theme.terms),
            terms_required: theme.terms_required,
        }
    }

    fn theme(&self) -> Result<Theme, String> {
        let text = |texts: &BTreeMap<String, String>, most| {
            let mut read = Translated::default();
            for (language, text) in texts {
                let language = Some(language.as_str()).filter(|language| !language.is_empty());
                read.set(language, Prose::parse(text, most)?)?;
            }
            Ok::<_, String>(read)
        };
        Ok(Theme {
            name: PlaceName::parse(self.name.as_deref().unwrap_or_default())?,
            light: self.light.palette(Shade::Light)?,
            dark: self.dark.palette(Shade::Dark)?,
            logo: None,
            background: None,
            welcome: text(&self.welcome, Theme::SHORT_CHARS)?,
            footer: text(&self.footer, Theme::SHORT_CHARS)?,
            terms: text(&self.terms, Theme::TERMS_CHARS)?,
            terms_required: self.terms_required,
        })
    }
}

impl Colours {
    fn palette(&self, shade: Shade) -> Result<Palette, String> {
        let colour = |text: &Option<String>| {
            text.as_ref().map(|text| text.parse::<Colour>()).transpose().map_err(|error| error.to_string())
        };
        let (accent, background, text) =
            (colour(&self.accent)?, colour(&self.background)?, colour(&self.text)?);
        Palette::new(shade, accent, background, text).map_err(|error| error.to_string())
    }
}

/// The texts by language; that for all under the empty tag.
fn texts(texts: &Translated) -> BTreeMap<String, String> {
    let languages = std::iter::once(None).chain(Translated::LANGUAGES.map(Some));
    let text = |language: Option<&str>| {
        let prose = texts.exactly(language)?;
        Some((language.unwrap_or_default().to_owned(), prose.as_str().to_owned()))
    };
    languages.filter_map(text).collect()
}

fn kept(row: &SqliteRow) -> Result<KeptTheme, StoreError> {
    let mut columns = Columns::new(row, "themes");
    let zone = ZoneName::new(columns.text()?);
    let shape: Shape = columns.json()?;
    let mut theme = shape.theme().map_err(|problem| columns.wrong(problem))?;
    for (picture, used) in
        [(&mut theme.logo, PictureUse::Logo), (&mut theme.background, PictureUse::Background)]
    {
        if let Some(bytes) = columns.blob_if()? {
            *picture = Some(Picture::parse(bytes, used).map_err(|error| columns.wrong(error))?);
        }
    }
    Ok(KeptTheme { zone, theme, at: columns.wall()?, by: Text::new(columns.text()?) })
}
