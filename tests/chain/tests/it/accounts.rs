//! Accounts, balances and funding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::support::{Chain, Market, RECENT_BLOCKHASHES, USDC, associated};

#[test]
fn funding_is_visible() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    assert_eq!(market.balances(), (25_000_000, 0));
    assert_eq!(chain.lamports(&market.payer.pubkey()), 10_000_000_000);
    let account = associated(&market.buyer.pubkey()).to_string();
    let balance = chain.get("getTokenAccountBalance", json!([account]));
    assert_eq!(
        balance["value"],
        json!({"amount": "25000000", "decimals": 6, "uiAmount": 25.0, "uiAmountString": "25"})
    );
    assert_eq!(chain.get("getTokenSupply", json!([USDC]))["value"]["amount"], "25000000");
    let owned = chain.get(
        "getTokenAccountsByOwner",
        json!([market.buyer.pubkey().to_string(), {"mint": USDC}, {"encoding": "jsonParsed"}]),
    );
    assert_eq!(owned["value"].as_array().unwrap().len(), 1);
    assert_eq!(owned["value"][0]["pubkey"], account);
    let parsed = &owned["value"][0]["account"]["data"]["parsed"];
    assert_eq!(parsed["type"], "account");
    assert_eq!(parsed["info"]["mint"], USDC);
    assert_eq!(parsed["info"]["tokenAmount"]["uiAmountString"], "25");
}

#[test]
fn the_mint_has_the_shape_that_clients_read() {
    let chain = Chain::still(&[]);
    let config = json!({"encoding": "base64", "commitment": "confirmed"});
    let answer = chain.get("getAccountInfo", json!([USDC, config]));
    assert!(answer["context"]["slot"].is_u64());
    assert!(answer["context"]["apiVersion"].is_string());
    let value = &answer["value"];
    assert_eq!(value["lamports"], 1_461_600);
    assert_eq!(value["executable"], false);
    assert_eq!(value["rentEpoch"], 0);
    assert_eq!(value["space"], 82);
    assert_eq!(value["owner"], "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
    assert_eq!(value["data"][1], "base64");
    let data = STANDARD.decode(value["data"][0].as_str().unwrap()).unwrap();
    assert_eq!((data.len(), data[44], data[45]), (82, 6, 1));
    let parsed = chain.get("getAccountInfo", json!([USDC, {"encoding": "jsonParsed"}]));
    assert_eq!(parsed["value"]["data"]["program"], "spl-token");
    assert_eq!(parsed["value"]["data"]["parsed"]["info"]["decimals"], 6);
}

#[test]
fn accounts_come_in_every_encoding_and_in_slices() {
    let chain = Chain::still(&[]);
    let nobody = Keypair::new().pubkey().to_string();
    let get = |config| chain.get("getAccountInfo", json!([USDC, config]))["value"]["data"].take();
    let slice = json!({"offset": 44, "length": 2});
    assert_eq!(get(json!({"encoding": "base64", "dataSlice": slice})), json!(["BgE=", "base64"]));
    assert_eq!(
        get(json!({"encoding": "base58", "dataSlice": slice})),
        json!([bs58::encode([6, 1]).into_string(), "base58"])
    );
    assert!(get(json!({})).is_string());
    let both = chain.get("getMultipleAccounts", json!([[USDC, nobody]]));
    assert_eq!(both["value"][0]["data"][1], "base64");
    assert!(both["value"][1].is_null());
    assert!(chain.get("getAccountInfo", json!([nobody]))["value"].is_null());
    assert_eq!(chain.get("getBalance", json!([nobody]))["value"], 0);
    assert_eq!(chain.get("getMinimumBalanceForRentExemption", json!([165])), 2_039_280);
}

#[test]
fn what_is_no_token_account_is_refused() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    for address in [USDC.to_owned(), market.buyer.pubkey().to_string(), Keypair::new().pubkey().to_string()] {
        let error = chain.error("getTokenAccountBalance", json!([address]));
        assert_eq!(error["code"], -32602, "{error}");
    }
    assert_eq!(chain.error("getTokenSupply", json!([market.buyer.pubkey().to_string()]))["code"], -32602);
}

#[test]
fn tests_can_set_balances() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let newcomer = Keypair::new().pubkey();
    let account = chain.get("coinop_setTokens", json!([newcomer.to_string(), "0.5"]));
    assert_eq!(account, associated(&newcomer).to_string());
    assert_eq!(chain.tokens(&newcomer), 500_000);
    chain.get("coinop_setTokens", json!([market.buyer.pubkey().to_string(), "1"]));
    assert_eq!(market.balances(), (1_000_000, 0));
    assert_eq!(chain.get("getTokenSupply", json!([USDC]))["value"]["amount"], "1500000");
    for amount in [json!("-1"), json!(1), json!("99999999999999")] {
        let error = chain.error("coinop_setTokens", json!([newcomer.to_string(), amount]));
        assert_eq!(error["code"], -32602);
    }
}

#[test]
fn tests_can_set_a_wallets_lamports_and_no_other_accounts() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let set = |address: &str, lamports: u64| {
        chain.call("coinop_setLamports", json!([address, lamports]))["error"]["code"].as_i64()
    };
    for wallet in [market.payer.pubkey(), Keypair::new().pubkey()] {
        for lamports in [1, u64::from(u32::MAX), 0] {
            assert_eq!(set(&wallet.to_string(), lamports), None);
            assert_eq!(chain.lamports(&wallet), lamports);
        }
        assert!(chain.get("getAccountInfo", json!([wallet.to_string()]))["value"].is_null());
    }
    let account = associated(&market.buyer.pubkey());
    for other in [USDC, &account.to_string(), RECENT_BLOCKHASHES, "11111111111111111111111111111111"] {
        assert_eq!(set(other, 0), Some(-32602), "{other}");
    }
    assert_eq!(chain.lamports(&account), 2_039_280);
}

#[test]
fn airdrops_land_as_transactions() {
    let chain = Chain::still(&[]);
    let address = Keypair::new().pubkey();
    for _ in 0..2 {
        let id = chain.get("requestAirdrop", json!([address.to_string(), 5_000_000]));
        let status = chain.status(id.as_str().unwrap(), false);
        assert!(status["err"].is_null());
        assert_eq!(status["confirmationStatus"], "confirmed");
    }
    assert_eq!(chain.lamports(&address), 10_000_000);
    for lamports in [u64::MAX, 1] {
        let stranger = Keypair::new().pubkey().to_string();
        let error = chain.error("requestAirdrop", json!([stranger, lamports]));
        assert_eq!(error["code"], -32602, "{error}");
    }
}
