use super::Text;

/// The longest header that is looked at, in bytes; browsers send some fifty.
const MAX_HEADER: usize = 1_000;
/// The longest tag, as RFC 5646 section 4.4.1 advises.
const MAX_TAG: usize = 35;

/// The language that a browser would like best: the BCP 47 tag of the highest weight in its `Accept-Language`
/// (RFC 9110 section 12.5.4), the first of equal ones; in the usual case, as in `pt-BR`. `None` if it names none.
pub fn preferred_language(accept_language: &str) -> Option<Text> {
    wanted_languages(accept_language).first().map(|tag| Text::new(&in_usual_case(tag)))
}

/// The BCP 47 tags of an `Accept-Language`, the one of the highest weight first, of equal ones the first; as they were
/// written.
pub fn wanted_languages(accept_language: &str) -> Vec<&str> {
    // What is cut off within a character is no header of a browser.
    let header = accept_language.get(..accept_language.len().min(MAX_HEADER)).unwrap_or_default();
    let mut wanted: Vec<(u16, &str)> = Vec::new();
    for item in header.split(',') {
        let (tag, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let (tag, Some(weight)) = (tag.trim(), thousandths(weight)) else { continue };
        if weight > 0 && is_tag(tag) {
            wanted.push((weight, tag));
        }
    }
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.into_iter().map(|(_, tag)| tag).collect()
}

/// `q=0.8` as 800; `None` if it is no weight.
fn thousandths(weight: &str) -> Option<u16> {
    let number = weight.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim();
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1_000),
        _ => None,
    }
}

fn is_tag(tag: &str) -> bool {
    let subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let language = tag.split('-').next().unwrap_or_default();
    tag.len() <= MAX_TAG
        && language.len() >= 2
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && tag.split('-').all(subtag)
}

/// Language in small letters, script with a capital, region in capitals (RFC 5646 section 2.1.1).
fn in_usual_case(tag: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in tag.split('-') {
        let mut part = part.to_ascii_lowercase();
        let after_singleton = parts.iter().any(|before| before.len() == 1);
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !parts.is_empty() && !after_singleton && is_word {
            match part.len() {
                2 => part.make_ascii_uppercase(),
                4 => part.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase),
                _ => {}
            }
        }
        parts.push(part);
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_the_highest_weight_is_taken() {
        for (header, tag) in [
            ("de", "de"),
            ("pt-br,pt;q=0.9,en-US;q=0.8,en;q=0.7", "pt-BR"),
            ("en;q=0.5, fr-CH ; q=0.9, *;q=0.1", "fr-CH"),
            ("*, ES-419;q=0.3", "es-419"),
            ("zh-hans-cn", "zh-Hans-CN"),
            ("en-a-bbb-x-us", "en-a-bbb-x-us"),
            ("da;q=0, sv;q=0.001", "sv"),
            ("en;q=1.000", "en"),
            ("!!,fr;q=2,it;q=0.4", "it"),
        ] {
            assert_eq!(preferred_language(header).unwrap().as_str(), tag, "{header}");
        }
    }

    #[test]
    fn the_others_follow_by_their_weights() {
        assert_eq!(wanted_languages("de, es;q=0.7, fr;q=0.9,*;q=0.1, it;q=0"), ["de", "fr", "es"]);
        assert!(wanted_languages("").is_empty());
    }

    #[test]
    fn what_names_no_language_says_nothing() {
        let long = format!("en-{}", "a".repeat(40));
        for header in
            ["", "*", ";", "e", "en;q=0", "en;q=-1", "en;q=0.0000", "<b>", "русский", "1-2", "en--US", &long]
        {
            assert_eq!(preferred_language(header), None, "{header}");
        }
        assert_eq!(preferred_language(&",".repeat(100_000)), None);
        assert_eq!(preferred_language(&format!("de,{}", "x".repeat(100_000))).unwrap().as_str(), "de");
    }
}
