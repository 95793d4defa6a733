//! Ways to settle payments. So far there is one: the gateway's own fee payers and a Solana RPC node.

mod fee_payers;
mod found;
mod holding;
mod listed;
mod local;
mod mint;
mod recent;
mod refusal;
mod rpc;

pub use fee_payers::FeePayers;
pub use local::{LocalSettlement, signed};
pub use mint::is_plain_token_2022;
pub use rpc::Rpc;

#[cfg(test)]
mod tests;
