//! `keyfob map`: values of expressions, files of vectors, and what is said of what is wrong.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Finished, run};

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../testdata/entra/expressions.json"
);

fn map(arguments: &[&str]) -> Finished {
    run(&[&["map"], arguments].concat(), "")
}

fn eval_json(arguments: &[&str]) -> (Option<i32>, Value) {
    let finished = map(&[&["eval"], arguments, &["--json"]].concat());
    assert_eq!(finished.stderr, "", "{finished:?}");
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    (finished.code, serde_json::from_str(&finished.stdout).unwrap())
}

/// A file of a folder that lives as long as the test.
fn file(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_vector_passes() {
    let finished = map(&["test", VECTORS]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "331 passed, 0 failed\n"),
        "{finished:?}"
    );
}

#[test]
fn every_published_expression_passes() {
    let published = VECTORS.replace("expressions.json", "expressions-2.json");
    let finished = map(&["test", &published]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "33 passed, 0 failed\n"),
        "{finished:?}"
    );
}

#[test]
fn a_vector_that_fails_is_printed_and_is_a_negative_answer() {
    let folder = TempDir::new().unwrap();
    let vectors = file(
        &folder,
        "vectors.json",
        r#"[{"id": "right", "expr": "ToUpper([a])", "attrs": {"a": "x"}, "expected": "X"},
            {"id": "wrong", "expr": "ToLower([a])", "attrs": {"a": "X"}, "expected": "X"},
            {"id": "error", "expr": "ToLower()", "expected": "X"}]"#,
    );
    let finished = map(&["test", &vectors]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(
        finished.stdout,
        concat!(
            "wrong: expected \"X\", got \"x\"\n  ToLower([a])\n",
            "error: expected \"X\", got the error arity: `ToLower` needs an argument `source`\n  ToLower()\n",
            "1 passed, 2 failed\n",
        )
    );
    let both = map(&["test", &vectors, VECTORS]);
    assert!(both.stdout.ends_with("332 passed, 2 failed\n"), "{both:?}");
}

#[test]
fn files_that_are_none_of_vectors_are_unusable() {
    let folder = TempDir::new().unwrap();
    let vectors = file(&folder, "vectors.json", r#"[{"id": "a", "expr": "Now()"}]"#);
    map(&["test", &vectors]).assert_unusable("vector a: it says nothing of what is expected");
    map(&["test", "/nowhere"]).assert_unusable("/nowhere");
    assert_eq!(map(&["test"]).code, Some(2));
}

#[test]
fn eval_prints_the_value_for_people() {
    let folder = TempDir::new().unwrap();
    let attrs = file(&folder, "user.json", r#"{"a": "x", "m": ["p", "q"]}"#);
    for (expression, stdout, stderr) in [
        ("ToUpper([a])", "X\n", ""),
        ("[m]", "p\nq\n", ""),
        ("[missing]", "", "no value\n"),
        (
            "IgnoreFlowIfNullOrEmpty([missing])",
            "",
            "the attribute is left out of the flow\n",
        ),
    ] {
        let finished = map(&["eval", expression, "--attrs", &attrs]);
        assert_eq!(
            (finished.code, finished.stdout.as_str(), finished.stderr.as_str()),
            (Some(0), stdout, stderr),
            "{expression}"
        );
    }
    let refused = map(&["eval", "Lower([a])", "--attrs", &attrs]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        refused.stderr,
        "`Lower` is not a function\n  Lower([a])\n  ^^^^^\ndid you mean `ToLower`?\n"
    );
}

#[test]
fn eval_prints_values_errors_and_lints_as_json() {
    let folder = TempDir::new().unwrap();
    let attrs = file(
        &folder,
        "user.json",
        r#"{"a": "x", "n": 7, "m": ["p", true], "IsSoftDeleted": false}"#,
    );
    let taken = file(&folder, "taken.json", r#"["X"]"#);
    let eval = |expression: &str| {
        eval_json(&[
            expression,
            "--attrs",
            &attrs,
            "--taken",
            &taken,
            "--now",
            "2021-07-02T15:33:38Z",
        ])
    };
    for (expression, value) in [
        (
            r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
            json!("True"),
        ),
        ("[n]", json!("7")),
        ("[m]", json!(["p", "True"])),
        ("[missing]", json!(null)),
        ("Now()", json!("7/2/2021 3:33:38 PM")),
        (r#"SelectUniqueValue([a], Append([a], "2"))"#, json!("x2")),
    ] {
        assert_eq!(
            eval(expression),
            (Some(0), json!({"value": value})),
            "{expression}"
        );
    }
    assert_eq!(
        eval("IgnoreFlowIfNullOrEmpty([missing])"),
        (Some(0), json!({"ignored": true, "scope": "attribute"}))
    );
    assert_eq!(
        eval("IgnoreObjectFlow"),
        (Some(0), json!({"ignored": true, "scope": "object"}))
    );
    for (expression, kind, span) in [
        ("Append([a]", "parse", [10, 10]),
        ("Lower([a])", "unknown_function", [0, 5]),
        ("Append([a])", "arity", [0, 6]),
        ("Left([a], \"x\")", "type", [10, 13]),
        ("Item([m], 0)", "eval", [10, 11]),
        ("SelectUniqueValue([a], ToUpper([a]))", "not_unique", [0, 17]),
    ] {
        let (code, answer) = eval(expression);
        assert_eq!(code, Some(1), "{expression}");
        assert_eq!(answer["error"]["kind"], kind, "{expression}");
        assert_eq!(answer["error"]["span"], json!(span), "{expression}");
        assert!(answer["error"]["message"].is_string(), "{expression}");
    }
    let (code, answer) = eval("Mid([a], 0, 1)");
    assert_eq!((code, &answer["value"]), (Some(0), &json!("x")));
    assert_eq!(answer["lints"][0]["id"], "W-MID");
    assert_eq!(answer["lints"][0]["span"], json!([0, 3]));
}

#[test]
fn eval_answers_as_graph_does() {
    let folder = TempDir::new().unwrap();
    let attrs = file(
        &folder,
        "user.json",
        r#"{"preferredLanguage": "EN-US", "m": ["p", "q"]}"#,
    );
    let graph = |expression: &str| {
        let finished = map(&["eval", expression, "--attrs", &attrs, "--graph"]);
        (
            finished.code,
            serde_json::from_str::<Value>(&finished.stdout).unwrap(),
        )
    };
    let parameter = |key: &str, expression: &str, name: &str, kind: &str| json!({"key": key, "value": {"expression": expression, "name": name, "parameters": [], "type": kind}});
    let expression = r#"Replace([preferredLanguage], "-", , , "_", , )"#;
    assert_eq!(
        graph(r#"Replace([preferredLanguage],"-",,,"_",,)"#),
        (
            Some(0),
            json!({
                "error": null,
                "evaluationSucceeded": true,
                "evaluationResult": ["EN_US"],
                "parsingSucceeded": true,
                "parsedExpression": {
                    "expression": expression,
                    "name": "Replace",
                    "parameters": [
                        parameter("source", "[preferredLanguage]", "preferredLanguage", "Attribute"),
                        parameter("Find", "\"-\"", "-", "Constant"),
                        parameter("Replacement", "\"_\"", "_", "Constant"),
                    ],
                    "type": "Function",
                },
            })
        )
    );
    assert_eq!(graph("[m]").1["evaluationResult"], json!(["p", "q"]));
    assert_eq!(graph("[missing]").1["evaluationResult"], json!([]));
    let (code, answer) = graph("Item([m], 9)");
    assert_eq!((code, &answer["parsingSucceeded"]), (Some(1), &json!(true)));
    assert_eq!(
        (&answer["evaluationSucceeded"], &answer["error"]["code"]),
        (&json!(false), &json!("eval"))
    );
    let (code, answer) = graph("Item([m]");
    assert_eq!((code, &answer["parsingSucceeded"]), (Some(1), &json!(false)));
    assert_eq!(answer["parsedExpression"], json!(null));
}

#[test]
fn eval_understands_what_options_say() {
    let value = |arguments: &[&str]| eval_json(arguments).1["value"].clone();
    let iif = r#"IIF([a] = "", "t", "f")"#;
    assert_eq!(value(&[iif]), "t");
    assert_eq!(value(&[iif, "--iif-null", "null"]), json!(null));
    assert_eq!(value(&[iif, "--iif-null", "false"]), "f");
    assert_eq!(value(&[iif, "--iif-null", "natural"]), "t");
    assert_eq!(value(&[r#"Trim(" x ")"#, "--functions", "cloudsync"]), "x");
    assert_eq!(
        value(&["NormalizeDiacritics(\"ồ\")", "--extended-diacritics"]),
        "o"
    );
}

#[test]
fn arguments_that_can_not_be_used_are_told() {
    let folder = TempDir::new().unwrap();
    let list = file(&folder, "list.json", "[1]");
    map(&["eval", "Now()", "--now", "yesterday"]).assert_unusable("--now `yesterday`");
    map(&["eval", "Now()", "--attrs", &list]).assert_unusable("line 1: an object is expected, not a number");
    map(&["eval", "Now()", "--taken", &list]).assert_unusable("list.json");
    assert!(Path::new(VECTORS).exists());
}

#[test]
fn lint_prints_what_is_probably_a_mistake() {
    let finished = map(&["lint", r#"Replace([a], , "\d", , "", , )"#]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        finished.stdout,
        concat!(
            "W-ESCAPE: a backslash in text escapes itself and a quote, and stands for itself elsewhere\n",
            "  Replace([a], , \"\\d\", , \"\", , )\n",
            "                  ^^\n",
            "write every backslash of a pattern twice\n",
        )
    );
    let json = map(&["lint", "Mid([a], 0, 1)", "--json"]);
    let lint: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&lint["id"], &lint["span"]), (&json!("W-MID"), &json!([0, 3])));
    assert_eq!(lint["level"], "warning");
    let clean = map(&["lint", "[mail]"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""));
    assert_eq!(map(&["lint", "Mid([a])"]).code, Some(1));
}

#[test]
fn lint_denies_what_it_is_told_to() {
    let (note, warning, error) = (r#"IIF([a] = "", "b", [a])"#, "Mid([a], 0, 1)", "Mid([a])");
    for (expression, level, code) in [
        (note, "warn", 0),
        (note, "note", 1),
        (warning, "error", 0),
        (warning, "warn", 1),
        (error, "error", 1),
        ("[a]", "note", 0),
    ] {
        let finished = map(&["lint", expression, "--deny", level]);
        assert_eq!(finished.code, Some(code), "{expression} {level}: {finished:?}");
    }
    let shown = map(&["lint", note]).stdout;
    assert!(shown.starts_with("note: W-IIF-NULL: "), "{shown}");
    let shown = map(&["lint", "UCase([a])"]).stdout;
    assert_eq!(
        shown,
        "error: `UCase` is not a function\n  UCase([a])\n  ^^^^^\ndid you mean `ToUpper`?\n"
    );
}

#[test]
fn attributes_and_parameters_stand_on_the_command_line_too() {
    let value = |arguments: &[&str]| eval_json(arguments).1["value"].clone();
    assert_eq!(value(&["PCase([name])", "--attr", "name=zoë ann"]), "Zoë Ann");
    assert_eq!(value(&["Count([list])", "--attr", r#"list=["a", "b"]"#]), "2");
    assert_eq!(value(&["IsString([flag])", "--attr", "flag=true"]), "True");
    assert_eq!(
        value(&[
            r#"Join("@", [a], %Domain%)"#,
            "--attr",
            "a=b",
            "--parameter",
            "Domain=c"
        ]),
        "b@c"
    );
    map(&["eval", "[a]", "--attr", "a"]).assert_unusable("a name, `=` and a value are expected");
    let missing = map(&["eval", "%Domain%"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("`%Domain%` has no value"), "{missing:?}");
}

#[test]
fn a_user_of_graph_has_the_same_attributes_in_every_command() {
    let folder = TempDir::new().unwrap();
    let user = r#"{"id": "7", "officeLocation": "18", "accountEnabled": false, "manager": {"id": "8", "displayName": "A"}}"#;
    let user = file(&folder, "user.json", user);
    for (expression, value) in [
        ("[objectId]", "7"),
        ("[physicalDeliveryOfficeName]", "18"),
        ("[IsSoftDeleted]", "True"),
        ("[manager]", "8"),
    ] {
        let (_, answer) = eval_json(&[expression, "--attrs", &user]);
        assert_eq!(answer["value"], value, "{expression}");
    }
    let filter =
        r#"{"groups": [[{"sourceOperandName": "objectId", "operatorName": "EQUALS", "values": ["7"]}]]}"#;
    let filter = file(&folder, "filter.json", filter);
    let scope = map(&["scope", "--filter", &filter, "--attrs", &user]);
    assert_eq!(scope.stdout, "true\n");
    let explained = map(&["scope", "--filter", &filter, "--attr", "objectId=8", "--explain"]);
    assert_eq!(
        explained.stdout,
        "false: group 1 fails at clause 1, `objectId EQUALS 7`: the value is `8`\n"
    );
}
