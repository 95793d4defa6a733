//! Buying: the 402, and what comes back for a payment.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::catalogue::asset_id;
use super::{IMPATIENT, Problem, Request, Response, query, views};
use crate::config::Asset;
use crate::encoding::hex;
use crate::gateway::{Buy, Gateway, Sale, SaleError, Sold};
use crate::ids::AssetId;
use crate::ports::{Clock as _, Entropy as _, Ports, Settlement as _};
use crate::quote::{Operation, QUOTE_SECONDS, Quote, Ticket};
use crate::session::Reject;
use crate::session::index::PaymentRecord;
use crate::sign_in;
use crate::svm::exact::Refusal;
use crate::x402::{self, Offer, Payment, Required, SettlementResponse, Version};

/// Refusals for which the asset was not asked: the payment itself is none.
const UNASKED: [&str; 2] = [Refusal::Undecodable.reason(), Refusal::Signature.reason()];

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
                return Ok(Response::json(200, &body).no_store());
            }
        }
        self.challenge(request, &counter, &asset, "payment_required", None)
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
        self.challenge(request, &counter, &asset, "payment_required", None)
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
            return Err(if one { self.refuse(version, several()) } else { several() });
        }
        let payment = match Payment::read(version, header, self.deployment().config.network) {
            Ok(payment) => payment,
            Err(x402::EnvelopeError::Malformed) => {
                let detail = "the payment header must be base64 of the JSON that x402 specifies";
                return Err(self.refuse(version, Problem::malformed("invalid_payload", detail)));
            }
            Err(error) => {
                let detail = "this gateway takes the x402 version, scheme and network that its 402 offers";
                let asset = self.asset(&counter.asset).await;
                return self.refused(request, counter, asset, version, error.reason(), detail);
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
            Ok(Sale::Sold(sold)) => Ok(self.sold_answer(version, &sold)),
            Ok(Sale::Pending(record)) => Ok(self.settlement_pending(request, &record)),
            Err(SaleError::Refused { reason, detail }) => {
                let id = &counter.asset;
                let asset = if UNASKED.contains(&reason) {
                    // Nobody's payment. A line for each would let strangers fill the log.
                    self.asset(id).await
                } else {
                    self.ports().log(&format!("a payment for {id} is refused: {reason} ({detail})"));
                    // Refused by what the asset is now: so it is offered what it costs now.
                    self.asset_itself(id).await
                };
                self.refused(request, counter, asset, version, reason, detail)
            }
            Err(error) => Err(self.refuse(version, self.sale_problem(error))),
        }
    }

    fn sold_answer(&self, version: Version, sold: &Sold) -> Response {
        let Sold { payment, session } = sold;
        let body = views::granted(self.deployment(), session, &payment.paid, &payment.signature);
        let settlement = SettlementResponse {
            success: true,
            error_reason: None,
            transaction: payment.signature.clone(),
            network: self.network_name(version).to_owned(),
            payer: Some(payment.payer),
        };
        Response::json(200, &body).no_store().with(response_header(version), settlement.to_header())
    }

    fn settlement_pending(&self, request: &Request, record: &PaymentRecord) -> Response {
        let origin = &self.deployment().config.public_url;
        let body = json!({
            "code": "settlement_pending",
            "detail": "the payment was sent and the chain has not confirmed it yet. Send the same payment again, or sign in to see your sessions. Do not sign another one",
            "transaction": record.signature,
            "retry": format!("{origin}{}", request.path),
            "sessions": format!("{origin}/api/v1/payers/{}/sessions", record.payer),
        });
        Response::json(202, &body).no_store().with("retry-after", "5")
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
            SaleError::Refused { reason, detail } => Problem::new(402, reason, "Payment refused", detail),
        }
    }

    /// A problem as the answer to a payment.
    fn refuse(&self, version: Version, problem: Problem) -> Problem {
        let failure = self.failure(version, problem.code());
        problem.header(response_header(version), failure)
    }

    /// A refused payment: why, and what would have to be paid.
    fn refused(
        &self,
        request: &Request,
        counter: &Counter,
        asset: Result<Cow<'_, Asset>, Problem>,
        version: Version,
        reason: &'static str,
        detail: &'static str,
    ) -> Result<Response, Problem> {
        let challenge =
            asset.and_then(|asset| self.challenge(request, counter, &asset, reason, Some(detail)));
        let challenge = challenge.map_err(|problem| self.refuse(version, problem))?;
        Ok(challenge.with(response_header(version), self.failure(version, reason)))
    }

    fn failure(&self, version: Version, reason: &str) -> String {
        let settlement = SettlementResponse {
            success: false,
            error_reason: Some(reason.to_owned()),
            transaction: String::new(),
            network: self.network_name(version).to_owned(),
            payer: None,
        };
        settlement.to_header()
    }

    const fn network_name(&self, version: Version) -> &'static str {
        let network = self.deployment().config.network;
        match version {
            Version::V1 => network.v1_name(),
            Version::V2 => network.caip2(),
        }
    }

    /// The 402: what has to be paid, in both versions at once. It writes nothing and
    /// calls nobody (invariant 8).
    fn challenge(
        &self,
        request: &Request,
        counter: &Counter,
        asset: &Asset,
        error: &str,
        detail: Option<&'static str>,
    ) -> Result<Response, Problem> {
        if !asset.enabled {
            return Err(Problem::of_reject(&Reject::Disabled, self.ports().clock().now().wall));
        }
        let tariff = &asset.tariff;
        let quantity = counter.quantity.unwrap_or(tariff.min_quantity);
        query::check_quantity(tariff, quantity)?;
        let config = &self.deployment().config;
        let url = format!("{}{}?quantity={quantity}", config.public_url, request.path);
        let mut extensions = Map::new();
        if counter.operation == Operation::Access {
            let challenge = self.sign_in_challenge(&request.path);
            extensions.insert(sign_in::EXTENSION.to_owned(), challenge);
        }
        let required = Required {
            error: error.to_owned(),
            detail,
            url,
            description: format!("{}: {quantity} x {}", asset.name, tariff.unit.name()),
            network: config.network,
            offers: self.offers(counter, asset, quantity)?,
            extensions,
        };
        let body: Value = x402::v1_body(&required);
        Ok(Response::json(402, &body).no_store().with(x402::PAYMENT_REQUIRED, x402::v2_header(&required)))
    }

    fn offers(&self, counter: &Counter, asset: &Asset, quantity: u64) -> Result<Vec<Offer>, Problem> {
        let deployment = self.deployment();
        let config = &deployment.config;
        let expires_at = self.ports().clock().now().wall.plus_seconds(QUOTE_SECONDS);
        let fee_payer = self.ports().settlement().fee_payer();
        let unpriced = || Problem::malformed("invalid_quantity", "there is no price for this quantity");
        let seconds = asset.tariff.seconds(quantity).ok_or_else(unpriced)?;
        let offer = |token: &crate::svm::Token| {
            let amount = asset.tariff.price(quantity, token.decimals).map_err(|_| unpriced())?;
            let quote = Quote {
                operation: counter.operation.clone(),
                merchant: config.merchant.id.clone(),
                asset: asset.id.clone(),
                incarnation: asset.incarnation,
                quantity,
                seconds,
                amount,
                mint: token.mint,
                decimals: token.decimals,
                program: token.program,
                pay_to: config.merchant.pay_to,
                network: config.network,
                expires_at,
                nonce: hex(&self.ports().entropy().random()),
            };
            let ticket = Ticket::seal(&deployment.keys, &quote);
            Ok(Offer { amount, mint: token.mint, pay_to: config.merchant.pay_to, fee_payer, ticket })
        };
        config.merchant.tokens.iter().map(|accepted| offer(&accepted.token)).collect()
    }
}

const fn response_header(version: Version) -> &'static str {
    match version {
        Version::V1 => x402::X_PAYMENT_RESPONSE,
        Version::V2 => x402::PAYMENT_RESPONSE,
    }
}
