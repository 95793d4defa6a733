//! What one append writes to the journal, and what the journal gives back.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::fee::FeeCheck;
use super::index::{self, IndexChange};
use super::pending::pending;
use super::state::{StreamState, evolve};
use crate::account::Account;
use crate::ids::StreamId;
use crate::money::Amount;
use crate::time::{Now, Timestamp};

/// The version of the encoding that this code writes.
const ENCODING: u8 = 2;

/// The funds that have to cover a claimed payment.
///
/// The journal refuses the claim if they do not cover everything that is in flight at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsCheck {
    /// The account that pays; `None` if no account does.
    pub source: Option<Account>,
    /// What the payment takes from `source`, in atomic units.
    pub amount: Amount,
    /// What could still be paid from `source` after this payment alone, in atomic units.
    pub remaining: Amount,
    /// Whether no other payment may be in flight from `source`, because a wallet guard checks that account.
    pub exclusive: bool,
    /// The gateway's wallet that pays the fee; `None` if the gateway pays none.
    pub fee_payer: Option<Account>,
    /// What may still be spent from `fee_payer` before a wallet guard on its balance fails, in lamports; `None` if no
    /// guard checks it.
    pub slack: Option<u64>,
    /// What its fee may cost; `None` if the gateway pays none, or another database has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<FeeCheck>,
}

impl FundsCheck {
    /// Returns the check with only half of what newcomers' fees may cost.
    #[must_use]
    pub(crate) fn with_half_of_budgets(self) -> Self {
        Self { fee: self.fee.map(FeeCheck::with_half), ..self }
    }

    /// Returns the check without the fee, which is checked elsewhere.
    #[must_use]
    pub(crate) fn without_fee(self) -> Self {
        Self { fee: None, ..self }
    }
}

/// What one append writes: the events, the state after them, the changes of the indexes, and when something is due
/// next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The version of the encoding: 2.
    pub v: u8,
    /// What happened, in this order.
    pub events: Vec<Event>,
    /// The state after all of `events`.
    pub state: StreamState,
    /// The changes that `events` make to the indexes.
    pub index: Vec<IndexChange>,
    /// When the paid time ends, if the end is still to be decided.
    pub due: Option<Timestamp>,
    /// When to look after a payment in flight; `None` if there is none.
    pub unsettled: Option<Timestamp>,
    /// Whether a device has not yet been reported to do what it should.
    pub unfulfilled: bool,
    /// What has to cover the payment that this batch claims. The journal checks it in the append and does not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FundsCheck>,
}

impl Batch {
    /// Creates the batch of `events`, which follow the state `before`; `None` if `events` is empty.
    #[must_use]
    pub fn new(stream: &StreamId, before: &StreamState, events: Vec<Event>, now: &Now) -> Option<Self> {
        if events.is_empty() {
            return None;
        }
        let state = events.iter().fold(before.clone(), evolve);
        let index = index::changes(stream, before, &state, &events);
        let pending = pending(&state, now);
        let (due, unsettled) = (pending.due, pending.unsettled);
        let unfulfilled = state.needs_fulfilment() && pending.unmet.is_some();
        Some(Self { v: ENCODING, events, state, index, due, unsettled, unfulfilled, funds: None })
    }

    /// Returns the same batch, to be written only if `funds` covers what is claimed.
    #[must_use]
    pub(crate) fn with_funds(self, funds: Option<FundsCheck>) -> Self {
        Self { funds, ..self }
    }
}

/// A stream's state, as the journal holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// How many appends the stream has had; 0 for a stream to which nothing has happened.
    pub revision: u64,
    pub state: StreamState,
}
