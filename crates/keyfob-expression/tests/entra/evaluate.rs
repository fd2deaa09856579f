//! What the vectors don't reach: options, randomness, roles, redaction and the extras of cloud sync.

use keyfob_expression::{
    Environment, EvaluateError, Expression, FlowScope, FunctionSet, Functions, NullCondition, Options,
    Outcome, Program, SeededEntropy, Source, Value,
    function::{Definition, Parameter},
};

pub(crate) fn source(json: &str) -> Source {
    Source::from_json(json.as_bytes()).unwrap()
}

fn outcome(text: &str, source: &Source, options: &Options) -> Result<Outcome, EvaluateError> {
    let program = Program::read(text, options).unwrap();
    let entropy = SeededEntropy::new(1);
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    program.evaluate(source, &Environment::new(now, &entropy))
}

pub(crate) fn evaluate_with(text: &str, source: &Source, options: &Options) -> Result<Value, EvaluateError> {
    match outcome(text, source, options)? {
        Outcome::Value(value) => Ok(value),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn evaluate(text: &str, source: &Source) -> Result<Value, EvaluateError> {
    evaluate_with(text, source, &Options::default())
}

#[test]
fn iif_on_null_is_what_the_option_says() {
    let text = r#"IIF([country] = "", "Other", [city])"#;
    let source = source(r#"{"city": "Paris"}"#);
    for (null_condition, expected) in [
        (NullCondition::Null, Value::Null),
        (NullCondition::False, "Paris".into()),
        (NullCondition::Natural, "Other".into()),
    ] {
        let mut options = Options::default();
        options.null_condition = null_condition;
        assert_eq!(
            evaluate_with(text, &source, &options),
            Ok(expected),
            "{null_condition:?}"
        );
    }
}

#[test]
fn iif_evaluates_its_condition_as_written_by_default() {
    let source = source(r#"{"hired": "2025-08-15"}"#);
    for (text, expected) in [
        (r#"IIF(IsNullOrEmpty([left]), "here", "gone")"#, "here"),
        (r#"IIF(IsPresent([left]), "gone", "here")"#, "here"),
        (r#"IIF([left] = "", "here", "gone")"#, "here"),
        (
            r#"IIF(DateDiff("d", Now(), CDate(Switch([left], [left], "", "9999-12-31"))) <= 0, "gone", "here")"#,
            "here",
        ),
    ] {
        assert_eq!(evaluate(text, &source), Ok(expected.into()), "{text}");
    }
}

#[test]
fn a_word_ends_the_flow_of_the_attribute_or_of_the_object_where_it_is_evaluated() {
    let source = source(r#"{"a": "x", "m": ["x", "y"]}"#);
    for (text, scope) in [
        ("IgnoreAttributeFlow", FlowScope::Attribute),
        ("IgnoreObjectFlow", FlowScope::Object),
        (r#"IIF([a] = "x", IgnoreObjectFlow, "y")"#, FlowScope::Object),
        (
            r#"Append(Switch([a], , "x", IgnoreAttributeFlow), "y")"#,
            FlowScope::Attribute,
        ),
        (
            r#"Switch([m], "z", "y", IgnoreAttributeFlow)"#,
            FlowScope::Attribute,
        ),
        ("IgnoreFlowIfNullOrEmpty([b])", FlowScope::Attribute),
    ] {
        let outcome = outcome(text, &source, &Options::default());
        assert_eq!(outcome, Ok(Outcome::Ignored(scope)), "{text}");
    }
    assert_eq!(
        evaluate(r#"IIF([a] = "y", IgnoreObjectFlow, "z")"#, &source),
        Ok("z".into())
    );
}

#[test]
fn a_parameter_has_the_value_that_the_caller_gives_it_and_none_by_itself() {
    let program = Program::read("Append([a], %Domain.Netbios%)", &Options::default()).unwrap();
    let entropy = SeededEntropy::new(1);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    let source = source(r#"{"a": "x"}"#);
    let error = program.evaluate(&source, &environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the parameter `%Domain.Netbios%` has no value; it has to be given"
    );
    assert_eq!(error.span_in("Append([a], %Domain.Netbios%)"), Some(12..28));
    let parameters = Source::from_iter([("Domain.Netbios", "CONTOSO")]);
    assert_eq!(
        program.evaluate(&source, &environment.with_parameters(&parameters)),
        Ok(Outcome::Value("xCONTOSO".into()))
    );
    assert_eq!(
        Expression::parse("%Domain.Netbios%").unwrap().to_string(),
        "%Domain.Netbios%"
    );
    for refused in ["%", "%%", "%a b%", "%1%", "5 % 2"] {
        assert!(Expression::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn a_date_is_written_in_the_output_format_whatever_the_input_format_is() {
    let source = source(r#"{"a": "2025-01-15", "d": "15.01.2025"}"#);
    for (text, expected) in [
        (
            r#"FormatDateTime(CDate([a]), , "yyyy-MM-dd", "dd/MM/yyyy K")"#,
            "15/01/2025 Z",
        ),
        (
            r#"FormatDateTime(DateAdd("yyyy", 5, CDate([a])), , "bogus", "yyyy")"#,
            "2030",
        ),
        (r#"FormatDateTime([d], , "dd.MM.yyyy", "yyyy")"#, "2025"),
    ] {
        assert_eq!(evaluate(text, &source), Ok(expected.into()), "{text}");
    }
}

#[test]
fn diacritics_beyond_the_table_are_stripped_where_the_option_says_so() {
    let source = source(r#"{"city": "Hồ Chí Minh"}"#);
    let mut options = Options::default();
    assert_eq!(
        evaluate_with("NormalizeDiacritics([city])", &source, &options),
        Ok("Hồ Chi Minh".into())
    );
    options.extended_diacritics = true;
    assert_eq!(
        evaluate_with("NormalizeDiacritics([city])", &source, &options),
        Ok("Ho Chi Minh".into())
    );
}

#[test]
fn cloud_sync_has_functions_of_its_own() {
    let mut options = Options::default();
    options.functions = FunctionSet::CloudSync.into();
    let source = source(
        r#"{
            "dn": "CN=Doe\\, Jane,OU=Sales,DC=contoso", "a": " x ", "objectId": "d05e47b1-3909-445a-ba5e-ca60cbc0e4b4",
            "displayName": " Guides ", "description": "Those who guide "
        }"#,
    );
    for (text, expected) in [
        ("Trim([a])", Value::from("x")),
        ("Prepend(\"pre\", Trim([a]))", "prex".into()),
        ("IsNothing([b])", true.into()),
        ("DNComponent([dn], 2)", "Sales".into()),
        ("DNComponent([dn], 9)", Value::Null),
        ("ConvertFromBase64(ConvertToBase64([a]))", " x ".into()),
        (
            r#"ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")"#,
            "Hello world!".into(),
        ),
        (
            r#"ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)"#,
            "Hello world!".into(),
        ),
        (
            r#"ConvertFromBase64("SGVsbG8gd29ybGQh", "ASCII")"#,
            "Hello world!".into(),
        ),
        (
            r#"StringFromSid("AQUAAAAAAAUVAAAA3PQtmg+PlE7T/p8JWAQAAA==")"#,
            "S-1-5-21-2586703068-1318358799-161480403-1112".into(),
        ),
        (r#"StringFromSid("S-1-5-18")"#, "S-1-5-18".into()),
        // The default mappings from Entra ID to Active Directory.
        (
            r#"Append("Group_",[objectId])"#,
            "Group_d05e47b1-3909-445a-ba5e-ca60cbc0e4b4".into(),
        ),
        (
            r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
            "Guides_ca60cbc0e4b4".into(),
        ),
        ("Left(Trim([description]),448)", "Those who guide".into()),
        (
            r#"Switch(Left(Trim([displayName]), 2), "OU=Groups", "NA", "OU=NorthAmerica", "Gu", "OU=Guides")"#,
            "OU=Guides".into(),
        ),
    ] {
        assert_eq!(evaluate_with(text, &source, &options), Ok(expected), "{text}");
    }
    let error = evaluate_with("Error(\"no dice\")", &source, &options).unwrap_err();
    assert_eq!(error.to_string(), "no dice");
    for (text, expected) in [
        (
            r#"ConvertFromBase64("AAAA")"#,
            "the text is not the base64 of a text in UTF-16",
        ),
        (
            r#"ConvertFromBase64("w6k=", ASCII)"#,
            "the text is not the base64 of a text in ASCII",
        ),
        (
            r#"StringFromSid("AQIAAAAAAAUgAAAA")"#,
            "the text is not the base64 of a security identifier",
        ),
        (
            r#"StringFromSid("AgEAAAAAAAUgAAAA")"#,
            "the text is not the base64 of a security identifier",
        ),
    ] {
        let error = evaluate_with(text, &source, &options).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn random_strings_hold_what_is_asked_for_and_nothing_that_is_avoided() {
    let source = Source::new();
    let text = evaluate("RandomString(40, 3, 4, 5, 6, \"abc123ABC?,\")", &source)
        .unwrap()
        .to_text();
    let count = |is: fn(char) -> bool| text.chars().filter(|character| is(*character)).count();
    assert_eq!(text.chars().count(), 40);
    assert!(count(|character| character.is_ascii_digit()) >= 3);
    assert!(count(|character| character.is_ascii_punctuation()) >= 4);
    assert!(count(|character| character.is_ascii_uppercase()) >= 5);
    assert!(count(|character| character.is_ascii_lowercase()) >= 6);
    assert!(!text.contains(['a', 'b', 'c', '1', '2', '3', 'A', 'B', 'C', '?', ',']));

    let digits = evaluate("RandomString(30, 1, 0, 0, 0)", &source)
        .unwrap()
        .to_text();
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
    for refused in [
        "RandomString(257, 0, 0, 0, 0)",
        "RandomString(-1, 0, 0, 0, 0)",
        "RandomString(3, -1, 0, 0, 0)",
        "RandomString(3, 1, 0, 0, 0, \"0123456789\")",
        "RandomString(9223372036854775807, 9223372036854775807, 1, 0, 0)",
    ] {
        assert!(evaluate(refused, &source).is_err(), "{refused}");
    }
    assert_eq!(evaluate("RandomString(0, 0, 0, 0, 0)", &source), Ok("".into()));
}

#[test]
fn one_seed_gives_one_guid_and_one_password() {
    let source = Source::new();
    for text in ["Guid()", "RandomString(20, 1, 1, 1, 1)"] {
        assert_eq!(evaluate(text, &source), evaluate(text, &source));
    }
    let twice = evaluate("Join(\" \", Guid(), Guid())", &source)
        .unwrap()
        .to_text();
    let (first, second) = twice.split_once(' ').unwrap();
    assert_ne!(first, second);
}

#[test]
fn what_is_redacted_flows_and_stays_out_of_logs() {
    let source = source(r#"{"a": "secret", "m": ["x", "y"]}"#);
    let value = evaluate("Redact([a])", &source).unwrap();
    assert_eq!(
        (value.to_text().as_str(), value.to_log().as_str()),
        ("secret", "[Redact]")
    );
    assert!(!format!("{value:?}").contains("secret"));
    assert!(
        evaluate("Coalesce([b], Redact([a]))", &source)
            .unwrap()
            .is_redacted()
    );
    assert!(!evaluate("ToUpper(Redact([a]))", &source).unwrap().is_redacted());
    assert_eq!(evaluate("Count(Redact([m]))", &source), Ok(2.into()));
}

#[test]
fn roles_are_read_from_names_and_from_objects() {
    let objects = source(
        r#"{"roles": [{"id": "1", "displayName": "Admin", "value": "admin", "extra": 1}, {"displayName": "User"}]}"#,
    );
    let names = source(r#"{"roles": ["Default Assignment"]}"#);
    assert_eq!(
        evaluate("SingleAppRoleAssignment([roles])", &objects),
        Ok("Admin".into())
    );
    assert_eq!(
        evaluate("SingleAppRoleAssignment([roles])", &names),
        Ok("Default Assignment".into())
    );
    assert_eq!(
        evaluate("SingleAppRoleAssignment([roles])", &source("{}")),
        Ok(Value::Null)
    );
    assert_eq!(
        evaluate("AppRoleAssignments([roles])", &objects),
        Ok(Value::List(vec!["Admin".into(), "User".into()]))
    );
    assert_eq!(
        evaluate("AppRoleAssignmentsComplex([roles])", &objects)
            .unwrap()
            .to_json(),
        r#"[{"value":"admin","display":"Admin","type":"WindowsAzureActiveDirectoryRole","primary":"False"},{"value":"User","display":"User","type":"WindowsAzureActiveDirectoryRole","primary":"False"}]"#
    );
    assert_eq!(
        evaluate("AssertiveAppRoleAssignmentsComplex([roles])", &names)
            .unwrap()
            .to_json(),
        r#"[{"value":"Default Assignment","display":"Default Assignment","type":"WindowsAzureActiveDirectoryRole","primary":"False"}]"#
    );
}

#[test]
fn candidates_are_given_out_in_order_and_settled_without_regard_to_case() {
    let source = source(r#"{"a": "Ann", "b": "Lee"}"#);
    let text = r#"SelectUniqueValue([missing], [a], Join(".", [a], [b]))"#;
    let Ok(Outcome::Candidates(candidates)) = outcome(text, &source, &Options::default()) else {
        panic!("no candidates");
    };
    assert_eq!(candidates.values(), ["Ann".into(), "Ann.Lee".into()]);
    let outcome = Outcome::Candidates(candidates);
    assert_eq!(
        outcome.clone().settle(&["ANN"]),
        Ok(Outcome::Value("Ann.Lee".into()))
    );
    let error = outcome.settle(&["ann", "ann.lee"]).unwrap_err();
    assert_eq!(error.class().as_str(), "not_unique");
}

#[test]
fn only_what_is_chosen_is_evaluated() {
    let source = source(r#"{"a": "x"}"#);
    for text in [
        r#"Switch([a], CDate("bad"), "y", CDate("bad"), "x", "fine", "z", CDate("bad"))"#,
        r#"IIF([a] = "x", "fine", CDate("bad"))"#,
        r#"Coalesce([b], "fine", CDate("bad"))"#,
    ] {
        assert_eq!(evaluate(text, &source), Ok("fine".into()), "{text}");
    }
}

#[test]
fn an_error_names_the_argument_that_is_at_fault() {
    let source = source(r#"{"m": ["a", "b"], "t": "soon"}"#);
    for (text, span, message) in [
        (
            "Append(\"x\", [m])",
            12..15,
            "the argument `suffix` of `Append` takes a single value, and is a list of values",
        ),
        (
            "Left(\"x\", [t])",
            10..13,
            "the argument `NumChars` of `Left` takes an integer, and is `soon`",
        ),
        (
            "Item([m], 3)",
            10..11,
            "there is no value 3; the first of 2 is value 1",
        ),
        (
            "IIF([m] = \"a\", 1, 2)",
            8..9,
            "a list of values can't be compared",
        ),
        (
            "Split(\"x\", \"\")",
            11..13,
            "the argument `delimiter` of `Split` can't be empty text",
        ),
    ] {
        let error = evaluate(text, &source).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.span_in(text)),
            (message, Some(span)),
            "{text}"
        );
    }
}

#[test]
fn errors_of_functions_of_applications_and_in_their_arguments_have_a_caret() {
    static BADGE: Definition = Definition::of_application(
        "Badge",
        &[Parameter::text("number"), Parameter::any("site").or_empty()],
        |arguments| match arguments.first() {
            Some(Value::Text(number)) => Ok(number.clone().into()),
            _ => Err("a badge has a number".into()),
        },
    );
    let mut options = Options::default();
    options.functions = Functions::entra().with(&BADGE);
    let source = source(r#"{"m": ["a", "b"]}"#);
    for (text, shown) in [
        (
            "ToUpper(Badge([n]))",
            "a badge has a number\n  ToUpper(Badge([n]))\n          ^^^^^",
        ),
        (
            "Badge(Item([m], 3))",
            "there is no value 3; the first of 2 is value 1\n  Badge(Item([m], 3))\n                  ^",
        ),
    ] {
        let error = evaluate_with(text, &source, &options).unwrap_err();
        assert_eq!(error.display_with(text).to_string(), shown);
    }
    for text in ["Badge()", "Badge([n], [m], [m])", "Bagde([n])"] {
        let error = Program::read(text, &options).unwrap_err();
        assert!(error.display_with(text).contains('^'), "{text}: {error}");
    }
}
