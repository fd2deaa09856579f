//! The operations of RFC 7644 over the memory store.

use crate::fixture::{Fixture, group, patch, user};
use keyfob_core::{
    DateTime, Dialect, IdGenerator, Projection, ResourceId, ScimType, ToErrorBody, Version,
    message::SearchRequest, schema::RegistryBuilder,
};
use keyfob_engine::{EngineError, Limits, PatchAnswer, Precondition, Profile, UnknownMembers};

fn refusal(error: &EngineError) -> (u16, Option<ScimType>) {
    let body = error.to_error_body();
    (body.status, body.scim_type)
}

#[test]
fn rfc_7644_3_3_a_created_resource_has_an_id_metadata_and_an_address() {
    let fixture = Fixture::new();
    let created = fixture.create("User", &user("bjensen")).unwrap();
    let resource = created.resource.unwrap();
    let meta = resource.meta().unwrap();
    assert_eq!(resource.id(), Some(created.id.clone()));
    assert_eq!(meta.resource_type.as_deref(), Some("User"));
    assert_eq!(meta.created, meta.last_modified);
    assert_eq!(meta.version.as_deref(), Some("W/\"1\""));
    assert_eq!(meta.location.as_ref(), Some(&created.location));
    assert_eq!(
        created.location,
        format!("https://example.com/scim/v2/Users/{}", created.id)
    );
}

#[test]
fn an_id_is_escaped_where_it_is_part_of_an_address() {
    struct Odd;
    impl IdGenerator for Odd {
        fn next_id(&self, _: DateTime) -> ResourceId {
            ResourceId::new("a/b?c d~ö")
        }
    }
    let fixture = Fixture::with(|engine| engine.with_ids(Odd));
    let created = fixture.create("User", &user("b")).unwrap();
    assert_eq!(
        created.location,
        "https://example.com/scim/v2/Users/a%2Fb%3Fc%20d~%C3%B6"
    );
    assert_eq!(fixture.get("User", &created).id(), Some(created.id));
}

#[test]
fn rfc_7643_4_1_1_a_user_name_is_unique_in_any_case() {
    let fixture = Fixture::new();
    fixture.create("User", &user("bjensen@example.com")).unwrap();
    let error = fixture.create("User", &user("BJensen@Example.com")).unwrap_err();
    assert_eq!(refusal(&error), (409, Some(ScimType::Uniqueness)));
    assert_eq!(fixture.list("User", "userName pr").total_results, 1);
}

#[test]
fn rfc_7643_4_1_1_a_password_is_taken_and_neither_kept_nor_returned() {
    let fixture = Fixture::new();
    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"b","password":"t1meMa$heen"}"#;
    let created = fixture.create("User", body).unwrap();
    let patched = fixture
        .patch(
            "User",
            &created,
            &patch(r#"{"op":"replace","path":"password","value":"x"}"#),
        )
        .unwrap();
    assert_eq!(patched.tag.version(), Version::FIRST);
    let stored = fixture.stored("User", &created);
    assert_eq!(stored.resource.core().get("password"), None);
    assert!(!format!("{stored:?}").contains("t1meMa$heen"));
}

#[test]
fn rfc_7644_3_5_1_a_put_keeps_the_id_unassigns_what_it_leaves_out_and_a_second_one_changes_nothing() {
    let fixture = Fixture::new();
    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"b","title":"Guide","active":true}"#;
    let created = fixture.create("User", body).unwrap();
    let first = fixture.replace("User", &created, &user("b")).unwrap();
    assert_eq!((&first.id, first.tag.version()), (&created.id, Version::new(2)));
    assert_eq!(first.resource.as_ref().unwrap().core().get("title"), None);
    fixture.clock.advance();
    let second = fixture.replace("User", &created, &user("b")).unwrap();
    assert_eq!(second, first);
}

#[test]
fn rfc_7644_3_5_2_a_patch_that_changes_nothing_keeps_version_and_last_modified() {
    let fixture = Fixture::new();
    let created = fixture.create("User", &user("b")).unwrap();
    let add = patch(r#"{"op":"add","path":"title","value":"Tour Guide"}"#);
    let first = fixture.patch("User", &created, &add).unwrap();
    assert_eq!(first.tag.version(), Version::new(2));
    fixture.clock.advance();
    assert_eq!(fixture.patch("User", &created, &add).unwrap(), first);
}

#[test]
fn a_membership_change_bumps_the_group_once_and_repeating_it_does_not() {
    let fixture = Fixture::new();
    let member = fixture.create("User", &user("b")).unwrap();
    let created = fixture.create("Group", &group("Guides", &[])).unwrap();
    let add = patch(&format!(
        r#"{{"op":"Add","path":"members","value":[{{"$ref":null,"value":"{}"}}]}}"#,
        member.id
    ));
    let first = fixture.patch("Group", &created, &add).unwrap();
    assert_eq!(first.tag.version(), Version::new(2));
    let resource = first.resource.as_ref().unwrap();
    let (_, found) = resource.relation("members").unwrap().iter().next().unwrap();
    assert_eq!(found.kind.as_deref(), Some("User"));
    assert_eq!(
        found.reference.as_deref(),
        Some(&*format!("https://example.com/scim/v2/Users/{}", member.id))
    );
    fixture.clock.advance();
    assert_eq!(fixture.patch("Group", &created, &add).unwrap(), first);

    let groups = fixture.get("User", &member).relation("groups").unwrap().clone();
    let (id, found) = groups.iter().next().unwrap();
    assert_eq!(id, &created.id);
    assert_eq!(found.display.as_deref(), Some("Guides"));
    assert_eq!(found.reference.as_deref(), Some(&*created.location));
    assert_eq!(
        fixture.stored("User", &member).version,
        Version::FIRST,
        "memberships are not the user's"
    );
}

#[test]
fn a_large_group_is_changed_without_being_read_and_answers_nothing() {
    let fixture = Fixture::with(|engine| {
        let mut profile = Profile::interop();
        profile.patch_relation_answer = PatchAnswer::BodyUpTo(2);
        engine.with_profile(profile)
    });
    let members: Vec<_> = (0..3)
        .map(|n| fixture.create("User", &user(&format!("u{n}"))).unwrap())
        .collect();
    let ids: Vec<_> = members.iter().map(|member| member.id.as_str()).collect();
    let created = fixture.create("Group", &group("Guides", &ids[..1])).unwrap();
    let add = |id: &str| {
        patch(&format!(
            r#"{{"op":"add","path":"members","value":[{{"value":"{id}"}}]}}"#
        ))
    };
    assert!(
        fixture
            .patch("Group", &created, &add(ids[1]))
            .unwrap()
            .resource
            .is_some()
    );
    assert!(
        fixture
            .patch("Group", &created, &add(ids[2]))
            .unwrap()
            .resource
            .is_none()
    );
    let without = Projection::parse(None, Some("members"), Dialect::interop()).unwrap();
    let excluded = fixture
        .patch_as("Group", &created, &add(ids[2]), &Precondition::None, &without)
        .unwrap();
    assert!(
        excluded.resource.is_some(),
        "who doesn't ask for members can be answered"
    );
}

#[test]
fn rfc_7644_3_9_the_address_of_a_member_can_be_excluded() {
    let fixture = Fixture::new();
    let member = fixture.create("User", &user("b")).unwrap();
    let created = fixture
        .create("Group", &group("Guides", &[member.id.as_str()]))
        .unwrap();
    let without = Projection::parse(None, Some("members.$ref"), Dialect::interop()).unwrap();
    let nothing = patch(r#"{"op":"replace","path":"displayName","value":"Guides"}"#);
    let answer = fixture
        .patch_as("Group", &created, &nothing, &Precondition::None, &without)
        .unwrap();
    let resource = answer.resource.unwrap();
    let (id, found) = resource.relation("members").unwrap().iter().next().unwrap();
    assert_eq!(
        (id, found.kind.as_deref(), found.reference.as_deref()),
        (&member.id, Some("User"), None)
    );
}

#[test]
fn unknown_members_are_refused_and_nothing_is_changed_or_they_are_skipped_by_policy() {
    let strict = Fixture::new();
    let known = strict.create("User", &user("b")).unwrap();
    let created = strict
        .create("Group", &group("Guides", &[known.id.as_str()]))
        .unwrap();
    let replace = patch(r#"{"op":"replace","path":"members","value":[{"value":"nobody"}]}"#);
    let error = strict.patch("Group", &created, &replace).unwrap_err();
    assert_eq!(refusal(&error), (400, Some(ScimType::InvalidValue)));
    assert_eq!(
        strict.get("Group", &created).relation("members").unwrap().len(),
        1
    );
    assert_eq!(
        refusal(&strict.create("Group", &group("Others", &["nobody"])).unwrap_err()).0,
        400
    );

    let lenient = Fixture::with(|engine| {
        let mut profile = Profile::interop();
        profile.unknown_members = UnknownMembers::Skip;
        engine.with_profile(profile)
    });
    let known = lenient.create("User", &user("b")).unwrap();
    let created = lenient
        .create("Group", &group("Guides", &["nobody", known.id.as_str()]))
        .unwrap();
    assert_eq!(created.resource.unwrap().relation("members").unwrap().len(), 1);
}

#[test]
fn g_8_flat_groups_refuse_a_group_as_a_member_however_it_is_put_in() {
    let fixture = Fixture::over(RegistryBuilder::rfc().flat_groups().build().unwrap());
    let ann = fixture.create("User", &user("ann")).unwrap();
    let inner = fixture.create("Group", &group("Inner", &[])).unwrap();
    let outer = fixture
        .create("Group", &group("Outer", &[ann.id.as_str()]))
        .unwrap();
    let both = [ann.id.as_str(), inner.id.as_str()];
    let add = |member: &str| patch(&format!(r#"{{"op":"add","path":"members","value":[{member}]}}"#));
    let errors = [
        fixture.create("Group", &group("New", &both)),
        fixture.replace("Group", &outer, &group("Outer", &both)),
        fixture.patch("Group", &outer, &add(&format!(r#"{{"value":"{}"}}"#, inner.id))),
        fixture.patch(
            "Group",
            &outer,
            &add(&format!(r#"{{"value":"{}","type":"Group"}}"#, ann.id)),
        ),
    ]
    .map(Result::unwrap_err);
    for error in &errors {
        assert_eq!(refusal(error), (400, Some(ScimType::InvalidValue)), "{error}");
    }
    let [created, ..] = &errors;
    assert_eq!(
        created.to_string(),
        format!(
            "1 of the members do not exist or are of a type that cannot be a member, `{}` among them",
            inner.id
        )
    );
    let members = fixture.get("Group", &outer);
    let members = members.relation("members").unwrap();
    assert_eq!(members.len(), 1);
    assert!(members.contains(&ann.id));
}

#[test]
fn rfc_7644_3_14_a_stale_version_is_refused_and_nothing_is_changed() {
    let fixture = Fixture::new();
    let created = fixture.create("User", &user("b")).unwrap();
    let title = patch(r#"{"op":"add","path":"title","value":"x"}"#);
    let stale = Precondition::if_match(vec![Version::new(7).into()]);
    let current = Precondition::if_match(vec![Version::new(7).into(), Version::FIRST.into()]);
    let all = Projection::all();
    let error = fixture
        .patch_as("User", &created, &title, &stale, &all)
        .unwrap_err();
    assert_eq!(refusal(&error), (412, None));
    let error = fixture.delete("User", &created, &stale).unwrap_err();
    assert_eq!(refusal(&error), (412, None));
    assert_eq!(fixture.stored("User", &created).version, Version::FIRST);
    fixture
        .patch_as("User", &created, &title, &current, &all)
        .unwrap();
    let group = fixture.create("Group", &group("Guides", &[])).unwrap();
    let clear = patch(r#"{"op":"remove","path":"members"}"#);
    assert_eq!(
        refusal(
            &fixture
                .patch_as("Group", &group, &clear, &stale, &all)
                .unwrap_err()
        ),
        (412, None)
    );
}

#[test]
fn another_tenants_resources_are_not_there() {
    let fixture = Fixture::new();
    let created = fixture.create("User", &user("b")).unwrap();
    let other = fixture.other_tenant();
    assert_eq!(
        refusal(&other.try_get("User", &created).unwrap_err()),
        (404, None)
    );
    assert_eq!(
        refusal(&other.delete("User", &created, &Precondition::None).unwrap_err()),
        (404, None)
    );
    let title = patch(r#"{"op":"add","path":"title","value":"x"}"#);
    assert_eq!(
        refusal(&other.patch("User", &created, &title).unwrap_err()),
        (404, None)
    );
    assert_eq!(
        refusal(&other.replace("User", &created, &user("b")).unwrap_err()),
        (404, None)
    );
    assert_eq!(other.list("User", "userName pr").total_results, 0);
    assert!(
        other.create("User", &user("b")).is_ok(),
        "names are unique in a tenant"
    );
    assert_eq!(
        refusal(&fixture.try_get("Group", &created).unwrap_err()),
        (404, None),
        "nor under another type"
    );
}

#[test]
fn rfc_7644_3_6_a_deleted_resource_is_gone_from_lists_and_groups_and_its_name_is_free() {
    let fixture = Fixture::new();
    let member = fixture.create("User", &user("b")).unwrap();
    let created = fixture
        .create("Group", &group("Guides", &[member.id.as_str()]))
        .unwrap();
    fixture.delete("User", &member, &Precondition::None).unwrap();
    assert_eq!(
        refusal(&fixture.delete("User", &member, &Precondition::None).unwrap_err()),
        (404, None)
    );
    assert_eq!(fixture.list("User", "userName pr").total_results, 0);
    assert!(
        fixture
            .get("Group", &created)
            .relation("members")
            .is_none_or(keyfob_core::MemberSet::is_empty)
    );
    assert_eq!(fixture.stored("Group", &created).version, Version::new(2));
    assert!(fixture.create("User", &user("b")).is_ok());
}

#[test]
fn a_refused_patch_changes_nothing_however_far_it_came() {
    let fixture = Fixture::new();
    let member = fixture.create("User", &user("b")).unwrap();
    let created = fixture
        .create("Group", &group("Guides", &[member.id.as_str()]))
        .unwrap();
    let before = fixture.stored("Group", &created);
    for operations in [
        r#"{"op":"remove","path":"members"},{"op":"replace","path":"id","value":"zzz"}"#,
        r#"{"op":"replace","path":"displayName","value":"X"},{"op":"add","path":"members","value":[{"value":"nobody"}]}"#,
        r#"{"op":"remove","path":"members"},{"op":"remove","path":"displayName"}"#,
    ] {
        let error = fixture.patch("Group", &created, &patch(operations)).unwrap_err();
        assert_eq!(refusal(&error).0, 400, "{operations}");
        assert_eq!(fixture.stored("Group", &created), before, "{operations}");
    }
}

#[test]
fn rfc_7644_3_4_2_4_pages_are_counted_from_one_and_bounded() {
    let fixture = Fixture::with(|engine| {
        engine.with_limits(Limits {
            default_page: 3,
            page: 5,
            ..Limits::default()
        })
    });
    for n in 0..7 {
        fixture.create("User", &user(&format!("u{n}"))).unwrap();
    }
    for (start, count, expected_start, expected) in [
        (None, None, 1, vec!["u0", "u1", "u2"]),
        (Some(0), Some(2), 1, vec!["u0", "u1"]),
        (Some(-4), Some(1), 1, vec!["u0"]),
        (Some(6), Some(10), 6, vec!["u5", "u6"]),
        (Some(1), Some(1_000_000), 1, vec!["u0", "u1", "u2", "u3", "u4"]),
        (Some(100), Some(10), 100, vec![]),
        (Some(1), Some(0), 1, vec![]),
        (Some(1), Some(-1), 1, vec![]),
    ] {
        let mut request = SearchRequest::new();
        (request.start_index, request.count) = (start, count);
        let list = fixture.search(&["User"], &request).unwrap();
        let names: Vec<_> = list
            .resources
            .iter()
            .map(|user| user.core().get_str("userName").unwrap())
            .collect();
        assert_eq!(
            (list.total_results, list.start_index, names),
            (7, Some(expected_start), expected),
            "{start:?} {count:?}"
        );
    }
}

#[test]
fn rfc_7644_3_4_3_a_search_over_several_types_pages_through_them_as_one() {
    let fixture = Fixture::new();
    for n in 0..3 {
        fixture.create("User", &user(&format!("u{n}"))).unwrap();
        fixture.create("Group", &group(&format!("g{n}"), &[])).unwrap();
    }
    let mut request = SearchRequest::new();
    (request.start_index, request.count) = (Some(3), Some(2));
    let list = fixture.search(&["User", "Group"], &request).unwrap();
    let types: Vec<_> = list
        .resources
        .iter()
        .map(|it| it.meta().unwrap().resource_type.unwrap())
        .collect();
    assert_eq!(
        (list.total_results, types),
        (6, vec!["User".into(), "Group".into()])
    );

    request = SearchRequest::new();
    request.filter = Some(r#"userName sw "u""#.into());
    assert_eq!(
        fixture
            .search(&["User", "Group"], &request)
            .unwrap()
            .total_results,
        3,
        "a group has no userName"
    );
    request.filter = Some(r#"nobodyHasThis eq "u""#.into());
    let error = fixture.search(&["User", "Group"], &request).unwrap_err();
    assert_eq!(refusal(&error), (400, Some(ScimType::InvalidFilter)));
    request.filter = Some("password pr".into());
    assert_eq!(
        refusal(&fixture.search(&["User"], &request).unwrap_err()),
        (403, Some(ScimType::Sensitive))
    );
}

#[test]
fn group_names_are_unique_for_entra_and_not_by_the_rfc() {
    let interop = Fixture::new();
    interop.create("Group", &group("Guides", &[])).unwrap();
    assert_eq!(
        refusal(&interop.create("Group", &group("GUIDES", &[])).unwrap_err()).0,
        409
    );
    let rfc = Fixture::with(|engine| engine.with_profile(Profile::rfc()));
    rfc.create("Group", &group("Guides", &[])).unwrap();
    rfc.create("Group", &group("Guides", &[])).unwrap();
}

#[test]
fn the_strict_dialect_refuses_what_interop_understands() {
    let rfc = Fixture::with(|engine| engine.with_profile(Profile::rfc()));
    assert_eq!(rfc.engine().profile().dialect, Dialect::strict());
    let created = rfc.create("User", &user("b")).unwrap();
    let active = patch(r#"{"op":"Replace","path":"active","value":"False"}"#);
    let error = rfc.patch("User", &created, &active).unwrap_err();
    assert_eq!(refusal(&error), (400, Some(ScimType::InvalidValue)));
}

#[test]
fn every_change_publishes_one_event_and_what_changes_nothing_none() {
    let fixture = Fixture::new();
    let created = fixture.create("User", &user("b")).unwrap();
    let title = patch(r#"{"op":"add","path":"title","value":"x"}"#);
    fixture.patch("User", &created, &title).unwrap();
    fixture.patch("User", &created, &title).unwrap();
    fixture.create("User", &user("B")).unwrap_err();
    fixture.delete("User", &created, &Precondition::None).unwrap();
    let events = fixture.events();
    let names: Vec<_> = events.iter().map(|event| event.event.name.as_str()).collect();
    assert_eq!(names, ["created", "changed", "deleted"]);
    assert!(events.iter().all(|event| event.event.resource == created.id));
}

#[test]
fn parallel_patches_of_one_resource_all_take_effect() {
    let fixture = Fixture::new();
    let users: Vec<_> = (0..20)
        .map(|n| fixture.create("User", &user(&format!("u{n}"))).unwrap())
        .collect();
    let group = fixture.create("Group", &group("Guides", &[])).unwrap();
    std::thread::scope(|scope| {
        for (n, member) in users.iter().enumerate() {
            let (fixture, group) = (&fixture, &group);
            scope.spawn(move || {
                // Half of them change the document too, and so have to read before they write.
                let rename = format!(r#",{{"op":"replace","path":"externalId","value":"{n}"}}"#);
                let rename = if n % 2 == 0 { rename.as_str() } else { "" };
                let add = format!(
                    r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}{rename}"#,
                    member.id
                );
                fixture.patch("Group", group, &patch(&add)).unwrap();
            });
        }
    });
    let group = fixture.get("Group", &group);
    assert_eq!(group.relation("members").unwrap().len(), 20);
    assert_eq!(group.meta().unwrap().version.as_deref(), Some("W/\"21\""));
}

#[test]
fn a_patch_of_a_password_is_refused_by_the_rfc_profile_and_passed_over_elsewhere_u_11() {
    let with_title = r#"{"op": "replace", "path": "password", "value": "1mz050nq"},
        {"op": "replace", "path": "title", "value": "Guide"}"#;
    let without_path = r#"{"op": "replace", "value": {"password": "1mz050nq", "title": "Guide"}}"#;
    for operations in [with_title, without_path] {
        let rfc = Fixture::with(|engine| engine.with_profile(Profile::rfc()));
        let ann = rfc.create("User", &user("ann")).unwrap();
        let error = rfc.patch("User", &ann, &patch(operations)).unwrap_err();
        assert_eq!(refusal(&error), (400, Some(ScimType::Mutability)));
        let detail = error.to_error_body().detail;
        assert!(
            detail.contains("password") && !detail.contains("1mz050nq"),
            "{detail}"
        );
        assert!(rfc.get("User", &ann).core().get("title").is_none());

        let interop = Fixture::with(|engine| engine.with_profile(Profile::interop()));
        let ann = interop.create("User", &user("ann")).unwrap();
        interop.patch("User", &ann, &patch(operations)).unwrap();
        let stored = interop.stored("User", &ann).resource;
        assert_eq!(stored.core().get_str("title"), Some("Guide"));
        assert!(stored.core().get("password").is_none());
    }
}
