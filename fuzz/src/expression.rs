//! Mapping expressions: nothing panics, everything that is read prints as what reads back, and evaluation ends.

use keyfob_expression::{
    Environment, Expression, FunctionSet, Options, Outcome, Program, SeededEntropy, Source, lint,
};

/// Values of every kind, under names that are quick to guess.
const SOURCE: &[u8] = r#"{
    "a": "John.Doe@contoso.com", "b": "", "c": "2021-08-18+08:00", "d": 129699324000000000, "e": 1.5, "f": true,
    "g": ["SMTP:x", "smtp:y", ""], "h": null, "i": "ŁÉ ﬁß\u0130\ud83d\ude00", "j": [{"id": "1", "value": "role"}],
    "k": "7", "l": [], "m": "M/d/yyyy h:mm:ss tt", "n": "(\\w+)(?<x>a)*", "o": {"p": "q"}
}"#
.as_bytes();

/// No text makes reading, printing, checking, evaluating or looking for mistakes panic; errors and lints point into
/// the text; the same source gives the same outcome.
pub fn expression_total(text: &str) {
    let mut options = Options::default();
    options.functions = FunctionSet::CloudSync.into();
    // Less than by default, for the sake of speed.
    options.limits.work = 256 * 1024;
    for extended in [false, true] {
        options.extended_diacritics = extended;
        let program = match Program::read(text, &options) {
            Ok(program) => program,
            Err(error) => {
                let span = error.span_in(text).unwrap();
                assert!(text.get(span).is_some(), "{error:?}");
                let _ = error.display_with(text);
                return;
            }
        };
        for lint in lint::expression(text, &options).unwrap() {
            assert!(text.get(lint.span.clone().unwrap()).is_some(), "{lint:?}");
        }
        let source = Source::from_json(SOURCE).unwrap();
        let evaluate = || {
            let entropy = SeededEntropy::new(1);
            let now = "2026-01-01T12:00:00Z".parse().unwrap();
            program.evaluate(&source, &Environment::new(now, &entropy))
        };
        let outcome = evaluate();
        assert_eq!(outcome, evaluate());
        match outcome {
            Ok(Outcome::Value(value)) => {
                let _ = (value.to_text(), value.to_log());
                serde_json::from_str::<serde_json::Value>(&value.to_json()).unwrap();
            }
            Ok(_) => {}
            Err(error) => {
                assert!(
                    error.span_in(text).is_some_and(|span| text.get(span).is_some()),
                    "{error:?}"
                );
                let _ = error.display_with(text).to_string();
            }
        }
    }
}

/// An expression prints as a text that reads back as the expression, and prints the same again.
pub fn expression_roundtrip(text: &str) {
    let mut options = Options::default();
    options.functions = FunctionSet::CloudSync.into();
    let Ok(expression) = Expression::parse_with(text, &options) else {
        return;
    };
    // What is printed may be longer than what was read, by its blanks and escapes.
    options.limits.characters *= 4;
    let printed = expression.to_string();
    let again = Expression::parse_with(&printed, &options);
    assert_eq!(again.as_ref(), Ok(&expression), "{printed}");
    assert_eq!(again.unwrap().to_string(), printed);
}
