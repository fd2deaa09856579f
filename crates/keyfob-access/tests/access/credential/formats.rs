//! The formats of cards, and what each of them takes.

use keyfob_access::Credentials;
use keyfob_card::{Field, Formats, Layout, Strictness};
use keyfob_provisioning::Profile;

use super::fixture::{EXAMPLE, Organization, WIEGAND, invalid_value};

#[test]
fn c_2_every_format_takes_the_numbers_that_it_has_room_for_and_no_larger_ones() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    for format in Formats::built_in().as_slice() {
        let Some(layout) = format.layout().filter(|_| format.is_certain()) else {
            continue;
        };
        let facility = layout.facility();
        let number = layout.number().max();
        let texts = |number: u128, facility: Option<u64>| {
            [
                ("cardFormat", format.name().to_owned()),
                ("credentialStatus", "active".to_owned()),
                if format.has_serial_number() {
                    let digits = usize::from(format.hex_digits().unwrap());
                    ("cardNumberHex", format!("{number:0digits$X}"))
                } else {
                    ("cardNumber", number.to_string())
                },
                (
                    "facilityCode",
                    facility.map_or(String::new(), |facility| facility.to_string()),
                ),
            ]
        };
        let send = |texts: [(&str, String); 4]| {
            let attributes = texts.each_ref().map(|(name, value)| (*name, value.as_str()));
            organization
                .remove(&ann, &["cardNumber", "cardNumberHex"])
                .unwrap();
            organization.send(&ann, &attributes)
        };
        let largest = facility.map(Field::max);
        send(texts(number.into(), largest)).unwrap();
        let word = layout_word(layout, largest, number, format.name());
        assert_eq!(organization.word(&ann), word, "{}", format.name());
        // One more, with the facility code or the number.
        if let Some(facility) = largest {
            let detail = invalid_value(send(texts(number.into(), Some(facility + 1))));
            assert!(detail.contains("facility code"), "{}: {detail}", format.name());
            send(texts(number.into(), None)).unwrap();
            assert_eq!(organization.missing(&ann), ["facilityCode"], "{}", format.name());
        }
        let detail = invalid_value(send(texts(u128::from(number) + 1, largest)));
        assert!(detail.contains("card number"), "{}: {detail}", format.name());
    }
}

fn layout_word(layout: &Layout, facility: Option<u64>, number: u64, name: &str) -> String {
    assert_eq!(facility.is_some(), layout.facility().is_some());
    let format = Formats::built_in().get(name).unwrap();
    format.card(facility, number).unwrap().word().unwrap().hex()
}

#[test]
fn c_2_an_unknown_format_is_refused_with_those_that_may_be_meant() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    for (name, expected) in [
        (
            "Standard 26-bit Weigand",
            "there is no card format `Standard 26-bit Weigand`; did you mean `Standard 26-bit Wiegand`?",
        ),
        ("Hollerith", "there is no card format `Hollerith`"),
    ] {
        // Alone as well as with the rest: no number would make it one.
        assert_eq!(
            invalid_value(organization.send(&ann, &[("cardFormat", name)])),
            expected
        );
        let mut sent = EXAMPLE;
        sent[0].1 = name;
        assert_eq!(invalid_value(organization.post("bob", &sent)), expected);
    }
    let detail = invalid_value(organization.send(&ann, &[("cardFormat", "HID 37")]));
    assert!(
        detail.ends_with("did you mean `HID 37-bit` or `HID 37-bit No Facility Code` or `HID 34-bit`?"),
        "{detail}"
    );
    assert_eq!(organization.state(&ann), "empty");
}

#[test]
fn c_12_a_card_is_given_by_its_numbers_or_in_hex_as_its_format_wants_it() {
    let organization = Organization::new();
    for (format, facility, number, hex, word) in [
        (WIEGAND, "111", "7777", "", Some("2DE3CC3")),
        // In hex where the decimal number is absent, an empty one included (O-8).
        (WIEGAND, "111", "", "1E61", Some("2DE3CC3")),
        (WIEGAND, "111", "", "", None),
        (WIEGAND, "", "7777", "", None),
        (
            "HID 37-bit No Facility Code",
            "",
            "123456789",
            "",
            Some("100EB79A2B"),
        ),
        (
            "HID 37-bit No Facility Code",
            "",
            "",
            "75BCD15",
            Some("100EB79A2B"),
        ),
        // Nothing is guessed about the bytes of a serial number (O-9).
        ("DESFire CSN", "", "", "04A1B2C3D4E5F6", Some("04A1B2C3D4E5F6")),
        ("DESFire CSN", "", "1304233245877750", "", None),
    ] {
        let sent = [
            ("cardFormat", format),
            ("facilityCode", facility),
            ("cardNumber", number),
            ("cardNumberHex", hex),
            ("credentialStatus", "active"),
        ];
        let ann = organization.post("ann", &sent).unwrap();
        if let Some(word) = word {
            assert_eq!(organization.word(&ann), word, "{sent:?}");
        } else {
            assert_eq!(organization.state(&ann), "staged", "{sent:?}");
        }
        organization.set_active(&ann, false);
        organization.purge(&ann);
    }
}

#[test]
fn c_18_a_format_goes_by_its_name_and_its_aliases_in_any_spelling() {
    let organization = Organization::new();
    let ann = organization.user("ann");
    organization.send(&ann, &EXAMPLE).unwrap();
    for spelling in [
        "HID",
        "hid",
        "standard 26 BIT wiegand",
        "Standard_26-bit__Wiegand",
        " HID ",
    ] {
        organization.send(&ann, &[("cardFormat", spelling)]).unwrap();
        // It is the same card as before, whatever its format is called.
        assert_eq!(organization.card_id(&ann), format!("{ann}.1"), "{spelling}");
        assert_eq!(organization.echoed(&ann)["cardFormat"], spelling);
    }
    assert_eq!(organization.told(), [format!("credentialCreated {ann}.1")]);
}

#[test]
fn o_7_formats_of_which_little_is_known_are_taken_as_the_strictness_says() {
    let sent = [
        ("cardFormat", "Schlage 34-bit"),
        ("facilityCode", "5"),
        ("cardNumber", "77"),
        ("credentialStatus", "active"),
    ];
    for (strictness, taken) in [
        (Strictness::CertainOnly, false),
        (Strictness::Structural, true),
        (Strictness::NameOnly, true),
    ] {
        let formats = Formats::built_in().clone().with_strictness(strictness);
        let organization = Organization::with(Profile::verkada(), Credentials::new(formats));
        let outcome = organization.post("ann", &sent);
        assert_eq!(outcome.is_ok(), taken, "{strictness:?}");
        if let Ok(ann) = outcome {
            let credential = organization.credential(&ann).unwrap();
            let card = credential.card().unwrap();
            assert_eq!(
                (card.number, card.facility, card.word.clone()),
                (77, Some(5), None)
            );
            // It is nobody else's, though nobody knows its word.
            let outcome = organization.post("bob", &sent);
            assert_eq!(super::fixture::refusal(outcome).0, 409);
        }
    }
}

#[test]
fn o_7_the_table_of_the_owner_takes_the_place_of_the_built_in_one() {
    let table = br#"[{"name": "Acme 28-bit", "bits": 28, "facility": "2-9", "number": "10-26",
        "others": [{"at": "1", "meaning": "fixed", "value": 1}],
        "parities": [{"bit": 0, "even": "1-13"}, {"bit": 27, "odd": "14-26"}]}]"#;
    let sent = [
        ("cardFormat", "acme28bit"),
        ("facilityCode", "255"),
        ("cardNumber", "7"),
        ("credentialStatus", "active"),
    ];
    invalid_value(Organization::new().post("ann", &sent));
    let formats = Formats::built_in().clone().with_json(table).unwrap();
    let organization = Organization::with(Profile::verkada(), Credentials::new(formats));
    let ann = organization.post("ann", &sent).unwrap();
    assert_eq!(organization.word(&ann), "FFC000E");
}

#[test]
fn another_table_does_not_stand_in_the_way_of_what_a_request_leaves_as_it_is() {
    let table = br#"[{"name": "Acme", "bits": 8, "number": "0-7"}]"#;
    let formats = Formats::built_in().clone().with_json(table).unwrap();
    let organization = Organization::with(Profile::verkada(), Credentials::new(formats));
    let sent = [
        ("cardFormat", "Acme"),
        ("cardNumber", "7"),
        ("credentialStatus", "active"),
    ];
    let ann = organization.post("ann", &sent).unwrap();
    // From now on nobody knows the format.
    let organization = organization.with_rule(Credentials::default());
    organization.set_active(&ann, false);
    organization.set_active(&ann, true);
    assert!(organization.is_effective(&ann));
    invalid_value(organization.send(&ann, &[("cardNumber", "8")]));
    // A mistake keeps no card alive.
    organization
        .send(&ann, &[("credentialStatus", "deleted")])
        .unwrap();
    assert_eq!(organization.state(&ann), "deleted");
}
