//! Methods that decode, simulate and send transactions.
//!
//! If a call names no commitment, simulation and preflight use the tip's blockhashes. A real node would use
//! the finalized ones, and refuse a blockhash that was fetched as `confirmed`. This chain does so if the call
//! asks for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use super::accounts::read_addresses;
use super::blocks::show_blockhash;
use super::history::show_inner;
use super::params::{Config, Params};
use super::show::{self, Encoding};
use super::{Answer, Chain, RpcError, with_context};
use crate::bank::Bank;
use crate::blocks::{Commitment, slot};
use crate::ledger::{Ledger, Simulation};

/// The most bytes of a transaction: the size of one packet.
const PACKET: usize = 1232;
/// `PACKET` in base64 and in base58.
const PACKET_BASE64: usize = 1644;
const PACKET_BASE58: usize = 1683;

/// Decodes a transaction in the encoding that `config` names, or in base58 if it names none. Checks its form,
/// but no signature.
fn decode(text: &str, config: &Config<'_>) -> Result<VersionedTransaction, RpcError> {
    let (name, limit) = match config.text("encoding")? {
        None | Some("base58") => ("base58", PACKET_BASE58),
        Some("base64") => ("base64", PACKET_BASE64),
        Some(other) => {
            return Err(RpcError::params(format!(
                "unsupported encoding: {other}. Supported encodings: base58, base64"
            )));
        }
    };
    let kind = "solana_transaction::versioned::VersionedTransaction";
    if text.len() > limit {
        return Err(RpcError::params(format!(
            "{name} encoded {kind} too large: {} bytes (max: encoded/raw {limit}/{PACKET})",
            text.len()
        )));
    }
    let bytes = match name {
        "base58" => bs58::decode(text).into_vec().map_err(|e| e.to_string()),
        _ => STANDARD.decode(text).map_err(|e| e.to_string()),
    }
    .map_err(|error| RpcError::params(format!("invalid {name} encoding: {error}")))?;
    if bytes.len() > PACKET {
        return Err(RpcError::params(format!(
            "decoded {kind} too large: {} bytes (max: {PACKET} bytes)",
            bytes.len()
        )));
    }
    let transaction: VersionedTransaction = wincode::deserialize(&bytes)
        .map_err(|error| RpcError::params(format!("failed to deserialize {kind}: {error}")))?;
    if matches!(transaction.message, VersionedMessage::V1(_)) {
        return Err(RpcError::params("invalid transaction: version 1 is not supported"));
    }
    transaction.sanitize().map_err(|error| RpcError::params(format!("invalid transaction: {error}")))?;
    Ok(transaction)
}

fn verify(transaction: &VersionedTransaction) -> Result<(), RpcError> {
    if transaction.verify_with_results().iter().all(|good| *good) {
        Ok(())
    } else {
        Err(RpcError::new(-32003, "Transaction signature verification failure"))
    }
}

/// Formats the `err` of a transaction in Solana's JSON.
pub(super) fn show_error(error: Option<&TransactionError>) -> Value {
    error
        .map_or(Value::Null, |error| serde_json::to_value(error).unwrap_or_else(|_| json!(error.to_string())))
}

fn show_simulation(simulation: &Simulation) -> Value {
    let outcome = &simulation.outcome;
    json!({
        "accounts": null,
        "err": show_error(outcome.error.as_ref()),
        "innerInstructions": null,
        "logs": outcome.logs,
        "replacementBlockhash": null,
        "returnData": outcome.returned.as_ref().map(|(program, data)| json!({
            "programId": program.to_string(),
            "data": [STANDARD.encode(data), "base64"],
        })),
        "unitsConsumed": outcome.units,
    })
}

pub(super) fn simulate(chain: &Chain, params: &Params<'_>) -> Answer {
    let text = params.text(0, "a transaction")?;
    let config = params.config(1)?;
    let commitment = config.commitment("commitment", Commitment::Processed)?;
    let replace = config.flag("replaceRecentBlockhash")?;
    let wants_inner = config.flag("innerInstructions")?;
    let mut transaction = decode(text, &config)?;
    if config.flag("sigVerify")? {
        if replace {
            return Err(RpcError::params("sigVerify may not be used with replaceRecentBlockhash"));
        }
        verify(&transaction)?;
    }
    let ledger = &*chain.lock();
    config.check_min_slot(slot(ledger.blocks.height(commitment)))?;
    let replacement = replace.then(|| {
        let block = ledger.blocks.latest(commitment);
        transaction.message.set_recent_blockhash(block.hash);
        show_blockhash(ledger, commitment)
    });
    let keys = transaction.message.static_account_keys().len();
    let simulation = ledger.simulate(transaction, commitment);
    let bank = ledger.bank(commitment);
    let accounts = show_accounts(bank, &config, &simulation, keys)?;
    let mut shown = show_simulation(&simulation);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("accounts".to_owned(), accounts);
        fields.insert("replacementBlockhash".to_owned(), json!(replacement));
        if wants_inner {
            let inner = show_inner(&simulation.outcome.inner);
            fields.insert("innerInstructions".to_owned(), inner);
        }
    }
    Ok(with_context(bank.slot(), shown))
}

/// Formats the accounts that the caller asked to see after the simulation: at most as many as the transaction
/// has. If the simulation failed, they are all null.
fn show_accounts(
    bank: Bank<'_>,
    config: &Config<'_>,
    simulation: &Simulation,
    keys: usize,
) -> Result<Value, RpcError> {
    let Some(wanted) = config.object("accounts")? else {
        return Ok(Value::Null);
    };
    let encoding = Encoding::read(&wanted, Encoding::Base64)?;
    if matches!(encoding, Encoding::Legacy | Encoding::Base58) {
        return Err(RpcError::params("base58 encoding not supported"));
    }
    let addresses = wanted
        .get("addresses")
        .and_then(Value::as_array)
        .ok_or_else(|| RpcError::params("Invalid params: `accounts` needs `addresses`"))?;
    if addresses.len() > keys {
        return Err(RpcError::params(format!("Too many accounts provided; max {keys}")));
    }
    let failed = simulation.outcome.error.is_some();
    let shown: Vec<Value> = read_addresses(addresses)?
        .iter()
        .map(|address| {
            let written = simulation.accounts.iter().find(|(key, _)| key == address);
            let account = match written {
                _ if failed => None,
                Some((_, account)) => Some(account.clone()).filter(|account| account.lamports > 0),
                None => bank.account(address),
            };
            account.map_or(Ok(Value::Null), |account| show::account(bank, &account, encoding, &wanted))
        })
        .collect::<Result<_, RpcError>>()?;
    Ok(Value::Array(shown))
}

pub(super) fn send(chain: &Chain, params: &Params<'_>) -> Answer {
    {
        let ledger = &mut *chain.lock();
        ledger.sends = ledger.sends.saturating_add(1);
    }
    let text = params.text(0, "a transaction")?;
    let config = params.config(1)?;
    let skip_preflight = config.flag("skipPreflight")?;
    let commitment = config.commitment("preflightCommitment", Commitment::Processed)?;
    let transaction = decode(text, &config)?;
    verify(&transaction)?;
    let signature = transaction
        .signatures
        .first()
        .map(ToString::to_string)
        .ok_or_else(|| RpcError::params("invalid transaction: it has no signature"))?;
    let ledger = &mut *chain.lock();
    config.check_min_slot(slot(ledger.blocks.height(commitment)))?;
    if !skip_preflight {
        let simulation = ledger.simulate(transaction.clone(), commitment);
        if let Some(error) = &simulation.outcome.error {
            return Err(RpcError {
                data: Some(show_simulation(&simulation)),
                ..RpcError::new(-32002, format!("Transaction simulation failed: {error}"))
            });
        }
    }
    ledger.land(transaction);
    Ok(json!(signature))
}

pub(super) fn fee(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let text = params.text(0, "a message")?;
    let config = params.config(1)?;
    let commitment = config.commitment("commitment", Commitment::Processed)?;
    config.check_min_slot(slot(ledger.blocks.height(commitment)))?;
    if text.len() > PACKET_BASE64 {
        return Err(RpcError::params("the message is too large"));
    }
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| RpcError::params(format!("invalid base64 encoding: {error}")))?;
    let message: VersionedMessage = wincode::deserialize(&bytes)
        .map_err(|error| RpcError::params(format!("failed to deserialize the message: {error}")))?;
    message.sanitize().map_err(|error| RpcError::params(format!("invalid transaction message: {error}")))?;
    Ok(with_context(ledger.bank(commitment).slot(), json!(ledger.fee(message, commitment))))
}

pub(super) fn airdrop(ledger: &mut Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let lamports = params.number(1, "lamports")?;
    params.config(2)?;
    let signature = ledger
        .airdrop(address, lamports)
        .map_err(|error| RpcError::params(format!("Invalid request: {error}")))?;
    Ok(json!(signature.to_string()))
}
