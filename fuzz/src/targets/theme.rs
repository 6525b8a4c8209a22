//! What operators give a portal to wear: colours that can be read on each other, texts without control characters, pictures
//! whose sides are what they say; and names of devices that are bounded text.

use turnpike::domain::theme::{Colour, Palette, Picture, PictureUse, PlaceName, Prose, Scheme, Shade};
use turnpike::domain::{ClientType, Text, WebUrl, preferred_language, wanted_languages};

use super::{Target, assert_sayable};

/// Opens the target.
pub fn open() -> Target {
    Box::new(|bytes| {
        picture(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        names(text);
        prose(text);
        let mut colours = text.split_whitespace().map(colour);
        for shade in [Shade::Light, Shade::Dark] {
            let mut next = || colours.next().flatten();
            palette(shade, next(), next(), next());
        }
    })
}

fn picture(bytes: &[u8]) {
    for used in [PictureUse::Logo, PictureUse::Background] {
        match Picture::parse(bytes, used) {
            Ok(picture) => {
                let sides = 1..=used.max_side();
                assert!(sides.contains(&picture.width()) && sides.contains(&picture.height()));
                assert_eq!(picture.bytes(), bytes);
                assert!(bytes.len() <= used.max_bytes());
                assert!(
                    picture.tag().len() == 16 && picture.tag().bytes().all(|byte| byte.is_ascii_hexdigit())
                );
            }
            Err(error) => assert_sayable(&error.to_string(), 200),
        }
    }
}

fn names(text: &str) {
    let kept = Text::new(text);
    assert!(kept.as_str().chars().count() <= Text::MAX_CHARS && !kept.as_str().contains(char::is_control));
    assert_eq!(Text::new(kept.as_str()).as_str(), kept.as_str());
    for kind in [ClientType::from_user_agent(text), ClientType::from_hostname(text)].into_iter().flatten() {
        assert_eq!(ClientType::from_name(kind.as_str()), Some(kind));
    }
    let wanted = wanted_languages(text);
    assert!(wanted.iter().all(|tag| text.contains(tag)));
    let preferred = preferred_language(text);
    let same = |tag: Text| wanted.first().is_some_and(|wanted| wanted.eq_ignore_ascii_case(tag.as_str()));
    assert!(preferred.map_or(wanted.is_empty(), same));
    match text.parse::<WebUrl>() {
        Ok(url) => {
            assert_eq!(url.as_str().parse::<WebUrl>().as_ref(), Ok(&url));
            // It stands in headers and in pages.
            assert!(!url.as_str().contains(|letter: char| letter.is_whitespace() || letter.is_control()));
            // In any case: RFC 3986, 3.1.
            let scheme = url.as_str().split("://").next().unwrap_or_default();
            assert!(scheme.eq_ignore_ascii_case(if url.is_https() { "https" } else { "http" }));
            assert!(!url.host().is_empty());
        }
        Err(error) => assert_sayable(&error.to_string(), 200),
    }
}

fn prose(text: &str) {
    match PlaceName::parse(text) {
        Ok(Some(name)) => assert_sayable(name.as_str(), 4 * PlaceName::MAX_CHARS),
        Ok(None) => {}
        Err(problem) => assert_sayable(&problem, 200),
    }
    match Prose::parse(text, 1_000) {
        Ok(Some(prose)) => {
            assert!(prose.as_str().chars().count() <= 1_000);
            assert!(!prose.as_str().contains(|letter: char| letter != '\n' && letter.is_control()));
            assert_eq!(Prose::parse(prose.as_str(), 1_000), Ok(Some(prose.clone())));
            let paragraphs = prose.paragraphs();
            assert!(!paragraphs.is_empty() && paragraphs.iter().all(|lines| !lines.is_empty()));
            assert!(paragraphs.iter().flatten().all(|line| !line.is_empty() && !line.contains('\n')));
        }
        Ok(None) => assert_eq!(text.trim(), ""),
        Err(problem) => assert_sayable(&problem, 200),
    }
}

fn colour(text: &str) -> Option<Colour> {
    let colour: Colour = text.parse().ok()?;
    let shown = colour.to_string();
    assert!(shown.len() == 7 && shown.starts_with('#'));
    assert_eq!(shown.parse(), Ok(colour));
    Some(colour)
}

fn palette(shade: Shade, accent: Option<Colour>, background: Option<Colour>, text: Option<Colour>) {
    match Palette::new(shade, accent, background, text) {
        Ok(palette) => {
            let Scheme { page, card, ink, soft, accent, on_accent, link, .. } = palette.scheme(shade, None);
            for (front, ground) in
                [(ink, page), (ink, card), (soft, page), (soft, card), (link, card), (on_accent, accent)]
            {
                assert!(front.contrast(ground) >= Colour::TEXT, "{front} on {ground}: {palette:?}");
            }
        }
        Err(error) => assert_sayable(&error.to_string(), 300),
    }
}
