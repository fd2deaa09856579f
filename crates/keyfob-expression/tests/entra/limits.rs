//! What an expression may cost: length, depth, work, stack.

use std::thread;

use keyfob_expression::{
    EvaluateErrorKind, Expression, Limits, Options, ParseErrorKind, Program, Source, Value, lint,
};

use crate::evaluate::{evaluate, evaluate_with, source};

fn in_512_kib(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(512 * 1024).spawn(work).unwrap();
    thread.join().unwrap();
}

fn nested(levels: usize) -> String {
    format!("{}[a]{}", "Not(".repeat(levels), ")".repeat(levels))
}

#[test]
fn an_expression_has_at_most_10_000_characters_of_utf_16() {
    let of_length = |text: &str, count: usize| format!("\"{}\"", text.repeat(count));
    assert!(Expression::parse(&of_length("a", 9_998)).is_ok());
    assert!(Expression::parse(&of_length("é", 9_998)).is_ok());
    assert!(Expression::parse(&of_length("😀", 4_999)).is_ok());
    for text in [of_length("a", 9_999), of_length("😀", 5_000)] {
        let error = Expression::parse(&text).unwrap_err();
        assert_eq!(error.kind(), &ParseErrorKind::TooLong { limit: 10_000 });
        assert!(error.display_with(&text).to_string().len() < 1_000);
    }
}

#[test]
fn the_deepest_expression_is_read_printed_evaluated_and_dropped_within_512_kib_of_stack() {
    in_512_kib(|| {
        let depth = Limits::default().depth;
        let text = format!(
            "{}[a]{}",
            "IIF([b] = ".repeat(depth - 1),
            ", Left([c], 1), Split(\"d\", \"e\"))".repeat(depth - 1)
        );
        // The comparison is with the next `IIF`.
        let expression = Expression::parse(&text).unwrap();
        assert_eq!(Expression::parse(&expression.to_string()), Ok(expression.clone()));
        let program = Program::compile(&expression, &Options::default()).unwrap();
        assert_eq!(program.reads(), ["b", "a", "c"]);
        let deep = nested(depth);
        assert_eq!(
            evaluate(&deep, &source(r#"{"a": true}"#)),
            Ok(Value::Boolean(true))
        );
        assert!(lint::expression(&deep, &Options::default()).unwrap().is_empty());
    });
}

#[test]
fn deeper_calls_are_refused_at_the_call_that_is_too_deep() {
    let mut options = Options::default();
    options.limits.depth = 2;
    let text = nested(3);
    let error = Expression::parse_with(&text, &options).unwrap_err();
    assert_eq!(
        (error.kind(), error.span()),
        (&ParseErrorKind::TooDeep { limit: 2 }, 8..11)
    );
    let made = Expression::parse(&text).unwrap();
    assert!(Program::compile(&made, &options).is_err());
    assert!(Program::compile(&Expression::parse(&nested(2)).unwrap(), &options).is_ok());
}

#[test]
fn what_multiplies_text_or_lists_is_stopped_by_the_limit_of_work() {
    let source = multiplied(60_000, 60);
    for (text, _) in multiplications(900, 6) {
        let error = evaluate(&text, &source).unwrap_err();
        let is_stopped = matches!(
            error.kind(),
            EvaluateErrorKind::TooMuchWork { .. } | EvaluateErrorKind::Regex(_)
        );
        assert!(is_stopped, "{text:.40}: {error}");
    }
}

#[test]
fn the_work_that_is_counted_is_at_least_the_text_that_is_gone_through() {
    let source = multiplied(100, 4);
    for (text, done) in multiplications(9, 3) {
        assert!(evaluate(&text, &source).is_ok(), "{text:.40}");
        let mut options = Options::default();
        options.limits.work = done - 1;
        assert!(
            evaluate_with(&text, &source, &options).is_err(),
            "{text:.40}: {done}"
        );
    }
}

/// A text of so many letters and a list of so many values.
fn multiplied(letters: usize, values: i64) -> Source {
    let mut source = Source::new();
    source.insert("long", "x".repeat(letters));
    source.insert("list", (0..values).map(Value::from).collect::<Vec<_>>());
    source.insert("text", "a".repeat(letters.min(3_000)));
    source
}

/// Expressions that make much of little, and how many bytes each goes through at least, where `long` has 100 letters
/// and `list` four values.
fn multiplications(copies: usize, levels: usize) -> Vec<(String, usize)> {
    let square = 100 * 100;
    let nested = (0..levels).fold("[list]".to_owned(), |inner, _| {
        format!("Switch([list], {inner}, \"k\", \"v\")")
    });
    vec![
        (format!("Join(\"\"{})", ", [long]".repeat(copies)), copies * 100),
        ("Replace([long], \"x\", , , [long], , )".into(), square),
        ("Replace([long], , \"x\", , [long], , )".into(), square),
        ("Replace([long], , \"x\", , \"$_\", , )".into(), square),
        ("Word([long], 2, [long])".into(), square),
        (
            "InStr([long], Append([long], \"y\"), 1, vbTextCompare)".into(),
            square,
        ),
        ("PCase([long], [long])".into(), square),
        (nested, 4 * 4 * 4 * 4),
        // A pattern that looks as far ahead as the text goes for each of its matches.
        (
            (0..levels).fold("[text]".into(), |inner, _| {
                format!("Replace({inner}, , \"a*b|.\", , \"$0\", , )")
            }),
            levels * square / 2,
        ),
    ]
}

#[test]
fn a_limit_of_work_that_is_enough_changes_nothing() {
    let mut options = Options::default();
    options.limits.work = 200;
    let source = source(r#"{"a": "x"}"#);
    assert_eq!(
        evaluate_with("Append([a], \"y\")", &source, &options),
        Ok("xy".into())
    );
    assert!(
        evaluate_with(
            "Append(Append(Append(Append([a], \"y\"), \"y\"), \"y\"), \"y\")",
            &source,
            &options
        )
        .is_err()
    );
}
