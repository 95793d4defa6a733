//! Answers that must not decide anything.

use serde_json::{Value, json};

use super::FIXTURE;
use super::chain::{
    ACCOUNT, EPOCH, HEIGHT, LATEST, SIGNATURES, SIMULATE, STATUSES, TRANSACTION, VALID, account,
};
use super::node::Reply;
use crate::svm::programs::SPL_TOKEN;

/// Returns the faults that any method may have, by name.
pub(super) fn unreadable() -> Vec<(&'static str, Reply)> {
    let raw = |status, body: &str| Reply::Raw(status, body.as_bytes().to_vec());
    let html = "<html><body><h1>secret</h1></body></html>";
    vec![
        ("a time-out", Reply::TimeOut),
        ("429 with text", raw(429, "Too Many Requests: secret")),
        (
            "429 with an error",
            raw(429, r#"{"jsonrpc":"2.0","error":{"code":429,"message":"secret"},"id":1}"#),
        ),
        ("500 with HTML", raw(500, html)),
        ("502 with HTML", raw(502, html)),
        ("503 without a body", raw(503, "")),
        ("200 without a body", raw(200, "")),
        ("200 with HTML", raw(200, html)),
        ("200 with null", raw(200, "null")),
        ("200 with a number", raw(200, "1e999")),
        ("200 with a text", raw(200, r#""result""#)),
        ("200 with an empty array", raw(200, "[]")),
        ("200 with an empty object", raw(200, "{}")),
        ("a batch", raw(200, r#"[{"jsonrpc":"2.0","result":null,"id":1}]"#)),
        ("no result", raw(200, r#"{"jsonrpc":"2.0","id":1}"#)),
        ("no UTF-8", Reply::Raw(200, vec![0xff, 0xfe, 0x00])),
        ("deep nesting", raw(200, &"[".repeat(1_000))),
        ("an answer that ends early", Reply::Cut),
        ("an answer with something behind it", raw(200, r#"{"jsonrpc":"2.0","result":null,"id":1}{}"#)),
        ("a result with status 500", Reply::Status(500)),
        ("a result with status 204", Reply::Status(204)),
        ("the node is unhealthy", Reply::Error(-32005)),
        ("the node is behind the least slot", Reply::Error(-32016)),
        ("the node has no history", Reply::Error(-32011)),
        ("the block is not there", Reply::Error(-32004)),
        ("invalid parameters", Reply::Error(-32602)),
        ("an unknown method", Reply::Error(-32601)),
        ("an internal error", Reply::Error(-32603)),
        ("an error of code 0", Reply::Error(0)),
        ("an error as text", raw(200, r#"{"jsonrpc":"2.0","error":"secret","id":1}"#)),
        ("an error without a code", raw(200, r#"{"jsonrpc":"2.0","error":{},"id":1}"#)),
        ("an error beside a result", Reply::Changed(|answer| answer["error"] = json!({ "code": -32005 }))),
        ("an error of false", Reply::Changed(|answer| answer["error"] = json!(false))),
    ]
}

/// Returns results of this method that lack the documented shape.
pub(super) fn shapes(method: &str) -> Vec<Value> {
    let changed = |whole: &Value, changes: &[(&str, Value)]| -> Vec<Value> {
        let change = |(at, value): &(&str, Value)| {
            let mut changed = whole.clone();
            let (parent, name) = at.rsplit_once('/').unwrap();
            let parent = changed.pointer_mut(parent).unwrap();
            if *value == "absent" {
                parent.as_object_mut().unwrap().remove(name).unwrap();
            } else {
                parent[name] = value.clone();
            }
            changed
        };
        changes.iter().map(change).collect()
    };
    let holding = account(&SPL_TOKEN.to_string(), &[0; 165], 1);
    let mut shapes = vec![json!(true), json!("text"), json!({}), json!({ "value": "text" })];
    shapes.extend(match method {
        LATEST => changed(
            &json!({
                "context": { "slot": 5_100 },
                "value": { "blockhash": bs58::encode([9; 32]).into_string(), "lastValidBlockHeight": 4_148 },
            }),
            &[
                ("/context", json!("absent")),
                ("/context/slot", json!("absent")),
                ("/context/slot", json!(-1)),
                ("/value", json!("absent")),
                ("/value", json!(null)),
                ("/value/blockhash", json!("absent")),
                ("/value/blockhash", json!("0OIl")),
                ("/value/blockhash", json!(7)),
                ("/value/lastValidBlockHeight", json!("absent")),
                ("/value/lastValidBlockHeight", json!("4148")),
                ("/value/lastValidBlockHeight", json!(1e30)),
            ],
        ),
        HEIGHT => vec![
            json!(null),
            json!([]),
            json!([7]),
            json!("4200"),
            json!(-1),
            json!(1.5),
            json!(1e30),
            json!({ "value": 4200 }),
        ],
        EPOCH => changed(
            &json!({ "absoluteSlot": 5_000, "blockHeight": 4_000 }),
            &[
                ("/absoluteSlot", json!("absent")),
                ("/absoluteSlot", json!("5000")),
                ("/blockHeight", json!("absent")),
                ("/blockHeight", json!(-1)),
                ("/blockHeight", json!(1e30)),
            ],
        ),
        STATUSES => {
            let status = json!({
                "slot": 5_001, "confirmations": null, "err": null, "confirmationStatus": "finalized",
            });
            let answer = |value: Value| json!({ "context": { "slot": 5_100 }, "value": value });
            let statuses = changed(
                &status,
                &[
                    ("/err", json!("absent")),
                    ("/confirmationStatus", json!("absent")),
                    ("/confirmationStatus", json!(null)),
                    ("/confirmationStatus", json!("rooted")),
                    ("/confirmationStatus", json!(2)),
                ],
            );
            let mut shapes: Vec<_> = statuses.into_iter().map(|status| answer(json!([status]))).collect();
            let counts = [json!([]), json!([null, null]), json!([status, null]), json!([status, status])];
            shapes.extend(counts.map(answer));
            shapes.push(answer(json!(null)));
            shapes.extend([json!([{}]), json!([0]), json!([false]), json!(["finalized"])].map(answer));
            shapes.extend([json!(null), json!([]), json!([status]), answer(status)]);
            shapes
        }
        TRANSACTION => {
            let whole = json!({
                "slot": 5_001, "transaction": [FIXTURE.claim.rail.exact().transaction, "base64"],
                "meta": { "err": null }, "version": 0,
            });
            let mut shapes = changed(
                &whole,
                &[
                    ("/slot", json!("absent")),
                    ("/slot", json!(null)),
                    ("/slot", json!(-1)),
                    ("/slot", json!(1e30)),
                    ("/slot", json!("5001")),
                    ("/meta", json!("absent")),
                    ("/meta", json!(null)),
                    ("/meta", json!([])),
                    ("/meta/err", json!("absent")),
                    ("/transaction", json!("absent")),
                    ("/transaction", json!(null)),
                    ("/transaction", json!([])),
                    ("/transaction", json!([7])),
                    ("/transaction", json!(["not base64!", "base64"])),
                    ("/transaction", json!("AAAA")),
                    ("/transaction", json!({ "signatures": [], "message": {} })),
                ],
            );
            shapes.extend([json!([]), json!(0), json!(false)]);
            shapes
        }
        SIGNATURES => vec![
            json!(null),
            json!([null]),
            json!(["text"]),
            json!([{}]),
            json!([{ "signature": 7 }]),
            json!([{ "signature": "x" }, {}]),
            json!({ "value": [] }),
        ],
        VALID => changed(
            &json!({ "context": { "slot": 4_998 }, "value": true }),
            &[
                ("/context", json!("absent")),
                ("/context/slot", json!("absent")),
                ("/context/slot", json!(null)),
                ("/context/slot", json!("4998")),
                ("/context/slot", json!(-1)),
                ("/context/slot", json!(1.5)),
                ("/context/slot", json!(1e30)),
                ("/value", json!("absent")),
                ("/value", json!(null)),
                ("/value", json!("true")),
                ("/value", json!(1)),
            ],
        ),
        SIMULATE => vec![
            json!(null),
            json!([]),
            json!({ "value": null }),
            json!({ "value": [] }),
            json!({ "value": {} }),
            json!({ "value": { "logs": [] } }),
            json!({ "err": null }),
            json!({ "value": { "err": null } }),
            json!({ "value": { "err": null, "accounts": null } }),
            json!({ "value": { "err": null, "accounts": {} } }),
            json!({ "value": { "err": null, "accounts": [] } }),
            json!({ "value": { "err": null, "accounts": [null] } }),
            json!({ "value": { "err": null, "accounts": [{}] } }),
            json!({ "value": { "err": null, "accounts": [{ "owner": "x", "data": ["", "base64"], "lamports": 1 }] } }),
            json!({ "value": { "err": null, "accounts": [holding.clone(), holding] } }),
        ],
        ACCOUNT => {
            let owner = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";
            let whole = json!({ "value": { "owner": owner, "data": ["AAAA", "base64"], "lamports": 1 } });
            let mut shapes = changed(
                &whole,
                &[
                    ("/value/owner", json!("absent")),
                    ("/value/owner", json!("nobody")),
                    ("/value/owner", json!(7)),
                    ("/value/data", json!("absent")),
                    ("/value/data", json!("AAAA")),
                    ("/value/data", json!([])),
                    ("/value/data", json!(["?", "base64"])),
                    ("/value/data", json!({ "parsed": {} })),
                    ("/value/lamports", json!("absent")),
                    ("/value/lamports", json!(-1)),
                    ("/value/lamports", json!(1.5)),
                    ("/value/lamports", json!("1")),
                ],
            );
            shapes.extend([json!(null), json!([]), json!({ "value": [] }), json!({ "value": {} })]);
            shapes
        }
        other => panic!("{other} has no shape here"),
    });
    shapes
}

/// Returns every fault of this method: those of any method, and its own.
pub(super) fn faults(method: &str) -> Vec<(String, Reply)> {
    let unreadable = unreadable().into_iter().map(|(name, reply)| (name.to_owned(), reply));
    let shapes = shapes(method).into_iter().map(|result| (result.to_string(), Reply::Result(result)));
    unreadable.chain(shapes).map(|(name, reply)| (format!("{method}: {name}"), reply)).collect()
}
