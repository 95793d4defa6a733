//! Solana (the "SVM" of x402): addresses, networks, transactions, and the rules
//! of the `exact` scheme.

mod address;
pub mod build;
pub mod exact;
pub mod keypair;
pub mod lighthouse;
mod network;
pub mod programs;
mod recent;
mod refusal;
pub mod transaction;

#[cfg(test)]
mod differential;

pub use ed25519_dalek::SigningKey;

pub use address::{Address, NotAnAddress};
pub use network::{Network, Token};
pub use programs::{TokenProgram, associated_token_account, is_associated_token_account};
pub use recent::RecentBlockhash;
