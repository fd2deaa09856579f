//! The properties of the fuzz targets on a stable toolchain: on texts that are made of seeds and tokens.
//!
//! A few thousand texts with every run of the tests; with `KEYFOB_FUZZ_SECONDS=600` as many as there is time for.

use std::{
    env, panic,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::seeds::{
    properties::{filter_roundtrip, filter_total, path_roundtrip},
    seeds,
};

/// What the grammar and the quirks know, and what it takes for something else.
const TOKENS: [&str; 44] = [
    " eq ",
    " ne ",
    " co ",
    " sw ",
    " ew ",
    " gt ",
    " ge ",
    " lt ",
    " le ",
    " pr",
    " and ",
    " or ",
    "not ",
    "not (",
    "(",
    ")",
    "[",
    "]",
    ".",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "'",
    "null",
    "true",
    "false",
    "-",
    "0",
    "1e9",
    "1.",
    "$ref",
    "schemas",
    "meta.created",
    "2011-05-13T04:42:34Z",
    "urn:ietf:params:scim:schemas:core:2.0:User:",
    "emails[type eq \"work\"].value",
    "\u{0}",
    "é",
    "\u{301}",
    "\u{10ffff}",
    "  ",
    "\t",
];

/// Numbers that follow from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % bound.max(1) as u64).unwrap()
    }

    fn text(&mut self, seeds: &[String]) -> String {
        let mut text: Vec<char> = seeds[self.below(seeds.len())].chars().collect();
        for _ in 0..=self.below(4) {
            let (at, end) = (self.below(text.len() + 1), self.below(text.len() + 1));
            let (at, end) = (at.min(end), at.max(end));
            match self.below(5) {
                0 => drop(text.drain(at..end)),
                1 => {
                    let copy = text[at..end].to_vec();
                    text.splice(at..at, copy);
                }
                2 => {
                    let other: Vec<char> = seeds[self.below(seeds.len())].chars().collect();
                    let start = self.below(other.len() + 1);
                    text.splice(at.., other[start..].iter().copied());
                }
                _ => {
                    let token = TOKENS[self.below(TOKENS.len())];
                    text.splice(at..at, token.chars());
                }
            }
            text.truncate(4096);
        }
        text.into_iter().collect()
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a run that goes on for a while starts elsewhere each time"
)]
fn texts_that_are_made_of_seeds_break_no_property_of_the_fuzz_targets() {
    let targets = ["filter_total", "filter_roundtrip", "path_roundtrip"];
    let seeds: Vec<_> = targets
        .into_iter()
        .flat_map(seeds)
        .map(|seed| String::from_utf8(seed).unwrap())
        .collect();
    let time = env::var("KEYFOB_FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let first = match time {
        Ok(_) => u64::try_from(
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() & u128::from(u64::MAX),
        )
        .unwrap(),
        Err(_) => 7,
    };
    let (start, mut random, mut count) = (Instant::now(), Random(first), 0_u64);
    let goes_on = |count: u64| match time {
        Ok(time) => start.elapsed() < time,
        Err(_) => count < 3_000,
    };
    while goes_on(count) {
        let text = random.text(&seeds);
        let outcome = panic::catch_unwind(|| {
            filter_total(&text);
            filter_roundtrip(&text);
            path_roundtrip(&text);
        });
        assert!(outcome.is_ok(), "the text that does it: {text:?}");
        count += 1;
    }
    println!("{count} texts from {first}");
}
