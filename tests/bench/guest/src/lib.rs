//! The verification of a payment, for the benchmark to call: the very function that
//! the gateway runs, compiled as the component is.
//!
//! The host asks for a place with `input`, writes JSON there, and calls `prepare`
//! once; then `verify` any number of times.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports have fixed names")]

use std::cell::RefCell;

mod counter;

use counter::Counter;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static COUNTER: RefCell<Option<Counter>> = const { RefCell::new(None) };
}

/// Room for `length` bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *const u8 {
    INPUT.with_borrow_mut(|input| {
        *input = vec![0; length];
        input.as_ptr()
    })
}

/// Reads the input. 1 if it could be read.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> u32 {
    let counter = INPUT.with_borrow(|input| Counter::read(input));
    let read = counter.is_some();
    COUNTER.set(counter);
    u32::from(read)
}

/// Verifies the payment of this number. 1 if it is what was asked for.
#[unsafe(no_mangle)]
pub extern "C" fn verify(number: usize) -> u32 {
    COUNTER.with_borrow(|counter| u32::from(counter.as_ref().is_some_and(|counter| counter.verify(number))))
}
