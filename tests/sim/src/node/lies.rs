//! Single untrue answers of a node.

use serde_json::{Value, json};

use crate::random::Random;

/// Returns an untrue or unreadable answer in place of this one.
pub(super) fn lie(method: &str, truth: Value, random: &Random) -> Value {
    let mut told = truth;
    match (method, random.below(4)) {
        (_, 0) => return Value::Null,
        ("getSignatureStatuses", _) => {
            // It has never heard of the transaction.
            told["value"] = json!([null]);
        }
        ("isBlockhashValid", _) => {
            let valid = told["value"] == true;
            told["value"] = json!(!valid);
        }
        ("getBlockHeight", _) => told = json!(told.as_u64().unwrap_or_default() + 1_000),
        ("getEpochInfo", 1) => told["blockHeight"] = told["absoluteSlot"].take(),
        ("getEpochInfo", _) => {
            for name in ["blockHeight", "absoluteSlot"] {
                told[name] = json!(told[name].as_u64().unwrap_or_default() + 1_000);
            }
        }
        ("getLatestBlockhash", 1) => {
            let height = told["value"]["lastValidBlockHeight"].as_u64().unwrap_or_default();
            told["value"]["lastValidBlockHeight"] = json!(height + 500);
        }
        ("getLatestBlockhash", _) => {
            let height = told["value"]["lastValidBlockHeight"].as_u64().unwrap_or_default();
            told["value"]["lastValidBlockHeight"] = json!(height.saturating_sub(400));
        }
        ("simulateTransaction", 1) => told["value"]["err"] = json!("BlockhashNotFound"),
        ("simulateTransaction", _) => {
            told["value"]["err"] = json!({ "InstructionError": [2, { "Custom": 1 }] });
            told["value"]["accounts"] = json!([null, null]);
        }
        ("getTransaction", 1) => told["meta"]["err"] = json!({ "InstructionError": [2, { "Custom": 1 }] }),
        ("getTransaction", _) => return Value::Null,
        ("getSignaturesForAddress", _) => return json!([]),
        _ => {}
    }
    told
}
