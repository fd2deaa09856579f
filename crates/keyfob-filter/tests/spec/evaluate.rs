//! What matches (RFC 7644 section 3.4.2.2, RFC 7643 sections 2.3 and 2.5).

use keyfob_core::{Dialect, Registry, Resource, ResourceType, Schema, SchemaUri, schema::RegistryBuilder};

use crate::support::{compile, resource, resource_type, user};

const USER: &str = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id": "2819c223", "externalId": "bJensen",
    "userName": "BJensen@Example.com",
    "name": {"familyName": "O'Malley", "givenName": "Barbara"},
    "displayName": "ΣΊΣΥΦΟΣ Größe",
    "title": "Tour Guide",
    "nickName": null,
    "active": true,
    "profileUrl": "https://example.com/Babs",
    "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true},
               {"value": "babs@jensen.org", "type": "home"}],
    "ims": [],
    "photos": [{}],
    "addresses": [{"type": "work", "locality": "Hollywood"}, {"type": "home", "locality": "Seoul"}],
    "x509Certificates": [{"value": "TUlJ"}],
    "groups": [{"value": "g1", "display": "Tour Guides", "type": "direct"}, {"value": "g2"}],
    "meta": {"resourceType": "User", "created": "2011-05-13T04:42:34Z", "lastModified": "2011-05-13T06:42:34.500+02:00"},
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "employeeNumber": "701984", "department": "Tours", "manager": {"value": "m1", "displayName": "Kim"}
    }
}"#;

const GROUP: &str = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "id": "g1", "displayName": "Tour Guides",
    "members": [{"value": "u1", "type": "User", "display": "Babs", "$ref": "../Users/u1"},
                {"value": "u2", "type": "Group"}]
}"#;

fn check(resource_type: &ResourceType, resource: &Resource, table: &[(&str, bool)]) {
    for (text, expected) in table {
        let predicate = compile(text, resource_type, Dialect::interop())
            .unwrap_or_else(|error| panic!("{}", error.display_with(text)));
        assert_eq!(predicate.matches(resource), *expected, "{text}");
        let negated = format!("not ({text})");
        let predicate = compile(&negated, resource_type, Dialect::interop()).unwrap();
        assert_eq!(predicate.matches(resource), !expected, "{negated}");
    }
}

fn check_user(table: &[(&str, bool)]) {
    check(user(), &resource(USER, user()), table);
}

/// RFC 7644 section 3.4.2.2: within brackets a name is that of a sub-attribute.
#[test]
fn a_name_is_another_within_brackets_than_before_and_after_them() {
    check_user(&[
        (r#"displayName eq "x" or manager[displayName eq "Kim"]"#, true),
        (r#"manager[displayName eq "Kim"] and displayName eq "Kim""#, false),
        (r#"manager[displayName eq "Kim"] and displayName sw "ΣΊΣ""#, true),
        (r#"displayName eq "x" or displayName sw "σίσ""#, true),
    ]);
}

#[test]
fn an_or_of_texts_asks_for_one_of_them_as_each_eq_does() {
    check_user(&[
        (r#"id eq "a" or id eq "2819c223" or id eq "b""#, true),
        (r#"id eq "a" or id eq "2819C223""#, false),
        (r#"userName eq "a" or userName eq "BJENSEN@example.COM""#, true),
        (r#"userName eq "a" or userName eq " bjensen@example.com""#, false),
        (r#"displayName eq "a" or displayName eq "σίσυφος GRÖßE""#, true),
        (
            r#"displayName eq "a" or displayName eq "σι\u0301συφος GRÖßE""#,
            true,
        ),
        (r#"displayName eq "a" or displayName eq "ΣΊΣΥΦΟΣ Grösse""#, false),
        (r#"emails eq "a" or emails eq "Babs@Jensen.ORG""#, true),
        (r#"emails.type eq "other" or emails.type eq "HOME""#, true),
        (r#"emails[type eq "other" or type eq "home"]"#, true),
        (
            r#"emails[value eq "babs@jensen.org" and (type eq "other" or type eq "work")]"#,
            false,
        ),
        (r#"groups.value eq "g0" or groups.value eq "g2""#, true),
        (r#"groups.value eq "g0" or groups.value eq "G2""#, false),
        (r#"nickName eq "a" or nickName eq """#, false),
        (r#"ims eq "a" or ims eq "b""#, false),
        (
            r#"schemas eq "a" or schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
            true,
        ),
        // Of two places, or with something else.
        (r#"id eq "a" or externalId eq "bJensen""#, true),
        (
            r#"emails.value eq "work" or emails.type eq "babs@jensen.org""#,
            false,
        ),
        (r#"id eq "a" or id eq "b" or title pr"#, true),
        (r#"title sw "x" or title eq "tour guide""#, true),
        (r#"title eq "x" or title ne "y""#, true),
    ]);
}

#[test]
fn strings_compare_as_case_exact_says() {
    check_user(&[
        (r#"userName eq "bjensen@example.com""#, true),
        (r#"USERNAME eq "BJENSEN@EXAMPLE.COM""#, true),
        (r#"userName eq "bjensen@example.org""#, false),
        (r#"userName co "EXAMPLE""#, true),
        (r#"userName sw "bJ""#, true),
        (r#"userName ew ".COM""#, true),
        (r#"userName sw "jensen""#, false),
        (r#"userName ew "@example""#, false),
        (r#"userName co """#, true),
        (r#"displayName eq "σίσυφος GRÖßE""#, true),
        (r#"displayName co "ΊΣΥ""#, true),
        (r#"displayName ew "größe""#, true),
        (r#"externalId eq "bJensen""#, true),
        (r#"externalId eq "bjensen""#, false),
        (r#"externalId co "jens""#, false),
        (r#"externalId sw "bJ""#, true),
        (r#"externalId ew "sen""#, true),
        (r#"id eq "2819c223""#, true),
        (r#"profileUrl eq "https://example.com/babs""#, false),
        (r#"profileUrl co "/Babs""#, true),
        (r#"x509Certificates eq "TUlJ""#, true),
        (r#"x509Certificates eq "tulj""#, false),
    ]);
}

#[test]
fn strings_are_ordered_lexicographically() {
    check_user(&[
        (r#"userName gt "bjensem""#, true),
        (r#"userName gt "BJENSEN@example.com""#, false),
        (r#"userName ge "BJENSEN@example.com""#, true),
        (r#"userName le "bjensen@example.com""#, true),
        (r#"userName lt "bjensen@example.com""#, false),
        (r#"userName lt "c""#, true),
        (r#"userName lt "B""#, false),
        (r#"externalId lt "b_""#, true),
        (r#"externalId gt "bA""#, true),
    ]);
}

#[test]
fn date_times_are_compared_as_instants_in_any_offset() {
    check_user(&[
        (r#"meta.created eq "2011-05-13T04:42:34Z""#, true),
        (r#"meta.created eq "2011-05-13T06:42:34+02:00""#, true),
        (r#"meta.created eq "2011-05-13T04:42:34.000""#, true),
        (r#"meta.created eq "2011-05-13T04:42:34.001Z""#, false),
        (r#"meta.created lt "2011-05-13T06:42:34+01:00""#, true),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, true),
        (r#"meta.lastModified le "2011-05-13T04:42:34.5Z""#, true),
        (r#"meta.lastModified gt "2011-05-13T06:00:00Z""#, false),
        ("meta.Created gt 2010-10-10T14:38:21.8617979-07:00", true),
    ]);
}

#[test]
fn booleans_are_equal_or_not() {
    check_user(&[
        ("active eq true", true),
        ("active ne true", false),
        ("active eq false", false),
        (r#"active eq "True""#, true),
        (r#"active eq "false""#, false),
        ("emails.primary eq true", true),
        ("emails.primary eq false", true),
    ]);
}

#[test]
fn numbers_are_compared_by_value() {
    let schema = Schema::from_json(
        br#"{"id": "urn:x:User", "attributes": [
            {"name": "level", "type": "integer"}, {"name": "weight", "type": "decimal"}]}"#,
    );
    let registry = RegistryBuilder::rfc()
        .extend("User", schema.unwrap(), false)
        .build()
        .unwrap();
    let kind = registry.resource_type("User").unwrap();
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:User"],
        "urn:x:User": {"level": 9007199254740993, "weight": -2.5}}"#;
    check(
        kind,
        &resource(body, kind),
        &[
            ("urn:x:User:level eq 9007199254740993", true),
            ("urn:x:User:level eq 9007199254740992", false),
            ("urn:x:User:level eq 9007199254740992.0", false),
            ("urn:x:User:level gt 9007199254740992.0", true),
            ("urn:x:User:level gt 9.9e15", false),
            ("urn:x:User:level lt 1e300", true),
            ("urn:x:User:level gt -1e300", true),
            ("urn:x:User:weight eq -2.5", true),
            ("urn:x:User:weight lt -2", true),
            ("urn:x:User:weight gt -3", true),
            ("urn:x:User:weight ge -25e-1", true),
            ("level ne 1", true),
        ],
    );
}

#[test]
fn null_absent_and_empty_are_one_state() {
    check_user(&[
        ("title pr", true),
        ("nickName pr", false),
        ("nickName eq null", true),
        ("nickName ne null", false),
        ("userType pr", false),
        ("userType eq null", true),
        ("ims pr", false),
        ("ims eq null", true),
        ("photos pr", false),
        ("name pr", true),
        ("name.middleName pr", false),
        ("name.middleName eq null", true),
        ("emails pr", true),
        ("emails.display pr", false),
        ("emails.primary pr", true),
        ("groups pr", true),
        ("groups.display pr", true),
        ("meta pr", true),
        ("schemas pr", true),
    ]);
    let bare = Resource::new([]);
    check(
        user(),
        &bare,
        &[
            ("schemas pr", false),
            ("groups pr", false),
            ("groups.value pr", false),
            ("name pr", false),
            ("emails[type pr]", false),
            (r#"userName eq "x""#, false),
            (r#"userName lt "x""#, false),
        ],
    );
}

/// RFC 7644 section 3.4.2.2
#[test]
fn ne_asks_for_one_value_that_differs_or_for_none() {
    check_user(&[
        (r#"userName ne "x""#, true),
        (r#"userName ne "bjensen@example.com""#, false),
        (r#"nickName ne "x""#, true),
        (r#"name.middleName ne "x""#, true),
        (r#"emails ne "bjensen@example.com""#, true),
        (r#"emails.value ne "bjensen@example.com""#, true),
        (r#"emails.type ne "work""#, true),
        (r#"emails.type ne "other""#, true),
        (r#"emails[type ne "work"]"#, true),
        // As in a value path, of a value without the sub-attribute too.
        (r#"emails.display ne "x""#, true),
        (r#"x509Certificates ne "TUlJ""#, false),
        (r#"x509Certificates ne "tulj""#, true),
        (r#"schemas ne "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        (r#"groups ne "g1""#, true),
        (r#"ims.type ne "xmpp""#, true),
        (r#"photos.type ne "x""#, true),
        (r#"ims[type ne "xmpp"]"#, false),
        // All of them
        (r#"not (emails.type eq "work")"#, false),
        (r#"not (emails.type eq "other")"#, true),
    ]);
}

/// RFC 7643 section 2.4
#[test]
fn an_absent_primary_is_false() {
    check_user(&[
        ("emails.primary eq true", true),
        ("emails.primary eq false", true),
        ("emails.primary ne true", true),
        ("emails.primary ne false", true),
        ("emails[primary eq false]", true),
        (r#"emails[type eq "home" and primary eq false]"#, true),
        (r#"emails[type eq "home" and primary ne true]"#, true),
        (r#"emails[type eq "work" and primary eq false]"#, false),
        ("emails[primary eq false and primary pr]", false),
        ("addresses.primary eq true", false),
        ("addresses.primary eq false", true),
        ("addresses.primary ne false", false),
        ("addresses.primary pr", false),
        ("addresses[primary pr]", false),
        ("addresses.primary eq null", true),
        // No value at all
        ("ims.primary eq false", false),
        ("ims.primary ne false", true),
        ("ims[primary eq false]", false),
    ]);
}

#[test]
fn a_multi_valued_attribute_matches_by_any_of_its_values() {
    check_user(&[
        (r#"emails eq "babs@jensen.org""#, true),
        (r#"emails co "jensen.org""#, true),
        (r#"emails.value co "example.com""#, true),
        (r#"emails.type eq "work" and emails.value co "@jensen.org""#, true),
        (r#"addresses.locality eq "seoul""#, true),
    ]);
}

#[test]
fn a_value_path_asks_of_one_and_the_same_value() {
    check_user(&[
        (r#"emails[type eq "work" and value co "@example.com"]"#, true),
        (r#"emails[type eq "work" and value co "@jensen.org"]"#, false),
        (r#"emails[type eq "work"].value eq "babs@jensen.org""#, false),
        ("emails[primary eq true].value pr", true),
        (r#"emails[not (type eq "work")]"#, true),
        (r#"emails[not (type eq "work" or type eq "home")]"#, false),
        (
            r#"addresses[type eq "home" and (locality eq "Hollywood" or locality eq "Seoul")]"#,
            true,
        ),
        (r#"not (emails[type eq "work" and value co "@jensen.org"])"#, true),
        (r#"name[familyName co "malley" and givenName eq "barbara"]"#, true),
        (r#"emails[type eq "home"] or ims[type eq "xmpp"]"#, true),
        ("emails[primary eq null]", true),
        ("emails[type eq null]", false),
    ]);
}

#[test]
fn extensions_are_reached_by_their_uri() {
    check_user(&[
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#,
            true,
        ),
        (
            r#"URN:IETF:params:scim:schemas:extension:Enterprise:2.0:user:EMPLOYEENUMBER eq "701984""#,
            true,
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m1""#,
            true,
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName sw "k""#,
            true,
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter pr",
            false,
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
            true,
        ),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "bj""#,
            true,
        ),
        (
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            true,
        ),
        (r#"schemas co "core:2.0:Group""#, false),
        (r#"schemas[value ew ":core:2.0:User"]"#, true),
        // Entra leaves the URI out.
        (r#"manager eq "m1" and id eq "2819c223""#, true),
    ]);
    check(
        user(),
        &Resource::new([SchemaUri::USER]),
        &[(
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
            false,
        )],
    );
}

#[test]
fn relations_are_filtered_like_other_attributes() {
    let group = resource_type("Group");
    check(
        group,
        &resource(GROUP, group),
        &[
            (r#"members eq "u1""#, true),
            (r#"members.value eq "u2""#, true),
            (r#"members.value eq "U2""#, false),
            (r#"members.value sw "u""#, true),
            (r#"members.value ne "u1""#, true),
            (r#"members[value eq "u1"]"#, true),
            (r#"members[value eq "u3"]"#, false),
            (r#"members[value eq "u3" or value eq "u2"]"#, true),
            (r#"members[value eq "u1" and type eq "user"]"#, true),
            (r#"members[value eq "u1" and type eq "Group"]"#, false),
            (r#"members[type eq "Group" and not (value eq "u1")]"#, true),
            (
                r#"members[type eq "Group" and (value eq "u1" or display pr)]"#,
                false,
            ),
            (r#"members[value ne "u1"]"#, true),
            (r#"members.display eq "babs""#, true),
            (r#"members.$ref ew "/Users/u1""#, true),
            (r#"members[$ref pr and type eq "Group"]"#, false),
            ("members pr", true),
            (r#"id eq "g1" and members eq "u2""#, true),
        ],
    );
    check_user(&[
        (r#"groups.value eq "g2""#, true),
        (r#"groups[display eq "tour guides" and type eq "direct"]"#, true),
        (r#"groups eq "g3""#, false),
    ]);
}

#[test]
fn precedence_is_not_then_and_then_or() {
    check_user(&[
        (
            r#"title eq "Tour Guide" or title eq "X" and active eq false"#,
            true,
        ),
        (
            r#"(title eq "Tour Guide" or title eq "X") and active eq false"#,
            false,
        ),
        (r#"not (title eq "X") and active eq true"#, true),
        (r#"not (title eq "X" and active eq true)"#, true),
        (
            r#"(userName eq "nobody" or displayName sw "σ") and title eq "Nope""#,
            false,
        ),
        (
            r#"(title eq "Nope") and ((userName eq "nobody") or (title pr))"#,
            false,
        ),
    ]);
}

#[test]
fn the_filters_of_figure_2_compile_and_are_answered() {
    let person = resource(
        include_str!("../../../../testdata/rfc7643/8.3-enterprise-user.json"),
        user(),
    );
    let matching: Vec<_> = include_str!("../../../../testdata/rfc7644/filters.txt")
        .lines()
        .filter(|text| compile(text, user(), Dialect::strict()).unwrap().matches(&person))
        .collect();
    insta::assert_snapshot!(matching.join("\n"));
    assert_eq!(Registry::rfc().resource_types().len(), 2);
}
