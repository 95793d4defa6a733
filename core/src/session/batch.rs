//! What one append writes, and what the journal gives back.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::index::{self, IndexChange};
use super::pending::pending;
use super::state::{AssetState, evolve};
use crate::account::Account;
use crate::ids::StreamId;
use crate::money::Amount;
use crate::time::{Now, Timestamp};

/// The version of the encoding that is written.
const ENCODING: u8 = 2;

/// What has to cover a payment that is claimed. The journal refuses the claim unless that is enough for all that is in
/// flight at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsCheck {
    /// The account that pays; `None` where no account does.
    pub source: Option<Account>,
    /// What the payment takes from it.
    pub amount: Amount,
    /// What could still be paid from it after this payment alone.
    pub remaining: Amount,
    /// Whether no other payment may be in flight from the account, because a wallet guard speaks of it.
    pub exclusive: bool,
    /// The wallet of ours that pays the fee; `None` where we pay none.
    pub fee_payer: Option<Account>,
    /// What may still be spent from that wallet before a wallet guard on it fails, in lamports. `None` if no
    /// guard speaks of it.
    pub slack: Option<u64>,
    /// What our fee payers may spend on the payment's day, with all payments, in lamports.
    pub budget: u64,
}

/// What one append writes: the events, the state after them, what changes in the
/// indexes, and when something is due next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The version of the encoding: 2.
    pub v: u8,
    /// What happened.
    pub events: Vec<Event>,
    /// The state after it.
    pub state: AssetState,
    /// What changes in the indexes.
    pub index: Vec<IndexChange>,
    /// When the paid time ends, if somebody is inside.
    pub due: Option<Timestamp>,
    /// When to look after a payment in flight, if there is one.
    pub unsettled: Option<Timestamp>,
    /// Whether whoever fulfils the asset still has to report that it does what it should.
    pub unfulfilled: bool,
    /// What has to cover the payment that is claimed here, if one is. It is held against
    /// the journal and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FundsCheck>,
}

impl Batch {
    /// The batch of these events, which happened to `before`. `None` if there are none.
    #[must_use]
    pub fn new(stream: &StreamId, before: &AssetState, events: Vec<Event>, now: &Now) -> Option<Self> {
        if events.is_empty() {
            return None;
        }
        let state = events.iter().fold(before.clone(), evolve);
        let index = index::changes(stream, before, &state, &events);
        let pending = pending(&state, now);
        let (due, unsettled) = (pending.due, pending.unsettled);
        let unfulfilled = state.is_fulfilled_by_somebody() && pending.order.is_some();
        Some(Self { v: ENCODING, events, state, index, due, unsettled, unfulfilled, funds: None })
    }

    /// The same, to be written only if the paying balance covers what is claimed.
    #[must_use]
    pub(crate) fn with_funds(self, funds: Option<FundsCheck>) -> Self {
        Self { funds, ..self }
    }
}

/// A state as the journal holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// How many batches there are; 0 for an asset that nothing has happened to.
    pub revision: u64,
    /// The state after them.
    pub state: AssetState,
}
