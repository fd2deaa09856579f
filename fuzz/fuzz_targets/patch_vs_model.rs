#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyfob_fuzz::patch_vs_model(bytes));
