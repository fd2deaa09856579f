//! Who may change what of users and groups, and where users stand in their life.

use keyfob_core::{AttrPath, ExternalId, Projection, ScimType};
use keyfob_engine::{Actor, EngineError, Precondition};
use keyfob_provisioning::{AdminError, ProvisionedState as _, Refusal, StateError, UserState};
use pollster::block_on;

use crate::fixture::{Fixture, group, patch, refusal, refused_by, set_active, user, user_at};

fn state(fixture: &Fixture, name: &str) -> UserState {
    block_on(fixture.admin().user(&fixture.administrator(), name))
        .unwrap()
        .state
}

#[test]
fn u_2_what_the_provider_creates_is_tagged_and_a_client_can_neither_see_nor_change_it() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let bob = fixture.acting_as(Actor::Administrator);
    bob.create("User", &user_at("bob@elsewhere.net")).unwrap();
    let managed = |name| {
        block_on(fixture.admin().user(&fixture.administrator(), name))
            .unwrap()
            .is_managed
    };
    assert!(managed("ann@example.com"));
    assert!(!managed("bob@elsewhere.net"));
    let seen = String::from_utf8(fixture.get("User", &ann).to_json()).unwrap();
    assert!(
        !seen.contains("managedBy") && !seen.contains("internal"),
        "{seen}"
    );
    let reach = r#"{"op":"replace","path":"urn:keyfob:params:scim:schemas:internal:1.0:State:managedBy","value":"x"}"#;
    fixture.patch("User", &ann, &patch(reach)).unwrap();
    assert!(managed("ann@example.com"));
    let smuggled = user_at("eve@example.com").replacen(
        '{',
        r#"{"urn:keyfob:params:scim:schemas:internal:1.0:State":{"deactivatedBy":"administrator"},"#,
        1,
    );
    fixture.create("User", &smuggled).unwrap();
    let eve = block_on(fixture.admin().user(&fixture.administrator(), "eve@example.com")).unwrap();
    assert_eq!(eve.internal.deactivated_by(), None);
}

#[test]
fn u_6_u_9_a_deactivated_user_keeps_everything_and_is_still_found() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    assert_eq!(state(&fixture, "ann@example.com"), UserState::Deactivated);
    let seen = fixture.get("User", &ann);
    assert_eq!(
        seen.core().get("active").and_then(keyfob_core::Value::as_bool),
        Some(false)
    );
    assert_eq!(
        fixture
            .list("User", "userName eq \"ann@example.com\"")
            .total_results,
        1
    );
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .contains(&ann.id)
    );
}

#[test]
fn u_7_whom_the_provider_deactivated_only_the_provider_reactivates() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    block_on(fixture.admin().accept_invite(&admin, &ann.id)).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let outcome = block_on(fixture.admin().activate_user(&admin, &ann.id));
    assert!(matches!(
        outcome,
        Err(AdminError::State {
            reason: StateError::DeactivatedByProvider,
            ..
        })
    ));
    fixture.patch("User", &ann, &set_active(true)).unwrap();
    assert_eq!(state(&fixture, "ann@example.com"), UserState::Active);
    block_on(fixture.admin().deactivate_user(&admin, &ann.id)).unwrap();
    block_on(fixture.admin().activate_user(&admin, &ann.id)).unwrap();
    assert_eq!(state(&fixture, "ann@example.com"), UserState::Active);
}

#[test]
fn u_8_a_deactivated_user_is_changed_by_the_provider_alone() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    let outcome = fixture
        .acting_as(Actor::Administrator)
        .patch("User", &ann, &title);
    assert!(matches!(
        refused_by(&outcome),
        Some(Refusal::State {
            reason: StateError::Deactivated,
            ..
        })
    ));
    fixture.patch("User", &ann, &title).unwrap();
    // It makes no difference whether a provider manages the user.
    let own = fixture.acting_as(Actor::Administrator);
    let bob = own.create("User", &user_at("bob@example.com")).unwrap();
    own.patch("User", &bob, &set_active(false)).unwrap();
    let outcome = own.patch("User", &bob, &title);
    assert!(matches!(
        refused_by(&outcome),
        Some(Refusal::State {
            reason: StateError::Deactivated,
            ..
        })
    ));
    own.patch("User", &bob, &set_active(true)).unwrap();
    own.patch("User", &bob, &title).unwrap();
}

#[test]
fn u_10_user_names_are_unique_in_an_organization_in_any_case() {
    let fixture = Fixture::verkada();
    fixture.create("User", &user_at("ann@example.com")).unwrap();
    let (status, scim_type, _) = refusal(fixture.create("User", &user_at("ANN@example.com")));
    assert_eq!((status, scim_type), (409, Some(ScimType::Uniqueness)));
    fixture
        .other_tenant()
        .create("User", &user("ann@example.com"))
        .unwrap();
}

#[test]
fn u_12_an_invited_user_is_active_for_the_provider_and_joins_groups() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert_eq!(state(&fixture, "ann@example.com"), UserState::Invited);
    fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    block_on(fixture.admin().accept_invite(&fixture.administrator(), &ann.id)).unwrap();
    assert_eq!(state(&fixture, "ann@example.com"), UserState::Active);
    let events = fixture.event_names();
    block_on(fixture.admin().accept_invite(&fixture.administrator(), &ann.id)).unwrap();
    assert_eq!(
        fixture.event_names(),
        events,
        "whoever has accepted may say so again"
    );
    let again = fixture.create("User", &user_at("ann@example.com"));
    assert!(
        matches!(again, Err(EngineError::Uniqueness { ref attribute, .. }) if attribute == "userName"),
        "the name is still taken"
    );
}

#[test]
fn p_1_to_p_6_phone_numbers_of_managed_users_come_from_the_provider_alone() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let phone =
        patch(r#"{"op":"add","path":"phoneNumbers","value":[{"value":"55555555555","type":"pager"}]}"#);
    for actor in [Actor::Administrator, Actor::User] {
        let outcome = fixture.acting_as(actor).patch("User", &ann, &phone);
        assert!(
            matches!(refused_by(&outcome), Some(Refusal::PhoneLocked)),
            "P-1, P-3: {actor:?}"
        );
    }
    fixture.patch("User", &ann, &phone).unwrap();
    let view = block_on(fixture.admin().user(&fixture.administrator(), "ann@example.com")).unwrap();
    assert_eq!(
        view.phone_number.as_deref(),
        Some("55555555555"),
        "U-13, P-2: as it was sent"
    );
    let more = patch(
        r#"{"op":"add","path":"phoneNumbers","value":[{"value":"1","type":"mobile"},{"value":"2","type":"work"}]}"#,
    );
    fixture.patch("User", &ann, &more).unwrap();
    let view = block_on(fixture.admin().user(&fixture.administrator(), "ann@example.com")).unwrap();
    assert_eq!(view.phone_number.as_deref(), Some("2"), "P-6: work before mobile");
    let own = fixture.acting_as(Actor::Administrator);
    let bob = own.create("User", &user("bob")).unwrap();
    own.patch("User", &bob, &phone).unwrap();
}

#[test]
fn g_1_the_external_id_of_a_group_is_accepted_and_forgotten() {
    let fixture = Fixture::verkada();
    let body = group("Guides", &[]).replacen('{', r#"{"externalId":"abc","#, 1);
    let guides = fixture.create("Group", &body).unwrap();
    assert_eq!(fixture.get("Group", &guides).core().get_str("externalId"), None);
    assert_eq!(fixture.list("Group", "externalId eq \"abc\"").total_results, 0);
}

#[test]
fn g_5_members_of_a_managed_group_come_from_the_provider_alone() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let join = patch(&format!(
        r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#,
        ann.id
    ));
    let own = fixture.acting_as(Actor::Administrator);
    let outcome = own.patch("Group", &guides, &join);
    assert!(matches!(
        refused_by(&outcome),
        Some(Refusal::ManagedByProvider { .. })
    ));
    let drivers = own.create("Group", &group("Drivers", &[])).unwrap();
    own.patch("Group", &drivers, &join).unwrap();
    fixture.patch("Group", &guides, &join).unwrap();
}

#[test]
fn g_7_a_rename_to_the_same_name_is_nothing() {
    let fixture = Fixture::verkada();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let before = (fixture.stored("Group", &guides), fixture.event_names());
    let rename = patch(r#"{"op":"replace","path":"displayName","value":"Guides"}"#);
    fixture.patch("Group", &guides, &rename).unwrap();
    assert_eq!((fixture.stored("Group", &guides), fixture.event_names()), before);
}

#[test]
fn g_10_group_names_are_any_unicode_and_unique_however_their_letters_are_composed() {
    let fixture = Fixture::verkada();
    for name in ["출입 그룹", "Größe", "Ｇｒｏｕｐ"] {
        let created = fixture.create("Group", &group(name, &[])).unwrap();
        assert_eq!(
            fixture.get("Group", &created).core().get_str("displayName"),
            Some(name)
        );
    }
    let (status, ..) = refusal(fixture.create("Group", &group("GRO\u{308}ße", &[])));
    assert_eq!(status, 409);
}

#[test]
fn a_11_what_is_provisioned_is_beyond_a_directorys_administrator() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let directory = fixture.acting_as(Actor::DirectoryAdministrator);
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    let rename = patch(r#"{"op":"replace","path":"displayName","value":"Scouts"}"#);
    for outcome in [
        directory.patch("User", &ann, &title),
        directory.patch("Group", &guides, &rename),
    ] {
        assert!(matches!(refused_by(&outcome), Some(Refusal::Forbidden)));
    }
    assert!(matches!(
        block_on(fixture.admin().delete_user(directory.cx(), &ann.id)),
        Err(AdminError::Forbidden)
    ));
}

#[test]
fn x_1_to_x_8_the_extensions_external_id_stands_beside_the_core_one() {
    const URI: &str = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User";
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let bob = fixture.create("User", &user_at("bob@example.com")).unwrap();
    let set = |value: &str| {
        patch(&format!(
            r#"{{"op":"add","path":"{URI}:externalId","value":"{value}"}}"#
        ))
    };
    fixture.patch("User", &ann, &set("Ab")).unwrap();
    assert_eq!(fixture.get("User", &ann).external_id(), None, "X-2");
    for (filter, found) in [
        (format!(r#"{URI}:externalId eq "Ab""#), 1),
        (format!(r#"{URI}:externalId eq "ab""#), 0),
        (r#"externalId eq "Ab""#.to_owned(), 0),
    ] {
        assert_eq!(
            fixture.list("User", &filter).total_results,
            found,
            "X-1, X-2: {filter}"
        );
    }
    let (status, scim_type, _) = refusal(fixture.patch("User", &bob, &set("Ab")));
    assert_eq!((status, scim_type), (409, Some(ScimType::Uniqueness)), "X-3");
    fixture.patch("User", &bob, &set("ab")).unwrap();
    let other = fixture.other_tenant();
    let cy = other.create("User", &user("cy")).unwrap();
    other.patch("User", &cy, &set("Ab")).unwrap();
    let find = |id: &str| {
        block_on(
            fixture
                .admin()
                .find_user_by_external_id(fixture.cx(), &ExternalId::new(id)),
        )
        .unwrap()
    };
    assert_eq!(find("Ab"), Some(ann.id.clone()), "X-4");
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    assert_eq!(find("Ab"), Some(ann.id.clone()), "X-7");
    let (status, ..) = refusal(fixture.patch("User", &ann, &set(&"x".repeat(257))));
    assert_eq!(status, 400, "X-8");
    fixture.patch("User", &ann, &set(&"x".repeat(256))).unwrap();
    fixture.patch("User", &bob, &set("")).unwrap();
    fixture.patch("User", &ann, &set("")).unwrap();
    assert_eq!(find(""), None, "X-8: an empty one is none");
}

#[test]
fn u_1_u_5_a_change_is_seen_at_once_and_touches_nothing_else() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    let before = fixture.stored("User", &ann);
    fixture.clock.advance();
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    fixture.patch("User", &ann, &title).unwrap();
    let after = fixture.stored("User", &ann);
    assert_eq!(after.version, before.version.next());
    assert_ne!(
        after.resource.meta().unwrap().last_modified,
        before.resource.meta().unwrap().last_modified
    );
    let mut expected = before.resource.clone();
    expected.core_mut().insert("title", "Guide");
    expected.set_meta(&after.resource.meta().unwrap());
    assert_eq!(after.resource, expected);
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .contains(&ann.id)
    );
    fixture.clock.advance();
    fixture.patch("User", &ann, &title).unwrap();
    assert_eq!(
        fixture.stored("User", &ann),
        after,
        "U-1: nothing changed, so neither version nor lastModified do"
    );
}

#[test]
fn u_3_a_user_whom_the_provider_unassigns_is_deactivated_and_not_removed() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let users = block_on(fixture.admin().users(&fixture.administrator())).unwrap();
    assert_eq!(
        users.iter().map(|user| user.state).collect::<Vec<_>>(),
        [UserState::Deactivated]
    );
    assert!(
        block_on(fixture.admin().deleted_users(&fixture.administrator()))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn u_11_what_okta_sends_along_on_creation_is_accepted_and_dropped() {
    let fixture = Fixture::verkada();
    let body = user_at("ann@example.com").replacen('{', r#"{"password":"pa55word","groups":[],"#, 1);
    let ann = fixture.create("User", &body).unwrap();
    let stored = String::from_utf8(fixture.stored("User", &ann).resource.to_json()).unwrap();
    assert!(!stored.contains("pa55word"), "{stored}");
    let set = patch(r#"{"op":"replace","path":"password","value":"another"}"#);
    let before = fixture.stored("User", &ann);
    fixture.patch("User", &ann, &set).unwrap();
    assert_eq!(fixture.stored("User", &ann), before);
}

#[test]
fn g_6_entras_groups_are_created_empty_and_read_without_their_members() {
    let fixture = Fixture::verkada();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let ids: Vec<_> = (0..300)
        .map(|number| {
            fixture
                .create("User", &user_at(&format!("u{number}@example.com")))
                .unwrap()
                .id
        })
        .collect();
    let values: Vec<_> = ids.iter().map(|id| format!(r#"{{"value":"{id}"}}"#)).collect();
    let join = patch(&format!(
        r#"{{"op":"Add","path":"members","value":[{}]}}"#,
        values.join(",")
    ));
    let written = fixture.patch("Group", &guides, &join).unwrap();
    assert_eq!(written.resource, None, "a large group answers 204");
    let without = Projection::except(vec![AttrPath::attribute("members")]);
    let written = fixture
        .patch_as("Group", &guides, &join, &Precondition::None, &without)
        .unwrap();
    assert_eq!(written.resource.unwrap().relation("members"), None);
    assert_eq!(
        fixture.get("Group", &guides).relation("members").unwrap().len(),
        300
    );
}

#[test]
fn g_9_an_unknown_member_undoes_the_whole_request_and_who_is_no_member_leaves_in_peace() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let before = fixture.stored("Group", &guides);
    let join = patch(&format!(
        r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}},
           {{"op":"add","path":"members","value":[{{"value":"nobody"}}]}}"#,
        ann.id
    ));
    let (status, scim_type, _) = refusal(fixture.patch("Group", &guides, &join));
    assert_eq!((status, scim_type), (400, Some(ScimType::InvalidValue)));
    let leave = patch(&format!(
        r#"{{"op":"remove","path":"members[value eq \"{}\"]"}}"#,
        ann.id
    ));
    fixture.patch("Group", &guides, &leave).unwrap();
    assert_eq!(fixture.stored("Group", &guides), before);
}

#[test]
fn s_4_nobody_needs_a_display_name_and_none_is_made_up() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert_eq!(fixture.get("User", &ann).core().get("displayName"), None);
    let view = block_on(fixture.admin().user(&fixture.administrator(), "ann@example.com")).unwrap();
    assert_eq!(view.display_name, None);
}

#[test]
fn x_5_administrators_do_not_see_the_extensions_external_id() {
    let fixture = Fixture::verkada();
    let body = user_at("ann@example.com").replacen(
        '{',
        r#"{"urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User":{"externalId":"hidden-7"},"#,
        1,
    );
    fixture.create("User", &body).unwrap();
    let view = block_on(fixture.admin().user(&fixture.administrator(), "ann@example.com")).unwrap();
    assert!(!format!("{view:?}").contains("hidden-7"), "{view:?}");
}

#[test]
fn x_8_an_external_id_has_1_to_256_characters_whoever_gives_it() {
    const URI: &str = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User";
    let fixture = Fixture::verkada().acting_as(Actor::Administrator);
    let set = |value: &str| {
        let operation = format!(r#"{{"op":"add","path":"{URI}:externalId","value":"{value}"}}"#);
        patch(&operation)
    };
    let [ann, bob] = ["ann", "bob"].map(|name| fixture.create("User", &user(name)).unwrap());
    // Two users without one.
    fixture.patch("User", &ann, &set("")).unwrap();
    fixture.patch("User", &bob, &set("")).unwrap();
    assert_eq!(
        refusal(fixture.patch("User", &ann, &set(&"e".repeat(257)))).0,
        400
    );
}
