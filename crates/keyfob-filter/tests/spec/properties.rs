//! What holds of every filter: it prints as what reads back, and its evaluation equals the oracle's.

use keyfob_core::{AttrName, AttrPath, Dialect, EntityTag, Registry, SchemaUri, Version};
use keyfob_filter::{CompareOp, Filter, Limits, Literal, PatchPath};
use keyfob_testgen::{Kind, address, filter_matches, shown};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::support::{cases, resource, resource_type, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.bytes = usize::MAX;
    limits.depth = 64;
    limits
}

fn name() -> impl Strategy<Value = AttrName> {
    "[a-zA-Z$][a-zA-Z0-9$_-]{0,12}".prop_map(AttrName::new)
}

fn path() -> impl Strategy<Value = AttrPath> {
    let uri = "urn:[a-z0-9.:_-]{1,30}".prop_map(SchemaUri::new);
    (option::weighted(0.2, uri), name(), option::weighted(0.3, name()))
        .prop_map(|(uri, name, sub)| AttrPath::new(uri, name, sub))
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Integer),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Literal::Decimal),
        any::<String>().prop_map(|text| Literal::String(text.into())),
        r#"[a-z"\\\[\]() ]{0,8}"#.prop_map(|text: String| Literal::String(text.into())),
    ]
}

fn term(path: impl Strategy<Value = AttrPath> + Clone + 'static) -> impl Strategy<Value = Filter> {
    prop_oneof![
        path.clone().prop_map(Filter::pr),
        (path, select(CompareOp::ALL.to_vec()), literal())
            .prop_map(|(path, op, literal)| Filter::Compare(path, op, literal)),
    ]
}

/// Terms joined, grouped and negated by the builders.
fn combined(term: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    term.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|operands| operands.into_iter().reduce(Filter::and).unwrap()),
            vec(inner.clone(), 2..4).prop_map(|operands| operands.into_iter().reduce(Filter::or).unwrap()),
            inner.prop_map(Filter::not),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let value_path =
        (path(), combined(term(path().boxed()))).prop_map(|(path, filter)| Filter::path(path, filter));
    combined(prop_oneof![3 => term(path().boxed()), 1 => value_path])
}

/// A text that is nearly a filter: its lexemes in any order, and any characters in between.
fn nearly() -> impl Strategy<Value = String> {
    let lexeme = prop_oneof![
        8 => select(vec![
            "userName", "emails", "name.familyName", "$ref", "urn:x:1.0:User:a", "eq", "NE", "co", "pr", "gt", "and",
            "OR", "not", "(", ")", "[", "]", "].value", "\"x\"", "\"\\u00e4\"", "\"\\ud83d\"", "'x'", "true", "null",
            "12", "-1.5e3", "01", "2011-05-13T04:42:34Z", ".", ":", "\\", "\"",
        ]).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    vec((lexeme, select(vec!["", " ", " ", "  "])), 0..24).prop_map(|lexemes| {
        lexemes
            .into_iter()
            .flat_map(|(lexeme, blank)| [lexeme, blank.into()])
            .collect()
    })
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn a_printed_filter_reads_back_as_itself(filter in any_filter()) {
        let text = filter.to_string();
        let read = Filter::parse_with(&text, &unlimited(), Dialect::strict());
        prop_assert_eq!(read.as_ref(), Ok(&filter), "{}", text);
        prop_assert_eq!(read.unwrap().to_string(), text);
    }

    #[test]
    fn a_printed_path_reads_back_as_itself(attr in path(), filter in option::of(combined(term(path().boxed()))), sub in option::of(name())) {
        let sub = sub.filter(|_| filter.is_some());
        let path = PatchPath::new(attr, filter, sub);
        let text = path.to_string();
        let read = PatchPath::parse_with(&text, &unlimited(), Dialect::strict());
        prop_assert_eq!(read.as_ref(), Ok(&path), "{}", text);
    }

    #[test]
    fn whatever_is_read_reads_back_and_whatever_is_refused_is_shown(text in nearly()) {
        for dialect in [Dialect::strict(), Dialect::interop()] {
            match Filter::parse_with(&text, &Limits::default(), dialect) {
                Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
                Err(error) => {
                    prop_assert!(text.get(error.span()).is_some(), "{:?}", error);
                    prop_assert!(error.display_with(&text).to_string().contains('^'));
                }
            }
            if let Ok(path) = PatchPath::parse_with(&text, &Limits::default(), dialect) {
                prop_assert_eq!(PatchPath::parse(&path.to_string()), Ok(path));
            }
        }
    }

    #[test]
    fn evaluation_equals_the_oracle_s_for_users(filter in user_filter(), body in user_body()) {
        check(&filter, &body, user())?;
    }

    #[test]
    fn what_is_shown_of_users_is_what_is_filtered_by(filter in shown_filter(user_filter(), "groups"), body in user_body()) {
        check_shown(&filter, body, Kind::User)?;
    }

    #[test]
    fn what_is_shown_of_groups_is_what_is_filtered_by(filter in shown_filter(group_filter(), "members"), body in group_body()) {
        check_shown(&filter, body, Kind::Group)?;
    }

    #[test]
    fn evaluation_equals_the_oracle_s_for_groups(filter in group_filter(), body in group_body()) {
        check(&filter, &body, resource_type("Group"))?;
    }
}

fn check(filter: &Filter, body: &Value, kind: &keyfob_core::ResourceType) -> Result<(), TestCaseError> {
    let decoded = resource(&body.to_string(), kind);
    let predicate = filter.compile(kind, Dialect::strict()).unwrap();
    prop_assert_eq!(
        predicate.matches(&decoded),
        filter_matches(filter, body, kind),
        "{} of {}",
        filter,
        body
    );
    for lookup in predicate.lookups() {
        prop_assert!(lookup.keys().next().is_some());
    }
    Ok(())
}

/// Checks that a filter over what is stored equals one over what is shown of it.
fn check_shown(filter: &Filter, mut body: Value, kind: Kind) -> Result<(), TestCaseError> {
    let resource_type = kind.resource_type();
    body["id"] = "b c".into();
    body["meta"]["version"] = "W/\"2\"".into();
    let decoded = resource(&body.to_string(), resource_type);
    let types: Vec<_> = Registry::rfc().resource_types().iter().collect();
    let own = types
        .iter()
        .position(|other| other.name() == resource_type.name())
        .unwrap();
    for base_url in BASE_URLS {
        let addresses = Registry::rfc().addresses(*base_url);
        let predicates = filter
            .compile_for_types(&types, Dialect::strict(), &addresses)
            .unwrap();
        let mut shown = shown(&body, kind, base_url);
        let tag = EntityTag::of(Version::new(2), &decoded, resource_type);
        shown["meta"]["version"] = tag.to_string().into();
        let expected = filter_matches(filter, &shown, resource_type);
        let predicate = &predicates[own];
        prop_assert_eq!(predicate.matches(&decoded), expected, "{} of {}", filter, shown);
        if let Some(constant) = predicate.constant() {
            prop_assert_eq!(constant, expected, "{} of {}", filter, shown);
        }
        // What a look-up asks for is there, as the store holds it.
        if expected {
            for lookup in predicate
                .lookups()
                .filter(|lookup| lookup.place().attribute().is("id"))
            {
                prop_assert!(lookup.keys().any(|key| key.as_str() == "b c"), "{}", filter);
            }
        }
    }
    Ok(())
}

const BASE_URLS: &[&str] = &["", "https://example.com/scim/v2"];

/// A filter that also asks for what the service makes itself.
fn shown_filter(
    filter: impl Strategy<Value = Filter> + 'static,
    relation: &'static str,
) -> impl Strategy<Value = Filter> {
    let reference = AttrPath::new(None, AttrName::new(relation), Some(AttrName::new("$ref")));
    let inner = prop_oneof![
        3 => any_address(AttrPath::attribute("$ref")),
        1 => text("value"),
        1 => text("type"),
    ];
    let meta = prop_oneof![
        any_address(AttrPath::attribute("location")),
        version(AttrPath::attribute("version"))
    ];
    combined(prop_oneof![
        2 => filter,
        2 => any_address(reference),
        2 => any_address(AttrPath::parse("meta.location").unwrap()),
        1 => version(AttrPath::parse("meta.version").unwrap()),
        2 => value_path(relation, inner),
        1 => value_path("meta", meta),
    ])
}

/// A comparison with an address, a part of one or what is none.
fn any_address(path: AttrPath) -> impl Strategy<Value = Filter> {
    let id = prop_oneof![1 => Just("b c"), 2 => select(&TEXTS[1..])];
    let address = (select(BASE_URLS), select(&[Kind::User, Kind::Group][..]), id)
        .prop_map(|(base_url, kind, id)| address(base_url, kind, id));
    let literal = prop_oneof![
        6 => address,
        1 => select(&["/Users", "Users/a", "%20c", "https", "/Users/b c", "/Users/b%20C", "Groups"][..]).prop_map(str::to_owned),
    ];
    prop_oneof![
        1 => Just(Filter::pr(path.clone())),
        3 => literal.clone().prop_map({
            let path = path.clone();
            move |literal| Filter::eq(path.clone(), literal.as_str())
        }),
        6 => (select(ANY), literal).prop_map(move |(op, literal)| Filter::Compare(path.clone(), op, literal.as_str().into())),
    ]
}

fn version(path: AttrPath) -> impl Strategy<Value = Filter> {
    (
        select(ANY),
        select(&["W/\"2\"", "W/\"2", "-", "W/\"1\"", "2", "w/\"2\"", "\"2\""][..]),
    )
        .prop_map(move |(op, literal)| Filter::Compare(path.clone(), op, literal.into()))
}

/// Few texts, so that comparisons hold now and then.
const TEXTS: &[&str] = &["", "a", "A", "ab", "AB", "bA", "Σ", "ς", "ΑΣ", "b c"];
const DATES: &[&str] = &[
    "2011-05-13T04:42:34Z",
    "2011-05-13T06:42:34+02:00",
    "2011-05-13T04:42:34.5Z",
    "2012-01-01T00:00:00",
];

fn text_literal() -> impl Strategy<Value = Literal> {
    select(TEXTS).prop_map(Literal::from)
}

fn comparison(
    path: &'static str,
    ops: &'static [CompareOp],
    literal: impl Strategy<Value = Literal> + 'static,
) -> BoxedStrategy<Filter> {
    let path = AttrPath::parse(path).unwrap();
    prop_oneof![
        1 => Just(Filter::pr(path.clone())),
        1 => select(vec![CompareOp::Eq, CompareOp::Ne]).prop_map({
            let path = path.clone();
            move |op| Filter::Compare(path.clone(), op, Literal::Null)
        }),
        6 => (select(ops), literal).prop_map(move |(op, literal)| Filter::Compare(path.clone(), op, literal)),
    ]
    .boxed()
}

const ANY: &[CompareOp] = &CompareOp::ALL;
const EQUALITY: &[CompareOp] = &[CompareOp::Eq, CompareOp::Ne];
const ORDER: &[CompareOp] = &[
    CompareOp::Eq,
    CompareOp::Ne,
    CompareOp::Gt,
    CompareOp::Ge,
    CompareOp::Lt,
    CompareOp::Le,
];

fn text(path: &'static str) -> BoxedStrategy<Filter> {
    comparison(path, ANY, text_literal())
}

/// An `or` of texts, one of which has to be there.
fn one_of(path: &'static str) -> BoxedStrategy<Filter> {
    let path = AttrPath::parse(path).unwrap();
    vec(text_literal(), 2..5)
        .prop_map(move |texts| {
            let equalities = texts.into_iter().map(|text| Filter::eq(path.clone(), text));
            equalities.reduce(Filter::or).unwrap()
        })
        .boxed()
}

fn boolean(path: &'static str) -> BoxedStrategy<Filter> {
    comparison(path, EQUALITY, any::<bool>().prop_map(Literal::Bool))
}

fn value_path(path: &'static str, inner: impl Strategy<Value = Filter> + 'static) -> BoxedStrategy<Filter> {
    combined(inner)
        .prop_map(move |filter| Filter::path(AttrPath::attribute(path), filter))
        .boxed()
}

fn user_filter() -> impl Strategy<Value = Filter> {
    let email = prop_oneof![
        text("type"),
        text("VALUE"),
        text("display"),
        one_of("value"),
        boolean("primary")
    ];
    let group = prop_oneof![text("value"), text("display"), text("type"), text("$ref")];
    combined(prop_oneof![
        text("userName"),
        one_of("userName"),
        text("externalId"),
        one_of("externalId"),
        one_of("emails.type"),
        one_of("groups.display"),
        one_of("schemas"),
        text("urn:ietf:params:scim:schemas:core:2.0:User:title"),
        text("name.familyName"),
        text("emails"),
        text("emails.type"),
        boolean("active"),
        boolean("emails.primary"),
        comparison("meta.created", ORDER, select(DATES).prop_map(Literal::from)),
        text("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
        text("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName"),
        text("groups"),
        text("groups.display"),
        text("schemas"),
        Just(Filter::pr(AttrPath::attribute("name"))),
        value_path("emails", email),
        value_path("groups", group),
        value_path("name", prop_oneof![text("familyName"), text("givenName")]),
        value_path("schemas", text("value")),
    ])
}

fn group_filter() -> impl Strategy<Value = Filter> {
    let member = prop_oneof![3 => text("value"), 1 => text("display"), 1 => one_of("value"), 1 => one_of("type"), 1 => text("type"), 1 => text("$ref")];
    combined(prop_oneof![
        text("displayName"),
        text("members"),
        one_of("members"),
        text("members.type"),
        text("members.$ref"),
        value_path("members", member),
    ])
}

fn text_value() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 4 => select(TEXTS).prop_map(Value::from)]
}

fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

fn texts(names: &[&'static str]) -> Vec<(&'static str, BoxedStrategy<Value>)> {
    names.iter().map(|name| (*name, text_value().boxed())).collect()
}

/// The members of a relation, each with another id.
fn members() -> BoxedStrategy<Value> {
    let kind = prop_oneof![1 => text_value(), 3 => select(&["User", "Group", "group", "direct"][..]).prop_map(Value::from)];
    let mut member = texts(&["display", "$ref"]);
    member.push(("type", kind.boxed()));
    let member = (select(&TEXTS[1..]), object(member));
    vec(member, 0..5)
        .prop_map(|members| {
            let mut distinct: Vec<Value> = Vec::new();
            for (id, mut member) in members {
                if distinct.iter().all(|other| other["value"] != id) {
                    member["value"] = id.into();
                    distinct.push(member);
                }
            }
            Value::Array(distinct)
        })
        .boxed()
}

fn user_body() -> impl Strategy<Value = Value> {
    let email = {
        let mut email = texts(&["type", "value", "display"]);
        email.push(("primary", any::<bool>().prop_map(Value::Bool).boxed()));
        object(email)
    };
    let enterprise = {
        let mut enterprise = texts(&["department"]);
        enterprise.push(("manager", object(texts(&["displayName", "value"]))));
        object(enterprise)
    };
    let mut user = texts(&["userName", "externalId", "title"]);
    user.extend([
        ("name", object(texts(&["familyName", "givenName"]))),
        ("active", any::<bool>().prop_map(Value::Bool).boxed()),
        ("emails", vec(email, 0..3).prop_map(Value::Array).boxed()),
        ("groups", members()),
        (
            "meta",
            object(vec![("created", select(DATES).prop_map(Value::from).boxed())]),
        ),
        (
            "schemas",
            vec(select(&["urn:a", "urn:A", "a", "ΑΣ"][..]), 0..3)
                .prop_map(|uris| json!(uris))
                .boxed(),
        ),
        (ENTERPRISE, enterprise),
    ]);
    object(user)
}

fn group_body() -> impl Strategy<Value = Value> {
    let mut group = texts(&["displayName"]);
    group.push(("members", members()));
    object(group)
}

/// Texts that would say something else if they were written as they are.
fn hostile() -> impl Strategy<Value = String> {
    let words = [
        "userName",
        "a",
        "",
        " ",
        ".",
        ":",
        "x pr or userName",
        "a.b",
        "a[b",
        "]",
        "(",
        ")",
        "\"",
        "\\",
        "and",
        "not",
        "urn:a",
        "a eq 1",
        "a pr) or (b",
        "$ref",
        "\n",
        "é",
        "1",
    ];
    let marks = [
        "\0", "\u{7f}", "\u{202e}", "\u{200b}", "\u{feff}", "\r", "'", "\u{2024}", "/",
    ];
    let words: Vec<String> = words.iter().chain(&marks).map(ToString::to_string).collect();
    let long = std::iter::once("a".repeat(10_000));
    vec(select(words.into_iter().chain(long).collect::<Vec<_>>()), 1..4).prop_map(|words| words.concat())
}

fn hostile_path() -> BoxedStrategy<AttrPath> {
    let schema = option::weighted(0.4, hostile().prop_map(SchemaUri::new));
    let name = || hostile().prop_map(AttrName::new);
    (schema, name(), option::weighted(0.3, name()))
        .prop_map(|(schema, name, sub)| AttrPath::new(schema, name, sub))
        .boxed()
}

fn hostile_filter() -> impl Strategy<Value = Filter> {
    (combined(term(hostile_path())), hostile_path(), any::<bool>()).prop_map(|(filter, path, is_within)| {
        if is_within {
            Filter::path(path, filter)
        } else {
            filter.and(Filter::Or(Vec::new()))
        }
    })
}

proptest! {
    #[test]
    fn no_path_that_was_made_of_anything_reads_as_another_one(path in hostile_path()) {
        let text = path.to_string();
        if let Ok(read) = AttrPath::parse(&text) {
            prop_assert_eq!(&read, &path, "{}", text);
        }
        prop_assert_eq!(AttrPath::parse(&text).is_ok(), path.borrowed().is_legal(), "{}", text);
        // Nobody who reads it sees another one either: nothing is hidden, turned around or on another line.
        let is_unseen = |character: char| {
            character.is_control() || ['\u{202e}', '\u{200b}', '\u{feff}'].contains(&character)
        };
        prop_assert!(!text.chars().any(is_unseen), "{:?}", text);
    }

    #[test]
    fn no_filter_that_was_made_of_anything_reads_as_another_one(
        filter in prop_oneof![hostile_filter(), combined(term(hostile_path()))],
    ) {
        let text = filter.to_string();
        if let Ok(read) = Filter::parse_with(&text, &unlimited(), Dialect::strict()) {
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(read, filter);
        }
    }

    #[test]
    fn no_patch_path_that_was_made_of_anything_reads_as_another_one(
        path in hostile_path(),
        filter in option::of(term(hostile_path())),
        sub in hostile().prop_map(AttrName::new),
    ) {
        let sub = filter.is_some().then_some(sub);
        let made = PatchPath::new(path, filter, sub);
        let text = made.to_string();
        if let Ok(read) = PatchPath::parse_with(&text, &unlimited(), Dialect::strict()) {
            prop_assert_eq!(read, made, "{}", text);
        }
    }
}
