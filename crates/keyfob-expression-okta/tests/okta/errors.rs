//! How faults are told to people.

use insta::assert_snapshot;
use keyfob_expression::{ErrorClass, Source};
use keyfob_expression_okta::{Context, Expression, ParseErrorKind, ParseOptions};

fn rendered(text: &str) -> String {
    let error = Expression::parse(text).unwrap_err();
    error.display_with(text).to_string()
}

#[test]
fn a_fault_is_shown_under_its_place_with_what_was_meant() {
    let faults = [
        "String.touppercase(user.login)",
        "user.profile.login.toUppercase()",
        "user.profile.login.contains()",
        "user.city = 'Paris'",
        "user.city == 'Paris' == true",
        "user.salary > ",
        "user.salary gt 3",
        "true ? 1",
        "(user.a + user.b",
        "{1, 2",
        "String.append('a')",
        "String.stringSwitch(user.a, 'x', 'y', 'z', 'v')",
        "Time.now() == '' ? 1 : 2",
        "2 * 3",
        "'abc",
        "\u{2018}abc\u{2019}",
        "12px",
        "99999999999999999999",
        "user.",
        "user.firstName user.lastName",
        "{'a': 1, 2}",
        "#root",
    ];
    let all: Vec<String> = faults.iter().map(|text| rendered(text)).collect();
    assert_snapshot!(all.join("\n\n"));
}

#[test]
fn limits_are_checked_before_the_work_is_done() {
    let options = {
        let mut options = ParseOptions::default();
        options.bytes = 40;
        options.depth = 3;
        options.terms = 4;
        options
    };
    let kind = |text: &str| Expression::parse_with(text, &options).unwrap_err().kind().clone();
    assert_eq!(kind(&"a".repeat(41)), ParseErrorKind::TooLong { limit: 40 });
    assert_eq!(kind("((((1))))"), ParseErrorKind::TooDeep { limit: 3 });
    assert_eq!(kind("!!!!true"), ParseErrorKind::TooDeep { limit: 3 });
    assert_eq!(kind("a[0][0][0]"), ParseErrorKind::TooDeep { limit: 3 });
    assert_eq!(kind("a ?: b ?: c ?: d"), ParseErrorKind::TooDeep { limit: 3 });
    assert_eq!(
        kind("a + a + a + a + a"),
        ParseErrorKind::TooManyTerms { limit: 4 }
    );
    assert!(Expression::parse_with("((1)) + 2 + 3 + 4", &options).is_ok());
}

#[test]
fn any_function_decides_where_the_caller_lets_it() {
    let text = "Arrays.isEmpty(user.roles) ? 'none' : 'some'";
    assert!(Expression::parse(text).is_err());
    let options = {
        let mut options = ParseOptions::default();
        options.any_function_decides = true;
        options
    };
    assert!(Expression::parse_with(text, &options).is_ok());
}

#[test]
fn an_evaluation_that_fails_says_which_function_and_why() {
    let source = Source::from_json(br#"{"user": {"city": "Paris", "roles": ["a"]}}"#).unwrap();
    let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse().unwrap());
    let faults = [
        "String.substring(user.city, 0, 9)",
        "String.len(user.roles)",
        "user.city ? 1 : 2",
        "user.city - 1",
        "user.roles < 3",
        "Arrays.get(user.roles, 3)",
        "Convert.toInt(user.city)",
        "Convert.toInt(99999999999)",
        "Time.now('Mars')",
        "Time.fromIso8601ToUnix('soon')",
        "Time.fromIso8601ToString('2026-01-01', 'yyyy-bb')",
        "user.city matches '('",
        "isMemberOfGroupName('a')",
        "Arrays.get(user.roles, 0).x",
    ];
    let all: Vec<String> = faults
        .iter()
        .map(|text| {
            Expression::parse(text)
                .unwrap()
                .evaluate(&cx)
                .unwrap_err()
                .to_string()
        })
        .collect();
    assert_snapshot!(all.join("\n"));
}

#[test]
fn texts_that_grow_without_end_are_stopped() {
    let source = Source::from_iter([("a", "x".repeat(1000))]);
    let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse().unwrap());
    let grown = (0..4).fold("a".to_owned(), |text, _| {
        format!("String.replace({text}, 'x', a)")
    });
    let error = Expression::parse(&grown).unwrap().evaluate(&cx).unwrap_err();
    assert_eq!(error.to_string(), "the values hold more than 1048576 bytes");
}

#[test]
fn a_regular_expression_that_backtracks_forever_is_stopped() {
    let source = Source::from_iter([("a", "a".repeat(64))]);
    let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse().unwrap());
    let expression = Expression::parse(r"a matches '(?:(a+)\1?)+b'").unwrap();
    assert_eq!(expression.evaluate(&cx).unwrap_err().class(), ErrorClass::Eval);
}
