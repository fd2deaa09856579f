//! The grammar: what is read, how it is printed, and what is said of what is wrong.

use std::fmt::Write as _;

use keyfob_expression::{Decimal, ErrorClass, Expression, FunctionSet, Options, Program};

#[test]
fn expressions_print_as_graph_writes_them() {
    for (text, printed) in [
        ("[mail]", "[mail]"),
        ("  \"ISO-8859-1\"\r\n", "\"ISO-8859-1\""),
        ("Not([IsSoftDeleted])", "Not([IsSoftDeleted])"),
        ("Mid([a],1,8)", "Mid([a], 1, 8)"),
        (
            r#"Replace([preferredLanguage],"-",,,"_",,)"#,
            r#"Replace([preferredLanguage], "-", , , "_", , )"#,
        ),
        (
            "Switch\n(\n  [a],\n , \"x\" , \"y\"\n)",
            r#"Switch([a], , "x", "y")"#,
        ),
        ("IIF([a]=\"x\",[b],[c])", "IIF([a] = \"x\", [b], [c])"),
        ("IIF([a]<>1,2,-3.50)", "IIF([a] <> 1, 2, -3.5)"),
        ("BitAnd(&HF, &hf7)", "BitAnd(15, 247)"),
        ("Now( )", "Now()"),
        (
            r#"ToLower([ emails[type eq \"work\"].value ])"#,
            r#"ToLower([emails[type eq "work"].value])"#,
        ),
        (r#"Append("a\\b\"c\d", "")"#, r#"Append("a\\b\"c\\d", "")"#),
        (
            r#"[emails[type eq "a]b"].value]"#,
            r#"[emails[type eq "a]b"].value]"#,
        ),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.to_string(), printed);
        assert_eq!(Expression::parse(printed), Ok(expression), "{printed}");
    }
}

#[test]
fn numbers_beyond_64_bits_keep_their_digits() {
    let text = "CStr(-123456789012345678901234567890.0625)";
    assert_eq!(Expression::parse(text).unwrap().to_string(), text);
    assert_eq!(
        Expression::parse("&HFFFFFFFFFFFFFFFF"),
        Ok(Expression::Number(
            Decimal::parse("18446744073709551615").unwrap()
        ))
    );
    assert!(Expression::parse("&H10000000000000000").is_err());
}

#[test]
fn functions_of_cloud_sync_are_read_where_they_are_asked_for() {
    let mut options = Options::default();
    let error = Expression::parse_with("Trim([a])", &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Trim` is not a function of app provisioning; cloud sync has it"
    );
    options.functions = FunctionSet::CloudSync.into();
    assert!(Expression::parse_with("Trim([a])", &options).is_ok());
}

/// Faults of every kind, each under its caret.
#[test]
fn errors_show_the_text_with_a_caret() {
    let mut shown = String::new();
    for text in [
        "",
        "Append(\"a\",\"b\"",
        "Append(\"a\" \"b\")",
        "Append(\"a\"\"b\", \"\")",
        "Append('a', 'b')",
        "Append(“a”, \"b\")",
        "Append(\"a, b)",
        "Append([a, \"b\")",
        "Append([], \"b\")",
        "Append(\"a\",\"b\"))",
        "Append(a, \"b\")",
        "Append(flase, \"b\")",
        "Tolwer(\"A\")",
        "Concat([a], [b])",
        "Substring([a], 1, 2)",
        "UCase([a])",
        "Left([a], Len([a]))",
        "IIF(Contains([a], \"x\"), 1, 2)",
        "Right([a], 4)",
        "Trim([a])",
        "IIF([a]==\"1\",\"t\",\"f\")",
        "IIF([a]!=\"1\",\"t\",\"f\")",
        "[a] & [b]",
        "Append([a], %)",
        "Swich([a], , \"b\", \"c\")",
        "Wibble([a])",
        "Append([a])",
        "Append([a], )",
        "Append([a], [b], [c])",
        "Switch([a], , \"k\")",
        "Switch([a], , \"k\", \"v\", \"w\")",
        "Now(1)",
        "IIF([a]=\"1\" AND [b]=\"2\",\"t\",\"f\")",
        "IIF([a]=\"1\" && [b]=\"2\",\"t\",\"f\")",
        "IIF([a]=[b]=[c],\"t\",\"f\")",
        "Left([a], InStr([a],\"@\") - 1)",
        "\"t-\" & [alias]",
        "CStr(12x)",
        "CStr(&H)",
        "CStr(+10)",
        "Append(\"a\",\"b\") // c",
        "ToLower(\"A\") x",
        "(1)",
        "Switch(\n  [a],\n  Appendd([b], \"c\"),\n  \"d\", \"e\")",
        // Well formed, and no program.
        "Left([a], \"three\")",
        "Left([a], Split([b], \",\"))",
        "Left([a], 1.5)",
        "Append([a], Split([b], \",\"))",
        "DateAdd(\"q\", 1, [a])",
        "DateAdd(\"d\", 1, 20)",
        "ToLower([a], \"not a culture\")",
        "InStr([a], \"b\", 1, \"vbCompare\")",
        "Append(vbTextCompare, \"b\")",
        "IIF(\"maybe\", 1, 2)",
        "IIF(Split([a], \",\") = \"b\", 1, 2)",
        "Replace([a], , \"(\", , \"b\", , )",
        "Replace([a], \"b\", , , , , )",
        "ToLower(SelectUniqueValue(\"a\", \"b\"))",
    ] {
        let error = Program::read(text, &Options::default()).unwrap_err();
        let span = error.span_in(text).unwrap();
        assert!(text.get(span).is_some(), "{text}");
        write!(shown, "{}: {}\n\n", error.class(), error.display_with(text)).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn classes_are_named_as_vectors_name_them() {
    let class = |text| Program::read(text, &Options::default()).unwrap_err().class();
    assert_eq!(class("").as_str(), "parse");
    assert_eq!(class("f()").as_str(), "unknown_function");
    assert_eq!(class("Now(1)").as_str(), "arity");
    assert_eq!(class("Left([a], \"x\")").as_str(), "type");
    assert_eq!(ErrorClass::NotUnique.to_string(), "not_unique");
}
