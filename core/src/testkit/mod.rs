//! What tests need, here and in the crates around the core: known keys, captured
//! payments, and (later) a whole simulated world.

pub mod keys;
pub mod vectors;
