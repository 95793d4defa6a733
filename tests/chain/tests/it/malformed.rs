//! Input that no client should send gets an error, and the chain continues.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Chain, Market, USDC, base64};

fn code(chain: &Chain, body: &str) -> i64 {
    let (status, answer) = chain.post(body.as_bytes());
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["error"]["code"].as_i64().unwrap()
}

#[test]
fn requests_that_are_no_requests() {
    let chain = Chain::still(&[]);
    for body in ["", "{", "nonsense", "\u{1}", &"[".repeat(100_000)] {
        assert_eq!(code(&chain, body), -32700, "{body:.20}");
    }
    for body in [
        "1",
        "null",
        "[]",
        "\"getSlot\"",
        "{}",
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"getSlot"}"#,
        r#"{"id":1,"method":"getSlot"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"getSlot"}"#,
    ] {
        assert_eq!(code(&chain, body), -32600, "{body}");
    }
    let unknown = r#"{"jsonrpc":"2.0","id":1,"method":"getLost"}"#;
    assert_eq!(code(&chain, unknown), -32601);
    let named = r#"{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"a":1}}"#;
    assert_eq!(code(&chain, named), -32602);
    let (status, _) = chain.post(&vec![b' '; (1 << 20) + 1]);
    assert_eq!(status, 413);
    assert_eq!(chain.get("getHealth", json!([])), "ok");
}

#[test]
fn batches_answer_each_call_and_no_notification() {
    let chain = Chain::still(&[]);
    let batch = json!([
        {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
        {"jsonrpc": "2.0", "method": "getHealth"},
        7,
        {"jsonrpc": "2.0", "id": 3, "method": "getLost", "params": []},
    ]);
    let (_, body) = chain.post(batch.to_string().as_bytes());
    let answers: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 3);
    assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!("a"), &json!("ok")));
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert_eq!((&answers[2]["id"], &answers[2]["error"]["code"]), (&json!(3), &json!(-32601)));
    let notification = r#"{"jsonrpc":"2.0","method":"getHealth"}"#;
    assert_eq!(chain.post(notification.as_bytes()).1, "");
}

#[test]
fn parameters_that_do_not_fit() {
    let chain = Chain::still(&[]);
    let long = "1".repeat(5_000);
    for (method, params) in [
        ("getSlot", json!([5])),
        ("getSlot", json!([{"commitment": "sure"}])),
        ("getSlot", json!([{"minContextSlot": -1}])),
        ("getAccountInfo", json!([])),
        ("getAccountInfo", json!(["x"])),
        ("getAccountInfo", json!([long])),
        ("getAccountInfo", json!([USDC, "base64"])),
        ("getAccountInfo", json!([USDC, {"encoding": "morse"}])),
        ("getAccountInfo", json!([USDC, {"dataSlice": {"offset": 1}}])),
        ("getMultipleAccounts", json!([USDC])),
        ("getMultipleAccounts", json!([[1]])),
        ("getMultipleAccounts", json!([vec![USDC; 101]])),
        ("getBalance", json!([null])),
        ("getMinimumBalanceForRentExemption", json!([-1])),
        ("getTokenAccountsByOwner", json!([USDC])),
        ("getTokenAccountsByOwner", json!([USDC, {}])),
        ("getTokenAccountsByOwner", json!([USDC, {"mint": USDC, "programId": USDC}])),
        ("getTokenAccountsByOwner", json!([USDC, {"programId": USDC}])),
        ("isBlockhashValid", json!(["é"])),
        ("getSignatureStatuses", json!([["x"]])),
        ("getSignatureStatuses", json!([vec!["x"; 257]])),
        ("getTransaction", json!([USDC])),
        ("getSignaturesForAddress", json!([USDC, {"limit": 1001}])),
        ("getSignaturesForAddress", json!([USDC, {"before": "x"}])),
        ("requestAirdrop", json!([USDC, "1"])),
        ("requestAirdrop", json!(["11111111111111111111111111111111", 1])),
        ("getFeeForMessage", json!(["!"])),
        ("getFeeForMessage", json!(["AAAA"])),
        ("getFeeForMessage", json!([long])),
        ("coinop_advanceBlocks", json!(["many"])),
        ("coinop_advanceBlocks", json!([u64::MAX])),
        ("coinop_setTokens", json!([USDC])),
        ("coinop_setLamports", json!([USDC])),
        ("coinop_setLamports", json!([USDC, "1"])),
        ("coinop_setLamports", json!([USDC, 1])),
    ] {
        let error = chain.error(method, params.clone());
        assert_eq!(error["code"], -32602, "{method} {params}");
    }
    // Sizes and offsets that no account can have are no errors.
    chain.get("getMinimumBalanceForRentExemption", json!([u64::MAX]));
    let slice = json!({"encoding": "base64", "dataSlice": {"offset": u64::MAX, "length": u64::MAX}});
    let empty = chain.get("getAccountInfo", json!([USDC, slice]));
    assert_eq!(empty["value"]["data"][0], "");
}

#[test]
fn transactions_cut_short_or_altered_do_no_harm() {
    let market = Market::open(&[]);
    let chain = &market.chain;
    let good = wincode::serialize(&market.payment(1_000, "whole")).unwrap();
    let dry = json!({"encoding": "base64", "replaceRecentBlockhash": true});
    let send = json!({"encoding": "base64", "skipPreflight": true});
    for length in 0..good.len() {
        let text = STANDARD.encode(&good[..length]);
        let error = chain.error("simulateTransaction", json!([text, dry]));
        assert_eq!(error["code"], -32602);
    }
    for index in 0..good.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[index] ^= flip;
            let text = STANDARD.encode(bytes);
            chain.call("simulateTransaction", json!([text, dry]));
            chain.call("getFeeForMessage", json!([text]));
            chain.error("sendTransaction", json!([text, send]));
        }
    }
    for (text, config) in [
        (json!("!!"), send.clone()),
        (json!(""), send.clone()),
        (json!("0OIl"), json!({})),
        (json!(7), send.clone()),
        (json!("A".repeat(1_648)), send.clone()),
        (json!("1".repeat(1_684)), json!({})),
        (json!(STANDARD.encode(&good)), json!({"encoding": "hex"})),
        (json!(STANDARD.encode(&good)), json!({"encoding": "base64", "skipPreflight": 1})),
    ] {
        let error = chain.error("sendTransaction", json!([text, config]));
        assert_eq!(error["code"], -32602, "{text}");
    }
    assert_eq!(market.balances(), (25_000_000, 0));
    let whole = market.payment(1_000, "whole");
    chain.get("sendTransaction", json!([base64(&whole), send]));
    assert_eq!(market.balances(), (24_999_000, 1_000));
}
