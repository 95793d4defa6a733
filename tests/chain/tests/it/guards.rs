//! Payments with the assertions that wallets put around them.

use serde_json::{Value, json};
use sha3::{Digest as _, Keccak256};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signature::Signature;
use solana_signer::Signer;

use crate::support::{Market, RECENT_BLOCKHASHES, associated, key};

/// The owner is the System program, and there is no data.
const WALLET: &[u8] = &[6, 4, 2, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// No delegate, nothing delegated, at the derived address.
const RECEIVER: &[u8] = &[10, 4, 3, 3, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 5, 8];

/// Returns the guard with a hash over a whole token account of the legacy program.
fn unchanged(data: &[u8]) -> Vec<u8> {
    let head = [6, 4, 3, 3, 1, 0, 1, 165, 0, 0, 0, 0, 0, 0, 0, 0, 8];
    [&head, Keccak256::digest(data).as_slice(), &[0, 0xa5, 0x01]].concat()
}

/// Returns the guard: at least `amount` is left, no delegate, nothing delegated, at the derived address.
fn left(amount: u64) -> Vec<u8> {
    [&[10, 4, 4, 2], amount.to_le_bytes().as_slice(), &[4], &RECEIVER[3..]].concat()
}

/// Returns the guard: at least `lamports` are left, the owner is the System program, and there is no data.
fn lamports_left(lamports: u64) -> Vec<u8> {
    [&[6, 4, 3, 0], lamports.to_le_bytes().as_slice(), &[4], &WALLET[3..]].concat()
}

/// The guards before and after a payment, as seen on mainnet.
struct Guards {
    before: Vec<(Address, Vec<u8>)>,
    after: Vec<(Address, Vec<u8>)>,
}

impl Guards {
    fn of(market: &Market, left_over: u64) -> Self {
        let [source, seller] = [&market.buyer, &market.seller].map(|who| associated(&who.pubkey()));
        let now = market.chain.data(&source.to_string(), "processed");
        Self {
            before: vec![
                (seller, RECEIVER.to_vec()),
                (source, unchanged(&now)),
                (market.payer.pubkey(), WALLET.to_vec()),
                (market.buyer.pubkey(), WALLET.to_vec()),
            ],
            after: vec![(source, left(left_over)), (market.payer.pubkey(), lamports_left(9_999_990_000))],
        }
    }
}

fn failure(instruction: u8, code: u32) -> Value {
    json!({"InstructionError": [instruction, {"Custom": code}]})
}

#[test]
fn a_payment_whose_guards_hold_lands() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let guards = Guards::of(&market, 24_999_000);
    let payment = market.guarded(1_000, "guarded", &guards.before, &guards.after);
    let dry = chain.simulate(&payment, json!({"sigVerify": true}));
    assert_eq!(dry["err"], Value::Null, "{dry}");
    let plain = chain.simulate(&market.payment(1_000, "guarded"), json!({}));
    let units = |run: &Value| run["unitsConsumed"].as_u64().unwrap();
    assert_eq!(units(&dry) - units(&plain), 6 * 2_000);
    let id = chain.submit(&payment);
    assert_eq!(chain.status(&id, false)["err"], Value::Null);
    assert_eq!(market.balances(), (24_999_000, 1_000));
    assert_eq!(chain.lamports(&market.payer.pubkey()), 9_999_990_000);
}

#[test]
fn a_guard_that_does_not_hold_fails_the_payment_in_simulation_and_on_landing() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let source = associated(&market.buyer.pubkey());
    for (memo, account, data, code) in [
        ("more than is left", source, left(24_999_001), 0x1900),
        ("more lamports than are left", market.payer.pubkey(), lamports_left(9_999_990_001), 0x1900),
        ("another owner", market.buyer.pubkey(), [&[6, 1, 1], &WALLET[3..4], &[1, 0]].concat(), 0x1900),
        ("one alone", market.buyer.pubkey(), vec![5, 1, 3, 1, 0], 6001),
        ("no token account", market.buyer.pubkey(), RECEIVER.to_vec(), 6009),
        ("beyond the data", source, [&[5, 4, 8], [0; 32].as_slice(), &[165, 1, 1]].concat(), 6005),
        ("cut short", source, left(1)[..12].to_vec(), 6000),
        ("a kind that is not here", source, vec![2, 4, 0, 2, 0, 0], 6000),
    ] {
        let payment = market.guarded(1_000, memo, &[], &[(account, data)]);
        let lamports = chain.lamports(&market.payer.pubkey());
        assert_eq!(chain.simulate(&payment, json!({}))["err"], failure(2, code), "{memo}");
        let id = chain.submit(&payment);
        assert_eq!(chain.status(&id, false)["err"], failure(2, code), "{memo}");
        assert_eq!(market.balances(), (25_000_000, 0));
        // The lamports are restored, so that the numbers in the next guard stay right.
        assert_eq!(chain.lamports(&market.payer.pubkey()), lamports - 10_000, "{memo}");
        chain.get("coinop_setLamports", json!([market.payer.pubkey().to_string(), lamports]));
    }
    let logs = chain.simulate(&market.guarded(1, "log", &[], &[(source, left(25_000_000))]), json!({}));
    let logs: Vec<&str> = logs["logs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(logs.iter().any(|line| line.starts_with("Program log: Amount")), "{logs:?}");
}

#[test]
fn a_guard_that_held_in_simulation_can_fail_on_landing() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let [payer, buyer] = [&market.payer, &market.buyer].map(|who| who.pubkey().to_string());
    let guards = Guards::of(&market, 24_999_000);
    let payment = market.guarded(1_000, "gift", &guards.before, &guards.after);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], Value::Null);
    chain.get("coinop_setTokens", json!([buyer, "25.000001"]));
    let id = chain.submit(&payment);
    assert_eq!(chain.status(&id, false)["err"], failure(1, 0x1902));
    assert_eq!(market.balances(), (25_000_001, 0));

    chain.get("coinop_setLamports", json!([payer, 20_000_000]));
    let payment = market.guarded(1, "lamports", &[], &[(market.payer.pubkey(), lamports_left(19_990_000))]);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], Value::Null);
    chain.get("coinop_setLamports", json!([payer, 19_999_999]));
    let id = chain.submit(&payment);
    assert_eq!(chain.status(&id, false)["err"], failure(2, 0x1900));
    assert_eq!(market.balances(), (25_000_001, 0));
}

#[test]
fn a_guard_about_the_clock_turns_with_the_blocks() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let slot = chain.get("getSlot", json!([{"commitment": "processed"}])).as_u64().unwrap();
    let until = [&[15, 4, 0], slot.to_le_bytes().as_slice(), &[5]].concat();
    let payment = market.guarded(1_000, "early", &[(market.buyer.pubkey(), until)], &[]);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], Value::Null);
    chain.advance(1);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], failure(0, 6001));
    let id = chain.submit(&payment);
    assert_eq!(chain.status(&id, false)["err"], failure(0, 6001));
    assert_eq!(market.balances(), (25_000_000, 0));
}

#[test]
fn programs_see_the_blockhashes_that_clients_see() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    chain.advance(7);
    let data = chain.data(RECENT_BLOCKHASHES, "confirmed");
    let guard = [&[5, 4, 8], Keccak256::digest(&data).as_slice(), &[0, 0xf8, 0x2e]].concat();
    let payment = market.guarded(1, "ring", &[(key(RECENT_BLOCKHASHES), guard)], &[]);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], Value::Null);
    chain.advance(1);
    assert_eq!(chain.simulate(&payment, json!({}))["err"], failure(0, 6001));
}

#[test]
fn a_payment_can_be_simulated_before_the_fee_payer_signs() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let guards = Guards::of(&market, 24_999_000);
    let signed = market.guarded(1_000, "unsigned", &guards.before, &guards.after);
    let mut half = signed.clone();
    half.signatures[0] = Signature::default();
    let source = associated(&market.buyer.pubkey()).to_string();
    let [payer, nobody] = [market.payer.pubkey(), Keypair::new().pubkey()].map(|who| who.to_string());
    let config = |addresses: &[&str]| {
        let accounts = json!({"encoding": "base64", "addresses": addresses});
        json!({"sigVerify": false, "commitment": "confirmed", "accounts": accounts})
    };
    let wallet = |shown: &Value| (shown["lamports"].as_u64(), shown["space"].as_u64());
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let addresses = order.map(|place: usize| [&source, &payer, &nobody][place].as_str());
        let dry = chain.simulate(&half, config(&addresses));
        assert_eq!(dry["err"], Value::Null, "{dry}");
        let shown = |place: usize| &dry["accounts"][order.iter().position(|at| *at == place).unwrap()];
        assert_eq!(wallet(shown(0)), (Some(2_039_280), Some(165)));
        assert_eq!(wallet(shown(1)), (Some(9_999_990_000), Some(0)));
        assert_eq!(shown(2), &Value::Null);
    }
    let error = chain.error(
        "simulateTransaction",
        json!([crate::support::base64(&half), {"encoding": "base64", "sigVerify": true}]),
    );
    assert_eq!(error["code"], -32003);
    assert_eq!(market.balances(), (25_000_000, 0));

    chain.submit(&signed);
    let foreign = Signature::from([3; 64]);
    for signatures in [[Signature::default(); 2], [foreign, Signature::default()], [foreign, foreign]] {
        half.signatures = signatures.to_vec();
        let dry = chain.simulate(&half, config(&[&payer, &source]));
        assert_eq!(dry["err"], "AlreadyProcessed");
        assert_eq!(dry["accounts"], json!([null, null]));
    }
}
