use super::ThemeError;
use super::colour::Colour;

/// Light or dark, as the guest's phone is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shade {
    /// By day.
    Light,
    /// By night.
    Dark,
}

/// The colours that an operator chose for one shade; what is not chosen stays as it is without a theme. Text can be read on
/// its ground: a pair that cannot is no palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Palette {
    accent: Option<Colour>,
    background: Option<Colour>,
    text: Option<Colour>,
}

/// Every colour of a page in one shade. What is text has a contrast of 4.5 with what it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// Behind everything.
    pub page: Colour,
    /// Behind what is read.
    pub card: Colour,
    /// What is read.
    pub ink: Colour,
    /// What is read second.
    pub soft: Colour,
    /// Around fields.
    pub line: Colour,
    /// Between parts; decoration only.
    pub track: Colour,
    /// Buttons.
    pub accent: Colour,
    /// What stands on them.
    pub on_accent: Colour,
    /// Links, bars, the focus: the accent, as far as it can be seen.
    pub link: Colour,
    /// What is wrong.
    pub trouble: Colour,
    /// Behind it.
    pub trouble_page: Colour,
    /// Behind a notice.
    pub notice_page: Colour,
}

impl Shade {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// Its name, as configuration, forms and addresses have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The colours of a page without a theme; the portal's style sheet has the same ones.
    pub const fn plain(self) -> Scheme {
        match self {
            Self::Light => Scheme {
                page: Colour::new(0xee, 0xf2, 0xf1),
                card: Colour::WHITE,
                ink: Colour::new(0x17, 0x21, 0x1f),
                soft: Colour::new(0x50, 0x60, 0x5c),
                line: Colour::new(0x7b, 0x8a, 0x86),
                track: Colour::new(0xd8, 0xe0, 0xde),
                accent: Colour::new(0x0b, 0x6b, 0x5d),
                on_accent: Colour::WHITE,
                link: Colour::new(0x0b, 0x6b, 0x5d),
                trouble: Colour::new(0xa3, 0x16, 0x0f),
                trouble_page: Colour::new(0xfd, 0xec, 0xeb),
                notice_page: Colour::new(0xe3, 0xf1, 0xee),
            },
            Self::Dark => Scheme {
                page: Colour::new(0x10, 0x17, 0x15),
                card: Colour::new(0x1a, 0x24, 0x21),
                ink: Colour::new(0xec, 0xf2, 0xf0),
                soft: Colour::new(0xa9, 0xb8, 0xb3),
                line: Colour::new(0x7d, 0x8d, 0x88),
                track: Colour::new(0x33, 0x41, 0x3d),
                accent: Colour::new(0x5f, 0xd3, 0xbd),
                on_accent: Colour::new(0x06, 0x23, 0x1d),
                link: Colour::new(0x5f, 0xd3, 0xbd),
                trouble: Colour::new(0xff, 0xb4, 0xab),
                trouble_page: Colour::new(0x43, 0x19, 0x1a),
                notice_page: Colour::new(0x17, 0x37, 0x2f),
            },
        }
    }
}

impl Palette {
    /// Checks that text can be read on its ground; a colour that is not chosen counts as that of a page without a theme.
    ///
    /// # Errors
    ///
    /// It cannot: `text`, or `background` if only that was chosen, with the ratio.
    pub fn new(
        shade: Shade,
        accent: Option<Colour>,
        background: Option<Colour>,
        text: Option<Colour>,
    ) -> Result<Self, ThemeError> {
        let palette = Self { accent, background, text };
        let (page, card, ink) = palette.ground(shade);
        let ratio = ink.contrast(page).min(ink.contrast(card));
        if ratio < Colour::TEXT {
            // Rounded down: 4.499 is not 4.50.
            let shown = (ratio * 100.0).floor() / 100.0;
            return Err(ThemeError {
                field: if text.is_none() { "background" } else { "text" },
                problem: format!(
                    "text of {ink} on {page} has a contrast of {shown:.2}:1, and cannot be read by everybody; it must be \
                     4.5:1 or more"
                ),
            });
        }
        Ok(palette)
    }

    /// What was chosen for buttons and links.
    pub const fn accent(&self) -> Option<Colour> {
        self.accent
    }

    /// What was chosen for the ground.
    pub const fn background(&self) -> Option<Colour> {
        self.background
    }

    /// What was chosen for text.
    pub const fn text(&self) -> Option<Colour> {
        self.text
    }

    /// Whether nothing was chosen.
    pub const fn is_empty(&self) -> bool {
        self.accent.is_none() && self.background.is_none() && self.text.is_none()
    }

    /// Page, card and ink.
    fn ground(&self, shade: Shade) -> (Colour, Colour, Colour) {
        let plain = shade.plain();
        let ink = self.text.unwrap_or(plain.ink);
        let Some(page) = self.background else { return (plain.page, plain.card, ink) };
        // Cards are lighter than the page, so that they stand out from it.
        let share = if page.luminance() > ink.luminance() { 75 } else { 6 };
        (page, page.towards(Colour::WHITE, share), ink)
    }

    /// Every colour of the page. `fallback` is the accent if none was chosen.
    pub fn scheme(&self, shade: Shade, fallback: Option<Colour>) -> Scheme {
        let plain = shade.plain();
        if self.is_empty() && fallback.is_none() {
            return plain;
        }
        let (page, card, ink) = self.ground(shade);
        let grounds = [page, card];
        let (mut soft, mut line, mut track) = (plain.soft, plain.line, plain.track);
        let (mut trouble, mut trouble_page) = (plain.trouble, plain.trouble_page);
        if self.background.is_some() || self.text.is_some() {
            soft = card.towards(ink, 65).until_seen(ink, &grounds, Colour::TEXT);
            line = card.towards(ink, 40).until_seen(ink, &grounds, Colour::SHAPE);
            track = card.towards(ink, 15);
            // The red that goes with a light card, or with a dark one.
            let red = if card.luminance() > 0.18 { Shade::Light.plain() } else { Shade::Dark.plain() };
            (trouble, trouble_page) = (red.trouble, red.trouble_page);
        }
        let lifted = || fallback.map(|accent| accent.until_seen(ink, &[card], Colour::TEXT));
        let accent = self.accent.or_else(lifted).unwrap_or(plain.accent);
        Scheme {
            page,
            card,
            ink,
            soft,
            line,
            track,
            accent,
            on_accent: if accent == plain.accent { plain.on_accent } else { accent.text_on() },
            link: accent.until_seen(ink, &grounds, Colour::TEXT),
            trouble,
            trouble_page,
            notice_page: card.while_read(accent, 12, ink),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Option<Colour> {
        Some(text.parse().unwrap())
    }

    /// Every pair of text and ground that the style sheet has.
    fn check(scheme: &Scheme) {
        let pairs = [
            (scheme.ink, scheme.page),
            (scheme.ink, scheme.card),
            (scheme.soft, scheme.page),
            (scheme.soft, scheme.card),
            (scheme.link, scheme.page),
            (scheme.link, scheme.card),
            (scheme.on_accent, scheme.accent),
            (scheme.trouble, scheme.trouble_page),
            (scheme.ink, scheme.notice_page),
        ];
        for (text, ground) in pairs {
            assert!(text.contrast(ground) >= 4.5, "{text} on {ground}: {scheme:?}");
        }
        assert!(scheme.line.contrast(scheme.card) >= 3.0, "{scheme:?}");
    }

    #[test]
    fn whatever_is_chosen_everything_can_be_read() {
        let steps = [0_u8, 51, 102, 119, 153, 204, 255];
        let all: Vec<Colour> = steps
            .iter()
            .flat_map(|red| steps.iter().map(move |green| (*red, *green)))
            .flat_map(|(red, green)| [0, 128, 255].map(|blue| Colour::new(red, green, blue)))
            .collect();
        let (mut taken, mut refused) = (0, 0);
        for shade in Shade::ALL {
            for (number, background) in all.iter().enumerate() {
                for text in [Colour::BLACK, Colour::WHITE, *all.get(number * 7 % all.len()).unwrap()] {
                    let accent = all.get(number * 13 % all.len()).copied();
                    match Palette::new(shade, accent, Some(*background), Some(text)) {
                        Ok(palette) => {
                            check(&palette.scheme(shade, None));
                            check(&Palette { accent: None, ..palette }.scheme(shade, accent));
                            taken += 1;
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
            check(&shade.plain());
            for accent in &all {
                check(&Palette::new(shade, Some(*accent), None, None).unwrap().scheme(shade, None));
            }
        }
        assert!(taken > 200 && refused > 200, "{taken} {refused}");
    }

    #[test]
    fn a_pair_that_cannot_be_read_is_refused_with_its_ratio() {
        let error = Palette::new(Shade::Light, None, colour("#ffffff"), colour("#999999")).unwrap_err();
        assert_eq!(error.field, "text");
        assert!(error.problem.contains("#999999 on #ffffff") && error.problem.contains("2.84:1"), "{error}");
        let error = Palette::new(Shade::Light, None, colour("#222222"), None).unwrap_err();
        assert_eq!(error.field, "background", "the text of a plain page is dark as well");
        assert!(Palette::new(Shade::Dark, None, colour("#222222"), None).is_ok());
        let hair = Palette::new(Shade::Light, None, colour("#ffffff"), colour("#777777")).unwrap_err();
        assert!(hair.problem.contains("4.47:1"), "{hair}");
    }

    #[test]
    fn nothing_chosen_changes_nothing_and_an_accent_alone_only_what_it_colours() {
        for shade in Shade::ALL {
            assert_eq!(Palette::default().scheme(shade, None), shade.plain());
            let yellow = Palette::new(shade, colour("#ffd000"), None, None).unwrap().scheme(shade, None);
            let plain = shade.plain();
            assert_eq!((yellow.page, yellow.ink, yellow.soft), (plain.page, plain.ink, plain.soft));
            assert_eq!((yellow.accent, yellow.on_accent), (colour("#ffd000").unwrap(), Colour::BLACK));
        }
        let dark = Palette::default().scheme(Shade::Dark, colour("#0b6b5d"));
        assert!(
            dark.accent.contrast(dark.card) >= 4.5,
            "what was chosen for the day is lifted for the night"
        );
    }
}
