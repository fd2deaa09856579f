#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| keyfob_fuzz::card_total(text));
