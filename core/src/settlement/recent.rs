//! The chain's list of recent blockhashes, which tells how old one is.
//!
//! It is the sysvar of that name: a count, and for each blockhash 32 bytes and a number of 8 bytes, the newest first. It is
//! deprecated and kept, because durable nonces need it.

/// The address of the list.
pub(super) const RECENT_BLOCKHASHES: &str = "SysvarRecentB1ockHashes11111111111111111111";

/// How many blocks a blockhash lives.
pub(super) const BLOCKHASH_BLOCKS: u64 = 150;

/// The length of a blockhash, in bytes.
const HASH: usize = 32;
/// The length of an entry, in bytes.
const ENTRY: usize = HASH + 8;

/// Returns the place of a blockhash in the list, from 0 for the newest; [`BLOCKHASH_BLOCKS`] if it is not there. `None`
/// means that these bytes are no such list.
pub(super) fn place(list: &[u8], blockhash: &[u8; HASH]) -> Option<u64> {
    let (count, entries) = list.split_first_chunk()?;
    let count = u64::from_le_bytes(*count);
    if count == 0 || count > BLOCKHASH_BLOCKS {
        return None;
    }
    let mut left = count;
    for (place, entry) in (0..count).zip(entries.chunks_exact(ENTRY)) {
        left = left.saturating_sub(1);
        if entry.get(..HASH)? == blockhash {
            return Some(place);
        }
    }
    // A list that is shorter than it says tells nothing about what is missing.
    (left == 0).then_some(BLOCKHASH_BLOCKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: u64, hashes: impl Iterator<Item = u8>) -> Vec<u8> {
        let entries =
            hashes.flat_map(|hash| [[hash; HASH].to_vec(), 5_000u64.to_le_bytes().to_vec()].concat());
        count.to_le_bytes().into_iter().chain(entries).collect()
    }

    #[test]
    fn the_newest_blockhash_is_0_blocks_old_and_the_last_of_150_is_149() {
        let all = list(150, 0..150);
        for place in [0, 1, 75, 149] {
            assert_eq!(super::place(&all, &[place; HASH]), Some(u64::from(place)));
        }
        assert_eq!(place(&all, &[200; HASH]), Some(BLOCKHASH_BLOCKS));
        // A young chain has fewer, followed by zeros.
        let mut young = list(3, 0..3);
        young.resize(6_008, 0);
        assert_eq!((place(&young, &[2; HASH]), place(&young, &[3; HASH])), (Some(2), Some(150)));
    }

    #[test]
    fn what_is_no_list_of_blockhashes_tells_no_age() {
        for bytes in
            [vec![], vec![0; 7], vec![0; 6_008], list(151, 0..151), list(u64::MAX, 0..3), list(3, 0..2)]
        {
            assert_eq!(place(&bytes, &[9; HASH]), None);
        }
    }
}
