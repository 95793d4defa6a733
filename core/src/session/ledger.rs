//! The ledger: double entry over what the events say of money. It is a projection, and is never read to decide anything.
//!
//! ```text
//! paid -> held -> earned
//!              -> owed -> refunded
//! fee payer -> fees
//! ```
//!
//! An entry moves an amount of one token from one account to another, so the books always balance. What has to be right is
//! that no account but `paid` and `fee_payer` is ever below zero, and that nothing stays held of a session that is over, but
//! for what the owner has yet to decide.

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::event::Event;
use super::failure;
use super::owed::{Decision, OwedStatus};
use super::state::{StreamState, evolve};
use crate::account::Account;
use crate::ids::SessionId;
use crate::money::{Amount, Money};
use crate::time::Timestamp;

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// What buyers have paid. It has less than zero, because money comes from there.
    Paid,
    /// What was paid for sessions that are not over.
    Held,
    /// What is the owner's.
    Earned,
    /// What is owed to payers.
    Owed,
    /// What was paid back to payers.
    Refunded,
    /// What the gateway's wallets had, in lamports. It has less than zero too.
    FeePayer,
    /// What the network took, in lamports.
    Fees,
}

/// One entry: an amount that moved from one account to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub session: SessionId,
    pub from: Book,
    pub to: Book,
    pub money: Money,
    /// The id of what moved it: a payment, what is owed, or the session that ended.
    pub cause: String,
    pub at: Timestamp,
}

/// The token's name of what network fees are paid in.
const LAMPORTS: &str = "SOL";

/// Returns the entries that follow from events that happened to `before`.
#[must_use]
pub(crate) fn entries(before: &StreamState, events: &[Event]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut state = before.clone();
    for event in events {
        enter(&state, event, &mut entries);
        state = evolve(state, event);
    }
    entries.retain(|entry| entry.money.amount > Amount::ZERO);
    entries
}

/// Adds the entries of one event.
fn enter(state: &StreamState, event: &Event, entries: &mut Vec<Entry>) {
    let at = event.at();
    match event {
        Event::PaymentLanded { payment, .. } => {
            let Some(claim) = state.claim(payment) else { return };
            entries.push(Entry {
                session: claim.session.clone(),
                from: Book::Paid,
                to: Book::Held,
                money: claim.purchase.price.clone(),
                cause: payment.as_str().to_owned(),
                at,
            });
            entries.extend(fee(claim, at));
        }
        Event::PaymentFailed { payment, reason, .. } if !failure::cost_nothing(reason) => {
            entries.extend(state.claim(payment).and_then(|claim| fee(claim, at)));
        }
        Event::MoneyOwed(owed) if !owed.reason.is_unclear() => entries.push(Entry {
            session: owed.session.clone(),
            from: Book::Held,
            to: Book::Owed,
            money: owed.money.clone(),
            cause: owed.id.to_string(),
            at,
        }),
        Event::OwedDecided { owed, was, decision, .. } => {
            let from = if *was == OwedStatus::Unclear { Book::Held } else { Book::Owed };
            let to = match decision {
                Decision::Owed => Book::Owed,
                Decision::NotOwed => Book::Earned,
                Decision::Refunded => Book::Refunded,
            };
            let cause = owed.id.to_string();
            entries.push(Entry {
                session: owed.session.clone(),
                from,
                to,
                money: owed.money.clone(),
                cause,
                at,
            });
        }
        Event::SessionEnded { session: id, .. } => {
            let Some(session) = state.session.as_ref().filter(|session| session.id == *id) else { return };
            entries.push(Entry {
                session: id.clone(),
                from: Book::Held,
                to: Book::Earned,
                money: session.kept(),
                cause: id.to_string(),
                at,
            });
        }
        _ => {}
    }
}

/// Returns the entry of a payment's network fee; `None` if the gateway paid none.
fn fee(claim: &Claim, at: Timestamp) -> Option<Entry> {
    let fee = claim.rail.holds(claim.purchase.price.amount).fee?;
    let network = claim.purchase.price.network.clone();
    let money =
        Money { network, token: Account::new(LAMPORTS), amount: Amount::new(fee.amount), decimals: 9 };
    let cause = claim.payment.as_str().to_owned();
    Some(Entry { session: claim.session.clone(), from: Book::FeePayer, to: Book::Fees, money, cause, at })
}
