//! Writes the sysvars that change from block to block.

use litesvm::LiteSVM;
use solana_account::Account;
use solana_address::Address;
use solana_clock::Clock;

use crate::blocks::{Blocks, SLOTS_PER_EPOCH, slot};

/// The address of the recent blockhashes.
const RECENT_BLOCKHASHES: Address = Address::from_str_const("SysvarRecentB1ockHashes11111111111111111111");
/// The owner of every sysvar.
const OWNER: Address = Address::from_str_const("Sysvar1111111111111111111111111111111111111");
/// The most blockhashes that the sysvar lists.
const LISTED: usize = 150;
/// The size of the sysvar: a count, and for each hash 32 bytes and the fee of a signature as a number of 8
/// bytes.
const SIZE: usize = 8 + LISTED * (32 + 8);
const LAMPORTS_PER_SIGNATURE: u64 = 5_000;

/// Writes the clock and the recent blockhashes of the newest of `blocks` into `svm`.
///
/// # Errors
///
/// Fails if the virtual machine cannot read what is written.
pub(crate) fn write(svm: &mut LiteSVM, blocks: &Blocks) -> anyhow::Result<()> {
    let tip = blocks.tip();
    let slot = slot(tip.height);
    let epoch = slot / SLOTS_PER_EPOCH;
    svm.set_sysvar(&Clock {
        slot,
        epoch_start_timestamp: tip.time,
        epoch,
        leader_schedule_epoch: epoch.saturating_add(1),
        unix_timestamp: tip.time,
    });
    let account = Account {
        lamports: svm.minimum_balance_for_rent_exemption(SIZE),
        data: recent_blockhashes(blocks),
        owner: OWNER,
        executable: false,
        rent_epoch: 0,
    };
    Ok(svm.set_account(RECENT_BLOCKHASHES, account)?)
}

/// Returns the sysvar's data, with the newest blockhash first. A chain with fewer blocks lists fewer,
/// followed by zeros.
fn recent_blockhashes(blocks: &Blocks) -> Vec<u8> {
    let mut entries = Vec::with_capacity(SIZE);
    let mut count: u64 = 0;
    for hash in blocks.newest_hashes().take(LISTED) {
        count = count.saturating_add(1);
        entries.extend(hash.to_bytes());
        entries.extend(LAMPORTS_PER_SIGNATURE.to_le_bytes());
    }
    let mut data = Vec::with_capacity(SIZE);
    data.extend(count.to_le_bytes());
    data.extend(entries);
    data.resize(SIZE, 0);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sysvar_lists_the_150_newest_blockhashes_newest_first() {
        let mut blocks = Blocks::new(b"seed", 0, 3, 0);
        for (advance, count) in [(0, 4_u8), (1, 5), (144, 149), (1, 150), (1, 150), (1000, 150)] {
            blocks.advance(advance, 0);
            let data = recent_blockhashes(&blocks);
            assert_eq!(
                (data.len(), u64::from_le_bytes(data[..8].try_into().unwrap())),
                (6_008, count.into())
            );
            let entries: Vec<&[u8]> = data[8..].chunks(40).collect();
            assert_eq!(entries[0], [blocks.tip().hash.as_ref(), &5_000_u64.to_le_bytes()].concat());
            let hashes: Vec<_> = blocks.newest_hashes().collect();
            for (place, entry) in entries.iter().enumerate() {
                let expected = if place < count.into() { hashes[place].to_bytes() } else { [0; 32] };
                assert_eq!(entry[..32], expected, "{place}");
            }
        }
    }
}
