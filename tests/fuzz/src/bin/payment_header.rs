//! The fuzz target of [`coinop_fuzz::payment_header`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::payment_header::check(bytes));
