//! How long do encoding and decoding a card's word take in each format, and reading a submitted card, beside code written
//! for the one format?

use std::hint::black_box;

use keyfob_benches::{compare, criterion};
use keyfob_card::{Formats, Submitted};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let formats = Formats::built_in();
    let mut criterion = criterion();
    for format in formats.as_slice() {
        let Some(layout) = format.layout() else { continue };
        let facility = layout.facility().map(|field| field.max() / 3);
        let number = layout.number().max() / 5;
        let word = format.card(facility, number)?.word().ok_or("no layout")?;
        let name = format.name();
        criterion.bench_function(&format!("encode {name}"), |bencher| {
            bencher.iter(|| format.card(black_box(facility), black_box(number)).is_ok());
        });
        criterion.bench_function(&format!("decode {name}"), |bencher| {
            bencher.iter(|| format.decode(black_box(word)).is_ok());
        });
    }
    let wiegand = formats.get("Standard 26-bit Wiegand")?;
    let word = wiegand.card(Some(111), 7777)?.word().ok_or("no layout")?;
    compare(
        &mut criterion,
        "encode a 26-bit card",
        || wiegand.card(black_box(Some(111)), black_box(7777)).is_ok(),
        || by_hand(black_box(111), black_box(7777)),
    );
    compare(
        &mut criterion,
        "decode a 26-bit card",
        || wiegand.decode(black_box(word)).is_ok(),
        || by_hand_decoded(black_box(0x2DE_3CC3)),
    );
    compare(
        &mut criterion,
        "identify a 26-bit word",
        || formats.identify(black_box(word)),
        || by_hand_decoded(black_box(0x2DE_3CC3)),
    );
    let submitted = Submitted {
        format: "Standard 26-bit Wiegand",
        number: "7777",
        number_hex: "7",
        facility: "111",
    };
    compare(
        &mut criterion,
        "read a submitted card",
        || formats.read(black_box(&submitted)).is_ok(),
        || by_hand_read(black_box(&submitted)),
    );
    criterion.final_summary();
    Ok(())
}

/// The 26-bit format in code.
fn by_hand(facility: u32, number: u32) -> Option<u32> {
    if facility > 0xFF || number > 0xFFFF {
        return None;
    }
    let bits = facility << 17 | number << 1;
    let even = (bits >> 13).count_ones() & 1;
    let odd = (bits >> 1 & 0xFFF).count_ones() & 1 ^ 1;
    Some(even << 25 | bits | odd)
}

fn by_hand_decoded(word: u32) -> Option<(u32, u32)> {
    let (facility, number) = (word >> 17 & 0xFF, word >> 1 & 0xFFFF);
    (by_hand(facility, number) == Some(word)).then_some((facility, number))
}

fn by_hand_read(submitted: &Submitted<'_>) -> Option<u32> {
    if submitted.format != "Standard 26-bit Wiegand" {
        return None;
    }
    by_hand(submitted.facility.parse().ok()?, submitted.number.parse().ok()?)
}
