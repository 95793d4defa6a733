//! What the core needs from the platform that it runs on. The ports are few and small, and their documentation is a
//! contract. This module also exports the types that their methods take and return.
//!
//! No method requires `Send`, because futures on Workers are not `Send`. Native callers get it from their concrete
//! types.

#![allow(async_fn_in_trait, reason = "no bound on the futures is wanted: see the module's documentation")]

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::config::Asset;
pub use crate::error::PortError;
use crate::error::{SettleError, TransportError};
use crate::ids::{AssetId, OwedId, PaymentId, SessionId, StreamId};
use crate::quote::TicketId;
pub use crate::rail::{Balances, Prepared, Verified};
use crate::session::fee::{Budget, Limit};
use crate::session::index::{OwedRecord, PaymentRecord, SessionRecord};
pub use crate::session::{Batch, Claim, Landing};
use crate::session::{PastFailure, Rail, Snapshot};
use crate::sign_in::Proven;
use crate::svm::{Address, RecentBlockhash};
use crate::time::{Now, Timestamp};

/// The clocks of the platform.
pub trait Clock {
    /// Reads both clocks at the same moment. The core calls it once for each command.
    fn now(&self) -> Now;

    /// Waits for about `ms` milliseconds.
    async fn sleep(&self, ms: u64);
}

/// A source of randomness.
pub trait Entropy {
    /// Returns 16 bytes from a cryptographically secure source.
    fn random(&self) -> [u8; 16];
}

/// The result of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The batch is durable.
    Done,
    /// Another writer was first: the revision is taken, or the payment or the ticket to be claimed is claimed already.
    /// Nothing was written. Load again.
    Conflict,
    /// The batch claims a payment that another stream has claimed. Nothing was written. In a database that holds all
    /// streams, this is a [`Self::Conflict`] like any other.
    Elsewhere,
    /// The batch claims a payment that its account does not cover together with everything else that is in flight from
    /// there, on any asset of this journal (`FundsCheck`). Nothing was written. It may also mean that the revision is
    /// taken: load and look.
    NotCovered,
    /// The batch claims a payment whose fee exceeds what is left of a budget for fees. Nothing was written. It may also
    /// mean that the revision is taken: load and look.
    OverBudget,
    /// The batch claims a payment whose wallet guards could fail because of what is in flight, or one from a token
    /// account that a guard of a payment in flight checks. Nothing was written. It may also mean that the revision is
    /// taken: load and look.
    GuardAtRisk,
    /// The batch claims a session of a shared asset whose seats are all taken. Nothing was written. It may also mean
    /// that the revision is taken: load and look.
    Full,
}

/// What is known of a payer before its next payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerHistory {
    /// Its latest payments that failed and that it may have made fail, the latest first. Those of the last day are there.
    pub failures: Vec<PastFailure>,
    /// What its payments may cost the owner, in lamports: half of what they have earned, without what they have cost.
    pub trust: u64,
    /// Whether a payment of this payer has ever bought something.
    pub has_bought: bool,
}

/// A position in a list of sessions. The page has the sessions that began before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the session began.
    pub starts: Timestamp,
    /// The session's id.
    pub session: SessionId,
}

/// A position in a list of what is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedCursor {
    /// When it became owed.
    pub at: Timestamp,
    /// The id of what is owed.
    pub id: OwedId,
}

/// The streams: their events, and the state after them.
pub trait Streams {
    /// Returns a stream's state and revision; revision 0 if nothing has happened to it. The cost does not depend on its
    /// history.
    async fn load(&self, stream: &StreamId) -> Result<Snapshot, PortError>;

    /// Returns the same for several streams, in their order, with a single query.
    async fn load_all(&self, streams: &[StreamId]) -> Result<Vec<Snapshot>, PortError>;

    /// Returns whether the journal deletes this stream once all is over. Then nobody can tell a stream that was lost from one
    /// that was deleted.
    fn forgets(&self, stream: &StreamId) -> bool;

    /// Appends a batch as revision `expected + 1`.
    ///
    /// All of it is written or nothing. With `Done` it is durable, so that a loss of power does not undo it. A
    /// [`PortError`] leaves open whether it was written: load and look.
    async fn append(&self, stream: &StreamId, expected: u64, batch: &Batch) -> Result<Appended, PortError>;
}

/// Payments and sessions, found without knowing their streams.
pub trait Claims {
    /// Returns the payment with this id, if it is in flight or has bought something.
    ///
    /// A `None` by mistake would charge a buyer twice only if [`Streams::append`] made the same mistake.
    async fn payment(&self, id: &PaymentId) -> Result<Option<PaymentRecord>, PortError>;

    /// Returns whether another stream than `stream` has claimed the payment.
    ///
    /// It is for a journal whose [`Self::payment`] does not know the payments of all streams, and is called for
    /// payments that show no ticket of this stream's asset. It guards money, so it has no default and each journal
    /// implements it.
    async fn is_claimed_elsewhere(&self, stream: &StreamId, id: &PaymentId) -> Result<bool, PortError>;

    /// Returns whether `stream`, which is not the one asked for, has the payment in flight or has sold something for it.
    ///
    /// A stream remembers its payments for longer than [`Self::is_claimed_elsewhere`] does.
    async fn is_known_in(&self, stream: &StreamId, id: &PaymentId) -> Result<bool, PortError>;

    /// Returns the payment for the ticket with this id, if it is in flight or has bought something.
    async fn payment_by_ticket(&self, ticket: &TicketId) -> Result<Option<PaymentRecord>, PortError>;

    /// Returns a session, running or past.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, PortError>;

    /// Returns whether the owner has said what this transaction is, because the journal does not know it.
    async fn has_owners_word(&self, transaction: &str) -> Result<bool, PortError>;

    /// Returns what is owed under these ids, in their order. An id under which nothing is owed is left out.
    async fn owed(&self, ids: &[OwedId]) -> Result<Vec<OwedRecord>, PortError>;

    /// Returns what is owed or was, before the cursor, the latest first, and at most `limit`; with `is_open`, only what the
    /// owner has something to do about.
    ///
    /// It is for the merchant, as [`Self::sessions`].
    async fn all_owed(
        &self,
        is_open: bool,
        before: Option<&OwedCursor>,
        limit: u32,
    ) -> Result<Vec<OwedRecord>, PortError>;

    /// Returns a payer's sessions before the cursor, the latest first, and at most `limit`.
    async fn sessions_of(
        &self,
        payer: &Account,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError>;

    /// Returns the sessions of all payers before the cursor, the latest first, and at most `limit`; with `asset`, only
    /// those of that asset.
    ///
    /// It is for the merchant. Where a journal does not know the sessions of all streams, the merchant's own part of it
    /// does, a moment later.
    async fn sessions(
        &self,
        asset: Option<&AssetId>,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError>;
}

/// What is due, and when.
pub trait Schedule {
    /// Returns streams whose paid time is over at `now`, the longest overdue first, and at most `limit`.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError>;

    /// Returns the next time after `now` at which paid time is over.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError>;

    /// Returns streams with a payment in flight that has to be looked after at `now`, and at most `limit`.
    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError>;

    /// Returns the next time after `now` at which a payment has to be looked after.
    async fn next_unsettled(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError>;

    /// Returns streams whose device has not been reported to do what it should, and at most `limit`.
    async fn unfulfilled(&self, limit: u32) -> Result<Vec<StreamId>, PortError>;
}

/// What all streams of one merchant share: payers with their proofs, and seats.
pub trait Accounts {
    /// Returns what is known of a payer from all assets, with at most `failures` of its latest failures.
    async fn history_of(&self, payer: &Account, failures: u32) -> Result<PayerHistory, PortError>;

    /// Returns whether this database counts the fees of newcomers. If not, [`Self::fees_of_newcomers`] asks another one.
    fn counts_fees(&self) -> bool;

    /// Returns what is spent of a budget for the fees of newcomers, in lamports, as time has left it.
    async fn fees_of_newcomers(&self, budget: Budget, limit: Limit, now: Timestamp)
    -> Result<u64, PortError>;

    /// Returns how many sessions of a shared asset with limited capacity are running or being paid for.
    async fn seats_taken(&self, asset: &AssetId) -> Result<u64, PortError>;

    /// Returns the same for several assets, in their order, with a single query.
    async fn seats_taken_of(&self, assets: &[AssetId]) -> Result<Vec<u64>, PortError>;

    /// Uses up a wallet's proof, durably. Returns false if it was used before.
    ///
    /// A used proof is forgotten once it has expired. A proof is for one path, so where each stream has a database of its
    /// own, it is enough that the shard which answers this path remembers it.
    async fn use_proof(&self, proven: &Proven, now: Timestamp) -> Result<bool, PortError>;
}

/// The durable storage.
pub trait Journal: Streams + Claims + Schedule + Accounts {}

impl<J: Streams + Claims + Schedule + Accounts> Journal for J {}

/// The assets that were created by API. The assets of the configuration are known without it.
///
/// It is only for reading: for the list of assets and for the 402. It may be up to a minute old, so it never decides a
/// change, nor the sale of an exclusive asset: those are decided on the asset's own state, which [`Streams`] loads.
pub trait Catalogue {
    /// Returns the asset with this id; `None` if there is none, or it was deleted.
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError>;

    /// Returns the assets after the id `after`, or the first of all, in the byte order of their ids, and at most
    /// `limit`. An answer with fewer than `limit` assets is the last.
    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError>;
}

/// Why a payment can't be prepared. Nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrepareError {
    /// The chain would refuse the payment.
    Refused {
        /// A stable reason.
        reason: &'static str,
        /// What the buyer can do about it.
        detail: &'static str,
    },
    /// The transaction is on the chain already: it was settled elsewhere, or long ago.
    AlreadySettled,
    /// There is no clear answer.
    Unavailable(SettleError),
}

/// What is known of a payment that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money has moved: the chain shows a transaction with exactly this payment's message, without an error.
    Landed(Landing),
    /// The payment landed with an error and that is final, or it can no longer land. The buyer was not charged.
    Failed {
        /// A stable reason.
        reason: &'static str,
    },
    /// The outcome is not known, and has to be asked for again (invariant 3).
    Unclear,
}

/// The result of sending a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The payment was sent as it was claimed.
    AsClaimed,
    /// The payment was sent, and the claim has to keep this rail from now on, for example because the rail has told the
    /// payment's id. What the payment holds while it is in flight must be the same as before.
    As(Rail),
}

/// A payment that the chain shows, whatever the journal knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What a claim keeps of it.
    pub rail: Rail,
    pub landing: Landing,
    /// When it landed; `None` if the node does not say.
    pub at: Option<Timestamp>,
}

/// How much work an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Ask nodes for what they remember of the last minutes.
    Quick,
    /// Search the full history, and find out whether the payment can still land.
    Thorough,
}

/// The settlement, which moves money.
pub trait Settlement {
    /// Returns the gateway's wallets that may pay the network's fees. There is at least one.
    fn fee_payers(&self) -> &[Address];

    /// Returns a blockhash that a buyer can sign with, if one is known that is fresh at `now`.
    ///
    /// It never queries a node, because an unpaid request calls no other system (invariant 8).
    fn recent_blockhash(&self, now: Timestamp) -> Option<RecentBlockhash>;

    /// Asks a node for a blockhash that a buyer can sign with, at most once in five seconds for all who ask.
    ///
    /// # Errors
    /// `SettleError::AskedJustNow` if it was asked less than five seconds ago, or the reason why the node gave none.
    async fn fetch_blockhash(&self, now: Timestamp) -> Result<RecentBlockhash, SettleError>;

    /// Simulates the payment at `now` and prepares it for sending, without sending it.
    ///
    /// Neither the fee payer's signature nor the id made from it may leave the process. So nobody else can land the
    /// payment before the claim is durable.
    async fn prepare(&self, payment: &Verified, now: Timestamp) -> Result<Prepared, PrepareError>;

    /// Sends a claimed payment, always with the same bytes, and returns what the claim has to keep of it from now on.
    ///
    /// An error says nothing about whether the payment lands. It is called again only if the claim's rail allows that
    /// ([`Rail::may_be_sent_again`]).
    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError>;

    /// Returns how long after sending the first query is worthwhile, in milliseconds. That is about the time of the
    /// quickest payment.
    fn first_look_ms(&self) -> u64;

    /// Finds out the outcome of a claimed payment. After a network error it is `Unclear`.
    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome;

    /// Searches the chain for a payment that the journal does not know, back to `since`. Returns `None` if the chain does not
    /// show exactly this payment without an error.
    ///
    /// The gateway need not have the key of the fee payer any more.
    ///
    /// # Errors
    /// Returns the reason why there is no clear answer.
    async fn find(&self, payment: &Verified, since: Timestamp) -> Result<Option<Found>, SettleError>;

    /// Returns whether payments could be settled now.
    ///
    /// # Errors
    /// Returns the reason why they could not.
    async fn health(&self) -> Result<(), SettleError>;
}

/// The answer to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The body, which the platform truncates at some limit.
    pub body: Vec<u8>,
}

/// Outgoing HTTP requests.
pub trait Http {
    /// Posts JSON and waits for the whole answer, for at most `timeout_ms` milliseconds.
    async fn post_json(&self, url: &str, body: String, timeout_ms: u64)
    -> Result<HttpAnswer, TransportError>;
}

/// All ports of one platform.
pub trait Ports {
    /// The type of its clocks.
    type Clock: Clock;
    /// The type of its source of randomness.
    type Entropy: Entropy;
    /// The type of its durable storage.
    type Journal: Journal;
    /// The type of its catalogue of assets created by API.
    type Catalogue: Catalogue;
    /// The type of its settlement.
    type Settlement: Settlement;

    /// Returns the clocks.
    fn clock(&self) -> &Self::Clock;
    /// Returns the source of randomness.
    fn entropy(&self) -> &Self::Entropy;
    /// Returns the durable storage.
    fn journal(&self) -> &Self::Journal;
    /// Returns the catalogue of assets created by API.
    fn catalogue(&self) -> &Self::Catalogue;
    /// Returns the settlement.
    fn settlement(&self) -> &Self::Settlement;
    /// Writes one line for the operator. It must contain nothing secret.
    fn log(&self, line: &str);
}
