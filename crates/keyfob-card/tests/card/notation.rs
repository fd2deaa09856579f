//! Requirement C-16: numbers as people and identity providers write them.

use keyfob_card::{Hex, NumberError, Word, WordError, decimal};
use proptest::prelude::*;

fn unexpected<T>(character: char, at: usize) -> Result<T, NumberError> {
    Err(NumberError::Unexpected { character, at })
}

#[test]
fn c_16_a_decimal_number_is_digits_with_blanks_around_them() {
    for (text, number) in [
        ("7777", Ok(7777)),
        ("007", Ok(7)),
        (" \t7\r\n", Ok(7)),
        ("0", Ok(0)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("000000000000000000000000000018446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", Err(NumberError::TooLarge)),
        (
            "99999999999999999999999999999999999999999",
            Err(NumberError::TooLarge),
        ),
        ("", Err(NumberError::Empty)),
        ("  ", Err(NumberError::Empty)),
        ("-1", unexpected('-', 0)),
        ("+1", unexpected('+', 0)),
        (" 1.0", unexpected('.', 2)),
        ("1e5", unexpected('e', 1)),
        ("1 2", unexpected(' ', 1)),
        ("1,000", unexpected(',', 1)),
        ("0x7", unexpected('x', 1)),
        ("７", unexpected('７', 0)),
        ("٣", unexpected('٣', 0)),
        ("\u{a0}7", unexpected('\u{a0}', 0)),
        ("7\0", unexpected('\0', 1)),
    ] {
        assert_eq!(decimal(text), number, "{text:?}");
    }
}

#[test]
fn c_16_hex_digits_may_be_prefixed_and_separated() {
    for (text, value, digits) in [
        ("1E61", 0x1E61, 4),
        ("1e61", 0x1E61, 4),
        ("0x1E61", 0x1E61, 4),
        ("0X1e61", 0x1E61, 4),
        (" 00 1E-61 ", 0x1E61, 6),
        ("04:A2:b3", 0x04_A2B3, 6),
        ("0", 0, 1),
        ("0x0", 0, 1),
        ("1e5", 0x1E5, 3),
        ("0b1", 0xB1, 3),
        ("ffffffffffffffffffffffffffffffff", u128::MAX, 32),
    ] {
        let hex: Hex = text.parse().unwrap();
        assert_eq!((hex.value(), hex.digits()), (value, digits), "{text:?}");
    }
    for (text, error) in [
        ("", Err(NumberError::Empty)),
        ("0x", Err(NumberError::Empty)),
        ("-7", unexpected('-', 0)),
        ("+7", unexpected('+', 0)),
        ("0x-7", unexpected('-', 2)),
        ("7-", unexpected('-', 1)),
        ("7--7", unexpected('-', 2)),
        ("7: 7", unexpected(' ', 2)),
        ("7.0", unexpected('.', 1)),
        ("7g", unexpected('g', 1)),
        ("x7", unexpected('x', 0)),
        ("００", unexpected('０', 0)),
        ("100000000000000000000000000000000", Err(NumberError::TooLarge)),
        ("000000000000000000000000000000000", Err(NumberError::TooLarge)),
    ] {
        assert_eq!(text.parse::<Hex>(), error, "{text:?}");
    }
}

#[test]
fn a_word_is_read_from_bits_and_keeps_its_leading_zeros() {
    for (text, bits, length) in [
        ("0", 0, 1),
        ("0b0101", 0b101, 4),
        ("0B0101", 0b101, 4),
        ("0010 1101-1110:0011", 0b0010_1101_1110_0011, 16),
    ] {
        assert_eq!(text.parse(), Ok(Word::new(bits, length).unwrap()), "{text:?}");
    }
    assert_eq!("1".repeat(128).parse(), Ok(Word::new(u128::MAX, 128).unwrap()));
    assert_eq!("0".repeat(129).parse::<Word>(), Err(NumberError::TooLarge));
    assert_eq!("0b12".parse::<Word>(), unexpected('2', 3));
    assert_eq!("0b".parse::<Word>(), Err(NumberError::Empty));
}

#[test]
fn a_word_has_1_to_128_bits_and_none_beyond_them() {
    assert_eq!(Word::new(0, 0), Err(WordError::Length { length: 0 }));
    assert_eq!(Word::new(0, 129), Err(WordError::Length { length: 129 }));
    assert_eq!(Word::new(0b1000, 3), Err(WordError::Large { length: 3 }));
    assert_eq!(Word::new(0b111, 3).unwrap().to_string(), "111");
    assert_eq!(Word::new(u128::MAX, 128).unwrap().hex(), "F".repeat(32));
}

#[test]
fn hex_is_right_aligned_and_stands_for_four_lengths() {
    let hex: Hex = "02EC0C86".parse().unwrap();
    let lengths: Vec<u8> = hex.words().map(Word::length).collect();
    assert_eq!(lengths, [29, 30, 31, 32]);
    assert!(hex.words().all(|word| word.hex() == "02EC0C86"));
    let full: Hex = "F".parse().unwrap();
    assert_eq!(full.words().map(Word::length).collect::<Vec<_>>(), [4]);
    assert_eq!(hex.word(25), Err(WordError::Large { length: 25 }));
}

proptest! {
    #[test]
    fn whatever_is_read_as_a_number_prints_as_what_reads_the_same(text in "[0-9a-fA-FxX:. +-]{0,12}") {
        if let Ok(number) = decimal(&text) {
            prop_assert_eq!(decimal(&number.to_string()), Ok(number));
        }
        if let Ok(hex) = text.parse::<Hex>() {
            prop_assert_eq!(hex.to_string().parse(), Ok(hex));
            prop_assert_eq!(hex.to_string().to_ascii_lowercase().parse(), Ok(hex));
        }
    }

    #[test]
    fn a_word_prints_as_bits_and_hex_that_read_the_same(bits: u128, length in 1_u8..=128) {
        let word = Word::new(bits >> (128 - length), length).unwrap();
        prop_assert_eq!(word.to_string().parse(), Ok(word));
        prop_assert_eq!(word.hex().parse::<Hex>().unwrap().word(length), Ok(word));
        prop_assert_eq!(word.hex().len(), usize::from(length).div_ceil(4));
    }
}
