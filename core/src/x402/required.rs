//! A request for payment: a 402 in both versions at once.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::presentation::Presentation;
use super::{Method, Version};
use crate::account::Account;
use crate::encoding::{self, base64};
use crate::error::EncodeError;
use crate::money::Amount;
use crate::quote::Ticket;
use crate::svm::{Address, RecentBlockhash};

/// How long a client should take to pay, in seconds. This is about as long as a blockhash lives.
const MAX_TIMEOUT_SECONDS: u64 = 60;

/// The payment flow of every offer: the buyer is charged before the resource is given (`@x402/core` 2.27,
/// payment flows).
const PAYMENT_FLOW: &str = "upfront";

/// The media type of the resource once it is paid for.
const MIME_TYPE: &str = "application/json";

/// The character that ends a shortened description.
const ELLIPSIS: char = '…';

/// One way to pay.
#[derive(Clone, Debug)]
pub(crate) struct PaymentRequirements {
    /// The scheme and its network.
    pub method: Method,
    /// The amount in atomic units.
    pub amount: Amount,
    /// The paying token.
    pub asset: Account,
    /// The account to be paid.
    pub pay_to: Account,
    /// The quote, sealed as a ticket.
    pub ticket: Ticket,
    /// What the scheme needs in addition.
    pub extra: Extra,
}

/// What a scheme needs in addition to the common members.
#[derive(Clone, Debug)]
pub(crate) enum Extra {
    /// `exact` on Solana.
    SvmExact(SvmExactExtra),
    /// A test-only rail whose transactions get their id late. The order names this nonce.
    #[cfg(test)]
    LateId(crate::quote::Nonce),
    /// A test-only purchase without a payment.
    #[cfg(test)]
    Unpaid,
}

/// What `exact` on Solana needs in addition (`scheme_exact_svm.md`).
#[derive(Clone, Debug)]
pub(crate) struct SvmExactExtra {
    /// The wallet that pays the network's fee.
    pub fee_payer: Address,
    /// The memo that the buyer puts into the transaction. A 402 of x402 v1 has none.
    pub memo: String,
    /// The token's decimals. With them and the program, a client need not look up the mint.
    pub decimals: u8,
    /// The token's program.
    pub token_program: Address,
    /// A recent blockhash for the payment, if one is known (v2 only).
    pub recent: Option<RecentBlockhash>,
}

/// A request for payment for a resource.
#[derive(Clone, Debug)]
pub(crate) struct PaymentRequired {
    /// Why payment is required, as a word or a stable reason.
    pub error: String,
    /// What the buyer can do about it; only in the body.
    pub detail: Option<&'static str>,
    /// The resource's URL.
    pub url: String,
    /// The resource's description for people.
    pub description: String,
    /// The resource's presentation for catalogues (v2 only).
    pub presentation: Presentation,
    pub offers: Vec<PaymentRequirements>,
    /// Extensions by name (v2 only).
    pub extensions: Map<String, Value>,
}

/// `PaymentRequired` (specification v2, section 5.1.2).
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
    description: Cow<'a, str>,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2Accepts<'a> {
    scheme: &'a str,
    network: &'a str,
    amount: Amount,
    asset: &'a Account,
    pay_to: &'a Account,
    max_timeout_seconds: u64,
    extra: V2Extra<'a>,
}

impl<'a> V2Accepts<'a> {
    /// Returns an offer as v2 writes it; `None` if v2 has no name for its network.
    fn of(offer: &'a PaymentRequirements) -> Option<Self> {
        Some(Self {
            scheme: offer.method.scheme(),
            network: offer.method.network(Version::V2)?,
            amount: offer.amount,
            asset: &offer.asset,
            pay_to: &offer.pay_to,
            max_timeout_seconds: MAX_TIMEOUT_SECONDS,
            extra: V2Extra::of(offer),
        })
    }
}

/// What the scheme needs in addition, with the ticket and the payment flow.
#[derive(Serialize)]
#[serde(untagged)]
enum V2Extra<'a> {
    SvmExact(V2SvmExact<'a>),
    #[cfg(test)]
    Sketch(V2Sketch<'a>),
}

/// `extra` of `exact` on Solana. The height is a decimal string.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2SvmExact<'a> {
    fee_payer: Address,
    memo: &'a str,
    ticket: &'a str,
    decimals: u8,
    token_program: Address,
    payment_flow: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_blockhash: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_valid_block_height: Option<String>,
}

/// `extra` of the test-only ways to pay.
#[cfg(test)]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct V2Sketch<'a> {
    nonce: Option<String>,
    ticket: &'a str,
    payment_flow: &'a str,
}

impl<'a> V2Extra<'a> {
    fn of(offer: &'a PaymentRequirements) -> Self {
        let (ticket, payment_flow) = (offer.ticket.as_str(), PAYMENT_FLOW);
        match &offer.extra {
            Extra::SvmExact(extra) => Self::SvmExact(V2SvmExact {
                fee_payer: extra.fee_payer,
                memo: &extra.memo,
                ticket,
                decimals: extra.decimals,
                token_program: extra.token_program,
                payment_flow,
                // A blockhash is written in base58, like an address.
                recent_blockhash: extra.recent.map(|recent| Address::new(recent.blockhash)),
                last_valid_block_height: extra
                    .recent
                    .map(|recent| recent.last_valid_block_height.to_string()),
            }),
            #[cfg(test)]
            Extra::LateId(nonce) => {
                Self::Sketch(V2Sketch { nonce: Some(encoding::hex(nonce)), ticket, payment_flow })
            }
            #[cfg(test)]
            Extra::Unpaid => Self::Sketch(V2Sketch { nonce: None, ticket, payment_flow }),
        }
    }

    fn without_blockhash(&mut self) {
        match self {
            Self::SvmExact(extra) => {
                extra.recent_blockhash = None;
                extra.last_valid_block_height = None;
            }
            #[cfg(test)]
            Self::Sketch(_) => {}
        }
    }
}

impl<'a> V2<'a> {
    fn of(required: &'a PaymentRequired) -> Self {
        let presentation = &required.presentation;
        Self {
            x402_version: 2,
            error: &required.error,
            resource: Resource {
                url: &required.url,
                description: Cow::Borrowed(&required.description),
                mime_type: MIME_TYPE,
                service_name: presentation.service_name.as_deref(),
                icon_url: presentation.icon_url.as_deref(),
                tags: &presentation.tags,
            },
            accepts: required.offers.iter().filter_map(V2Accepts::of).collect(),
            extensions: &required.extensions,
        }
    }

    fn without_blockhash(&mut self) {
        for accepts in &mut self.accepts {
            accepts.extra.without_blockhash();
        }
    }

    fn json(&self) -> Result<Vec<u8>, EncodeError> {
        encoding::json("what has to be paid", self)
    }
}

/// Returns the value of the `PAYMENT-REQUIRED` header (v2), in at most `max_header_bytes` bytes if possible.
///
/// Proxies keep all headers of an answer in one buffer, which has 4 KiB in nginx by default, and answer 502 if it is
/// too small. So optional members are left out until the rest fits, in this order: the icon, the tags, the service's
/// name, the recent blockhash with its height. If an extension takes up the room, later offers are left out next, down
/// to the first one; the body has them all. Finally the description is shortened. The rest is sent whatever its size.
///
/// # Errors
/// When it can't be written as JSON.
pub(crate) fn v2_header(required: &PaymentRequired, max_header_bytes: usize) -> Result<String, EncodeError> {
    const OPTIONAL: [fn(&mut V2<'_>); 4] = [
        |body| body.resource.icon_url = None,
        |body| body.resource.tags = &[],
        |body| body.resource.service_name = None,
        |body| body.without_blockhash(),
    ];
    // Base64 writes four characters for every three bytes.
    let max_header_bytes = max_header_bytes / 4 * 3;
    let mut body = V2::of(required);
    let mut json = body.json()?;
    for leave_out in OPTIONAL {
        if json.len() <= max_header_bytes {
            break;
        }
        leave_out(&mut body);
        json = body.json()?;
    }
    while json.len() > max_header_bytes && !body.extensions.is_empty() && body.accepts.len() > 1 {
        body.accepts.pop();
        json = body.json()?;
    }
    if json.len() > max_header_bytes {
        let excess = json.len() - max_header_bytes;
        body.resource.description = Cow::Owned(shortened(&body.resource.description, excess)?);
        json = body.json()?;
    }
    Ok(base64(&json))
}

/// Returns the text shortened by at least `excess` bytes of JSON, or by everything if that is too little.
fn shortened(text: &str, excess: usize) -> Result<String, EncodeError> {
    let mut left_out = 0;
    let wanted = excess + ELLIPSIS.len_utf8();
    let mut kept = None;
    for (at, c) in text.char_indices().rev() {
        // The encoding's quotation marks do not count.
        left_out += encoding::json("a character", &c)?.len().saturating_sub(2);
        if left_out >= wanted {
            kept = text.get(..at);
            break;
        }
    }
    Ok(match kept.map(str::trim_end) {
        None | Some("") => String::new(),
        Some(kept) => format!("{kept}{ELLIPSIS}"),
    })
}

/// Returns an offer as a payment of v2 sends it back in `accepted`.
///
/// # Errors
/// When it can't be written as JSON.
pub(crate) fn accepted(offer: &PaymentRequirements) -> Result<Value, EncodeError> {
    let name = "what is accepted";
    let accepts = V2Accepts::of(offer).ok_or(EncodeError(name))?;
    serde_json::to_value(accepts).map_err(|_| EncodeError(name))
}

/// Returns the body of a 402 (v1).
///
/// It has no ticket and no memo, because v1 clients send nothing back. It has no `outputSchema`, because one
/// client rejects the member when it is null.
#[must_use]
pub(crate) fn v1_body(required: &PaymentRequired) -> Value {
    let accepts = |offer: &PaymentRequirements| {
        let network = offer.method.network(Version::V1)?;
        Some(json!({
            "scheme": offer.method.scheme(),
            "network": network,
            "maxAmountRequired": offer.amount,
            "resource": required.url,
            "description": required.description,
            "mimeType": MIME_TYPE,
            "payTo": offer.pay_to,
            "maxTimeoutSeconds": MAX_TIMEOUT_SECONDS,
            "asset": offer.asset,
            "extra": v1_extra(&offer.extra),
        }))
    };
    let mut body = json!({
        "x402Version": 1,
        "error": required.error,
        "accepts": required.offers.iter().filter_map(accepts).collect::<Vec<_>>(),
    });
    if let (Some(detail), Value::Object(members)) = (required.detail, &mut body) {
        members.insert("detail".to_owned(), json!(detail));
    }
    body
}

/// Returns what a scheme needs in addition, as v1 writes it.
fn v1_extra(extra: &Extra) -> Value {
    match extra {
        Extra::SvmExact(extra) => json!({
            "feePayer": extra.fee_payer,
            "decimals": extra.decimals,
            "tokenProgram": extra.token_program,
        }),
        #[cfg(test)]
        Extra::LateId(_) | Extra::Unpaid => Value::Null,
    }
}

#[cfg(test)]
mod tests;
