//! What an honest node answers, as of a slot that may lie some way back.

use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Address, SYSTEM, TokenProgram};
use serde_json::{Value, json};

use crate::chain::{CONFIRMED_LAG, Chain, FINALIZED_LAG, LIFE, Landed, TokenAccount, Transaction};
use crate::world::MINT;

/// The list of recent blockhashes.
const RECENT_BLOCKHASHES: &str = "SysvarRecentB1ockHashes11111111111111111111";

/// A parameter is not what the method takes.
const INVALID: i64 = -32_602;
/// There is no such method.
const UNKNOWN: i64 = -32_601;
/// The node has not reached the slot that was asked for.
const BEHIND: i64 = -32_016;
/// What a token account holds so that it stays, in lamports.
const TOKEN_ACCOUNT_LAMPORTS: u64 = 2_039_280;

/// A node's sight of the chain.
struct Sight<'c> {
    chain: &'c Chain,
    /// The latest slot that it has seen.
    tip: u64,
    /// The latest slot with the commitment that was asked for.
    slot: u64,
}

/// Returns the answer of a node that is `lag` slots behind, or the code of an error.
pub(super) fn answer(
    chain: &mut Chain,
    method: &str,
    params: &Value,
    lag: u64,
    send_loss: u32,
) -> Result<Value, i64> {
    if method == "sendTransaction" {
        let bytes = params[0].as_str().and_then(from_base64).ok_or(INVALID)?;
        let signature = Transaction::read(&bytes).ok_or(INVALID)?.signature;
        return if chain.send(&bytes, send_loss) { Ok(json!(signature)) } else { Err(-32_003) };
    }
    let options = if params[0].is_object() { &params[0] } else { &params[1] };
    let tip = chain.blocks.tip().saturating_sub(lag);
    let slot = match options["commitment"].as_str() {
        Some("processed") => tip,
        Some("confirmed") => tip - CONFIRMED_LAG,
        Some("finalized") | None => tip - FINALIZED_LAG,
        Some(_) => return Err(INVALID),
    };
    if options["minContextSlot"].as_u64().is_some_and(|least| slot < least) {
        return Err(BEHIND);
    }
    let sight = Sight { chain, tip, slot };
    let with_context = |value: Value| json!({ "context": { "slot": slot }, "value": value });
    let blocks = &chain.blocks;
    Ok(match method {
        "getSignatureStatuses" => sight.statuses(params, options)?,
        "isBlockhashValid" => {
            let hash = params[0].as_str().and_then(coinop_core::encoding::from_base58).ok_or(INVALID)?;
            with_context(json!(blocks.is_alive(&hash, slot)))
        }
        "getBlockHeight" => json!(blocks.height(slot)),
        "getLatestBlockhash" => with_context(json!({
            "blockhash": bs58::encode(blocks.hash(slot)).into_string(),
            "lastValidBlockHeight": blocks.height(slot) + LIFE,
        })),
        "getEpochInfo" => json!({ "absoluteSlot": slot, "blockHeight": blocks.height(slot), "epoch": 3 }),
        "simulateTransaction" => with_context(sight.simulate(params)?),
        "getTransaction" => sight.by_signature(&params[0], slot).map_or(Value::Null, shown),
        "getSignaturesForAddress" => sight.touching(params)?,
        "getAccountInfo" if params[0] == RECENT_BLOCKHASHES => {
            with_context(recent_blockhashes(&blocks.recent(slot)))
        }
        "getAccountInfo" => {
            let address = address(&params[0])?;
            with_context(shown_account(chain.account(&address), chain.lamports(&address)))
        }
        _ => return Err(UNKNOWN),
    })
}

fn address(value: &Value) -> Result<Address, i64> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or(INVALID)
}

impl Sight<'_> {
    fn by_signature(&self, signature: &Value, slot: u64) -> Option<&Landed> {
        let is_it = |landed: &&Landed| {
            landed.slot <= slot && signature.as_str() == Some(&landed.transaction.signature)
        };
        self.chain.all_landed().map(|(_, landed)| landed).find(is_it)
    }

    fn statuses(&self, params: &Value, options: &Value) -> Result<Value, i64> {
        let everything = options["searchTransactionHistory"] == true;
        let status = |signature: &Value| {
            let landed = self.by_signature(signature, self.tip)?;
            let finality = match landed.slot {
                slot if slot <= self.tip - FINALIZED_LAG => "finalized",
                slot if slot <= self.tip - CONFIRMED_LAG => "confirmed",
                _ => "processed",
            };
            let is_recent = landed.slot + LIFE >= self.tip;
            (everything || is_recent).then(|| {
                json!({ "slot": landed.slot, "confirmations": null, "err": landed.error, "confirmationStatus": finality })
            })
        };
        let statuses: Vec<_> = params[0].as_array().ok_or(INVALID)?.iter().map(status).collect();
        Ok(json!({ "context": { "slot": self.tip }, "value": statuses }))
    }

    fn simulate(&self, params: &Value) -> Result<Value, i64> {
        let bytes = params[0].as_str().and_then(from_base64).ok_or(INVALID)?;
        let transaction = Transaction::read(&bytes).ok_or(INVALID)?;
        let outcome = self.chain.execute(&transaction, self.slot);
        let after = |address: &Address| {
            let tokens = self.chain.account(address).map(|account| outcome.applied_to(address, account));
            let is_payer = *address == transaction.fee_payer;
            let fee = outcome.fee.filter(|_| is_payer).unwrap_or_default();
            shown_account(tokens.as_ref(), self.chain.lamports(address) - fee)
        };
        let addresses = params[1]["accounts"]["addresses"].as_array().ok_or(INVALID)?;
        let passes = outcome.error.is_none();
        let accounts = addresses.iter().map(|it| Ok(if passes { after(&address(it)?) } else { Value::Null }));
        let accounts = accounts.collect::<Result<Vec<_>, i64>>()?;
        Ok(json!({ "accounts": accounts, "err": outcome.error, "logs": [], "unitsConsumed": 6_500 }))
    }

    fn touching(&self, params: &Value) -> Result<Value, i64> {
        let wanted = address(&params[0])?;
        let mut touching: Vec<&Landed> = self
            .chain
            .all_landed()
            .map(|(_, landed)| landed)
            .filter(|landed| {
                landed.slot <= self.slot && landed.transaction.wire.message.accounts.contains(&wanted)
            })
            .collect();
        touching.sort_by_key(|landed| std::cmp::Reverse(landed.slot));
        let entry = |landed: &&Landed| {
            json!({
                "signature": landed.transaction.signature, "slot": landed.slot, "blockTime": null,
                "err": landed.error, "memo": null,
            })
        };
        Ok(touching.iter().map(entry).collect())
    }
}

/// Returns an account as `getAccountInfo` shows it.
fn shown_account(tokens: Option<&TokenAccount>, lamports: u64) -> Value {
    let of = |owner: Address, data: &[u8], lamports: u64| {
        let data = [base64(data), "base64".to_owned()];
        json!({ "owner": owner.to_string(), "data": data, "lamports": lamports, "executable": false })
    };
    match tokens {
        Some(account) => of(TokenProgram::Spl.address(), &token_account(account), TOKEN_ACCOUNT_LAMPORTS),
        None if lamports == 0 => Value::Null,
        None => of(SYSTEM, &[], lamports),
    }
}

/// Returns the list of recent blockhashes as an account: a count, and 40 bytes for each.
fn recent_blockhashes(hashes: &[[u8; 32]]) -> Value {
    let count = (hashes.len() as u64).to_le_bytes();
    let entries = hashes.iter().flat_map(|hash| hash.iter().copied().chain([0; 8]));
    let data: Vec<u8> = count.into_iter().chain(entries).collect();
    json!({ "owner": "Sysvar1111111111111111111111111111111111111", "data": [base64(&data), "base64"], "lamports": 1 })
}

/// Returns a transaction as `getTransaction` shows it.
pub(super) fn shown(landed: &Landed) -> Value {
    json!({
        "slot": landed.slot, "blockTime": null, "version": "legacy",
        "transaction": [base64(&landed.transaction.bytes), "base64"],
        "meta": { "err": landed.error, "fee": landed.transaction.fee },
    })
}

/// Returns the data of a token account.
fn token_account(account: &TokenAccount) -> Vec<u8> {
    let mint: Address = MINT.parse().unwrap_or(SYSTEM);
    let amount = account.amount.to_le_bytes();
    let mut data = [mint.as_bytes().as_slice(), account.owner.as_bytes(), &amount].concat();
    data.resize(165, 0);
    data[108] = if account.is_frozen { 2 } else { 1 };
    data
}
