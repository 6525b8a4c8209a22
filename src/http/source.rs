use axum::http::{HeaderMap, header};

/// From where a browser says that it was sent here: what a page of another site cannot forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'h> {
    /// A page of this address: its `Origin`, or where a browser hides that (`null`) or is too old for it, its `Referer`.
    Page(&'h str),
    /// From somewhere that is certainly none of ours, or that is said twice or not as text.
    Foreign,
    /// Nothing is said of it.
    Unsaid,
}

impl<'h> Source<'h> {
    /// What these headers say.
    pub fn of(headers: &'h HeaderMap) -> Self {
        let (Ok(origin), Ok(referer), Ok(site)) =
            (only(headers, header::ORIGIN), only(headers, header::REFERER), only(headers, "sec-fetch-site"))
        else {
            return Self::Foreign;
        };
        if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return Self::Foreign;
        }
        match (origin, referer) {
            (Some("null") | None, Some(referer)) => Self::Page(referer),
            (Some("null"), None) => Self::Foreign,
            (Some(origin), _) => Self::Page(origin),
            (None, None) => Self::Unsaid,
        }
    }
}

/// Scheme, and host with port, of a URL as a browser writes it; `None` if it has a name or password in it.
pub fn scheme_and_authority(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    (!authority.contains('@')).then_some((scheme, authority))
}

/// The header's value if it is there once; `Err` if it is there twice or is not text.
pub fn only(headers: &HeaderMap, name: impl header::AsHeaderName) -> Result<Option<&str>, NotOnce> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| NotOnce),
        (Some(_), Some(_)) => Err(NotOnce),
    }
}

/// A header is there twice, or is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOnce;

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn what_is_hidden_or_doubled_is_foreign() {
        let cases: [(&[(&str, &str)], Source<'_>); 7] = [
            (&[], Source::Unsaid),
            (&[("origin", "http://a"), ("referer", "http://b/")], Source::Page("http://a")),
            (&[("referer", "http://b/")], Source::Page("http://b/")),
            (&[("origin", "null")], Source::Foreign),
            (&[("origin", "null"), ("referer", "http://b/")], Source::Page("http://b/")),
            (&[("origin", "http://a"), ("origin", "http://a")], Source::Foreign),
            (&[("origin", "http://a"), ("sec-fetch-site", "same-site")], Source::Foreign),
        ];
        for (headers, wanted) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(Source::of(&map), wanted, "{headers:?}");
        }
    }

    #[test]
    fn an_authority_ends_where_the_path_begins() {
        assert_eq!(scheme_and_authority("http://a:1/x?y"), Some(("http", "a:1")));
        assert_eq!(scheme_and_authority("http://a#x"), Some(("http", "a")));
        for wrong in ["about:blank", "http://a@b/", ""] {
            assert_eq!(scheme_and_authority(wrong), None, "{wrong}");
        }
    }
}
