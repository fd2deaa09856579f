//! Deletion that can be undone, and removal that can't.

use keyfob_core::{ExternalId, ResourceId, Value};
use keyfob_engine::{Actor, EngineError, Precondition};
use keyfob_provisioning::{AdminError, Confirmed, Refusal, StateError, UserState};
use pollster::block_on;

use crate::fixture::{Fixture, group, patch, refusal, refused_by, set_active, user_at};

fn active(fixture: &Fixture, of: &keyfob_engine::Written) -> Option<bool> {
    fixture
        .get("User", of)
        .core()
        .get("active")
        .and_then(Value::as_bool)
}

#[test]
fn d_2_an_active_user_is_deactivated_in_the_provider_before_an_administrator_deletes_it() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let delete = || block_on(fixture.admin().delete_user(&admin, &ann.id));
    let purge = || block_on(fixture.admin().purge_user(&admin, &ann.id, Some(Confirmed)));
    let by_operation = fixture
        .acting_as(Actor::Administrator)
        .delete("User", &ann, &Precondition::None);
    assert!(matches!(
        refused_by(&by_operation),
        Some(Refusal::State {
            reason: StateError::ActiveInProvider,
            ..
        })
    ));
    let is_refused = |outcome| {
        let reason = StateError::ActiveInProvider;
        matches!(outcome, Err(AdminError::State { reason: given, .. }) if given == reason)
    };
    assert!(is_refused(delete()) && is_refused(purge()));
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    delete().unwrap();
    purge().unwrap();
}

#[test]
fn a_deleted_user_is_found_by_its_name_as_a_live_one_is() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let anna = fixture.create("User", &user_at("\u{c4}NNA@example.com")).unwrap();
    let find = |name: &str| block_on(fixture.admin().user(&admin, name)).map(|user| (user.id, user.state));
    let names = [
        "\u{c4}NNA@example.com",
        "\u{e4}nna@example.com",
        "a\u{308}nna@EXAMPLE.com",
    ];
    for name in names {
        assert_eq!(find(name).unwrap().0, anna.id, "{name}");
    }
    fixture.patch("User", &anna, &set_active(false)).unwrap();
    block_on(fixture.admin().delete_user(&admin, &anna.id)).unwrap();
    for name in names.into_iter().chain([anna.id.as_str()]) {
        assert_eq!(
            find(name).unwrap(),
            (anna.id.clone(), UserState::Deleted),
            "{name}"
        );
    }
    assert!(matches!(find("anna@example.com"), Err(AdminError::NoSuchUser(_))));
}

#[test]
fn d_3_d_10_a_deleted_user_is_among_the_deleted_ones_and_for_the_provider_deactivated() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let before = fixture.stored("User", &ann);
    block_on(fixture.admin().delete_user(&admin, &ann.id)).unwrap();
    assert!(block_on(fixture.admin().users(&admin)).unwrap().is_empty());
    let deleted = block_on(fixture.admin().deleted_users(&admin)).unwrap();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].state, UserState::Deleted);
    assert_eq!(active(&fixture, &ann), Some(false));
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .is_empty(),
        "D-11"
    );
    // A write that doesn't make it active changes what will come back.
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    fixture.patch("User", &ann, &title).unwrap();
    let restored = fixture.patch("User", &ann, &set_active(true)).unwrap();
    assert_eq!(restored.id, ann.id);
    assert!(restored.tag.version() > before.version);
    let after = fixture.get("User", &ann);
    assert_eq!(after.core().get_str("title"), Some("Guide"));
    assert_eq!(
        after.meta().unwrap().created,
        before.resource.meta().unwrap().created
    );
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .contains(&ann.id),
        "D-11"
    );
    assert!(
        block_on(fixture.admin().deleted_users(&admin))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn d_5_d_8_after_a_removal_for_good_the_name_makes_a_new_user() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let unconfirmed = block_on(fixture.admin().purge_user(&admin, &ann.id, None));
    assert!(matches!(unconfirmed, Err(AdminError::ConfirmationRequired)));
    block_on(fixture.admin().purge_user(&admin, &ann.id, Some(Confirmed))).unwrap();
    assert!(matches!(
        fixture.try_get("User", &ann),
        Err(EngineError::NotFound { .. })
    ));
    assert!(matches!(
        block_on(fixture.admin().restore_user(&admin, &ann.id)),
        Err(AdminError::NoSuchUser(_))
    ));
    let again = fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert_ne!(again.id, ann.id);
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn d_6_the_name_of_a_deleted_user_brings_it_back_under_its_id() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
    let again = fixture.create("User", &user_at("ANN@example.com")).unwrap();
    assert_eq!(again.id, ann.id);
    assert_ne!(active(&fixture, &ann), Some(false));
    assert!(
        fixture
            .get("Group", &guides)
            .relation("members")
            .unwrap()
            .contains(&ann.id)
    );
    let names = fixture.event_names();
    assert_eq!(names.iter().filter(|name| *name == "restored").count(), 1);
    assert_eq!(
        names.iter().filter(|name| *name == "inviteRequested").count(),
        1,
        "O-21"
    );
}

#[test]
fn d_9_d_12_a_users_delete_hides_it_from_the_provider_and_frees_its_name() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    assert_eq!(refusal(fixture.try_get("User", &ann)).0, 404);
    assert_eq!(
        refusal(fixture.delete("User", &ann, &Precondition::None)).0,
        404,
        "D-12"
    );
    assert_eq!(refusal(fixture.patch("User", &ann, &set_active(true))).0, 404);
    assert_eq!(fixture.list("User", "userName pr").total_results, 0);
    let deleted = block_on(fixture.admin().user(&fixture.administrator(), "ann@example.com")).unwrap();
    assert_eq!((deleted.id, deleted.state), (ann.id.clone(), UserState::Deleted));
    let bob = fixture.create("User", &user_at("bob@example.com")).unwrap();
    let rename = patch(r#"{"op":"replace","path":"userName","value":"ann@example.com"}"#);
    fixture.patch("User", &bob, &rename).unwrap();
    let restored = block_on(fixture.admin().restore_user(&fixture.administrator(), &ann.id));
    assert!(matches!(
        restored,
        Err(AdminError::Engine(EngineError::NameTaken { .. }))
    ));
}

#[test]
fn d_9_the_provider_deletes_whom_an_administrator_deleted() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    assert_eq!(refusal(fixture.try_get("User", &ann)).0, 404);
    assert_eq!(refusal(fixture.delete("User", &ann, &Precondition::None)).0, 404);
}

#[test]
fn d_6_of_two_deleted_users_of_a_name_the_one_comes_back_that_was_deleted_last() {
    let fixture = Fixture::verkada();
    let delete = |id: &ResourceId| block_on(fixture.admin().delete_user(&fixture.administrator(), id));
    let first = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.patch("User", &first, &set_active(false)).unwrap();
    delete(&first.id).unwrap();
    let second = fixture.create("User", &user_at("bob@example.com")).unwrap();
    let rename = patch(r#"{"op":"replace","value":{"userName":"ann@example.com","active":false}}"#);
    fixture.patch("User", &second, &rename).unwrap();
    fixture.clock.advance();
    delete(&second.id).unwrap();
    fixture.clock.advance();
    // The provider deletes after the administrator did.
    fixture.delete("User", &first, &Precondition::None).unwrap();
    let back = fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert_eq!(back.id, first.id);
}

#[test]
fn an_administrator_restores_a_user_who_then_is_deactivated() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    block_on(fixture.admin().restore_user(&admin, &ann.id)).unwrap();
    assert_eq!(active(&fixture, &ann), Some(false));
    let again = block_on(fixture.admin().restore_user(&admin, &ann.id));
    assert!(matches!(
        again,
        Err(AdminError::State {
            reason: StateError::NotDeleted,
            ..
        })
    ));
    let nobody = ResourceId::new("nobody");
    let none = block_on(fixture.admin().restore_user(&admin, &nobody));
    assert!(matches!(none, Err(AdminError::NoSuchUser(_))));
}

#[test]
fn a_group_that_is_gone_by_now_is_not_joined_again() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture
        .create("Group", &group("Guides", &[ann.id.as_str()]))
        .unwrap();
    let drivers = fixture
        .create("Group", &group("Drivers", &[ann.id.as_str()]))
        .unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    fixture.delete("Group", &guides, &Precondition::None).unwrap();
    fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert!(
        fixture
            .get("Group", &drivers)
            .relation("members")
            .unwrap()
            .contains(&ann.id)
    );
}

#[test]
fn d_1_d_7_an_administrator_deletes_and_purges_and_purges_what_was_deleted() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let bob = fixture.create("User", &user_at("bob@example.com")).unwrap();
    for user in [&ann, &bob] {
        fixture.patch("User", user, &set_active(false)).unwrap();
    }
    block_on(fixture.admin().purge_user(&admin, &ann.id, Some(Confirmed))).unwrap();
    block_on(fixture.admin().delete_user(&admin, &bob.id)).unwrap();
    block_on(fixture.admin().purge_user(&admin, &bob.id, Some(Confirmed))).unwrap();
    assert!(block_on(fixture.admin().users(&admin)).unwrap().is_empty());
    assert!(
        block_on(fixture.admin().deleted_users(&admin))
            .unwrap()
            .is_empty()
    );
    let again = block_on(fixture.admin().purge_user(&admin, &bob.id, Some(Confirmed)));
    assert!(matches!(again, Err(AdminError::NoSuchUser(_))), "D-8");
}

#[test]
fn d_4_after_a_removal_for_good_nothing_leads_to_the_user_any_more() {
    const URI: &str = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User";
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let body = user_at("ann@example.com").replacen('{', &format!(r#"{{"{URI}":{{"externalId":"a1"}},"#), 1);
    let ann = fixture.create("User", &body).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    block_on(fixture.admin().purge_user(&admin, &ann.id, Some(Confirmed))).unwrap();
    assert_eq!(refusal(fixture.try_get("User", &ann)).0, 404);
    for name in ["ann@example.com", ann.id.as_str()] {
        assert!(matches!(
            block_on(fixture.admin().user(&admin, name)),
            Err(AdminError::NoSuchUser(_))
        ));
    }
    let by_external_id = ExternalId::new("a1");
    let found = block_on(fixture.admin().find_user_by_external_id(&admin, &by_external_id)).unwrap();
    assert_eq!(found, None);
    assert_eq!(fixture.list("User", "userName pr").total_results, 0);
    let bob = fixture.create("User", &body.replace("ann@", "bob@")).unwrap();
    assert_ne!(bob.id, ann.id, "X-7: the external id is free");
}

#[test]
fn u_11_the_password_that_comes_with_a_user_who_is_back_is_dropped() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    let body = user_at("ann@example.com").replacen('{', r#"{"password":"correct horse","#, 1);
    let again = fixture.create("User", &body).unwrap();
    assert_eq!(again.id, ann.id, "D-6");
    let stored = format!("{:?}", fixture.stored("User", &ann));
    assert!(!stored.contains("correct horse"), "{stored}");
}

#[test]
fn whom_an_administrator_deletes_by_its_address_the_provider_still_holds_for_deactivated() {
    let fixture = Fixture::verkada();
    let own = fixture.acting_as(Actor::Administrator);
    let bob = own.create("User", &user_at("bob@example.com")).unwrap();
    let refused = own.delete("User", &bob, &Precondition::None);
    assert_eq!(refusal(refused).0, 409, "deactivation comes first");
    own.patch("User", &bob, &set_active(false)).unwrap();
    own.delete("User", &bob, &Precondition::None).unwrap();
    assert_eq!(active(&fixture, &bob), Some(false), "D-10");
}

#[test]
fn d_11_whom_the_provider_takes_out_of_a_group_while_deleted_does_not_come_back_to_it() {
    for (operation, stays_out) in [
        (r#"{"op":"remove","path":"members[value eq \"ID\"]"}"#, true),
        (
            r#"{"op":"Remove","path":"members","value":[{"value":"ID"}]}"#,
            true,
        ),
        // Who replaces all members doesn't see the deleted one.
        (
            r#"{"op":"replace","value":{"displayName":"Scouts","members":[]}}"#,
            false,
        ),
    ] {
        let fixture = Fixture::verkada();
        let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
        let guides = fixture
            .create("Group", &group("Guides", &[ann.id.as_str()]))
            .unwrap();
        let drivers = fixture
            .create("Group", &group("Drivers", &[ann.id.as_str()]))
            .unwrap();
        fixture.patch("User", &ann, &set_active(false)).unwrap();
        block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
        let removal = patch(&operation.replace("ID", ann.id.as_str()));
        fixture.patch("Group", &guides, &removal).unwrap();
        fixture.patch("User", &ann, &set_active(true)).unwrap();
        let is_in = |of: &keyfob_engine::Written| {
            fixture
                .get("Group", of)
                .relation("members")
                .unwrap()
                .contains(&ann.id)
        };
        assert_eq!(is_in(&guides), !stays_out, "{operation}");
        assert!(is_in(&drivers), "{operation}");
    }
}

#[test]
fn d_11_whom_the_provider_puts_into_a_group_while_deleted_is_in_it_once_brought_back() {
    type Put = fn(&Fixture, &keyfob_engine::Written, &str) -> Result<keyfob_engine::Written, EngineError>;
    let ways: [(&str, Put); 5] = [
        ("PATCH add", |fixture, guides, id| {
            let add = format!(r#"{{"op":"Add","path":"members","value":[{{"value":"{id}"}}]}}"#);
            fixture.patch("Group", guides, &patch(&add))
        }),
        ("PATCH add with another change", |fixture, guides, id| {
            let add = format!(
                r#"{{"op":"add","value":{{"displayName":"Scouts","members":[{{"value":"{id}"}}]}}}}"#
            );
            fixture.patch("Group", guides, &patch(&add))
        }),
        ("PATCH replace", |fixture, guides, id| {
            let replace = format!(r#"{{"op":"replace","path":"members","value":[{{"value":"{id}"}}]}}"#);
            fixture.patch("Group", guides, &patch(&replace))
        }),
        ("PUT", |fixture, guides, id| {
            fixture.replace("Group", guides, &group("Guides", &[id]))
        }),
        ("POST", |fixture, _, id| {
            fixture.create("Group", &group("Drivers", &[id]))
        }),
    ];
    for (way, put) in ways {
        let fixture = Fixture::verkada();
        let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
        let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
        fixture.patch("User", &ann, &set_active(false)).unwrap();
        block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
        let joined = put(&fixture, &guides, ann.id.as_str()).unwrap();
        let is_in = || {
            let group = fixture.get("Group", &joined);
            group.relation("members").unwrap().contains(&ann.id)
        };
        assert!(!is_in(), "{way}: a deleted user is seen in no group");
        let events = fixture.event_names();
        if way != "POST" {
            put(&fixture, &guides, ann.id.as_str()).unwrap();
            assert_eq!(fixture.event_names(), events, "{way}: twice is once");
        }
        fixture.patch("User", &ann, &set_active(true)).unwrap();
        assert!(is_in(), "{way}");
    }
}

#[test]
fn g_9_who_is_unknown_refuses_the_members_who_are_deleted_too() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let bob = fixture.create("User", &user_at("bob@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
    // Whom the provider deleted it knows no longer.
    fixture.delete("User", &bob, &Precondition::None).unwrap();
    let events = fixture.event_names();
    let add = format!(
        r#"{{"op":"add","path":"members","value":[{{"value":"{}"}},{{"value":"{}"}}]}}"#,
        ann.id, bob.id
    );
    let refused = fixture.patch("Group", &guides, &patch(&add)).unwrap_err();
    assert!(
        matches!(&refused, EngineError::UnknownMembers { members } if *members == [bob.id]),
        "{refused}"
    );
    // Nobody but the provider knows deleted users by their ids.
    let own = fixture.acting_as(Actor::Administrator);
    let refused = own.create("Group", &group("Own", &[ann.id.as_str()]));
    assert!(matches!(refused, Err(EngineError::UnknownMembers { .. })));
    assert_eq!(fixture.event_names(), events);
    fixture.patch("User", &ann, &set_active(true)).unwrap();
    let group = fixture.get("Group", &guides);
    assert!(group.relation("members").unwrap().is_empty());
}
