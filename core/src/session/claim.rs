//! The reservation of a payment, and what it is for.

use serde::{Deserialize, Serialize};

use crate::ids::{PaymentId, SessionId};
use crate::money::Amount;
use crate::quote::{Operation, TicketId};
use crate::svm::Address;
use crate::time::Timestamp;

/// What was bought and for how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Units.
    pub quantity: u64,
    /// How long they last, in seconds.
    pub seconds: u64,
    /// What they cost.
    pub amount: Amount,
    /// In which mint.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
}

/// The durable reservation of one payment, made before any money moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The payment.
    pub payment: PaymentId,
    /// What it is for.
    pub operation: Operation,
    /// The session that it will start or extend.
    pub session: SessionId,
    /// What was quoted.
    pub paid: Paid,
    /// The ticket's name, where there was a ticket: whoever shows the ticket again is the buyer.
    pub ticket: Option<TicketId>,
    /// Who pays.
    pub payer: Address,
    /// From which token account.
    pub source: Address,
    /// The transaction with all signatures, base64: what is sent, again and again
    /// the same bytes.
    pub transaction: String,
    /// The transaction's id (our signature, base58): known before it is sent.
    pub signature: String,
    /// The block height at which the blockhash was seen valid: beyond this + 150
    /// the transaction can't land any more.
    pub height: u64,
    /// The wallet of ours that pays the network's fee.
    pub fee_payer: Address,
    /// What it costs our fee payer at most, in lamports.
    pub fee_lamports: u64,
    /// What its wallet guards depend on.
    #[serde(default, skip_serializing_if = "Guarded::is_nothing")]
    pub guarded: Guarded,
    /// When it was claimed.
    pub at: Timestamp,
}

/// What the wallet guards of a payment depend on, as far as other payments could break them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// The paying token account: no other payment may be in flight from it.
    pub source: bool,
    /// The least balance that our fee payer must have, in lamports.
    pub fee_payer_floor: Option<u64>,
}

impl Guarded {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
