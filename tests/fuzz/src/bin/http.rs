//! The fuzz target of [`coinop_fuzz::http`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::http::check(bytes));
