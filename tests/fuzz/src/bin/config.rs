//! The fuzz target of [`coinop_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::config::check(bytes));
