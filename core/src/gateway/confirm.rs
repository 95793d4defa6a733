//! Following a claimed payment until its outcome is known.
//!
//! The request that claimed it, its repeats and recovery all use this. Unknown is not failed (invariant 3).

use std::borrow::Cow;

use super::buy::{Sale, SaleError, Sold, Wait, refused};
use super::{CommandError, Committed, Gateway};
use crate::error::StoreError;
use crate::ids::{PaymentId, StreamId};
use crate::ports::{
    Claims as _, Clock as _, Effort, Outcome, PortError, Ports, Settlement as _, Streams as _, Submitted,
};
use crate::session::index::{IndexChange, PaymentRecord, PaymentStatus};
use crate::session::{Claim, Command, Snapshot, failure};
use crate::time::Timestamp;

/// How long to wait between two queries to the chain, in milliseconds: the shortest and the longest pause.
const POLL_MS: (u64, u64) = (150, 1_000);
/// How long to wait before the same bytes are sent again, in milliseconds.
const RESEND_MS: u64 = 2_000;
/// How old a payment is when a waiting repeat begins to query the chain itself, in milliseconds.
const HELP_AFTER_MS: u64 = 2_500;
/// How old a payment is when a query includes the chain's history, in milliseconds since the claim.
const THOROUGH_AFTER_MS: u64 = 25_000;

impl<P: Ports> Gateway<'_, P> {
    /// Sends a payment that was just claimed, and follows it until its outcome is known or the request has waited long
    /// enough. The chain is asked at least once after it was sent.
    pub(super) async fn submit_and_confirm(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
        claim: &Claim,
        started: Timestamp,
        wait: Wait,
    ) -> Result<Sale, SaleError> {
        let (mut snapshot, mut claim) = (Cow::Borrowed(snapshot), Cow::Borrowed(claim));
        let mut pause = self.ports().settlement().first_look_ms();
        let mut sent_at: Option<Timestamp> = None;
        // The query names the fee payer's signature, so it is made only after the claim.
        if let Some(sale) = self.poll_outcome(stream, &claim, Effort::Quick, true).await? {
            return Ok(sale);
        }
        loop {
            let now = self.ports().clock().now().wall;
            let again = |sent| claim.rail.may_be_sent_again() && now.millis_since(sent) >= RESEND_MS;
            if sent_at.is_none_or(again) {
                if let Some(after) =
                    self.submit(stream, &snapshot, &claim, "a payment may not have been sent").await
                {
                    claim = after.state.claim(&claim.payment).cloned().map_or(claim, Cow::Owned);
                    snapshot = Cow::Owned(after);
                }
                sent_at = Some(now);
            }
            if pause > 0 {
                self.ports().clock().sleep(pause).await;
            }
            pause = (pause * 2).clamp(POLL_MS.0, POLL_MS.1);
            if let Some(sale) = self.poll_outcome(stream, &claim, Effort::Quick, true).await? {
                return Ok(sale);
            }
            if self.ports().clock().now().wall.millis_since(started) >= wait.ms() {
                return self.current_outcome(&claim.payment).await;
            }
        }
    }

    /// Waits while another request settles a payment. Queries the chain itself if that takes long.
    pub(super) async fn await_outcome(
        &self,
        stream: &StreamId,
        mut record: PaymentRecord,
        started: Timestamp,
        wait: Wait,
    ) -> Result<Sale, SaleError> {
        let (mut pause, slowest) = POLL_MS;
        let mut helped_at = started;
        while record.status == PaymentStatus::Pending {
            let now = self.ports().clock().now().wall;
            if now.millis_since(started) >= wait.ms() {
                return Ok(Sale::Pending(Box::new(record)));
            }
            let age = now.overdue_since(record.at);
            if age >= HELP_AFTER_MS && now.millis_since(helped_at) >= RESEND_MS {
                helped_at = now;
                let snapshot = self.ports().journal().load(stream).await?;
                if let Some(claim) = snapshot.state.claim(&record.payment) {
                    self.confirm(stream, &snapshot, claim, now, true).await?;
                }
            }
            self.ports().clock().sleep(pause).await;
            pause = (pause * 2).min(slowest);
            match self.ports().journal().payment(&record.payment).await? {
                Some(newer) => record = newer,
                None => return Err(not_charged()),
            }
        }
        self.sold(record).await
    }

    /// Looks after a claimed payment once, for a host that holds its buyer's connection, and returns what is known of it
    /// then.
    pub(super) async fn look_again(&self, record: PaymentRecord) -> Result<Sale, SaleError> {
        if record.status == PaymentStatus::Pending {
            let snapshot = self.ports().journal().load(&record.stream).await?;
            if let Some(claim) = snapshot.state.claim(&record.payment) {
                let now = self.ports().clock().now().wall;
                if let Some(sale) = self.look(&record.stream, &snapshot, claim, now, true).await? {
                    return Ok(sale);
                }
            }
        }
        self.current_outcome(&record.payment).await
    }

    /// Looks after a claimed payment once. A payment that has failed, or bought nothing, is no error, because that is
    /// durable then.
    pub(super) async fn confirm(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
        claim: &Claim,
        now: Timestamp,
        is_awaited: bool,
    ) -> Result<(), SaleError> {
        match self.look(stream, snapshot, claim, now, is_awaited).await {
            Ok(_) | Err(SaleError::Refused { .. } | SaleError::NotDelivered(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for a payment's outcome, and sends it again if that is unclear and its rail allows it. Returns the sale if
    /// it has landed.
    async fn look(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
        claim: &Claim,
        now: Timestamp,
        is_awaited: bool,
    ) -> Result<Option<Sale>, SaleError> {
        let old = now.overdue_since(claim.at) >= THOROUGH_AFTER_MS;
        let effort = if old { Effort::Thorough } else { Effort::Quick };
        if let Some(sale) = self.poll_outcome(stream, claim, effort, is_awaited).await? {
            return Ok(Some(sale));
        }
        if claim.rail.may_be_sent_again() {
            self.submit(stream, snapshot, claim, "a payment may not have been sent again").await;
        }
        Ok(None)
    }

    /// Sends a claimed payment. What its rail then tells about it is made durable before anything else is done with it.
    ///
    /// Returns the stream after that, if the rail told anything. An error changes nothing, because unknown is not
    /// failed (invariant 3). If it can't be written now, nothing is lost: the rail reports it again
    /// with the next send or with the outcome. `what` is for the log.
    async fn submit(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
        claim: &Claim,
        what: &str,
    ) -> Option<Snapshot> {
        let rail = match self.ports().settlement().submit(claim).await {
            Ok(Submitted::AsClaimed) => return None,
            Ok(Submitted::As(rail)) => Box::new(rail),
            Err(error) => {
                self.ports().log(&format!("{what}: {error}"));
                return None;
            }
        };
        let command = Command::Submitted { payment: claim.payment.clone(), rail };
        match self.command(stream, Some(snapshot.clone()), command).await {
            Ok(written) => Some(written.snapshot),
            Err(CommandError::Conflict | CommandError::Rejected(_)) => None,
            Err(CommandError::Port(error)) => {
                self.ports().log(&format!("the state of a sent payment can't be written: {error}"));
                None
            }
        }
    }

    /// Asks for a payment's outcome and makes it durable; `None` if it is not known. `is_awaited` says whether the payment's
    /// buyer asks for it.
    ///
    /// It is decided on the stream as storage has it now. If storage had lost the claim after it confirmed it, a state from
    /// memory could overwrite another buyer's claim.
    async fn poll_outcome(
        &self,
        stream: &StreamId,
        claim: &Claim,
        effort: Effort,
        is_awaited: bool,
    ) -> Result<Option<Sale>, SaleError> {
        let payment = claim.payment.clone();
        let mut failed = None;
        let command = match self.ports().settlement().outcome(claim, effort).await {
            Outcome::Unclear => return Ok(None),
            Outcome::Landed(landing) => Command::Landed { payment, landing, is_awaited },
            Outcome::Failed { reason } => {
                self.ports().log(&format!("a payment for {} failed: {reason}", stream.asset()));
                failed = Some(reason);
                Command::Failed { payment, reason }
            }
        };
        match self.command(stream, None, command).await {
            Ok(written) => match written.sold(&claim.payment) {
                // Only the append that grants it has a sale here, so there is one line for each, and none for a repeat.
                Some(sold) => {
                    self.ports().log(&sold.line(&self.deployment().config));
                    Ok(Some(Sale::Sold(Box::new(sold))))
                }
                None if failed.is_some_and(failure::is_guard) => Err(GUARD_FAILED),
                None => self.current_outcome(&claim.payment).await.map(Some),
            },
            // Other writers were always first. The next query reads what they wrote.
            Err(CommandError::Conflict | CommandError::Rejected(_)) => Ok(None),
            // Money may have moved and can't be recorded now. Recovery will do so.
            Err(CommandError::Port(error)) => {
                self.ports().log(&format!("the outcome of a payment can't be written: {error}"));
                Ok(None)
            }
        }
    }

    /// Returns what is known of a payment now.
    pub(super) async fn current_outcome(&self, payment: &PaymentId) -> Result<Sale, SaleError> {
        match self.ports().journal().payment(payment).await? {
            Some(record) if record.status == PaymentStatus::Pending => Ok(Sale::Pending(Box::new(record))),
            Some(record) => self.sold(record).await,
            None => Err(not_charged()),
        }
    }

    async fn sold(&self, payment: PaymentRecord) -> Result<Sale, SaleError> {
        if payment.status == PaymentStatus::Owed {
            return Err(SaleError::NotDelivered(Box::new(payment)));
        }
        let session = self.ports().journal().session(&payment.session).await?;
        let session =
            session.ok_or_else(|| PortError::from(StoreError::Invariant("a granted session is missing")))?;
        Ok(Sale::Sold(Box::new(Sold { payment, session })))
    }
}

impl Committed {
    /// Returns the sale that this command has made durable, if it has made one.
    pub(super) fn sold(&self, id: &PaymentId) -> Option<Sold> {
        let payment = self.index.iter().find_map(|change| match change {
            IndexChange::Payment { id: changed, record } if changed == id => Some(record),
            _ => None,
        })?;
        let session = self.index.iter().rev().find_map(|change| match change {
            IndexChange::Session { id: changed, record, .. } if *changed == payment.session => Some(record),
            _ => None,
        })?;
        Some(Sold { payment: payment.clone(), session: session.clone() })
    }
}

/// Refuses a payment that landed with an error because its wallet guard failed.
const GUARD_FAILED: SaleError = refused(
    "sign_again",
    "A check that your wallet added to the payment failed on the chain, because an account had changed. You \
     were not charged. Wait a minute, request a new quote and sign again.",
);

pub(super) const fn not_charged() -> SaleError {
    refused(
        "invalid_exact_svm_transaction_failed",
        "The payment failed and can't land any more. You were not charged. Wait a minute, then request a new quote.",
    )
}
