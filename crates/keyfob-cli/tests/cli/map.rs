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

#[test]
fn explain_shows_the_value_of_every_part_and_the_branch_that_was_taken() {
    let text = r#"Switch([state], "other", "CA", ToUpper([city]), "NY", Left([city], 1))"#;
    let finished = map(&["explain", text, "--attr", "state=NY", "--attr", "city=Albany"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(
        finished.stdout,
        concat!(
            "Switch([state], \"other\", \"CA\", ToUpper([city]), \"NY\", Left([city], 1)) -> \"A\"\n",
            "  because key 2 is \"NY\": its value is taken\n",
            "  [state] -> \"NY\"\n",
            "  ToUpper([city]) (not evaluated)\n",
            "    [city] (not evaluated)\n",
            "  Left([city], 1) -> \"A\"\n",
            "    [city] -> \"Albany\"\n",
        )
    );
    let json = map(&["explain", text, "--attr", "state=NV", "--json"]);
    let step: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(step["reason"], "no key is \"NV\": the default is taken");
    assert_eq!(step["results"], json!([{"value": "other"}]));
    assert_eq!(step["parts"][3]["evaluated"], false);
    let failed = map(&["explain", "Item(Split([a], \",\"), 9)", "--attr", "a=x"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stdout.contains("error: there is no value 9"), "{failed:?}");
    let ends = map(&[
        "explain",
        "IIF([a] = \"x\", IgnoreObjectFlow, 1)",
        "--attr",
        "a=x",
    ]);
    assert!(
        ends.stdout.contains("the object is left out of the flow"),
        "{ends:?}"
    );
    let secret = map(&["explain", "Redact([a])", "--attr", "a=s3cret"]);
    assert!(
        secret.stdout.starts_with("Redact([a]) -> [Redact]\n"),
        "{secret:?}"
    );
    assert_eq!(map(&["explain", "Left("]).code, Some(1));
}

#[test]
fn functions_of_every_language_are_listed_with_an_example_that_runs() {
    let all = map(&["functions"]).stdout;
    for line in [
        "entra      Left(String: a single value, NumChars: an integer): a single value",
        "cloudsync  Trim(source: a single value): a single value",
        "okta       String.len(text): number",
        "okta       text.substringBefore(sought: text): text",
    ] {
        assert!(all.lines().any(|listed| listed == line), "{line}: {all}");
    }
    let one = map(&["functions", "left"]);
    assert_eq!(
        one.stdout,
        concat!(
            "Left(String: a single value, NumChars: an integer): a single value (entra)\n",
            "  Gives the first characters of a text.\n",
            "  Left(\"John Doe\", 3) -> Joh\n",
            "  Microsoft Learn: Reference for writing expressions for attribute mappings in Microsoft Entra ID\n",
        )
    );
    let json = map(&["functions", "--dialect", "okta", "--json"]);
    for line in json.stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["dialect"], "okta");
        assert_ne!(row["example"]["result"], "");
    }
    let unknown = map(&["functions", "UCase"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        unknown.stderr,
        "there is no function `UCase`\ndid you mean `ToUpper`?\n"
    );
}

#[test]
fn whole_mappings_are_tested_with_filters_and_reports_for_ci() {
    let folder = TempDir::new().unwrap();
    file(
        &folder,
        "mapping.json",
        r#"{"attributes": [
            {"target": "userName", "expression": "[upn]", "matching": 1},
            {"target": "active", "expression": "Not([IsSoftDeleted])"}
        ], "scope": [[{"sourceOperandName": "upn", "operatorName": "IS NOT NULL", "values": []}]]}"#,
    );
    let cases = file(
        &folder,
        "cases.json",
        r#"[
            {"id": "joiner", "mapping": "mapping.json", "source": {"upn": "babs", "accountEnabled": true},
             "expected": {"userName": "babs", "active": true}},
            {"id": "leaver", "mapping": "mapping.json", "source": {"upn": "babs", "accountEnabled": false},
             "existing": {"userName": "babs", "active": true},
             "patch": [{"op": "replace", "path": "active", "value": false}]},
            {"id": "patched", "mapping": "mapping.json", "source": {"upn": "babs", "accountEnabled": false},
             "existing": {"userName": "babs", "active": true, "title": "Guide"},
             "expected": {"userName": "babs", "active": false, "title": "Guide"}},
            {"id": "nobody", "mapping": "mapping.json", "source": {"mail": "x"}, "outcome": "outOfScope"},
            {"id": "wrong <b>", "mapping": "mapping.json", "source": {"upn": "babs"}, "outcome": "update"},
            {"id": "expression", "expr": "ToUpper([a])", "attrs": {"a": "x"}, "expected": "X"}
        ]"#,
    );
    let junit = folder.path().join("junit.xml");
    let run = map(&["test", &cases, "--junit", junit.to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.ends_with("5 passed, 1 failed\n"), "{run:?}");
    assert!(
        run.stdout
            .starts_with("wrong <b>: expected \"update\", got \"create\"\n"),
        "{run:?}"
    );
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"6\" failures=\"1\""), "{xml}");
    assert!(xml.contains("name=\"wrong &lt;b&gt;\""), "{xml}");
    let some = map(&["test", &cases, "--filter", "joiner", "--json"]);
    assert_eq!(some.code, Some(0), "{some:?}");
    let line: Value = serde_json::from_str(&some.stdout).unwrap();
    assert_eq!((&line["id"], &line["passed"]), (&json!("joiner"), &json!(true)));
    let slip = file(&folder, "slip.json", r#"[{"source": {}, "expcted": 1}]"#);
    map(&["test", &slip]).assert_unusable("there is no such member: `expcted`");
}

#[test]
fn diff_prints_what_changed_between_two_mapping_sets() {
    let folder = TempDir::new().unwrap();
    let before = file(
        &folder,
        "before.json",
        r#"{"attributes": [{"target": "userName", "expression": "[upn]", "matching": 1}, {"target": "title", "expression": "[jobTitle]"}]}"#,
    );
    let after = file(
        &folder,
        "after.json",
        r#"{"scope": [[{"sourceOperandName": "upn", "operatorName": "IS NOT NULL", "values": []}]],
            "attributes": [{"target": "userName", "expression": "ToLower([upn])", "matching": 1}, {"target": "nickName", "expression": "[nick]"}]}"#,
    );
    let same = map(&["diff", &before, &before]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""));
    let differs = map(&["diff", &before, &after]);
    assert_eq!(differs.code, Some(1));
    assert_eq!(
        differs.stdout,
        concat!(
            "User to User: scope: nothing becomes `upn IS NOT NULL`\n",
            "User to User: `userName`: expression: `[upn]` becomes `ToLower([upn])`\n",
            "User to User: `title`: removed, which had `[jobTitle]`\n",
            "User to User: `nickName`: added, with `[nick]`\n",
        )
    );
    let json = map(&["diff", &before, &after, "--json"]);
    let line: Value = serde_json::from_str(json.stdout.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (&line["member"], &line["after"]),
        (&json!("expression"), &json!("ToLower([upn])"))
    );
}
