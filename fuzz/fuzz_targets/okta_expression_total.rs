#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| keyfob_fuzz::okta_expression_total(text));
