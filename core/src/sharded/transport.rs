//! How shards reach each other.

#![allow(async_fn_in_trait, reason = "as the ports")]

use super::request::ShardRequest;
use crate::account::Account;
use crate::error::{EncodeError, PortError, TransportError, TransportFault};
use crate::ids::{PaymentId, StreamId};

/// The name of one shard of a merchant's journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShardKey {
    /// The shard of this stream.
    Stream(StreamId),
    /// The shard of this payer.
    Payer(Account),
    /// The shard of this payment.
    Payment(PaymentId),
    /// The merchant's shard.
    Merchant,
}

impl ShardKey {
    /// Returns the word for this kind of shard.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stream(_) => "stream",
            Self::Payer(_) => "payer",
            Self::Payment(_) => "payment",
            Self::Merchant => "merchant",
        }
    }
}

/// Carries requests to shards, and their answers back.
pub trait Transport {
    /// Carries one request and returns the answer.
    ///
    /// A request may arrive more than once, even after the sender has given up. Every shard tolerates that.
    ///
    /// # Errors
    /// When there is no answer in time, or the answer is an error; the request may have been carried out.
    async fn carry(
        &self,
        shard: &ShardKey,
        request: &'static str,
        body: String,
    ) -> Result<String, TransportError>;

    /// Sends one request and waits for nothing. It may get lost, and nobody learns what became of it.
    fn send(&self, shard: &ShardKey, request: &'static str, body: String);

    /// Sends a request to a shard without waiting for its answer.
    ///
    /// # Errors
    /// When the request can't be written as JSON.
    fn tell<Q: ShardRequest>(&self, shard: &ShardKey, request: &Q) -> Result<(), PortError> {
        self.send(shard, Q::NAME, encode(request)?);
        Ok(())
    }

    /// Sends a request to a shard and returns its answer.
    ///
    /// # Errors
    /// When there is no answer that can be read; the request may have been carried out.
    async fn ask<Q: ShardRequest>(&self, shard: &ShardKey, request: &Q) -> Result<Q::Answer, PortError> {
        let answer = self.carry(shard, Q::NAME, encode(request)?).await?;
        serde_json::from_str(&answer).map_err(|error| {
            let peer = format!("the {} shard ({})", shard.kind(), Q::NAME);
            TransportError::new(peer, TransportFault::Unreadable(error.to_string())).into()
        })
    }
}

fn encode(request: &impl ShardRequest) -> Result<String, PortError> {
    serde_json::to_string(request).map_err(|_| EncodeError("a request to a shard").into())
}
