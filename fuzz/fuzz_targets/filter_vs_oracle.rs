#![no_main]

libfuzzer_sys::fuzz_target!(|choices: &[u8]| keyfob_fuzz::filter_vs_oracle(choices));
