//! What has to be paid: a 402 in both versions at once.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::EXACT;
use crate::encoding::base64;
use crate::money::Amount;
use crate::quote::Ticket;
use crate::svm::{Address, Network};

/// How long a client should take to pay, in seconds: about as long as a blockhash lives.
const MAX_TIMEOUT_SECONDS: u64 = 60;

/// One way to pay.
#[derive(Clone, Debug)]
pub struct Offer {
    /// How much, in atomic units.
    pub amount: Amount,
    /// Of which mint.
    pub mint: Address,
    /// To which wallet.
    pub pay_to: Address,
    /// Who pays the network's fee.
    pub fee_payer: Address,
    /// The quote.
    pub ticket: Ticket,
}

/// What has to be paid for a resource.
#[derive(Clone, Debug)]
pub struct Required {
    /// Why, in a word or a stable reason.
    pub error: String,
    /// What the buyer can do about it; in the body only.
    pub detail: Option<&'static str>,
    /// What is paid for.
    pub url: String,
    /// The same, for people.
    pub description: String,
    /// On which network.
    pub network: Network,
    /// The ways to pay.
    pub offers: Vec<Offer>,
    /// Extensions by name (v2 only).
    pub extensions: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2<'a> {
    x402_version: u8,
    error: &'a str,
    resource: Resource<'a>,
    accepts: Vec<V2Accepts<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extensions: &'a Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    url: &'a str,
    description: &'a str,
    mime_type: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2Accepts<'a> {
    scheme: &'a str,
    network: &'a str,
    amount: Amount,
    asset: Address,
    pay_to: Address,
    max_timeout_seconds: u64,
    extra: V2Extra<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2Extra<'a> {
    fee_payer: Address,
    memo: String,
    ticket: &'a str,
}

fn v2_accepts(offer: &Offer, network: Network) -> V2Accepts<'_> {
    V2Accepts {
        scheme: EXACT,
        network: network.caip2(),
        amount: offer.amount,
        asset: offer.mint,
        pay_to: offer.pay_to,
        max_timeout_seconds: MAX_TIMEOUT_SECONDS,
        extra: V2Extra {
            fee_payer: offer.fee_payer,
            memo: offer.ticket.memo(),
            ticket: offer.ticket.as_str(),
        },
    }
}

/// The value of the `PAYMENT-REQUIRED` header (v2).
#[must_use]
pub fn v2_header(required: &Required) -> String {
    let body = V2 {
        x402_version: 2,
        error: &required.error,
        resource: Resource {
            url: &required.url,
            description: &required.description,
            mime_type: "application/json",
        },
        accepts: required.offers.iter().map(|offer| v2_accepts(offer, required.network)).collect(),
        extensions: &required.extensions,
    };
    base64(&serde_json::to_vec(&body).unwrap_or_default())
}

/// The body of a 402 (v1): no ticket and no memo, because v1 clients echo nothing,
/// and no `outputSchema`, because one client rejects it when it is null.
#[must_use]
pub fn v1_body(required: &Required) -> Value {
    let accepts = |offer: &Offer| {
        json!({
            "scheme": EXACT,
            "network": required.network.v1_name(),
            "maxAmountRequired": offer.amount,
            "resource": required.url,
            "description": required.description,
            "mimeType": "application/json",
            "payTo": offer.pay_to,
            "maxTimeoutSeconds": MAX_TIMEOUT_SECONDS,
            "asset": offer.mint,
            "extra": { "feePayer": offer.fee_payer },
        })
    };
    let mut body = json!({
        "x402Version": 1,
        "error": required.error,
        "accepts": required.offers.iter().map(accepts).collect::<Vec<_>>(),
    });
    if let (Some(detail), Value::Object(members)) = (required.detail, &mut body) {
        members.insert("detail".to_owned(), json!(detail));
    }
    body
}
