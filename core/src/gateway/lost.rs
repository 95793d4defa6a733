//! Gives a payment its record back: one that landed and that the journal has lost.
//!
//! The buyer shows the ticket again. The ticket proves what was quoted, the memo that the transaction answers this ticket, and
//! the chain that the money has moved. A thief can copy a transaction from the chain, but not its ticket.

use super::buy::{BuyRequest, Sale, SaleError};
use super::unclaimed::Unclaimed;
use super::{ClaimError, ClaimGuard, CommandError, Gateway};
use crate::ids::StreamId;
use crate::ports::{Claims as _, Clock as _, Found, Ports, Settlement as _, Streams as _};
use crate::quote::{Operation, QUOTE_SECONDS, Quote, TicketId};
use crate::rail::{Presented, Verified};
use crate::session::{Claim, Command, Fulfilment, Purchase, Refund, Restored};
use crate::time::Timestamp;

/// The reasons of refusals that a payment with a dead blockhash gets, also one that has landed.
const AS_IF_DEAD: [&str; 2] = ["invalid_exact_svm_transaction_simulation_failed", "sign_again"];

/// What a request tells of a payment that may have landed.
pub(super) struct Seen {
    pub presented: Presented,
    /// The stream in which it would have been claimed.
    pub stream: StreamId,
}

/// A payment that answers its ticket, as far as its bytes can tell.
struct Lost {
    verified: Verified,
    quote: Quote,
    ticket: TicketId,
    /// Whether its fee payer still is one of ours.
    is_current: bool,
}

impl Lost {
    /// Returns when its quote was made.
    const fn quoted_at(&self) -> Timestamp {
        Timestamp::from_millis(self.quote.expires_at.millis().saturating_sub(QUOTE_SECONDS * 1_000))
    }
}

impl<P: Ports> Gateway<'_, P> {
    /// Finds a payment on the chain that was not claimed, and records it with what becomes of it.
    ///
    /// Returns `None` if it has not landed, or not for this ticket. The expiry of the ticket does not matter, because it limits
    /// new sales only.
    ///
    /// # Errors
    /// `SaleError::NotDelivered` if it bought nothing, or `SaleError::Unavailable` if the chain or the storage does not answer.
    pub(super) async fn restore(
        &self,
        buy: &BuyRequest<'_>,
        seen: &Seen,
        why: &Unclaimed,
    ) -> Result<Option<Sale>, SaleError> {
        let Unclaimed::Refused(error) = why else { return Ok(None) };
        if matches!(error, SaleError::Unavailable(_) | SaleError::QuoteUsed) {
            return Ok(None);
        }
        let Some(lost) = self.lost(buy, &seen.presented) else { return Ok(None) };
        if !self.may_be_lost(&lost, &seen.stream, error).await? {
            return Ok(None);
        }
        let found = self.ports().settlement().find(&lost.verified, lost.quoted_at()).await;
        match found {
            Ok(Some(found)) => self.record_of(buy, &seen.stream, lost, found).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => {
                self.ports().log(&format!("a payment can't be searched on the chain now: {error}"));
                Err(SaleError::Unavailable(error.into()))
            }
        }
    }

    /// Returns what a payment with its ticket says of itself; `None` unless the transaction answers exactly this ticket.
    ///
    /// The ticket's code covers its fee payer, so a fee payer that is no longer ours can be taken from the transaction.
    fn lost(&self, buy: &BuyRequest<'_>, presented: &Presented) -> Option<Lost> {
        let deployment = self.deployment();
        let (keys, config) = (&deployment.keys, &deployment.config);
        let ticket = buy.payment.ticket()?;
        let fee_payer = presented.named_fee_payer()?;
        let quote = Quote::open(ticket, keys, config, &[fee_payer])?;
        let is_for_this = quote.asset == *buy.asset && quote.operation == buy.operation;
        if !is_for_this || buy.quantity.is_some_and(|asked| asked != quote.quantity) {
            return None;
        }
        let expected = presented.expected(config, &quote.offered, Some(&quote.nonce)).ok()?;
        let verified = expected.verify(keys, config, quote.amount).ok()?;
        // Without the memo, somebody else's payment of the same amount would do for a ticket that nobody has paid.
        verified.is_bound().then(|| Lost {
            verified,
            quote,
            ticket: ticket.id(),
            is_current: self.ports().settlement().fee_payers().contains(&fee_payer),
        })
    }

    /// Returns whether the journal may have lost the payment, so that the chain has to be asked.
    ///
    /// A stream that was there before the quote has not lost it, unless a copy was restored since. That spares the chain the
    /// buyers of a busy asset. Whatever is too old for a sale is searched in any case. A stream that may have been deleted is not
    /// searched, because its payment has had its session.
    async fn may_be_lost(
        &self,
        lost: &Lost,
        stream: &StreamId,
        error: &SaleError,
    ) -> Result<bool, SaleError> {
        if self.ports().journal().forgets(stream) {
            return Ok(false);
        }
        let now = self.ports().clock().now().wall;
        let is_too_old = !lost.is_current || now >= lost.quote.expires_at;
        if is_too_old || *error == SaleError::AlreadyUsed {
            return Ok(true);
        }
        // Whatever else is wrong with a payment, such as its amount, is wrong also if it has landed.
        if matches!(error, SaleError::Refused { reason, .. } if !AS_IF_DEAD.contains(reason)) {
            return Ok(false);
        }
        let began = self.ports().journal().load(stream).await?.state.epoch.max(self.deployment().epoch);
        // Each session of a shared asset has a new stream, which tells nothing.
        let is_new = began == 0 && !stream.is_shared();
        Ok(is_new || lost.quoted_at().seconds() <= began)
    }

    /// Writes the record of a payment that was found on the chain.
    async fn record_of(
        &self,
        buy: &BuyRequest<'_>,
        stream: &StreamId,
        lost: Lost,
        found: Found,
    ) -> Result<Sale, SaleError> {
        let (asset, id) = (stream.asset(), lost.verified.id());
        let transaction = &found.rail.transaction().unwrap_or_default().to_owned();
        self.ports()
            .log(&format!("found a payment for {asset} that the journal does not know: {transaction}"));
        let has_word = self.ports().journal().has_owners_word(transaction).await?;
        let mut restored = self.restored(buy, stream, lost, found).await?;
        if has_word {
            self.ports()
                .log("the owner has said what it is, so it starts no session; see `coinop reconcile --all`");
            restored.may_start = false;
        }
        loop {
            let command = Command::Restore(Box::new(restored.clone()));
            match self.write(stream, None, command, None).await {
                Ok(written) => {
                    if let Some(sold) = written.sold(&id) {
                        self.ports().log(&sold.line(&self.deployment().config));
                        return Ok(Sale::Sold(Box::new(sold)));
                    }
                }
                // All seats are taken, but the money has moved.
                Err(ClaimError::Guarded(ClaimGuard::Full)) if restored.may_start => {
                    restored.may_start = false;
                    restored.claim.seats = None;
                    continue;
                }
                Err(ClaimError::Command(CommandError::Port(error))) => return Err(error.into()),
                // Another request was first, or another shard still holds the payment.
                Err(_) => {}
            }
            return match self.ports().journal().payment(&id).await? {
                Some(_) => self.current_outcome(&id).await,
                None => Err(SaleError::AlreadyUsed),
            };
        }
    }

    /// Returns the claim as it would have been, from the quote and from the asset as it is now.
    async fn restored(
        &self,
        buy: &BuyRequest<'_>,
        stream: &StreamId,
        lost: Lost,
        found: Found,
    ) -> Result<Restored, SaleError> {
        let Lost { verified, quote, ticket, .. } = lost;
        let config = &self.deployment().config;
        let asset = self.find_asset(buy.asset).await?;
        let asset = asset.filter(|asset| {
            asset.generation == quote.generation && asset.capacity.is_shared() == quote.is_shared
        });
        let is_access = buy.operation == Operation::Access;
        let seats = asset.as_ref().and_then(|asset| asset.capacity.seats()).filter(|_| is_access);
        let id = verified.id();
        let session = stream.session().cloned().unwrap_or_else(|| self.session_of(buy, &id));
        let now = self.ports().clock().now().wall;
        let claim = Claim {
            payment: id,
            operation: quote.operation,
            session,
            purchase: Purchase {
                quantity: quote.quantity,
                allowance: quote.allowance,
                price: quote.offered.money(config, quote.amount),
            },
            ticket: Some(ticket),
            payer: verified.payer(),
            rail: found.rail,
            fulfilment: asset.as_ref().map_or(Fulfilment::None, |asset| asset.fulfilment()),
            seats,
            refund: asset.as_ref().map_or(Refund::Manual, |asset| asset.refund),
            at: now,
        };
        let landed_at = found.at.unwrap_or(quote.expires_at).min(now);
        Ok(Restored {
            claim,
            landed_at,
            landing: found.landing,
            generation: if stream.is_shared() { 0 } else { quote.generation },
            may_start: asset.is_some(),
        })
    }
}
