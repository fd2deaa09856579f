#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| keyfob_fuzz::resource_roundtrip(body));
