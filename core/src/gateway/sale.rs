//! One sale: from a payment as it arrived to the session that it bought.
//!
//! The order of the checks matters (design, "From payment to open door"): a claim
//! of this payment is looked up first, before expiry, price or busy, because a
//! buyer who was charged must never be told no because time has passed.

use std::borrow::Cow;

use super::buy::{Buy, Sale, SaleError, refused};
use super::terms::Verified;
use super::{ClaimError, ClaimGuard, CommandError, Gateway, Written};
use crate::config::Asset;
use crate::error::StoreError;
use crate::ids::{PaymentId, SessionId};
use crate::money::Amount;
use crate::ports::{Clock as _, Journal as _, Ports, PrepareError, Prepared, Settlement as _};
use crate::quote::Operation;
use crate::session::index::{PaymentRecord, PaymentStatus};
use crate::session::{Ask, Claim, Command, FAILURES_ALLOWED, Guarded, Reject, Stored, decide};
use crate::svm::exact::{Refusal, VerifiedPayment};
use crate::svm::transaction::Transaction;
use crate::time::Timestamp;
use crate::x402::Envelope;

/// A payment, and what came of checking it against an asset.
#[derive(Debug)]
struct Checked<'a> {
    asset: Cow<'a, Asset>,
    verdict: Result<Verified, SaleError>,
}

/// A payment, as far as it can be judged without the journal.
#[derive(Debug)]
pub struct Examined<'a> {
    id: PaymentId,
    started: Timestamp,
    checked: Option<Checked<'a>>,
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// Carries out a sale, or answers the repeat of one.
    ///
    /// # Errors
    /// When there is none. Then nothing was charged, except for
    /// [`SaleError::AlreadyUsed`], whose sale was answered before.
    pub async fn buy(&self, buy: &Buy<'_>) -> Result<Sale, SaleError> {
        let examined = self.examine(buy).await?;
        self.sell(buy, examined).await
    }

    /// Judges a payment by itself and by the catalogue. The journal is not asked.
    ///
    /// # Errors
    /// [`SaleError::Refused`] if it can't be decoded or its payer has not signed it,
    /// [`SaleError::Unavailable`] if the catalogue does not answer. Any other fault may have
    /// come with time, after the payer was charged: [`Self::sell`] tells it.
    pub async fn examine(&self, buy: &Buy<'_>) -> Result<Examined<'a>, SaleError> {
        let started = self.ports().clock().now().wall;
        let transaction = Transaction::decode(&buy.payment.transaction).map_err(|_| Refusal::Undecodable)?;
        let id = PaymentId::of_message(&transaction.message_bytes);
        let asset = self.find_asset(buy.asset).await?;
        let checked = asset.map(|asset| self.check(asset, buy, transaction, started));
        // What its payer has not signed was never claimed.
        if checked.as_ref().is_some_and(|checked| checked.verdict == Err(Refusal::Signature.into())) {
            return Err(Refusal::Signature.into());
        }
        Ok(Examined { id, started, checked })
    }

    /// Carries out a sale that was examined, or answers the repeat of one.
    ///
    /// # Errors
    /// Those of [`Self::buy`].
    pub async fn sell(&self, buy: &Buy<'_>, examined: Examined<'_>) -> Result<Sale, SaleError> {
        let Examined { id, started, checked } = examined;
        if let Some(record) = self.ports().journal().payment(&id).await? {
            return self.repeat(buy, record, started).await;
        }
        // The memo of a ticket of this asset's binds the payment to this asset. Any other could be another asset's.
        let own = |checked: &Checked<'_>| checked.verdict.as_ref().is_ok_and(|it| it.memo_bound);
        if !checked.as_ref().is_some_and(own)
            && self.ports().journal().is_claimed_elsewhere(buy.asset, &id).await?
        {
            return Err(SaleError::AlreadyUsed);
        }
        let (stored, ask) = match self.make_ready(buy, checked, started).await {
            Ok(ready) => ready,
            // The same payment may have been claimed meanwhile by a request beside this
            // one: then this is a repeat, whatever the state or the chain says now.
            Err(error) => match self.ports().journal().payment(&id).await? {
                Some(record) => return self.repeat(buy, record, started).await,
                None => return Err(error),
            },
        };
        match self.claim(buy.asset, stored, ask).await {
            Ok(Written { stored, .. }) => match stored.state.claim(&id) {
                Some(claim) => self.settle(buy.asset, &stored, claim, started).await,
                None => Err(SaleError::Unavailable(StoreError::Invariant("a claim was lost").into())),
            },
            Err(error) => {
                if let Some(record) = self.ports().journal().payment(&id).await? {
                    return self.repeat(buy, record, started).await;
                }
                Err(match error {
                    ClaimError::Command(CommandError::Rejected(reject)) => rejected(reject),
                    ClaimError::Command(CommandError::Port(error)) => SaleError::Unavailable(error),
                    ClaimError::Command(CommandError::Conflict) => self.conflict(buy).await?,
                    ClaimError::Guarded(ClaimGuard::Elsewhere) => SaleError::AlreadyUsed,
                    ClaimError::Guarded(ClaimGuard::NotCovered) => NOT_COVERED,
                    ClaimError::Guarded(ClaimGuard::OverBudget) => self.over_budget(),
                    ClaimError::Guarded(ClaimGuard::AtRisk) => GUARD_AT_RISK,
                })
            }
        }
    }

    /// Why a claim met a conflict although the payment itself is new.
    async fn conflict(&self, buy: &Buy<'_>) -> Result<SaleError, SaleError> {
        if let Envelope::V2 { ticket: Some(ticket), .. } = &buy.payment.envelope
            && self.ports().journal().payment_by_ticket(&ticket.id()).await?.is_some()
        {
            return Ok(SaleError::QuoteUsed);
        }
        let until = self.ports().clock().now().wall.plus_millis(1000);
        Ok(SaleError::Rejected(Reject::Busy { until }))
    }

    /// Everything else before the claim: whether the payment is what it has to be, and
    /// whether the chain would take it. Nothing is written.
    async fn make_ready(
        &self,
        buy: &Buy<'_>,
        checked: Option<Checked<'_>>,
        now: Timestamp,
    ) -> Result<(Stored, Ask), SaleError> {
        let (checked, seen) = self.check_as_sold(buy, checked, now).await?;
        let (incarnation, verified) = (checked.asset.incarnation, checked.verdict?);
        let payment = &verified.payment;
        self.check_fee_budget(payment.fee_lamports, now).await?;
        if let Some(ticket) = &verified.ticket
            && self.ports().journal().payment_by_ticket(ticket).await?.is_some()
        {
            return Err(SaleError::QuoteUsed);
        }
        let unsent = Prepared {
            transaction: String::new(),
            signature: String::new(),
            height: 0,
            left: Amount::ZERO,
            shared: false,
            fee_payer_lamports: 0,
        };
        let session = match &buy.operation {
            Operation::Access => self.deployment().keys.session_id(&payment.id),
            Operation::Extend { session } => session.clone(),
        };
        let history = self.ports().journal().history_of(&payment.payer, FAILURES_ALLOWED).await?;
        let ask = |prepared: Prepared| Ask {
            failures: history.failures.clone(),
            left: prepared.left,
            fee_payer_lamports: prepared.fee_payer_lamports,
            incarnation,
            claim: claim(buy, &verified, session.clone(), prepared),
        };
        // Whoever can't have the asset anyway is told so before the chain is asked.
        let stored = match seen {
            Some(stored) => stored,
            None => self.ports().journal().load(buy.asset).await?,
        };
        let now = self.ports().clock().now();
        decide(&stored.state, Command::Claim(Box::new(ask(unsent))), &now).map_err(rejected)?;
        match self.ports().settlement().prepare(payment, &verified.token, now.wall).await {
            Ok(prepared) => {
                refuse_at_risk(payment, &prepared, history.has_bought)?;
                Ok((stored, ask(prepared)))
            }
            Err(PrepareError::Refused { reason, detail }) => Err(refused(reason, detail)),
            Err(PrepareError::AlreadySettled) => Err(SaleError::AlreadyUsed),
            Err(PrepareError::Unavailable(error)) => {
                self.ports().log(&format!("a payment can't be settled now: {error}"));
                Err(SaleError::Unavailable(error.into()))
            }
        }
    }

    /// Checks a payment against this asset.
    fn check<'c>(
        &self,
        asset: Cow<'c, Asset>,
        buy: &Buy<'_>,
        transaction: Transaction,
        now: Timestamp,
    ) -> Checked<'c> {
        let fee_payers = self.ports().settlement().fee_payers();
        let verdict = self.deployment().verify(&asset, buy, transaction, fee_payers, now);
        Checked { asset, verdict }
    }

    /// The payment checked against the asset as it is sold: as the configuration names it, or
    /// else as its own state has it (which comes along), whatever the catalogue says.
    async fn check_as_sold<'c>(
        &self,
        buy: &Buy<'_>,
        checked: Option<Checked<'c>>,
        now: Timestamp,
    ) -> Result<(Checked<'c>, Option<Stored>), SaleError> {
        let checked = match checked {
            Some(checked) if checked.asset.is_configured() => {
                let disabled = || rejected(Reject::Disabled);
                return checked.asset.enabled.then_some((checked, None)).ok_or_else(disabled);
            }
            other => other,
        };
        let stored = self.ports().journal().load(buy.asset).await?;
        let listing = stored.state.listing.as_ref().ok_or(rejected(Reject::Gone))?;
        let asset = listing.asset(buy.asset);
        let checked = match checked.filter(|checked| *checked.asset == asset) {
            Some(checked) => checked,
            None => {
                let transaction = Transaction::decode(&buy.payment.transaction);
                let transaction = transaction.map_err(|_| Refusal::Undecodable)?;
                self.check(Cow::Owned(asset), buy, transaction, now)
            }
        };
        Ok((checked, Some(stored)))
    }

    async fn check_fee_budget(&self, fee: u64, now: Timestamp) -> Result<(), SaleError> {
        let spent = self.ports().journal().fees_of_day(now.day()).await?;
        if spent.saturating_add(fee) <= self.deployment().config.settlement.max_fee_lamports_per_day {
            return Ok(());
        }
        Err(self.over_budget())
    }

    fn over_budget(&self) -> SaleError {
        self.ports()
            .log("the fee payer's budget of the day is spent: raise settlement.max_fee_lamports_per_day");
        let today = self.ports().clock().now().wall.day();
        SaleError::FeeBudget(Timestamp::from_millis((today + 1) * 86_400_000))
    }

    /// Answers a payment that is claimed already. Whoever shows its ticket is the
    /// buyer; the bytes alone are public once they have landed (invariant 1).
    async fn repeat(
        &self,
        buy: &Buy<'_>,
        record: PaymentRecord,
        started: Timestamp,
    ) -> Result<Sale, SaleError> {
        let shown = match &buy.payment.envelope {
            Envelope::V2 { ticket: Some(ticket), .. } => Some(ticket.id()),
            _ => None,
        };
        let same = shown.is_some()
            && shown == record.ticket
            && record.asset == *buy.asset
            && record.operation == buy.operation;
        if !same {
            return Err(SaleError::AlreadyUsed);
        }
        if buy.quantity.is_some_and(|asked| asked != record.paid.quantity) {
            return Err(SaleError::QuantityMismatch { quoted: record.paid.quantity });
        }
        if buy.impatient && record.status == PaymentStatus::Pending {
            return Ok(Sale::Pending(Box::new(record)));
        }
        self.wait(buy.asset, record, started).await
    }
}

/// A payment that could bounce: the chain would take it alone, but not beside the others.
const NOT_COVERED: SaleError = refused(
    "insufficient_funds",
    "the paying token account does not cover this payment beside those that are in flight from it: wait until they have landed, or add funds; nothing was charged",
);

/// A payment whose wallet guards could fail on landing: the chain would take it alone, but not beside the others.
const GUARD_AT_RISK: SaleError = refused(
    "sign_again",
    "another payment is in flight that a check added by your wallet depends on. Nothing was charged: wait a few seconds, ask for a new 402 and sign again",
);

/// A stranger's account from which somebody else may take the money. One transaction of a delegate could empty many
/// such accounts while payments from all of them are in flight, and each of those would cost its fee.
const SHARED_SOURCE: SaleError = refused(
    "source_not_exclusive",
    "another address may spend from the paying token account or close it. Nothing was charged: revoke that, or pay from another wallet",
);

/// Refuses what the chain would take now and might not take a moment later.
fn refuse_at_risk(payment: &VerifiedPayment, prepared: &Prepared, has_bought: bool) -> Result<(), SaleError> {
    if prepared.shared && !has_bought {
        return Err(SHARED_SOURCE);
    }
    match payment.guards.fee_payer_floor {
        Some(floor) if floor > prepared.fee_payer_lamports => Err(GUARD_AT_RISK),
        _ => Ok(()),
    }
}

const fn rejected(reject: Reject) -> SaleError {
    match reject {
        Reject::PriceChanged => refused(
            "price_changed",
            "the price has changed in this moment and nothing was charged: pay what is asked now",
        ),
        reject => SaleError::Rejected(reject),
    }
}

fn claim(buy: &Buy<'_>, verified: &Verified, session: SessionId, prepared: Prepared) -> Claim {
    let payment = &verified.payment;
    Claim {
        payment: payment.id.clone(),
        operation: buy.operation.clone(),
        session,
        paid: verified.paid.clone(),
        ticket: verified.ticket.clone(),
        payer: payment.payer,
        source: payment.source,
        transaction: prepared.transaction,
        signature: prepared.signature,
        height: prepared.height,
        fee_payer: payment.fee_payer,
        fee_lamports: payment.fee_lamports,
        guarded: Guarded {
            source: payment.guards.exclusive_source,
            fee_payer_floor: payment.guards.fee_payer_floor,
        },
        at: Timestamp::default(),
    }
}
