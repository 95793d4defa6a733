//! Sells: takes a payment, and returns the session that it bought.
//!
//! The order of the checks matters. An existing claim of this payment is looked up before expiry, price or a busy asset
//! are checked. A buyer who was charged must never be refused because time has passed.

use std::borrow::Cow;

use super::Gateway;
use super::buy::{BuyRequest, Sale, SaleError, Wait, refused, rejected};
use super::confirm::not_charged;
use super::fees::Claimable;
use super::lost::Seen;
use super::terms::{Quoted, VerifiedPurchase};
use super::unclaimed::Unclaimed;
use crate::config::Asset;
use crate::error::StoreError;
use crate::ids::{PaymentId, SessionId, StreamId};
use crate::ports::{
    Accounts as _, Claims as _, Clock as _, Ports, PrepareError, Prepared, Settlement as _, Streams as _,
};
use crate::quote::{Operation, Quote, Ticket};
use crate::rail::Presented;
use crate::session::index::{PaymentRecord, PaymentStatus};
use crate::session::{Claim, FAILURES_COUNTED, FundsCheck, Intent, Reject, Snapshot, precheck, waits_until};
use crate::time::Timestamp;

/// The result of checking a payment against an asset.
#[derive(Debug)]
struct Checked<'a> {
    asset: Cow<'a, Asset>,
    verdict: Result<VerifiedPurchase, SaleError>,
}

/// A payment, as far as it can be judged without the journal.
#[derive(Debug)]
pub struct Examined<'a> {
    id: PaymentId,
    stream: StreamId,
    started: Timestamp,
    presented: Presented,
    quoted: Option<Quoted>,
    checked: Option<Checked<'a>>,
}

impl Examined<'_> {
    /// Returns the stream in which the payment is claimed.
    #[must_use]
    pub const fn stream(&self) -> &StreamId {
        &self.stream
    }
}

/// A payment that is what its asset asks for, and its stream's state.
struct VerifiedSale {
    verified: VerifiedPurchase,
    generation: u64,
    snapshot: Snapshot,
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// Carries out a sale, or answers the repeat of one.
    ///
    /// # Errors
    /// Returns a `SaleError` if there is no sale. Nothing was charged, except for `SaleError::AlreadyUsed`: an earlier
    /// request may have bought something with that payment.
    pub async fn buy(&self, buy: &BuyRequest<'_>) -> Result<Sale, SaleError> {
        let examined = self.examine(buy).await?;
        self.sell(buy, examined).await
    }

    /// Judges a payment by itself and by the catalogue, without the journal.
    ///
    /// # Errors
    /// `SaleError::Refused` if the payment can't be decoded or its payer has not signed it, `SaleError::Unavailable` if
    /// the catalogue does not answer. Other faults are left to [`Self::sell`], because an earlier
    /// request may have charged the payer.
    pub async fn examine(&self, buy: &BuyRequest<'_>) -> Result<Examined<'a>, SaleError> {
        let started = self.ports().clock().now().wall;
        let presented = Presented::read(buy.payment)?;
        let id = presented.id();
        let quoted = self.deployment().quoted(buy.payment, self.ports().settlement().fee_payers());
        let asset = self.find_asset(buy.asset).await?;
        let checked = asset.map(|asset| self.check(asset, buy, &presented, quoted.as_ref(), started));
        // A payment that its payer has not signed was never claimed.
        let unsigned = presented.unsigned().map(SaleError::from);
        if let Some(unsigned) = unsigned.filter(|error| is_refused(checked.as_ref(), error)) {
            return Err(unsigned);
        }
        let asset = checked.as_ref().map(|checked| &*checked.asset);
        let stream = self.stream(buy, &id, quoted.as_ref().map(|quoted| &quoted.quote), asset);
        Ok(Examined { id, stream, started, presented, quoted, checked })
    }

    /// Returns the stream in which a payment is claimed.
    ///
    /// The ticket says whether the asset was shared, so that a repeat finds the claim whatever the asset has become.
    fn stream(
        &self,
        buy: &BuyRequest<'_>,
        id: &PaymentId,
        quote: Option<&Quote>,
        asset: Option<&Asset>,
    ) -> StreamId {
        if let Some(stream) = &buy.stream {
            return stream.clone();
        }
        let quoted = match quote {
            Some(quote) => Some(quote.is_shared),
            // An earlier request may have bought something with a ticket that no longer opens.
            None => buy.payment.ticket().and_then(Quote::claims_to_be_shared),
        };
        let present = || asset.is_some_and(|asset| asset.capacity.is_shared());
        let is_shared = quoted.unwrap_or_else(present);
        if !is_shared {
            return StreamId::of_asset(buy.asset.clone());
        }
        // The session's id follows from the ticket if there is one, so that another payment for the same ticket finds
        // it taken.
        let ticket = buy.payment.ticket().filter(|_| buy.operation == Operation::Access);
        let session = ticket.map_or_else(|| self.session_of(buy, id), Ticket::session);
        StreamId::of_session(buy.asset.clone(), session)
    }

    /// Returns the session that a payment starts or extends.
    pub(super) fn session_of(&self, buy: &BuyRequest<'_>, id: &PaymentId) -> SessionId {
        match &buy.operation {
            Operation::Access => self.deployment().keys.session_id(id),
            Operation::Extend { session } => session.clone(),
        }
    }

    /// Carries out a sale that was examined, or answers the repeat of one.
    ///
    /// # Errors
    /// Those of [`Self::buy`].
    pub async fn sell(&self, buy: &BuyRequest<'_>, examined: Examined<'_>) -> Result<Sale, SaleError> {
        let (id, stream, started) = (examined.id.clone(), examined.stream.clone(), examined.started);
        if let Some(record) = self.ports().journal().payment(&id).await? {
            return self.repeat(buy, record, started).await;
        }
        // A host asks again only about a payment that was claimed. It is not claimed any more, so it has failed.
        if buy.wait == Wait::Again {
            return Err(not_charged());
        }
        let seen = Seen { presented: examined.presented.clone(), stream: stream.clone() };
        match self.purchase(buy, examined).await {
            Ok(snapshot) => match snapshot.state.claim(&id) {
                Some(claim) => self.submit_and_confirm(&stream, &snapshot, claim, started, buy.wait).await,
                None => Err(SaleError::Unavailable(StoreError::Invariant("a claim is missing").into())),
            },
            // Another request may have claimed the same payment in the meantime. Then this is a repeat, whatever the
            // state or the chain says now.
            Err(unclaimed) => match self.ports().journal().payment(&id).await? {
                Some(record) => self.repeat(buy, record, started).await,
                // The journal may have lost a payment that has landed.
                None => match self.restore(buy, &seen, &unclaimed).await? {
                    Some(sale) => Ok(sale),
                    None => Err(self.unclaimed_error(buy, &id, &seen.stream, unclaimed).await?),
                },
            },
        }
    }

    /// Claims a payment that no request has claimed. Nothing is written before the claim.
    async fn purchase(&self, buy: &BuyRequest<'_>, examined: Examined<'_>) -> Result<Snapshot, Unclaimed> {
        let stream = examined.stream.clone();
        self.ensure_not_elsewhere(&examined).await?;
        let VerifiedSale { verified, generation, snapshot } = self.verify_as_sold(buy, examined).await?;
        let (id, payer) = (verified.payment.id(), verified.payment.payer());
        self.ensure_first_for_its_ticket(&verified).await?;
        let history = self.ports().journal().history_of(&payer, FAILURES_COUNTED).await?;
        let has_bought = history.has_bought;
        let waits_until = waits_until(&history.failures, has_bought);
        let intent = Intent {
            payment: &id,
            operation: &buy.operation,
            purchase: &verified.purchase,
            payer: &payer,
            has_ticket: verified.ticket.is_some(),
            fulfilment: verified.fulfilment,
            source: verified.payment.source(),
            waits_until,
            generation,
        };
        let now = self.ports().clock().now();
        precheck(&snapshot.state, &intent, &now).map_err(rejected)?;
        self.ensure_a_seat(buy, &verified).await?;
        self.ensure_fee_is_borne(&verified, &history, now.wall).await?;
        let purchase = Claimable { verified, has_bought, waits_until, generation, snapshot };
        self.simulate_and_claim(buy, &stream, &purchase).await
    }

    /// Refuses a purchase of a full shared asset before anything is asked of the chain.
    ///
    /// It only saves that work. The append of the claim decides who gets the last seat.
    async fn ensure_a_seat(
        &self,
        buy: &BuyRequest<'_>,
        verified: &VerifiedPurchase,
    ) -> Result<(), SaleError> {
        let Some(seats) = verified.seats.filter(|_| buy.operation == Operation::Access) else {
            return Ok(());
        };
        if self.ports().journal().seats_taken(buy.asset).await? < seats { Ok(()) } else { Err(self.full()) }
    }

    /// Refuses a payment that another stream has claimed.
    ///
    /// A payment that is bound to a ticket of this asset can't be claimed elsewhere. Any other payment could be.
    async fn ensure_not_elsewhere(&self, examined: &Examined<'_>) -> Result<(), SaleError> {
        let verdict = examined.checked.as_ref().map(|checked| &checked.verdict);
        let is_bound = matches!(verdict, Some(Ok(verified)) if verified.payment.is_bound());
        if !is_bound && self.ports().journal().is_claimed_elsewhere(&examined.stream, &examined.id).await? {
            return Err(SaleError::AlreadyUsed);
        }
        Ok(())
    }

    /// Checks the payment against the asset as it is sold.
    ///
    /// For an asset of the configuration and for a shared asset, that is the asset that was examined. For an exclusive
    /// asset that was created by API, its own state counts, whatever the catalogue says.
    async fn verify_as_sold(
        &self,
        buy: &BuyRequest<'_>,
        examined: Examined<'_>,
    ) -> Result<VerifiedSale, SaleError> {
        let Examined { stream, started, presented, quoted, checked, .. } = examined;
        let load = || self.ports().journal().load(&stream);
        let checked = match checked {
            Some(Checked { asset, verdict }) if asset.is_configured() || stream.is_shared() => {
                if !asset.enabled {
                    return Err(rejected(Reject::Disabled));
                }
                return Ok(VerifiedSale {
                    verified: verdict?,
                    // Only the stream of an exclusive asset knows the generation.
                    generation: 0,
                    snapshot: load().await?,
                });
            }
            other => other,
        };
        let snapshot = load().await?;
        let listing = snapshot.state.listing.as_ref().ok_or(rejected(Reject::Gone))?;
        let asset = listing.asset(buy.asset);
        let Checked { asset, verdict } = match checked.filter(|checked| *checked.asset == asset) {
            Some(checked) => checked,
            None => self.check(Cow::Owned(asset), buy, &presented, quoted.as_ref(), started),
        };
        Ok(VerifiedSale { verified: verdict?, generation: asset.generation, snapshot })
    }

    /// Checks a payment against `asset`.
    fn check<'c>(
        &self,
        asset: Cow<'c, Asset>,
        buy: &BuyRequest<'_>,
        presented: &Presented,
        quoted: Option<&Quoted>,
        now: Timestamp,
    ) -> Checked<'c> {
        let fee_payers = self.ports().settlement().fee_payers();
        let verdict = self.deployment().verify(&asset, buy, presented, quoted, fee_payers, now);
        Checked { asset, verdict }
    }

    /// Refuses a payment whose ticket another payment has answered.
    async fn ensure_first_for_its_ticket(&self, verified: &VerifiedPurchase) -> Result<(), SaleError> {
        match &verified.ticket {
            Some(ticket) if self.ports().journal().payment_by_ticket(ticket).await?.is_some() => {
                Err(SaleError::QuoteUsed)
            }
            _ => Ok(()),
        }
    }

    /// Has the rail check the payment on the chain and make it ready to be sent.
    pub(super) async fn prepare(
        &self,
        verified: &VerifiedPurchase,
        has_bought: bool,
        now: Timestamp,
    ) -> Result<Prepared, SaleError> {
        match self.ports().settlement().prepare(&verified.payment, now).await {
            Ok(prepared) => match prepared.risk(has_bought) {
                Some(refusal) => Err(refusal.into()),
                None => Ok(prepared),
            },
            Err(PrepareError::Refused { reason, detail }) => Err(refused(reason, detail)),
            Err(PrepareError::AlreadySettled) => Err(SaleError::AlreadyUsed),
            Err(PrepareError::Unavailable(error)) => {
                self.ports().log(&format!("a payment can't be settled now: {error}"));
                Err(SaleError::Unavailable(error.into()))
            }
        }
    }

    /// Returns what has to cover the payment when it is claimed.
    pub(super) fn funds(
        &self,
        verified: &VerifiedPurchase,
        prepared: &Prepared,
        now: Timestamp,
    ) -> Option<FundsCheck> {
        let per_day = self.deployment().config.settlement.max_fee_lamports_per_day;
        prepared.funds(&verified.purchase.price, &verified.payment.payer(), per_day, now)
    }

    /// Creates the claim of a payment that is ready to be sent.
    pub(super) fn claim_of(
        &self,
        buy: &BuyRequest<'_>,
        stream: &StreamId,
        verified: VerifiedPurchase,
        prepared: Prepared,
        at: Timestamp,
    ) -> Claim {
        let VerifiedPurchase { payment, purchase, fulfilment, refund, seats, ticket } = verified;
        let seats = seats.filter(|_| buy.operation == Operation::Access);
        let id = payment.id();
        let session = stream.session().cloned().unwrap_or_else(|| self.session_of(buy, &id));
        Claim {
            payment: id,
            operation: buy.operation.clone(),
            session,
            purchase,
            ticket,
            payer: payment.payer(),
            rail: prepared.rail,
            fulfilment,
            seats,
            refund,
            at,
        }
    }

    /// Answers a payment that is claimed already.
    ///
    /// A sender who shows its ticket is the buyer, and so is one for whom the host vouches. The signed bytes prove
    /// nothing, because they are public once they have landed (invariant 1).
    async fn repeat(
        &self,
        buy: &BuyRequest<'_>,
        record: PaymentRecord,
        started: Timestamp,
    ) -> Result<Sale, SaleError> {
        if buy.wait == Wait::Again {
            // The host has sent this very request before, and it was the buyer's then.
            return self.look_again(record).await;
        }
        let shown = buy.payment.ticket().map(Ticket::id);
        let same = shown.is_some()
            && shown == record.ticket
            && record.stream.asset() == buy.asset
            && record.operation == buy.operation;
        if !same {
            return Err(SaleError::AlreadyUsed);
        }
        if buy.quantity.is_some_and(|asked| asked != record.purchase.quantity) {
            return Err(SaleError::QuantityMismatch { quoted: record.purchase.quantity });
        }
        if buy.no_wait && record.status == PaymentStatus::Pending {
            return Ok(Sale::Pending(Box::new(record)));
        }
        let stream = record.stream.clone();
        self.await_outcome(&stream, record, started, buy.wait).await
    }
}

/// Returns whether a payment was checked and refused with `error`.
fn is_refused(checked: Option<&Checked<'_>>, error: &SaleError) -> bool {
    checked.is_some_and(|checked| checked.verdict.as_ref() == Err(error))
}
