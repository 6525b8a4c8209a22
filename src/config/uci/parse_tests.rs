use super::*;

/// Sections as `TYPE NAME`, options as `name=value`, lists as `name=[a|b]`.
fn shown(text: &str) -> Vec<String> {
    let parsed = parse(text);
    assert_eq!(parsed.mistakes, [], "{text}");
    let mut lines = Vec::new();
    for section in parsed.sections {
        lines.push(format!("{} {}", section.kind, section.name.clone().unwrap_or_else(|| "-".to_owned())));
        for (name, value) in section.options {
            lines.push(match value {
                Value::One(word) => format!("{name}={}", word.text),
                Value::Many(words) => {
                    let words: Vec<String> = words.into_iter().map(|word| word.text).collect();
                    format!("{name}=[{}]", words.join("|"))
                }
            });
        }
    }
    lines
}

/// The one value of a statement `option x …`.
fn value(written: &str) -> String {
    let lines = shown(&format!("config t\n\toption x {written}\n"));
    lines.get(1).map_or_else(|| "nothing".to_owned(), |line| line.trim_start_matches("x=").to_owned())
}

/// The mistakes as `LINE:COLUMN KEY MESSAGE`.
fn mistakes(text: &str) -> Vec<String> {
    let parsed = parse(text);
    let line = |found: &Finding| {
        format!("{}:{} {} {}", found.line.unwrap_or(0), found.column, found.key, found.message)
    };
    parsed.mistakes.iter().map(line).collect()
}

#[test]
fn sections_options_and_lists() {
    let text = "# a comment\npackage turnpike\n\nconfig zone 'guests'\n\toption name 'guests'   # said\n\tlist lan 'br-a'\n\
                \tlist lan br-b\n\nconfig metric\n\toption name low\n";
    assert_eq!(shown(text), ["zone guests", "lan=[br-a|br-b]", "name=guests", "metric -", "name=low"]);
    // Abbreviated, several on one line, with and without indentation, with the line ends of others.
    assert_eq!(shown("c t 'n'; o a 1 ;l b 2;l b 3\r\no c '4'\r\n"), ["t n", "a=1", "b=[2|3]", "c=4"]);
}

#[test]
fn quotes_are_those_of_openwrt() {
    for (written, meant) in [
        ("plain", "plain"),
        ("'single'", "single"),
        ("\"double\"", "double"),
        ("'a b'\"c d\"e", "a bc de"),
        ("'it'\\''s'", "it's"),
        ("\"a\\\"b\"", "a\"b"),
        ("'a\\b'", "a\\b"),
        ("\"a\\\\b\"", "a\\b"),
        ("\"a\\nb\"", "anb"),
        ("a\\ b", "a b"),
        ("a\\#b", "a#b"),
        ("'#fff'", "#fff"),
        ("a#b", "a"),
        ("'a;b'", "a;b"),
        ("'two\nlines'", "two\nlines"),
        ("\"joined \\\nlines\"", "joined lines"),
        ("joi\\\nned", "joined"),
        ("'ünï'", "ünï"),
        ("''", "nothing"),
        ("\"\"", "nothing"),
        ("", "nothing"),
    ] {
        assert_eq!(value(written), meant, "{written}");
    }
}

#[test]
fn what_comes_again_is_as_in_openwrt() {
    assert_eq!(shown("config t n\noption a 1\nconfig t n\noption b 2\n"), ["t n", "a=1", "b=2"]);
    assert_eq!(shown("config t\noption a 1\nconfig t\noption a 2\n"), ["t -", "a=1", "t -", "a=2"]);
    assert_eq!(shown("config t\noption a 1\noption a 2\n"), ["t -", "a=2"]);
    assert_eq!(shown("config t\noption a 1\nlist a 2\n"), ["t -", "a=[1|2]"]);
    assert_eq!(shown("config t\nlist a 1\noption a 2\n"), ["t -", "a=2"]);
    assert_eq!(shown("config t\noption a 1\noption a ''\n"), ["t -", "a=1"]);
    assert_eq!(shown("config t\nlist a ''\n"), ["t -", "a=[]"]);
    let warned = parse("config t 'n'\noption a 1\noption a 2\n").warnings;
    assert_eq!(
        warned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["2:10: n.a: is said again in line 3, which holds"]
    );
}

#[test]
fn every_mistake_has_its_place() {
    let text = "option early 1\nconfig\nconfig t 'a-b'\noption of_a_wrong_section\nconfig t\noption a b c\noption a-b c\n\
                list\nconfgi t\nconfig t x y\nconfig t x\nconfig u x\nconfig \"a b\"\n";
    let found = mistakes(text);
    let places: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        places,
        ["1:1", "2:1", "3:10", "6:12", "7:8", "8:1", "9:1", "10:12", "12:1", "13:8"],
        "{found:#?}"
    );
    assert!(found[3].contains("@t[0].a has more than one value"), "{found:?}");
    assert!(found[8].contains("in line 11 a section of another type"), "{found:?}");
    assert_eq!(
        mistakes("config t\noption a 'b\noption c d\n"),
        ["2:10  the quote ' that begins here is not closed"]
    );
    assert_eq!(mistakes("'config' t\n").len(), 1, "a keyword has no quotes");
}

#[test]
fn what_is_too_much_is_refused() {
    assert_eq!(mistakes(&"config t\n".repeat(MAX_SECTIONS)).len(), 0);
    assert_eq!(mistakes(&"config t\n".repeat(MAX_SECTIONS * 2)).len(), 1);
    assert_eq!(mistakes(&format!("config t\n{}", "list a 1\n".repeat(MAX_ITEMS))).len(), 0);
    assert_eq!(mistakes(&format!("config t\n{}", "list a 1\n".repeat(MAX_ITEMS + 50))).len(), 1);
}
