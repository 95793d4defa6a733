//! How a request with a payment is answered.

use std::borrow::Cow;

use serde_json::json;

use super::catalogue::{asset, asset_itself};
use super::challenge::{ChallengeReason, MAX_HEADER_BYTES, challenge};
use super::payment_response::{ReceivedAs, failure, granted_response, refuse, settled, settlement_pending};
use super::refusal_line::refusal_line;
use super::sessions::sign_in_extensions;
use super::shard::{PaidRequest, PurchaseRequest, StatelessOutcome, TaskKind};
use super::{AGAIN, Context, NO_WAIT, Problem, Request, Response, WAIT, query, views};
use crate::account::Account;
use crate::config::Asset;
use crate::gateway::{BuyRequest, Sale, SaleError, Wait};
use crate::ids::{AssetId, OwedId};
use crate::ports::{Claims as _, Ports};
use crate::session::OwedStatus;
use crate::session::Reject;
use crate::session::index::PaymentRecord;
use crate::x402::{self, PaymentPayload, Version};

/// A refusal of a payment, as its buyer is told.
struct Refused {
    /// How the payment was sent.
    received: ReceivedAs,
    /// The stable reason.
    reason: &'static str,
    /// The reason, for people.
    detail: &'static str,
    /// Whether the payment was looked for among those that were claimed.
    was_looked_up: bool,
    /// The wallet that would pay, if it is known.
    payer: Option<Account>,
}

/// Reads a payment. One that can't be read, or that its payer has not signed, is refused here, because it was never
/// claimed.
pub(super) async fn receive<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    purchase: PurchaseRequest,
) -> Result<StatelessOutcome<'a>, Problem> {
    let (version, header) = one_payment(context, request)?;
    let unread = ReceivedAs::unread(context.config(), version);
    let payment = match PaymentPayload::read(version, header, context.config().network) {
        Ok(payment) => payment,
        Err(x402::PayloadError::Malformed) => {
            let detail = "The payment header must be base64 of the JSON that x402 specifies.";
            return Err(refuse(context, unread, None, Problem::malformed("invalid_payload", detail)));
        }
        Err(error) => {
            let detail = "The x402 version, the scheme or the network of the payment is not one that the \
                 402 offers. Pay with one of its `accepts` entries.";
            let asset = asset(context, &purchase.asset).await;
            let refusal = Refused {
                received: unread,
                reason: error.reason(),
                detail,
                was_looked_up: false,
                payer: None,
            };
            return refused(context, request, &purchase, asset, &refusal).map(StatelessOutcome::Answered);
        }
    };
    let received = ReceivedAs::of(context.config(), &payment);
    match context.gateway().examine(&wanted(request, &purchase, &payment)).await {
        Ok(examined) => {
            StatelessOutcome::at_shard(TaskKind::Buy(PaidRequest { purchase, payment, examined }))
        }
        Err(SaleError::Refused { reason, detail, .. }) => {
            let refusal = Refused { received, reason, detail, was_looked_up: false, payer: payment.payer() };
            refused_unasked(context, request, &purchase, &refusal).await.map(StatelessOutcome::Answered)
        }
        Err(error) => {
            let problem = sale_problem(context, &purchase.asset, error);
            Err(refuse(context, received, payment.payer(), problem))
        }
    }
}

/// Returns the one payment that a request carries, and its version of x402.
fn one_payment<'r, P: Ports>(
    context: &Context<'_, P>,
    request: &'r Request,
) -> Result<(Version, &'r str), Problem> {
    let v2 = request.values(x402::PAYMENT_SIGNATURE).map(|value| (Version::V2, value));
    let v1 = request.values(x402::X_PAYMENT).map(|value| (Version::V1, value));
    let mut payments = v2.chain(v1);
    let several = || {
        Problem::malformed(
            "several_payments",
            "The request carries more than one payment. Send one payment in one header.",
        )
    };
    let (version, header) = payments.next().ok_or_else(several)?;
    let mut others = payments.map(|(version, _)| version).peekable();
    if others.peek().is_some() {
        // The version of the response is clear only if all payments are of the same version.
        let one = others.all(|other| other == version);
        let received = ReceivedAs::unread(context.config(), version);
        return Err(if one { refuse(context, received, None, several()) } else { several() });
    }
    Ok((version, header))
}

/// Returns what a payment is sent for.
fn wanted<'b>(
    request: &Request,
    purchase: &'b PurchaseRequest,
    payment: &'b PaymentPayload,
) -> BuyRequest<'b> {
    BuyRequest {
        asset: &purchase.asset,
        operation: purchase.operation.clone(),
        stream: purchase.stream.clone(),
        quantity: purchase.quantity,
        payment,
        no_wait: request.values(NO_WAIT).next().is_some(),
        wait: wait(request),
    }
}

/// Returns how long the platform lets a request wait.
fn wait(request: &Request) -> Wait {
    let named = request.values(WAIT).next();
    match named.and_then(|text| text.parse().ok()) {
        Some(ms) => Wait::up_to(ms),
        None if named == Some(AGAIN) => Wait::Again,
        None => Wait::default(),
    }
}

/// Carries out a sale, or answers the repeat of one.
pub(super) async fn buy<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: PaidRequest<'_>,
) -> Result<Response, Problem> {
    let PaidRequest { purchase, payment, examined } = purchase;
    let (received, payer) = (ReceivedAs::of(context.config(), &payment), payment.payer());
    match context.gateway().sell(&wanted(request, &purchase, &payment), examined).await {
        Ok(Sale::Sold(sold)) => granted_response(context, received, &sold),
        Ok(Sale::Pending(record)) => settlement_pending(context, request, received, &record),
        Err(SaleError::Refused { reason, detail, is_no_payment: true, .. }) => {
            let refusal = Refused { received, reason, detail, was_looked_up: true, payer };
            refused_unasked(context, request, &purchase, &refusal).await
        }
        Err(SaleError::Refused { reason, detail, guard, .. }) => {
            let id = &purchase.asset;
            let cause = guard.map_or_else(|| detail.to_owned(), |fault| fault.to_string());
            context.ports().log(&refusal_line(id, reason, &cause));
            // The asset's present state refused the payment, so the 402 offers its present price.
            let asset = asset_itself(context, id).await;
            let refusal = Refused { received, reason, detail, was_looked_up: true, payer };
            refused(context, request, &purchase, asset, &refusal)
        }
        Err(error) => {
            if matches!(error, SaleError::FeeBudget(_)) {
                context.ports().log(&refusal_line(&purchase.asset, "fee_budget_spent", &FEES_SPENT));
            }
            if let SaleError::NotDelivered(record) = &error {
                return Err(not_delivered(context, received, record).await);
            }
            let used = error == SaleError::AlreadyUsed;
            let problem = refuse(context, received, payer, sale_problem(context, &purchase.asset, error));
            if !used {
                return Err(problem);
            }
            // The sign-in challenge is for the asset's own path, because the payer's session is shown there and not at
            // the path of extensions.
            let access = format!("/api/v1/access/{}", purchase.asset);
            Err(problem.member("extensions", json!(sign_in_extensions(context, &access)?)))
        }
    }
}

/// What the operator is told when no budget bears a payment's fee.
const FEES_SPENT: &str = "payments that failed, are in flight or earned too little have used up a budget for network \
     fees. Nobody was charged. If that lasts, raise settlement.max_fee_lamports_per_day";

/// Refuses what is not a signed payment, with the asset as the catalogue has it. It is not logged, so that strangers
/// can't fill the log.
async fn refused_unasked<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    refusal: &Refused,
) -> Result<Response, Problem> {
    let asset = asset(context, &purchase.asset).await;
    refused(context, request, purchase, asset, refusal)
}

/// Returns the 402 for a refused payment: the reason, and what would have to be paid.
fn refused<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    asset: Result<Cow<'_, Asset>, Problem>,
    refused: &Refused,
) -> Result<Response, Problem> {
    let &Refused { received, reason, detail, was_looked_up, ref payer } = refused;
    let failure = failure(received, reason, Some(detail), payer.clone());
    let whole = failure.to_header().map_err(|error| context.unwritten(error))?;
    let reason = ChallengeReason {
        error: reason,
        detail: Some(detail),
        is_not_charged: was_looked_up,
        max_header_bytes: MAX_HEADER_BYTES.saturating_sub(whole.len()),
    };
    let challenge = asset.and_then(|asset| challenge(context, request, purchase, &asset, &reason));
    let challenge = challenge.map_err(|problem| {
        let problem = if was_looked_up { problem.not_charged() } else { problem };
        refuse(context, received, payer.clone(), problem)
    })?;
    let taken = challenge.header(x402::PAYMENT_REQUIRED).map_or(0, str::len);
    let header = failure.to_header_within(MAX_HEADER_BYTES.saturating_sub(taken));
    let header = header.map_err(|error| context.unwritten(error))?;
    Ok(challenge.with(received.header(), header))
}

/// Adds to the refusal of a taken asset where its buyer can go on.
fn with_links<P: Ports>(
    context: &Context<'_, P>,
    asset: &AssetId,
    reject: &Reject,
    problem: Problem,
) -> Problem {
    let session = match reject {
        Reject::Yours { session, .. } => Some(session),
        Reject::Busy { .. } | Reject::Full { .. } => None,
        _ => return problem,
    };
    problem.member("links", views::links(context.config(), asset, session))
}

/// The code of a payment that landed and bought nothing.
const NOT_DELIVERED: &str = "not_delivered";
const NOT_DELIVERED_DETAIL: &str = "Your payment landed too late to be of use, so no session was started. All of it is owed to \
     you: `owed` says what and how it is given back. Do not send it again.";
const NOT_DECIDED_DETAIL: &str = "Your payment landed, but the gateway has lost its record of what it bought, so no session was \
     started. The owner decides whether it is owed to you: `owed` says how much. Show the owner its `id`. Do not send it again.";

const NOT_OWED_DETAIL: &str = "Your payment landed. Its owner says that what you paid for was delivered, so nothing is owed to you. If that is \
     wrong, show the owner the `id` in `owed`. Do not send it again.";
const REFUNDED_DETAIL: &str = "Your payment landed and bought nothing. The owner says that it was paid back to you. Do not send it again.";

/// Returns the problem for a payment that landed and bought nothing, with what is owed. It tells that money has moved.
async fn not_delivered<P: Ports>(
    context: &Context<'_, P>,
    received: ReceivedAs,
    record: &PaymentRecord,
) -> Problem {
    let id = OwedId::of_payment(&record.payment, &record.session);
    let owed = match context.ports().journal().owed(&[id]).await {
        Ok(owed) => owed,
        Err(error) => return context.failed(&error),
    };
    let detail = match owed.first().map(|owed| owed.status) {
        Some(OwedStatus::Unclear) => NOT_DECIDED_DETAIL,
        Some(OwedStatus::NotOwed) => NOT_OWED_DETAIL,
        Some(OwedStatus::Refunded) => REFUNDED_DETAIL,
        Some(OwedStatus::Owed) | None => NOT_DELIVERED_DETAIL,
    };
    let owed: Vec<_> = owed.iter().map(|owed| views::owed(context.config(), owed)).collect();
    let problem = Problem::conflict(NOT_DELIVERED, detail).member("owed", json!(owed));
    match settled(received, record).to_header() {
        Ok(header) => problem.header(received.header(), header),
        Err(error) => context.unwritten(error),
    }
}

/// Returns the problem for a sale that did not happen, unless it is a plain refusal.
fn sale_problem<P: Ports>(context: &Context<'_, P>, asset: &AssetId, error: SaleError) -> Problem {
    let now = context.now().wall;
    match error {
        SaleError::QuantityMismatch { quoted } => {
            let detail = format!(
                "The payment was quoted for a quantity of {quoted}. Send it again with that quantity, or \
                 without one."
            );
            Problem::malformed("quantity_mismatch", detail)
        }
        SaleError::AlreadyUsed => Problem::conflict(
            "payment_already_used",
            "This transaction was already used. If it is yours, send it again with its ticket, or sign in \
             with your wallet (`SIGN-IN-WITH-X`) to see what it bought, before you sign another one.",
        ),
        SaleError::QuoteUsed => Problem::conflict(
            "quote_already_used",
            "Another payment has already used this quote. You were not charged for this one. Request a new \
             quote.",
        )
        .not_charged(),
        SaleError::NotDelivered(_) => Problem::conflict(NOT_DELIVERED, NOT_DELIVERED_DETAIL),
        SaleError::Unpriced(tariff) => query::unpriced(&tariff).not_charged(),
        SaleError::Rejected(reject) => {
            with_links(context, asset, &reject, Problem::of_reject(&reject, now)).not_charged()
        }
        SaleError::FeeBudget(until) => {
            let detail = "The seller's budget for the network fees of payments like yours is used up for now. You \
                 were not charged. Try again later: `Retry-After` says when.";
            Problem::new(503, "fee_budget_spent", "Temporarily unavailable", detail)
                .retry_at(until, now)
                .not_charged()
        }
        SaleError::Unavailable(error) => context.failed(&error),
        SaleError::Refused { reason, detail, .. } => {
            Problem::new(402, reason, "Payment refused", detail).not_charged()
        }
    }
}
