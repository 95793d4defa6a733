//! The fuzz target of [`coinop_fuzz::guards`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::guards::check(bytes));
