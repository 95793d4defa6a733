//! What a buyer is told about a payment. Every response to a payment has the header `PAYMENT-RESPONSE` (x402 v2) or
//! `X-PAYMENT-RESPONSE` (x402 v1).

use serde_json::json;

use super::{Context, Problem, Request, Response, views};
use crate::account::Account;
use crate::config::Config;
use crate::gateway::Sold;
use crate::ports::Ports;
use crate::session::index::PaymentRecord;
use crate::x402::{self, PaymentPayload, SettlementResponse, Version};

/// The reason and code of a 202.
const PENDING: &str = "settlement_pending";

/// The message to a buyer whose payment has no outcome yet.
const PENDING_DETAIL: &str = "Your payment is being processed. Do not pay again. For its result, send the \
     same payment again, or sign in to see your sessions. Do not sign another one.";

/// How a payment was sent, which decides how it is answered.
#[derive(Clone, Copy)]
pub(super) struct ReceivedAs {
    /// The version of x402.
    pub(super) version: Version,
    /// The network, by its name in that version.
    network: &'static str,
}

impl ReceivedAs {
    /// Returns how a payment that can't be read was sent. Its network is the configured one.
    pub(super) const fn unread(config: &Config, version: Version) -> Self {
        let network = match version {
            Version::V1 => config.network.v1_name(),
            Version::V2 => config.network.caip2(),
        };
        Self { version, network }
    }

    /// Returns how a payment was sent.
    pub(super) fn of(config: &Config, payment: &PaymentPayload) -> Self {
        let version = payment.version();
        let unread = Self::unread(config, version);
        Self { network: payment.method(config.network).network(version).unwrap_or(unread.network), version }
    }

    /// Returns the name of the header that answers the payment.
    pub(super) const fn header(self) -> &'static str {
        match self.version {
            Version::V1 => x402::X_PAYMENT_RESPONSE,
            Version::V2 => x402::PAYMENT_RESPONSE,
        }
    }
}

/// Returns the 200 for a payment that has bought something, in this request or an earlier one.
pub(super) fn granted_response<P: Ports>(
    context: &Context<'_, P>,
    received: ReceivedAs,
    sold: &Sold,
) -> Result<Response, Problem> {
    let Sold { payment, session } = sold;
    let body =
        views::granted(context.deployment(), session, &payment.purchase, payment.transaction.as_deref());
    let body = body.map_err(|error| context.unwritten(error))?;
    let header = settled(received, payment).to_header().map_err(|error| context.unwritten(error))?;
    Ok(Response::json(200, &body).no_store().with(received.header(), header))
}

/// Returns the settlement response for a payment that was charged.
pub(super) fn settled(received: ReceivedAs, payment: &PaymentRecord) -> SettlementResponse {
    SettlementResponse {
        success: true,
        error_reason: None,
        error_message: None,
        transaction: payment.transaction.clone().unwrap_or_default(),
        network: received.network.to_owned(),
        payer: Some(payment.payer.clone()),
        amount: Some(payment.purchase.price.amount),
    }
}

/// Returns the 202 for a payment that has no outcome yet.
///
/// `success` is false, so that no client takes a 202 for a delivered purchase.
pub(super) fn settlement_pending<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    received: ReceivedAs,
    record: &PaymentRecord,
) -> Result<Response, Problem> {
    let origin = &context.config().public_url;
    let body = json!({
        "code": PENDING,
        "detail": PENDING_DETAIL,
        "transaction": record.transaction,
        "retry": format!("{origin}{}", request.path),
        "sessions": format!("{origin}/api/v1/payers/{}/sessions", record.payer),
    });
    let settlement = SettlementResponse {
        transaction: record.transaction.clone().unwrap_or_default(),
        ..failure(received, PENDING, Some(PENDING_DETAIL), Some(record.payer.clone()))
    };
    let header = settlement.to_header().map_err(|error| context.unwritten(error))?;
    Ok(Response::json(202, &body).no_store().with("retry-after", "5").with(received.header(), header))
}

/// Turns a problem into the response to a payment of `payer`, if the payer is known.
pub(super) fn refuse<P: Ports>(
    context: &Context<'_, P>,
    received: ReceivedAs,
    payer: Option<Account>,
    problem: Problem,
) -> Problem {
    let failure = failure(received, problem.code(), Some(problem.detail()), payer);
    match failure.to_header() {
        Ok(header) => problem.header(received.header(), header),
        Err(error) => context.unwritten(error),
    }
}

/// Returns the settlement response for a payment that was not charged, or has not been yet.
pub(super) fn failure(
    received: ReceivedAs,
    reason: &str,
    message: Option<&str>,
    payer: Option<Account>,
) -> SettlementResponse {
    SettlementResponse {
        success: false,
        error_reason: Some(reason.to_owned()),
        error_message: message.map(str::to_owned),
        transaction: String::new(),
        network: received.network.to_owned(),
        payer,
        amount: None,
    }
}
