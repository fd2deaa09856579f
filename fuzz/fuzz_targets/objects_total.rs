#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| keyfob_fuzz::objects_total(text));
