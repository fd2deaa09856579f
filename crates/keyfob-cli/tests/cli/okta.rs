//! `keyfob map` with expressions of Okta.

use serde_json::{Value, json};

use crate::process::{Finished, run};

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../testdata/okta/expressions.json"
);

fn eval(arguments: &[&str], source: &str) -> Finished {
    run(
        &[&["map", "eval", "--dialect", "okta", "--attrs", "-"], arguments].concat(),
        source,
    )
}

#[test]
fn eval_prints_the_value_as_okta_writes_it() {
    let source = r#"{"user": {"firstName": "Winston", "roles": ["a", "b"], "isContractor": false}}"#;
    for (expression, expected) in [
        ("toLowerCase(user.firstName)", "winston\n"),
        ("!user.isContractor", "true\n"),
        ("user.roles", "a\nb\n"),
        ("String.len(user.firstName) + 0.5", "7.5\n"),
        ("user.lastName", ""),
    ] {
        let finished = eval(&[expression], source);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(0), expected),
            "{finished:?}"
        );
    }
    let finished = eval(&["--json", "{1, 2.5, true, null, 'a'}"], source);
    let printed: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(printed, json!({"value": [1, 2.5, true, null, "a"]}));
}

#[test]
fn eval_shows_where_an_expression_is_wrong_and_closes_with_1() {
    let finished = eval(&["String.touppercase(user.x)"], "{}");
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    assert!(
        finished.stderr.contains("did you mean `String.toUpperCase`?"),
        "{finished:?}"
    );
    let finished = eval(&["--json", "hasDirectoryUser()"], "{}");
    assert_eq!(finished.code, Some(1));
    let printed: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(printed["error"]["kind"], "eval");
}

#[test]
fn test_runs_vectors_that_say_okta() {
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap();
    let finished = run(&["map", "test", VECTORS], "");
    assert_eq!(
        (finished.code, finished.stdout),
        (Some(0), format!("{} passed, 0 failed\n", vectors.len()))
    );
    let wrong = r#"[{"id": "a", "dialect": "okta", "expr": "1 + 1", "expected": "2"},
                    {"id": "b", "dialect": "okta", "expr": "1 + 1", "expected": 3}]"#;
    let finished = run(&["map", "test", "-"], wrong);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("b: expected 3, got"), "{finished:?}");
}
