//! The filter language: what it selects, how it prints, what it says of mistakes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use tokio::time::Instant;
use turnpike::domain::filter::{Expr, Key, Number, Order, escape};
use turnpike::domain::{Filter, Lookup, roles};

/// A session as far as a filter sees it.
struct Subject {
    properties: BTreeMap<&'static str, &'static str>,
    roles: BTreeSet<&'static str>,
}

impl Lookup for Subject {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        match key {
            "$Roles" => Some(Cow::Owned(roles::canonical(&self.roles))),
            key => self.properties.get(key).map(|value| Cow::Borrowed(*value)),
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

fn subject<const P: usize, const R: usize>(
    properties: [(&'static str, &'static str); P],
    roles: [&'static str; R],
) -> Subject {
    Subject { properties: properties.into(), roles: roles.into() }
}

/// Who there is. Alice and Dave are accountants, Bob is paid, Carol has no department.
fn subjects() -> [(&'static str, Subject); 4] {
    let alice = [
        ("$Principal", "Alice"),
        ("Department", "Accounts"),
        ("$Country", "UK"),
        ("$Language", "en"),
        ("$DataLeft", "9.5"),
    ];
    let bob = [
        ("$Principal", "bob"),
        ("Department", "Payroll"),
        ("Status", "Closed"),
        ("$Country", "FR"),
        ("$Transport", "wss"),
        ("$DataLeft", "-0"),
    ];
    let carol = [
        ("$Principal", "admin"),
        ("$Country", "FR"),
        ("$Version", "7"),
        ("Text", r#"xyz"\"#),
        ("$DataLeft", "unlimited"),
        ("not", "x"),
        ("hasRoles[", "y"),
    ];
    let dave = [
        ("$Principal", "client"),
        ("Department", "Accounts"),
        ("Status", "Closed"),
        ("$Country", "US"),
        ("$Language", "en"),
        ("$Latitude", "51.509865"),
        ("$DataLeft", "10"),
    ];
    [
        ("alice", subject(alice, ["operator", "trading desk"])),
        ("bob", subject(bob, ["accountancy", "administrator", "client"])),
        ("carol", subject(carol, ["operator", "administrator"])),
        ("dave", subject(dave, ["client", "admin"])),
    ]
}

fn selected(expression: &str) -> String {
    let filter = Filter::parse(expression).unwrap_or_else(|error| panic!("{error}\n{}", error.pointed()));
    let again = Filter::parse(&filter.to_string()).unwrap();
    assert_eq!(again, filter, "{filter}");
    let mut names = Vec::new();
    for (name, subject) in subjects() {
        assert_eq!(filter.matches(&subject), again.matches(&subject));
        if filter.matches(&subject) {
            names.push(name);
        }
    }
    names.join(" ")
}

#[rstest]
#[case(r#"Department is "Accounts""#, "alice dave")]
#[case(r#"hasRoles[ "operator" "trading desk" ]"#, "alice")]
#[case(r#"Department is "Payroll" and Status is "Closed""#, "bob")]
#[case(r#"(Department is "Accounts" or Department is "Payroll") and Status is "Closed""#, "bob dave")]
#[case(r#"not Department is "Payroll""#, "alice carol dave")]
#[case(r#"not (Department is "Payroll" or Department is "Accounts")"#, "carol")]
#[case(r#"$Principal is "Alice""#, "alice")]
#[case(r#"Department is "Accounts" and $Country ne "US""#, "alice")]
#[case(r#"$Language EQ "en" and $Country NE "US""#, "alice")]
#[case(r#"not (Department is "Accounts" or Department is "Payroll") and $Country is "FR""#, "carol")]
#[case(r#"Text is "xyz\"\\""#, "carol")]
#[case(r#"hasRoles ["operator"]"#, "alice carol")]
#[case(r#"$Transport is "wss" and hasRoles ["accountancy" "administrator"]"#, "bob")]
#[case(r#"hasRoles ["operator"] and not hasRoles ["administrator"]"#, "alice")]
#[case(r#"$Version in {"6","7","8"}"#, "carol")]
#[case("$Country in ['UK','DE','FR']", "alice bob carol")]
#[case("$Country in 'UK','DE','FR'", "alice bob carol")]
#[case("has Department", "alice bob dave")]
#[case("all", "alice bob carol dave")]
#[case(r#"$Roles eq '"admin","client"'"#, "dave")]
#[case("$Principal NE 'admin'", "alice bob dave")]
#[case("$Latitude is '51.509865'", "dave")]
#[case("$Principal is 'client'", "dave")]
#[case(r#"$DataLeft lt "10""#, "alice bob")]
fn the_examples_mean_what_they_say(#[case] expression: &str, #[case] names: &str) {
    assert_eq!(selected(expression), names);
}

#[rstest]
#[case::and_binds_tighter(r#"$Country is "UK" or Department is "Payroll" and Status is "Open""#, "alice")]
#[case::and_binds_tighter(r#"Status is "Open" and Department is "Payroll" or $Country is "UK""#, "alice")]
#[case::parentheses(r#"($Country is "UK" or Department is "Payroll") and Status is "Open""#, "")]
#[case::not_takes_one_clause(r#"not Department is "Accounts" and $Country is "FR""#, "bob carol")]
#[case::not_takes_parentheses(r#"not (Department is "Accounts" and $Country is "UK")"#, "bob carol dave")]
#[case::not_twice(r#"NOT Not not has Department"#, "carol")]
#[case::any_case(
    r#"ALL aNd HAS Department AND Department IN ["Accounts"] OR HASROLES ["admin"]"#,
    "alice dave"
)]
#[case::keys_mind_case("has department", "")]
#[case::values_mind_case(r#"Department is "accounts""#, "")]
#[case::ne_is_true_of_the_absent(r#"Department ne "Accounts""#, "bob carol")]
#[case::others_are_false_of_the_absent(
    r#"Nothing is "" or Nothing in [""] or Nothing lt "1" or has Nothing"#,
    ""
)]
#[case::tight(r#"(has Department)and(Department is"Accounts"or Department eq'Payroll')"#, "alice bob dave")]
#[case::tight_list(r#"hasRoles["operator"]and Department in{"Accounts"}"#, "alice")]
#[case::tight_bare_list(r#"Department in"Accounts","Payroll"and hasRoles"client""#, "bob dave")]
#[case::bare_list(r#"hasRoles "operator" "administrator" and has Text"#, "carol")]
#[case::comma_and_space("$Country in [ 'UK' , 'DE'\t'FR' ]", "alice bob carol")]
#[case::lines(" $Country\r\n\tis\n'UK'\n", "alice")]
#[case::quotes_in_quotes(r#"Text is 'xyz"\\'"#, "carol")]
#[case::less(r#"$DataLeft lt "9.50""#, "bob")]
#[case::at_most(r#"$DataLeft LE "9.50""#, "alice bob")]
#[case::more(r#"$DataLeft gt "0""#, "alice dave")]
#[case::at_least(r#"$DataLeft ge "0.0""#, "alice bob dave")]
#[case::text_is_not_a_number(r#"$DataLeft is "10.0""#, "")]
#[case::roles_in_another_order(r#"$Roles eq '"client","admin"'"#, "")]
#[case::roles_of_a_set(r#"$Roles in ['"admin","client"' "\"operator\",\"trading desk\""]"#, "alice dave")]
#[case::a_key_called_not(r#"not is "x""#, "carol")]
#[case::a_key_called_not(r#"not not is "x""#, "alice bob dave")]
#[case::a_key_called_not(r#"not in ["x"]"#, "carol")]
#[case::a_key_called_not("has not", "carol")]
#[case::a_key_called_not("not has not", "alice bob dave")]
#[case::a_key_with_a_bracket(r#"hasRoles[ is "y""#, "carol")]
#[case::a_key_with_a_bracket("has hasRoles[", "carol")]
#[case::keys_like_operators(
    r#"not (is is "a" or and eq "b" or in in ["c"] or or in "d" or has has)"#,
    "alice bob carol dave"
)]
#[case::keys_like_operators(
    r#"all ne "a" and hasRoles ne "b" and has ne "c" and not has is"#,
    "alice bob carol dave"
)]
fn clauses_are_put_together(#[case] expression: &str, #[case] names: &str) {
    assert_eq!(selected(expression), names);
}

#[rstest]
#[case("", 1, "a property, not, has, hasRoles, all or (")]
#[case(" \n ", 4, "a property, not, has, hasRoles, all or (")]
#[case("()", 2, "a property, not, has, hasRoles, all or (")]
#[case("not", 4, "a property, not, has, hasRoles, all or (")]
#[case("not ", 5, "a property, not, has, hasRoles, all or (")]
#[case(r#""Alice""#, 1, "a property, not, has, hasRoles, all or (")]
#[case(r#"all and or has x"#, 12, "is, eq, ne, lt, le, gt, ge or in")]
#[case("Department", 11, "is, eq, ne, lt, le, gt, ge or in")]
#[case(r#"Department = "Accounts""#, 12, "is, eq, ne, lt, le, gt, ge or in")]
#[case("Département is", 15, "a value in quotes")]
#[case("Department is Accounts", 15, "a value in quotes")]
#[case("Department is “Accounts”", 15, "a value in quotes: straight ones, \" or '")]
#[case(r#"Department is "Accounts"#, 24, "a closing \"")]
#[case(r#"Department is 'Accounts""#, 25, "a closing '")]
#[case(r#"Department is "Acc\nounts""#, 20, "\", ' or \\ after the backslash")]
#[case(r#"Department is "a\"#, 18, "\", ' or \\ after the backslash")]
#[case(r#"Department is "a" "b""#, 19, "and, or or the end")]
#[case(r#"Department is "a" xor all"#, 19, "and, or or the end")]
#[case(r#"(Department is "a" xor all)"#, 20, "and, or or )")]
#[case("(all", 5, "and, or or )")]
#[case("all)", 4, "and, or or the end")]
#[case("has", 4, "a property")]
#[case(r#"has "Department""#, 5, "a property")]
#[case("has Department Status", 16, "and, or or the end")]
#[case("$DataLeft lt 10", 14, "a number in quotes, such as \"10\" or \"-2.5\",")]
#[case(r#"$DataLeft lt "ten""#, 14, "a number in quotes, such as \"10\" or \"-2.5\",")]
#[case(r#"$DataLeft lt "1e3""#, 14, "a number in quotes, such as \"10\" or \"-2.5\",")]
#[case("$Country in", 12, "a value in quotes")]
#[case("$Country in []", 14, "a value in quotes")]
#[case("$Country in ['UK'", 18, "a value in quotes or ]")]
#[case("$Country in {'UK']", 18, "a value in quotes or }")]
#[case("$Country in ['UK',]", 19, "a value in quotes")]
#[case("$Country in ['UK',,'DE']", 19, "a value in quotes")]
#[case("$Country in 'UK', and all", 19, "a value in quotes")]
#[case("$Country in 'UK''DE'", 17, "a comma or a space")]
#[case("hasRoles []", 11, "a role in quotes")]
#[case("hasRoles [staff]", 11, "a role in quotes")]
#[case("hasRoles", 9, "a role in quotes")]
fn a_mistake_is_told_with_its_place(#[case] expression: &str, #[case] column: usize, #[case] expected: &str) {
    let error = Filter::parse(expression).unwrap_err();
    assert_eq!((error.column(), error.expected()), (column, expected));
    assert_eq!(error.to_string(), format!("expected {expected} at column {column}"));
}

#[test]
fn the_place_is_pointed_at() {
    let pointed = |text: &str| Filter::parse(text).unwrap_err().pointed();
    assert_eq!(pointed("a\tis b"), "a is b\n     ^");
    assert_eq!(pointed("a\nis 'b' \u{1b}[31m"), "a is 'b'  [31m\n         ^");
    let long = format!("{}oops {}", "a is 'b' and ".repeat(30), "or a is 'b' ".repeat(30));
    let pointed = pointed(&long);
    let (shown, caret) = pointed.split_once('\n').unwrap();
    assert!(shown.starts_with('…') && shown.ends_with('…') && shown.chars().count() <= 72, "{pointed}");
    let place = caret.find('^').unwrap();
    assert!(shown.chars().skip(place).collect::<String>().starts_with("or a is"), "{pointed}");
    let end = format!("{} and", "a is 'b' and ".repeat(30).trim_end_matches(" and "));
    let pointed = Filter::parse(&end).unwrap_err().pointed();
    assert!(
        pointed.starts_with('…')
            && pointed
                .ends_with("and\n                                                                       ^"),
        "{pointed}"
    );
}

#[test]
fn keys_are_those_it_looks_at_and_know_their_place() {
    let filter =
        Filter::parse(r#"é is "1" and (has b or not b lt "2") or c in "3" and hasRoles "4""#).unwrap();
    assert_eq!(filter.keys().collect::<Vec<_>>(), ["$Roles", "b", "c", "é"]);
    assert_eq!(Filter::all().keys().count(), 0);
    let Expr::Or(terms) = filter.expr() else { panic!("{filter:?}") };
    let Expr::And(terms) = &terms[1] else { panic!("{filter:?}") };
    let Expr::In { key, values } = &terms[0] else { panic!("{filter:?}") };
    assert_eq!((key.as_str(), key.column(), values.len()), ("c", 41, 1));
}

#[test]
fn a_value_is_escaped_for_either_quote() {
    for value in ["", "plain", r#"xyz"\"#, r#"'"'\\"#, "\0é\n"] {
        for quote in ['"', '\''] {
            let filter = Filter::parse(&format!("k is {quote}{}{quote}", escape(value))).unwrap();
            assert_eq!(*filter.expr(), Expr::Is { key: Key::new("k", 1), value: value.to_owned() });
        }
    }
}

#[test]
fn what_is_too_much_is_told_at_once() {
    let column = |text: &str| {
        let began = Instant::now();
        let error = Filter::parse(text).unwrap_err();
        assert!(error.to_string().contains("no more than"), "{error}");
        assert!(error.pointed().len() < 500);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        error.column()
    };
    assert_eq!(column(&"(".repeat(10_000)), 65);
    assert_eq!(column(&"not ".repeat(4_000)), 4 * 64 + 1);
    assert_eq!(column(&"a".repeat(64 * 1024)), 16 * 1024 + 1);
    assert_eq!(column(&"é".repeat(64 * 1024)), 8 * 1024 + 1);
    assert_eq!(column(&vec!["all"; 501].join(" and ")), 500 * 8 + 1);
    assert_eq!(column(&format!("a in [{}]", "'b' ".repeat(501))), 6 + 500 * 4 + 1);
    assert_eq!(column(&format!("hasRoles {}", "'b' ".repeat(501))), 9 + 500 * 4 + 1);
    // Written out with the spaces that it leaves out, it is too long.
    let value = "x".repeat(Filter::MAX_BYTES - 6);
    assert!(Filter::parse(&format!("a is\"{}\"", &value[1..])).is_ok());
    assert_eq!(column(&format!("a is\"{value}\"")), Filter::MAX_BYTES + 1);

    let deep = format!("{}all{}", "(".repeat(64), ")".repeat(64));
    assert_eq!(Filter::parse(&deep).unwrap(), Filter::all());
    for wide in [vec!["all"; 500].join(" or "), format!("a in {}", "'b' ".repeat(500))] {
        assert_eq!(
            Filter::parse(&wide).unwrap().to_string().len(),
            wide.trim_end().len() + if wide.starts_with("a ") { 2 } else { 0 }
        );
    }
}

fn key() -> impl Strategy<Value = Key> {
    let word = prop_oneof![
        Just("Department".to_owned()),
        Just("$Zone".to_owned()),
        proptest::sample::select(vec![
            "not",
            "and",
            "or",
            "is",
            "in",
            "has",
            "all",
            "ALL",
            "hasRoles",
            "HASROLES[",
            "hasRoles[x]",
            "in[",
            "in{x",
            "]",
            "a,b",
            "\\",
            "ne",
            "lt",
        ])
        .prop_map(str::to_owned),
        "[^ \t\r\n\"'()]{1,6}",
    ];
    word.prop_map(|word| Key::new(&word, 1))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a\"'\\\\ ]{0,6}", ".{0,8}"]
}

fn expr() -> impl Strategy<Value = Expr> {
    let orders = proptest::sample::select(vec![Order::Lt, Order::Le, Order::Gt, Order::Ge]);
    let number = "-?[0-9]{1,7}(\\.[0-9]{1,8})?".prop_map(|text| Number::parse(&text).unwrap());
    let values = || proptest::collection::vec(value(), 1..4);
    let clause = prop_oneof![
        Just(Expr::All),
        (key(), value()).prop_map(|(key, value)| Expr::Is { key, value }),
        (key(), value()).prop_map(|(key, value)| Expr::Ne { key, value }),
        (key(), orders, number).prop_map(|(key, order, number)| Expr::Compare { key, order, number }),
        key().prop_map(|key| Expr::Has { key }),
        (key(), values()).prop_map(|(key, values)| Expr::In { key, values }),
        values().prop_map(|roles| Expr::HasRoles { roles }),
    ];
    clause.prop_recursive(6, 40, 4, |inner| {
        let terms = || proptest::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            terms().prop_map(Expr::And),
            terms().prop_map(Expr::Or),
        ]
    })
}

/// Pieces of expressions in no sensible order.
fn soup() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "and",
        "or",
        "not",
        "NOT",
        "is",
        "eq",
        "ne",
        "lt",
        "in",
        "in[",
        "has",
        "hasRoles",
        "hasRoles[",
        "all",
        "key",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "\\",
        "\"a\"",
        "'b'",
        "\"1\"",
        " ",
        " ",
        "\n",
        "é",
        "\0",
        "$Roles",
    ]);
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_as_the_same(expr in expr()) {
        let text = expr.to_string();
        let filter = Filter::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{}", error.pointed())))?;
        prop_assert_eq!(filter.expr(), &expr);
        prop_assert_eq!(filter.to_string(), text);
    }

    #[test]
    fn any_text_is_a_filter_or_a_mistake(text in prop_oneof![soup(), ".{0,200}"]) {
        match Filter::parse(&text) {
            Ok(filter) => {
                let again = Filter::parse(&filter.to_string());
                prop_assert_eq!(again.as_ref(), Ok(&filter));
                for (_, subject) in subjects() {
                    filter.matches(&subject);
                }
            }
            Err(error) => {
                prop_assert!(error.column() >= 1 && error.column() <= text.chars().count() + 1);
                prop_assert_eq!(error.to_string().lines().count(), 1);
                prop_assert_eq!(error.pointed().lines().count(), 2);
                prop_assert!(error.pointed().chars().count() < 150);
            }
        }
    }

    #[test]
    fn roles_in_a_filter_are_those_of_the_set(names in proptest::collection::btree_set("[ab\"'\\\\, ]{1,4}", 0..4)) {
        let canonical = roles::canonical(&names);
        prop_assert_eq!(&roles::parse(&canonical).unwrap(), &names);
        let filter = Filter::parse(&format!("$Roles is '{}'", escape(&canonical))).unwrap();
        let expected = Expr::Is { key: Key::new("$Roles", 1), value: canonical };
        prop_assert_eq!(filter.expr(), &expected);
    }
}
