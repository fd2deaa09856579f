//! What fits a resource type: names, operators and types (RFC 7644 section 3.4.2.2 table 3, section 7.5.2).

use std::fmt::Write;

use keyfob_core::{CompareKey, Dialect, Quirk, Registry, ScimType, ToErrorBody};
use keyfob_filter::{Comparand, CompareOp, CompileErrorKind as Kind, Condition, Filter};

use crate::support::{compile, resource_type, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[test]
fn operators_go_with_types_as_table_3_says() {
    let operators = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    for (attribute, literal, allowed) in [
        ("userName", r#""x""#, &operators[..]),
        ("profileUrl", r#""x""#, &operators[..]),
        ("active", "true", &["eq", "ne"][..]),
        ("x509Certificates.value", r#""x""#, &["eq", "ne"][..]),
        (
            "meta.created",
            r#""2011-05-13T04:42:34Z""#,
            &["eq", "ne", "gt", "ge", "lt", "le"][..],
        ),
        ("userName", "null", &["eq", "ne"][..]),
        ("active", "null", &["eq", "ne"][..]),
        ("emails", "null", &["eq", "ne"][..]),
        ("name", "null", &["eq", "ne"][..]),
    ] {
        for operator in operators {
            let text = format!("{attribute} {operator} {literal}");
            let result = compile(&text, user(), Dialect::strict());
            assert_eq!(result.is_ok(), allowed.contains(&operator), "{text}");
            if let Err(error) = result {
                assert!(
                    matches!(error.kind(), Kind::Operator { .. } | Kind::NullOperator { .. }),
                    "{text}"
                );
                let body = error.to_error_body();
                assert_eq!(
                    (body.status, body.scim_type),
                    (400, Some(ScimType::InvalidFilter)),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn literals_are_of_the_attribute_s_type() {
    for text in [
        "userName eq true",
        "userName eq 5",
        "active eq 1",
        r#"active eq "yes""#,
        r#"active eq "true""#,
        "meta.created gt 5",
        r#"meta.created gt "yesterday""#,
        r#"meta.created gt "2011-05-13""#,
        "emails eq 5",
        "emails.primary eq 0",
        "x509Certificates eq true",
    ] {
        let error = compile(text, user(), Dialect::strict()).expect_err(text);
        assert!(
            matches!(error.kind(), Kind::Value { .. } | Kind::NotDateTime { .. }),
            "{text}: {error}"
        );
    }
    let booleans = Dialect::strict().with(Quirk::BooleanStrings);
    for (text, value) in [(r#"active eq "True""#, true), (r#"active eq "FALSE""#, false)] {
        let predicate = compile(text, user(), booleans).unwrap();
        let Condition::Comparison(comparison) = predicate.condition() else {
            panic!("{text}");
        };
        assert_eq!(comparison.comparand(), &Comparand::Bool(value));
    }
    assert!(compile(r#"active eq "yes""#, user(), booleans).is_err());
    assert!(compile(r#"userName eq "True""#, user(), booleans).is_ok());
}

#[test]
fn what_can_be_said_in_several_ways_compiles_to_one() {
    for (one, other) in [
        (
            "USERNAME eq \"X\"",
            "urn:ietf:params:scim:schemas:core:2.0:user:userName eq \"X\"",
        ),
        ("emails eq \"x\"", "emails.value eq \"x\""),
        ("emails co \"x\"", "Emails.Value co \"x\""),
        ("name.familyName ne \"x\"", "not (name.familyName eq \"x\")"),
        ("title ne null", "title pr"),
        ("title eq null", "not (title pr)"),
        ("emails eq null", "not (emails pr)"),
        (
            &format!("{ENTERPRISE}:manager eq \"x\""),
            &format!("{ENTERPRISE}:manager.value eq \"x\""),
        ),
        ("emails[VALUE eq \"x\"]", "emails[value eq \"x\"]"),
    ] {
        let compiled = |text| compile(text, user(), Dialect::strict()).unwrap();
        assert_eq!(
            without_spelling(compiled(one).condition()),
            without_spelling(compiled(other).condition()),
            "{one}"
        );
        assert_eq!(compiled(one).reads(), compiled(other).reads(), "{one}");
    }
    let bare = compile("department eq \"x\"", user(), Dialect::interop()).unwrap();
    let full = compile(
        &format!("{ENTERPRISE}:department eq \"x\""),
        user(),
        Dialect::strict(),
    )
    .unwrap();
    assert_eq!(bare, full);
    assert!(compile("department eq \"x\"", user(), Dialect::strict()).is_err());
}

fn without_spelling(condition: &Condition) -> String {
    format!("{condition:?}")
}

#[test]
fn a_comparison_is_never_ne() {
    let predicate = compile("userName ne \"x\"", user(), Dialect::strict()).unwrap();
    let Condition::Not(inner) = predicate.condition() else {
        panic!("{predicate:?}");
    };
    assert!(matches!(&**inner, Condition::Comparison(comparison) if comparison.op() == CompareOp::Eq));
}

#[test]
fn a_filter_by_what_is_never_returned_is_sensitive() {
    for text in [
        r#"password eq "x""#,
        "password pr",
        "title pr and not (PASSWORD pr)",
        "password eq null",
        r#"urn:ietf:params:scim:schemas:core:2.0:User:password sw "x""#,
        // The type doesn't fit either, but nothing is told about the attribute.
        "password gt 5",
    ] {
        let body = compile(text, user(), Dialect::interop())
            .expect_err(text)
            .to_error_body();
        assert_eq!(
            (body.status, body.scim_type),
            (403, Some(ScimType::Sensitive)),
            "{text}"
        );
    }
}

#[test]
fn what_does_not_fit_is_shown_in_its_place() {
    let mut shown = String::new();
    for text in [
        r#"userNam eq "bjensen""#,
        r#"title pr and name.familiName eq "Jensen""#,
        r#"emails[type eq "work" and primry eq true]"#,
        "emails[type eq \"work\" and (value pr or emails.value pr)]",
        "emails[urn:ietf:params:scim:schemas:core:2.0:User:type pr]",
        "title pr or urn:ietf:params:scim:schemas:extension:enterprise:2.0:Usr:department pr",
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User eq "x""#,
        r#"tags.abc:xyz eq "yes""#,
        r#"meta.resource_type eq "test""#,
        r#"name eq "Jensen""#,
        r#"addresses eq "x""#,
        r#"userName[value eq "x"]"#,
        r#"emails.value[value eq "x"]"#,
        "schemas[type pr]",
        "active gt true",
        r#"active co "t""#,
        r#"x509Certificates sw "MII""#,
        r#"meta.created co "2011""#,
        r#"meta.created gt "yesterday""#,
        "userName lt null",
        "userName eq 5",
        r#"emails[type eq "work"].valu eq "x""#,
        r#"password sw "a""#,
    ] {
        let error = compile(text, user(), Dialect::interop()).expect_err(text);
        let body = error.to_error_body();
        writeln!(
            shown,
            "{}\n  {} {:?} {}\n---",
            error.display_with(text),
            body.status,
            body.scim_type,
            body.detail
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn an_error_of_a_filter_made_in_code_shows_its_canonical_text() {
    let filter = Filter::path(
        "emails".into_path(),
        Filter::path("type".into_path(), Filter::pr("x".into_path())),
    );
    let error = filter.compile(user(), Dialect::strict()).unwrap_err();
    assert_eq!(error.kind(), &Kind::NestedValuePath);
    assert_eq!(error.span_in(&filter.to_string()), None);
    let filter = Filter::pr("title".into_path()).and(Filter::eq("nickNme".into_path(), "x"));
    let error = filter.compile(user(), Dialect::strict()).unwrap_err();
    assert_eq!(error.span_in(&filter.to_string()), Some(13..20));
}

trait IntoPath {
    fn into_path(self) -> keyfob_core::AttrPath;
}

impl IntoPath for &str {
    fn into_path(self) -> keyfob_core::AttrPath {
        keyfob_core::AttrPath::attribute(self)
    }
}

#[test]
fn a_predicate_says_which_attributes_it_reads() {
    let id = |name: &str| user().attribute(name).unwrap().id;
    let text = format!(
        r#"emails[type eq "work"] or not (name.familyName pr and title eq null) or {ENTERPRISE}:department pr"#
    );
    let predicate = compile(&text, user(), Dialect::strict()).unwrap();
    for (name, reads) in [
        ("emails", true),
        ("name", true),
        ("title", true),
        ("userName", false),
        ("groups", false),
    ] {
        assert_eq!(predicate.reads().contains(id(name)), reads, "{name}");
    }
    let department = user().extensions()[0].schema.attribute("department").unwrap().id;
    assert!(predicate.reads().contains(department));
    let whole = compile(&format!("{ENTERPRISE} pr"), user(), Dialect::strict()).unwrap();
    assert!(whole.reads().contains(department) && !whole.reads().contains(id("title")));
}

/// RFC 7644 section 3.4.2.1
#[test]
fn what_a_type_lacks_and_another_has_is_without_value() {
    let types = [user(), resource_type("Group")];
    let compile = |text: &str| {
        Filter::parse(text).unwrap().compile_for_types(
            &types,
            Dialect::interop(),
            &Registry::rfc().addresses(""),
        )
    };
    for (text, [of_user, of_group]) in [
        (r#"userName eq "x""#, ["", "never"]),
        ("userName pr", ["", "never"]),
        ("not (userName pr)", ["", "always"]),
        (r#"userName ne "x""#, ["", "always"]),
        ("userName eq null", ["", "always"]),
        ("members ne null", ["never", ""]),
        (r#"members[value eq "x" and type pr]"#, ["never", ""]),
        (
            r#"userName eq "x" or displayName eq "g""#,
            ["", r#"displayName eq "g""#],
        ),
        (
            r#"userName ne "x" and displayName eq "g""#,
            ["", r#"displayName eq "g""#],
        ),
        (
            r#"not (emails[type eq "x"] or not (displayName pr))"#,
            ["", "displayName pr"],
        ),
        (
            r#"emails[type eq "x"] or (members.type eq "y" and displayName eq "g")"#,
            [
                r#"emails[type eq "x"]"#,
                r#"members.type eq "y" and displayName eq "g""#,
            ],
        ),
        (&format!("{ENTERPRISE} pr"), ["", "never"]),
        (&format!(r#"{ENTERPRISE}:department eq "x""#), ["", "never"]),
        (r#"department ne "x""#, ["", "always"]),
    ] {
        let predicates = compile(text).unwrap();
        for ((predicate, expected), kind) in predicates.iter().zip([of_user, of_group]).zip(types) {
            match expected {
                "never" => assert_eq!(predicate.constant(), Some(false), "{text}"),
                "always" => assert_eq!(predicate.constant(), Some(true), "{text}"),
                same => {
                    let same = if same.is_empty() { text } else { same };
                    let alone = Filter::parse(same).unwrap().compile(kind, Dialect::interop());
                    assert_eq!(predicate.condition(), alone.unwrap().condition(), "{text}");
                    assert_eq!(predicate.constant(), None, "{text}");
                }
            }
        }
    }
    for (text, status, place) in [
        (r#"userNam eq "x" or displayName pr"#, 400, "userNam"),
        ("userName pr and members[value pr and titel pr]", 400, "titel"),
        (
            "members[value pr and type pr] or displayNam pr",
            400,
            "displayNam",
        ),
        ("displayName pr or emails[members pr]", 400, "members"),
        ("displayName pr and active gt true", 400, "active"),
        (r#"displayName pr or password eq "x""#, 403, "password"),
        ("urn:x:User:y pr", 400, "urn:x:User:y"),
    ] {
        let error = compile(text).unwrap_err();
        assert_eq!(error.to_error_body().status, status, "{text}");
        let named = error.span_in(text).and_then(|span| text.get(span));
        assert_eq!(named, Some(place), "{text}");
    }
}

#[test]
fn an_equality_with_an_address_is_a_look_up_of_the_id() {
    let types = [user(), resource_type("Group")];
    let addresses = Registry::rfc().addresses("https://x/v2");
    let user_address = "https://x/v2/Users/a%20b";
    let group_address = "https://x/v2/Groups/a%20b";
    for (kind, text, lookup, is_whole) in [
        (
            0,
            format!("meta.location eq \"{user_address}\""),
            Some("id"),
            true,
        ),
        (
            0,
            format!("meta[location eq \"{user_address}\"]"),
            Some("id"),
            true,
        ),
        (
            1,
            format!("meta.location eq \"{group_address}\""),
            Some("id"),
            true,
        ),
        (
            0,
            format!("title pr and meta.location eq \"{user_address}\""),
            Some("id"),
            false,
        ),
        (
            0,
            format!("meta.location eq \"{user_address}\" or meta.location eq \"{user_address}\""),
            Some("id"),
            true,
        ),
        (
            0,
            format!("groups.$ref eq \"{group_address}\""),
            Some("groups.value"),
            true,
        ),
        (
            1,
            format!("members.$ref eq \"{user_address}\""),
            Some("members.value"),
            false,
        ),
        (
            1,
            format!("members[type pr and $ref eq \"{group_address}\"]"),
            Some("members.value"),
            false,
        ),
        // Nobody has such an address.
        (0, format!("meta.location eq \"{group_address}\""), None, false),
        (0, format!("groups.$ref eq \"{user_address}\""), None, false),
        (0, "meta.location eq \"/Users/a\"".to_owned(), None, false),
        (1, "members[$ref eq \"x\"]".to_owned(), None, false),
    ] {
        let filter = Filter::parse(&text).unwrap();
        let predicates = filter
            .compile_for_types(&types, Dialect::strict(), &addresses)
            .unwrap();
        let predicate = &predicates[kind];
        let found = predicate.lookups().next();
        let shown = found.map(|lookup| {
            assert!(
                lookup.collation().as_str() == "exact" && lookup.keys().all(|key| key.as_str() == "a b"),
                "{text}"
            );
            let sub = lookup
                .place()
                .sub()
                .map(|sub| format!(".{sub}"))
                .unwrap_or_default();
            format!("{}{sub}", lookup.place().attribute())
        });
        assert_eq!(shown.as_deref(), lookup, "{text}");
        assert_eq!(predicate.is_lookup(), is_whole, "{text}");
        assert_eq!(predicate.constant(), lookup.is_none().then_some(false), "{text}");
    }
}

/// A filter, and its look-ups as place, whether keys are exact, and keys.
#[test]
fn look_ups_are_what_every_match_satisfies() {
    let user_type = user();
    let group = resource_type("Group");
    for (kind, text, expected) in [
        (user_type, r#"userName eq "A""#, "userName username [a]"),
        (user_type, r#"externalId eq "A""#, "externalId exact [A]"),
        (
            user_type,
            r#"id eq "a" or id eq "B" or id eq "a""#,
            "id exact [a B a]",
        ),
        (
            user_type,
            r#"active eq true and userName eq "A" and emails.value eq "B""#,
            "userName username [a]; emails.value caseless [b]",
        ),
        (
            user_type,
            r#"(id eq "a" or id eq "b") and title pr"#,
            "id exact [a b]",
        ),
        (
            user_type,
            r#"emails[type eq "work" and value eq "A"]"#,
            "emails.type caseless [work]; emails.value caseless [a]",
        ),
        (
            user_type,
            r#"emails[value eq "A" or value eq "b"]"#,
            "emails.value caseless [a b]",
        ),
        (user_type, r#"emails eq "A""#, "emails.value caseless [a]"),
        (
            user_type,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "A""#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber caseless [a]",
        ),
        (group, r#"members[value eq "A"]"#, "members.value exact [A]"),
        (
            group,
            r#"members.value eq "A" or members eq "B""#,
            "members.value exact [A B]",
        ),
        // Nothing that every match has
        (user_type, r#"userName ne "a""#, ""),
        (user_type, r#"not (userName eq "a")"#, ""),
        (user_type, r#"userName co "a""#, ""),
        (user_type, r#"userName eq "a" or title eq "b""#, ""),
        (user_type, r#"userName eq "a" or title pr"#, ""),
        (user_type, r#"emails.type eq "a" or emails.value eq "b""#, ""),
        (user_type, "userName eq null", ""),
        (user_type, "active eq true", ""),
        (user_type, r#"meta.created eq "2011-05-13T04:42:34Z""#, ""),
        (user_type, r#"not (emails[value eq "a"])"#, ""),
    ] {
        let predicate = compile(text, kind, Dialect::strict()).unwrap();
        let shown: Vec<_> = predicate
            .lookups()
            .map(|lookup| {
                let place = lookup.place();
                let uri = place.extension().map(|uri| format!("{uri}:")).unwrap_or_default();
                let sub = place.sub().map(|sub| format!(".{sub}")).unwrap_or_default();
                let exact = lookup.collation().as_str();
                assert_eq!(place.is_relation(), place.attribute().is("members"));
                let keys: Vec<_> = lookup.keys().map(CompareKey::as_str).collect();
                format!("{uri}{}{sub} {exact} [{}]", place.attribute(), keys.join(" "))
            })
            .collect();
        assert_eq!(shown.join("; "), expected, "{text}");
        let is_whole = !text.contains(" and ") && !text.contains('[') && !expected.is_empty();
        assert_eq!(predicate.is_lookup(), is_whole, "{text}");
    }
}
