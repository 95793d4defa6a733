//! The fuzz target of [`coinop_fuzz::rpc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| coinop_fuzz::rpc::check(bytes));
