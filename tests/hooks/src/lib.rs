//! Ports that a test controls, in place of a platform's own. No build that is shipped contains them.
//!
//! A platform has one file, `hooks.rs`, that chooses between its own ports and these by a feature.

mod request;
mod settlement;

pub use request::{Hooked, NOW, SEED, begin_request};
pub use settlement::StubSettlement;
