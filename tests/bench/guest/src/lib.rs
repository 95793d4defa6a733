//! The verification of a payment, which the benchmark calls. It is the same function that the gateway runs,
//! and it is compiled like the component.
//!
//! The host gets a place for its input from `input`, writes JSON there, and calls `prepare` once. Then it
//! calls `verify` any number of times.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports have fixed names")]

use std::cell::RefCell;

mod counter;

use counter::Counter;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static COUNTER: RefCell<Option<Counter>> = const { RefCell::new(None) };
}

/// Returns a place for `length` bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *const u8 {
    INPUT.with_borrow_mut(|input| {
        *input = vec![0; length];
        input.as_ptr()
    })
}

/// Reads the input. Returns 1 if it could be read.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> u32 {
    let counter = INPUT.with_borrow(|input| Counter::read(input));
    let read = counter.is_some();
    COUNTER.set(counter);
    u32::from(read)
}

/// Verifies the payment of this number. Returns 1 if it is what the gateway asked for.
#[unsafe(no_mangle)]
pub extern "C" fn verify(number: usize) -> u32 {
    COUNTER.with_borrow(|counter| u32::from(counter.as_ref().is_some_and(|counter| counter.verify(number))))
}
