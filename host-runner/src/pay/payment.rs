//! Signs the payment, once. Afterwards it is only sent again.

use coinop_core::encoding::{base64, hex};
use coinop_core::svm::{MAX_TRANSACTION_BYTES, SigningKey, TokenProgram, Transfer};
use coinop_core::x402::{PAYMENT_SIGNATURE, Version, X_PAYMENT};
use serde_json::{Map, Value, json};

use super::payment_required::{PaymentRequired, PaymentRequirements};

/// What must be known of the chain in addition to the offer.
pub(super) struct PaymentDetails {
    pub(super) decimals: u8,
    pub(super) program: TokenProgram,
    pub(super) blockhash: [u8; 32],
}

/// A payment as the header that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Signs a payment for the offer. `nonce` becomes the memo if the offer has none. Without it two payments
/// within a minute would be the same transaction.
pub(super) fn sign(
    required: &PaymentRequired,
    offer: &PaymentRequirements,
    facts: &PaymentDetails,
    nonce: [u8; 16],
    key: &SigningKey,
) -> Result<Header, String> {
    let memo = offer.memo.clone().unwrap_or_else(|| hex(&nonce));
    let transfer = Transfer {
        fee_payer: offer.fee_payer,
        pay_to: offer.pay_to,
        mint: offer.mint,
        decimals: facts.decimals,
        program: facts.program,
        amount: offer.amount,
        blockhash: facts.blockhash,
        memo: Some(&memo),
    };
    let transaction = transfer
        .sign(key)
        .ok_or(
            "the payment cannot be signed: the wallet is itself the payee or the fee payer, or the server's offer is \
             not valid; you were not charged; try another key with --keypair FILE",
        )?
        .encode()
        .map_err(|error| error.to_string())?;
    if transaction.len() > MAX_TRANSACTION_BYTES {
        return Err("the server's memo makes the transaction too large; you were not charged".to_owned());
    }
    Ok(header(required, offer, &transaction))
}

fn header(required: &PaymentRequired, offer: &PaymentRequirements, transaction: &[u8]) -> Header {
    let payload = json!({ "transaction": base64(transaction) });
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("payload", payload);
    let name = match required.version {
        Version::V1 => {
            put("x402Version", json!(1));
            for name in ["scheme", "network"] {
                put(name, offer.entry.get(name).cloned().unwrap_or_default());
            }
            X_PAYMENT
        }
        Version::V2 => {
            put("x402Version", json!(2));
            put("accepted", offer.entry.clone());
            for (name, value) in [("resource", &required.resource), ("extensions", &required.extensions)] {
                if let Some(value) = value {
                    put(name, value.clone());
                }
            }
            PAYMENT_SIGNATURE
        }
    };
    Header { name, value: base64(Value::Object(body).to_string().as_bytes()) }
}

#[cfg(test)]
mod tests {
    use coinop_core::encoding::{from_base64, from_hex};
    use coinop_core::svm::{Address, Network, Transaction};
    use coinop_core::x402::{Accepted, PaymentPayload};

    use super::super::payment_required::tests::{captured, required};
    use super::*;

    const FACTS: PaymentDetails =
        PaymentDetails { decimals: 6, program: TokenProgram::Spl, blockhash: [9; 32] };

    fn key() -> SigningKey {
        SigningKey::from_bytes(
            &from_hex("a8ced61dcbe668503e43e200aade87b3c06d600fd2367185a68e91233478fe1a").unwrap(),
        )
    }

    fn signed(required: &PaymentRequired) -> (Header, Value) {
        let offer = required.choose(&[]).unwrap();
        let header = sign(required, &offer, &FACTS, [7; 16], &key()).unwrap();
        let json = serde_json::from_slice(&from_base64(&header.value).unwrap()).unwrap();
        (header, json)
    }

    fn transaction(payment: &Value) -> Transaction {
        let text = payment["payload"]["transaction"].as_str().unwrap();
        Transaction::decode(&from_base64(text).unwrap()).unwrap()
    }

    #[test]
    fn payments_have_the_shape_of_the_captured_ones() {
        for (version, name) in [(Version::V1, "x-payment"), (Version::V2, "payment-signature")] {
            let (header, mut ours) = signed(&required(version, |_| {}));
            let mut theirs = captured(version)["decoded"]["payment"].take();
            assert_eq!(header.name, name);
            assert!(PaymentPayload::read(version, &header.value, Network::Devnet).is_ok());
            let (a, b) = (transaction(&ours), transaction(&theirs));
            assert_eq!(a.message.accounts[..2], b.message.accounts[..2]);
            // They are equal except for the transaction, which has another blockhash and memo.
            ours["payload"] = Value::Null;
            theirs["payload"] = Value::Null;
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_the_server_sent_goes_back_unchanged() {
        let extension = json!({"sign-in-with-x": {"info": {"nonce": "1"}}, "other": [1, null, 0.5]});
        let (_, payment) = signed(&required(Version::V2, |required| {
            required["accepts"][0]["extra"]["ticket"] = json!("t.1");
            required["accepts"][0]["unheardOf"] = json!({"deep": [true]});
            required["extensions"] = extension.clone();
        }));
        assert_eq!(payment["accepted"]["extra"]["ticket"], "t.1");
        assert_eq!(payment["accepted"]["unheardOf"], json!({"deep": [true]}));
        assert_eq!(payment["extensions"], extension);
        let read =
            PaymentPayload::read(Version::V2, &base64(payment.to_string().as_bytes()), Network::Devnet)
                .unwrap();
        assert!(matches!(read.accepted, Accepted::V2 { ticket: Some(_), .. }));
    }

    #[test]
    fn the_memo_is_the_servers_or_else_the_nonce() {
        let memo = |payment: &Value| transaction(payment).message.instructions[3].data.clone();
        let (_, payment) = signed(&required(Version::V2, |r| r["accepts"][0]["extra"]["memo"] = json!("qq")));
        assert_eq!(memo(&payment), b"qq");
        for version in [Version::V1, Version::V2] {
            let (_, payment) = signed(&required(version, |_| {}));
            assert_eq!(memo(&payment), hex(&[7; 16]).as_bytes());
        }
    }

    #[test]
    fn a_wallet_does_not_pay_itself_or_the_fee() {
        let own = Address::new(key().verifying_key().to_bytes());
        for pointer in ["/accepts/0/payTo", "/accepts/0/extra/feePayer"] {
            let required =
                required(Version::V2, |required| *required.pointer_mut(pointer).unwrap() = json!(own));
            let offer = required.choose(&[]).unwrap();
            let error = sign(&required, &offer, &FACTS, [7; 16], &key()).unwrap_err();
            assert!(error.contains("the wallet is itself the payee"), "{error}");
        }
    }
}
