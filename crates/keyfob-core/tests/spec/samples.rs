//! The sample bodies of RFC 7643 section 8.

use keyfob_core::{
    Dialect, Quirk, Registry, Resource, Schema, ToErrorBody, Value,
    json::object_from_slice,
    validate::{self, ValidationError},
    view::{EnterpriseUser, Group, User},
};

use crate::support::{ENTERPRISE, group_type, json, samples, user_type};

const FILES: [&str; 8] = [
    "8.1-minimal-user.json",
    "8.2-full-user.json",
    "8.3-enterprise-user.json",
    "8.4-group.json",
    "8.5-service-provider-config.json",
    "8.6-resource-types.json",
    "8.7.1-resource-schemas.json",
    "8.7.2-service-provider-schemas.json",
];

#[test]
fn every_sample_of_section_8_reads_and_writes_back_whatever_its_type() {
    let mut count = 0;
    for sample in FILES.iter().flat_map(|file| samples(file)) {
        let original = json(&sample);
        let resource: Resource = serde_json::from_slice(&sample).unwrap();
        assert_eq!(json(resource.to_json()), original);
        assert_eq!(serde_json::to_value(&resource).unwrap(), original);
        for resource_type in Registry::verkada().resource_types() {
            let resource = Resource::from_json(&sample, resource_type).unwrap();
            assert_eq!(json(resource.to_json()), original, "as {}", resource_type.name());
            assert_eq!(serde_json::to_value(&resource).unwrap(), original);
        }
        let object = object_from_slice(&sample).unwrap();
        assert_eq!(serde_json::to_value(&object).unwrap(), original);
        count += 1;
    }
    assert_eq!(count, 13);
}

#[test]
fn every_sample_of_section_8_passes_through_the_typed_views() {
    for sample in FILES.iter().flat_map(|file| samples(file)) {
        let untyped: Resource = serde_json::from_slice(&sample).unwrap();
        let typed = [user_type(), group_type()]
            .map(|resource_type| Resource::from_json(&sample, resource_type).unwrap());
        for resource in [untyped].into_iter().chain(typed) {
            let as_user = Resource::from(User::from(resource.clone()));
            assert_eq!(json(as_user.to_json()), json(&sample));
            let as_group = Resource::from(Group::from(resource.clone()));
            assert_eq!(json(as_group.to_json()), json(&sample));
            let mut extended = resource.clone();
            if let Some(employee) = EnterpriseUser::from_resource(&resource) {
                employee.write_to(&mut extended);
            }
            assert_eq!(extended, resource);
        }
    }
}

#[test]
fn attributes_of_the_full_user_are_in_their_fields() {
    let sample = samples("8.3-enterprise-user.json").remove(0);
    let resource = Resource::from_json(&sample, user_type()).unwrap();
    let employee = EnterpriseUser::from_resource(&resource).unwrap();
    let user = User::from(resource);

    assert_eq!(user.user_name.as_deref(), Some("bjensen@example.com"));
    let name = user.name.unwrap();
    assert_eq!(name.family_name.as_deref(), Some("Jensen"));
    assert_eq!(name.honorific_suffix.as_deref(), Some("III"));
    assert_eq!(user.emails.len(), 2);
    assert_eq!(user.emails[0].primary, Some(true));
    assert_eq!(user.emails[1].kind.as_deref(), Some("home"));
    assert_eq!(user.addresses[0].country.as_deref(), Some("USA"));
    assert_eq!(user.groups.len(), 3);
    assert_eq!(user.active, Some(true));
    assert_eq!(user.x509_certificates.len(), 1);
    let meta = user.meta.unwrap();
    assert_eq!(meta.created.unwrap().to_string(), "2010-01-23T04:56:22.000Z");
    assert_eq!(format!("{:?}", user.password.unwrap()), "Password(..)");
    assert_eq!(employee.employee_number.as_deref(), Some("701984"));
    assert_eq!(
        employee.manager.unwrap().display_name.as_deref(),
        Some("John Smith")
    );
}

#[test]
fn samples_are_valid_answers_but_for_the_passwords_that_section_7_forbids() {
    for file in [
        "8.1-minimal-user.json",
        "8.2-full-user.json",
        "8.3-enterprise-user.json",
    ] {
        let sample = samples(file).remove(0);
        let mut resource = Resource::from_json(&sample, user_type()).unwrap();
        if resource.core_mut().remove("password").is_some() {
            let error = validate::response(&Resource::from_json(&sample, user_type()).unwrap(), user_type());
            assert_eq!(
                error,
                Err(ValidationError::NeverReturned {
                    path: "password".into()
                })
            );
        }
        assert_eq!(validate::response(&resource, user_type()), Ok(()), "{file}");
    }
    let sample = samples("8.4-group.json").remove(0);
    let resource = Resource::from_json(&sample, group_type()).unwrap();
    assert_eq!(validate::response(&resource, group_type()), Ok(()));
}

#[test]
fn a_sample_posted_back_loses_what_is_read_only_and_nothing_else() {
    let sample = samples("8.3-enterprise-user.json").remove(0);
    let sent = Resource::from_json(&sample, user_type()).unwrap();
    // The sample's `"country": "USA"` has three letters, where section 4.1.2 demands the two of ISO 3166-1.
    let dialect = Dialect::strict().with(Quirk::LooseFormats);
    let created = validate::create(sent, user_type(), dialect).unwrap();
    let mut expected = json(&sample);
    let object = expected.as_object_mut().unwrap();
    for read_only in ["id", "meta", "groups"] {
        object.remove(read_only);
    }
    object[ENTERPRISE]["manager"]
        .as_object_mut()
        .unwrap()
        .remove("displayName");
    assert_eq!(json(created.to_json()), expected);
}

/// Every difference has a reason: an erratum, a later RFC, or a characteristic that RFC 7643 states in prose and not in its schema.
#[test]
fn embedded_schemas_differ_from_section_8_7_only_where_errata_and_prose_do() {
    let mut differences = String::new();
    let served: Vec<Schema> = Registry::rfc().schemas().cloned().collect();
    for sample in [
        "8.7.1-resource-schemas.json",
        "8.7.2-service-provider-schemas.json",
    ]
    .iter()
    .flat_map(|file| samples(file))
    {
        let printed = object_from_slice(&sample).unwrap();
        let id = printed.get_str("id").unwrap();
        let ours = served
            .iter()
            .find(|schema| schema.id.is(id))
            .unwrap()
            .to_resource();
        compare(
            &format!("{id}:"),
            printed.get("attributes").unwrap(),
            ours.core().get("attributes").unwrap(),
            &mut differences,
        );
    }
    insta::assert_snapshot!(differences);
}

fn compare(path: &str, printed: &Value, ours: &Value, differences: &mut String) {
    use std::fmt::Write;
    let names = |value: &Value| -> Vec<String> {
        let elements = value.as_elements().iter();
        elements
            .map(|attribute| attribute.as_object().unwrap().get_str("name").unwrap().to_owned())
            .collect()
    };
    let find = |value: &Value, name: &str| {
        let elements = value.as_elements().iter();
        elements
            .filter_map(Value::as_object)
            .find(|attribute| attribute.get_str("name") == Some(name))
            .cloned()
    };
    for name in names(ours) {
        if find(printed, &name).is_none() {
            writeln!(differences, "{path}{name} is added").unwrap();
        }
    }
    for name in names(printed) {
        let before = find(printed, &name).unwrap();
        let Some(after) = find(ours, &name) else {
            writeln!(differences, "{path}{name} is left out").unwrap();
            continue;
        };
        for key in [
            "type",
            "multiValued",
            "required",
            "caseExact",
            "mutability",
            "returned",
            "uniqueness",
            "canonicalValues",
            "referenceTypes",
        ] {
            let show = |value: Option<&Value>| {
                value
                    .filter(|value| !value.is_unassigned())
                    .map_or("nothing".into(), |value| {
                        String::from_utf8(keyfob_core::json::value_to_vec(value)).unwrap()
                    })
            };
            let (before, after) = (show(before.get(key)), show(after.get(key)));
            if before != after {
                writeln!(differences, "{path}{name} {key}: {before} -> {after}").unwrap();
            }
        }
        if let Some(subs) = before.get("subAttributes") {
            let empty = Value::Array(Vec::new());
            compare(
                &format!("{path}{name}."),
                subs,
                after.get("subAttributes").unwrap_or(&empty),
                differences,
            );
        }
    }
}

#[test]
fn what_is_no_sample_is_told_apart() {
    let error = Resource::from_json(b"[]", user_type())
        .unwrap_err()
        .to_error_body();
    assert_eq!(error.status, 400);
    assert_eq!(error.scim_type, Some(keyfob_core::ScimType::InvalidSyntax));
}
