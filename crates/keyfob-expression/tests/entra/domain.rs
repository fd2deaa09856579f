//! Requirements M-1 to M-5 of the provisioning domain: the expression that maps `active`, and what is no expression.

use keyfob_expression::{ErrorClass, Expression, ParseErrorKind, Value};

use crate::evaluate::{evaluate, source};

const ACTIVE: &str = r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#;

#[test]
fn the_mapping_of_active_has_an_empty_default_and_prints_as_it_was_written_m_1() {
    let expression = Expression::parse(ACTIVE).unwrap();
    let Expression::Call { function, arguments } = &expression else {
        panic!("{expression:?}");
    };
    assert_eq!(function.name(), "Switch");
    let text = |text: &str| Some(Expression::Text(text.into()));
    assert_eq!(
        arguments,
        &[
            Some(Expression::Attribute("IsSoftDeleted".into())),
            None,
            text("False"),
            text("True"),
            text("True"),
            text("False"),
        ]
    );
    assert_eq!(expression.to_string(), ACTIVE);
}

#[test]
fn keys_and_values_of_switch_come_in_pairs_m_2() {
    for (deleted, active) in [("False", "True"), ("True", "False")] {
        let mut source = source("{}");
        source.insert("IsSoftDeleted", deleted);
        assert_eq!(evaluate(ACTIVE, &source), Ok(active.into()));
    }
    let odd = r#"Switch([IsSoftDeleted], , "False", "True", "True")"#;
    let error = Expression::parse(odd).unwrap_err();
    assert_eq!(
        (error.class(), odd.get(error.span())),
        (ErrorClass::Arity, Some("\"True\""))
    );
    assert_eq!(error.span().end, odd.len() - 1);
}

#[test]
fn switch_compares_with_case_m_3() {
    let lower = source(r#"{"IsSoftDeleted": "false"}"#);
    assert_eq!(evaluate(ACTIVE, &lower), Ok(Value::Null));
    let folded = r#"Switch(ToLower([IsSoftDeleted]), , "false", "True", "true", "False")"#;
    assert_eq!(evaluate(folded, &lower), Ok("True".into()));
}

#[test]
fn booleans_are_compared_as_true_and_false_m_4() {
    for (deleted, active) in [("false", "True"), ("true", "False")] {
        let source = source(&format!("{{\"IsSoftDeleted\": {deleted}}}"));
        assert_eq!(evaluate(ACTIVE, &source), Ok(active.into()));
    }
}

#[test]
fn what_is_no_expression_is_refused_whatever_its_size_m_5() {
    for (text, kind) in [
        ("\"open", ParseErrorKind::UnclosedText),
        ("[open", ParseErrorKind::UnclosedAttribute),
        ("[a]]", ParseErrorKind::Unexpected { found: "]".into() }),
        (
            "Append([a]], \"\")",
            ParseErrorKind::Unexpected { found: "]".into() },
        ),
    ] {
        assert_eq!(Expression::parse(text).unwrap_err().kind(), &kind, "{text}");
    }
    let too_long = ParseErrorKind::TooLong { limit: 10_000 };
    for part in ["Not(", "[", "\"", "(", ",", "=", "\\", " ", "a", "\u{1F600}"] {
        let text = part.repeat((1 << 20) / part.len());
        assert_eq!(Expression::parse(&text).unwrap_err().kind(), &too_long, "{part}");
        let short = part.repeat(9_000 / part.len());
        assert!(Expression::parse(&short).is_err(), "{part}");
    }
}
