//! The way from one shard to another.

#![allow(async_fn_in_trait, reason = "as the ports")]

use super::request::ShardRequest;
use crate::account::Account;
use crate::error::{EncodeError, PortError, TransportError, TransportFault};
use crate::ids::{PaymentId, StreamId};

/// Names one shard of a merchant's journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShardKey {
    /// This stream's.
    Stream(StreamId),
    /// This payer's.
    Payer(Account),
    /// This payment's.
    Payment(PaymentId),
    /// The merchant's.
    Merchant,
}

impl ShardKey {
    /// Returns the word for shards of its kind.
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

/// Carries questions to shards, and their answers back.
pub trait Transport {
    /// Carries one question, and returns the answer.
    ///
    /// A question may arrive more than once, and after the one who asked has given up: every shard bears that.
    ///
    /// # Errors
    /// When there is no answer in time, or the answer is an error: what was asked for may have been done.
    async fn carry(
        &self,
        shard: &ShardKey,
        request: &'static str,
        body: String,
    ) -> Result<String, TransportError>;

    /// Asks a shard something.
    ///
    /// # Errors
    /// When there is no answer that can be read: what was asked for may have been done.
    async fn ask<Q: ShardRequest>(&self, shard: &ShardKey, request: &Q) -> Result<Q::Answer, PortError> {
        let body = serde_json::to_string(request).map_err(|_| EncodeError("a question to a shard"))?;
        let answer = self.carry(shard, Q::NAME, body).await?;
        serde_json::from_str(&answer).map_err(|error| {
            let peer = format!("the {} shard, {},", shard.kind(), Q::NAME);
            TransportError::new(peer, TransportFault::Unreadable(error.to_string())).into()
        })
    }
}
