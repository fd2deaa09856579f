//! What holds for every layout: cards come back, damage shows, and nothing out of range gets in.

use keyfob_card::{CardError, DecodeError, Format, Formats, Meaning, Parity, Part, Word};
use proptest::prelude::*;

/// The formats whose layout is known.
fn formats() -> impl Iterator<Item = &'static Format> {
    let formats = Formats::built_in().as_slice().iter();
    formats.filter(|format| format.layout().is_some())
}

fn facility_max(format: &Format) -> Option<u64> {
    Some(format.layout()?.facility()?.max())
}

fn number_max(format: &Format) -> u64 {
    format.layout().unwrap().number().max()
}

/// Numbers that look random and are the same in every run.
fn noise(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 31)
}

/// A number of 0 to `max`.
fn noise_up_to(max: u64, seed: u64) -> u64 {
    noise(seed)
        .checked_rem(max.wrapping_add(1))
        .unwrap_or(noise(seed))
}

/// The word as the description of its format says it, bit by bit.
fn slow_word(format: &Format, facility: Option<u64>, number: u64) -> String {
    let layout = format.layout().unwrap();
    let mut bits: Vec<Option<bool>> = vec![None; layout.bits().into()];
    let mut write = |first: u8, last: u8, value: u64| {
        for (place, bit) in (first..=last).rev().enumerate() {
            let old = bits[usize::from(bit)].replace((value >> place) & 1 == 1);
            assert_eq!(old, None, "{}: bit {bit} is written twice", format.name());
        }
    };
    write(layout.number().first(), layout.number().last(), number);
    if let (Some(field), Some(facility)) = (layout.facility(), facility) {
        write(field.first(), field.last(), facility);
    }
    for other in layout.others() {
        let value = match other.meaning() {
            Meaning::Fixed(value) | Meaning::Manufacturer(value) => value,
            _ => 0,
        };
        write(other.field().first(), other.field().last(), value);
    }
    for parity in layout.parities() {
        let ones = parity
            .over()
            .iter()
            .filter(|bit| bits[usize::from(*bit)].unwrap());
        let odd_so_far = ones.count() % 2 == 1;
        let old = bits[usize::from(parity.bit())].replace(odd_so_far != parity.is_odd());
        assert_eq!(
            old,
            None,
            "{}: bit {} is written twice",
            format.name(),
            parity.bit()
        );
    }
    bits.into_iter()
        .map(|bit| if bit.unwrap() { '1' } else { '0' })
        .collect()
}

#[test]
fn every_format_takes_zero_and_the_largest_numbers_and_refuses_the_next() {
    for format in formats() {
        for facility in [facility_max(format).map(|_| 0), facility_max(format)] {
            for number in [0, number_max(format)] {
                let card = format.card(facility, number).unwrap();
                let word = card.word().unwrap();
                assert_eq!((card.facility(), card.number()), (facility, number));
                assert_eq!(Some(word.length()), format.bits());
                assert_eq!(word.hex().len(), usize::from(word.length()).div_ceil(4));
                assert_eq!(word.to_string(), slow_word(format, facility, number), "{card:?}");
                assert_eq!(format.decode(word), Ok(card));
            }
        }
        let refused = |facility, number| match format.card(facility, number) {
            Err(CardError::Range { part, value, max, .. }) => (part, value, max),
            other => panic!("{other:?}"),
        };
        let max = number_max(format);
        if let Some(next) = max.checked_add(1) {
            assert_eq!(
                refused(facility_max(format), next),
                (Part::Number, next.into(), max)
            );
        }
        if let Some(max) = facility_max(format) {
            assert_eq!(refused(Some(max + 1), 0), (Part::Facility, (max + 1).into(), max));
            assert!(matches!(
                format.card(None, 0),
                Err(CardError::FacilityMissing { .. })
            ));
        } else {
            assert!(matches!(
                format.card(Some(0), 0),
                Err(CardError::FacilityUnused { .. })
            ));
        }
    }
}

#[test]
fn every_single_wrong_bit_shows_in_200_cards_of_each_format_unless_no_rule_is_about_it() {
    for format in formats() {
        let layout = format.layout().unwrap();
        let watched = |bit: u8| {
            let in_parity = |parity: &Parity| parity.bit() == bit || parity.over().contains(bit);
            let is_fixed = layout.others().iter().any(|other| {
                matches!(other.meaning(), Meaning::Fixed(_))
                    && (other.field().first()..=other.field().last()).contains(&bit)
            });
            is_fixed || layout.parities().iter().any(in_parity)
        };
        let unwatched = (0..layout.bits()).filter(|bit| !watched(*bit)).count();
        if !layout.parities().is_empty() {
            assert_eq!(unwatched, 0, "{}", format.name());
        }
        for seed in 0..200 {
            let facility = facility_max(format).map(|max| noise_up_to(max, seed));
            let number = noise_up_to(number_max(format), seed + 1_000);
            let card = format.card(facility, number).unwrap();
            let word = card.word().unwrap();
            assert_eq!(word.to_string(), slow_word(format, facility, number), "{card:?}");
            for bit in 0..word.length() {
                let flipped =
                    Word::new(word.bits() ^ (1 << (word.length() - 1 - bit)), word.length()).unwrap();
                match format.decode(flipped) {
                    Ok(_) => assert!(!watched(bit), "{card:?}: bit {bit} goes unnoticed"),
                    Err(DecodeError::Parity { bit: parity }) => {
                        let parity = layout
                            .parities()
                            .iter()
                            .find(|other| other.bit() == parity)
                            .unwrap();
                        assert!(parity.bit() == bit || parity.over().contains(bit));
                    }
                    Err(DecodeError::Fixed { field, .. }) => {
                        assert!((field.first()..=field.last()).contains(&bit));
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
}

#[test]
fn two_wrong_bits_can_go_unnoticed() {
    let format = Formats::built_in().get("H10301").unwrap();
    let word = format.card(Some(111), 7777).unwrap().word().unwrap();
    let flipped = Word::new(word.bits() ^ 0b110, 26).unwrap();
    assert!(format.decode(flipped).is_ok());
}

#[test]
fn the_outer_parity_of_the_corporate_formats_is_taken_over_the_inner_ones() {
    for (name, inner, last) in [("C1k35s", 1, 34), ("C1k48s", 1, 47)] {
        let format = Formats::built_in().get(name).unwrap();
        let order: Vec<u8> = format
            .layout()
            .unwrap()
            .parities()
            .iter()
            .map(Parity::bit)
            .collect();
        assert_eq!(order, [inner, last, 0], "{name}");
        let outer = format.layout().unwrap().parities()[2];
        assert_eq!(outer.over().to_string(), format!("1-{last}"));
    }
}

#[test]
fn a_word_of_another_length_or_with_other_fixed_bits_says_so() {
    let formats = Formats::built_in();
    let word: Word = "101".parse().unwrap();
    assert_eq!(
        formats.get("HID").unwrap().decode(word),
        Err(DecodeError::Length {
            expected: 26,
            actual: 3
        })
    );
    let kastle = formats.get("Kastle").unwrap();
    let word = kastle.card(Some(42), 69).unwrap().word().unwrap();
    let without = Word::new(word.bits() ^ (1 << 30), 32).unwrap();
    let error = kastle.decode(without).unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::Fixed {
                expected: 1,
                actual: 0,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "the field at 1 is 0 instead of 1");
}

#[test]
fn a_card_that_was_issued_again_is_the_same_card_with_another_word() {
    let simplex = Formats::built_in().get("S12906").unwrap();
    let card = simplex.card(Some(42), 69).unwrap();
    let first = card.word().unwrap();
    // Issue level 3: two bits under the same parity.
    let again = Word::new(first.bits() | 0b11 << 25, 36).unwrap();
    let decoded = simplex.decode(again).unwrap();
    assert_eq!((decoded, decoded.word()), (card, Some(again)));
    assert_eq!(decoded.key(), card.key());
    let level = simplex.layout().unwrap().others()[0];
    assert_eq!(
        (level.meaning(), again.get(level.field())),
        (Meaning::IssueLevel, 3)
    );
}

#[test]
fn every_word_of_the_narrower_format_is_one_of_the_wider_and_identify_tells_both() {
    for (narrow, wide) in [
        ("H10306", "AWID34"),
        ("H10304", "H10302"),
        ("C15001", "GProxII36"),
        ("MDI37", "H10302"),
    ] {
        let narrow = Formats::built_in().get(narrow).unwrap();
        let wide = Formats::built_in().get(wide).unwrap();
        for seed in 0..500 {
            let facility = facility_max(narrow).map(|max| noise_up_to(max, seed));
            let card = narrow
                .card(facility, noise_up_to(number_max(narrow), seed + 500))
                .unwrap();
            let found = Formats::built_in().identify(card.word().unwrap());
            assert!(found.contains(&card), "{card:?}");
            assert!(found.iter().any(|card| card.format() == wide), "{card:?}");
            for other in &found {
                assert_eq!(other.format().decode(card.word().unwrap()), Ok(*other));
            }
        }
    }
    let both = |name: &str| {
        let format = Formats::built_in().get(name).unwrap();
        format
            .card(facility_max(format), number_max(format))
            .unwrap()
            .word()
    };
    assert_eq!(
        both("H10304"),
        both("H10302"),
        "the largest cards have the same word"
    );
}

#[test]
fn hex_without_a_length_is_a_word_of_every_length_that_it_can_have() {
    let formats = Formats::built_in();
    let found = formats.identify_hex("200EC0C86".parse().unwrap());
    let lengths: Vec<_> = found.iter().map(|card| card.word().unwrap().length()).collect();
    assert_eq!(lengths, [34, 34, 34, 34, 36, 36]);
    assert!(
        formats
            .identify_hex("0200EC0C86".parse().unwrap())
            .iter()
            .all(|card| {
                let length = card.word().unwrap().length();
                (37..=40).contains(&length)
            })
    );
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(index: prop::sample::Index, facility: u64, number: u64) {
        let formats: Vec<_> = formats().collect();
        let format = index.get(&formats);
        let layout = format.layout().unwrap();
        let facility = layout.facility().map(|field| facility & field.max());
        let number = number & layout.number().max();
        let card = format.card(facility, number).unwrap();
        let word = card.word().unwrap();
        prop_assert_eq!(word.to_string(), slow_word(format, facility, number));
        prop_assert_eq!(format.decode(word), Ok(card));
        prop_assert_eq!(format.decode_hex(word.hex().parse().unwrap()), Ok(card));
        prop_assert!(Formats::built_in().identify(word).contains(&card));
    }

    #[test]
    fn a_word_that_decodes_is_encoded_to_itself_where_every_bit_counts(bits: u128) {
        for format in formats() {
            let layout = format.layout().unwrap();
            let all_count = layout.others().iter().all(|other| matches!(other.meaning(), Meaning::Fixed(_)));
            let word = Word::new(bits & (u128::MAX >> (128 - layout.bits())), layout.bits()).unwrap();
            if let Ok(card) = format.decode(word) && all_count {
                let encoded = format.card(card.facility(), card.number()).unwrap();
                prop_assert_eq!(encoded.word(), Some(word));
            }
        }
    }
}
