#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| keyfob_fuzz::patch_apply_total(body));
