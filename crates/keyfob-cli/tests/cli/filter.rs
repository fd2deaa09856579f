//! `keyfob filter`: canonical text, trees, matches, and what is said of filters that are wrong.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::run;

const BARBARA: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen","title":"Tour Guide","emails":[{"value":"bjensen@example.com","type":"work"}]}"#;
const JIM: &str =
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"JSmith","active":false}"#;
const GUIDES: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Tour Guides","members":[{"value":"1"}]}"#;

#[test]
fn parse_prints_the_canonical_text_or_the_tree() {
    for (filter, text, ast) in [
        (
            r#"userName eq "bjensen""#,
            r#"userName eq "bjensen""#,
            r#"(eq userName "bjensen")"#,
        ),
        ("title  PR", "title pr", "(pr title)"),
        (
            r#"A Eq "x" and (b gt 1 or c eq true)"#,
            r#"A eq "x" and (b gt 1 or c eq true)"#,
            r#"(and (eq A "x") (or (gt b 1) (eq c true)))"#,
        ),
        (
            "(a pr and b pr) and c pr",
            "a pr and b pr and c pr",
            "(and (pr a) (pr b) (pr c))",
        ),
        (
            "a pr and b pr or c pr",
            "a pr and b pr or c pr",
            "(or (and (pr a) (pr b)) (pr c))",
        ),
        ("not(a pr)", "not (a pr)", "(not (pr a))"),
        (
            r#"emails[type eq "work"].value eq "x""#,
            r#"emails[type eq "work" and value eq "x"]"#,
            r#"(path emails (and (eq type "work") (eq value "x")))"#,
        ),
        (
            r#"emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work" and value co "@example.com"]"#,
            r#"(path emails (and (eq type "work") (co value "@example.com")))"#,
        ),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            r#"(sw urn:ietf:params:scim:schemas:core:2.0:User:userName "J")"#,
        ),
        ("manager ne null", "manager ne null", "(ne manager null)"),
        (
            r#"title eq "\u00fc\"\n""#,
            r#"title eq "ü\"\n""#,
            r#"(eq title "ü\"\n")"#,
        ),
    ] {
        let parsed = run(&["filter", "parse", filter], "");
        assert_eq!(
            (parsed.code, parsed.stdout.as_str()),
            (Some(0), &*format!("{text}\n")),
            "{parsed:?}"
        );
        assert_eq!(
            run(&["filter", "parse", text], "").stdout,
            parsed.stdout,
            "the canonical text is its own"
        );
        let tree = run(&["filter", "parse", filter, "--ast"], "");
        assert_eq!(
            (tree.code, tree.stdout.as_str()),
            (Some(0), &*format!("{ast}\n")),
            "{tree:?}"
        );
        assert_eq!(parsed.stderr + &tree.stderr, "");
    }
}

#[test]
fn parse_prints_the_tree_as_json() {
    let printed = run(
        &[
            "filter",
            "parse",
            r#"emails[type eq "work"] and not (a pr)"#,
            "--json",
        ],
        "",
    );
    let tree: Value = serde_json::from_str(&printed.stdout).unwrap();
    let expected = serde_json::json!({"op": "and", "filters": [
        {"op": "path", "path": "emails", "filter": {"op": "eq", "path": "type", "value": "work"}},
        {"op": "not", "filter": {"op": "pr", "path": "a"}},
    ]});
    assert_eq!((printed.code, tree), (Some(0), expected));
    assert_eq!(printed.stdout.lines().count(), 1);
}

#[test]
fn a_filter_that_can_not_be_read_is_a_negative_answer_with_a_caret_under_the_fault() {
    for (filter, fault, hint) in [
        ("userName eq", 11..12, "expected a string"),
        ("userName xx \"a\"", 9..11, "expected one of"),
        ("(a pr", 5..6, ""),
        ("a pr) and b pr", 4..5, ""),
        ("emails[type eq \"work\"", 21..22, ""),
        ("a eq \"b", 5..7, "expected `\"`"),
    ] {
        let refused = run(&["filter", "parse", filter], "");
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(1), ""),
            "{refused:?}"
        );
        let lines: Vec<&str> = refused.stderr.lines().collect();
        assert_eq!(lines[1], format!("  {filter}"), "{refused:?}");
        let caret = format!("  {}{}", " ".repeat(fault.start), "^".repeat(fault.len()));
        assert_eq!(lines[2].split(" expected").next(), Some(&*caret), "{refused:?}");
        assert!(lines[2].contains(hint), "{refused:?}");
    }
}

#[test]
fn match_prints_the_resources_that_match_one_a_line() {
    let both = format!("{BARBARA}\n{JIM}\n");
    for (filter, input, found) in [
        (r#"userName eq "BJENSEN""#, BARBARA.to_owned(), vec![BARBARA]),
        ("userName pr", both.clone(), vec![BARBARA, JIM]),
        ("userName pr", format!("[{BARBARA},\n{JIM}]"), vec![BARBARA, JIM]),
        ("userName pr", format!(" {BARBARA} {JIM}"), vec![BARBARA, JIM]),
        ("active eq false", both.clone(), vec![JIM]),
        (
            r#"emails[type eq "work"] or userName sw "js""#,
            both.clone(),
            vec![BARBARA, JIM],
        ),
        (r#"title eq "Driver""#, both, vec![]),
        ("userName pr", "[]".to_owned(), vec![]),
        ("userName pr", String::new(), vec![]),
        (r#"members.value eq "1""#, GUIDES.to_owned(), vec![GUIDES]),
    ] {
        let answer = run(&["filter", "match", filter], &input);
        assert_eq!(
            answer.stdout.lines().collect::<Vec<_>>(),
            found,
            "{filter}: {answer:?}"
        );
        assert_eq!(
            (answer.code, answer.stderr.as_str()),
            (Some(i32::from(found.is_empty())), "")
        );
    }
}

#[test]
fn match_reads_files_and_takes_the_type_from_the_arguments() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let untyped = r#"{"userName":"untyped"}"#;
    for (name, text) in [
        ("one.json", BARBARA),
        ("two.json", JIM),
        ("untyped.json", untyped),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let found = run(
        &[
            "filter",
            "match",
            "userName pr",
            &path("two.json"),
            &path("one.json"),
        ],
        "",
    );
    assert_eq!(found.stdout, format!("{JIM}\n{BARBARA}\n"), "{found:?}");
    let found = run(
        &[
            "filter",
            "match",
            "userName pr",
            "--type",
            "User",
            &path("untyped.json"),
        ],
        "",
    );
    assert_eq!(
        (found.code, found.stdout),
        (Some(0), format!("{untyped}\n")),
        "{}",
        found.stderr
    );
    run(&["filter", "match", "userName pr", &path("untyped.json")], "").assert_unusable("--type");
    let missing = path("missing.json");
    run(&["filter", "match", "userName pr", &missing], "").assert_unusable(&missing);
}

#[test]
fn what_can_not_be_matched_exits_2_and_says_why() {
    for (arguments, input, message) in [
        (
            vec!["userNam eq \"a\"", "--type", "User"],
            "",
            "did you mean `userName`?",
        ),
        (
            vec!["userNam eq \"a\""],
            BARBARA,
            "  userNam eq \"a\"\n  ^^^^^^^\n",
        ),
        (
            vec!["title pr and active gt true", "--type", "User"],
            "",
            "               ^^^^^^",
        ),
        (vec!["userName eq"], BARBARA, "             ^ expected"),
        (
            vec!["userName pr", "--type", "Door"],
            "",
            "there is no resource type `Door`",
        ),
        (vec!["userName pr"], "{\"userName\": ", "`-`: "),
        (vec!["userName pr"], "[1]", "`-`: "),
        (
            vec!["userName pr"],
            r#"{"schemas":["urn:x"],"userName":"a"}"#,
            "--type",
        ),
        (vec![], "", "FILTER"),
    ] {
        run(&[&["filter", "match"], &arguments[..]].concat(), input).assert_unusable(message);
    }
    run(&["filter", "parse", "a pr", "--ast", "--json"], "").assert_unusable("--json");
    run(&["filter"], "").assert_unusable("Usage");
}

#[test]
fn parse_refuses_what_the_grammar_lacks_and_match_understands() {
    for filter in ["userName eq 'bjensen'", "meta.created gt 2011-05-13T04:42:34Z"] {
        assert_eq!(run(&["filter", "parse", filter], "").code, Some(1), "{filter}");
        assert_ne!(
            run(&["filter", "match", filter], BARBARA).code,
            Some(2),
            "{filter}"
        );
    }
}
