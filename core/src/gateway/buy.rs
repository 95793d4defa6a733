//! What a buyer asks for with a payment, and the possible answers.

use crate::config::{AcceptedToken, Config};
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

/// What a buyer asks for, with the payment for it.
#[derive(Clone, Debug)]
pub struct BuyRequest<'a> {
    /// The asset's id. The asset may be deleted by now: a payment that was accepted before is still answered.
    pub asset: &'a AssetId,
    /// Whether to start a session or to extend one.
    pub operation: Operation,
    /// The stream of the session to be extended, if the request names it.
    pub stream: Option<StreamId>,
    /// How many units of the tariff, if the request says so.
    pub quantity: Option<u64>,
    /// The payment as it was sent.
    pub payment: &'a PaymentPayload,
    /// Whether a repeat is answered at once, because many requests wait for this payment already.
    pub no_wait: bool,
    /// How long the request waits for the payment's outcome.
    pub wait: Wait,
}

impl<'a> BuyRequest<'a> {
    /// Returns the purchase of what was quoted, by a client that waits for the outcome.
    #[must_use]
    pub fn new(asset: &'a AssetId, operation: Operation, payment: &'a PaymentPayload) -> Self {
        let wait = Wait::default();
        Self { asset, operation, stream: None, quantity: None, payment, no_wait: false, wait }
    }
}

/// How long a request waits for its payment's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Up to so many milliseconds.
    UpTo(u64),
    /// The host has sent the request before and was told that the payment is pending. It asks for the buyer, who still
    /// waits. The chain is asked once.
    Again,
}

impl Wait {
    /// The longest wait, in milliseconds.
    const LONGEST_MS: u64 = 30_000;

    /// Returns a wait of so many milliseconds, or the longest one.
    pub(crate) fn up_to(ms: u64) -> Self {
        Self::UpTo(ms.min(Self::LONGEST_MS))
    }

    /// Returns how long to wait, in milliseconds.
    pub(super) const fn ms(self) -> u64 {
        match self {
            Self::UpTo(ms) => ms,
            Self::Again => 0,
        }
    }
}

impl Default for Wait {
    fn default() -> Self {
        Self::UpTo(Self::LONGEST_MS)
    }
}

/// A completed sale.
#[derive(Clone, Debug)]
pub struct Sold {
    pub payment: PaymentRecord,
    /// The session that the payment started or extended, as it stands now.
    pub session: SessionRecord,
}

impl Sold {
    /// Returns the line about the sale in the operator's log. It names no buyer and shows no token (invariant 9).
    pub(super) fn line(&self, config: &Config) -> String {
        let PaymentRecord { stream, operation, session, purchase, transaction, .. } = &self.payment;
        let price = &purchase.price;
        let symbol = AcceptedToken::symbol_of(&config.merchant.tokens, config.network, price);
        let token = symbol.unwrap_or(price.token.as_str());
        let amount = price.amount.to_decimal(price.decimals);
        let what = match operation {
            Operation::Access => "",
            Operation::Extend { .. } => "an extension of ",
        };
        let transaction = transaction.as_ref().map(|id| format!(", transaction {id}")).unwrap_or_default();
        format!("sold {what}{} for {amount} {token}: session {session}{transaction}", stream.asset())
    }
}

/// The result of a sale.
#[derive(Clone, Debug)]
pub enum Sale {
    /// Paid and granted, by this request or an earlier one.
    Sold(Box<Sold>),
    /// Claimed. Whether it has landed is not known yet.
    Pending(Box<PaymentRecord>),
}

/// Why there is no sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaleError {
    /// The payment is refused.
    Refused {
        /// A stable reason, for machines.
        reason: &'static str,
        /// What the buyer can do, for people.
        detail: &'static str,
        /// What is wrong with a wallet guard, for the log. It shows when a wallet has changed what it adds.
        guard: Option<GuardFault>,
        /// Whether what was sent is no payment at all.
        is_no_payment: bool,
    },
    /// The request asks for another quantity than was quoted.
    QuantityMismatch {
        /// The quantity that was quoted.
        quoted: u64,
    },
    /// The tariff has no price for the quantity that was asked for.
    Unpriced(Box<Tariff>),
    /// The payment was used already, and the sender does not show its ticket.
    AlreadyUsed,
    /// Another payment has answered this quote.
    QuoteUsed,
    /// The payment landed, but it bought nothing. All of it is owed.
    NotDelivered(Box<PaymentRecord>),
    /// The asset's state does not allow it.
    Rejected(Reject),
    /// No budget bears the payment's fee now. At this time one will, if others do not take it.
    FeeBudget(Timestamp),
    /// The storage or the chain does not answer. Nothing was charged.
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

/// Creates a refusal that is not about a wallet guard.
pub(super) const fn refused(reason: &'static str, detail: &'static str) -> SaleError {
    SaleError::Refused { reason, detail, guard: None, is_no_payment: false }
}

/// Creates the error for a refusal by the asset's state.
pub(super) fn rejected(reject: Reject) -> SaleError {
    match reject {
        Reject::PriceChanged => refused(
            "price_changed",
            "The price has just changed. You were not charged. Pay the price that this 402 offers.",
        ),
        reject => SaleError::Rejected(reject),
    }
}

/// Refuses a payment that its account covers alone, but not together with what is in flight from there.
pub(super) const NOT_COVERED: SaleError = refused(
    "insufficient_funds",
    "The paying token account does not cover this payment together with those in flight from it. You were \
     not charged. Wait until they have landed, or add funds.",
);
