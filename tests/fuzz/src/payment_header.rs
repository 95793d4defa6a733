//! A payment's header: what is read says what was written, and gives the same when it is written and read again.

use std::sync::LazyLock;

use coinop_core::bench::Presented;
use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Network, Transaction};
use coinop_core::testkit::vectors;
use coinop_core::x402::{Accepted, Payload, PaymentPayload, SettlementResponse, Version};
use serde_json::{Value, json};

use crate::input::Input;
use crate::patched::patched;

const NETWORK: Network = Network::Devnet;

/// The payments of real clients, by version. The one of version 2 carries a ticket too, as ours do.
static HONEST: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let [v1, mut v2] = [vectors::V1_PURCHASE, vectors::V2_PURCHASE]
        .map(|text| vectors::json(text)["decoded"]["payment"].clone());
    v2["accepted"]["extra"]["ticket"] = "AQIDBA".into();
    [v1, v2].map(|payment| payment.to_string().into_bytes())
});

/// Reads any header, any JSON in a header, or an honest payment with changes, in either version.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let version = if choice & 1 == 0 { Version::V1 } else { Version::V2 };
    let header = match choice >> 1 & 3 {
        0 => input.text(),
        1 => base64(input.rest()),
        2 => base64(&input.altered(&HONEST[usize::from(choice & 1)])),
        _ if choice >> 3 & 1 == 0 => return response(&input.text()),
        _ => {
            let honest = serde_json::from_slice(&HONEST[usize::from(choice & 1)]).unwrap();
            base64(patched(&mut input, &honest).to_string().as_bytes())
        }
    };
    let Ok(payment) = PaymentPayload::read(version, &header, NETWORK) else { return };
    assert_eq!(payment.version(), version);
    let json = from_base64(&header).unwrap();
    says_what_was_written(&payment, &serde_json::from_slice(&json).unwrap());
    let again = base64(written(&payment).to_string().as_bytes());
    assert_eq!(PaymentPayload::read(version, &again, NETWORK).as_ref(), Ok(&payment));
    let Payload::SvmExact(bytes) = &payment.payload;
    assert_eq!(Presented::read(&payment).is_ok(), Transaction::decode(bytes).is_ok());
    if payment.payer().is_some() {
        assert!(Transaction::decode(bytes).is_ok());
    }
}

/// Compares a payment with its JSON, read without any types.
fn says_what_was_written(payment: &PaymentPayload, json: &Value) {
    let accepted = &json["accepted"];
    let objects = [json, &json["payload"], accepted, &accepted["extra"]];
    assert!(!objects.into_iter().any(Value::is_array), "a list is no object: {json}");
    let Payload::SvmExact(bytes) = &payment.payload;
    let transaction = json["payload"]["transaction"].as_str().unwrap();
    assert_eq!(from_base64(transaction).as_ref(), Some(bytes));
    let (version, network, offer) = match &payment.accepted {
        Accepted::V1 => (1, NETWORK.v1_name(), json),
        Accepted::V2 { ticket, amount, asset, pay_to } => {
            assert_eq!(accepted["extra"]["ticket"].as_str(), ticket.as_ref().map(|ticket| ticket.as_str()));
            assert_eq!(accepted["amount"].as_str().unwrap().parse(), Ok(amount.atomic()));
            assert_eq!(
                (accepted["asset"].as_str(), accepted["payTo"].as_str()),
                (Some(asset.as_str()), Some(pay_to.as_str()))
            );
            (2, NETWORK.caip2(), accepted)
        }
    };
    assert_eq!(json["x402Version"], version);
    assert_eq!((&offer["scheme"], &offer["network"]), (&json!("exact"), &json!(network)));
}

/// Returns a payment as a client writes it.
fn written(payment: &PaymentPayload) -> Value {
    let Payload::SvmExact(bytes) = &payment.payload;
    let payload = json!({ "transaction": base64(bytes) });
    match &payment.accepted {
        Accepted::V1 => {
            json!({ "x402Version": 1, "scheme": "exact", "network": NETWORK.v1_name(), "payload": payload })
        }
        Accepted::V2 { ticket, amount, asset, pay_to } => json!({
            "x402Version": 2,
            "accepted": {
                "scheme": "exact", "network": NETWORK.caip2(), "amount": amount, "asset": asset, "payTo": pay_to,
                "extra": { "ticket": ticket.as_ref().map(|ticket| ticket.as_str()) },
            },
            "payload": payload,
        }),
    }
}

/// Reads an answer to a payment, and writes and reads it again.
fn response(json: &str) {
    let Some(response) = SettlementResponse::from_header(&base64(json.as_bytes())) else { return };
    let header = response.to_header().unwrap();
    assert_eq!(SettlementResponse::from_header(&header), Some(response));
}
