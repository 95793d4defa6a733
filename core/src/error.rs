//! The errors below the decisions, by layer: the store, a call, the chain's node and the settlement.
//!
//! A client is told none of them, and gets a 503. The `Display` of each error is the whole line for the operator, with
//! its cause. `source` gives the cause itself to a program.

use std::error::Error;
use std::fmt;

pub(crate) use crate::encoding::EncodeError;
use crate::svm::Address;

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlError {
    /// A primary key or a unique column has this value already.
    Unique,
    /// A balance does not cover what would be in flight from it.
    NotCovered,
    /// No budget bears the fee of a payment.
    OverBudget,
    /// A wallet guard could fail because of what else is in flight.
    GuardAtRisk,
    /// All seats of the asset are taken.
    Full,
    /// The payment of a reservation has ended already.
    HasEnded,
    /// Anything else, as SQLite describes it.
    Other(String),
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unique => "a unique value was written twice",
            Self::NotCovered => "a claim was refused: the balance does not cover it",
            Self::OverBudget => "a claim was refused: the fee budget is spent",
            Self::GuardAtRisk => "a claim was refused: a wallet guard could fail",
            Self::Full => "a claim was refused: all seats are taken",
            Self::HasEnded => "a reservation was refused: its payment has ended",
            Self::Other(words) => words,
        })
    }
}

impl Error for SqlError {}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database did not carry out a statement, or it is not known whether it did.
    Database(SqlError),
    /// Another service that stores something for this gateway failed.
    Service {
        /// The service's name.
        name: &'static str,
        /// The service's description of the failure.
        words: String,
    },
    /// A stored value does not have the form in which it is written. Its name is given here.
    Corrupt(&'static str),
    /// The tables are of another version than this program's.
    Version {
        /// The version that the database states.
        found: i64,
        /// The version that this program writes.
        own: i64,
    },
    /// Other writers changed this stream first in every attempt.
    Contended(String),
    /// What is asked for follows from updates that other shards have not received yet. Ask again later.
    UpdatesPending,
    /// The program broke one of its own rules. Nothing was written.
    Invariant(&'static str),
    /// A value can't be written in the form of the tables. Nothing was written.
    Encode(EncodeError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Service { name, words } => write!(f, "{name}: {words}"),
            Self::Corrupt(what) => write!(f, "database: {what} can't be read"),
            Self::UpdatesPending => f.write_str("updates are still on their way to other shards"),
            Self::Version { found, own } if found < own => write!(
                f,
                "database: made by an earlier version of Coinop, from before its first release (its tables have version {found}, this program's have version {own}): let its sessions end under that version, then move it away"
            ),
            Self::Version { found, own } => write!(
                f,
                "database: made by a newer version of Coinop (its tables have version {found}, this program's have version {own}): use that version again"
            ),
            Self::Contended(asset) => write!(f, "too many writers change {asset} at once"),
            Self::Invariant(what) => write!(f, "internal error: {what}"),
            Self::Encode(error) => write!(f, "database: {error}"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Encode(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Database(error)
    }
}

impl From<EncodeError> for StoreError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// Why a call to a node of the chain, or to another shard of the journal, has no answer.
///
/// The other side may have carried out the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// Who was called, and about what.
    pub peer: String,
    /// What went wrong.
    pub fault: TransportFault,
}

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportFault {
    /// There was no answer within this time, in milliseconds.
    Timeout(u64),
    /// The call did not arrive, or its answer did not come back complete. The platform's description is given here.
    Unreachable(String),
    /// The answer is longer than the limit.
    TooLong,
    /// The answer is an error. The peer's description is given here.
    Refused(String),
    /// The question or the answer can't be read. The reader's description is given here.
    Unreadable(String),
}

impl TransportError {
    /// Creates the error of a call to `peer`.
    #[must_use]
    pub fn new(peer: impl Into<String>, fault: TransportFault) -> Self {
        Self { peer: peer.into(), fault }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, fault } = self;
        match fault {
            TransportFault::Timeout(ms) => write!(f, "{peer} did not answer within {ms} ms"),
            TransportFault::Unreachable(words) if words.is_empty() => write!(f, "{peer} can't be reached"),
            TransportFault::Unreachable(words) => write!(f, "{peer} can't be reached: {words}"),
            TransportFault::TooLong => write!(f, "{peer} gave an answer that is too long"),
            TransportFault::Refused(words) | TransportFault::Unreadable(words) => {
                write!(f, "{peer}: {words}")
            }
        }
    }
}

impl Error for TransportError {}

/// Why a call to a node of the chain has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcError {
    /// There is no answer.
    Transport(TransportError),
    /// The node answered with an HTTP status, and not with a JSON-RPC result.
    Status {
        /// The JSON-RPC method that was called.
        method: &'static str,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The node answered with a JSON-RPC error.
    Refused {
        /// The JSON-RPC error code.
        code: i64,
    },
    /// The answer to this method does not have the documented form.
    Shape(&'static str),
    /// The node that answered this method has not yet seen the slot that was asked for.
    Lagging(&'static str),
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Status { method, status } => {
                write!(f, "the RPC answered {method} with HTTP status {status}")
            }
            Self::Refused { code } => write!(f, "the RPC answered with JSON-RPC error {code}"),
            Self::Shape(method) => write!(f, "the RPC's answer to {method} has an unexpected form"),
            Self::Lagging(method) => {
                write!(f, "the RPC's answer to {method} is older than the slot asked for")
            }
        }
    }
}

impl Error for RpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TransportError> for RpcError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// Why payments can't be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleError {
    /// The chain's node gives no clear answer.
    Rpc(RpcError),
    /// A fee payer has too little SOL for the network's fees. Its address is given here if it is known.
    OutOfFunds(Option<Address>),
    /// The key of this fee payer is missing.
    NoKey(Address),
    /// There is no wallet to pay the network's fees.
    NoFeePayer,
    /// The node was asked for a blockhash less than five seconds ago, and is not asked again yet.
    AskedJustNow,
    /// This settlement moves no money, for the reason given here.
    Stub(&'static str),
    /// A transaction can't be written. It was not signed.
    Encode(EncodeError),
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(error) => error.fmt(f),
            Self::OutOfFunds(None) => {
                f.write_str("the fee payer has too little SOL for network fees: send it more")
            }
            Self::OutOfFunds(Some(address)) => {
                write!(f, "the fee payer {address} has too little SOL for network fees: send it more")
            }
            Self::NoKey(address) => write!(f, "this gateway has no key for the fee payer {address}"),
            Self::NoFeePayer => f.write_str("there is no fee payer"),
            Self::AskedJustNow => f.write_str("the node was asked for a blockhash a moment ago"),
            Self::Stub(why) => f.write_str(why),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for SettleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rpc(error) => Some(error),
            Self::Encode(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RpcError> for SettleError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<EncodeError> for SettleError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// An error of a port: what failed below the decisions.
///
/// It is for the operator's log. A client is told only that the request can't be carried out now (invariant 9). It is
/// as small as a pointer, because every result of a port has room for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortError(Box<Layer>);

/// The layer that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The store.
    Store(StoreError),
    /// A call to another shard of the journal.
    Transport(TransportError),
    /// The settlement.
    Settle(SettleError),
    /// Something to be signed or sent can't be written.
    Encode(EncodeError),
}

impl PortError {
    /// Returns the layer that failed.
    #[must_use]
    pub const fn layer(&self) -> &Layer {
        &self.0
    }

    fn cause(&self) -> &(dyn Error + 'static) {
        match self.layer() {
            Layer::Store(error) => error,
            Layer::Transport(error) => error,
            Layer::Settle(error) => error,
            Layer::Encode(error) => error,
        }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.cause(), f)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause())
    }
}

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(Layer::Store(error)))
    }
}

impl From<TransportError> for PortError {
    fn from(error: TransportError) -> Self {
        Self(Box::new(Layer::Transport(error)))
    }
}

impl From<SettleError> for PortError {
    fn from(error: SettleError) -> Self {
        Self(Box::new(Layer::Settle(error)))
    }
}

impl From<RpcError> for PortError {
    fn from(error: RpcError) -> Self {
        SettleError::Rpc(error).into()
    }
}

impl From<EncodeError> for PortError {
    fn from(error: EncodeError) -> Self {
        Self(Box::new(Layer::Encode(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an error followed by its causes, the innermost last.
    fn chain(error: &PortError) -> Vec<String> {
        let mut seen = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            seen.push(error.to_string());
            cause = error.source();
        }
        seen
    }

    #[test]
    fn the_operator_reads_the_whole_line_and_a_program_finds_each_cause() {
        let database = StoreError::Database(SqlError::Other("database is locked".to_owned()));
        assert_eq!(
            chain(&database.into()),
            ["database: database is locked", "database: database is locked", "database is locked"]
        );
        let call = TransportError::new("the RPC", TransportFault::Timeout(5_000));
        assert_eq!(
            chain(&RpcError::Transport(call).into()),
            ["the RPC did not answer within 5000 ms"; 4],
            "port, settlement, RPC, call"
        );
        let unwritten = PortError::from(EncodeError("a token's claims"));
        assert_eq!(chain(&unwritten), ["a token's claims can't be written"; 2]);
    }
}
