//! What a buyer asks for with a payment, and what comes of it.

use crate::ids::{AssetId, StreamId};
use crate::ports::PortError;
use crate::pricing::Tariff;
use crate::quote::Operation;
use crate::rail::Refusal;
use crate::session::Reject;
use crate::session::index::{PaymentRecord, SessionRecord};
use crate::svm::lighthouse::GuardFault;
use crate::time::Timestamp;
use crate::x402::PaymentPayload;

/// What a buyer asks for, with a payment.
#[derive(Clone, Debug)]
pub struct BuyRequest<'a> {
    /// The asset. It may be deleted by now: a payment that was taken is answered all the same.
    pub asset: &'a AssetId,
    /// A new session, or more time.
    pub operation: Operation,
    /// The stream of the session that is extended, where the request names it.
    pub stream: Option<StreamId>,
    /// How much, if the request says so.
    pub quantity: Option<u64>,
    /// The payment.
    pub payment: &'a PaymentPayload,
    /// Many wait for this payment already: a repeat is answered at once.
    pub no_wait: bool,
}

/// A completed sale.
#[derive(Clone, Debug)]
pub struct Sold {
    /// The payment.
    pub payment: PaymentRecord,
    /// The session that it started or extended, as it stands now.
    pub session: SessionRecord,
}

/// What became of a sale.
#[derive(Clone, Debug)]
pub enum Sale {
    /// Paid and granted, now or before.
    Sold(Box<Sold>),
    /// Sent; whether it landed is not known yet.
    Pending(Box<PaymentRecord>),
}

/// Why there is no sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaleError {
    /// The payment is refused: a stable reason, and what the buyer can do.
    Refused {
        /// For machines.
        reason: &'static str,
        /// For people.
        detail: &'static str,
        /// What about a wallet guard is refused, for the log: a wallet that has changed what it adds is seen there.
        guard: Option<GuardFault>,
        /// Whether it is no payment at all.
        is_no_payment: bool,
    },
    /// Another quantity is asked for than was quoted.
    QuantityMismatch {
        /// What was quoted.
        quoted: u64,
    },
    /// This tariff has no price for the quantity that is asked for.
    Unpriced(Box<Tariff>),
    /// This payment was used already, and the sender does not show its ticket.
    AlreadyUsed,
    /// Another payment has answered this quote.
    QuoteUsed,
    /// The asset's state refuses it.
    Rejected(Reject),
    /// The fee payer's budget of the day is spent; until then.
    FeeBudget(Timestamp),
    /// Storage or the chain does not answer; nothing was charged.
    Unavailable(PortError),
}

impl From<PortError> for SaleError {
    fn from(error: PortError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<Refusal> for SaleError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { reason, detail, guard, is_no_payment } = refusal;
        Self::Refused { reason, detail, guard, is_no_payment }
    }
}

/// Makes a refusal that no wallet guard is the reason of.
pub(super) const fn refused(reason: &'static str, detail: &'static str) -> SaleError {
    SaleError::Refused { reason, detail, guard: None, is_no_payment: false }
}

/// Makes the error of a refusal by the asset's state.
pub(super) const fn rejected(reject: Reject) -> SaleError {
    match reject {
        Reject::PriceChanged => refused(
            "price_changed",
            "the price has changed in this moment and nothing was charged: pay what is asked now",
        ),
        reject => SaleError::Rejected(reject),
    }
}

/// Refuses a payment that its balance covers alone, but not beside what is in flight.
pub(super) const NOT_COVERED: SaleError = refused(
    "insufficient_funds",
    "the paying token account does not cover this payment beside those that are in flight from it: wait until they have landed, or add funds; nothing was charged",
);
