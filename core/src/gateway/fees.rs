//! Claims a payment whose fee a budget bears, and refuses one that none bears.
//!
//! The rule is in `session/fee.rs`.

use super::buy::{BuyRequest, SaleError, refused};
use super::terms::VerifiedPurchase;
use super::unclaimed::Unclaimed;
use super::{ClaimError, ClaimGuard, Gateway};
use crate::ids::StreamId;
use crate::ports::{Accounts as _, Clock as _, Entropy as _, PayerHistory, Ports};
use crate::session::fee::Limit;
use crate::session::{ClaimRequest, Snapshot};
use crate::time::Timestamp;

/// How long a payment waits before it is simulated again, in milliseconds: the shortest and the longest pause.
///
/// It is random, so that nobody knows when to move the money away.
const PAUSE_MS: (u64, u64) = (300, 1_500);

/// A purchase that may be claimed, and what is known of its payer and its asset.
pub(super) struct Claimable {
    pub verified: VerifiedPurchase,
    /// Whether its payer has bought before.
    pub has_bought: bool,
    /// Until when its payer has to wait.
    pub waits_until: Option<Timestamp>,
    pub generation: u64,
    /// The stream as it was last seen.
    pub snapshot: Snapshot,
}

impl<P: Ports> Gateway<'_, P> {
    /// Refuses a payment whose fee nothing would bear, before anything is asked of the chain.
    ///
    /// It saves that work. The append decides again whether a budget bears the fee. Only here is a newcomer's fee limited by
    /// itself: of payments that arrive at once with the same trust, later ones may exceed that limit, but no budget.
    pub(super) async fn ensure_fee_is_borne(
        &self,
        verified: &VerifiedPurchase,
        history: &PayerHistory,
        now: Timestamp,
    ) -> Result<(), SaleError> {
        let Some(fee) = verified.payment.fee() else { return Ok(()) };
        if fee <= history.trust {
            return Ok(());
        }
        let settlement = &self.deployment().config.settlement;
        if fee > settlement.max_fee_of_newcomers() {
            return Err(TOO_HIGH);
        }
        // Where another database counts, every sale would send it one more request. It is asked once it has refused a claim.
        if !self.ports().journal().counts_fees() {
            return Ok(());
        }
        self.ensure_budget_bears(verified, fee, now).await
    }

    /// Refuses a newcomer's payment whose fee the whole budget does not bear.
    async fn ensure_budget_bears(
        &self,
        verified: &VerifiedPurchase,
        fee: u64,
        now: Timestamp,
    ) -> Result<(), SaleError> {
        let settlement = &self.deployment().config.settlement;
        let limit = Limit::newcomers(settlement.max_fee_lamports_per_day);
        let spent = self.ports().journal().fees_of_newcomers(verified.payment.budget(), limit, now).await?;
        if spent.saturating_add(fee) <= limit.most { Ok(()) } else { Err(self.over_budget(fee)) }
    }

    /// Has the chain simulate the payment, and claims it.
    ///
    /// Once half of what newcomers may cost is spent, a payment of theirs has to pass a second simulation after a random
    /// pause. That finds most of those whose money is moved away on the way. A payment that the whole budget does not bear
    /// either is refused without that.
    pub(super) async fn simulate_and_claim(
        &self,
        buy: &BuyRequest<'_>,
        stream: &StreamId,
        purchase: &Claimable,
    ) -> Result<Snapshot, Unclaimed> {
        match self.try_to_claim(buy, stream, purchase, Budgets::Half).await {
            Err(Unclaimed::Claim(ClaimError::Guarded(ClaimGuard::OverBudget))) => {
                let (verified, now) = (&purchase.verified, self.ports().clock().now().wall);
                if let Some(fee) = verified.payment.fee() {
                    self.ensure_budget_bears(verified, fee, now).await?;
                }
                let [random, ..] = self.ports().entropy().random();
                let (least, most) = PAUSE_MS;
                let pause = least + (most - least) * u64::from(random) / u64::from(u8::MAX);
                self.ports().clock().sleep(pause).await;
                self.try_to_claim(buy, stream, purchase, Budgets::Whole).await
            }
            claimed => claimed,
        }
    }

    async fn try_to_claim(
        &self,
        buy: &BuyRequest<'_>,
        stream: &StreamId,
        purchase: &Claimable,
        budgets: Budgets,
    ) -> Result<Snapshot, Unclaimed> {
        let Claimable { verified, has_bought, waits_until, generation, snapshot } = purchase;
        let prepared = self.prepare(verified, *has_bought, self.ports().clock().now().wall).await?;
        // The chain may have taken seconds to answer, and a budget fills until it is asked.
        let now = self.ports().clock().now().wall;
        let funds = self.funds(verified, &prepared, now);
        let funds = funds.map(|funds| match budgets {
            Budgets::Half => funds.with_half_of_budgets(),
            Budgets::Whole => funds,
        });
        let ask = ClaimRequest {
            claim: self.claim_of(buy, stream, verified.clone(), prepared, now),
            waits_until: *waits_until,
            generation: *generation,
        };
        let written = self.claim(stream, snapshot.clone(), ask, funds).await.map_err(Unclaimed::Claim)?;
        Ok(written.snapshot)
    }

    /// Returns the refusal of a payment whose fee no budget bears now.
    pub(super) fn over_budget(&self, fee: u64) -> SaleError {
        let per_day = self.deployment().config.settlement.max_fee_lamports_per_day;
        let wait = Limit::newcomers(per_day).refill_ms(fee);
        SaleError::FeeBudget(self.ports().clock().now().wall.plus_millis(wait))
    }
}

/// How much of the newcomers' budgets a claim may use.
#[derive(Clone, Copy)]
enum Budgets {
    Half,
    Whole,
}

/// Refuses a payment that offers the network more than a newcomer may cost.
const TOO_HIGH: SaleError = refused(
    "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high",
    "The payment's priority fee is higher than the gateway pays for a wallet that has paid little here so far. You \
     were not charged. Sign again with a lower compute unit price.",
);
