//! The 402: what has to be paid, in both versions of x402 at once.

use serde_json::{Map, Value};

use super::problem::CHARGED;
use super::sessions::sign_in_extensions;
use super::shard::PurchaseRequest;
use super::{Context, Problem, RECENT_BLOCKHASH, Request, Response, query};
use crate::config::Asset;
use crate::gateway::Deployment;
use crate::ports::{Entropy as _, Ports, Settlement as _};
use crate::quote::{Nonce, Operation, QUOTE_SECONDS, Quote};
use crate::rail::{self, Offered, Priced};
use crate::session::Reject;
use crate::svm::RecentBlockhash;
use crate::x402::{self, PaymentRequired, PaymentRequirements};

/// The greatest total size of the x402 headers of one 402, in bytes.
///
/// All other headers take less than 400 bytes, so that they stay under 4,000 together. The default of nginx is 4 KiB.
pub(super) const MAX_HEADER_BYTES: usize = 3_600;

/// Why a 402 is sent.
pub(super) struct ChallengeReason<'a> {
    /// `payment_required`, or the stable reason of a refusal.
    pub(super) error: &'a str,
    /// The reason, for people.
    pub(super) detail: Option<&'static str>,
    /// Whether it is certain that the payment was not charged.
    pub(super) is_not_charged: bool,
    /// The greatest size of `PAYMENT-REQUIRED`, in bytes.
    pub(super) max_header_bytes: usize,
}

/// Nothing was paid yet.
pub(super) const UNPAID: ChallengeReason<'_> = ChallengeReason {
    error: "payment_required",
    detail: None,
    is_not_charged: false,
    max_header_bytes: MAX_HEADER_BYTES,
};

/// Returns the 402, which says what has to be paid. It writes nothing and calls no other system (invariant 8).
pub(super) fn challenge<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    asset: &Asset,
    reason: &ChallengeReason<'_>,
) -> Result<Response, Problem> {
    if !asset.enabled {
        return Err(Problem::of_reject(&Reject::Disabled, context.now().wall));
    }
    let tariff = &asset.tariff;
    let quantity = query::priced_quantity(tariff, purchase.quantity)?;
    let config = context.config();
    let url = format!("{}{}?quantity={quantity}", config.public_url, request.path);
    // Only a request that asks for it gets a sign-in challenge, because a wallet that gets one asks its owner to sign
    // in before it pays.
    let signs_in = purchase.operation == Operation::Access && !request.pays();
    let extensions = if signs_in && query::wants_sign_in(request) {
        sign_in_extensions(context, &request.path)?
    } else {
        Map::new()
    };
    let required = PaymentRequired {
        error: reason.error.to_owned(),
        detail: reason.detail,
        url,
        description: format!("{}: {quantity} x {}", asset.name, tariff.unit.name()),
        presentation: asset.presentation(&config.merchant.presentation),
        offers: offers(context, purchase, asset, quantity, recent_blockhash(context, request))?,
        extensions,
    };
    let mut body: Value = x402::v1_body(&required);
    if reason.is_not_charged
        && let Value::Object(members) = &mut body
    {
        members.insert(CHARGED.to_owned(), Value::Bool(false));
    }
    let header =
        x402::v2_header(&required, reason.max_header_bytes).map_err(|error| context.unwritten(error))?;
    Ok(Response::json(402, &body).no_store().with(x402::PAYMENT_REQUIRED, header))
}

/// Returns a fresh blockhash for the buyer: the one that this instance has seen, or the one that the host handed on
/// with the request.
pub(super) fn recent_blockhash<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
) -> Option<RecentBlockhash> {
    let now = context.now().wall;
    let own = context.ports().settlement().recent_blockhash(now);
    rail::recent_blockhash(own, request.values(RECENT_BLOCKHASH).next(), now)
}

/// Returns what can be paid for this purchase, one offer for each accepted token. `recent` is a blockhash for the buyer.
pub(super) fn offers<P: Ports>(
    context: &Context<'_, P>,
    purchase: &PurchaseRequest,
    asset: &Asset,
    quantity: u64,
    recent: Option<RecentBlockhash>,
) -> Result<Vec<PaymentRequirements>, Problem> {
    let Deployment { config, keys, .. } = context.deployment();
    let expires_at = context.now().wall.plus_seconds(QUOTE_SECONDS);
    let fee_payers = context.ports().settlement().fee_payers();
    let all = Offered::all(config, fee_payers, || context.ports().entropy().random());
    let all = all.map_err(|error| context.failed(&error.into()))?;
    let offer = |(offered, nonce): (Offered, Nonce)| {
        let priced = asset.tariff.quote(Some(quantity), offered.decimals());
        let priced = priced.map_err(|_| query::unpriced(&asset.tariff))?;
        let quote = Quote {
            operation: purchase.operation.clone(),
            asset: asset.id.clone(),
            generation: asset.generation,
            is_shared: asset.capacity.is_shared(),
            quantity,
            allowance: priced.allowance(),
            amount: priced.amount,
            offered,
            expires_at,
            nonce,
        };
        let ticket = quote.seal(keys, config).map_err(|error| context.unwritten(error))?;
        let priced = Priced { amount: quote.amount, nonce: &quote.nonce, ticket };
        Ok(quote.offered.offer(keys, config, priced, recent))
    };
    all.into_iter().map(offer).collect()
}
