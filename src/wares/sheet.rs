use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use qrcodegen::{QrCode, QrCodeEcc};

use crate::domain::{
    AtEnd, Currency, Every, Mbps, SessionKind, SessionTerms, VoucherBatch, WallTime, bytes_to_mb,
};
use crate::http::Problem;

/// Vouchers of one sheet: what a browser lays out for printing without trouble.
pub(crate) const PER_PAGE: u32 = 500;

/// The longest address of a portal, in characters: a QR code of it is read by any phone.
const MAX_PORTAL_CHARS: usize = 200;

/// The paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Three columns on A4, to be cut.
    A4,
    /// One below the other on a roll of 58 mm.
    Receipt58,
}

impl Format {
    pub(crate) fn read(name: Option<&str>) -> Result<Self, Problem> {
        match name {
            None | Some("" | "a4") => Ok(Self::A4),
            Some("receipt58") => Ok(Self::Receipt58),
            Some(_) => Err(Problem::invalid_field("format", "must be one of a4, receipt58")),
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::Receipt58 => "receipt58",
        }
    }

    const fn paper(self) -> &'static str {
        match self {
            Self::A4 => "size: A4; margin: 10mm",
            Self::Receipt58 => "size: 58mm auto; margin: 2mm",
        }
    }
}

/// Reads the address of the portal, to which a code is added.
pub(crate) fn read_portal(text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let plain = |letter: char| letter.is_ascii_graphic() && !"\"'<>\\`?#{}|^".contains(letter);
    let fits = text.len() <= MAX_PORTAL_CHARS
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain));
    if fits {
        Ok(Some(text.trim_end_matches('/').to_owned()))
    } else {
        Err(Problem::invalid_field("portal", "must be an address as in http://10.0.0.1:2050"))
    }
}

/// How a sheet looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    /// With a QR code that leads there.
    pub(crate) portal: Option<String>,
    /// Where whoever has printed it goes back to, and where its pages are, up to the number; not on paper.
    pub(crate) ways: Option<(String, String)>,
}

struct Card<'a> {
    code: &'a str,
    qr: Option<Qr>,
}

/// A QR code as the path of an SVG: nothing of it comes from outside.
struct Qr {
    size: i32,
    path: String,
}

#[derive(Template)]
#[template(path = "vouchers/sheet.html")]
struct Sheet<'a> {
    nonce: &'a str,
    class: &'static str,
    paper: &'static str,
    title: &'a str,
    price: Option<String>,
    lines: Vec<String>,
    cards: Vec<Card<'a>>,
    page: u32,
    pages: u64,
    /// Back, and to the page before and the one after.
    back: Option<&'a str>,
    before: Option<String>,
    after: Option<String>,
}

/// The page. `day` says which day of the place a moment is on; `of` which page it is, and of how many vouchers.
pub(crate) fn sheet(
    batch: &VoucherBatch,
    codes: &[String],
    layout: &Layout,
    currency: Currency,
    day: &dyn Fn(WallTime) -> String,
    of: (u32, u64),
) -> Result<Response, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
    let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let pages = of.1.div_ceil(u64::from(PER_PAGE)).max(1);
    let on_page = |page: u64| layout.ways.as_ref().map(|(_, pages)| format!("{pages}{page}"));
    let page = u64::from(of.0);
    let cards = codes.iter().map(|code| {
        let qr = layout.portal.as_ref().map(|portal| qr(&format!("{portal}/?code={code}"))).transpose()?;
        Ok(Card { code, qr })
    });
    let sheet = Sheet {
        nonce: &nonce,
        class: layout.format.class(),
        paper: layout.format.paper(),
        title: batch.name.as_ref().map_or("Voucher", |name| name.as_str()),
        price: Some(batch.offer.price).filter(|price| !price.is_zero()).map(|price| currency.show(price)),
        lines: words(batch, day),
        cards: cards.collect::<Result<_, Problem>>()?,
        page: of.0,
        pages,
        back: layout.ways.as_ref().map(|(back, _)| back.as_str()),
        before: (page > 1).then(|| on_page(page - 1)).flatten(),
        after: (page < pages).then(|| on_page(page + 1)).flatten(),
    };
    let html = sheet.render().map_err(|error| Problem::internal(&error))?;
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], html).into_response())
}

fn qr(text: &str) -> Result<Qr, Problem> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| Problem::invalid_field("portal", "is too long for a QR code"))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    Ok(Qr { size: code.size(), path })
}

/// What a voucher grants, as people say it, a line each.
fn words(batch: &VoucherBatch, day: &dyn Fn(WallTime) -> String) -> Vec<String> {
    let offer = &batch.offer;
    let mut lines = vec![match offer.repeat.map(|repeat| repeat.every) {
        None => granted(&batch.terms),
        Some(Every::Day) => format!("{} every day", granted(&batch.terms)),
        Some(Every::Week) => format!("{} every week", granted(&batch.terms)),
        Some(Every::Month) => format!("{} every month", granted(&batch.terms)),
    }];
    if let Some(speed) = batch.terms.down.filter(|_| !batch.terms.use_global_speed) {
        lines.push(format!("up to {} Mbit/s", Mbps::as_mbps(speed)));
    }
    if matches!(offer.at_end, AtEnd::Slow(_)) {
        lines.push("then on at a lower speed".to_owned());
    }
    if offer.max_devices > 1 {
        lines.push(format!("for up to {} devices", offer.max_devices));
    }
    if let Some(days) = offer.use_days.or(batch.terms.exp_days) {
        lines.push(format!("valid for {} from the first use", many(days.into(), "day")));
    }
    match (batch.valid_from, batch.valid_until) {
        (Some(from), Some(until)) => {
            lines.push(format!("can be used from {} until {}", day(from), day(WallTime(until.0 - 1))));
        }
        (Some(from), None) => lines.push(format!("can be used from {} on", day(from))),
        (None, Some(until)) => lines.push(format!("can be used until {}", day(WallTime(until.0 - 1)))),
        (None, None) => {}
    }
    lines
}

fn granted(terms: &SessionTerms) -> String {
    let time = terms.time_limit_ms.map(|limit| duration(limit / 1000));
    let data = terms.data_limit_bytes.map(|limit| {
        let mb = bytes_to_mb(limit);
        if mb >= 1000.0 { format!("{} GB", mb / 1000.0) } else { format!("{mb} MB") }
    });
    match (terms.kind, time, data) {
        (SessionKind::TimeOrData, Some(time), Some(data)) => {
            format!("{time} or {data}, whichever ends first")
        }
        (_, Some(time), _) => time,
        (_, None, Some(data)) => data,
        (_, None, None) => "no limit".to_owned(),
    }
}

fn duration(secs: u64) -> String {
    let parts = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = secs;
    let mut words = Vec::new();
    for (unit, name) in parts {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            words.push(many(count, name));
        }
    }
    words.join(" ")
}

fn many(count: u64, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_said_in_words() {
        let new =
            |kind, secs, mb| granted(&SessionTerms::new(kind, secs, mb, None, 0.0, 0.0, false).unwrap());
        assert_eq!(new(SessionKind::Time, Some(3_600), None), "1 hour");
        assert_eq!(new(SessionKind::Time, Some(90_061), None), "1 day 1 hour 1 minute 1 second");
        assert_eq!(new(SessionKind::Data, None, Some(500.0)), "500 MB");
        let both = new(SessionKind::TimeOrData, Some(7_200), Some(1_500.0));
        assert_eq!(both, "2 hours or 1.5 GB, whichever ends first");
    }

    #[test]
    fn the_address_of_a_portal_is_plain() {
        for (given, read) in [
            ("http://10.0.0.1:2050/", "http://10.0.0.1:2050"),
            ("https://wifi.example.org", "https://wifi.example.org"),
            ("http://[fd00::1]:2050", "http://[fd00::1]:2050"),
        ] {
            assert_eq!(read_portal(Some(given)).ok().flatten().as_deref(), Some(read));
        }
        assert!(matches!(read_portal(Some("")), Ok(None)));
        let long = format!("http://{}", "a".repeat(200));
        for wrong in
            ["10.0.0.1", "javascript:alert(1)", "http://", "http:///x", "http://a b", "http://a\"b", &long]
        {
            assert!(read_portal(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_qr_code_is_a_path() {
        let code = qr("http://10.0.0.1:2050/?code=ABCDE-FGHJK").ok().unwrap();
        assert!((21..60).contains(&code.size));
        // The finder pattern in the first corner.
        assert!(code.path.starts_with("M0 0h1v1h-1zM1 0h1v1h-1z"), "{}", &code.path[..40]);
    }
}
