//! What a buyer paid: the payment headers of both versions, and the answer to them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::shape::has_list_for_object;
use super::{Method, PayloadError, Version};
use crate::account::Account;
use crate::encoding::{base64, from_base64, from_json, json};
use crate::error::EncodeError;
use crate::money::Amount;
use crate::quote::Ticket;
use crate::svm::programs::TRANSFER_CHECKED;
use crate::svm::transaction::Transaction;
use crate::svm::{Address, Network, TokenProgram};

/// A payment as it arrived: decoded, but not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPayload {
    /// The version, and what the version carries in addition to the scheme's payload.
    pub accepted: Accepted,
    /// The scheme's payload.
    pub payload: Payload,
}

/// The payload of a payment's scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The bytes of a Solana transaction (`exact`).
    SvmExact(Vec<u8>),
    /// A test-only rail whose transactions get their id late.
    #[cfg(test)]
    LateId(Vec<u8>),
    /// A test-only purchase without a payment.
    #[cfg(test)]
    Unpaid,
}

/// What a payment carries in addition to its scheme's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Version 1 carries nothing more.
    V1,
    /// The offer that the client accepted and sends back.
    V2 {
        /// The ticket of the quote, if the client sent it back.
        ticket: Option<Ticket>,
        /// The amount that the client states. It is compared with the quote and never used.
        amount: Amount,
        /// The token that the client states, as its network writes it.
        asset: Account,
        /// The account to be paid that the client states.
        pay_to: Account,
    },
}

impl PaymentPayload {
    /// Returns the version of x402 that the payment uses.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self.accepted {
            Accepted::V1 => Version::V1,
            Accepted::V2 { .. } => Version::V2,
        }
    }

    /// Returns the scheme and network of the payment, at a gateway on this Solana network.
    pub(crate) const fn method(&self, network: Network) -> Method {
        match self.payload {
            Payload::SvmExact(_) => Method::SvmExact(network),
            #[cfg(test)]
            Payload::LateId(_) => Method::LateId,
            #[cfg(test)]
            Payload::Unpaid => Method::Unpaid,
        }
    }

    /// Returns the ticket that the payment carries.
    #[must_use]
    pub const fn ticket(&self) -> Option<&Ticket> {
        match &self.accepted {
            Accepted::V2 { ticket, .. } => ticket.as_ref(),
            Accepted::V1 => None,
        }
    }

    /// Returns the wallet that the transaction names as the authority of its first transfer, if any.
    ///
    /// The wallet's signature is not checked, so the result serves only to tell the sender what was read.
    #[must_use]
    pub fn payer(&self) -> Option<Account> {
        match &self.payload {
            Payload::SvmExact(transaction) => authority(transaction).map(Account::from),
            #[cfg(test)]
            _ => None,
        }
    }
}

/// Returns the authority of a transaction's first transfer.
fn authority(transaction: &[u8]) -> Option<Address> {
    let message = Transaction::decode(transaction).ok()?.message;
    message.instructions.iter().find_map(|instruction| {
        message.account(instruction.program).and_then(TokenProgram::at)?;
        let [_, _, _, authority] = *instruction.accounts.as_slice() else { return None };
        let moves = instruction.data.first() == Some(&TRANSFER_CHECKED);
        message.account(authority).filter(|_| moves).copied()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyVersion {
    x402_version: u64,
}

/// The members of the payloads of all schemes. Each scheme uses its own.
#[derive(Deserialize)]
struct Members<'a> {
    /// The base64 transaction, for `exact` on Solana.
    #[serde(borrow)]
    transaction: Option<Text<'a>>,
    /// The base64 order, for the test-only rail with a late id.
    #[cfg(test)]
    order: Option<Text<'a>>,
}

/// A text that is copied only if it has JSON escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V1<'a> {
    x402_version: u64,
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    #[serde(borrow)]
    network: Cow<'a, str>,
    #[serde(borrow)]
    payload: Members<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2<'a> {
    x402_version: u64,
    #[serde(borrow)]
    accepted: EchoedRequirements<'a>,
    #[serde(borrow)]
    payload: Members<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EchoedRequirements<'a> {
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    #[serde(borrow)]
    network: Cow<'a, str>,
    amount: Amount,
    asset: Account,
    pay_to: Account,
    #[serde(default)]
    extra: Extra,
}

#[derive(Default, Deserialize)]
struct Extra {
    #[serde(default)]
    ticket: Option<String>,
}

impl PaymentPayload {
    /// Reads the value of `PAYMENT-SIGNATURE` (v2) or `X-PAYMENT` (v1).
    ///
    /// # Errors
    /// When the value is not a payment of that version on this network.
    pub fn read(version: Version, header: &str, network: Network) -> Result<Self, PayloadError> {
        let json = from_base64(header).ok_or(PayloadError::Malformed)?;
        let (stated, scheme, named, payload, accepted) = match version {
            Version::V1 => {
                let V1 { x402_version, scheme, network, payload } = parse(&json, 1)?;
                (x402_version, scheme, network, payload, Accepted::V1)
            }
            Version::V2 => {
                let V2 { x402_version, accepted, payload } = parse(&json, 2)?;
                let EchoedRequirements { scheme, network, amount, asset, pay_to, extra } = accepted;
                let ticket = extra.ticket.map(Ticket::from_text);
                let accepted = Accepted::V2 { ticket, amount, asset, pay_to };
                (x402_version, scheme, network, payload, accepted)
            }
        };
        let expected = match version {
            Version::V1 => 1,
            Version::V2 => 2,
        };
        if stated != expected {
            return Err(PayloadError::Version);
        }
        let method = Method::named(version, &scheme, &named, network)?;
        let payload = payload.of(method, &accepted).ok_or(PayloadError::Malformed)?;
        Ok(Self { accepted, payload })
    }
}

impl Members<'_> {
    /// Returns this scheme's payload, if it is complete and well-formed.
    fn of(&self, method: Method, accepted: &Accepted) -> Option<Payload> {
        match method {
            Method::SvmExact(_) => {
                if let Accepted::V2 { asset, pay_to, .. } = accepted {
                    let _: (Address, Address) = (asset.as_str().parse().ok()?, pay_to.as_str().parse().ok()?);
                }
                bytes(self.transaction.as_ref()).map(Payload::SvmExact)
            }
            #[cfg(test)]
            Method::LateId => bytes(self.order.as_ref()).map(Payload::LateId),
            #[cfg(test)]
            Method::Unpaid => Some(Payload::Unpaid),
        }
    }
}

fn bytes(base64: Option<&Text<'_>>) -> Option<Vec<u8>> {
    base64.and_then(|text| from_base64(&text.0))
}

/// Reads an object of one version. One with another shape may still state another version.
fn parse<'a, T: Deserialize<'a>>(json: &'a [u8], expected: u64) -> Result<T, PayloadError> {
    if has_list_for_object(json) {
        return Err(PayloadError::Malformed);
    }
    from_json(json).ok_or_else(|| match from_json(json) {
        Some(AnyVersion { x402_version }) if x402_version != expected => PayloadError::Version,
        _ => PayloadError::Malformed,
    })
}

/// The answer to a payment (specification v2, section 5.3.2).
///
/// `errorMessage` is not in the specification's table, but `@x402/core` reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementResponse {
    /// Whether money moved.
    pub success: bool,
    /// Why the payment failed, as a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// Why the payment failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The transaction's id in base58; empty if none was sent.
    pub transaction: String,
    /// The network's name in the payment's version.
    pub network: String,
    /// The wallet that paid or would have paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<Account>,
    /// The amount charged, in atomic units. It is left out if nothing was charged or the outcome is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

impl SettlementResponse {
    /// Returns the value of `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn to_header(&self) -> Result<String, EncodeError> {
        Ok(base64(&json("the answer to a payment", self)?))
    }

    /// Returns the header's value within `max_header_bytes` bytes if possible, without its message if necessary.
    ///
    /// The body of the answer has the message too.
    ///
    /// # Errors
    /// The same as for [`Self::to_header`].
    pub(crate) fn to_header_within(&self, max_header_bytes: usize) -> Result<String, EncodeError> {
        let whole = self.to_header()?;
        if whole.len() <= max_header_bytes {
            return Ok(whole);
        }
        Self { error_message: None, ..self.clone() }.to_header()
    }

    /// Reads a value that [`Self::to_header`] has written.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        from_json(&from_base64(text)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testkit::vectors;

    fn header(purchase: &str, name: &str) -> String {
        vectors::json(purchase)["http"][1]["request"]["headers"][name].as_str().unwrap().to_owned()
    }

    #[test]
    fn captured_payment_headers_are_read() {
        let v2 = header(vectors::V2_PURCHASE, "payment-signature");
        let payment = PaymentPayload::read(Version::V2, &v2, Network::Devnet).unwrap();
        assert_eq!(payment.transaction().len(), 496);
        let Accepted::V2 { ticket: None, amount, .. } = payment.accepted else { panic!("{payment:?}") };
        assert_eq!(amount, Amount::new(1000));

        let v1 = header(vectors::V1_PURCHASE, "x-payment");
        let payment = PaymentPayload::read(Version::V1, &v1, Network::Devnet).unwrap();
        assert_eq!((payment.transaction().len(), payment.accepted), (429, Accepted::V1));

        assert_eq!(PaymentPayload::read(Version::V2, &v2, Network::Mainnet), Err(PayloadError::Network));
        assert_eq!(PaymentPayload::read(Version::V1, &v2, Network::Devnet), Err(PayloadError::Version));
        assert_eq!(PaymentPayload::read(Version::V2, &v1, Network::Devnet), Err(PayloadError::Version));
    }

    #[test]
    fn a_changed_envelope_has_a_stable_reason() {
        let original = header(vectors::V2_PURCHASE, "payment-signature");
        let original: Value = serde_json::from_slice(&from_base64(&original).unwrap()).unwrap();
        let read = |change: fn(&mut Value)| {
            let mut value = original.clone();
            change(&mut value);
            PaymentPayload::read(Version::V2, &base64(value.to_string().as_bytes()), Network::Devnet)
        };
        let cases: [(fn(&mut Value), PayloadError); 7] = [
            (|v| v["x402Version"] = json!(3), PayloadError::Version),
            (|v| v["x402Version"] = json!("2"), PayloadError::Malformed),
            (|v| v["accepted"]["scheme"] = json!("upto"), PayloadError::Scheme),
            (|v| v["accepted"]["network"] = json!("eip155:8453"), PayloadError::Network),
            (|v| v["accepted"]["amount"] = json!(1000), PayloadError::Malformed),
            (|v| v["payload"] = json!({}), PayloadError::Malformed),
            (|v| v["payload"]["transaction"] = json!("%"), PayloadError::Malformed),
        ];
        for (change, expected) in cases {
            assert_eq!(read(change), Err(expected));
        }
        assert!(read(|v| v["unheardOf"] = json!([1])).is_ok());
        for text in ["", "%", "bnVsbA==", "e30=", "W10="] {
            assert_eq!(
                PaymentPayload::read(Version::V2, text, Network::Devnet),
                Err(PayloadError::Malformed)
            );
        }
    }

    #[test]
    fn a_list_in_the_place_of_an_object_is_no_payment() {
        let read = |version, json: &Value| {
            PaymentPayload::read(version, &base64(json.to_string().as_bytes()), Network::Devnet)
        };
        let address = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
        let v1 = json!({ "x402Version": 1, "scheme": "exact", "network": "solana-devnet",
            "payload": { "transaction": "AQID" } });
        let v2 = json!({
            "x402Version": 2,
            "accepted": { "scheme": "exact", "network": Network::Devnet.caip2(), "amount": "1", "asset": address,
                "payTo": address, "extra": { "ticket": "AQID" } },
            "payload": { "transaction": "AQID" },
        });
        // Each object, with its members in the order in which they are read.
        let of_v1 = [
            ("/payload", vec!["transaction", "order"]),
            ("", vec!["x402Version", "scheme", "network", "payload"]),
        ];
        let of_v2 = [
            ("/accepted/extra", vec!["ticket"]),
            ("/accepted", vec!["scheme", "network", "amount", "asset", "payTo", "extra"]),
            ("/payload", vec!["transaction", "order"]),
            ("", vec!["x402Version", "accepted", "payload"]),
        ];
        for (version, json, objects) in [(Version::V1, v1, of_v1.to_vec()), (Version::V2, v2, of_v2.to_vec())]
        {
            assert!(read(version, &json).is_ok());
            for (at, members) in objects {
                let mut listed = json.clone();
                let object = listed.pointer_mut(at).unwrap();
                *object = members.iter().map(|name| object[name].take()).collect();
                assert_eq!(read(version, &listed), Err(PayloadError::Malformed), "{listed}");
            }
        }
    }
}
