use std::sync::Arc;

use sha2::{Digest, Sha256};

/// What a picture is for: that bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureUse {
    /// Beside the name of the place.
    Logo,
    /// Behind the page.
    Background,
}

/// How a picture is written down. No SVG: that is a document, and can hold scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

/// A picture of an operator's: of a kind that is known by how it begins, not too large, and one that does not move. What is
/// within it is left to browsers, which take it for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    kind: PictureKind,
    width: u32,
    height: u32,
    bytes: Arc<[u8]>,
    tag: String,
}

/// Why something is no picture that can be used: a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PictureError(String);

impl PictureUse {
    /// The most bytes.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Logo => 64 * 1024,
            Self::Background => 256 * 1024,
        }
    }

    /// The most points of each side: a small file can hold a picture that takes all of a phone's memory.
    pub const fn max_side(self) -> u32 {
        match self {
            Self::Logo => 1_024,
            Self::Background => 2_560,
        }
    }
}

impl PictureKind {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// How names of such files end.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

impl Picture {
    /// Looks at what is said to be a picture.
    ///
    /// # Errors
    ///
    /// It is none, moves, or is too large.
    pub fn parse(bytes: &[u8], used: PictureUse) -> Result<Self, PictureError> {
        let refuse = |problem: String| Err(PictureError(problem));
        if bytes.len() > used.max_bytes() {
            let (is, most) = (bytes.len().div_ceil(1024), used.max_bytes() / 1024);
            return refuse(format!("the picture has {is} KB; it can have at most {most} KB"));
        }
        let Some((kind, frame)) = look(bytes) else {
            return refuse("must be a picture: PNG, JPEG or WebP".to_owned());
        };
        let Some(frame) = frame else {
            return refuse(format!("the picture ({}) is damaged", kind.media_type()));
        };
        if frame.moves {
            return refuse("the picture moves; use one that stands still".to_owned());
        }
        let most = used.max_side();
        if frame.width == 0 || frame.height == 0 || frame.width > most || frame.height > most {
            let (width, height) = (frame.width, frame.height);
            return refuse(format!(
                "the picture is {width} by {height} points; each side can have 1 to {most}"
            ));
        }
        let digest = Sha256::digest(bytes);
        let tag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { kind, width: frame.width, height: frame.height, bytes: bytes.into(), tag })
    }

    /// How it is written down.
    pub const fn kind(&self) -> PictureKind {
        self.kind
    }

    /// Its width in points.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Its height in points.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, for whoever keeps it: not copied.
    pub fn shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// 16 hexadecimal digits that another picture does not have.
    pub fn tag(&self) -> &str {
        &self.tag
    }
}

/// What the head of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    width: u32,
    height: u32,
    moves: bool,
}

/// Which kind it is by its first bytes, and what its head says; that is `None` if it is broken.
fn look(bytes: &[u8]) -> Option<(PictureKind, Option<Frame>)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some((PictureKind::Png, png(bytes)))
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some((PictureKind::Jpeg, jpeg(bytes)))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some((PictureKind::Webp, webp(bytes)))
    } else {
        None
    }
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

fn big_16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u32::from(u16::from_be_bytes(two.try_into().ok()?)))
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn little_24(bytes: &[u8], at: usize) -> Option<u32> {
    let three = bytes.get(at..at.checked_add(3)?)?;
    Some(three.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The chunk IHDR comes first (PNG, 11.2.1); one that moves says so in an acTL before the picture itself (11.3.6).
fn png(bytes: &[u8]) -> Option<Frame> {
    if big(bytes, 8)? != 13 || bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let (width, height) = (big(bytes, 16)?, big(bytes, 20)?);
    let mut at: usize = 33;
    let mut moves = false;
    loop {
        let kind = bytes.get(at.checked_add(4)?..at.checked_add(8)?)?;
        match kind {
            b"IDAT" => return Some(Frame { width, height, moves }),
            b"acTL" => moves = true,
            _ => {}
        }
        at = at.checked_add(12)?.checked_add(usize::try_from(big(bytes, at)?).ok()?)?;
    }
}

/// The segments up to the one with the size, SOF0 to SOF15 (ITU-T T.81, B.2.2); C4, C8 and CC are none of them.
fn jpeg(bytes: &[u8]) -> Option<Frame> {
    let mut at: usize = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Filling.
            0xff => at += 1,
            // The end, or the picture itself, before its size.
            0xd8..=0xda => return None,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (height, width) = (big_16(bytes, at + 5)?, big_16(bytes, at + 7)?);
                return Some(Frame { width, height, moves: false });
            }
            _ => {
                let length = usize::try_from(big_16(bytes, at + 2)?).ok()?;
                if length < 2 {
                    return None;
                }
                at = at.checked_add(2)?.checked_add(length)?;
            }
        }
    }
}

/// One of three heads (RFC 9649): lossy (VP8, RFC 6386 9.1), lossless (VP8L) or extended (VP8X).
fn webp(bytes: &[u8]) -> Option<Frame> {
    let whole = usize::try_from(little(bytes, 4)?).ok()?.checked_add(8)?;
    if whole > bytes.len() {
        return None;
    }
    let frame = |width, height, moves| Some(Frame { width, height, moves });
    match bytes.get(12..16)? {
        b"VP8 " => {
            if bytes.get(23..26)? != b"\x9d\x01\x2a" {
                return None;
            }
            let both = little(bytes, 26)?;
            frame(both & 0x3fff, both >> 16 & 0x3fff, false)
        }
        b"VP8L" => {
            if *bytes.get(20)? != 0x2f {
                return None;
            }
            let both = little(bytes, 21)?;
            frame((both & 0x3fff) + 1, (both >> 14 & 0x3fff) + 1, false)
        }
        b"VP8X" => {
            let moves = *bytes.get(20)? & 0x02 != 0;
            frame(little_24(bytes, 24)? + 1, little_24(bytes, 27)? + 1, moves)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, middle: &[u8]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.extend(b"\x08\x06\0\0\0crc!");
        file.extend(middle);
        file.extend(b"\0\0\0\0IDATcrc!\0\0\0\0IENDcrc!");
        file
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut file =
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xff\xc4\0\x04ab\xff\xc2\0\x0b\x08"
                .to_vec();
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file.extend(b"\x01\x01\x11\0\xff\xda\0\x02data\xff\xd9");
        file
    }

    fn webp(head: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF".to_vec();
        file.extend(u32::try_from(head.len() + 4).unwrap().to_le_bytes());
        file.extend(b"WEBP");
        file.extend(head);
        file
    }

    fn logo(bytes: &[u8]) -> Result<(&'static str, u32, u32), String> {
        let picture = Picture::parse(bytes, PictureUse::Logo).map_err(|error| error.to_string())?;
        assert_eq!((picture.bytes(), picture.tag().len()), (bytes, 16));
        Ok((picture.kind().media_type(), picture.width(), picture.height()))
    }

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        assert_eq!(logo(&png(640, 200, b"")), Ok(("image/png", 640, 200)));
        assert_eq!(logo(&jpeg(300, 400)), Ok(("image/jpeg", 300, 400)));
        let lossy = webp(b"VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x20\x03\x58\x42");
        assert_eq!(logo(&lossy), Ok(("image/webp", 800, 600)));
        let lossless = webp(b"VP8L\x05\0\0\0\x2f\x1f\xc3\x95\x00\x00");
        assert_eq!(logo(&lossless), Ok(("image/webp", 800, 600)));
        let extended = webp(b"VP8X\x0a\0\0\0\x10\0\0\0\x1f\x03\0\x57\x02\0");
        assert_eq!(logo(&extended), Ok(("image/webp", 800, 600)));
    }

    #[test]
    fn what_is_no_picture_moves_or_is_too_large_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        let none = "must be a picture: PNG, JPEG or WebP";
        for bytes in [
            &b""[..],
            svg,
            b"<!DOCTYPE html><script>",
            b"GIF89a\x01\0\x01\0",
            b"BM",
            b"RIFF\0\0\0\0WAVE",
            &[0; 64],
        ] {
            assert_eq!(logo(bytes), Err(none.to_owned()), "{bytes:?}");
        }
        let moving = png(10, 10, b"\0\0\0\x08acTLframeseccrc!");
        assert!(logo(&moving).unwrap_err().contains("moves"));
        assert!(logo(&webp(b"VP8X\x0a\0\0\0\x02\0\0\0\x1f\x03\0\x57\x02\0")).unwrap_err().contains("moves"));
        for (width, height) in [(0, 10), (1_025, 10), (10, u32::MAX)] {
            assert!(logo(&png(width, height, b"")).unwrap_err().contains("points"), "{width} {height}");
        }
        let large = png(10, 10, &[b"\0\x01\0\0tEXt".as_slice(), &[b'a'; 65_540]].concat());
        assert_eq!(logo(&large), Err("the picture has 65 KB; it can have at most 64 KB".to_owned()));
        assert!(Picture::parse(&large, PictureUse::Background).is_ok());
        assert!(Picture::parse(&png(1_025, 10, b""), PictureUse::Background).is_ok());
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_a_picture_or_a_refusal() {
        let whole = [
            png(10, 10, b"\0\0\0\x01gAMAxcrc!"),
            jpeg(10, 10),
            webp(b"VP8X\x0a\0\0\0\x10\0\0\0\x1f\x03\0\x57\x02\0"),
            webp(b"VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x20\x03\x58\x42"),
        ];
        for file in whole {
            for cut in 0..file.len() {
                let _ = logo(&file[..cut]);
                for bit in 0..8 {
                    let mut flipped = file.clone();
                    flipped[cut] ^= 1 << bit;
                    let _ = logo(&flipped);
                }
            }
            assert!(logo(&file[..20]).is_err());
        }
    }
}
