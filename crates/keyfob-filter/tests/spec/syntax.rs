//! The grammar of RFC 7644 figures 1 and 7: what is a filter or a path, what it prints as, and what is refused.

use std::fmt::Write;

use keyfob_core::{AttrName, AttrPath, Dialect, ErrorBody, PathError, Quirk, ScimType, ToErrorBody};
use keyfob_filter::{Filter, Limits, ParseError, ParseErrorKind as Kind, PatchPath};

const RFC_FILTERS: &str = include_str!("../../../../testdata/rfc7644/filters.txt");
const RFC_PATHS: &str = include_str!("../../../../testdata/rfc7644/paths.txt");

fn interop(text: &str) -> Result<Filter, ParseError> {
    Filter::parse_with(text, &Limits::default(), Dialect::interop())
}

/// Text, canonical text, tree.
const FILTERS: &[(&str, &str, &str)] = &[
    // attrExp
    ("title pr", "title pr", "(pr title)"),
    ("title PR", "title pr", "(pr title)"),
    (r#"userName eq "x""#, r#"userName eq "x""#, r#"(eq userName "x")"#),
    (r#"userName Eq "x""#, r#"userName eq "x""#, r#"(eq userName "x")"#),
    (r#"userName NE "x""#, r#"userName ne "x""#, r#"(ne userName "x")"#),
    (r#"userName cO "x""#, r#"userName co "x""#, r#"(co userName "x")"#),
    (r#"userName sw "x""#, r#"userName sw "x""#, r#"(sw userName "x")"#),
    (r#"userName ew "x""#, r#"userName ew "x""#, r#"(ew userName "x")"#),
    ("n gt 1", "n gt 1", "(gt n 1)"),
    ("n ge 1", "n ge 1", "(ge n 1)"),
    ("n lt 1", "n lt 1", "(lt n 1)"),
    ("n le 1", "n le 1", "(le n 1)"),
    // compValue
    ("a eq true", "a eq true", "(eq a true)"),
    ("a eq false", "a eq false", "(eq a false)"),
    ("a eq null", "a eq null", "(eq a null)"),
    ("a eq 0", "a eq 0", "(eq a 0)"),
    ("a eq -0", "a eq 0", "(eq a 0)"),
    ("a eq -12", "a eq -12", "(eq a -12)"),
    (
        "a eq -9223372036854775808",
        "a eq -9223372036854775808",
        "(eq a -9223372036854775808)",
    ),
    (
        "a eq 9223372036854775807",
        "a eq 9223372036854775807",
        "(eq a 9223372036854775807)",
    ),
    (
        "a eq 9223372036854775808",
        "a eq 9.223372036854776e+18",
        "(eq a 9.223372036854776e+18)",
    ),
    ("a eq 1.50", "a eq 1.5", "(eq a 1.5)"),
    ("a eq 1E3", "a eq 1000.0", "(eq a 1000.0)"),
    ("a eq 1e+3", "a eq 1000.0", "(eq a 1000.0)"),
    ("a eq 12.5e-1", "a eq 1.25", "(eq a 1.25)"),
    ("a eq 1e300", "a eq 1e+300", "(eq a 1e+300)"),
    (r#"a eq """#, r#"a eq """#, r#"(eq a "")"#),
    (r#"a eq "O'Malley""#, r#"a eq "O'Malley""#, r#"(eq a "O'Malley")"#),
    (
        r#"a eq "a]b) and (c[""#,
        r#"a eq "a]b) and (c[""#,
        r#"(eq a "a]b) and (c[")"#,
    ),
    (
        r#"a eq "\"\\\/\b\f\n\r\t""#,
        r#"a eq "\"\\/\b\f\n\r\t""#,
        r#"(eq a "\"\\/\b\f\n\r\t")"#,
    ),
    (r#"a eq "\u0042\u00e4""#, r#"a eq "Bä""#, r#"(eq a "Bä")"#),
    (r#"a eq "\uD83D\uDE00""#, r#"a eq "😀""#, r#"(eq a "😀")"#),
    (r#"a eq "\u0000""#, r#"a eq "\u0000""#, r#"(eq a "\u0000")"#),
    ("a eq \"출입 그룹\"", "a eq \"출입 그룹\"", "(eq a \"출입 그룹\")"),
    // attrPath
    ("name.familyName pr", "name.familyName pr", "(pr name.familyName)"),
    ("members.$ref pr", "members.$ref pr", "(pr members.$ref)"),
    ("a-b_c1 pr", "a-b_c1 pr", "(pr a-b_c1)"),
    ("$ref pr", "$ref pr", "(pr $ref)"),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
        "(pr urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value)",
    ),
    ("urn:x-y.1:a_b:c pr", "urn:x-y.1:a_b:c pr", "(pr urn:x-y.1:a_b:c)"),
    // Keywords are names too.
    ("not pr", "not pr", "(pr not)"),
    (
        "and eq 1 and or pr",
        "and eq 1 and or pr",
        "(and (eq and 1) (pr or))",
    ),
    ("pr pr", "pr pr", "(pr pr)"),
    ("true eq true", "true eq true", "(eq true true)"),
    // logExp: not > and > or, n-ary and flat
    ("a pr and b pr", "a pr and b pr", "(and (pr a) (pr b))"),
    (
        "a pr AND b pr Or c pr",
        "a pr and b pr or c pr",
        "(or (and (pr a) (pr b)) (pr c))",
    ),
    (
        "a pr or b pr and c pr",
        "a pr or b pr and c pr",
        "(or (pr a) (and (pr b) (pr c)))",
    ),
    (
        "a pr and b pr and c pr",
        "a pr and b pr and c pr",
        "(and (pr a) (pr b) (pr c))",
    ),
    (
        "a pr and (b pr and c pr)",
        "a pr and b pr and c pr",
        "(and (pr a) (pr b) (pr c))",
    ),
    (
        "(a pr or b pr) or c pr",
        "a pr or b pr or c pr",
        "(or (pr a) (pr b) (pr c))",
    ),
    (
        "a pr or (b pr or c pr)",
        "a pr or b pr or c pr",
        "(or (pr a) (pr b) (pr c))",
    ),
    (
        "(a pr or b pr) and c pr",
        "(a pr or b pr) and c pr",
        "(and (or (pr a) (pr b)) (pr c))",
    ),
    (
        "a pr and (b pr or c pr) and d pr",
        "a pr and (b pr or c pr) and d pr",
        "(and (pr a) (or (pr b) (pr c)) (pr d))",
    ),
    // Groups and negation
    ("(a pr)", "a pr", "(pr a)"),
    ("((a pr))", "a pr", "(pr a)"),
    ("( a pr )", "a pr", "(pr a)"),
    ("not (a pr)", "not (a pr)", "(not (pr a))"),
    ("not(a pr)", "not (a pr)", "(not (pr a))"),
    ("NOT   (a pr)", "not (a pr)", "(not (pr a))"),
    ("not ((a pr))", "not (a pr)", "(not (pr a))"),
    ("not (not (a pr))", "not (not (a pr))", "(not (not (pr a)))"),
    (
        "not (a pr) and b pr",
        "not (a pr) and b pr",
        "(and (not (pr a)) (pr b))",
    ),
    (
        "not (a pr and b pr) or c pr",
        "not (a pr and b pr) or c pr",
        "(or (not (and (pr a) (pr b))) (pr c))",
    ),
    // valuePath
    (
        r#"emails[type eq "work"]"#,
        r#"emails[type eq "work"]"#,
        r#"(path emails (eq type "work"))"#,
    ),
    (
        r#"emails[ type eq "work" ]"#,
        r#"emails[type eq "work"]"#,
        r#"(path emails (eq type "work"))"#,
    ),
    (
        "e[a pr and (b pr or not (c pr))]",
        "e[a pr and (b pr or not (c pr))]",
        "(path e (and (pr a) (or (pr b) (not (pr c)))))",
    ),
    ("e[not(a pr)]", "e[not (a pr)]", "(path e (not (pr a)))"),
    ("not (e[a pr])", "not (e[a pr])", "(not (path e (pr a)))"),
    (
        "(e[(a pr)]) or b pr",
        "e[a pr] or b pr",
        "(or (path e (pr a)) (pr b))",
    ),
    (
        "urn:x:1.0:User:e[a pr]",
        "urn:x:1.0:User:e[a pr]",
        "(path urn:x:1.0:User:e (pr a))",
    ),
    // Blanks
    (
        "  a   pr   and   b   eq   1  ",
        "a pr and b eq 1",
        "(and (pr a) (eq b 1))",
    ),
];

#[test]
fn every_production_of_figure_1_reads_and_prints_in_its_canonical_form() {
    for (text, canonical, tree) in FILTERS {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{}", error.display_with(text)));
        assert_eq!(filter.to_string(), *canonical, "{text}");
        assert_eq!(filter.to_sexpr(), *tree, "{text}");
        assert_eq!(Filter::parse(canonical).unwrap(), filter, "{text}");
        assert_eq!(
            interop(text).unwrap(),
            filter,
            "a dialect changes nothing of the RFC: {text}"
        );
    }
}

#[test]
fn the_filters_of_figure_2_read() {
    let mut shown = String::new();
    for text in RFC_FILTERS.lines() {
        let filter = Filter::parse(text).unwrap();
        writeln!(
            shown,
            "{text}\n  {filter}\n  {}\n  {}",
            filter.to_sexpr(),
            filter.to_json()
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

/// Text, the bytes at which it is wrong, and why.
#[expect(clippy::too_many_lines, reason = "a table")]
fn refused() -> Vec<(&'static str, std::ops::Range<usize>, Kind)> {
    fn found(found: &str) -> smol_str::SmolStr {
        found.into()
    }
    let unexpected = |text| Kind::Unexpected {
        found: found(text),
        suggestion: None,
    };
    let operator = |text, suggestion: Option<&str>| Kind::UnknownOperator {
        found: found(text),
        suggestion: suggestion.map(found),
    };
    let value = |text, suggestion: Option<&str>| Kind::InvalidValue {
        found: found(text),
        suggestion: suggestion.map(found),
    };
    let illegal = |character, offset| Kind::Name(PathError::IllegalCharacter { character, offset });
    vec![
        // Missing parts
        ("", 0..0, Kind::MissingTerm),
        ("   ", 3..3, Kind::MissingTerm),
        ("userName", 8..8, Kind::MissingOperator),
        ("userName ", 9..9, Kind::MissingOperator),
        ("(userName)", 9..9, Kind::MissingOperator),
        ("userName eq", 11..11, Kind::MissingValue),
        ("userName eq ", 12..12, Kind::MissingValue),
        ("(userName eq)", 12..12, Kind::MissingValue),
        ("a pr and", 8..8, Kind::MissingTerm),
        ("a pr and ", 9..9, Kind::MissingTerm),
        ("a pr or ) ", 8..9, Kind::MissingTerm),
        ("and b pr", 4..5, operator("b", None)),
        ("()", 1..2, Kind::MissingTerm),
        ("not ()", 5..6, Kind::MissingTerm),
        ("e[]", 2..3, Kind::MissingTerm),
        ("[a pr]", 0..1, Kind::MissingTerm),
        (r#""a" eq 1"#, 0..1, Kind::MissingTerm),
        // Blanks
        (r#"userName eq"x""#, 11..11, Kind::MissingBlank),
        (r#"userName"x""#, 8..8, Kind::MissingBlank),
        ("a(b pr)", 1..1, Kind::MissingBlank),
        ("a pr and(b pr)", 8..8, Kind::MissingBlank),
        ("(a pr)and b pr", 6..6, Kind::MissingBlank),
        (r#"a eq "x"and b pr"#, 8..8, Kind::MissingBlank),
        ("e[a pr]or b pr", 7..7, Kind::MissingBlank),
        ("emails [a pr]", 7..7, Kind::MissingOperator),
        ("a\tpr", 1..2, illegal('\t', 1)),
        ("a pr\n", 2..5, operator("pr\u{fffd}", Some("pr"))),
        // Operators
        (r#"userName eg "x""#, 9..11, operator("eg", Some("eq"))),
        (r#"userName regex "x""#, 9..14, operator("regex", None)),
        (r#"userName = "x""#, 9..10, operator("=", Some("eq"))),
        (r#"userName == "x""#, 9..11, operator("==", Some("eq"))),
        (
            r#"userName contains "x""#,
            9..17,
            operator("contains", Some("co")),
        ),
        (
            r#"userName startsWith "x""#,
            9..19,
            operator("startsWith", Some("sw")),
        ),
        (r#"userName prr "x""#, 9..12, operator("prr", Some("pr"))),
        ("a not pr", 2..5, operator("not", None)),
        ("not a pr", 4..5, operator("a", None)),
        ("not not (a pr)", 4..7, operator("not", None)),
        // Values
        ("userName eq 'x'", 12..15, Kind::SingleQuotes),
        ("userName eq x", 12..13, value("x", None)),
        ("a eq True", 5..9, value("True", Some("true"))),
        ("a eq NULL", 5..9, value("NULL", Some("null"))),
        ("a eq flase", 5..10, value("flase", Some("false"))),
        ("a eq 01", 5..7, value("01", None)),
        ("a eq -", 5..6, value("-", None)),
        ("a eq +1", 5..7, value("+1", None)),
        ("a eq .5", 5..7, value(".5", None)),
        ("a eq 5.", 5..7, value("5.", None)),
        ("a eq 1e", 5..7, value("1e", None)),
        ("a eq 0x10", 5..9, value("0x10", None)),
        ("a eq NaN", 5..8, value("NaN", None)),
        ("a eq 1e999", 5..10, Kind::NumberOutOfRange),
        ("a eq {}", 5..7, value("{}", None)),
        ("a eq [1]", 5..5, Kind::MissingValue),
        (
            "a eq 2011-05-13T04:42:34Z",
            5..25,
            value("2011-05-13T04:42:34Z", None),
        ),
        // Strings
        (r#"a eq "x"#, 5..7, Kind::UnclosedString),
        (r#"a eq "x\""#, 5..9, Kind::UnclosedString),
        (r#"a eq "x\"#, 5..8, Kind::UnclosedString),
        ("a eq \"x\ny\"", 7..8, Kind::ControlCharacter),
        ("a eq \"\0\"", 6..7, Kind::ControlCharacter),
        (r#"a eq "\x""#, 6..8, Kind::InvalidEscape),
        (r#"a eq "b\'c""#, 7..9, Kind::InvalidEscape),
        (r#"a eq "\u12g4""#, 6..12, Kind::InvalidEscape),
        (r#"a eq "\ud83d""#, 6..12, Kind::InvalidEscape),
        (r#"a eq "\ude00\ud83d""#, 6..12, Kind::InvalidEscape),
        // Names
        ("a.b.c pr", 3..5, Kind::Name(PathError::TooDeep { offset: 3 })),
        ("a. pr", 2..2, Kind::Name(PathError::MissingName { offset: 2 })),
        (".a pr", 0..0, Kind::Name(PathError::MissingName { offset: 0 })),
        (
            "urn:x: pr",
            6..6,
            Kind::Name(PathError::MissingName { offset: 6 }),
        ),
        ("1a pr", 0..1, illegal('1', 0)),
        ("größe pr", 2..4, illegal('ö', 2)),
        ("userName=\"x\"", 8..9, illegal('=', 8)),
        ("a,b pr", 1..2, illegal(',', 1)),
        // Grouping
        (r#"(userName eq "a""#, 16..16, Kind::Unclosed { closing: ')' }),
        ("((a pr)", 7..7, Kind::Unclosed { closing: ')' }),
        ("(a pr]", 5..6, Kind::Unclosed { closing: ')' }),
        ("e[a pr", 6..6, Kind::Unclosed { closing: ']' }),
        ("e[a pr)", 6..7, Kind::Unclosed { closing: ']' }),
        ("e[(a pr]", 7..8, Kind::Unclosed { closing: ')' }),
        ("a pr)", 4..5, Kind::Unopened { found: ')' }),
        ("a pr]", 4..5, Kind::Unopened { found: ']' }),
        ("(a pr))", 6..7, Kind::Unopened { found: ')' }),
        ("e[b[c pr]]", 3..4, Kind::NestedValuePath),
        ("e[a pr or b[c pr]]", 11..12, Kind::NestedValuePath),
        (r#"e[a pr].b eq "x""#, 7..9, Kind::SubAttributeAfterValuePath),
        // Trailing input
        ("a pr b pr", 5..6, unexpected("b")),
        (
            "a pr andd b pr",
            5..9,
            Kind::Unexpected {
                found: found("andd"),
                suggestion: Some(found("and")),
            },
        ),
        ("a pr aä b pr", 5..8, unexpected("aä")),
        ("a pr 出 b pr", 5..8, unexpected("出")),
        (r#"a pr or"b" pr"#, 7..7, Kind::MissingBlank),
        (r#"a pr "x""#, 5..6, unexpected("\"")),
        ("a eq 1 2", 7..8, unexpected("2")),
        ("a pr, b pr", 2..5, operator("pr,", Some("pr"))),
        ("a pr && b pr", 5..7, unexpected("&&")),
        ("e[a pr]x", 7..8, unexpected("x")),
        ("(a pr)(b pr)", 6..7, unexpected("(")),
    ]
}

#[test]
fn what_the_grammar_excludes_is_refused_with_its_place() {
    let mut wrong = Vec::new();
    for (text, span, kind) in refused() {
        let error = Filter::parse(text).expect_err(text);
        if (error.span(), error.kind()) != (span.clone(), &kind) {
            wrong.push(format!(
                "{text}\n  {:?} {:?}\n  {span:?} {kind:?}",
                error.span(),
                error.kind()
            ));
        }
        let body = error.to_error_body();
        assert_eq!(
            (body.status, body.scim_type),
            (400, Some(ScimType::InvalidFilter)),
            "{text}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_show_the_text_with_a_caret() {
    let mut shown = String::new();
    for (text, _, _) in refused() {
        let error = Filter::parse(text).unwrap_err();
        writeln!(shown, "{}\n---", error.display_with(text)).unwrap();
    }
    let long = format!(
        "{} and userName eg \"x\" and {}",
        ["title pr"; 20].join(" and "),
        ["title pr"; 20].join(" and ")
    );
    writeln!(
        shown,
        "{}\n---",
        Filter::parse(&long).unwrap_err().display_with(&long)
    )
    .unwrap();
    insta::assert_snapshot!(shown);
}

#[test]
fn an_error_body_repeats_no_more_of_the_filter_than_the_fault() {
    let text = format!(r#"userName eq "secret" and title {}"#, "x".repeat(10_000));
    let ErrorBody { detail, .. } = Filter::parse(&text).unwrap_err().to_error_body();
    assert!(!detail.contains("secret") && detail.len() < 250, "{detail}");
}

#[test]
fn a_comparison_after_a_value_path_is_one_of_the_same_element() {
    for (text, expected) in [
        (
            r#"emails[type eq "work"].value eq "x""#,
            r#"emails[type eq "work" and value eq "x"]"#,
        ),
        (
            "emails[primary eq true].value pr",
            "emails[primary eq true and value pr]",
        ),
        (
            r#"emails[type eq "a" or type eq "b"].value sw "x" and title pr"#,
            r#"emails[(type eq "a" or type eq "b") and value sw "x"] and title pr"#,
        ),
    ] {
        assert_eq!(interop(text).unwrap(), Filter::parse(expected).unwrap(), "{text}");
        let without = Dialect::interop().without(Quirk::ValuePathComparison);
        assert!(
            Filter::parse_with(text, &Limits::default(), without).is_err(),
            "{text}"
        );
    }
    for text in [
        "e[a pr]. pr",
        "e[a pr].b.c pr",
        "e[a pr].urn:x:b pr",
        "e[a pr].b",
        "e[a pr].b[c pr]",
        "e[a pr].b eq x",
    ] {
        assert!(interop(text).is_err(), "{text}");
    }
}

#[test]
fn dates_without_quotes_are_strings_where_the_dialect_has_them() {
    for (text, expected) in [
        (
            "meta.Created gt 2015-10-10T14:38:21.8617979-07:00",
            r#"meta.Created gt "2015-10-10T14:38:21.8617979-07:00""#,
        ),
        ("(a eq 2015-10-10T14:38:21Z)", r#"a eq "2015-10-10T14:38:21Z""#),
        ("e[a eq 2015-10-10T14:38:21]", r#"e[a eq "2015-10-10T14:38:21"]"#),
    ] {
        assert_eq!(interop(text).unwrap(), Filter::parse(expected).unwrap(), "{text}");
        assert!(Filter::parse(text).is_err(), "{text}");
    }
    assert_eq!(interop("a eq 2015").unwrap().to_sexpr(), "(eq a 2015)");
    assert!(interop("a eq 2015-10-10").is_err());
    assert!(interop("a eq 2015-13-10T14:38:21Z").is_err());
}

#[test]
fn a_backslash_that_begins_no_escape_is_itself_where_the_dialect_has_it() {
    for (text, expected) in [
        (r#"userName eq "domain\user""#, r"domain\user"),
        (r#"userName eq "domain\u12g4\x""#, r"domain\u12g4\x"),
        (r#"userName eq "\x\ä\1""#, r"\x\ä\1"),
        (r#"userName eq "\u00E4\user\t\"\\\u""#, "ä\\user\t\"\\\\u"),
        (r"userName eq 'domain\user'", r"domain\user"),
    ] {
        let expected = Filter::eq(AttrPath::attribute("userName"), expected);
        assert_eq!(interop(text), Ok(expected.clone()), "{text}");
        assert_eq!(Filter::parse(&expected.to_string()), Ok(expected), "{text}");
        let error = Filter::parse(text).unwrap_err();
        let refused = [Kind::InvalidEscape, Kind::SingleQuotes];
        assert!(refused.contains(error.kind()), "{text}");
    }
    let text = r#"userName eq "domain\user""#;
    let detail = Filter::parse(text).unwrap_err().to_error_body().detail;
    assert!(detail.contains(r"a backslash itself is written \\"), "{detail}");
    // Half of a pair is an escape, of no character.
    assert!(interop(r#"userName eq "\x\ud83d""#).is_err());
    assert!(interop(r#"userName eq "domain\""#).is_err());
    let path = PatchPath::parse_with(
        r#"emails[value eq "a\x"]"#,
        &Limits::default(),
        Dialect::interop(),
    );
    assert_eq!(path.unwrap().to_string(), r#"emails[value eq "a\\x"]"#);
}

#[test]
fn strings_in_single_quotes_are_read_where_the_dialect_has_them() {
    let read = interop("userName eq 'a \"b\" c' and title pr").unwrap();
    assert_eq!(read.to_string(), r#"userName eq "a \"b\" c" and title pr"#);
    for text in [
        "a eq 'x",
        r"a eq 'x\n'",
        "a eq 'x\ny'",
        "a eq 'x'y",
        "a eq 'x'and b pr",
    ] {
        assert!(interop(text).is_err(), "{text}");
    }
}

#[test]
fn the_paths_of_figure_8_read_and_print_as_written() {
    for text in RFC_PATHS.lines() {
        assert_eq!(PatchPath::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_path_has_an_attribute_a_value_filter_and_a_sub_attribute() {
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for (text, attr, filter, sub) in [
        ("name.familyName", "name.familyName", None, None),
        (
            "members[ value eq \"x\" ]",
            "members",
            Some("value eq \"x\""),
            None,
        ),
        (
            "emails[type eq \"a]b\"].value",
            "emails",
            Some("type eq \"a]b\""),
            Some("value"),
        ),
        (
            "emails[not (type eq \"x\") and primary eq true].$ref",
            "emails",
            Some("not (type eq \"x\") and primary eq true"),
            Some("$ref"),
        ),
        (urn, urn, None, None),
        (
            &format!("{urn}:manager.value"),
            &format!("{urn}:manager.value"),
            None,
            None,
        ),
        (
            &format!("{urn}:e[a pr].b"),
            &format!("{urn}:e"),
            Some("a pr"),
            Some("b"),
        ),
    ] {
        let path = PatchPath::parse(text).unwrap();
        assert_eq!(path.attr.to_string(), attr, "{text}");
        assert_eq!(
            path.filter.map(|filter| filter.to_string()).as_deref(),
            filter,
            "{text}"
        );
        assert_eq!(path.sub.as_ref().map(AttrName::as_str), sub, "{text}");
    }
}

#[test]
fn what_is_no_path_is_an_invalid_path() {
    let mut shown = String::new();
    for text in [
        "",
        "name.",
        "name.familyName.x",
        "emails[",
        "emails[]",
        "emails[type eq \"work\"",
        "emails[type eq \"work\"]value",
        "emails[type eq \"work\"].",
        "emails[type eq \"work\"].a.b",
        "emails[type eq \"work\"].urn:x:a",
        "emails[type eq \"work\"].value[a pr]",
        "emails[type eq \"work\"][a pr]",
        "emails[a[b pr]]",
        "members[display eq kim,value eq x]",
        "emails type",
        "userName eq \"x\"",
        "emails[type eq 'work']",
        "(userName)",
    ] {
        let error = PatchPath::parse(text).expect_err(text);
        let body = error.to_error_body();
        assert_eq!(
            (body.status, body.scim_type),
            (400, Some(ScimType::InvalidPath)),
            "{text}"
        );
        writeln!(shown, "{}\n  {}\n---", error.display_with(text), body.detail).unwrap();
    }
    insta::assert_snapshot!(shown);
}
