//! The fuzz target of [`coinop_fuzz::jws`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::jws::check(bytes));
