//! JSON in and out: what is kept and what is refused.

use keyfob_core::{
    Object, Resource, SchemaUri, ScimType, ToErrorBody, Value,
    json::{
        MAX_DEPTH, object_from_slice, object_from_slice_within, object_to_vec, value_from_slice, value_to_vec,
    },
    validate::ValidationError,
};

use crate::support::{ENTERPRISE, USER, group_type, json, repeat, user_type};

fn message(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let error = Resource::from_json(text, user_type())
        .expect_err(&String::from_utf8_lossy(text))
        .to_error_body();
    assert_eq!(
        (error.status, error.scim_type),
        (400, Some(ScimType::InvalidSyntax))
    );
    // Whether the type is known makes no difference to what is refused.
    serde_json::from_slice::<Resource>(text).expect_err("without a type it is taken");
    error.detail.into()
}

#[test]
fn two_keys_equal_up_to_case_are_refused_at_every_level() {
    let many = repeat(40, |number| format!("\"key{number}\": 1, "));
    let nested = |inner: &str| format!("{{\"a\": [{{\"b\": {inner}}}]}}");
    for text in [
        r#"{"userName": "a", "userName": "b"}"#.to_owned(),
        r#"{"userName": "a", "USERNAME": null}"#.to_owned(),
        r#"{"userName": "a", "\u0055sername": "b"}"#.to_owned(),
        nested(r#"{"type": 1, "Type": 2}"#),
        format!("{{{many}\"KEY7\": 2}}"),
        format!("{{{many}\"last\": 1, \"LAST\": 2}}"),
        nested(&format!("{{{many}\"KEY39\": 2}}")),
        // A relation against itself, keyed and not.
        r#"{"groups": [], "GROUPS": []}"#.to_owned(),
        r#"{"groups": "x", "GROUPS": [{"value": "1"}]}"#.to_owned(),
        r#"{"groups": [{"value": "1"}], "GROUPS": "x"}"#.to_owned(),
        format!("{{{many}\"groups\": [], \"GROUPS\": \"x\"}}"),
        // An extension against itself, as an object and not.
        format!(
            r#"{{"{ENTERPRISE}": {{}}, "{}": {{}}}}"#,
            ENTERPRISE.to_uppercase()
        ),
        format!(
            r#"{{"{ENTERPRISE}": null, "{}": {{}}}}"#,
            ENTERPRISE.to_uppercase()
        ),
        format!(
            r#"{{"{ENTERPRISE}": {{}}, "{}": null}}"#,
            ENTERPRISE.to_uppercase()
        ),
        format!(r#"{{"{ENTERPRISE}": {{"manager": 1, "MANAGER": 2}}}}"#),
        format!(
            r#"{{{many} "{ENTERPRISE}": {{}}, "{}": {{}}}}"#,
            ENTERPRISE.to_uppercase()
        ),
        r#"{"schemas": [], "Schemas": []}"#.to_owned(),
        format!(r#"{{{many} "schemas": [], "Schemas": []}}"#),
        // In members, between the known sub-attributes and others.
        r#"{"groups": [{"value": "1", "VALUE": "2"}]}"#.to_owned(),
        r#"{"groups": [{"value": 1, "VALUE": "2"}]}"#.to_owned(),
        r#"{"groups": [{"value": "1", "VALUE": 2}]}"#.to_owned(),
        r#"{"groups": [{"value": null, "VALUE": "2"}]}"#.to_owned(),
        r#"{"groups": [{"value": "1", "$REF": "a", "$ref": "b"}]}"#.to_owned(),
        r#"{"groups": [{"value": "1", "since": 1, "SINCE": 2}]}"#.to_owned(),
        format!(r#"{{"groups": [{{"value": "1", {many} "KEY1": 2}}]}}"#),
    ] {
        let message = message(&text);
        assert!(message.contains("stands there twice"), "{text}: {message}");
    }
}

#[test]
fn as_many_keys_as_a_body_has_room_for_are_compared_in_linear_time() {
    // With a comparison of each with each this takes minutes.
    let attributes = repeat(100_000, |number| format!("\"k{number}\": {{}}, "));
    let extensions = repeat(100_000, |number| format!("\"u:{number}\": {{}}, "));
    let member = format!("{{{attributes} \"value\": \"1\"}}");
    for text in [
        format!("{{{attributes} \"K1\": 1}}"),
        format!("{{{extensions} \"U:1\": 1}}"),
        format!("{{\"groups\": [{member}], \"GROUPS\": 1}}"),
    ] {
        assert!(message(&text).contains("stands there twice"));
    }
    let lifted = format!("{{{attributes} \"{USER}\": {{{attributes} \"userName\": \"x\"}}}}");
    let body = Resource::from_json(lifted.as_bytes(), user_type()).unwrap();
    let created = keyfob_core::validate::create(body, user_type(), keyfob_core::Dialect::interop());
    assert!(
        matches!(created, Err(ValidationError::TooManyIgnored { .. })),
        "{created:?}"
    );
}

#[test]
fn what_is_not_json_says_where_it_stops_being_it() {
    for (text, place) in [
        (&b""[..], "line 1 column 0"),
        (b"{", "line 1 column 1"),
        (b"{} {}", "line 1 column 4"),
        (b"{}x", "line 1 column 3"),
        (b"{\"a\": 1,}", "line 1 column 9"),
        (b"{'a': 1}", "line 1 column 2"),
        (b"{\"a\": 01}", "line 1 column 8"),
        (b"{\"a\": NaN}", "line 1 column 7"),
        (b"{\"a\": 1e400}", "line 1 column 11"),
        (b"{\"a\":\n  \"\xff\"}", "line 2 column"),
        (b"{\"\xc3(\": 1}", "line 1 column"),
        (b"{\"a\": \"\\ud800\"}", "line 1 column"),
        (b"{\"a\": \"\n\"}", "line 2 column 0"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        (b"[]", "line 1 column"),
        (b"null", "line 1 column"),
        (b"\"userName\"", "line 1 column"),
        (b"{\"schemas\": 5}", "line 1 column"),
        (b"{\"schemas\": [5]}", "line 1 column"),
        (b"{\"schemas\": \"urn:x:y\"}", "line 1 column"),
    ] {
        let message = message(text);
        assert!(
            message.contains(place),
            "{}: {message}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn a_body_has_at_most_32_levels() {
    let arrays = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{{\"a\": {}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let members = |depth: usize| format!("{{\"groups\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let member = |depth: usize| {
        format!(
            "{{\"groups\": [{{\"value\": \"1\", \"a\": {}{}}}]}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let extension = |depth: usize| format!("{{\"u:x\": {}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for (build, taken) in [
        (&arrays as &dyn Fn(usize) -> String, 31),
        (&objects, 31),
        (&members, 31),
        (&member, 29),
        (&extension, 31),
    ] {
        let text = build(taken);
        let resource = Resource::from_json(text.as_bytes(), user_type()).unwrap();
        assert_eq!(json(resource.to_json()), json(&text));
        assert_eq!(serde_json::from_str::<Resource>(&text).map(|_| ()).ok(), Some(()));
        for depth in [taken + 1, 100, 100_000] {
            let message = message(build(depth));
            assert!(message.contains("nests too deep"), "{message}");
        }
    }
    assert!(value_from_slice(&b"[".repeat(1_000_000)).is_err());
}

#[test]
fn what_is_no_scim_message_may_nest_as_deep_as_its_reader_says() {
    let text = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    for levels in [1, 32, 100] {
        let object = object_from_slice_within(text(levels).as_bytes(), levels).unwrap();
        assert_eq!(json(object_to_vec(&object)), json(text(levels)));
        assert!(object_from_slice_within(text(levels + 1).as_bytes(), levels).is_err());
    }
    assert!(object_from_slice_within(text(128).as_bytes(), usize::MAX).is_err());
    assert!(object_from_slice_within(b"[]", 9).is_err());
}

#[test]
fn numbers_keep_their_value_or_are_refused() {
    for (text, value) in [
        ("0", Value::Integer(0)),
        ("-1", Value::Integer(-1)),
        ("9223372036854775807", Value::Integer(i64::MAX)),
        ("-9223372036854775808", Value::Integer(i64::MIN)),
        ("0.5", Value::Decimal(0.5)),
        ("1.0", Value::Decimal(1.0)),
        ("1e2", Value::Decimal(100.0)),
        ("1E-2", Value::Decimal(0.01)),
        ("-0.0", Value::Decimal(-0.0)),
        ("-0", Value::Decimal(-0.0)),
        ("5e-324", Value::Decimal(5e-324)),
        ("1e18", Value::Decimal(1e18)),
        ("0.1", Value::Decimal(0.1)),
    ] {
        let decoded = value_from_slice(text.as_bytes()).unwrap();
        assert_eq!(decoded, value, "{text}");
        assert_eq!(
            value_from_slice(&value_to_vec(&decoded)).unwrap(),
            value,
            "{text}"
        );
    }
    for text in [
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e19",
        "123456789012345678901234567890",
    ] {
        let error = value_from_slice(text.as_bytes()).unwrap_err();
        assert_eq!(error.message, "the number is too large", "{text}");
    }
    assert_eq!(value_to_vec(&Value::Decimal(f64::NAN)), b"null");
}

// serde_json hands fractions over in another form with its feature `arbitrary_precision`, with which these tests run, too.
#[test]
fn rfc_7643_2_3_3_a_fraction_is_a_decimal_at_every_depth() {
    for (text, number) in [
        ("0.1", 0.1),
        ("-2.5", -2.5),
        ("1e3", 1000.0),
        ("2.0", 2.0),
        ("9007199254740992.5", 9_007_199_254_740_992.0),
    ] {
        let read = |text: &str| value_from_slice(text.as_bytes()).unwrap();
        let decimal = Value::Decimal(number);
        assert_eq!(read(text), decimal);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), decimal);
        let (opened, closed) = ("[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let mut deepest = &read(&format!("{opened}{text}{closed}"));
        while let Value::Array(values) = deepest {
            deepest = &values[0];
        }
        assert_eq!(*deepest, decimal);
    }
    for text in ["1e400", "-1e400"] {
        value_from_slice(text.as_bytes()).unwrap_err();
    }
}

#[test]
fn what_cannot_be_a_member_is_kept_for_validation_to_judge() {
    for text in [
        r#"{"members": {"value": "1"}}"#,
        r#"{"members": "1"}"#,
        r#"{"members": ["1", "2"]}"#,
        r#"{"members": [{"value": "1", "display": "a"}, "2", {"value": "3"}]}"#,
        r#"{"members": [{"display": "a"}]}"#,
        r#"{"members": [{"value": 5}, {"value": "1"}]}"#,
        r#"{"members": [{"value": "1", "display": 5, "extra": [1]}]}"#,
        r#"{"members": [[], 1, 2.5, true, {}]}"#,
        r#"{"members": 1}"#,
        r#"{"members": 1.5}"#,
        r#"{"members": true}"#,
        r#"{"MEMBERS": [{"VALUE": "1", "DISPLAY": "a"}]}"#,
    ] {
        let resource = Resource::from_json(text.as_bytes(), group_type()).unwrap();
        let written = String::from_utf8(resource.to_json()).unwrap();
        assert_eq!(
            json(written.to_ascii_lowercase()),
            json(text.to_ascii_lowercase()),
            "{text}"
        );
    }
}

#[test]
fn an_unassigned_relation_is_there_and_holds_nothing() {
    for text in [r#"{"members": null}"#, r#"{"members": []}"#] {
        let resource = Resource::from_json(text.as_bytes(), group_type()).unwrap();
        assert!(resource.relation("MEMBERS").unwrap().is_empty());
        assert_eq!(resource.to_json(), b"{}");
    }
    let resource = Resource::from_json(b"{}", group_type()).unwrap();
    assert_eq!(resource.relation("members"), None);
}

#[test]
fn two_values_with_one_id_are_one_member_and_the_later_counts() {
    let text =
        br#"{"members": [{"value": "1", "display": "a"}, {"value": "2"}, {"value": "1", "display": "b"}]}"#;
    let resource = Resource::from_json(text, group_type()).unwrap();
    assert_eq!(
        json(resource.to_json()),
        json(r#"{"members": [{"value": "1", "display": "b"}, {"value": "2"}]}"#)
    );
}

#[test]
fn extensions_that_nobody_registered_are_kept() {
    let text = br#"{"schemas": null, "urn:example:a:1.0": {"b": [{"c": null}]}, "urn:example:b:1.0": [1], "x:": {}}"#;
    for resource in [
        Resource::from_json(text, user_type()).unwrap(),
        serde_json::from_slice(text).unwrap(),
    ] {
        assert_eq!(resource.extensions().len(), 2);
        assert!(resource.extension(&SchemaUri::new("URN:example:A:1.0")).is_some());
        let mut expected = json(text);
        expected.as_object_mut().unwrap().remove("schemas");
        assert_eq!(json(resource.to_json()), expected);
    }
}

#[test]
fn values_deserialize_from_any_format_of_serde() {
    let text = r#"{"a": [1, -2, 2.5, "x", true, null, {"b": []}]}"#;
    let direct: Object = object_from_slice(text.as_bytes()).unwrap();
    let through: Object = serde_json::from_value(json(text)).unwrap();
    assert_eq!(direct, through);
    let resource: Resource = serde_json::from_value(json(text)).unwrap();
    assert_eq!(serde_json::to_value(resource).unwrap(), json(text));
}
