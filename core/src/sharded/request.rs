//! The requests that shards send each other, their names and the types of their answers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::updates::{MerchantUpdate, PayerUpdate, PaymentUpdate, Release, Reservation, Reserved};
use crate::account::Account;
use crate::error::{EncodeError, PortError, TransportError, TransportFault};
use crate::ids::{PaymentId, StreamId};
use crate::ports::PayerHistory;
use crate::session::fee::{Budget, Limit};
use crate::session::index::PaymentStatus;
use crate::time::Timestamp;

/// A request to a shard. It travels as JSON, and so does its answer.
pub trait ShardRequest: Serialize + DeserializeOwned {
    /// The request's name, unique among the requests to that shard.
    const NAME: &'static str;
    /// The type of the answer.
    type Answer: Serialize + DeserializeOwned;
}

impl ShardRequest for Reservation {
    const NAME: &'static str = "reserve";
    type Answer = Reserved;
}

impl ShardRequest for Release {
    const NAME: &'static str = "release";
    type Answer = ();
}

impl ShardRequest for PayerUpdate {
    const NAME: &'static str = "update";
    type Answer = ();
}

impl ShardRequest for PaymentUpdate {
    const NAME: &'static str = "update";
    type Answer = ();
}

impl ShardRequest for MerchantUpdate {
    const NAME: &'static str = "update";
    type Answer = ();
}

/// Asks a payment's shard which stream has the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerOf(pub PaymentId);

impl ShardRequest for OwnerOf {
    const NAME: &'static str = "owner";
    type Answer = Option<StreamId>;
}

/// Asks a payer's shard for the payer's history, with at most this many of the latest failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryOf(pub Account, pub u32);

impl ShardRequest for HistoryOf {
    const NAME: &'static str = "history";
    type Answer = PayerHistory;
}

/// Asks a stream's shard for a payment's status. The answer `None` means that the stream does not know the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusOf(pub PaymentId);

impl ShardRequest for StatusOf {
    const NAME: &'static str = "payment";
    type Answer = Option<PaymentStatus>;
}

/// Asks a stream's shard to carry out what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunDue;

impl ShardRequest for RunDue {
    const NAME: &'static str = "run_due";
    type Answer = ();
}

/// Asks the merchant's shard for a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// How many seats of the shared asset with this key are taken.
    SeatsTaken(String),
    /// What is spent of a budget for the fees of newcomers at this time, in lamports.
    FeesOfNewcomers(Budget, Limit, Timestamp),
}

impl ShardRequest for Count {
    const NAME: &'static str = "count";
    type Answer = u64;
}

/// Reads the body of a request.
pub(super) fn read<Q: ShardRequest>(body: &str) -> Result<Q, PortError> {
    serde_json::from_str(body).map_err(|error| unreadable(Q::NAME, error.to_string()))
}

/// Writes the answer to a request.
pub(super) fn write(answer: &impl Serialize) -> Result<String, PortError> {
    serde_json::to_string(answer).map_err(|_| EncodeError("an answer to a shard").into())
}

/// Returns the error for a request that a shard does not know.
pub(super) fn unknown(name: &str) -> PortError {
    unreadable(name, "this shard does not know this kind of request; it may run another version".to_owned())
}

fn unreadable(name: &str, words: String) -> PortError {
    TransportError::new(name, TransportFault::Unreadable(words)).into()
}
