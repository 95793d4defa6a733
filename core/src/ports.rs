//! What the core needs from the platform it runs on. Few and small; what is
//! written here is a contract. The types that its methods take and return are passed on here.
//!
//! No `Send` is asked for: on Workers futures are not `Send`. Native callers get
//! it from their concrete types.

#![allow(async_fn_in_trait, reason = "no bound on the futures is wanted: see the module's documentation")]

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::config::Asset;
pub use crate::error::PortError;
use crate::error::{SettleError, TransportError};
use crate::ids::{AssetId, PaymentId, SessionId, StreamId};
use crate::quote::TicketId;
pub use crate::rail::{Balances, Prepared, Verified};
use crate::session::index::{PaymentRecord, SessionRecord};
pub use crate::session::{Batch, Claim, Landing};
use crate::session::{Rail, Snapshot};
use crate::svm::{Address, RecentBlockhash};
use crate::time::{Now, Timestamp};

/// The clocks.
pub trait Clock {
    /// Both clocks, read at once. Sampled once for each command.
    fn now(&self) -> Now;

    /// Waits for about `ms` milliseconds.
    async fn sleep(&self, ms: u64);
}

/// Randomness.
pub trait Entropy {
    /// 16 bytes from a cryptographically secure source.
    fn random(&self) -> [u8; 16];
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable.
    Done,
    /// Somebody else was first: the revision is taken, or a payment or a ticket that
    /// it claims is claimed already. Nothing was written. Load again.
    Conflict,
    /// It claims a payment that another stream has claimed. Where one database holds all streams this is a
    /// [`Self::Conflict`] like any other. Nothing was written.
    Elsewhere,
    /// It claims a payment whose balance does not cover it beside everything else that is
    /// in flight from there, on any asset of this journal (`FundsCheck`).
    /// Nothing was written. Also answered for a revision that is taken: load and look.
    NotCovered,
    /// It claims a payment whose fee goes beyond what our fee payer may spend on this day,
    /// with all that was claimed before. Nothing was written. Also answered for a revision
    /// that is taken: load and look.
    OverBudget,
    /// It claims a payment whose wallet guards would fail beside what is in flight, or one from a token account that a
    /// guard of a payment in flight speaks of. Nothing was written. Also answered for a revision that is taken: load
    /// and look.
    GuardAtRisk,
    /// It claims a session of a shared asset of which as many run already as may. Nothing was written. Also answered
    /// for a revision that is taken: load and look.
    Full,
}

/// What is known of a payer before its next payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerHistory {
    /// When its latest payments failed, the latest first. Failures of long ago may be forgotten.
    pub failures: Vec<Timestamp>,
    /// Whether a payment of it has ever bought something.
    pub has_bought: bool,
}

/// A page of a payer's sessions: those that began before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it began.
    pub starts: Timestamp,
    /// Which it is.
    pub session: SessionId,
}

/// The streams: what has happened, and where each stands after it.
pub trait Streams {
    /// Returns where a stream stands; revision 0 for one that nothing has happened to. The cost does not depend on its
    /// history.
    async fn load(&self, stream: &StreamId) -> Result<Snapshot, PortError>;

    /// Appends a batch as revision `expected + 1`: all of it or nothing, durable when it answers `Done`, so that a loss
    /// of power does not undo it. A [`PortError`] leaves open whether it was written: load and look.
    async fn append(&self, stream: &StreamId, expected: u64, batch: &Batch) -> Result<Appended, PortError>;
}

/// What was claimed and what it bought, found without knowing its stream.
pub trait Claims {
    /// Returns the payment of this id, if it is in flight or has bought something. A false `None` would charge a buyer
    /// twice only if [`Streams::append`] lied too.
    async fn payment(&self, id: &PaymentId) -> Result<Option<PaymentRecord>, PortError>;

    /// Says whether another stream than this one has the payment, where [`Self::payment`] does not know the payments of
    /// all streams: asked of payments that show no ticket of this stream's asset.
    ///
    /// It guards money, so each journal answers it itself.
    async fn is_claimed_elsewhere(&self, stream: &StreamId, id: &PaymentId) -> Result<bool, PortError>;

    /// Returns the payment for the ticket of this name, likewise.
    async fn payment_by_ticket(&self, ticket: &TicketId) -> Result<Option<PaymentRecord>, PortError>;

    /// Returns a session, running or past.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, PortError>;

    /// Returns a payer's sessions, the latest first, `limit` at most, those before the cursor.
    async fn sessions_of(
        &self,
        payer: &Account,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError>;
}

/// What is due, and when.
pub trait Schedule {
    /// Returns streams whose paid time is over at `now`, the longest overdue first.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError>;

    /// Returns the next moment after `now` at which paid time is over.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError>;

    /// Returns streams with a payment in flight that is to be looked after at `now`.
    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError>;

    /// Returns the next moment after `now` at which a payment is to be looked after.
    async fn next_unsettled(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError>;

    /// Returns streams whose device has not reported that it does what it should.
    async fn unfulfilled(&self, limit: u32) -> Result<Vec<StreamId>, PortError>;
}

/// What all streams of one merchant share: payers, fees, seats.
pub trait Accounts {
    /// Returns what is known of a payer at all assets, with its latest `failures` failures at most.
    async fn history_of(&self, payer: &Account, failures: u32) -> Result<PayerHistory, PortError>;

    /// Returns what the payments claimed on this UTC day may cost our fee payer, in lamports.
    async fn fees_of_day(&self, day: u64) -> Result<u64, PortError>;

    /// Returns how many sessions of a shared asset of limited capacity run or are being paid for.
    async fn seats_taken(&self, asset: &AssetId) -> Result<u64, PortError>;
}

/// The durable memory.
pub trait Journal: Streams + Claims + Schedule + Accounts {}

impl<J: Streams + Claims + Schedule + Accounts> Journal for J {}

/// The assets that were made by API. (Those of the configuration are known without asking.)
///
/// It is for reading: the list, and the 402. What it says may be up to a minute old, so
/// nothing is sold or changed by it: a payment and a change are decided on the asset's
/// own state, which [`Streams`] loads.
pub trait Catalogue {
    /// The asset of this id; `None` if there is none, or it was deleted.
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError>;

    /// The assets behind this id, or all of them, in the order of their ids (of their
    /// bytes), `limit` at most. An answer that is shorter than `limit` is the last.
    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError>;
}

/// Why a payment can't be prepared. Nobody was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrepareError {
    /// The chain would refuse it.
    Refused {
        /// A stable reason.
        reason: &'static str,
        /// What the buyer can do about it.
        detail: &'static str,
    },
    /// It is on chain already, settled elsewhere or long ago.
    AlreadySettled,
    /// No clear answer.
    Unavailable(SettleError),
}

/// What is known of a payment that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money has moved. On a chain: a transaction with identical message bytes and no error is there.
    Landed(Landing),
    /// It landed with an error for good, or can't land any more: nobody was charged.
    Failed {
        /// A stable reason.
        reason: &'static str,
    },
    /// Not known: to be asked again (invariant 3).
    Unclear,
}

/// What came of sending a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It was sent as it is claimed.
    AsClaimed,
    /// It was sent, and this is to be kept of it from now on: the rail has told the payment's id, for example. What it
    /// holds while it is in flight is the same as before.
    As(Rail),
}

/// How much work an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Ask what nodes remember of the last minutes.
    Quick,
    /// Search full history, and find out whether the payment can still land.
    Thorough,
}

/// Moves money.
pub trait Settlement {
    /// The wallets of ours that may pay the network's fees; one at least.
    fn fee_payers(&self) -> &[Address];

    /// A blockhash that a buyer can sign with, if one is known that is fresh at `now`. It is never asked for: an
    /// unpaid request calls nobody (invariant 8).
    fn recent_blockhash(&self, now: Timestamp) -> Option<RecentBlockhash>;

    /// Simulates the payment at `now` and makes it ready to send, without sending it. Neither our signature nor the
    /// id made of it leaves the process: until the claim is durable, nobody else could land the payment.
    async fn prepare(&self, payment: &Verified, now: Timestamp) -> Result<Prepared, PrepareError>;

    /// Sends a claimed payment, always the same bytes, and returns what is to be kept of it from now on. An error says
    /// nothing about whether it lands.
    ///
    /// It is called again only where the claim's rail allows that ([`Rail::may_be_sent_again`]).
    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError>;

    /// When after sending a first look is worth it, in milliseconds: about what the
    /// quickest payment takes.
    fn first_look_ms(&self) -> u64;

    /// Finds out what became of a claimed payment. A network error is `Unclear`.
    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome;

    /// Whether payments could be settled now.
    async fn health(&self) -> Result<(), SettleError>;
}

/// An answer to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The body, cut off by the platform at some bound.
    pub body: Vec<u8>,
}

/// Outgoing HTTP.
pub trait Http {
    /// Posts JSON and waits for the whole answer, `timeout_ms` at most.
    async fn post_json(&self, url: &str, body: String, timeout_ms: u64)
    -> Result<HttpAnswer, TransportError>;
}

/// All ports of one platform.
pub trait Ports {
    /// Its clocks.
    type Clock: Clock;
    /// Its randomness.
    type Entropy: Entropy;
    /// Its memory.
    type Journal: Journal;
    /// What it knows of the assets that were made by API.
    type Catalogue: Catalogue;
    /// How it moves money.
    type Settlement: Settlement;

    /// The clocks.
    fn clock(&self) -> &Self::Clock;
    /// The randomness.
    fn entropy(&self) -> &Self::Entropy;
    /// The memory.
    fn journal(&self) -> &Self::Journal;
    /// The assets that were made by API.
    fn catalogue(&self) -> &Self::Catalogue;
    /// The settlement.
    fn settlement(&self) -> &Self::Settlement;
    /// Says something to the operator: one line, nothing secret.
    fn log(&self, line: &str);
}
