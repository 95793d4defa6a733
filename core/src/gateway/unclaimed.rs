//! What a buyer is told whose purchase was not claimed.

use super::buy::{BuyRequest, NOT_COVERED, SaleError, rejected};
use super::{ClaimError, ClaimGuard, CommandError, Gateway};
use crate::ids::{PaymentId, StreamId};
use crate::ports::{Claims as _, Clock as _, PortError, Ports};
use crate::quote::Operation;
use crate::rail::GUARD_AT_RISK;
use crate::session::Reject;

/// After how long a buyer who found no free seat may come again, in milliseconds.
const FULL_MS: u64 = 10_000;

/// Why a purchase was not claimed.
pub(super) enum Unclaimed {
    /// It was refused before the claim.
    Refused(SaleError),
    /// The claim itself failed.
    Claim(ClaimError),
}

impl<E: Into<SaleError>> From<E> for Unclaimed {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl<P: Ports> Gateway<'_, P> {
    /// Returns the error for a buyer whose purchase was not claimed.
    pub(super) async fn unclaimed_error(
        &self,
        buy: &BuyRequest<'_>,
        id: &PaymentId,
        stream: &StreamId,
        unclaimed: Unclaimed,
    ) -> Result<SaleError, SaleError> {
        if self.was_sold_otherwise(buy, id, stream).await? {
            return Ok(SaleError::AlreadyUsed);
        }
        Ok(match unclaimed {
            Unclaimed::Refused(error) => error,
            Unclaimed::Claim(ClaimError::Command(CommandError::Rejected(reject))) => rejected(reject),
            Unclaimed::Claim(ClaimError::Command(CommandError::Port(error))) => SaleError::Unavailable(error),
            Unclaimed::Claim(ClaimError::Command(CommandError::Conflict)) => self.conflict(buy).await?,
            Unclaimed::Claim(ClaimError::Guarded(guard)) => match guard {
                ClaimGuard::Elsewhere => SaleError::AlreadyUsed,
                ClaimGuard::NotCovered => NOT_COVERED,
                ClaimGuard::OverBudget => {
                    self.over_budget(self.deployment().config.settlement.max_fee_of_newcomers())
                }
                ClaimGuard::AtRisk => GUARD_AT_RISK.into(),
                ClaimGuard::Full => self.full(),
            },
        })
    }

    /// Returns whether a payment without a ticket has bought its asset when that was shared and now is not, or the other way
    /// round.
    ///
    /// Nothing but a ticket says which it was, and each has its own stream. A buyer who was charged there must not be told
    /// here that nothing was charged (invariant 3).
    async fn was_sold_otherwise(
        &self,
        buy: &BuyRequest<'_>,
        id: &PaymentId,
        stream: &StreamId,
    ) -> Result<bool, PortError> {
        if buy.stream.is_some() || buy.payment.ticket().is_some() || buy.operation != Operation::Access {
            return Ok(false);
        }
        let asset = buy.asset.clone();
        let other = if stream.is_shared() {
            StreamId::of_asset(asset)
        } else {
            StreamId::of_session(asset, self.deployment().keys.session_id(id))
        };
        self.ports().journal().is_known_in(&other, id).await
    }

    /// Returns the refusal of a purchase of a full asset.
    pub(super) fn full(&self) -> SaleError {
        let until = self.ports().clock().now().wall.plus_millis(FULL_MS);
        SaleError::Rejected(Reject::Full { until })
    }

    /// Returns why a claim met a conflict although the payment itself is new.
    async fn conflict(&self, buy: &BuyRequest<'_>) -> Result<SaleError, SaleError> {
        if let Some(ticket) = buy.payment.ticket()
            && self.ports().journal().payment_by_ticket(&ticket.id()).await?.is_some()
        {
            return Ok(SaleError::QuoteUsed);
        }
        let until = self.ports().clock().now().wall.plus_millis(1000);
        Ok(SaleError::Rejected(Reject::Busy { until }))
    }
}
