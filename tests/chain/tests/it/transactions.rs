//! Payments: simulated, sent, sent again, and looked up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use solana_keypair::Keypair;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use crate::support::{Market, associated, base64};

#[test]
fn a_payment_moves_money_once() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let payment = market.payment(1_000, "once");
    let dry = chain.simulate(&payment, json!({"sigVerify": true}));
    assert!(dry["err"].is_null(), "{dry}");
    assert!(dry["unitsConsumed"].as_u64().unwrap() > 0);
    for name in ["accounts", "returnData", "innerInstructions", "replacementBlockhash"] {
        assert_eq!(dry.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(market.balances(), (25_000_000, 0));

    let id = chain.submit(&payment);
    assert_eq!(market.balances(), (24_999_000, 1_000));
    assert_eq!(chain.lamports(&market.payer.pubkey()), 9_999_990_000);
    let status = chain.status(&id, false);
    assert!(status["err"].is_null() && status["slot"].is_u64());
    assert_eq!(status["status"], json!({"Ok": null}));

    // Sent again, at once and in later blocks: the answer is the same, and nothing moves.
    for _ in 0..3 {
        assert_eq!(chain.submit(&payment), id);
        chain.advance(1);
    }
    assert_eq!(chain.simulate(&payment, json!({}))["err"], "AlreadyProcessed");
    let error = chain.error("sendTransaction", json!([base64(&payment), {"encoding": "base64"}]));
    assert_eq!(error["code"], -32002);
    assert_eq!(error["data"]["err"], "AlreadyProcessed");
    assert_eq!(market.balances(), (24_999_000, 1_000));
    assert_eq!(chain.lamports(&market.payer.pubkey()), 9_999_990_000);
    assert_eq!(chain.status(&id, false)["slot"], status["slot"]);
    let stats = chain.get("coinop_stats", json!([]));
    assert_eq!(stats, json!({"transactions": 1, "sendTransactionCalls": 5}));
}

#[test]
fn a_message_lands_once_whatever_its_signatures() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let mut payment = market.payment(1_000, "half");
    chain.submit(&payment);
    // Only the buyer's signature, as a facilitator gets it for a simulation.
    payment.signatures[0] = Signature::default();
    let error = chain.simulate(&payment, json!({"sigVerify": false}));
    assert_eq!(error["err"], "AlreadyProcessed");
    let other = market.payment(1_000, "other");
    chain.submit(&other);
    assert_eq!(market.balances(), (24_998_000, 2_000));
}

#[test]
fn sending_takes_base58_and_a_preflight() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let payment = market.payment(1_000, "58");
    let text = bs58::encode(wincode::serialize(&payment).unwrap()).into_string();
    let id = chain.get("sendTransaction", json!([text]));
    assert_eq!(id, payment.signatures[0].to_string());
    assert_eq!(market.balances(), (24_999_000, 1_000));
}

#[test]
fn signatures_are_verified() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let good = market.payment(1_000, "sign");
    let forged = |index: usize| -> VersionedTransaction {
        let mut forged = good.clone();
        let mut bytes = <[u8; 64]>::from(forged.signatures[index]);
        bytes[9] ^= 1;
        forged.signatures[index] = Signature::from(bytes);
        forged
    };
    for bad in [forged(0), forged(1)] {
        for skip in [true, false] {
            let config = json!({"encoding": "base64", "skipPreflight": skip});
            let error = chain.error("sendTransaction", json!([base64(&bad), config]));
            assert_eq!(error["code"], -32003);
        }
        let config = json!({"encoding": "base64", "sigVerify": true});
        let error = chain.error("simulateTransaction", json!([base64(&bad), config]));
        assert_eq!(error["code"], -32003);
        assert!(chain.simulate(&bad, json!({}))["err"].is_null());
    }
    let mut short = good.clone();
    short.signatures.pop();
    let error = chain.error("sendTransaction", json!([base64(&short), {"encoding": "base64"}]));
    assert_eq!(error["code"], -32602);
    assert_eq!(market.balances(), (25_000_000, 0));
}

#[test]
fn simulation_says_what_a_node_would() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let poor = market.payment(25_000_001, "poor");
    let insufficient = json!({"InstructionError": [0, {"Custom": 1}]});
    let dry = chain.simulate(&poor, json!({}));
    assert_eq!(dry["err"], insufficient);
    assert!(!dry["logs"].as_array().unwrap().is_empty());
    let error = chain.error("sendTransaction", json!([base64(&poor), {"encoding": "base64"}]));
    assert_eq!(error["code"], -32002);
    assert_eq!(
        error["message"],
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    );
    assert_eq!(error["data"]["err"], insufficient);
    assert_eq!(error["data"]["logs"], dry["logs"]);

    let unknown = market.payment_at(1, "x", "11111111111111111111111111111111");
    assert_eq!(chain.simulate(&unknown, json!({}))["err"], "BlockhashNotFound");
    let error = chain.error("sendTransaction", json!([base64(&unknown), {"encoding": "base64"}]));
    assert_eq!(error["data"]["err"], "BlockhashNotFound");

    let payment = market.payment(1_000, "accounts");
    let both = json!({"encoding": "base64", "sigVerify": true, "replaceRecentBlockhash": true});
    let error = chain.error("simulateTransaction", json!([base64(&payment), both]));
    assert_eq!(error["code"], -32602);
    assert_eq!(market.balances(), (25_000_000, 0));
}

#[test]
fn simulation_shows_accounts_as_the_payment_would_leave_them() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let payment = market.payment(1_000, "accounts");
    let [source, seller] = [&market.buyer, &market.seller].map(|who| associated(&who.pubkey()).to_string());
    let nobody = Keypair::new().pubkey().to_string();
    let wanted = |encoding: &str, addresses: &[&str]| {
        let accounts = json!({"encoding": encoding, "addresses": addresses});
        json!({"encoding": "base64", "sigVerify": true, "commitment": "confirmed", "accounts": accounts})
    };
    // The accounts come in the order asked for, together with verified signatures.
    let dry = chain.simulate(&payment, wanted("base64", &[&source, &nobody, &seller]));
    assert!(dry["err"].is_null(), "{dry}");
    let amount = |place: usize| -> u64 {
        assert_eq!(dry["accounts"][place]["data"][1], "base64");
        let data = STANDARD.decode(dry["accounts"][place]["data"][0].as_str().unwrap()).unwrap();
        assert_eq!((data.len(), &dry["accounts"][place]["space"]), (165, &json!(165)));
        u64::from_le_bytes(data[64..72].try_into().unwrap())
    };
    assert_eq!((amount(0), amount(2)), (24_999_000, 1_000));
    assert_eq!(dry["accounts"][1], Value::Null);
    assert_eq!(dry["accounts"].as_array().unwrap().len(), 3);
    for name in ["owner", "lamports", "executable", "rentEpoch"] {
        assert!(!dry["accounts"][0][name].is_null(), "{name}");
    }
    let parsed = chain.simulate(&payment, wanted("jsonParsed", &[&seller]));
    assert_eq!(parsed["accounts"][0]["data"]["parsed"]["info"]["tokenAmount"]["amount"], "1000");

    // A transaction that fails has no accounts to show.
    let dry = chain.simulate(&market.payment(25_000_001, "poor"), wanted("base64", &[&source, &seller]));
    assert!(!dry["err"].is_null());
    assert_eq!(dry["accounts"], json!([null, null]));

    let refused = |config: Value| chain.error("simulateTransaction", json!([base64(&payment), config]));
    for encoding in ["base58", "binary"] {
        let error = refused(wanted(encoding, &[&source]));
        assert_eq!(
            (&error["code"], &error["message"]),
            (&json!(-32602), &json!("base58 encoding not supported"))
        );
    }
    let error = refused(wanted("base64", &[source.as_str(); 8]));
    assert_eq!(error["message"], "Too many accounts provided; max 7");
    assert_eq!(refused(wanted("base64", &["?"]))["code"], -32602);
    // None of it moved anything.
    assert_eq!(market.balances(), (25_000_000, 0));
}

#[test]
fn a_failing_payment_lands_and_pays_its_fee() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let id = chain.submit(&market.payment(25_000_001, "poor"));
    let failed = json!({"InstructionError": [0, {"Custom": 1}]});
    let status = chain.status(&id, false);
    assert_eq!(status["err"], failed);
    assert_eq!(status["status"], json!({"Err": failed}));
    assert_eq!(market.balances(), (25_000_000, 0));
    assert_eq!(chain.lamports(&market.payer.pubkey()), 9_999_990_000);
    let config = json!({"commitment": "confirmed", "maxSupportedTransactionVersion": 0});
    let landed = chain.get("getTransaction", json!([id, config]));
    assert_eq!(landed["meta"]["err"], failed);
    assert_eq!(landed["meta"]["preTokenBalances"], landed["meta"]["postTokenBalances"]);
}

#[test]
fn a_landed_payment_can_be_read_back() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let payment = market.payment(1_000, "read me");
    let id = chain.submit(&payment);
    let get = |encoding: &str| {
        let config = json!({
            "encoding": encoding,
            "commitment": "confirmed",
            "maxSupportedTransactionVersion": 0,
        });
        chain.get("getTransaction", json!([id, config]))
    };
    let raw = get("base64");
    assert_eq!(raw["transaction"], json!([base64(&payment), "base64"]));
    assert_eq!(raw["version"], 0);
    let landed = get("json");
    assert!(landed["blockTime"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(landed["slot"], chain.status(&id, false)["slot"]);
    let message = &landed["transaction"]["message"];
    assert_eq!(landed["transaction"]["signatures"][0], json!(id));
    assert_eq!(message["header"]["numRequiredSignatures"], 2);
    assert_eq!(message["accountKeys"][0], market.payer.pubkey().to_string());
    assert_eq!(message["instructions"][1]["data"], bs58::encode("read me").into_string());
    let meta = &landed["meta"];
    assert_eq!((&meta["err"], &meta["fee"]), (&Value::Null, &json!(10_000)));
    assert_eq!(meta["preBalances"][0], 10_000_000_000_u64);
    assert_eq!(meta["postBalances"][0], 9_999_990_000_u64);
    assert_eq!(meta["preBalances"].as_array().unwrap().len(), 7);
    let after = &meta["postTokenBalances"][1];
    assert_eq!(after["accountIndex"], 3);
    assert_eq!(after["owner"], market.seller.pubkey().to_string());
    assert_eq!(after["uiTokenAmount"]["amount"], "1000");
    assert_eq!(meta["preTokenBalances"][1]["uiTokenAmount"]["amount"], "0");
    assert!(meta["logMessages"].as_array().unwrap().len() > 3);
    // A client that does not say which versions it reads gets no version 0.
    let error = chain.error("getTransaction", json!([id, {"commitment": "confirmed"}]));
    assert_eq!(error["code"], -32015);
    let nothing = json!([Signature::from([7; 64]).to_string()]);
    assert!(chain.get("getTransaction", nothing).is_null());
}

#[test]
fn calls_between_programs_are_shown() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let newcomer = Keypair::new().pubkey();
    let opening = market.opening(&newcomer);
    let dry = chain.simulate(&opening, json!({"innerInstructions": true}));
    assert_eq!(dry["err"], Value::Null, "{dry}");
    let calls = dry["innerInstructions"][0]["instructions"].as_array();
    assert!(calls.unwrap().len() > 1, "{dry}");
    let id = chain.submit(&opening);
    assert_eq!(chain.tokens(&newcomer), 0);
    let landed = chain.get("getTransaction", json!([id, {"commitment": "confirmed"}]));
    assert!(landed["meta"]["err"].is_null());
    assert_eq!(landed["meta"]["innerInstructions"], dry["innerInstructions"]);
    assert_eq!(landed["meta"]["innerInstructions"][0]["index"], 0);
    assert_eq!(landed["meta"]["preTokenBalances"], json!([]));
    assert_eq!(landed["meta"]["postTokenBalances"][0]["accountIndex"], 1);
    assert!(landed.get("version").is_none());
    assert!(landed["transaction"]["message"].get("addressTableLookups").is_none());
    let config = json!({"commitment": "confirmed", "maxSupportedTransactionVersion": 0});
    let landed = chain.get("getTransaction", json!([id, config]));
    assert_eq!(landed["version"], "legacy");
}

#[test]
fn an_address_lists_its_transactions_newest_first() {
    let market = Market::open(&["--finality-lag", "2"]);
    let chain = &market.chain;
    let ids: Vec<String> = (0..5)
        .map(|index| {
            chain.advance(1);
            chain.submit(&market.payment(index, &format!("m{index}")))
        })
        .collect();
    let source = associated(&market.buyer.pubkey()).to_string();
    let list = |mut config: Value| -> Vec<String> {
        if config.get("commitment").is_none() {
            config["commitment"] = json!("confirmed");
        }
        let found = chain.get("getSignaturesForAddress", json!([source, config]));
        let found = found.as_array().unwrap();
        found.iter().map(|entry| entry["signature"].as_str().unwrap().to_owned()).collect()
    };
    let newest: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(list(json!({})), newest);
    assert_eq!(list(json!({"limit": 2})), newest[..2]);
    assert_eq!(list(json!({"before": newest[1]})), newest[2..]);
    assert_eq!(list(json!({"until": newest[3]})), newest[..3]);
    assert_eq!(list(json!({"before": newest[0], "until": newest[4], "limit": 2})), newest[1..3]);
    assert_eq!(list(json!({"commitment": "finalized"})), newest[2..]);
    let nobody = Signature::from([7; 64]).to_string();
    assert!(list(json!({"before": nobody})).is_empty());
    let entry = &chain.get("getSignaturesForAddress", json!([source, {"commitment": "confirmed"}]))[0];
    assert_eq!(entry["memo"], "[2] m4");
    assert_eq!(entry["confirmationStatus"], "confirmed");
    assert!(entry["err"].is_null() && entry["blockTime"].is_i64());
    let error = chain.error("getSignaturesForAddress", json!([source, {"limit": 0}]));
    assert_eq!(error["code"], -32602);
}

#[test]
fn a_message_has_a_fee_while_its_blockhash_lives() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let message = STANDARD.encode(market.payment(1, "fee").message.serialize());
    let fee = || chain.get("getFeeForMessage", json!([message]))["value"].take();
    assert_eq!(fee(), 10_000);
    chain.advance(151);
    assert!(fee().is_null());
}
