//! Tables of formats in files: what they add, what they replace, and what is said of those that are wrong.

use std::error::Error;

use keyfob_card::{Certainty, Formats, LayoutError, Meaning, RowError, TableError};

const ACME: &str = r#"{
    "name": "Acme 32-bit", "aliases": ["Acme32"], "bits": 32, "facility": "3-8", "number": "9-30",
    "others": [{"at": "1", "meaning": "fixed", "value": 1}, {"at": "2", "meaning": "manufacturer", "value": 1}],
    "parities": [{"bit": 0, "even": "1-16"}, {"bit": 31, "odd": "17-28, 29,30"}]
}"#;

fn load(rows: &str) -> Result<Formats, TableError> {
    Formats::built_in()
        .clone()
        .with_json(format!("[{rows}]").as_bytes())
}

#[track_caller]
fn fault(rows: &str) -> (String, RowError) {
    match load(rows) {
        Err(TableError::Row { name, error }) => (name.to_string(), error),
        other => panic!("{rows}: {other:?}"),
    }
}

#[test]
fn a_format_of_a_file_is_like_a_built_in_one() {
    let formats = load(ACME).unwrap();
    let format = formats.get("acme 32").unwrap();
    assert_eq!(
        (format.name(), format.certainty()),
        ("Acme 32-bit", Certainty::Settled)
    );
    assert!(format.is_certain());
    let card = format.card(Some(63), 5).unwrap();
    assert_eq!(
        card.word().unwrap().to_string(),
        "01111111100000000000000000001011"
    );
    assert_eq!(format.decode(card.word().unwrap()), Ok(card));
    assert_eq!(
        format.layout().unwrap().others()[1].meaning(),
        Meaning::Manufacturer(1)
    );
    assert!(formats.identify(card.word().unwrap()).contains(&card));
    assert_eq!(formats.as_slice().len(), Formats::built_in().as_slice().len() + 1);
    assert!(
        Formats::built_in().get("Acme 32-bit").is_err(),
        "the built-in table is as it was"
    );
}

#[test]
fn a_format_takes_the_place_of_the_one_with_its_name() {
    let formats = load(
        r#"{"name": "CANSEC 37 bit", "bits": 37, "number": "1-35",
        "parities": [{"bit": 0, "even": "1-18"}, {"bit": 36, "odd": "18-35"}]}"#,
    )
    .unwrap();
    let format = formats.get("Cansec 37-bit").unwrap();
    assert_eq!(format.name(), "CANSEC 37 bit");
    assert!(format.is_certain());
    assert_eq!(formats.as_slice().len(), Formats::built_in().as_slice().len());

    let formats = load(r#"{"name": "Standard 26-bit Wiegand", "aliases": ["H10301"], "bits": 26}"#).unwrap();
    assert_eq!(formats.get("H10301").unwrap().layout(), None);
    assert_eq!(formats.get("H10301").unwrap().certainty(), Certainty::Sized);
    assert!(formats.get("HID").is_err(), "its aliases are the new ones alone");
}

#[test]
fn the_built_in_table_is_written_as_what_reads_as_itself() {
    let json = Formats::built_in().to_json();
    let again = Formats::built_in().clone().with_json(json.as_bytes()).unwrap();
    assert_eq!(again.as_slice(), Formats::built_in().as_slice());
    assert_eq!(again.to_json(), json);
    assert_eq!(json.lines().count(), Formats::built_in().as_slice().len() + 2);
}

#[test]
fn certainty_is_what_the_file_says_or_what_the_layout_allows() {
    for (row, certainty) in [
        (r#"{"name": "x"}"#, Certainty::Named),
        (r#"{"name": "x", "bits": 37}"#, Certainty::Sized),
        (r#"{"name": "x", "bits": 8, "number": "0-7"}"#, Certainty::Settled),
        (
            r#"{"name": "x", "bits": 8, "number": "0-7", "certainty": "sized"}"#,
            Certainty::Sized,
        ),
        (
            r#"{"name": "x", "bits": 8, "number": "0-7", "serialNumber": true}"#,
            Certainty::Settled,
        ),
    ] {
        assert_eq!(
            load(row).unwrap().get("x").unwrap().certainty(),
            certainty,
            "{row}"
        );
    }
}

#[test]
fn fields_and_parities_that_do_not_fill_the_word_exactly_are_refused() {
    for (fields, error) in [
        (r#""bits": 8, "number": "0-6""#, LayoutError::Gap { bit: 7 }),
        (r#""bits": 8, "number": "1-7""#, LayoutError::Gap { bit: 0 }),
        // PointGuard MDI without its two reserved bits.
        (
            r#""bits": 37, "facility": "3-6", "number": "7-35",
               "parities": [{"bit": 0, "even": "1-18"}, {"bit": 36, "odd": "18-35"}]"#,
            LayoutError::Gap { bit: 1 },
        ),
        (r#""bits": 8, "number": "0-8""#, LayoutError::Outside { bit: 8 }),
        (
            r#""bits": 8, "facility": "0-3", "number": "3-7""#,
            LayoutError::Overlap { bit: 3 },
        ),
        (
            r#""bits": 8, "number": "0-7", "parities": [{"bit": 7, "odd": "0-6"}]"#,
            LayoutError::Overlap { bit: 7 },
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 8, "odd": "0-6"}]"#,
            LayoutError::Outside { bit: 8 },
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 200, "odd": "0-6"}]"#,
            LayoutError::Outside { bit: 200 },
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 7, "odd": "0-8"}]"#,
            LayoutError::Outside { bit: 8 },
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 7, "odd": "0-7"}]"#,
            LayoutError::ParityOrder { bit: 7, over: 7 },
        ),
        (
            r#""bits": 8, "number": "1-6", "parities": [{"bit": 0, "odd": "1-7"}, {"bit": 7, "odd": "1-6"}]"#,
            LayoutError::ParityOrder { bit: 0, over: 7 },
        ),
        (r#""bits": 0, "number": "0""#, LayoutError::Width { bits: 0 }),
        (
            r#""bits": 129, "number": "0-60""#,
            LayoutError::Width { bits: 129 },
        ),
        (r#""bits": 129"#, LayoutError::Width { bits: 129 }),
        (r#""bits": 65, "number": "0-64""#, LayoutError::Field { first: 0 }),
        (
            r#""bits": 8, "number": "2-7", "others": [{"at": "0-1", "meaning": "fixed", "value": 4}]"#,
            LayoutError::Value { bit: 0 },
        ),
    ] {
        let row = format!(r#"{{"name": "Acme", {fields}}}"#);
        assert_eq!(fault(&row), ("Acme".to_owned(), RowError::Layout(error)), "{row}");
    }
}

#[test]
fn a_format_that_is_described_wrongly_is_refused_with_what_is_wrong() {
    for (fields, message) in [
        (
            r#""bits": 8, "number": "7-0""#,
            "`7-0` is not a field such as `1-8`",
        ),
        (
            r#""bits": 8, "number": "0,1""#,
            "`0,1` is not a field such as `1-8`",
        ),
        (r#""bits": 8, "number": """#, "`` is not a field such as `1-8`"),
        (
            r#""bits": 8, "number": "0-128""#,
            "`0-128` is not a field such as `1-8`",
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 7, "odd": "0-6,"}]"#,
            "`0-6,` is not a list of bits such as `1-8,10`",
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 7}]"#,
            "the parity at bit 7 needs either `even` or `odd`",
        ),
        (
            r#""bits": 8, "number": "0-6", "parities": [{"bit": 7, "odd": "0", "even": "0"}]"#,
            "the parity at bit 7 needs either `even` or `odd`",
        ),
        (r#""number": "0-6""#, "there are fields, and `bits` is missing"),
        (
            r#""bits": 8, "facility": "0-6""#,
            "there are fields, and `number` is missing",
        ),
        (
            r#""bits": 8, "certainty": "described""#,
            "`certainty` or `serialNumber` claims a layout, and there is none",
        ),
        (
            r#""bits": 8, "serialNumber": true"#,
            "`certainty` or `serialNumber` claims a layout, and there is none",
        ),
        (
            r#""bits": 8, "serialNumber": true, "facility": "0-3", "number": "4-7""#,
            "a serial number has no facility code",
        ),
        (
            r#""bits": 8, "number": "1-7", "others": [{"at": "0", "meaning": "fixed"}]"#,
            "`value` is for the meanings `fixed` and `manufacturer`, and they need it",
        ),
        (
            r#""bits": 8, "number": "1-7", "others": [{"at": "0", "meaning": "issueLevel", "value": 0}]"#,
            "`value` is for the meanings `fixed` and `manufacturer`, and they need it",
        ),
        (
            r#""aliases": ["hid"]"#,
            "the name `hid` is taken by `Standard 26-bit Wiegand`",
        ),
        (r#""aliases": [" - "]"#, "a name is empty"),
    ] {
        let row = format!(r#"{{"name": "Acme", {fields}}}"#);
        assert_eq!(fault(&row).1.to_string(), message, "{row}");
    }
    assert_eq!(
        fault(r#"{"name": "H10301"}"#).1.to_string(),
        "the name `H10301` is taken by `Standard 26-bit Wiegand`"
    );
    assert_eq!(fault(r#"{"name": "_"}"#).1, RowError::NoName);
    let twice = fault(r#"{"name": "Acme"}, {"name": "acme "}"#);
    assert_eq!(
        (twice.0.as_str(), twice.1.to_string().as_str()),
        ("acme ", "the name `acme ` is taken by `Acme`")
    );
}

#[test]
fn what_is_no_array_of_formats_is_refused_and_says_where() {
    for (json, message) in [
        ("{}", "invalid type: map"),
        ("[1]", "invalid type: integer `1`"),
        (r#"[{"name": "x", "colour": 1}]"#, "unknown field `colour`"),
        (r#"[{"bits": 8}]"#, "missing field `name`"),
        (r#"[{"name": "x", "bits": 300}]"#, "invalid value: integer `300`"),
        (
            r#"[{"name": "x", "certainty": "sure"}]"#,
            "unknown variant `sure`",
        ),
        ("[", "EOF"),
        ("", "EOF"),
    ] {
        let error = Formats::built_in()
            .clone()
            .with_json(json.as_bytes())
            .unwrap_err();
        assert_eq!(error.to_string(), "the table is not a JSON array of formats");
        let source = error.source().unwrap().to_string();
        assert!(
            source.contains(message) && source.contains("line 1"),
            "{json}: {source}"
        );
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Formats::built_in().clone().with_json(nested.as_bytes()).is_err());
}
