//! Cards and the words that readers send for them.

use keyfob_card::{Formats, Hex, Word};

/// Format, facility code, card number, word in hex.
type Vector = (&'static str, Option<u64>, u64, &'static str);

/// Cards that others published with their words.
const PUBLISHED: &[Vector] = &[
    ("H10301", Some(118), 1603, "2EC0C86"),
    ("H10301", Some(227), 57600, "1C7C200"),
    ("H10301", Some(224), 1337, "3C00A73"),
    ("H10301", Some(123), 11223, "2F657AE"),
    ("Corporate1000_35", Some(118), 1603, "60EC00C87"),
    ("Corporate1000_48", Some(118), 1603, "400076000C86"),
    ("Corporate1000_48", Some(42069), 42069, "00A4550148AB"),
    ("VerkadaDESFire", Some(50), 1001, "86400007D3"),
    ("VerkadaDESFire", Some(50), 1004, "86400007D9"),
    ("VerkadaDESFire", Some(81), 5008, "8A20002721"),
    ("RBH50", Some(2001), 13_371_337, "20FA201980F92"),
];

/// The same with the bits printed.
const PUBLISHED_BITS: &[(u64, u64, &str)] = &[
    (31, 337, "10001111100000001010100011"),
    (227, 57600, "01110001111100001000000000"),
    (90, 324, "00101101000000001010001000"),
    (42, 69, "10010101000000000010001010"),
    (102, 2, "00110011000000000000000100"),
];

/// Cards whose words were computed by another implementation of the layouts.
const COMPUTED: &[Vector] = &[
    ("H10301", Some(111), 7777, "2DE3CC3"),
    ("H10301", Some(255), 65535, "1FFFFFF"),
    ("H10301", Some(0), 0, "0000001"),
    ("H10306", Some(1234), 5678, "209A42C5C"),
    ("H10306", Some(118), 1603, "200EC0C86"),
    ("H10304", Some(118), 1603, "1007600C86"),
    ("H10304", Some(65535), 524_287, "0FFFFFFFFF"),
    ("H10302", None, 123_456_789, "100EB79A2B"),
    ("H10302", None, 34_359_738_367, "0FFFFFFFFF"),
    ("C1k35s", Some(4095), 1_048_575, "5FFFFFFFE"),
    ("C1k48s", Some(4_194_303), 8_388_607, "BFFFFFFFFFFF"),
    ("C1k48s", Some(69), 69420, "C00045021E58"),
    ("D10202", Some(118), 1603, "1EC000C86"),
    ("D10202", Some(42), 69, "15400008A"),
    ("C15001", Some(42), 69, "F0854008A"),
    ("S12906", Some(42), 69, "15000008A"),
    ("Siemens36", Some(42), 69, "80054008B"),
    ("MDI37", Some(4), 69, "110000008A"),
    ("Kastle", Some(42), 69, "4054008A"),
    ("VerkadaDESFire", Some(1023), 268_435_455, "7FFFFFFFFE"),
    ("AWID34", Some(42), 69, "25400008A"),
    ("RBH50", Some(42), 69, "200540000008A"),
    ("GProxII36", Some(30), 14489, "003C07132"),
    ("GProxII36", Some(42), 69, "80540008A"),
];

#[test]
fn every_card_has_the_word_that_was_published_or_computed_for_it() {
    for (name, facility, number, hex) in PUBLISHED.iter().chain(COMPUTED) {
        let format = Formats::built_in().get(name).unwrap();
        let card = format.card(*facility, *number).unwrap();
        let word = card.word().unwrap();
        assert_eq!(word.hex(), *hex, "{card:?}");
        let read = hex.parse::<Hex>().unwrap().word(format.bits().unwrap()).unwrap();
        assert_eq!((read, format.decode(read)), (word, Ok(card)));
        assert!(
            Formats::built_in()
                .identify_hex(hex.parse().unwrap())
                .contains(&card)
        );
    }
}

#[test]
fn every_card_has_the_bits_that_were_published_for_it() {
    let format = Formats::built_in().get("HID").unwrap();
    for (facility, number, bits) in PUBLISHED_BITS {
        let card = format.card(Some(*facility), *number).unwrap();
        assert_eq!(card.word().unwrap().to_string(), *bits);
        assert_eq!(format.decode(bits.parse().unwrap()), Ok(card));
    }
}

#[test]
fn a_26_bit_word_is_found_behind_the_padding_of_a_40_bit_pacs_value() {
    // The first byte says that the last six bits are padding.
    let value: Hex = "06BD88EB80".parse().unwrap();
    assert_eq!(value.value() >> 32, 6);
    let word = Word::new((value.value() & 0xFFFF_FFFF) >> 6, 26).unwrap();
    let format = Formats::built_in().get("H10301").unwrap();
    assert_eq!(
        format.decode(word).unwrap(),
        format.card(Some(123), 4567).unwrap()
    );
}
