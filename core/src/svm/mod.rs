//! Solana, which x402 calls "SVM": addresses, networks, transactions, and the rules of the `exact` scheme.

mod address;
pub(crate) mod build;
pub(crate) mod exact;
pub mod keypair;
pub(crate) mod lighthouse;
mod network;
pub(crate) mod programs;
mod recent;
mod refusal;
pub(crate) mod transaction;

#[cfg(any(test, feature = "oracle"))]
pub(crate) mod differential;

pub use build::Transfer;
pub use ed25519_dalek::SigningKey;
pub use exact::VerifiedPayment;
pub use programs::SYSTEM;
pub use transaction::{Instruction, MAX_TRANSACTION_BYTES, Message, Transaction};

pub use address::Address;
pub use network::{Network, Token};
pub(crate) use programs::is_associated_token_account;
pub use programs::{TokenProgram, associated_token_account};
pub use recent::RecentBlockhash;
