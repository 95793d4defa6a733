//! A priced quote, as a rail offers it.

use crate::money::Amount;
use crate::quote::{Nonce, Ticket};

/// What is known of a priced quote when it is offered.
#[derive(Clone, Debug)]
pub(crate) struct Priced<'q> {
    /// In atomic units.
    pub amount: Amount,
    pub nonce: &'q Nonce,
    pub ticket: Ticket,
}
