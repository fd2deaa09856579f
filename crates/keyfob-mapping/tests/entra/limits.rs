//! What an expression may cost: length, depth, work, stack.

use std::{thread, time::Instant};

use keyfob_mapping::{EvaluateErrorKind, Expression, Limits, Options, ParseErrorKind, Program, Value, lint};

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
    let long = "x".repeat(60_000);
    let list: Vec<Value> = (0..60).map(Value::from).collect();
    let mut source = source("{}");
    source.insert("long", long.as_str());
    source.insert("list", list);
    source.insert("text", "a".repeat(3_000));
    let values = "[list]";
    let chosen = (0..6).fold(values.to_owned(), |inner, _| {
        format!("Switch([list], {inner}, \"k\", \"v\")")
    });
    // Each is tried three times, as whoever else uses the machine may slow it down.
    let stopped = |text: &str| {
        let tries = (0..3).map(|_| {
            let start = Instant::now();
            let error = evaluate(text, &source).unwrap_err();
            (error, start.elapsed())
        });
        tries.min_by_key(|(_, time)| *time).unwrap()
    };
    let (_, unit) = stopped(&format!("Join(\"\"{})", ", [long]".repeat(900)));
    for text in [
        format!("Join(\"\"{})", ", [long]".repeat(900)),
        "Replace([long], \"x\", , , [long], , )".into(),
        "Replace([long], , \"x\", , [long], , )".into(),
        "Replace([long], , \"x\", , \"$_\", , )".into(),
        "Word([long], 2, [long])".into(),
        "InStr([long], Append([long], \"y\"), 1, vbTextCompare)".into(),
        "PCase([long], [long])".into(),
        chosen,
        // A pattern that looks far ahead, and is used again and again.
        (0..40).fold("[text]".into(), |inner, _| {
            format!("Replace({inner}, , \"a*a*b|.\", , \"$0\", , )")
        }),
    ] {
        let (error, time) = stopped(&text);
        let is_stopped = matches!(
            error.kind(),
            EvaluateErrorKind::TooMuchWork { .. } | EvaluateErrorKind::Regex(_)
        );
        assert!(is_stopped, "{text:.40}: {error}");
        // What is charged is what is done: no unit of work takes a thousand times as long as another, one of a regular
        // expression (some 150 without optimisations) included.
        assert!(
            time < 1_000 * unit,
            "{text:.40}: {time:?}, and {unit:?} for copies"
        );
    }
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
