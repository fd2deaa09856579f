//! Expressions in a program that is built without the feature `regex`.
#![cfg(not(feature = "regex"))]

use keyfob_expression::{
    CompileErrorKind, Environment, EvaluateErrorKind, Expression, Options, Outcome, Program, SeededEntropy,
    Source,
};

#[test]
fn a_pattern_is_an_error_of_the_expression_at_its_place() {
    for (text, pattern) in [
        (r#"Replace([mobile], , "[()\\s-]+", , "", , )"#, r#""[()\\s-]+""#),
        (
            r#"Replace([mobile], , "(?<n>\\d+)", "n", "-", , )"#,
            r#""(?<n>\\d+)""#,
        ),
        (
            r#"Replace([mobile], , "(?<n>\\d+)", "n", , "phone", )"#,
            r#""(?<n>\\d+)""#,
        ),
        // What no build could compile, and what is a pattern for some sources alone, is refused at the same place.
        (r#"Replace([mobile], , "(", , "", , )"#, r#""(""#),
        (r#"Replace([mobile], , [pattern], , "", , )"#, "[pattern]"),
        (
            r#"ToUpper(Replace([mobile], , Append("a", "+"), , "", , ))"#,
            "Append",
        ),
    ] {
        let expression = Expression::parse(text).unwrap();
        let error = Program::compile(&expression, &Options::default()).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                CompileErrorKind::Value(EvaluateErrorKind::NoRegex { .. })
            ),
            "{text}: {error}"
        );
        assert_eq!(
            error.span_in(text).and_then(|span| text.get(span)),
            Some(pattern),
            "{text}"
        );
    }
}

#[test]
fn the_error_says_what_is_missing_and_what_needs_no_pattern() {
    let text = r#"Replace([mobile], , "[()\\s-]+", , "", , )"#;
    let error = Program::read(text, &Options::default()).unwrap_err();
    assert_eq!(
        error.display_with(text).to_string(),
        r#"the argument `RegularExpression` of `Replace` needs the feature `regex` of keyfob-expression
  Replace([mobile], , "[()\\s-]+", , "", , )
                      ^^^^^^^^^^^ expected `Find`, which replaces a text without a pattern"#
    );
}

#[test]
fn what_needs_no_pattern_is_evaluated_as_ever() {
    let source = Source::from_iter([("mobile", "020 7946")]);
    let entropy = SeededEntropy::new(1);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    for (text, expected) in [
        (r#"Replace([mobile], " ", , , "-", , )"#, "020-7946"),
        (r#"Replace([mobile], "%m%", , , , , "tel:%m%")"#, "tel:020 7946"),
    ] {
        let program = Program::read(text, &Options::default()).unwrap();
        let outcome = program.evaluate(&source, &environment).unwrap();
        assert_eq!(outcome, Outcome::Value(expected.into()), "{text}");
    }
}
