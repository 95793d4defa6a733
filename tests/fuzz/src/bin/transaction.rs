//! The fuzz target of [`coinop_fuzz::transaction`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::transaction::check(bytes));
