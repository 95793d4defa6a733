//! The fuzz target of [`coinop_fuzz::sign_in`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::sign_in::check(bytes));
