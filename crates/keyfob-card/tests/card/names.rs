//! Formats by name: aliases, spellings, and what was perhaps meant.

use std::collections::HashMap;

use keyfob_card::{CardError, Certainty, Formats};

/// The names that Verkada's documentation lists, with the aliases of its programming interface.
const VERKADA: &[(&str, &[&str])] = &[
    ("Standard 26-bit Wiegand", &["HID"]),
    ("HID 34-bit", &["HID34"]),
    ("HID 37-bit", &["HID37wFacilityCode"]),
    ("HID 37-bit No Facility Code", &["HID37woFacilityCode"]),
    ("HID Corporate 1000-35", &["Corporate1000_35"]),
    ("HID Corporate 1000-48", &["Corporate1000_48"]),
    ("HID 33-bit DSX", &["HID33DSX"]),
    ("HID 36-bit Keyscan", &["HID36Keyscan"]),
    ("HID 36-bit Simplex", &["HID36Simplex"]),
    ("PointGuard MDI 37-bit", &["PointGuardMDI37"]),
    ("Kastle 32-bit", &["Kastle32"]),
    ("Guardall G-Prox II 36-bit", &["GProxII36"]),
    ("AWID 34-bit", &["AWID34"]),
    ("RBH 50-bit", &["RBH50"]),
    ("Verkada DESFire", &["VerkadaDESFire"]),
    (
        "MiFare 4-Byte (32 bit) CSN",
        &["MiFareClassic1K_CSN", "MiFareClassic4K_CSN"],
    ),
    ("DESFire CSN", &["DESFire"]),
    ("IDm 64-bit", &["IDm64bit"]),
    ("HID iClass", &["iClass"]),
    ("Casi Rusco 40-Bit", &["CasiRusco"]),
    ("HID 33-bit RS2", &["HID33RS2"]),
    ("HID Infinity 37-bit", &["HIDInfinity37"]),
    ("DESFire 40X", &[]),
    ("Third Party DESFire 40X", &[]),
    ("MDC Custom 64-bit", &[]),
    ("Blackboard 64-bit", &[]),
    ("Cansec 37-bit", &[]),
    ("Securitas 37-bit", &[]),
    ("Andover Controls 37-bit", &[]),
    ("Schlage 37-bit", &["Schlage37x"]),
    ("Schlage 34-bit", &[]),
    ("Continental 36-bit", &[]),
    ("iClass 35-bit", &[]),
    ("AMAG 32-bit", &[]),
    ("HID Ceridian 26-bit", &[]),
    ("Kantech XSF", &["KantechXSF"]),
    ("Apple Wallet Pass", &[]),
    ("Credit Card BIN Number", &["CreditCardBin"]),
    ("License Plate", &[]),
];

#[test]
fn every_name_and_alias_of_verkada_is_known() {
    let formats = Formats::built_in();
    for (name, aliases) in VERKADA {
        let format = formats.get(name).unwrap();
        assert_eq!(format.name(), *name);
        for alias in *aliases {
            assert_eq!(formats.get(alias).unwrap(), format, "{alias}");
            assert!(format.aliases().any(|known| known == *alias));
        }
    }
}

#[test]
fn a_format_whose_layout_is_unknown_has_the_width_that_its_name_says() {
    for (name, bits) in [
        ("Cansec 37-bit", Some(37)),
        ("Schlage 34-bit", Some(34)),
        ("Blackboard 64-bit", Some(64)),
        ("HID Ceridian 26-bit", Some(26)),
        ("HID 33-bit RS2", Some(33)),
        ("Kantech XSF", None),
        ("License Plate", None),
    ] {
        let format = Formats::built_in().get(name).unwrap();
        assert_eq!((format.bits(), format.layout()), (bits, None), "{name}");
        assert!(!format.is_certain() && format.certainty() >= Certainty::Sized);
        assert!(matches!(
            format.card(None, 1),
            Err(CardError::UnknownLayout { .. })
        ));
    }
}

#[test]
fn no_two_formats_share_a_name_or_an_alias() {
    let mut owners = HashMap::new();
    for format in Formats::built_in().as_slice() {
        for name in format.aliases().chain([format.name()]) {
            let found = Formats::built_in().get(name).unwrap();
            assert_eq!(found.name(), format.name(), "{name}");
            assert_eq!(owners.insert(name, format.name()), None, "{name}");
        }
    }
}

#[test]
fn c_18_case_and_runs_of_blanks_hyphens_and_underscores_make_no_difference() {
    for name in [
        "Standard 26-bit Wiegand",
        "STANDARD 26-BIT WIEGAND",
        "standard_26_bit_wiegand",
        "Standard  26 --bit\u{20}Wiegand ",
        "standard26bitwiegand",
        "h-10301",
    ] {
        assert_eq!(
            Formats::built_in().get(name).unwrap().name(),
            "Standard 26-bit Wiegand"
        );
    }
}

#[test]
fn c_2_an_unknown_name_brings_up_to_three_near_ones() {
    for (name, expected) in [
        ("Standard 26bit Weigand", &["Standard 26-bit Wiegand"][..]),
        ("HID 33-bit", &["HID 33-bit DSX", "HID 33-bit RS2"]),
        (
            "Corporate 1000-36",
            &["HID Corporate 1000-35", "HID Corporate 1000-48"],
        ),
        ("zzz", &[]),
        ("", &[]),
    ] {
        let error = Formats::built_in().get(name).unwrap_err();
        let CardError::UnknownFormat { near, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(near.len() <= 3);
        assert!(near.len() >= expected.len(), "{name}: {near:?}");
        for expected in expected {
            assert!(near.contains(&(*expected).into()), "{name}: {near:?}");
        }
        assert_eq!(near.is_empty(), expected.is_empty(), "{name}: {near:?}");
        assert_eq!(error.to_string(), format!("there is no card format `{name}`"));
    }
    let long = "Standard 26-bit Wiegand".repeat(100_000);
    let error = Formats::built_in().get(&long).unwrap_err();
    assert!(matches!(error, CardError::UnknownFormat { near, .. } if near.is_empty()));
}
