//! What of the five texts is taken, and how it is kept.

use keyfob_access::{Credential, CredentialErrors, Credentials};
use keyfob_provisioning::Profile;
use serde_json::json;

use super::fixture::{EXAMPLE, Organization, URN, WIEGAND, invalid_value};

#[test]
fn c_1_a_json_number_is_taken_as_its_text_where_the_profile_is_lenient() {
    let organization = Organization::new();
    let number =
        json!({"cardFormat": WIEGAND, "cardNumber": 7777, "facilityCode": 111, "credentialStatus": "active"});
    let created = organization.post_body(
        &json!({"userName": "ann@example.com", "emails": [{"value": "ann@example.com"}], URN: number}),
    );
    let ann = created.unwrap().id;
    assert_eq!(organization.echoed(&ann)["cardNumber"], "7777");
    assert_eq!(organization.word(&ann), "2DE3CC3");

    let path = format!("{URN}:cardNumber");
    let operations = json!([{"op": "replace", "path": path, "value": 7778}]);
    organization.patch(&ann, &operations).unwrap();
    assert_eq!(organization.echoed(&ann)["cardNumber"], "7778");

    let operations = json!([{"op": "replace", "value": {URN: {"cardNumber": 7777}}}]);
    organization.patch(&ann, &operations).unwrap();
    assert_eq!(organization.echoed(&ann)["cardNumber"], "7777");

    // The text of a JSON number is not always one of a card.
    let operations = json!([{"op": "replace", "path": format!("{URN}:cardNumber"), "value": 7777.5}]);
    invalid_value(organization.patch(&ann, &operations));
    let operations = json!([{"op": "replace", "path": format!("{URN}:cardNumber"), "value": -1}]);
    invalid_value(organization.patch(&ann, &operations));
    assert_eq!(organization.word(&ann), "2DE3CC3");
}

#[test]
fn c_1_a_json_number_is_refused_where_the_profile_is_strict() {
    let organization = Organization::with(Profile::rfc(), Credentials::default());
    let ann = organization.user("ann");
    let operations = json!([{"op": "replace", "path": format!("{URN}:cardNumber"), "value": 7777}]);
    let detail = invalid_value(organization.patch(&ann, &operations));
    assert!(detail.contains("cardNumber"), "{detail}");
    assert_eq!(organization.state(&ann), "empty");
}

#[test]
fn c_3_the_status_is_one_of_three_in_any_case_and_kept_as_sent() {
    let organization = Organization::new();
    for (sent, state) in [
        ("Active", "active"),
        ("DEACTIVATED", "deactivated"),
        (" active ", "active"),
        ("Deleted", "deleted"),
    ] {
        let ann = organization.user("ann");
        organization.send(&ann, &EXAMPLE).unwrap();
        organization.send(&ann, &[("credentialStatus", sent)]).unwrap();
        assert_eq!(organization.state(&ann), state, "{sent}");
        assert_eq!(organization.echoed(&ann)["credentialStatus"], sent);
        organization.set_active(&ann, false);
        organization.purge(&ann);
    }
}

#[test]
fn c_3_another_status_is_refused_with_the_one_that_may_be_meant() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    organization.send(&ann, &EXAMPLE).unwrap();
    for (sent, expected) in [
        (
            "actve",
            "a credential is `active`, `deactivated` or `deleted`, not `actve`; did you mean `active`?",
        ),
        (
            "lost",
            "a credential is `active`, `deactivated` or `deleted`, not `lost`",
        ),
        (
            "ａｃｔｉｖｅ",
            "a credential is `active`, `deactivated` or `deleted`, not `ａｃｔｉｖｅ`",
        ),
    ] {
        let outcome = organization.send(&ann, &[("credentialStatus", sent)]);
        assert_eq!(invalid_value(outcome), expected);
        assert_eq!(organization.state(&ann), "active");
    }
}

#[test]
fn c_8_what_is_incomplete_is_taken_and_says_what_is_missing() {
    let organization = Organization::new();
    for (sent, missing) in [
        (
            &[("cardFormat", WIEGAND)][..],
            &["facilityCode", "cardNumber", "credentialStatus"][..],
        ),
        (&[("cardNumber", "7777")], &["cardFormat", "credentialStatus"]),
        (&[("credentialStatus", "active")], &["cardFormat", "cardNumber"]),
        (
            &[("credentialStatus", "deleted")],
            &["cardFormat", "cardNumber", "credentialStatus"],
        ),
        (
            &[
                ("cardFormat", WIEGAND),
                ("cardNumber", "7777"),
                ("credentialStatus", "active"),
            ],
            &["facilityCode"],
        ),
        (
            &[
                ("cardFormat", WIEGAND),
                ("facilityCode", "256"),
                ("credentialStatus", "active"),
            ],
            &["cardNumber"],
        ),
        (
            &[
                ("cardFormat", "IDm 64-bit"),
                ("cardNumber", "1"),
                ("credentialStatus", "active"),
            ],
            &["cardNumberHex"],
        ),
    ] {
        let ann = organization.post("ann", sent).unwrap();
        assert_eq!(organization.missing(&ann), missing, "{sent:?}");
        let echoed = sent
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(organization.echoed(&ann), echoed.collect());
        // And so it is in requests of their own.
        let bob = organization.user("bob");
        for attribute in sent {
            organization.send(&bob, &[*attribute]).unwrap();
        }
        assert_eq!(organization.missing(&bob), missing, "{sent:?}");
        for id in [&ann, &bob] {
            assert!(!organization.is_effective(id));
            organization.set_active(id, false);
            organization.purge(id);
        }
    }
    assert_eq!(organization.told(), [""; 0]);
}

#[test]
fn c_9_what_is_complete_and_out_of_range_is_refused_and_the_whole_request_with_it() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    organization.send(&ann, &EXAMPLE).unwrap();
    let (before, card, events) = (
        organization.get(&ann),
        organization.credential(&ann),
        organization.event_count(),
    );
    for (name, value, expected) in [
        (
            "facilityCode",
            "256",
            "the facility code 256 is larger than 255, the largest of the card format `Standard 26-bit Wiegand`",
        ),
        (
            "cardNumber",
            "65536",
            "the card number 65536 is larger than 65535, the largest of the card format `Standard 26-bit Wiegand`",
        ),
    ] {
        let operations = json!([
            {"op": "replace", "path": "displayName", "value": "Ann"},
            {"op": "replace", "path": format!("{URN}:{name}"), "value": value},
        ]);
        assert_eq!(invalid_value(organization.patch(&ann, &operations)), expected);
        let created = organization.post("bob", &replaced(name, value));
        assert_eq!(invalid_value(created), expected);
    }
    assert_eq!(organization.get(&ann), before);
    assert_eq!(organization.credential(&ann), card);
    assert_eq!(organization.event_count(), events);
}

#[test]
fn c_16_numbers_are_read_as_people_write_them() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    for (name, value) in [
        ("cardNumber", "007777"),
        ("cardNumber", " 7777\t"),
        ("facilityCode", "0111"),
        ("facilityCode", " 111 "),
        ("cardNumberHex", "0x1e61"),
        ("cardNumberHex", "1E:61"),
        ("cardNumberHex", ""),
    ] {
        organization.send(&ann, &EXAMPLE).unwrap();
        organization.send(&ann, &[(name, value)]).unwrap();
        assert_eq!(organization.word(&ann), "2DE3CC3", "{name} {value:?}");
        assert_eq!(organization.card_id(&ann), format!("{ann}.1"), "{name} {value:?}");
        // U-13: as it was sent.
        assert_eq!(organization.echoed(&ann)[name], value);
    }
}

#[test]
fn c_16_what_is_no_number_is_refused() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    organization.send(&ann, &EXAMPLE).unwrap();
    for number in [
        "+7777",
        "-7777",
        "7777.0",
        "7e3",
        "７７７７",
        "77 77",
        "0x1E61",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
        "\u{0}",
    ] {
        let outcome = organization.send(&ann, &[("cardNumber", number)]);
        let detail = invalid_value(outcome);
        assert!(detail.starts_with("the card number"), "{number:?}: {detail}");
    }
    let outcome = organization.send(&ann, &[("cardNumberHex", "7G")]);
    assert_eq!(
        invalid_value(outcome),
        "the card number in hex `7G` is not a hex number: `G` is not one of its digits"
    );
    assert_eq!(organization.word(&ann), "2DE3CC3");
}

#[test]
fn u_13_the_texts_of_a_credential_come_back_as_they_were_sent() {
    let organization = Organization::new();
    let sent = [
        ("cardFormat", " STANDARD_26-bit   wiegand"),
        ("cardNumber", "0007777 "),
        ("cardNumberHex", "00:07"),
        ("credentialStatus", "ACTIVE"),
        ("facilityCode", "00111"),
    ];
    let ann = organization.post("ann", &sent).unwrap();
    assert_eq!(organization.word(&ann), "2DE3CC3");
    let expected = sent.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(organization.echoed(&ann), expected.into_iter().collect());
}

#[test]
fn o_20_a_user_with_a_wrong_credential_is_refused_or_created_without_a_card() {
    let wrong = replaced("facilityCode", "256");
    let strict = Organization::new();
    let events = strict.event_count();
    invalid_value(strict.post("ann", &wrong));
    assert_eq!(strict.event_count(), events);

    let rule = Credentials::default().with_errors(CredentialErrors::QuarantineCredential);
    let lenient = Organization::with(Profile::verkada(), rule);
    let ann = lenient.post("ann", &wrong).unwrap();
    let Some(Credential::Staged { problem, .. }) = lenient.credential(&ann) else {
        panic!("it is parked");
    };
    assert_eq!(
        problem.as_deref(),
        Some(
            "the facility code 256 is larger than 255, the largest of the card format `Standard 26-bit Wiegand`"
        )
    );
    assert_eq!(lenient.echoed(&ann)["facilityCode"], "256");
    // Nobody is kept from changing something else, and what is wrong is refused where it is changed.
    lenient.set_active(&ann, false);
    lenient.set_active(&ann, true);
    invalid_value(lenient.send(&ann, &[("facilityCode", "257")]));
    lenient.send(&ann, &[("facilityCode", "111")]).unwrap();
    assert_eq!(lenient.word(&ann), "2DE3CC3");
    // Whoever comes back is created anew.
    lenient.delete(&ann);
    assert_eq!(lenient.post("ann", &wrong).unwrap(), ann);
    assert_eq!(lenient.state(&ann), "staged");
    assert_eq!(
        lenient.told(),
        [
            format!("credentialCreated {ann}.1"),
            format!("credentialDeleted {ann}.1")
        ]
    );
}

/// The example with one attribute that is another.
fn replaced<'v>(name: &str, value: &'v str) -> [(&'static str, &'v str); 5] {
    EXAMPLE.map(|(other, was)| (other, if other == name { value } else { was }))
}
