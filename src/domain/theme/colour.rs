use std::fmt;
use std::str::FromStr;

/// A colour of a screen (sRGB), without transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour([u8; 3]);

/// A text that is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour in hexadecimal digits, as in #0b6b5d")]
pub struct ColourError;

impl Colour {
    /// White.
    pub const WHITE: Self = Self([255; 3]);
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// The least contrast of text with its ground (WCAG 2.2, 1.4.3).
    pub const TEXT: f64 = 4.5;
    /// The least contrast of what must be seen but is no text (WCAG 2.2, 1.4.11).
    pub const SHAPE: f64 = 3.0;
    /// In so many steps one colour becomes another.
    const STEPS: u32 = 64;

    /// From its parts: red, green, blue.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// How light it is, 0 to 1 (WCAG 2.2, "relative luminance").
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// How well one is seen on the other, 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever is seen better on it: one of both always has a contrast above 4.5.
    pub fn text_on(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// So many steps of [`Self::STEPS`] on the way to another.
    fn step(self, towards: Self, step: u32) -> Self {
        let mut parts = self.0;
        for (part, to) in parts.iter_mut().zip(towards.0) {
            let mixed = (u32::from(*part) * (Self::STEPS - step) + u32::from(to) * step + Self::STEPS / 2)
                / Self::STEPS;
            *part = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
        Self(parts)
    }

    /// So much of the way to another, in percent.
    #[must_use]
    pub fn towards(self, other: Self, percent: u32) -> Self {
        self.step(other, (percent.min(100) * Self::STEPS + 50) / 100)
    }

    /// As little of the way to another as is needed to be seen on all these grounds; the other itself if nothing less is.
    #[must_use]
    pub fn until_seen(self, towards: Self, on: &[Self], ratio: f64) -> Self {
        let is_seen = |colour: &Self| on.iter().all(|ground| colour.contrast(*ground) >= ratio);
        (0..=Self::STEPS).map(|step| self.step(towards, step)).find(is_seen).unwrap_or(towards)
    }

    /// As much of the way to another as leaves a text on it that can be read.
    #[must_use]
    pub fn while_read(self, towards: Self, most_percent: u32, text: Self) -> Self {
        let most = (most_percent.min(100) * Self::STEPS + 50) / 100;
        let is_read = |colour: &Self| colour.contrast(text) >= Self::TEXT;
        (0..=most).rev().map(|step| self.step(towards, step)).find(is_read).unwrap_or(self)
    }
}

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').ok_or(ColourError)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ColourError);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| ColourError)?;
        let part = |shift: u32, mask: u32| u8::try_from(number >> shift & mask).map_err(|_| ColourError);
        match digits.len() {
            6 => Ok(Self([part(16, 0xff)?, part(8, 0xff)?, part(0, 0xff)?])),
            // #abc is #aabbcc.
            3 => Ok(Self([part(8, 0xf)? * 17, part(4, 0xf)? * 17, part(0, 0xf)? * 17])),
            _ => Err(ColourError),
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_exactly_or_not_at_all() {
        for (text, shown) in [("#0b6b5d", "#0b6b5d"), ("#ABCDEF", "#abcdef"), ("#fA0", "#ffaa00")] {
            assert_eq!(text.parse::<Colour>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            "#",
            "red",
            "0b6b5d",
            "#12345",
            "#1234567",
            "#12345g",
            "#+12345",
            "rgb(0,0,0)",
            "#é",
            "#fff;}",
            " #fff",
        ] {
            assert_eq!(wrong.parse::<Colour>(), Err(ColourError), "{wrong:?}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let colour = |text: &str| text.parse::<Colour>().unwrap();
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        // Known borders: #767676 on white passes by a hair, #777777 does not.
        assert!(colour("#767676").contrast(Colour::WHITE) >= 4.5);
        assert!(colour("#777777").contrast(Colour::WHITE) < 4.5);
        assert!((colour("#ff0000").contrast(Colour::WHITE) - 3.998).abs() < 0.01);
        for number in 0..=255 {
            let grey = Colour::new(number, number, number);
            assert!(grey.contrast(grey.text_on()) >= 4.5, "{grey}");
        }
    }

    #[test]
    fn a_colour_that_is_not_seen_is_moved_until_it_is() {
        let yellow = "#ffcc00".parse::<Colour>().unwrap();
        let ink = yellow.until_seen(Colour::BLACK, &[Colour::WHITE], Colour::TEXT);
        assert!(ink.contrast(Colour::WHITE) >= 4.5 && ink != Colour::BLACK && ink != yellow, "{ink}");
        assert_eq!(yellow.until_seen(Colour::WHITE, &[Colour::BLACK], Colour::TEXT), yellow, "seen already");
        let tint = Colour::WHITE.while_read(yellow, 50, "#767676".parse().unwrap());
        assert!(tint.contrast("#767676".parse().unwrap()) >= 4.5);
        assert_eq!(Colour::WHITE.towards(Colour::BLACK, 50).to_string(), "#808080");
    }
}
