//! The life of a credential: what becomes of a card when its attributes, its user or somebody else's card change.

use std::collections::BTreeMap;

use keyfob_core::{ResourceId, ScimType};
use keyfob_engine::{Context, TenantId};
use keyfob_provisioning::AdminError;
use pollster::block_on;
use serde_json::json;

use super::fixture::{EXAMPLE, Organization, URN, WIEGAND, invalid_value, on_each_store, refusal};

const STATUS: &str = "credentialStatus";

#[test]
fn c_4_a_credential_without_the_status_active_is_staged_until_it_has_it() {
    on_each_store(|organization| {
        for staged in [None, Some("deactivated"), Some("deleted"), Some("")] {
            let mut sent = EXAMPLE.to_vec();
            sent.retain(|(name, _)| *name != STATUS);
            sent.extend(staged.map(|status| (STATUS, status)));
            let ann = organization.user("ann");
            organization.send(&ann, &sent).unwrap();
            assert_eq!(organization.missing(&ann), [STATUS], "{staged:?}");
            assert_eq!(organization.echoed(&ann)["cardNumber"], "7777");
            // A card that isn't there takes no number.
            let bob = organization.post("bob", &EXAMPLE).unwrap();
            organization.set_active(&bob, false);
            organization.purge(&bob);

            organization.send(&ann, &[(STATUS, "active")]).unwrap();
            assert_eq!(organization.state(&ann), "active");
            organization.set_active(&ann, false);
            organization.purge(&ann);
        }
    });
}

#[test]
fn c_5_a_card_that_is_deactivated_and_active_again_is_the_same() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        let card = organization.card_id(&ann);
        organization.send(&ann, &[(STATUS, "deactivated")]).unwrap();
        assert_eq!(organization.state(&ann), "deactivated");
        assert_eq!(organization.card_id(&ann), card);
        assert!(!organization.is_effective(&ann));
        // It is still hers.
        assert_eq!(refusal(organization.post("bob", &EXAMPLE)).0, 409);
        organization.send(&ann, &[(STATUS, "active")]).unwrap();
        assert_eq!(organization.card_id(&ann), card);
        assert!(organization.is_effective(&ann));
        let told = ["Created", "Deactivated", "Activated"].map(|what| format!("credential{what} {card}"));
        assert_eq!(organization.told(), told);
    });
}

#[test]
fn c_6_a_deleted_card_is_free_and_comes_back_as_another() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        organization.send(&ann, &[(STATUS, "deleted")]).unwrap();
        assert_eq!(organization.state(&ann), "deleted");
        assert_eq!(organization.echoed(&ann)["cardNumber"], "7777");
        assert_eq!(organization.echoed(&ann)[STATUS], "deleted");
        let bob = organization.post("bob", &EXAMPLE).unwrap();
        assert_eq!(refusal(organization.send(&ann, &[(STATUS, "active")])).0, 409);
        assert_eq!(organization.state(&ann), "deleted");
        organization.send(&bob, &[(STATUS, "deleted")]).unwrap();
        organization.send(&ann, &[(STATUS, "active")]).unwrap();
        assert_eq!(organization.card_id(&ann), format!("{ann}.2"));
        // A deleted one that is deactivated is staged: no card comes into being that isn't in use.
        organization.send(&bob, &[(STATUS, "deactivated")]).unwrap();
        assert_eq!(organization.state(&bob), "staged");
    });
}

#[test]
fn c_10_another_number_or_format_takes_the_place_of_the_card_in_one_commit() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        let events = organization.event_count();
        organization.send(&ann, &[("cardNumber", "7778")]).unwrap();
        assert_eq!(organization.card_id(&ann), format!("{ann}.2"));
        organization.send(&ann, &[("cardFormat", "AWID 34-bit")]).unwrap();
        assert_eq!(organization.card_id(&ann), format!("{ann}.3"));
        assert_eq!(
            organization.told(),
            [
                format!("credentialCreated {ann}.1"),
                format!("credentialDeleted {ann}.1"),
                format!("credentialCreated {ann}.2"),
                format!("credentialDeleted {ann}.2"),
                format!("credentialCreated {ann}.3"),
            ]
        );
        // Each commit also tells that the user changed.
        assert_eq!(organization.event_count(), events + 6);
        // The first one is free, the third one is not.
        let bob = organization.post("bob", &EXAMPLE).unwrap();
        let third = [("cardFormat", "AWID 34-bit"), ("cardNumber", "7778")];
        assert_eq!(refusal(organization.send(&bob, &third)).0, 409);
        assert_eq!(organization.card_id(&bob), format!("{bob}.1"));
    });
}

#[test]
fn c_10_another_number_that_is_not_active_takes_the_card_away() {
    let organization = Organization::new();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    organization
        .send(&ann, &[("cardNumber", "7778"), (STATUS, "deactivated")])
        .unwrap();
    assert_eq!(organization.missing(&ann), [STATUS]);
    assert_eq!(
        organization.told(),
        [
            format!("credentialCreated {ann}.1"),
            format!("credentialDeleted {ann}.1")
        ]
    );
    organization.post("bob", &EXAMPLE).unwrap();
}

#[test]
fn c_11_a_card_belongs_to_one_user_of_an_organization_however_it_is_written() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        let (events, before) = (organization.event_count(), organization.get(&ann));
        let written = [
            ("cardFormat", "hid"),
            ("cardNumber", "007777"),
            ("facilityCode", "0111"),
            (STATUS, "ACTIVE"),
        ];
        let (status, scim_type, detail) = refusal(organization.post("bob", &written));
        assert_eq!((status, scim_type), (409, Some(ScimType::Uniqueness)));
        assert_eq!(detail, format!("another User has this `{URN}:cardNumber`"));
        assert_eq!(organization.event_count(), events);
        assert_eq!(organization.get(&ann), before);
        assert!(organization.is_effective(&ann));

        let bob = organization.user("bob");
        let before = organization.get(&bob);
        assert_eq!(refusal(organization.send(&bob, &written)).0, 409);
        assert_eq!(organization.get(&bob), before);
        // The number of another format is another card.
        organization
            .send(
                &bob,
                &[("cardFormat", "AWID 34-bit"), written[1], written[2], written[3]],
            )
            .unwrap();
    });
}

#[test]
fn c_11_another_organization_may_have_the_same_card() {
    let mut organization = Organization::new();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    let acme = std::mem::replace(&mut organization.cx, Context::new(TenantId::new("umbrella")));
    let created = organization.post("ann", &EXAMPLE).unwrap();
    organization.cx = acme;
    assert_ne!(created, ann);
    assert_eq!(organization.word(&ann), "2DE3CC3");
}

#[test]
fn c_14_the_card_of_a_user_who_is_not_active_stays_and_opens_nothing() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        let credential = organization.credential(&ann);
        organization.set_active(&ann, false);
        assert_eq!(organization.credential(&ann), credential);
        assert!(!organization.is_effective(&ann));
        assert_eq!(refusal(organization.post("bob", &EXAMPLE)).0, 409);
        organization.set_active(&ann, true);
        assert_eq!(organization.credential(&ann), credential);
        assert!(organization.is_effective(&ann));
        assert_eq!(organization.told(), [format!("credentialCreated {ann}.1")]);
    });
}

#[test]
fn c_14_the_card_of_a_user_who_is_invited_opens_nothing_before_that_is_accepted() {
    let organization = Organization::new();
    let admin = organization.engine.admin();
    block_on(admin.set_invites(&organization.admin, true)).unwrap();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    assert_eq!(organization.state(&ann), "active");
    assert!(!organization.is_effective(&ann));
    block_on(admin.accept_invite(&organization.admin, &ann)).unwrap();
    assert!(organization.is_effective(&ann));
    // Accepting gave the number to nobody.
    assert_eq!(refusal(organization.post("bob", &EXAMPLE)).0, 409);
}

#[test]
fn c_15_what_is_left_of_a_purged_user_is_no_card() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        organization.set_active(&ann, false);
        organization.purge(&ann);
        let bob = organization.post("bob", &EXAMPLE).unwrap();
        assert_eq!(organization.word(&bob), "2DE3CC3");
        // The same person again is somebody else, with a credential of its own.
        let other = organization.user("ann");
        assert_ne!(other, ann);
        assert_eq!(organization.state(&other), "empty");
    });
}

#[test]
fn c_11_c_15_the_card_of_a_deleted_user_is_free_and_comes_back_with_the_user_unless_it_is_taken() {
    on_each_store(|organization| {
        let admin = organization.engine.admin();
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        organization.set_active(&ann, false);
        block_on(admin.delete_user(&organization.admin, &ann)).unwrap();
        assert_eq!(organization.state(&ann), "active");
        assert!(!organization.is_effective(&ann));

        let bob = organization.post("bob", &EXAMPLE).unwrap();
        organization.send(&bob, &[("cardNumber", "7778")]).unwrap();
        block_on(admin.restore_user(&organization.admin, &ann)).unwrap();
        organization.set_active(&ann, true);
        assert!(organization.is_effective(&ann));
        assert_eq!(organization.card_id(&ann), format!("{ann}.1"));
        assert_eq!(refusal(organization.send(&bob, &[("cardNumber", "7777")])).0, 409);
    });
}

#[test]
fn c_11_a_deleted_user_comes_back_without_the_card_that_somebody_else_has_by_now() {
    type Way = fn(&Organization, &ResourceId) -> Result<(), AdminError>;
    let ways: [Way; 4] = [
        |organization, ann| block_on(organization.engine.admin().restore_user(&organization.admin, ann)),
        |organization, ann| {
            let activate = json!([{"op": "replace", "path": "active", "value": true}]);
            Ok(organization.patch(ann, &activate).map(|_| ())?)
        },
        |organization, _| Ok(organization.post("ann", &EXAMPLE).map(|_| ())?),
        |organization, ann| {
            let mut body = organization.get(ann);
            body["active"] = json!(true);
            Ok(organization.put(ann, &body).map(|_| ())?)
        },
    ];
    on_each_store(|organization| {
        for way in ways {
            let ann = organization.post("ann", &EXAMPLE).unwrap();
            organization.set_active(&ann, false);
            block_on(organization.engine.admin().delete_user(&organization.admin, &ann)).unwrap();
            let bob = organization.post("bob", &EXAMPLE).unwrap();
            let events = organization.event_count();
            way(organization, &ann).unwrap();
            assert_eq!(organization.state(&ann), "deleted");
            assert_eq!(organization.word(&bob), "2DE3CC3");
            let echoed = organization.echoed(&ann);
            assert!(
                !echoed.contains_key("cardNumber") && !echoed.contains_key("cardNumberHex"),
                "{echoed:?}"
            );
            let published = block_on(organization.engine.admin().events(
                &organization.admin,
                keyfob_engine::Position::START,
                usize::MAX,
            ));
            let told: Vec<_> = published.unwrap().split_off(events);
            let which = told
                .iter()
                .find(|event| event.event.name == "restoredWithout")
                .unwrap();
            let data = &which.event.data;
            assert_eq!(
                data.get_str("attribute"),
                Some(format!("{URN}:cardNumber").as_str())
            );
            assert_eq!(
                (which.event.resource.clone(), data.get_str("reason")),
                (ann.clone(), Some("taken"))
            );
            assert!(told.iter().any(|event| event.event.name == "credentialDeleted"));
            // What is sent anew is refused as it is of everybody.
            assert_eq!(refusal(organization.send(&ann, &EXAMPLE)).0, 409);
            for user in [ann, bob] {
                organization.set_active(&user, false);
                organization.purge(&user);
            }
        }
    });
}

#[test]
fn c_11_what_is_left_of_a_card_that_somebody_else_has_by_now_makes_no_other_card() {
    const CSN: [(&str, &str); 3] = [
        ("cardFormat", "MiFare 4-Byte (32 bit) CSN"),
        ("cardNumberHex", "1A2B3C4D"),
        ("credentialStatus", "active"),
    ];
    on_each_store(|organization| {
        let ann = organization.post("ann", &CSN).unwrap();
        assert_eq!(organization.state(&ann), "active");
        organization.delete(&ann);
        organization.post("bob", &CSN).unwrap();
        assert_eq!(organization.post("ann", &CSN).unwrap(), ann);
        assert_eq!(organization.state(&ann), "deleted");
        assert!(!organization.echoed(&ann).contains_key("cardNumberHex"));
    });
}

#[test]
fn c_15_a_user_who_is_provisioned_again_has_the_card_that_is_sent() {
    let organization = Organization::new();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    organization.delete(&ann);
    assert_eq!(organization.post("ann", &EXAMPLE).unwrap(), ann);
    assert_eq!(organization.card_id(&ann), format!("{ann}.1"));
    organization.delete(&ann);
    assert_eq!(organization.post("ann", &[]).unwrap(), ann);
    assert_eq!(organization.state(&ann), "deleted");
}

#[test]
fn c_17_taking_away_an_attribute_that_the_card_needs_deletes_it() {
    on_each_store(|organization| {
        for taken in ["cardFormat", "cardNumber", "facilityCode", STATUS] {
            for status in ["active", "deactivated"] {
                let mut sent = EXAMPLE.to_vec();
                // Otherwise the hex would stand in for the number.
                sent.retain(|(name, _)| *name != "cardNumberHex");
                let ann = organization.post("ann", &sent).unwrap();
                organization.send(&ann, &[(STATUS, status)]).unwrap();
                organization.remove(&ann, &[taken]).unwrap();
                assert_eq!(organization.state(&ann), "deleted", "{taken} of {status}");
                organization.set_active(&ann, false);
                organization.purge(&ann);

                // An empty text is none (C-12).
                let ann = organization.post("ann", &sent).unwrap();
                organization.send(&ann, &[(taken, "")]).unwrap();
                assert_eq!(organization.state(&ann), "deleted", "{taken} of {status}");
                organization.set_active(&ann, false);
                organization.purge(&ann);
            }
        }
    });
}

#[test]
fn c_17_taking_away_the_whole_extension_deletes_the_card() {
    on_each_store(|organization| {
        let bare = json!({"userName": "ann@example.com", "emails": [{"value": "ann@example.com"}]});
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        organization
            .patch(&ann, &json!([{"op": "remove", "path": URN}]))
            .unwrap();
        assert_eq!(organization.state(&ann), "deleted");
        assert_eq!(organization.echoed(&ann), BTreeMap::default());
        // It stays so, and nothing is told of it twice.
        organization.set_active(&ann, false);
        organization.set_active(&ann, true);
        assert_eq!(organization.state(&ann), "deleted");
        organization.send(&ann, &EXAMPLE).unwrap();
        organization.put(&ann, &bare).unwrap();
        assert_eq!(organization.state(&ann), "deleted");
        let told = ["Created", "Deleted"].map(|what| format!("credential{what} {ann}"));
        let told: Vec<_> = [1, 2]
            .into_iter()
            .flat_map(|card| told.each_ref().map(|told| format!("{told}.{card}")))
            .collect();
        assert_eq!(organization.told(), told);

        // What was no card yet leaves nothing behind.
        let bob = organization.post("bob", &[("cardFormat", WIEGAND)]).unwrap();
        organization
            .patch(&bob, &json!([{"op": "remove", "path": URN}]))
            .unwrap();
        assert_eq!(organization.state(&bob), "empty");
    });
}

#[test]
fn c_17_taking_away_the_hex_that_has_no_part_in_a_card_changes_nothing() {
    let organization = Organization::new();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    organization.remove(&ann, &["cardNumberHex"]).unwrap();
    assert_eq!(organization.card_id(&ann), format!("{ann}.1"));
    assert_eq!(organization.told().len(), 1);
}

#[test]
fn a_deleted_card_needs_no_correct_texts_and_an_active_one_does() {
    let organization = Organization::new();
    let ann = organization.post("ann", &EXAMPLE).unwrap();
    let wrong = [
        (STATUS, "deleted"),
        ("facilityCode", "256"),
        ("cardFormat", "nonsense"),
    ];
    organization.send(&ann, &wrong).unwrap();
    assert_eq!(organization.state(&ann), "deleted");
    invalid_value(organization.send(&ann, &[(STATUS, "active")]));
    assert_eq!(organization.state(&ann), "deleted");
}

#[test]
fn a_request_that_changes_nothing_changes_no_version_and_tells_nothing() {
    on_each_store(|organization| {
        let ann = organization.post("ann", &EXAMPLE).unwrap();
        for status in ["active", "deactivated", "active", "deleted"] {
            organization.send(&ann, &[(STATUS, status)]).unwrap();
            let (version, events) = (organization.version(&ann), organization.event_count());
            // Invariants 11 and 12.
            organization.send(&ann, &[(STATUS, status)]).unwrap();
            let found = organization.get(&ann);
            organization.put(&ann, &found).unwrap();
            assert_eq!(organization.version(&ann), version, "{status}");
            assert_eq!(organization.event_count(), events, "{status}");
        }
    });
}

#[test]
fn somebody_else_s_change_at_the_same_time_does_not_give_a_card_to_two() {
    on_each_store(|organization| {
        let users: Vec<_> = (0..4)
            .map(|number| organization.user(&format!("user{number}")))
            .collect();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = users
                .iter()
                .map(|id| scope.spawn(|| organization.send(id, &EXAMPLE).is_ok()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|taken| **taken).count(), 1);
        assert_eq!(organization.told().len(), 1);
    });
}
