//! Single untrue answers of a node.

use serde_json::{Value, json};

use crate::chain::Chain;
use crate::random::Random;

use super::answers::shown;

/// Returns an untrue or unreadable answer in place of this one.
pub(super) fn lie(method: &str, truth: Value, chain: &Chain, random: &Random) -> Value {
    let mut told = truth;
    match (method, random.below(4)) {
        (_, 0) => return Value::Null,
        ("getSignatureStatuses", 1) if truth_is_known(&told) => {
            let status = &mut told["value"][0]["err"];
            let error = json!({ "InstructionError": [2, { "Custom": 1 }] });
            *status = if status.is_null() { error } else { Value::Null };
        }
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
        ("getTransaction", 2) => {
            // It shows the transaction of somebody else.
            let others: Vec<_> = chain.all_landed().map(|(_, landed)| landed).collect();
            return random.one_of(&others).map_or(Value::Null, |landed| shown(landed));
        }
        ("getTransaction", _) => return Value::Null,
        ("getSignaturesForAddress", _) => return json!([]),
        _ => {}
    }
    told
}

/// Tells whether an honest node has heard of the transaction.
fn truth_is_known(truth: &Value) -> bool {
    truth["value"][0].is_object()
}
