//! Heights, blockhashes and finality.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Chain, Market, RECENT_BLOCKHASHES, USDC};

fn height(chain: &Chain, commitment: &str) -> u64 {
    let answer = chain.get("getBlockHeight", json!([{"commitment": commitment}]));
    answer.as_u64().unwrap()
}

#[test]
fn blocks_come_by_themselves() {
    let chain = Chain::start(&["--block-ms", "5"]);
    let (start, first) = (height(&chain, "confirmed"), chain.blockhash());
    let limit = Instant::now() + Duration::from_secs(20);
    while height(&chain, "confirmed") < start + 3 {
        assert!(Instant::now() < limit, "no blocks");
        std::thread::yield_now();
    }
    assert_ne!(chain.blockhash(), first);
}

#[test]
fn heights_slots_and_blockhashes_move_together() {
    let chain = Chain::still(&["--finality-lag", "8"]);
    let at = |commitment: &str| -> (u64, u64, Value) {
        let config = json!([{"commitment": commitment}]);
        (
            height(&chain, commitment),
            chain.get("getSlot", config.clone()).as_u64().unwrap(),
            chain.get("getLatestBlockhash", config),
        )
    };
    let (before, before_slot, before_hash) = at("confirmed");
    assert_eq!(before_hash["value"]["lastValidBlockHeight"], json!(before + 150));
    assert_eq!(before_hash["context"]["slot"], json!(before_slot));
    assert_ne!(before, before_slot);
    chain.advance(8);
    let (after, after_slot, after_hash) = at("confirmed");
    assert_eq!((after, after_slot), (before + 8, before_slot + 8));
    assert_ne!(before_hash["value"], after_hash["value"]);
    assert_eq!(at("processed"), at("confirmed"));
    // The tip of eight blocks ago is final now. Real nodes return the final one if the call names no
    // commitment.
    assert_eq!(at("finalized"), (before, before_slot, before_hash));
    assert_eq!(chain.get("getBlockHeight", json!([])), json!(before));
    let epoch = chain.get("getEpochInfo", json!([{"commitment": "confirmed"}]));
    assert_eq!(epoch["blockHeight"], json!(after));
    assert_eq!(epoch["absoluteSlot"], json!(after_slot));
    assert_eq!(epoch["slotsInEpoch"], 432_000);
}

#[test]
fn a_blockhash_expires_after_150_blocks() {
    let market = Market::open(&["--finality-lag", "2"]);
    let chain = &market.chain;
    let hash = chain.blockhash();
    let valid = |commitment: &str| {
        let params = json!([hash, {"commitment": commitment}]);
        chain.get("isBlockhashValid", params)["value"] == true
    };
    assert!(valid("confirmed") && !valid("finalized"));
    let payment = market.payment(1, "late");
    chain.advance(150);
    assert!(valid("confirmed"));
    assert!(chain.simulate(&payment, json!({}))["err"].is_null());
    chain.advance(1);
    assert!(!valid("confirmed"));
    let gone = chain.simulate(&payment, json!({}));
    assert_eq!(gone["err"], "BlockhashNotFound");
    assert_eq!((&gone["logs"], &gone["unitsConsumed"]), (&json!([]), &json!(0)));
    let replaced = chain.simulate(&payment, json!({"replaceRecentBlockhash": true}));
    assert!(replaced["err"].is_null());
    assert_eq!(replaced["replacementBlockhash"]["blockhash"], chain.blockhash());
    // Without preflight a cluster accepts it, and it is never seen again.
    let id = chain.submit(&payment);
    assert!(chain.status(&id, true).is_null());
    assert_eq!(market.balances(), (25_000_000, 0));
    assert_eq!(chain.lamports(&solana_signer::Signer::pubkey(&market.payer)), 10_000_000_000);
    let stats = chain.get("coinop_stats", json!([]));
    assert_eq!(stats, json!({"transactions": 0, "sendTransactionCalls": 1}));
}

#[test]
fn the_recent_blockhashes_are_an_account_that_follows_the_chain() {
    let chain = Chain::still(&["--finality-lag", "2"]);
    for (advance, count) in [(0, 3_u64), (1, 4), (145, 149), (1, 150), (40, 150)] {
        chain.advance(advance);
        let data = chain.data(RECENT_BLOCKHASHES, "confirmed");
        assert_eq!((data.len(), &data[..8]), (6_008, count.to_le_bytes().as_slice()));
        let listed: Vec<String> =
            data[8..].chunks(40).map(|entry| bs58::encode(&entry[..32]).into_string()).collect();
        assert_eq!(listed[0], chain.blockhash());
        assert_eq!(listed[2], chain.blockhash_at("finalized"));
        assert_eq!(data[40..48], 5_000_u64.to_le_bytes());
        let count = usize::try_from(count).unwrap();
        for hash in [&listed[0], &listed[count - 1]] {
            assert_eq!(
                chain.get("isBlockhashValid", json!([hash, {"commitment": "confirmed"}]))["value"],
                true
            );
        }
        assert!(data[8 + 40 * count..].iter().all(|byte| *byte == 0));
    }
    let wanted = json!([[USDC, RECENT_BLOCKHASHES], {"dataSlice": {"offset": 8, "length": 32}}]);
    let found = &chain.get("getMultipleAccounts", wanted)["value"][1];
    assert_eq!(found["owner"], "Sysvar1111111111111111111111111111111111111");
    assert_eq!((&found["lamports"], &found["space"]), (&json!(42_706_560), &json!(6_008)));
    let newest = STANDARD.decode(found["data"][0].as_str().unwrap()).unwrap();
    assert_eq!(bs58::encode(newest).into_string(), chain.blockhash());
}

#[test]
fn finality_lags() {
    let market = Market::open(&["--finality-lag", "5"]);
    let chain = &market.chain;
    let id = chain.submit(&market.payment(1, "lag"));
    let transaction = |commitment: Option<&str>| {
        let mut config = json!({"maxSupportedTransactionVersion": 0});
        if let Some(commitment) = commitment {
            config["commitment"] = json!(commitment);
        }
        chain.get("getTransaction", json!([id, config]))
    };
    for confirmations in 0..5 {
        let status = chain.status(&id, false);
        assert_eq!(status["confirmationStatus"], "confirmed");
        assert_eq!(status["confirmations"], json!(confirmations));
        assert!(!transaction(Some("confirmed")).is_null());
        assert!(transaction(Some("finalized")).is_null());
        assert!(transaction(None).is_null());
        chain.advance(1);
    }
    let status = chain.status(&id, false);
    assert_eq!(status["confirmationStatus"], "finalized");
    assert!(status["confirmations"].is_null());
    assert_eq!(transaction(Some("finalized")), transaction(Some("confirmed")));
    assert!(!transaction(None).is_null());
    let error = chain.error("getTransaction", json!([id, {"commitment": "processed"}]));
    assert_eq!(error["code"], -32602);
}

#[test]
fn old_statuses_need_a_search() {
    let market = Market::open(&[]);
    let id = market.chain.submit(&market.payment(1, "old"));
    market.chain.advance(150);
    assert!(!market.chain.status(&id, false).is_null());
    market.chain.advance(1);
    assert!(market.chain.status(&id, false).is_null());
    assert_eq!(market.chain.status(&id, true)["confirmationStatus"], "finalized");
}

#[test]
fn a_caller_from_the_future_is_told_to_wait() {
    let chain = Chain::still(&[]);
    let error = chain.error("getBlockHeight", json!([{"minContextSlot": u64::MAX}]));
    assert_eq!(error["code"], -32016);
    assert!(error["data"]["contextSlot"].is_u64());
}
