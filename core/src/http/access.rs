//! Buying: the 402, and what comes back for a payment.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::catalogue::asset_id;
use super::payment_response::response_header;
use super::{IMPATIENT, Problem, RECENT_BLOCKHASH, Request, Response, query, views};
use crate::config::Asset;
use crate::error::SettleError;
use crate::gateway::{Buy, Gateway, Sale, SaleError};
use crate::ids::AssetId;
use crate::ports::{Clock as _, Entropy as _, Ports, Settlement as _};
use crate::quote::{Memo, Operation, QUOTE_SECONDS, Quote, Ticket};
use crate::session::Reject;
use crate::svm::exact::Refusal;
use crate::svm::{Address, RecentBlockhash, Token};
use crate::x402::{self, Offer, Payment, Required, Version};

/// How long the x402 headers of one 402 may be together, in bytes. All others take less than
/// 400, so that an answer's headers stay under 4,000: nginx has 4 KiB for them unless told.
pub(super) const ROOM: usize = 3_600;

/// Refusals for which the asset was not asked: the payment itself is none.
const UNASKED: [&str; 2] = [Refusal::Undecodable.reason(), Refusal::Signature.reason()];

/// Why there is a 402.
struct Why<'a> {
    /// In a word, or a stable reason.
    error: &'a str,
    /// For people.
    detail: Option<&'static str>,
    /// How long `PAYMENT-REQUIRED` may be, in bytes.
    room: usize,
}

/// Nothing was paid yet.
const UNPAID: Why<'_> = Why { error: "payment_required", detail: None, room: ROOM };

/// A payment that is refused, as its buyer is told.
struct Refused {
    /// The version in which it came.
    version: Version,
    /// Why, as a stable word.
    reason: &'static str,
    /// Why, for people.
    detail: &'static str,
    /// Whose it is, where that is known.
    payer: Option<Address>,
}

/// What a buyer stands in front of. Whether there is such an asset is another question: a
/// payment that was taken is answered also when it is gone.
struct Counter {
    asset: AssetId,
    operation: Operation,
    quantity: Option<u64>,
}

impl<P: Ports> Gateway<'_, P> {
    pub(super) async fn access(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let (asset, quantity) = (asset_id(id)?, query::quantity(request)?);
        let counter = Counter { asset, operation: Operation::Access, quantity };
        if request.pays() {
            return self.paid(request, &counter).await;
        }
        let asset = self.asset(&counter.asset).await?;
        if let Some(payer) = self.signed_in(request)? {
            let state = self.state_of(&asset.id).await?;
            let now = state.steady(&self.ports().clock().now());
            let running = state.session.as_ref().filter(|s| s.payer == payer && !s.is_over(&now));
            if let Some(session) = running {
                let record = views::record_of(&asset.id, session, &state);
                let body = views::granted(self.deployment(), &record, &session.paid, &session.signature);
                let body = body.map_err(|error| self.unwritten(error))?;
                return Ok(Response::json(200, &body).no_store());
            }
        }
        self.challenge(request, &counter, &asset, &UNPAID)
    }

    pub(super) async fn extend(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let id = asset_id(id)?;
        let asset = if request.pays() { None } else { Some(self.asset(&id).await?) };
        let token = self.bearer(request)?;
        if token.asset != id {
            return Err(Problem::new(403, "other_session", "Forbidden", "this session is of another asset"));
        }
        let quantity = query::quantity(request)?;
        let operation = Operation::Extend { session: token.sub.clone() };
        let counter = Counter { asset: id, operation, quantity };
        let Some(asset) = asset else { return self.paid(request, &counter).await };
        // Who asks for the price of a session that is over would pay for nothing.
        let state = self.state_of(&asset.id).await?;
        let now = state.steady(&self.ports().clock().now());
        if !state.session.as_ref().is_some_and(|s| s.id == token.sub && !s.is_over(&now)) {
            return Err(Problem::of_reject(&Reject::SessionOver, now.wall));
        }
        self.challenge(request, &counter, &asset, &UNPAID)
    }

    /// The answer to a request that carries a payment.
    async fn paid(&self, request: &Request, counter: &Counter) -> Result<Response, Problem> {
        let v2 = request.values(x402::PAYMENT_SIGNATURE).map(|value| (Version::V2, value));
        let v1 = request.values(x402::X_PAYMENT).map(|value| (Version::V1, value));
        let mut payments = v2.chain(v1);
        let several = || Problem::malformed("several_payments", "send one payment in one header");
        let (version, header) = payments.next().ok_or_else(several)?;
        let mut others = payments.map(|(version, _)| version).peekable();
        if others.peek().is_some() {
            // In which version it is answered is clear only if all are of one.
            let one = others.all(|other| other == version);
            return Err(if one { self.refuse(version, None, several()) } else { several() });
        }
        let payment = match Payment::read(version, header, self.deployment().config.network) {
            Ok(payment) => payment,
            Err(x402::EnvelopeError::Malformed) => {
                let detail = "the payment header must be base64 of the JSON that x402 specifies";
                return Err(self.refuse(version, None, Problem::malformed("invalid_payload", detail)));
            }
            Err(error) => {
                let detail = "this gateway takes the x402 version, scheme and network that its 402 offers";
                let asset = self.asset(&counter.asset).await;
                let refused = Refused { version, reason: error.reason(), detail, payer: None };
                return self.refused(request, counter, asset, &refused);
            }
        };
        let buy = Buy {
            asset: &counter.asset,
            operation: counter.operation.clone(),
            quantity: counter.quantity,
            payment: &payment,
            impatient: request.values(IMPATIENT).next().is_some(),
        };
        match self.buy(&buy).await {
            Ok(Sale::Sold(sold)) => self.sold_answer(version, &sold),
            Ok(Sale::Pending(record)) => self.settlement_pending(request, version, &record),
            Err(SaleError::Refused { reason, detail, guard }) => {
                let id = &counter.asset;
                let asset = if UNASKED.contains(&reason) {
                    // Nobody's payment. A line for each would let strangers fill the log.
                    self.asset(id).await
                } else {
                    let why = guard.map_or_else(|| detail.to_owned(), |fault| fault.to_string());
                    self.ports().log(&format!("a payment for {id} is refused: {reason} ({why})"));
                    // Refused by what the asset is now: so it is offered what it costs now.
                    self.asset_itself(id).await
                };
                let refused = Refused { version, reason, detail, payer: payment.payer() };
                self.refused(request, counter, asset, &refused)
            }
            Err(error) => {
                let used = error == SaleError::AlreadyUsed;
                let problem = self.refuse(version, payment.payer(), self.sale_problem(error));
                if !used {
                    return Err(problem);
                }
                // What the payer gets for it is behind the asset itself, not its extension.
                let access = format!("/api/v1/access/{}", counter.asset);
                Err(problem.member("extensions", json!(self.sign_in_extensions(&access)?)))
            }
        }
    }

    /// What a sale that did not happen is told, where it is no plain refusal.
    fn sale_problem(&self, error: SaleError) -> Problem {
        let now = self.ports().clock().now().wall;
        match error {
            SaleError::QuantityMismatch { quoted } => {
                let detail = format!(
                    "this payment was quoted for a quantity of {quoted}: ask for that, or leave it out"
                );
                Problem::malformed("quantity_mismatch", detail)
            }
            SaleError::AlreadyUsed => Problem::conflict(
                "payment_already_used",
                "this transaction was used already. If it was yours, send it with its ticket, or sign in with your wallet (SIGN-IN-WITH-X)",
            ),
            SaleError::QuoteUsed => Problem::conflict(
                "quote_already_used",
                "another payment has answered this quote: ask for a new 402",
            ),
            SaleError::Unpriced(tariff) => query::unpriced(&tariff),
            SaleError::Rejected(reject) => Problem::of_reject(&reject, now),
            SaleError::FeeBudget(until) => {
                let detail = "no more payments are settled today; nothing was charged";
                Problem::new(503, "fee_budget_spent", "Temporarily unavailable", detail).retry_at(until, now)
            }
            SaleError::Unavailable(error) => self.failed(&error),
            SaleError::Refused { reason, detail, .. } => Problem::new(402, reason, "Payment refused", detail),
        }
    }

    /// A refused payment: why, and what would have to be paid.
    fn refused(
        &self,
        request: &Request,
        counter: &Counter,
        asset: Result<Cow<'_, Asset>, Problem>,
        refused: &Refused,
    ) -> Result<Response, Problem> {
        let Refused { version, reason, detail, payer } = *refused;
        let failure = self.failure(version, reason, Some(detail), payer);
        let whole = failure.to_header().map_err(|error| self.unwritten(error))?;
        let why = Why { error: reason, detail: Some(detail), room: ROOM.saturating_sub(whole.len()) };
        let challenge = asset.and_then(|asset| self.challenge(request, counter, &asset, &why));
        let challenge = challenge.map_err(|problem| self.refuse(version, payer, problem))?;
        let taken = challenge.header(x402::PAYMENT_REQUIRED).map_or(0, str::len);
        let header = failure.to_header_within(ROOM.saturating_sub(taken));
        let header = header.map_err(|error| self.unwritten(error))?;
        Ok(challenge.with(response_header(version), header))
    }

    /// The 402: what has to be paid, in both versions at once. It writes nothing and
    /// calls nobody (invariant 8).
    fn challenge(
        &self,
        request: &Request,
        counter: &Counter,
        asset: &Asset,
        why: &Why<'_>,
    ) -> Result<Response, Problem> {
        if !asset.enabled {
            return Err(Problem::of_reject(&Reject::Disabled, self.ports().clock().now().wall));
        }
        let tariff = &asset.tariff;
        let quantity = counter.quantity.unwrap_or(tariff.min_quantity);
        query::check_quantity(tariff, quantity)?;
        let config = &self.deployment().config;
        let url = format!("{}{}?quantity={quantity}", config.public_url, request.path);
        // Only to who asks for it: a wallet that is offered to sign in asks its owner to, before it pays.
        let signs_in = counter.operation == Operation::Access && !request.pays();
        let extensions = if signs_in && query::wants_sign_in(request) {
            self.sign_in_extensions(&request.path)?
        } else {
            Map::new()
        };
        let required = Required {
            error: why.error.to_owned(),
            detail: why.detail,
            url,
            description: format!("{}: {quantity} x {}", asset.name, tariff.unit.name()),
            presentation: asset.presentation(&config.merchant.presentation),
            network: config.network,
            offers: self.offers(counter, asset, quantity)?,
            recent_blockhash: self.recent_blockhash(request),
            extensions,
        };
        let body: Value = x402::v1_body(&required);
        let header = x402::v2_header(&required, why.room).map_err(|error| self.unwritten(error))?;
        Ok(Response::json(402, &body).no_store().with(x402::PAYMENT_REQUIRED, header))
    }

    /// A fresh blockhash for the buyer: what this instance has met, or what the host has handed on with the request.
    fn recent_blockhash(&self, request: &Request) -> Option<RecentBlockhash> {
        let now = self.ports().clock().now().wall;
        let handed_on = request.values(RECENT_BLOCKHASH).next().and_then(RecentBlockhash::from_header);
        let handed_on = handed_on.filter(|recent| recent.is_fresh(now));
        let own = self.ports().settlement().recent_blockhash(now);
        own.into_iter().chain(handed_on).max_by_key(|recent| recent.seen_at)
    }

    fn offers(&self, counter: &Counter, asset: &Asset, quantity: u64) -> Result<Vec<Offer>, Problem> {
        let deployment = self.deployment();
        let config = &deployment.config;
        let expires_at = self.ports().clock().now().wall.plus_seconds(QUOTE_SECONDS);
        let fee_payers = self.ports().settlement().fee_payers();
        let unpriced = || Problem::malformed("invalid_quantity", "there is no price for this quantity");
        let seconds = asset.tariff.seconds(quantity).ok_or_else(unpriced)?;
        let offer = |token: &Token| {
            let amount = asset.tariff.price(quantity, token.decimals).map_err(|_| unpriced())?;
            let [a, b, c, d, random @ ..] = self.ports().entropy().random();
            let fee_payer = one_of(fee_payers, u32::from_le_bytes([a, b, c, d]));
            let fee_payer = fee_payer.ok_or_else(|| self.failed(&SettleError::NoFeePayer.into()))?;
            let quote = Quote {
                operation: counter.operation.clone(),
                asset: asset.id.clone(),
                incarnation: asset.incarnation,
                quantity,
                seconds,
                amount,
                token: token.clone(),
                pay_to: config.merchant.pay_to,
                fee_payer,
                expires_at,
                nonce: random,
            };
            let ticket = Ticket::seal(&deployment.keys, config, &quote);
            let ticket = ticket.map_err(|error| self.unwritten(error))?;
            let memo = Memo::of(&deployment.keys, &quote).as_str().to_owned();
            let Quote { amount, pay_to, fee_payer, token, .. } = quote;
            Ok(Offer { amount, token, pay_to, fee_payer, ticket, memo })
        };
        config.merchant.tokens.iter().map(|accepted| offer(&accepted.token)).collect()
    }
}

/// Returns one of our fee payers, by lot: so payments whose guards speak of a fee payer are seldom in each other's way.
/// `None` if there is none.
fn one_of(fee_payers: &[Address], lot: u32) -> Option<Address> {
    let count = u32::try_from(fee_payers.len()).ok()?;
    let at = usize::try_from(lot.checked_rem(count)?).ok()?;
    fee_payers.get(at).copied()
}
