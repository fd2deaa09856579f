//! Cards and the words that readers send for them.

use keyfob_card::{
    Certainty::{self, Described, Settled, Sized},
    Field, Formats, Hex, Word,
};

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

/// Name, bits, largest facility code, largest card number, hex digits, certainty.
type Size = (&'static str, u8, Option<u64>, u64, u8, Certainty);

const SIZES: &[Size] = &[
    ("Standard 26-bit Wiegand", 26, Some(255), 65_535, 7, Settled),
    ("HID 34-bit", 34, Some(65_535), 65_535, 9, Settled),
    ("HID 37-bit", 37, Some(65_535), 524_287, 10, Settled),
    (
        "HID 37-bit No Facility Code",
        37,
        None,
        34_359_738_367,
        10,
        Settled,
    ),
    ("HID Corporate 1000-35", 35, Some(4_095), 1_048_575, 9, Settled),
    (
        "HID Corporate 1000-48",
        48,
        Some(4_194_303),
        8_388_607,
        12,
        Described,
    ),
    ("HID 33-bit DSX", 33, Some(127), 16_777_215, 9, Described),
    ("HID 36-bit Keyscan", 36, Some(255), 65_535, 9, Described),
    ("HID 36-bit Simplex", 36, Some(255), 16_777_215, 9, Described),
    ("PointGuard MDI 37-bit", 37, Some(15), 536_870_911, 10, Described),
    ("Kastle 32-bit", 32, Some(255), 65_535, 8, Described),
    (
        "Guardall G-Prox II 36-bit",
        36,
        Some(16_383),
        1_048_575,
        9,
        Described,
    ),
    ("AWID 34-bit", 34, Some(255), 16_777_215, 9, Described),
    ("RBH 50-bit", 50, Some(65_535), 4_294_967_295, 13, Described),
    ("Verkada DESFire", 40, Some(1_023), 268_435_455, 10, Described),
    ("MiFare 4-Byte (32 bit) CSN", 32, None, 4_294_967_295, 8, Settled),
    ("DESFire CSN", 56, None, 72_057_594_037_927_935, 14, Settled),
    ("IDm 64-bit", 64, None, u64::MAX, 16, Settled),
    ("HID iClass", 64, None, u64::MAX, 16, Sized),
    ("Casi Rusco 40-Bit", 40, None, 274_877_906_943, 10, Sized),
    ("Siemens 36-bit", 36, Some(262_143), 65_535, 9, Described),
    ("N10002 34-bit", 34, Some(65_535), 65_535, 9, Described),
    ("BQT 34-bit", 34, Some(255), 16_777_215, 9, Described),
    ("Honeywell 40-bit", 40, Some(4_095), 65_535, 10, Described),
];

#[test]
fn every_known_layout_has_the_sizes_that_are_published_for_it() {
    let known = Formats::built_in().as_slice().iter();
    let known: Vec<_> = known.filter(|format| format.layout().is_some()).collect();
    assert_eq!(known.len(), SIZES.len());
    for (format, (name, bits, facility, number, hex_digits, certainty)) in known.into_iter().zip(SIZES) {
        let layout = format.layout().unwrap();
        assert_eq!(
            (
                format.name(),
                format.bits(),
                format.hex_digits(),
                format.certainty()
            ),
            (*name, Some(*bits), Some(*hex_digits), *certainty)
        );
        assert_eq!(
            (layout.facility().map(Field::max), layout.number().max()),
            (*facility, *number),
            "{name}"
        );
        assert_eq!(
            format.has_serial_number(),
            *name == "HID iClass" || *certainty == Settled && layout.parities().is_empty()
        );
    }
}

#[test]
fn the_last_byte_of_the_honeywell_format_is_the_exclusive_or_of_the_others() {
    let format = Formats::built_in().get("P10001").unwrap();
    for (facility, number) in [(0, 0), (42, 69), (4_095, 65_535), (0xABC, 0x1234)] {
        let word = format.card(Some(facility), number).unwrap().word().unwrap();
        let [.., start, second, third, fourth, check] = word.bits().to_be_bytes();
        assert_eq!((u64::from(start) << 8 | u64::from(second)) & 0xFFF, facility);
        assert_eq!(
            (start >> 4, u64::from(third) << 8 | u64::from(fourth)),
            (0xF, number)
        );
        assert_eq!(check, start ^ second ^ third ^ fourth);
    }
}
