//! Blocks: heights, slots, blockhashes, and how final they are.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};
use solana_hash::Hash;

/// For how many blocks after its own a blockhash may be used.
pub(crate) const BLOCKHASH_LIFE: u64 = 150;
/// Slot minus block height. On a real cluster slots run ahead of blocks, because some slots stay empty. A
/// client that confuses the two should fail here.
pub(crate) const SLOT_AHEAD: u64 = litesvm::MAINNET_DEFAULT_SLOT;
/// Slots in an epoch, as on devnet.
pub(crate) const SLOTS_PER_EPOCH: u64 = 432_000;

/// How sure a caller wants to be of what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commitment {
    /// The tip.
    Processed,
    /// The tip of `confirm_lag` blocks ago. This chain never rolls anything back.
    Confirmed,
    /// The tip of `finality_lag` blocks ago.
    Finalized,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// How many blocks precede it.
    pub(crate) height: u64,
    /// The blockhash that transactions name to prove that they are recent.
    pub(crate) hash: Hash,
    /// Unix time, in seconds.
    pub(crate) time: i64,
}

pub(crate) struct Blocks {
    /// Oldest first. Never empty: see `tip`.
    recent: VecDeque<Block>,
    heights: HashMap<Hash, u64>,
    tip: Block,
    confirm_lag: u64,
    finality_lag: u64,
}

impl Blocks {
    /// Makes a chain whose genesis block is just final. `seed` makes its blockhashes differ from those of
    /// every other run. A block is confirmed once `confirm_lag` blocks follow it, and final once
    /// `finality_lag` do. `finality_lag` is not smaller than `confirm_lag`.
    pub(crate) fn new(seed: &[u8], confirm_lag: u64, finality_lag: u64, time: i64) -> Self {
        let genesis = Block { height: 0, hash: Hash::new_from_array(Sha256::digest(seed).into()), time };
        let mut blocks = Self {
            recent: VecDeque::from([genesis]),
            heights: HashMap::from([(genesis.hash, 0)]),
            tip: genesis,
            confirm_lag,
            finality_lag,
        };
        blocks.advance(finality_lag, time);
        blocks
    }

    /// Adds `count` blocks at unix time `time`, in seconds.
    pub(crate) fn advance(&mut self, count: u64, time: i64) {
        let keep = self.finality_lag.saturating_add(BLOCKHASH_LIFE).saturating_add(1);
        for _ in 0..count {
            self.tip = Block {
                height: self.tip.height.saturating_add(1),
                hash: Hash::new_from_array(Sha256::digest(self.tip.hash.as_ref()).into()),
                time,
            };
            self.recent.push_back(self.tip);
            self.heights.insert(self.tip.hash, self.tip.height);
            let oldest_kept = self.tip.height.saturating_sub(keep);
            while let Some(old) = self.recent.front().copied() {
                if old.height >= oldest_kept {
                    break;
                }
                self.recent.pop_front();
                self.heights.remove(&old.hash);
            }
        }
    }

    /// Returns the newest block.
    pub(crate) fn tip(&self) -> Block {
        self.tip
    }

    /// Returns the block height at `commitment`.
    pub(crate) fn height(&self, commitment: Commitment) -> u64 {
        match commitment {
            Commitment::Processed => self.tip.height,
            Commitment::Confirmed => self.tip.height.saturating_sub(self.confirm_lag),
            Commitment::Finalized => self.tip.height.saturating_sub(self.finality_lag),
        }
    }

    /// Returns by how many blocks `confirmed` is behind `processed`.
    pub(crate) fn confirm_lag(&self) -> u64 {
        self.confirm_lag
    }

    /// Returns the kept blockhashes, newest first. All that may be used are among them.
    pub(crate) fn newest_hashes(&self) -> impl Iterator<Item = Hash> {
        self.recent.iter().rev().map(|block| block.hash)
    }

    /// Returns the newest block at `commitment`.
    pub(crate) fn latest(&self, commitment: Commitment) -> Block {
        let height = self.height(commitment);
        self.recent.iter().rev().find(|block| block.height == height).copied().unwrap_or(self.tip)
    }

    /// Tells whether a transaction that names `hash` could land, as the bank at `commitment` sees it.
    pub(crate) fn is_valid(&self, hash: &Hash, commitment: Commitment) -> bool {
        let now = self.height(commitment);
        self.heights
            .get(hash)
            .and_then(|made| now.checked_sub(*made))
            .is_some_and(|age| age <= BLOCKHASH_LIFE)
    }

    /// Makes `hash` that of a block which `age` blocks have followed.
    #[cfg(test)]
    pub(crate) fn adopt(&mut self, hash: Hash, age: u64) {
        self.heights.insert(hash, self.tip.height.saturating_sub(age));
    }

    /// Returns how many blocks follow `height`.
    pub(crate) fn age(&self, height: u64) -> u64 {
        self.tip.height.saturating_sub(height)
    }

    /// Tells whether the block at `height` can be seen at `commitment`.
    pub(crate) fn is_visible(&self, height: u64, commitment: Commitment) -> bool {
        height <= self.height(commitment)
    }
}

/// Returns the slot of the block at `height`.
pub(crate) fn slot(height: u64) -> u64 {
    height.saturating_add(SLOT_AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blockhash_lives_for_150_blocks_after_its_own() {
        let mut blocks = Blocks::new(b"seed", 0, 32, 0);
        let hash = blocks.tip().hash;
        assert!(blocks.is_valid(&hash, Commitment::Confirmed));
        assert!(!blocks.is_valid(&hash, Commitment::Finalized));
        blocks.advance(32, 0);
        assert!(blocks.is_valid(&hash, Commitment::Finalized));
        blocks.advance(118, 0);
        assert!(blocks.is_valid(&hash, Commitment::Confirmed));
        blocks.advance(1, 0);
        assert!(!blocks.is_valid(&hash, Commitment::Confirmed));
        assert!(blocks.is_valid(&hash, Commitment::Finalized));
        blocks.advance(32, 0);
        assert!(!blocks.is_valid(&hash, Commitment::Finalized));
    }

    #[test]
    fn old_blocks_are_forgotten() {
        let mut blocks = Blocks::new(b"seed", 0, 3, 0);
        blocks.advance(10_000, 0);
        assert_eq!(blocks.recent.len(), blocks.heights.len());
        assert!(blocks.recent.len() < 200);
        assert_eq!(blocks.latest(Commitment::Finalized).height, 10_000);
        assert_eq!(blocks.latest(Commitment::Confirmed).height, 10_003);
    }

    #[test]
    fn what_is_confirmed_lies_between_the_tip_and_what_is_final() {
        let mut blocks = Blocks::new(b"seed", 2, 5, 0);
        let hash = blocks.tip().hash;
        for (since, confirmed, last) in
            [(0, false, false), (1, false, false), (2, true, false), (5, true, true)]
        {
            blocks.advance(since - blocks.age(5), 0);
            assert!(blocks.is_valid(&hash, Commitment::Processed));
            assert_eq!(blocks.is_valid(&hash, Commitment::Confirmed), confirmed, "{since}");
            assert_eq!(blocks.is_visible(5, Commitment::Confirmed), confirmed, "{since}");
            assert_eq!(blocks.is_visible(5, Commitment::Finalized), last, "{since}");
        }
        assert_eq!(blocks.latest(Commitment::Confirmed).height, 8);
        assert_eq!(blocks.latest(Commitment::Finalized).hash, hash);
    }
}
