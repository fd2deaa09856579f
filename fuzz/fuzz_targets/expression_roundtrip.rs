#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| keyfob_fuzz::expression_roundtrip(text));
