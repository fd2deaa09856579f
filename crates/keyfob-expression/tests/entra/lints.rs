//! What is allowed and probably a mistake.

use keyfob_expression::{
    Expression, Options,
    lint::{self, Level},
};

fn found(text: &str) -> Vec<(&'static str, String)> {
    let lints = lint::expression(text, &Options::default()).unwrap();
    lints
        .into_iter()
        .map(|lint| (lint.id, text.get(lint.span.unwrap()).unwrap().to_owned()))
        .collect()
}

#[test]
fn each_lint_is_found_where_it_belongs() {
    for (text, id, at) in [
        (r#"Replace([a], , "\d", , "", , )"#, "W-ESCAPE", r"\d"),
        ("Append([ mail ], \"x\")", "W-BLANKS", " mail "),
        ("Append(True, \"x\")", "W-WORD", "True"),
        ("IIF([a] = NULL, 1, 2)", "W-WORD", "NULL"),
        (
            r#"Switch(IsPresent([a]), "no", "True", [a])"#,
            "W-SWITCH-ISPRESENT",
            "Switch",
        ),
        (
            "Switch(IsPresent([a]), [a], IsPresent([b]), [b])",
            "W-SWITCH-VBA",
            "Switch",
        ),
        (r#"Switch([a], "z", "x", "y")"#, "W-SWITCH-DELTA", "Switch"),
        ("toLower([a])", "W-FUNCTION-CASE", "toLower"),
        ("Mid([a], 2, 64)", "W-MID-END", "Mid"),
        (
            r#"Coalesce(Join(" ", [a], [b]), "x")"#,
            "W-COALESCE-EMPTY",
            "Coalesce",
        ),
        (
            r#"Coalesce(IIF([a] = "x", "", [b]), "x")"#,
            "W-COALESCE-EMPTY",
            "Coalesce",
        ),
        (
            r#"FormatDateTime([a], , "YYYY-MM-DD", "yyyy")"#,
            "W-FORMAT-LETTERS",
            "FormatDateTime",
        ),
        (
            r#"FormatDateTime(Now(), , "d", "yyyy")"#,
            "W-FORMAT-UNUSED",
            "FormatDateTime",
        ),
        (r#"Switch([manager], , "x", "y")"#, "W-SWITCH-REFERENCE", "Switch"),
        (r#"Switch([a], , "x", "y", "x", "z")"#, "W-SWITCH-TWICE", "Switch"),
        (
            r#"Switch([IsSoftDeleted], , "false", "True")"#,
            "W-SWITCH-CASE",
            "Switch",
        ),
        (r#"IIF([a] = "", "b", [a])"#, "W-IIF-NULL", "IIF"),
        (r#"IIF(IsNullOrEmpty([a]), "b", [a])"#, "W-IIF-NULL", "IIF"),
        (r#"IIF(Not(IsPresent([a])), "b", [a])"#, "W-IIF-NULL", "IIF"),
        ("Mid([a], 0, 3)", "W-MID", "Mid"),
        ("Mid([a], \"1\", \"-3\")", "W-MID", "Mid"),
        (r#"Join([givenName], [surname], " ")"#, "W-JOIN-ORDER", "Join"),
        (
            r#"FormatDateTime([a], "yyyyMMdd", "yyyy-MM-dd")"#,
            "W-FORMAT-ARGUMENTS",
            "FormatDateTime",
        ),
        (
            r#"FormatDateTime([a], , "yyyyMMdd", "yyyy-mm-dd")"#,
            "W-FORMAT-MINUTES",
            "FormatDateTime",
        ),
        (r#"DateAdd("d", 1, "2020-01-01")"#, "W-DATE-TEXT", "DateAdd"),
        (r#"DateDiff("d", Now(), [a])"#, "W-DATE-TEXT", "DateDiff"),
        (
            r#"Replace([a], , "(?<p>x)", "p", , "mobile", )"#,
            "W-REPLACE-ATTRIBUTE",
            "Replace",
        ),
        (
            r#"Append(IgnoreFlowIfNullOrEmpty([a]), "x")"#,
            "W-IGNORE-NESTED",
            "IgnoreFlowIfNullOrEmpty",
        ),
        (r#"Append(Redact([a]), "x")"#, "W-REDACT-NESTED", "Redact"),
        (
            "SingleAppRoleAssignment([appRoleAssignments])",
            "W-ROLES",
            "SingleAppRoleAssignment",
        ),
    ] {
        assert!(
            found(text).contains(&(id, at.to_owned())),
            "{text}: {:?}",
            found(text)
        );
    }
}

#[test]
fn what_microsoft_writes_itself_is_not_found_fault_with() {
    for text in [
        r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
        r#"Join(" ", [givenName], [surname])"#,
        r#"Join("@", NormalizeDiacritics(StripSpaces(Join(".", [first], [last]))), "contoso.com")"#,
        r#"IIF([country] = "USA", [country], [department])"#,
        r#"FormatDateTime([a], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
        r#"FormatDateTime([a], , "HH:mm yyyy", "HH:mm")"#,
        r#"DateAdd("d", 7, CDate([a]))"#,
        r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
        "Redact([a])",
        "IgnoreFlowIfNullOrEmpty([a])",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn the_fix_is_an_expression_that_can_be_used() {
    for (text, fix) in [
        (
            r#"IIF([a] = "", "\"b", [a])"#,
            r#"`Coalesce([a], "\"b")` says it without a condition where the attribute is null"#,
        ),
        (r#"DateAdd("d", 1, [a])"#, "write `CDate([a])`"),
        (r#"FormatDateTime([a], , "DD.MM.yyyy", "yyyy")"#, "write `dd`"),
    ] {
        let lints = lint::expression(text, &Options::default()).unwrap();
        assert_eq!(lints[0].fix, fix);
    }
}

#[test]
fn no_fix_leads_to_a_lint_that_leads_back() {
    for fixed in [
        r#"Coalesce([country], "Other")"#,
        r#"IIF([a] = "x", "y", "z")"#,
        r#"Switch([a], [a], "", "Other")"#,
        r#"DateAdd("d", 1, CDate([a]))"#,
        r#"Join(" ", [givenName], [surname])"#,
        r#"IIF(InStr([mail], "@") > 0, "a", "b")"#,
    ] {
        assert_eq!(found(fixed), [], "{fixed}");
    }
}

#[test]
fn what_may_well_be_meant_is_a_note() {
    for (text, level) in [
        (r#"IIF(IsPresent([a]), [a], "x")"#, Level::Note),
        (r#"Switch([a], "z", "x", "y")"#, Level::Note),
        (r#"Replace([a], , "\d", , "", , )"#, Level::Warning),
    ] {
        let lints = lint::expression(text, &Options::default()).unwrap();
        assert_eq!(lints[0].level, level, "{text}");
    }
}

#[test]
fn a_tree_without_text_is_looked_at_too() {
    let expression = Expression::parse("Mid([a], 0, 3)").unwrap();
    let lints = lint::tree(&expression);
    assert_eq!((lints[0].id, lints[0].span.clone()), ("W-MID", None));
}
