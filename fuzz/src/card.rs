//! Cards: nothing panics, and what was encoded decodes to what it was.

use std::sync::LazyLock;

use keyfob_card::{
    Card, Field, Format, Formats, Hex, NumberError, Reading, Strictness, Submitted, Word, decimal,
};

static STRICTNESSES: LazyLock<[Formats; 3]> = LazyLock::new(|| {
    [
        Strictness::CertainOnly,
        Strictness::Structural,
        Strictness::NameOnly,
    ]
    .map(|strictness| Formats::built_in().clone().with_strictness(strictness))
});

/// No text, taken as a number, a word, the four lines of a submitted card or a table of formats, makes anything panic;
/// a card that comes of it is the one that its word decodes to.
pub fn card_total(text: &str) {
    notation(text);
    submitted(text);
    if let Ok(formats) = Formats::built_in().clone().with_json(text.as_bytes()) {
        let printed = formats.to_json();
        let again = Formats::built_in().clone().with_json(printed.as_bytes()).unwrap();
        assert_eq!(again.as_slice(), formats.as_slice());
        formats.as_slice().iter().for_each(range_ends);
    }
}

fn notation(text: &str) {
    let check = |error: NumberError| {
        if let NumberError::Unexpected { character, at } = error {
            assert!(text.get(at..).unwrap().starts_with(character), "{error:?}");
        }
    };
    match decimal(text) {
        Ok(number) => assert_eq!(decimal(&number.to_string()), Ok(number)),
        Err(error) => check(error),
    }
    match text.parse::<Hex>() {
        Ok(hex) => {
            assert_eq!(hex.to_string().parse(), Ok(hex));
            hex.words().for_each(identify);
            for format in Formats::built_in().as_slice() {
                if let Ok(card) = format.decode_hex(hex) {
                    assert_eq!(format.decode(card.word().unwrap()), Ok(card));
                }
            }
        }
        Err(error) => check(error),
    }
    match text.parse::<Word>() {
        Ok(word) => {
            assert_eq!(word.to_string().parse(), Ok(word));
            assert!(
                word.hex()
                    .parse::<Hex>()
                    .unwrap()
                    .words()
                    .any(|other| other == word)
            );
            identify(word);
        }
        Err(error) => check(error),
    }
}

fn identify(word: Word) {
    for card in Formats::built_in().identify(word) {
        let encoded = card.format().card(card.facility(), card.number()).unwrap();
        assert_eq!(encoded, card);
        round_trip(&encoded);
    }
}

fn submitted(text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, number, number_hex, facility) = (line(), line(), line(), line());
    let names = Formats::built_in().as_slice().iter().map(Format::name);
    for format in names.chain([name]) {
        let submitted = Submitted {
            format,
            number,
            number_hex,
            facility,
        };
        for formats in &*STRICTNESSES {
            match formats.read(&submitted) {
                Ok(Reading::Card { card, .. }) if card.word().is_some() => round_trip(&card),
                Ok(reading) => drop(format!("{reading:?}")),
                Err(error) => drop(error.to_string()),
            }
        }
    }
}

fn range_ends(format: &Format) {
    let Some(layout) = format.layout() else { return };
    let facility_max = layout.facility().map(Field::max);
    for (facility, number) in [
        (facility_max.map(|_| 0), 0),
        (facility_max, 0),
        (facility_max.map(|_| 0), layout.number().max()),
        (facility_max, layout.number().max()),
    ] {
        round_trip(&format.card(facility, number).unwrap());
    }
}

fn round_trip(card: &Card<'_>) {
    let word = card.word().unwrap();
    assert_eq!(Some(word.length()), card.format().bits());
    assert_eq!(card.format().decode(word), Ok(*card));
    assert_eq!(card.format().decode_hex(word.hex().parse().unwrap()), Ok(*card));
}
