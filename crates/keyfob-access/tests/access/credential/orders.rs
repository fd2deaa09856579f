//! The order in which attributes arrive is of no account (C-7, invariant 10).

use keyfob_access::{Credential, CredentialCard};
use keyfob_card::Warning;

use super::fixture::{EXAMPLE, Organization, on_each_store};

/// All orders of five things.
fn orders() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut orders = vec![Vec::new()];
    for attribute in EXAMPLE {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<_>| {
                (0..=order.len()).map(|place| {
                    let mut order = order.clone();
                    order.insert(place, attribute);
                    order
                })
            })
            .collect();
    }
    orders
}

fn assert_golden(credential: Option<Credential>) -> CredentialCard {
    let Some(Credential::Live { card, warnings, .. }) = credential else {
        panic!("{credential:?} is no card");
    };
    assert_eq!(
        (card.facility, card.number, card.word.as_deref()),
        (Some(111), 7777, Some("2DE3CC3"))
    );
    assert_eq!(card.format, "Standard 26-bit Wiegand");
    assert_eq!(warnings, [Warning::HexIgnored]);
    card
}

#[test]
fn c_13_the_example_of_the_documentation_is_a_card_though_its_hex_is_another_number() {
    on_each_store(|organization| {
        let id = organization.user("ann");
        organization.send(&id, &EXAMPLE).unwrap();
        let credential = organization.credential(&id);
        assert_eq!(credential.as_ref().map(Credential::state), Some("active"));
        assert_golden(credential);
        let echoed = organization.echoed(&id);
        let expected = EXAMPLE.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(echoed, expected.into_iter().collect());
        assert!(organization.is_effective(&id));
    });
}

#[test]
fn c_7_all_120_orders_of_the_five_operations_make_the_same_card() {
    let organization = Organization::new();
    let orders = orders();
    assert_eq!(orders.len(), 120);
    for order in orders {
        let id = organization.user("ann");
        organization.send(&id, &order).unwrap();
        let card = assert_golden(organization.credential(&id));
        assert_eq!(card.id, format!("{id}.1"));
        organization.set_active(&id, false);
        organization.purge(&id);
    }
    // One card for each user, however many operations there were.
    assert_eq!(organization.told().len(), 120);
}

#[test]
fn c_7_all_120_orders_in_requests_of_their_own_make_the_same_card_with_the_last_one() {
    let organization = Organization::new();
    for order in orders() {
        let id = organization.user("ann");
        for (place, attribute) in order.iter().enumerate() {
            organization.send(&id, &[*attribute]).unwrap();
            let sent = |name| order[..=place].iter().any(|(sent, _)| *sent == name);
            let complete = ["cardFormat", "facilityCode", "credentialStatus"]
                .into_iter()
                .all(sent);
            let number = sent("cardNumber") || sent("cardNumberHex");
            let expected = if complete && number { "active" } else { "staged" };
            assert_eq!(organization.state(&id), expected, "{order:?} up to {place}");
        }
        assert_golden(organization.credential(&id));
        organization.set_active(&id, false);
        organization.purge(&id);
    }
}

#[test]
fn c_7_an_operation_after_another_of_the_same_request_is_all_that_counts() {
    let organization = Organization::new();
    let id = organization.user("ann");
    // In between the facility code would be out of range and the format unknown.
    let operations = [
        ("cardFormat", "nonsense"),
        ("facilityCode", "256"),
        ("credentialStatus", "active"),
        ("cardNumber", "7777"),
        ("facilityCode", "111"),
        ("cardFormat", "Standard 26-bit Wiegand"),
    ];
    organization.send(&id, &operations).unwrap();
    assert_eq!(organization.word(&id), "2DE3CC3");
    assert_eq!(organization.told(), [format!("credentialCreated {id}.1")]);
}

#[test]
fn c_4_without_the_status_the_example_is_no_card() {
    let organization = Organization::new();
    for order in orders() {
        let id = organization.user("ann");
        let four: Vec<_> = order
            .into_iter()
            .filter(|(name, _)| *name != "credentialStatus")
            .collect();
        organization.send(&id, &four).unwrap();
        assert_eq!(organization.missing(&id), ["credentialStatus"]);
        organization.set_active(&id, false);
        organization.purge(&id);
    }
    assert_eq!(organization.told(), [""; 0]);
}
