#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| peerhall_fuzz::labelled::run(data));
