//! Methods about landed transactions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use solana_address::Address;
use solana_message::VersionedMessage;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::inner_instruction::InnerInstructionsList;
use solana_transaction::versioned::VersionedTransaction;

use super::params::{Params, decode};
use super::show::token_amount;
use super::transactions::show_error;
use super::{Answer, RpcError, with_context};
use crate::blocks::{BLOCKHASH_LIFE, Commitment, slot};
use crate::history::{Landed, TokenBalance};
use crate::ledger::Ledger;

/// The most signatures that one call may ask for.
const MAX_STATUSES: usize = 256;
/// The most signatures that `getSignaturesForAddress` lists.
const MAX_LISTED: u64 = 1000;
const MEMO_PROGRAMS: [Address; 2] = [
    Address::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    Address::from_str_const("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
];

fn finality(ledger: &Ledger, landed: &Landed) -> &'static str {
    let seen_at = |commitment| ledger.blocks.is_visible(landed.block.height, commitment);
    match (seen_at(Commitment::Finalized), seen_at(Commitment::Confirmed)) {
        (true, _) => "finalized",
        (false, true) => "confirmed",
        (false, false) => "processed",
    }
}

fn status(landed: &Landed) -> Value {
    match &landed.outcome.error {
        None => json!({"Ok": null}),
        Some(error) => json!({"Err": show_error(Some(error))}),
    }
}

pub(super) fn statuses(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let wanted = params.list(0, "the signatures")?;
    let everything = params.config(1)?.flag("searchTransactionHistory")?;
    if wanted.len() > MAX_STATUSES {
        return Err(RpcError::params(format!("Too many inputs provided; max {MAX_STATUSES}")));
    }
    let shown: Vec<Value> = wanted
        .iter()
        .map(|value| {
            let text =
                value.as_str().ok_or_else(|| RpcError::params("Invalid params: signatures are strings"))?;
            let landed = ledger.history.get(&decode(text)?);
            // Nodes keep only the statuses of recent blocks at hand.
            let landed = landed
                .filter(|landed| everything || ledger.blocks.age(landed.block.height) <= BLOCKHASH_LIFE);
            Ok(landed.map_or(Value::Null, |landed| {
                let finality = finality(ledger, landed);
                let confirmations = (finality != "finalized").then(|| ledger.blocks.age(landed.block.height));
                json!({
                    "slot": slot(landed.block.height),
                    "confirmations": confirmations,
                    "err": show_error(landed.outcome.error.as_ref()),
                    "status": status(landed),
                    "confirmationStatus": finality,
                })
            }))
        })
        .collect::<Result<_, RpcError>>()?;
    Ok(with_context(slot(ledger.blocks.tip().height), Value::Array(shown)))
}

pub(super) fn of_address(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let config = params.config(1)?;
    let commitment = config.settled_commitment()?;
    config.check_min_slot(slot(ledger.blocks.height(commitment)))?;
    let limit = config.number("limit")?.unwrap_or(MAX_LISTED);
    if limit == 0 || limit > MAX_LISTED {
        return Err(RpcError::params(format!("Invalid limit; max {MAX_LISTED}")));
    }
    let before = config.decoded("before")?;
    let until = config.decoded("until")?;
    let shown: Vec<Value> = ledger
        .history
        .of_address(&address, before.as_ref(), until.as_ref())
        .filter(|landed| ledger.blocks.is_visible(landed.block.height, commitment))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .map(|landed| {
            json!({
                "signature": landed.signature.to_string(),
                "slot": slot(landed.block.height),
                "err": show_error(landed.outcome.error.as_ref()),
                "memo": memo(&landed.transaction.message),
                "blockTime": landed.block.time,
                "confirmationStatus": finality(ledger, landed),
            })
        })
        .collect();
    Ok(Value::Array(shown))
}

/// Formats the memos of a message as nodes list them, each with its length in bytes.
fn memo(message: &VersionedMessage) -> Option<String> {
    let keys = message.static_account_keys();
    let memos: Vec<String> = message
        .instructions()
        .iter()
        .filter(|instruction| {
            keys.get(usize::from(instruction.program_id_index))
                .is_some_and(|program| MEMO_PROGRAMS.contains(program))
        })
        .filter_map(|instruction| {
            let text = std::str::from_utf8(&instruction.data).ok()?;
            Some(format!("[{}] {text}", text.len()))
        })
        .collect();
    (!memos.is_empty()).then(|| memos.join("; "))
}

pub(super) fn transaction(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let signature = params.signature(0)?;
    // Older clients give the encoding alone instead of a configuration.
    let (encoding, config) = match params.get(1) {
        Some(Value::String(encoding)) => (Some(encoding.as_str()), params.config(2)?),
        _ => {
            let config = params.config(1)?;
            (config.text("encoding")?, config)
        }
    };
    let commitment = config.settled_commitment()?;
    let max_version = config.number("maxSupportedTransactionVersion")?;
    let encoding = encoding.unwrap_or("json");
    if !["json", "base64", "base58"].contains(&encoding) {
        return Err(RpcError::params(format!(
            "Invalid params: unsupported encoding `{encoding}`: use json, base64 or base58"
        )));
    }
    let landed = ledger
        .history
        .get(&signature)
        .filter(|landed| ledger.blocks.is_visible(landed.block.height, commitment));
    let Some(landed) = landed else {
        return Ok(Value::Null);
    };
    let legacy = matches!(landed.transaction.message, VersionedMessage::Legacy(_));
    if max_version.is_none() && !legacy {
        return Err(RpcError::new(
            -32015,
            "Transaction version (0) is not supported by the requesting client. Please try the \
             request again with the following configuration parameter: \
             \"maxSupportedTransactionVersion\": 0",
        ));
    }
    let mut shown = json!({
        "slot": slot(landed.block.height),
        "blockTime": landed.block.time,
        "transaction": show_transaction(&landed.transaction, encoding)?,
        "meta": show_meta(landed),
    });
    if let (Some(_), Some(fields)) = (max_version, shown.as_object_mut()) {
        let version = if legacy { json!("legacy") } else { json!(0) };
        fields.insert("version".to_owned(), version);
    }
    Ok(shown)
}

fn show_transaction(transaction: &VersionedTransaction, encoding: &str) -> Answer {
    if encoding != "json" {
        let bytes = wincode::serialize(transaction)
            .map_err(|error| RpcError::new(-32603, format!("Internal error: {error}")))?;
        let text = match encoding {
            "base64" => STANDARD.encode(bytes),
            _ => bs58::encode(bytes).into_string(),
        };
        return Ok(json!([text, encoding]));
    }
    let message = &transaction.message;
    let header = message.header();
    let instructions: Vec<Value> =
        message.instructions().iter().map(|instruction| show_instruction(instruction, 1)).collect();
    let mut shown = json!({
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": strings(message.static_account_keys()),
        "recentBlockhash": message.recent_blockhash().to_string(),
        "instructions": instructions,
    });
    if let (Some(lookups), Some(fields)) = (message.address_table_lookups(), shown.as_object_mut()) {
        let lookups: Vec<Value> = lookups
            .iter()
            .map(|lookup| {
                json!({
                    "accountKey": lookup.account_key.to_string(),
                    "writableIndexes": lookup.writable_indexes,
                    "readonlyIndexes": lookup.readonly_indexes,
                })
            })
            .collect();
        fields.insert("addressTableLookups".to_owned(), Value::Array(lookups));
    }
    Ok(json!({"signatures": strings(&transaction.signatures), "message": shown}))
}

fn strings<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn show_instruction(instruction: &CompiledInstruction, height: u8) -> Value {
    json!({
        "programIdIndex": instruction.program_id_index,
        "accounts": instruction.accounts,
        "data": bs58::encode(&instruction.data).into_string(),
        "stackHeight": height,
    })
}

/// Formats cross-program calls, by the top-level instruction that made them.
pub(super) fn show_inner(inner: &InnerInstructionsList) -> Value {
    inner
        .iter()
        .enumerate()
        .filter(|(_, calls)| !calls.is_empty())
        .map(|(index, calls)| {
            let calls: Vec<Value> =
                calls.iter().map(|call| show_instruction(&call.instruction, call.stack_height)).collect();
            json!({"index": index, "instructions": calls})
        })
        .collect()
}

fn show_tokens(balances: &[TokenBalance]) -> Value {
    balances
        .iter()
        .map(|balance| {
            json!({
                "accountIndex": balance.index,
                "mint": balance.mint.to_string(),
                "owner": balance.owner.to_string(),
                "programId": balance.program.to_string(),
                "uiTokenAmount": token_amount(balance.amount, balance.decimals),
            })
        })
        .collect()
}

fn show_meta(landed: &Landed) -> Value {
    let outcome = &landed.outcome;
    let mut meta = json!({
        "err": show_error(outcome.error.as_ref()),
        "status": status(landed),
        "fee": outcome.fee,
        "preBalances": landed.before.lamports,
        "postBalances": landed.after.lamports,
        "innerInstructions": show_inner(&outcome.inner),
        "logMessages": outcome.logs,
        "preTokenBalances": show_tokens(&landed.before.tokens),
        "postTokenBalances": show_tokens(&landed.after.tokens),
        "rewards": [],
        "loadedAddresses": {
            "writable": strings(&landed.loaded.writable),
            "readonly": strings(&landed.loaded.readonly),
        },
        "computeUnitsConsumed": outcome.units,
    });
    if let (Some((program, data)), Some(fields)) = (&outcome.returned, meta.as_object_mut()) {
        fields.insert(
            "returnData".to_owned(),
            json!({
                "programId": program.to_string(),
                "data": [STANDARD.encode(data), "base64"],
            }),
        );
    }
    meta
}
