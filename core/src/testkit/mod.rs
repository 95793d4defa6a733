//! What tests need, here and in the crates around the core: known keys, captured
//! payments, and a small world to run a gateway in.

pub mod keys;
pub mod vectors;
#[cfg(test)]
pub(crate) mod world;
