#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| peerhall_fuzz::turn::run(data));
