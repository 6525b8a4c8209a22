use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::{Amount, ClientRates, Mbps, Part, Phrase, Text, When};

const EN: Words = Words::of(Language::English);
const AR: Words = Words::of(Language::Arabic);

#[test]
fn times_read_like_a_clock() {
    for (millis, clock, spoken) in [
        (0, "0:00:00", "no time"),
        (999, "0:00:00", "no time"),
        (61_000, "0:01:01", "1 minute 1 second"),
        (3_600_000, "1:00:00", "1 hour"),
        (86_399_999, "23:59:59", "23 hours 59 minutes"),
        (90_061_000, "1 day 1:01:01", "1 day 1 hour"),
        (30 * 86_400_000, "30 days 0:00:00", "30 days"),
    ] {
        assert_eq!(EN.time(millis), clock);
        assert_eq!(EN.spoken_time(millis), spoken);
    }
    for language in Language::ALL {
        assert!(!Words::of(language).time(u64::MAX).is_empty());
    }
}

#[test]
fn ages_are_coarse() {
    for (millis, text) in [
        (59_999, "just now"),
        (60_000, "1 minute ago"),
        (3_599_999, "59 minutes ago"),
        (7_200_000, "2 hours ago"),
        (86_400_000, "1 day ago"),
    ] {
        assert_eq!(EN.age(millis), text);
    }
}

#[test]
fn amounts_are_decimal_and_never_promise_too_much() {
    for (bytes, live, sold) in [
        (0, "0 MB", "0 MB"),
        (1, "under 1 kB", "under 1 kB"),
        (999_999, "999 kB", "999 kB"),
        (2_000_000, "2.0 MB", "2 MB"),
        (1_999_999, "1.9 MB", "1.9 MB"),
        (999_999_999, "999.9 MB", "999.9 MB"),
        (1_000_000_000, "1.00 GB", "1 GB"),
        (1_509_000_000, "1.50 GB", "1.5 GB"),
        (100_000_000, "100.0 MB", "100 MB"),
    ] {
        assert_eq!(EN.data(bytes), live);
        assert_eq!(EN.round_data(bytes), sold);
    }
    assert!(EN.data(u64::MAX).ends_with(" GB"));
}

#[test]
fn percent_is_bounded_and_shows_the_last_bit() {
    assert_eq!(percent(0, 0), 0);
    assert_eq!(percent(1, 1_000_000), 1);
    assert_eq!(percent(50, 100), 50);
    assert_eq!(percent(200, 100), 100);
    assert_eq!(percent(u64::MAX, u64::MAX), 100);
    assert_eq!(percent(0, 9), 0);
}

#[test]
fn each_language_counts_and_writes_numbers_in_its_way() {
    for (language, spoken, data, speed) in [
        (Language::English, "2 hours 1 minute", "1.5 GB", "Up to 2.5 Mbit/s"),
        (Language::Spanish, "2 horas y 1 minuto", "1,5 GB", "Hasta 2,5 Mbit/s"),
        (Language::Portuguese, "2 horas e 1 minuto", "1,5 GB", "Até 2,5 Mbit/s"),
        (Language::French, "2 heures et 1 minute", "1,5 Go", "Jusqu’à 2,5 Mbit/s"),
        (Language::Indonesian, "2 jam 1 menit", "1,5 GB", "Hingga 2,5 Mbit/dtk"),
        (Language::Filipino, "2 oras at 1 minuto", "1.5 GB", "Hanggang 2.5 Mbit/s"),
        (Language::Arabic, "ساعتين ودقيقة واحدة", "١٫٥ غيغابايت", "حتى ٢٫٥ ميغابت/ث"),
    ] {
        let t = Words::of(language);
        assert_eq!(t.spoken_time(7_260_000), spoken);
        assert_eq!(t.round_data(1_500_000_000), data);
        let rate = Mbps::from_mbps(2.5).unwrap();
        assert_eq!(t.speed(ClientRates { down: rate, up: rate }), speed);
    }
    // Arabic has six forms.
    for (minutes, spoken) in [
        (1, "دقيقة واحدة"),
        (2, "دقيقتين"),
        (3, "٣ دقائق"),
        (10, "١٠ دقائق"),
        (11, "١١ دقيقة"),
        (59, "٥٩ دقيقة"),
    ] {
        assert_eq!(AR.spoken_time(minutes * 60_000), spoken);
    }
    assert_eq!(AR.time(5_399_000), "١:٢٩:٥٩");
}

#[test]
fn what_is_ours_is_said_in_the_guests_language_and_what_others_wrote_is_left() {
    let grant = Part::Grant(Amount { time_ms: 3_600_000, data_bytes: 0 });
    let money = Part::Money("5.00 PHP".to_owned());
    let text = Text::ours_with(Phrase::CoinCredit, vec![("money", money), ("grant", grant)]);
    assert_eq!(EN.text(&text), "You have 5.00 PHP of credit here: 1 h.");
    let spanish = Words::of(Language::Spanish);
    assert!(spanish.text(&text).contains("5,00 PHP") && spanish.text(&text) != EN.text(&text));
    assert_eq!(spanish.text(&Text::new("You have 5.00 PHP")), "You have 5.00 PHP");
    // A label of ours within a sentence of ours; a name of others, kept apart.
    let label = Part::Text(Text::ours(Phrase::AccountPassword));
    let fill = Text::ours_with(Phrase::FormFill, vec![("label", label)]);
    assert!(spanish.text(&fill).contains("Contraseña"));
    let name = |name| Text::ours_with(Phrase::AccountIs, vec![("name", Part::Text(Text::new(name)))]);
    assert!(AR.text(&name("ana")).contains("\u{2068}ana\u{2069}"));
    assert!(spanish.text(&name("سلمى")).contains("\u{2068}سلمى\u{2069}"));
    assert!(!spanish.text(&name("ana")).contains('\u{2068}'));
}

/// The texts of a file: each with the parts that it names.
fn texts(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in language.texts().lines().filter(|line| !line.starts_with('#')) {
        if let Some((id, _)) = line.split_once(" =").filter(|(id, _)| !id.starts_with(' ')) {
            current = id.to_owned();
            assert!(texts.insert(current.clone(), BTreeSet::new()).is_none(), "{id} is there twice");
        }
        for part in line.split("{ $").skip(1) {
            let name = part.split([' ', '}']).next().unwrap().to_owned();
            texts.get_mut(&current).unwrap().insert(name);
        }
    }
    texts
}

#[test]
fn every_language_says_everything_with_the_same_parts() {
    let english = texts(Language::English);
    assert!(english.len() > 150);
    for language in Language::ALL {
        let source = language.texts().to_owned();
        let broken = fluent_bundle::FluentResource::try_new(source).err().map(|(_, errors)| errors);
        assert_eq!(broken, None, "{language:?}");
        let theirs = texts(language);
        for (id, parts) in &english {
            let of = theirs.get(id).unwrap_or_else(|| panic!("{language:?} lacks {id}"));
            // A form that names its number by a word, as "one day" does, needs no digits, but counts all the same.
            assert_eq!(of, parts, "{language:?}: {id}");
        }
        let unknown: Vec<_> = theirs.keys().filter(|id| !english.contains_key(*id)).collect();
        assert!(unknown.is_empty(), "{language:?} has what English has not: {unknown:?}");
        for (id, parts) in &english {
            let mut args = FluentArgs::new();
            parts.iter().for_each(|part| args.set(part.as_str(), 3_u64));
            let said = bundle::format(language, id, Some(&args)).unwrap_or_default();
            let is_whole = !said.is_empty() && said != *id && !said.contains(['{', '}']);
            assert!(is_whole, "{language:?}: {id}: {said}");
        }
    }
}

/// The names of parts are few, and tests are short.
fn leaked(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

#[test]
fn our_phrases_read_the_same_in_the_domain_and_on_the_page() {
    let english = texts(Language::English);
    for phrase in Phrase::ALL {
        let parts = english.get(phrase.id()).unwrap_or_else(|| panic!("no text for {phrase:?}"));
        let args = parts.iter().map(|part| (leaked(part), FluentValue::from(format!("{{{part}}}"))));
        assert_eq!(EN.with(phrase.id(), args), phrase.english(), "{phrase:?}");
    }
    let when = When::On { month: 3, day: 9, at: (4, 5) };
    let text = Text::ours_with(Phrase::FreeLater, vec![("when", Part::When(when))]);
    assert_eq!(EN.when(when), "on 9 March at 04:05");
    assert!(text.as_str().contains("on 9 March at 04:05"));
    let amount = Amount { time_ms: 90_061_000, data_bytes: 1_500_000 };
    assert_eq!(EN.amount(amount), amount.english());
}

/// Every text of the code and the templates, and none beside.
#[test]
fn no_text_is_unknown_and_none_is_left_over() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    let mut folders = vec![root.join("src/portal"), root.join("templates/portal")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("words_tests.rs") {
                code.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let english = texts(Language::English);
    for call in
        ["t.get(\"", "t.one(\"", "t.with(\"", "t.counted(\"", "self.get(\"", "self.one(\"", "self.with(\""]
    {
        for rest in code.split(call).skip(1) {
            let id = rest.split('"').next().unwrap();
            assert!(english.contains_key(id), "no text is named {id}");
        }
    }
    let phrases: BTreeSet<&str> = Phrase::ALL.iter().map(|phrase| phrase.id()).collect();
    for id in english.keys() {
        let is_used = phrases.contains(id.as_str()) || code.contains(&format!("\"{id}\""));
        assert!(is_used, "nothing says {id}");
    }
}
