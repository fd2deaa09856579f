//! `keyfob card`: words of cards, cards of words, and what is said of those that are none.

use serde_json::{Value, json};

use crate::process::{Finished, run};

fn card(arguments: &[&str]) -> Finished {
    run(&[&["card"], arguments].concat(), "")
}

/// The lines of standard output as JSON.
fn lines(finished: &Finished) -> Vec<Value> {
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    let lines = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn encode_prints_the_word_in_hex_or_bits() {
    for (arguments, word) in [
        (
            &[
                "--format",
                "Standard 26-bit Wiegand",
                "--facility",
                "111",
                "--number",
                "7777",
            ][..],
            "2DE3CC3",
        ),
        (
            &["--format", "hid", "--facility", "0", "--number", "0"],
            "0000001",
        ),
        (
            &[
                "--format",
                "H10301",
                "--facility",
                "111",
                "--number",
                "007777",
                "--bits",
            ],
            "10110111100011110011000011",
        ),
        (
            &["--format", "HID 37-bit No Facility Code", "--number", "123456789"],
            "100EB79A2B",
        ),
        (
            &["--format", "desfire csn", "--number", "0x04:A2:B3:C4:D5:E6:80"],
            "04A2B3C4D5E680",
        ),
    ] {
        let encoded = card(&[&["encode"], arguments].concat());
        assert_eq!(
            (encoded.code, encoded.stdout.as_str(), encoded.stderr.as_str()),
            (Some(0), &*format!("{word}\n"), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn decode_prints_the_card() {
    for (format, word, facility, number) in [
        ("Standard 26-bit Wiegand", "2DE3CC3", Some(111), 7777),
        ("HID", "0x2de3cc3", Some(111), 7777),
        ("HID", "0b10110111100011110011000011", Some(111), 7777),
        ("H10301", "1", Some(0), 0),
        ("H10302", "0FFFFFFFFF", None, 34_359_738_367_u64),
    ] {
        let decoded = card(&["decode", "--format", format, word]);
        let name = if format == "H10302" {
            "HID 37-bit No Facility Code"
        } else {
            "Standard 26-bit Wiegand"
        };
        assert_eq!(
            decoded.stdout,
            format!(
                "{{\"format\":\"{name}\",\"facility\":{},\"number\":{number},\"parity\":\"ok\"}}\n",
                facility.map_or("null".to_owned(), |facility: u8| facility.to_string())
            )
        );
        assert_eq!((decoded.code, decoded.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn identify_prints_every_format_that_fits() {
    let bits = format!("0b{:034b}", 0x2_00EC_0C86_u64);
    assert_eq!(
        lines(&card(&["identify", &bits])),
        [
            json!({"format": "HID 34-bit", "facility": 118, "number": 1603, "parity": "ok"}),
            json!({"format": "AWID 34-bit", "facility": 0, "number": 7_734_851, "parity": "ok"}),
            json!({"format": "N10002 34-bit", "facility": 118, "number": 1603, "parity": "ok"}),
            json!({"format": "BQT 34-bit", "facility": 0, "number": 7_734_851, "parity": "ok"}),
        ]
    );
    let found = lines(&card(&["identify", "2DE3CC3"]));
    assert_eq!(
        found,
        [json!({"format": "Standard 26-bit Wiegand", "facility": 111, "number": 7777, "parity": "ok"})]
    );
    let nothing = card(&["identify", "0b101"]);
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (Some(1), ""),
        "{nothing:?}"
    );
}

#[test]
fn formats_lists_every_format_and_its_table_names_them_all() {
    let text = card(&["formats"]);
    let table = card(&["formats", "--json"]);
    assert_eq!((text.code, table.code), (Some(0), Some(0)));
    let rows: Vec<Value> = serde_json::from_str(&table.stdout).unwrap();
    assert_eq!(rows.len(), text.stdout.lines().count() - 1, "all but the heading");
    for (row, line) in rows.iter().zip(text.stdout.lines().skip(1)) {
        assert!(line.starts_with(row["name"].as_str().unwrap()), "{line}");
        assert!(line.contains(row["certainty"].as_str().unwrap()), "{line}");
    }
    let wiegand = text.stdout.lines().nth(1).unwrap();
    let fields: Vec<_> = wiegand.split_whitespace().skip(3).collect();
    assert_eq!(fields, ["26", "7", "255", "65535", "settled", "HID,", "H10301"]);
    assert_eq!(
        rows[0],
        json!({
            "name": "Standard 26-bit Wiegand", "aliases": ["HID", "H10301"], "certainty": "settled", "bits": 26,
            "facility": "1-8", "number": "9-24", "parities": [{"bit": 0, "even": "1-12"}, {"bit": 25, "odd": "13-24"}],
        })
    );
}

#[test]
fn a_card_that_is_out_of_range_and_a_word_that_is_of_another_format_are_negative_answers() {
    for (arguments, message) in [
        (
            &["encode", "--format", "HID", "--facility", "256", "--number", "1"][..],
            "the facility code 256 is larger than 255, the largest of the card format `Standard 26-bit Wiegand`",
        ),
        (
            &[
                "encode",
                "--format",
                "HID",
                "--facility",
                "1",
                "--number",
                "65536",
            ],
            "the card number 65536 is larger than 65535",
        ),
        (
            &["decode", "--format", "HID", "2DE3CC2"],
            "the parity at bit 25 is wrong",
        ),
        (
            &["decode", "--format", "HID", "0b101"],
            "the word has 3 bits instead of 26",
        ),
        (
            &["decode", "--format", "HID", "FFFFFFF"],
            "the word has 28 bits instead of 26",
        ),
        (
            &["decode", "--format", "HID", "00000001"],
            "the word has 8 hex digits instead of 7",
        ),
        (
            &["decode", "--format", "DESFire CSN", "04A2"],
            "the word has 4 hex digits instead of 14",
        ),
        (
            &["decode", "--format", "MDI37", "0400000000"],
            "the field at 1-2 is 1 instead of 0",
        ),
    ] {
        let refused = card(arguments);
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(1), ""),
            "{refused:?}"
        );
        assert!(refused.stderr.contains(message), "{refused:?}");
    }
}

#[test]
fn what_is_no_format_or_no_number_is_unusable() {
    for (arguments, message) in [
        (
            &[
                "encode",
                "--format",
                "Standard 26bit Weigand",
                "--facility",
                "1",
                "--number",
                "1",
            ][..],
            "did you mean `Standard 26-bit Wiegand`",
        ),
        (
            &["decode", "--format", "Standard 26bit Weigand", "1"],
            "did you mean `Standard 26-bit Wiegand`",
        ),
        (
            &["encode", "--format", "HID", "--number", "1"],
            "needs a facility code",
        ),
        (&["encode", "--format", "HID", "--facility", "1"], "--number"),
        (
            &["encode", "--format", "H10302", "--facility", "1", "--number", "1"],
            "has no facility code",
        ),
        (
            &["encode", "--format", "Cansec 37-bit", "--number", "1"],
            "is not known",
        ),
        (
            &["decode", "--format", "Cansec 37-bit", "1000000000"],
            "is not known",
        ),
        (
            &["encode", "--format", "HID", "--facility=-1", "--number", "1"],
            "\n  -1\n  ^\n",
        ),
        (
            &["encode", "--format", "HID", "--facility", "1", "--number", "1e5"],
            "\n  1e5\n   ^\n",
        ),
        (
            &[
                "encode",
                "--format",
                "HID",
                "--facility",
                "1",
                "--number",
                "18446744073709551616",
            ],
            "too large",
        ),
        (
            &["encode", "--format", "HID", "--facility", "1", "--number", ""],
            "there are no digits",
        ),
        (&["identify", "2DE3CG3"], "\n  2DE3CG3\n       ^\n"),
        (&["identify", "0b102"], "\n  0b102\n      ^\n"),
        (&["identify", "000000000000000000000000000000000"], "too large"),
        (&["identify", ""], "there are no digits"),
    ] {
        card(arguments).assert_unusable(message);
    }
}
