//! The fuzz target of [`coinop_fuzz::ticket`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::ticket::check(bytes));
