//! The gateway's side and the buyers' side of many payments, made in advance.

use anyhow::{Context, Result};
use coinop_core::bench::{Allowance, Memo, Nonce, Offered, Operation, Quote, SvmExactOffered};
use coinop_core::config::Config;
use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Address, SigningKey, Transaction, Transfer};
use coinop_core::{KeyRing, Secret, Timestamp};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

/// 2026-11-20.
const NOW: u64 = 1_795_165_429_123;

/// The gateway's secret. The stubbed settlement works under no other (`tests/hooks/src/settlement.rs`).
pub(crate) const SECRET: [u8; 32] = *b"coinop bench: money never moves.";

/// Returns the key of this number.
pub(crate) fn key(number: u64) -> SigningKey {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&seed)
}

/// Returns the address of a key.
pub(crate) fn address(key: &SigningKey) -> Address {
    Address::new(key.verifying_key().to_bytes())
}

/// Returns the key that pays fees.
pub(crate) fn fee_payer() -> SigningKey {
    key(u64::MAX)
}

/// Returns a configuration with this many assets for hire by the second.
pub(crate) fn config(assets: usize) -> Value {
    let asset = |n: usize| json!({"id": format!("lane-{n}"), "price": "0.01", "unit": "second"});
    json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": {"pay_to": address(&key(u64::MAX - 1)), "tokens": ["USDC"]},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:9"},
        "settlement": {"mode": "local", "max_fee_lamports_per_day": 10_000_000_000_u64},
        "limits": {"requests_per_second": 0, "connections_per_address": 4096},
        "asset": (0..assets).map(asset).collect::<Vec<_>>(),
    })
}

/// Returns the first offer in the header of a 402.
pub(crate) fn offered(payment_required: &str) -> Result<Value> {
    let required = from_base64(payment_required).context("a price that is no base64")?;
    let mut required: Value = serde_json::from_slice(&required)?;
    Ok(required["accepts"][0].take())
}

/// Signs a buyer's payment for an offer.
pub(crate) fn sign(
    config: &Config,
    offer: &Value,
    payer: &SigningKey,
    blockhash: [u8; 32],
) -> Result<Transaction> {
    let token = &config.merchant.tokens[0].token;
    let transfer = Transfer {
        fee_payer: address(&fee_payer()),
        pay_to: config.merchant.pay_to,
        mint: token.mint,
        decimals: token.decimals,
        program: token.program,
        amount: serde_json::from_value(offer["amount"].clone())?,
        blockhash,
        memo: Some(offer["extra"]["memo"].as_str().context("no memo")?),
    };
    transfer.sign(payer).context("no transaction")
}

/// Returns the payment header for an accepted offer and a signed transaction.
pub(crate) fn header(accepted: &Value, transaction: &[u8]) -> String {
    let payload = json!({
        "x402Version": 2,
        "resource": {"url": "http://127.0.0.1:8402/api/v1/access/lane-0?quantity=1", "description": "lane-0: 1 x second", "mimeType": "application/json"},
        "accepted": accepted,
        "payload": {"transaction": base64(transaction)},
    });
    base64(payload.to_string().as_bytes())
}

/// Payments in the form that a verifying module reads.
pub(crate) struct Payments {
    /// The input of the verification.
    pub(crate) json: Vec<u8>,
    /// The message, signature and key of each payment.
    pub(crate) signed: Vec<(Vec<u8>, Signature, VerifyingKey)>,
}

/// Returns a unique nonce for each payment.
fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// Makes `count` payments of as many payers.
pub(crate) fn payments(count: u64) -> Result<Payments> {
    let json = config(1);
    let config = Config::from_json(&json).map_err(|error| anyhow::anyhow!("{error}"))?;
    let keys = KeyRing::new(&Secret::new(SECRET), None);
    let (token, asset) = (&config.merchant.tokens[0].token, &config.assets[0]);
    let (mut headers, mut signed) = (Vec::new(), Vec::new());
    let offered = SvmExactOffered {
        token: token.clone(),
        pay_to: config.merchant.pay_to,
        fee_payer: address(&fee_payer()),
    };
    for number in 0..count {
        let quantity = 1 + number % 60;
        let quote = Quote {
            operation: Operation::Access,
            asset: asset.id.clone(),
            generation: asset.generation,
            is_shared: false,
            quantity,
            allowance: Allowance::Time { seconds: asset.tariff.seconds(quantity).context("seconds")? },
            amount: asset.tariff.price(quantity, token.decimals).map_err(|_| anyhow::anyhow!("price"))?,
            offered: Offered::SvmExact(offered.clone()),
            expires_at: Timestamp::from_millis(NOW + 300_000),
            nonce: nonce(number),
        };
        let ticket = quote.seal(&keys, &config)?;
        let memo = Memo::of(&keys, &quote.nonce, quote.amount, &offered);
        let offer = json!({
            "scheme": "exact", "network": config.network.caip2(), "amount": quote.amount, "asset": offered.token.mint,
            "payTo": offered.pay_to, "maxTimeoutSeconds": 60,
            "extra": {"feePayer": address(&fee_payer()), "memo": memo.as_str(), "ticket": ticket.as_str()},
        });
        let mut blockhash = [9; 32];
        blockhash[..8].copy_from_slice(&number.to_le_bytes());
        let payer = key(number);
        let transaction = sign(&config, &offer, &payer, blockhash)?;
        headers.push(header(&offer, &transaction.encode()?));
        signed.push((
            transaction.message_bytes.clone(),
            Signature::from_bytes(&transaction.signatures[1]),
            payer.verifying_key(),
        ));
    }
    let json = json!({
        "config": json, "secret": base64(&SECRET), "feePayer": address(&fee_payer()), "now": NOW, "headers": headers,
    });
    Ok(Payments { json: json.to_string().into_bytes(), signed })
}
