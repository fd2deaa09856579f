//! Typed views keep what they don't know.

use keyfob_core::{
    ExternalId, Member, Resource, ResourceId, SchemaUri,
    view::{AccessUser, Address, CoreUser, EnterpriseUser, Group, Manager, MultiValue, Name, User},
};

use crate::support::{group, json, user, without_schemas};

#[test]
fn what_a_view_does_not_know_or_does_not_fit_comes_back_as_it_was() {
    for attributes in [
        r#""shoeSize": 38, "title": null, "nickName": ["Babs"], "active": "True""#,
        r#""emails": {"value": "single@example.com"}"#,
        r#""emails": [{"value": "a@example.com", "verified": true}, {"value": 5, "type": null}]"#,
        r#""emails": [{"value": "a@example.com"}, "b@example.com"]"#,
        r#""emails": [], "addresses": [{"floor": 3}], "name": {"nick": "Babs", "familyName": 7}"#,
        r#""name": "Barbara", "groups": "all of them", "meta": "none""#,
        r#""groups": [{"value": "1", "display": 5, "since": 2010}, {"value": "2"}]"#,
        r#""meta": {"created": "2010-01-23T04:56:22Z", "lastModified": "yesterday", "location": 5, "shard": 3}"#,
        r#""id": 5, "externalId": false, "urn:example:unknown:1.0": {"a": [1, 2.5]}"#,
    ] {
        let untyped: Resource = serde_json::from_str(&format!("{{{attributes}}}")).unwrap();
        for resource in [user(attributes), group(attributes), untyped] {
            let original = json(resource.to_json());
            assert_eq!(
                json(Resource::from(User::from(resource.clone())).to_json()),
                original
            );
            assert_eq!(json(Resource::from(Group::from(resource)).to_json()), original);
        }
    }
}

#[test]
fn members_that_point_at_one_id_twice_are_not_merged_by_a_view() {
    let text = br#"{"members": [{"value": "1", "display": "a"}, {"value": "1", "display": "b"}]}"#;
    let resource: Resource = serde_json::from_slice(text).unwrap();
    let group = Group::from(resource);
    assert!(group.members.is_empty());
    assert_eq!(json(Resource::from(group).to_json()), json(text));
}

#[test]
fn a_changed_field_takes_the_place_of_what_did_not_fit() {
    let mut view = User::from(user(
        r#""USERNAME": 5, "emails": "x", "groups": "y", "meta": {"location": "a", "shard": 3}"#,
    ));
    assert_eq!(view.user_name, None);
    view.user_name = Some("bjensen".into());
    view.emails.push(MultiValue::new("b@example.com"));
    view.groups.insert(ResourceId::new("1"), Member::new());
    view.meta.as_mut().unwrap().location = Some("b".into());
    assert_eq!(
        without_schemas(&Resource::from(view)),
        json(
            r#"{"USERNAME": "bjensen", "emails": [{"value": "b@example.com"}], "groups": [{"value": "1"}],
                "meta": {"location": "b"}}"#
        )
    );
}

#[test]
fn a_cleared_field_leaves_nothing_behind() {
    let mut view = User::from(user(
        r#""userName": "bjensen", "title": "Guide", "emails": [{"value": "a"}], "meta": {"version": "W/\"1\""},
           "name": {"givenName": "Barbara", "nick": "Babs"}, "groups": [{"value": "1"}]"#,
    ));
    view.title = None;
    view.emails.clear();
    view.meta = None;
    view.name = None;
    view.groups.clear();
    assert_eq!(
        without_schemas(&Resource::from(view)),
        json(r#"{"userName": "bjensen"}"#)
    );
}

#[test]
fn an_unknown_sub_attribute_stays_with_its_value_when_the_others_move() {
    let mut view = User::from(user(
        r#""emails": [{"value": "a", "verified": true}, {"value": "b", "verified": false}]"#,
    ));
    view.emails.remove(0);
    view.emails.push(MultiValue::new("c"));
    view.emails[0].kind = Some("work".into());
    assert_eq!(
        without_schemas(&Resource::from(view)),
        json(r#"{"emails": [{"value": "b", "verified": false, "type": "work"}, {"value": "c"}]}"#)
    );
}

#[test]
fn a_user_made_from_nothing_holds_what_it_was_given() {
    let mut view = User::new("bjensen");
    view.external_id = Some(ExternalId::new("701984"));
    view.name = Some(Name::new("Barbara", "Jensen"));
    view.emails.push(
        MultiValue::new("bjensen@example.com")
            .with_kind("work")
            .with_primary(),
    );
    let mut address = Address::new();
    address.locality = Some("Hollywood".into());
    view.addresses.push(address);
    let mut resource = Resource::from(view.clone());

    let mut employee = EnterpriseUser::new();
    employee.manager = Some(Manager::new("26118915"));
    employee.write_to(&mut resource);
    let mut access = AccessUser::new();
    access.card_number = Some("0012345".into());
    access.write_to(&mut resource);
    let mut core = CoreUser::new();
    core.external_id = Some("badge-7".into());
    core.write_to(&mut resource);

    assert_eq!(
        json(resource.to_json()),
        json(
            r#"{
                "schemas": [
                    "urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User"
                ],
                "externalId": "701984",
                "userName": "bjensen",
                "name": {"givenName": "Barbara", "familyName": "Jensen"},
                "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}],
                "addresses": [{"locality": "Hollywood"}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26118915"}},
                "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {"cardNumber": "0012345"},
                "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User": {"externalId": "badge-7"}
            }"#
        )
    );
    assert_eq!(EnterpriseUser::from_resource(&resource), Some(employee));
    assert_eq!(AccessUser::from_resource(&resource), Some(access));
    assert_eq!(CoreUser::from_resource(&resource), Some(core));
    assert_eq!(User::from(Resource::from(view.clone())), view);
}

#[test]
fn an_extension_that_holds_nothing_is_neither_there_nor_in_schemas() {
    let mut resource = Resource::new([SchemaUri::USER]);
    assert_eq!(AccessUser::from_resource(&resource), None);
    let mut access = AccessUser::new();
    access.write_to(&mut resource);
    assert!(resource.extensions().is_empty());
    assert_eq!(resource.schemas(), [SchemaUri::USER]);

    access.facility_code = Some("007".into());
    access.write_to(&mut resource);
    access.write_to(&mut resource);
    assert_eq!(
        resource.schemas(),
        [SchemaUri::USER, SchemaUri::VERKADA_ACCESS_USER]
    );
    AccessUser::new().write_to(&mut resource);
    assert!(resource.extensions().is_empty());
    assert_eq!(resource.schemas(), [SchemaUri::USER]);
}

#[test]
fn a_password_is_not_shown_by_debug() {
    let resource = user(r#""userName": "bjensen", "PASSWORD": "t1meMa$heen""#);
    let view = User::from(resource.clone());
    assert_eq!(view.password.as_ref().unwrap().as_ref(), "t1meMa$heen");
    for shown in [format!("{resource:?}"), format!("{view:?}"), format!("{view:#?}")] {
        assert!(!shown.contains("t1me"), "{shown}");
        assert!(shown.contains("bjensen"), "{shown}");
    }
}
