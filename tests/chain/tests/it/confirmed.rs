//! A chain whose confirmed block is behind its tip.

use serde_json::{Value, json};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::support::{Chain, Market, RECENT_BLOCKHASHES, associated};

const LAG: &[&str] = &["--confirm-lag", "2", "--finality-lag", "5"];

/// Returns the answer of a method at a commitment, which is its first parameter.
fn at(chain: &Chain, method: &str, commitment: &str) -> Value {
    chain.get(method, json!([{"commitment": commitment}]))
}

fn is_valid(chain: &Chain, hash: &str, commitment: &str) -> bool {
    chain.get("isBlockhashValid", json!([hash, {"commitment": commitment}]))["value"] == true
}

/// Returns the atomic units of USDC that `owner` has at a commitment.
fn tokens(chain: &Chain, owner: &Keypair, commitment: &str) -> u64 {
    let account = associated(&owner.pubkey()).to_string();
    u64::from_le_bytes(chain.data(&account, commitment)[64..72].try_into().unwrap())
}

#[test]
fn confirmed_blocks_are_as_many_behind_the_tip_as_asked_for() {
    let chain = Chain::still(LAG);
    for advance in [0, 1, 1, 2, 7, 1_000] {
        let before =
            (at(&chain, "getBlockHeight", "processed").as_u64().unwrap(), chain.blockhash_at("processed"));
        chain.advance(advance);
        let [processed, confirmed, last] = ["processed", "confirmed", "finalized"].map(|commitment| {
            let height = at(&chain, "getBlockHeight", commitment).as_u64().unwrap();
            let info = at(&chain, "getEpochInfo", commitment);
            assert_eq!(info["blockHeight"], height);
            assert_eq!(info["absoluteSlot"], at(&chain, "getSlot", commitment));
            let latest = at(&chain, "getLatestBlockhash", commitment);
            assert_eq!(latest["value"]["lastValidBlockHeight"], height + 150);
            assert_eq!(latest["context"]["slot"], info["absoluteSlot"]);
            height
        });
        assert_eq!((processed, confirmed, last), (before.0 + advance, processed - 2, processed - 5));
        if advance < 100 {
            assert!(is_valid(&chain, &before.1, "processed"));
            assert_eq!(is_valid(&chain, &before.1, "confirmed"), advance >= 2);
            assert_eq!(is_valid(&chain, &before.1, "finalized"), advance >= 5);
        }
        // The sysvar of each state names the blockhash of its own block.
        for commitment in ["processed", "confirmed"] {
            let newest = bs58::encode(&chain.data(RECENT_BLOCKHASHES, commitment)[8..40]).into_string();
            assert_eq!(newest, chain.blockhash_at(commitment));
        }
    }
}

#[test]
fn without_a_lag_the_tip_is_confirmed() {
    let chain = Chain::still(&[]);
    chain.advance(3);
    for method in ["getSlot", "getBlockHeight", "getLatestBlockhash", "getEpochInfo"] {
        assert_eq!(at(&chain, method, "processed"), at(&chain, method, "confirmed"));
    }
}

#[test]
fn a_payment_is_processed_until_as_many_blocks_follow_it() {
    let market = Market::open(LAG);
    let chain = &market.chain;
    let id = chain.submit(&market.payment(1_000, "wait"));
    let config = json!({"commitment": "confirmed", "maxSupportedTransactionVersion": 0});
    let source = associated(&market.buyer.pubkey()).to_string();
    for (confirmations, finality) in
        [(0, "processed"), (1, "processed"), (2, "confirmed"), (3, "confirmed"), (4, "confirmed")]
    {
        let status = chain.status(&id, false);
        assert_eq!(
            (&status["confirmationStatus"], &status["confirmations"]),
            (&json!(finality), &json!(confirmations))
        );
        let confirmed = finality == "confirmed";
        assert_eq!(chain.get("getTransaction", json!([id, config])).is_null(), !confirmed);
        let listed = chain.get("getSignaturesForAddress", json!([source, {"commitment": "confirmed"}]));
        assert_eq!(listed.as_array().unwrap().len(), usize::from(confirmed));
        for (commitment, seen) in [("processed", true), ("confirmed", confirmed), ("finalized", confirmed)] {
            let expected = if seen { (24_999_000, 1_000) } else { (25_000_000, 0) };
            let found = (tokens(chain, &market.buyer, commitment), tokens(chain, &market.seller, commitment));
            assert_eq!(found, expected, "{commitment}");
        }
        chain.advance(1);
    }
    assert_eq!(chain.status(&id, false)["confirmationStatus"], "finalized");
}

#[test]
fn a_simulation_at_confirmed_runs_on_the_confirmed_accounts() {
    let market = Market::open(LAG);
    let chain = &market.chain;
    let first = market.payment(25_000_000, "all");
    let second = market.payment(1, "one more");
    chain.submit(&first);
    let simulate =
        |payment, commitment: &str| chain.simulate(payment, json!({"commitment": commitment}))["err"].take();
    let insufficient = json!({"InstructionError": [0, {"Custom": 1}]});
    for _ in 0..2 {
        // At `confirmed`, an unconfirmed payment has neither spent anything nor landed.
        assert_eq!(simulate(&second, "confirmed"), Value::Null);
        assert_eq!(simulate(&second, "processed"), insufficient);
        assert_eq!(simulate(&first, "confirmed"), Value::Null);
        assert_eq!(simulate(&first, "processed"), "AlreadyProcessed");
        chain.advance(1);
    }
    assert_eq!(simulate(&second, "confirmed"), insufficient);
    assert_eq!(simulate(&first, "confirmed"), "AlreadyProcessed");

    let young = market.payment_at(1, "young", &chain.blockhash_at("processed"));
    assert_eq!(simulate(&young, "confirmed"), "BlockhashNotFound");
    assert_eq!(simulate(&young, "processed"), insufficient);
}

#[test]
fn a_payment_that_passed_at_confirmed_can_fail_on_landing() {
    let market = Market::open(LAG);
    let chain = &market.chain;
    let account = associated(&market.buyer.pubkey());
    let [all, more] = ["all", "more"].map(|memo| market.payment(25_000_000, memo));
    chain.submit(&all);
    let addresses = json!({"encoding": "base64", "addresses": [account.to_string()]});
    let dry = chain.simulate(&more, json!({"commitment": "confirmed", "accounts": addresses}));
    assert_eq!(dry["err"], Value::Null);
    let id = chain.submit(&more);
    assert_eq!(chain.status(&id, false)["err"], json!({"InstructionError": [0, {"Custom": 1}]}));
    assert_eq!(tokens(chain, &market.seller, "processed"), 25_000_000);
}

#[test]
fn what_tests_set_is_seen_at_every_commitment_at_once() {
    let market = Market::open(LAG);
    let chain = &market.chain;
    let [buyer, payer] = [&market.buyer, &market.payer].map(|who| who.pubkey().to_string());
    chain.submit(&market.payment(1_000, "between"));
    chain.get("coinop_setTokens", json!([buyer, "7"]));
    chain.get("coinop_setLamports", json!([payer, 77_000_000]));
    for _ in 0..4 {
        for commitment in ["processed", "confirmed", "finalized"] {
            assert_eq!(tokens(chain, &market.buyer, commitment), 7_000_000);
            let balance = chain.get("getBalance", json!([payer, {"commitment": commitment}]));
            assert_eq!(balance["value"], 77_000_000);
        }
        chain.advance(1);
    }
}

#[test]
fn an_account_is_not_read_at_a_slot_that_is_not_confirmed() {
    let market = Market::open(LAG);
    let chain = &market.chain;
    let buyer = market.buyer.pubkey().to_string();
    let tip = at(chain, "getSlot", "processed").as_u64().unwrap();
    let config = |commitment: &str| json!([buyer, {"commitment": commitment, "minContextSlot": tip}]);
    assert_eq!(chain.get("getBalance", config("processed"))["context"]["slot"], tip);
    let error = chain.error("getBalance", config("confirmed"));
    assert_eq!((&error["code"], &error["data"]["contextSlot"]), (&json!(-32016), &json!(tip - 2)));
    chain.advance(2);
    assert_eq!(chain.get("getBalance", config("confirmed"))["context"]["slot"], tip);
}
