//! Methods about heights, slots and blockhashes.

use serde_json::{Value, json};

use super::params::Params;
use super::{Answer, RpcError, with_context};
use crate::blocks::{BLOCKHASH_LIFE, Commitment, SLOTS_PER_EPOCH, slot as slot_of};
use crate::ledger::Ledger;

/// Devnet's genesis hash, by which clients tell networks apart.
pub(super) const GENESIS_HASH: &str = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";
/// The most blocks that one call may add.
const MAX_ADVANCE: u64 = 1_000_000;

fn read_commitment(ledger: &Ledger, params: &Params<'_>, index: usize) -> Result<Commitment, RpcError> {
    let config = params.config(index)?;
    let commitment = config.commitment("commitment", Commitment::Finalized)?;
    config.check_min_slot(slot_of(ledger.blocks.height(commitment)))?;
    Ok(commitment)
}

pub(super) fn slot(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let commitment = read_commitment(ledger, params, 0)?;
    Ok(json!(slot_of(ledger.blocks.height(commitment))))
}

pub(super) fn height(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let commitment = read_commitment(ledger, params, 0)?;
    Ok(json!(ledger.blocks.height(commitment)))
}

/// Formats a blockhash as in `getLatestBlockhash`.
pub(super) fn show_blockhash(ledger: &Ledger, commitment: Commitment) -> Value {
    let block = ledger.blocks.latest(commitment);
    json!({
        "blockhash": block.hash.to_string(),
        "lastValidBlockHeight": block.height.saturating_add(BLOCKHASH_LIFE),
    })
}

fn at(ledger: &Ledger, commitment: Commitment, value: Value) -> Value {
    with_context(slot_of(ledger.blocks.height(commitment)), value)
}

pub(super) fn latest_blockhash(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let commitment = read_commitment(ledger, params, 0)?;
    Ok(at(ledger, commitment, show_blockhash(ledger, commitment)))
}

pub(super) fn is_blockhash_valid(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let hash = params.blockhash(0)?;
    let commitment = read_commitment(ledger, params, 1)?;
    let valid = ledger.blocks.is_valid(&hash, commitment);
    Ok(at(ledger, commitment, json!(valid)))
}

pub(super) fn epoch_info(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let height = ledger.blocks.height(read_commitment(ledger, params, 0)?);
    let slot = slot_of(height);
    Ok(json!({
        "absoluteSlot": slot,
        "blockHeight": height,
        "epoch": slot / SLOTS_PER_EPOCH,
        "slotIndex": slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": ledger.history.len(),
    }))
}

/// `coinop_advanceBlocks [count]`: lets tests advance the time. Returns the new block height.
pub(super) fn advance(ledger: &mut Ledger, params: &Params<'_>) -> Answer {
    let count = params.number(0, "a number of blocks")?;
    if count > MAX_ADVANCE {
        return Err(RpcError::params(format!("Invalid params: at most {MAX_ADVANCE} blocks at once")));
    }
    ledger
        .advance(count)
        .map_err(|error| RpcError::new(-32603, format!("Internal error: no block was added: {error}")))?;
    Ok(json!(ledger.blocks.tip().height))
}
