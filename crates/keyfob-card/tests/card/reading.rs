//! Cards out of the texts that a provider sends (requirements C-2, C-8, C-9, C-12, C-13, C-16, O-7 to O-9).

use keyfob_card::{ByteOrder, Card, CardError, Formats, Part, Reading, Strictness, Submitted, Warning};

/// Format, number, number in hex, facility code.
type Texts<'t> = [&'t str; 4];

fn read<'f>(
    formats: &'f Formats,
    [format, number, number_hex, facility]: Texts<'_>,
) -> Result<Reading<'f>, CardError> {
    formats.read(&Submitted {
        format,
        number,
        number_hex,
        facility,
    })
}

#[track_caller]
fn card(texts: Texts<'_>) -> (Card<'static>, Vec<Warning>) {
    match read(Formats::built_in(), texts) {
        Ok(Reading::Card { card, warnings }) => (card, warnings),
        other => panic!("{texts:?}: {other:?}"),
    }
}

#[track_caller]
fn refusal(texts: Texts<'_>) -> String {
    match read(Formats::built_in(), texts) {
        Err(error) => error.to_string(),
        other => panic!("{texts:?}: {other:?}"),
    }
}

#[track_caller]
fn missing(texts: Texts<'_>) -> Vec<Part> {
    match read(Formats::built_in(), texts) {
        Ok(Reading::Incomplete { missing }) => missing,
        other => panic!("{texts:?}: {other:?}"),
    }
}

fn hex(card: Card<'_>) -> String {
    card.word().unwrap().hex()
}

#[test]
fn c_13_the_documented_example_is_a_card_and_its_hex_is_ignored() {
    let (card, warnings) = card(["Standard 26-bit Wiegand", "7777", "7", "111"]);
    assert_eq!((card.facility(), card.number()), (Some(111), 7777));
    assert_eq!(card.word().unwrap().to_string(), "10110111100011110011000011");
    assert_eq!(hex(card), "2DE3CC3");
    assert_eq!(warnings, [Warning::HexIgnored]);
    assert_eq!(card.key(), "standard26bitwiegand:111:7777");
}

#[test]
fn c_12_facility_and_number_or_number_alone_or_hex_alone_make_a_card() {
    for (texts, word) in [
        (["HID", "7777", "", "111"], "2DE3CC3"),
        (["HID37woFacilityCode", "123456789", "", ""], "100EB79A2B"),
        (["DESFire CSN", "", "04A2B3C4D5E680", ""], "04A2B3C4D5E680"),
        (["IDm 64-bit", "", "0123456789abcdef", ""], "0123456789ABCDEF"),
        (["MiFareClassic1K_CSN", "", "c0:a8:a2:04", ""], "C0A8A204"),
    ] {
        let (card, warnings) = card(texts);
        assert_eq!(
            (hex(card).as_str(), warnings.as_slice()),
            (word, &[][..]),
            "{texts:?}"
        );
    }
}

#[test]
fn o_8_hex_stands_in_for_a_number_that_is_absent_and_is_silent_when_it_says_the_same() {
    for (texts, warnings) in [
        (["HID", "", "1E61", "111"], &[][..]),
        (["HID", "", "0x0001e61", "111"], &[]),
        (["HID", "7777", "1E61", "111"], &[]),
        (["HID", "7777", "00001E61", "111"], &[]),
        (["HID", "7777", "2DE3CC3", "111"], &[]),
        (["HID", "7777", "2DE3CC2", "111"], &[Warning::HexIgnored]),
        (
            ["HID", "7777", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "111"],
            &[Warning::HexIgnored],
        ),
    ] {
        let (card, found) = card(texts);
        assert_eq!((card.number(), found.as_slice()), (7777, warnings), "{texts:?}");
    }
}

#[test]
fn c_8_what_is_incomplete_is_told_and_is_no_error() {
    for (texts, parts) in [
        (["", "", "", ""], &[Part::Format, Part::Number][..]),
        (["", "7777", "", "111"], &[Part::Format]),
        (["", "", "7", ""], &[Part::Format]),
        (["", "not a number", "", ""], &[Part::Format]),
        (["HID", "", "", ""], &[Part::Facility, Part::Number]),
        (["HID", "7777", "", ""], &[Part::Facility]),
        (["HID", "7777", "7", " "], &[Part::Facility]),
        (["HID", "", "", "111"], &[Part::Number]),
        (["HID", "", "", "256"], &[Part::Number]),
        (["HID", "99999999", "", ""], &[Part::Facility]),
        (["H10302", "", "", "1"], &[Part::Number]),
        (["DESFire CSN", "", "", ""], &[Part::NumberHex]),
        (["Cansec 37-bit", "", "", "3"], &[Part::Number]),
        (["License Plate", " ", "\t", ""], &[Part::Number]),
    ] {
        assert_eq!(missing(texts), parts, "{texts:?}");
    }
}

#[test]
fn c_9_what_is_complete_and_out_of_range_is_refused() {
    for (texts, message) in [
        (
            ["HID", "7777", "", "256"],
            "the facility code 256 is larger than 255, the largest of the card format `Standard 26-bit Wiegand`",
        ),
        (
            ["HID", "65536", "", "255"],
            "the card number 65536 is larger than 65535, the largest of the card format `Standard 26-bit Wiegand`",
        ),
        (
            ["HID", "", "10000", "255"],
            "the card number 65536 is larger than 65535, the largest of the card format `Standard 26-bit Wiegand`",
        ),
        (
            ["H10302", "34359738368", "", ""],
            "the card number 34359738368 is larger than 34359738367, the largest of the card format `HID 37-bit No Facility Code`",
        ),
        (
            ["HID", "", "00001E61", "111"],
            "the card number in hex has 8 digits, and the card format `Standard 26-bit Wiegand` has 7",
        ),
        (
            ["DESFire CSN", "", "4A2B3C4D5E680", ""],
            "the card number in hex has 13 digits, and the card format `DESFire CSN` has 14",
        ),
        (
            ["DESFire CSN", "", "0004A2B3C4D5E680", ""],
            "the card number in hex has 16 digits, and the card format `DESFire CSN` has 14",
        ),
    ] {
        assert_eq!(refusal(texts), message, "{texts:?}");
    }
}

#[test]
fn c_16_what_is_no_number_is_refused_even_where_it_would_be_ignored() {
    for (texts, message) in [
        (
            ["HID", "-7", "", "111"],
            "the card number `-7` is not a decimal number: `-` is not one of its digits",
        ),
        (
            ["HID", "7.0", "", "111"],
            "the card number `7.0` is not a decimal number: `.` is not one of its digits",
        ),
        (
            ["HID", "1e3", "", "111"],
            "the card number `1e3` is not a decimal number: `e` is not one of its digits",
        ),
        (
            ["HID", "７", "", "111"],
            "the card number `７` is not a decimal number: `７` is not one of its digits",
        ),
        (
            ["HID", "18446744073709551616", "", "1"],
            "the card number `18446744073709551616` is not a decimal number: it is too large",
        ),
        (
            ["HID", "7", "", "0x1"],
            "the facility code `0x1` is not a decimal number: `x` is not one of its digits",
        ),
        (
            ["HID", "7", "7g", "1"],
            "the card number in hex `7g` is not a hex number: `g` is not one of its digits",
        ),
        (
            ["H10302", "7", "", "one"],
            "the facility code `one` is not a decimal number: `o` is not one of its digits",
        ),
        (
            ["Cansec 37-bit", "", "1FFFFFFFFFFFFFFFF", ""],
            "the card number in hex 36893488147419103231 is larger than 18446744073709551615, the largest of the card format `Cansec 37-bit`",
        ),
    ] {
        assert_eq!(refusal(texts), message, "{texts:?}");
    }
    let (trimmed, _) = card([" HID\t", "\n007777 ", "", " 111 "]);
    assert_eq!(hex(trimmed), "2DE3CC3");
}

#[test]
fn c_2_an_unknown_format_is_refused_whatever_else_is_missing() {
    for texts in [
        ["Standard 26bit Weigand", "1", "", "1"],
        ["Standard 26bit Weigand", "", "", ""],
    ] {
        let error = read(Formats::built_in(), texts).unwrap_err();
        let CardError::UnknownFormat { near, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            near.first().map(ToString::to_string).as_deref(),
            Some("Standard 26-bit Wiegand")
        );
    }
}

#[test]
fn a_facility_code_for_a_format_without_one_is_ignored_with_a_warning() {
    for texts in [
        ["H10302", "5", "", "0"],
        ["DESFire CSN", "", "04A2B3C4D5E680", "18446744073709551615"],
    ] {
        let (card, warnings) = card(texts);
        assert_eq!(
            (card.facility(), warnings.as_slice()),
            (None, &[Warning::FacilityIgnored][..])
        );
    }
}

#[test]
fn o_9_a_serial_number_is_its_hex_and_a_decimal_number_is_no_guess_at_its_bytes() {
    assert_eq!(
        missing(["MiFareClassic1K_CSN", "3232276996", "", ""]),
        [Part::NumberHex]
    );
    for (number, warnings) in [
        ("3232276996", &[][..]),
        ("77768896", &[]),
        ("1", &[Warning::NumberIgnored]),
        ("18446744073709551615", &[Warning::NumberIgnored]),
    ] {
        let (card, found) = card(["MiFareClassic1K_CSN", number, "C0A8A204", ""]);
        assert_eq!(
            (hex(card), found.as_slice()),
            ("C0A8A204".to_owned(), warnings),
            "{number}"
        );
        assert_eq!(card.number(), 0xC0A8_A204);
    }
    let format = Formats::built_in().get("MiFareClassic1K_CSN").unwrap();
    let by_order = |number, order| hex(format.card_of_serial_number(number, order).unwrap());
    assert_eq!(by_order(3_232_276_996, ByteOrder::BigEndian), "C0A8A204");
    assert_eq!(by_order(77_768_896, ByteOrder::LittleEndian), "C0A8A204");
    let desfire = Formats::built_in().get("DESFire CSN").unwrap();
    let reversed = desfire.card_of_serial_number(0x0080_E6D5_C4B3_A204, ByteOrder::LittleEndian);
    assert_eq!(hex(reversed.unwrap()), "04A2B3C4D5E680");
    assert!(matches!(
        desfire.card_of_serial_number(1 << 56, ByteOrder::LittleEndian),
        Err(CardError::Range { .. })
    ));
    let wiegand = Formats::built_in().get("HID").unwrap();
    assert!(matches!(
        wiegand.card_of_serial_number(1, ByteOrder::BigEndian),
        Err(CardError::NoSerialNumber { .. })
    ));
}

#[test]
fn o_7_a_format_without_a_certain_layout_is_held_to_its_width_alone() {
    let (wide, warnings) = card(["Cansec 37-bit", "137438953471", "", ""]);
    assert_eq!((wide.word(), warnings.as_slice()), (None, &[][..]));
    assert_eq!(wide.key(), "cansec37bit::137438953471");
    assert_eq!(
        refusal(["Cansec 37-bit", "137438953472", "", ""]),
        "the numbers take 38 bits, and the card format `Cansec 37-bit` has 37"
    );
    assert_eq!(
        refusal(["Cansec 37-bit", "2097152", "", "65535"]),
        "the numbers take 38 bits, and the card format `Cansec 37-bit` has 37"
    );
    let (with_facility, _) = card(["Cansec 37-bit", "1", "", "2"]);
    assert_eq!(with_facility.key(), "cansec37bit:2:1");
    let (by_hex, _) = card(["Cansec 37-bit", "", "FF", ""]);
    assert_eq!(by_hex.key(), "cansec37bit::255");
    let (any, _) = card(["Kantech XSF", "18446744073709551615", "", "18446744073709551615"]);
    assert_eq!(any.word(), None);
}

#[test]
fn o_7_a_layout_that_is_not_certain_gives_a_word_to_numbers_that_fit_and_refuses_no_others() {
    let (fits, _) = card(["CasiRusco", "274877906943", "", ""]);
    assert_eq!(hex(fits), "7FFFFFFFFE");
    let (wide, _) = card(["CasiRusco", "274877906944", "", ""]);
    assert_eq!((wide.number(), wide.word()), (274_877_906_944, None));
    let (by_hex, _) = card(["iClass", "", "0123456789ABCDEF", ""]);
    assert_eq!(hex(by_hex), "0123456789ABCDEF");
    let (by_number, _) = card(["iClass", "255", "", ""]);
    assert_eq!(by_number.word(), None, "the order of its bytes isn't known");
}

#[test]
fn o_7_the_strictness_says_what_has_to_be_known() {
    let certain = Formats::built_in()
        .clone()
        .with_strictness(Strictness::CertainOnly);
    assert_eq!(
        read(&certain, ["Cansec 37-bit", "", "", ""])
            .unwrap_err()
            .to_string(),
        "the layout of the card format `Cansec 37-bit` is not certain enough to accept cards of it"
    );
    assert!(matches!(
        read(&certain, ["CasiRusco", "1", "", ""]),
        Err(CardError::Uncertain { .. })
    ));
    assert!(matches!(
        read(&certain, ["RBH50", "1", "", "1"]),
        Ok(Reading::Card { .. })
    ));

    let names = Formats::built_in().clone().with_strictness(Strictness::NameOnly);
    for (texts, key, has_word) in [
        (["HID", "7777", "7", "111"], "standard26bitwiegand:111:7777", true),
        (
            ["HID", "65536", "", "256"],
            "standard26bitwiegand:256:65536",
            false,
        ),
        (["HID", "5", "", ""], "standard26bitwiegand::5", false),
        (
            ["Cansec 37-bit", "137438953472", "", ""],
            "cansec37bit::137438953472",
            false,
        ),
        (
            ["MiFareClassic1K_CSN", "5", "", ""],
            "mifare4byte(32bit)csn::5",
            false,
        ),
        (
            ["MiFareClassic1K_CSN", "", "5", ""],
            "mifare4byte(32bit)csn::5",
            true,
        ),
    ] {
        let Ok(Reading::Card { card, .. }) = read(&names, texts) else {
            panic!("{texts:?}")
        };
        assert_eq!(
            (card.key().as_str(), card.word().is_some()),
            (key, has_word),
            "{texts:?}"
        );
    }
    assert!(matches!(
        read(&names, ["Hid 26", "1", "", "1"]),
        Err(CardError::UnknownFormat { .. })
    ));
    assert!(matches!(
        read(&names, ["HID", "x", "", "1"]),
        Err(CardError::Malformed { .. })
    ));
}

#[test]
fn c_11_the_key_is_the_same_for_every_spelling_of_a_card_and_for_no_other_card() {
    let (one, _) = card(["Standard 26-bit Wiegand", "7777", "7", "111"]);
    let (other, _) = card([" hid ", "007777", "", "0111"]);
    assert_eq!((one, one.key()), (other, other.key()));
    let different = [
        ["HID", "7776", "", "111"],
        ["HID", "7777", "", "112"],
        ["H10306", "7777", "", "111"],
        ["H10302", "1117777", "", ""],
    ];
    for texts in different {
        let (different, _) = card(texts);
        assert_ne!(different, one);
        assert_ne!(different.key(), one.key());
    }
}
