//! A priced quote, as a rail offers it.

use crate::money::Amount;
use crate::quote::{Nonce, Ticket};

/// What is known of a priced quote when it is offered.
#[derive(Clone, Debug)]
pub(crate) struct Priced<'q> {
    /// What it costs, in atomic units.
    pub amount: Amount,
    /// What makes it unique.
    pub nonce: &'q Nonce,
    /// It, as its buyer carries it.
    pub ticket: Ticket,
}
