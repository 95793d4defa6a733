//! Slots, blocks and their hashes.

use std::collections::BTreeMap;

use crate::random::Random;

/// The length of a slot, in milliseconds.
const SLOT_MS: u64 = 400;
/// How many blocks a blockhash lives.
pub(crate) const LIFE: u64 = 150;
/// How many slots the latest confirmed block is behind the latest one.
pub(crate) const CONFIRMED_LAG: u64 = 2;
/// How many slots the latest final block is behind the latest one.
pub(crate) const FINALIZED_LAG: u64 = 32;
/// The slot in which a world begins.
const FIRST_SLOT: u64 = 5_000;
/// How many slots before that had no block.
const SKIPPED: u64 = 1_000;
/// How often a slot has no block, in 10,000.
const SKIP_RATE: u32 = 400;

/// The chain of blocks.
pub(crate) struct Blocks {
    tip: u64,
    /// The height of each slot's block, or of the last one before it.
    heights: Vec<u64>,
    hashes: BTreeMap<[u8; 32], u64>,
    /// The hash of each slot's block, or of the last one before it.
    by_slot: Vec<[u8; 32]>,
}

impl Blocks {
    /// Returns a chain that is a while old, so that there are old blockhashes to sign with.
    pub(crate) fn new(random: &Random) -> Self {
        let mut blocks =
            Self { tip: FIRST_SLOT, heights: Vec::new(), hashes: BTreeMap::new(), by_slot: Vec::new() };
        let hash = random.bytes();
        blocks.heights.push(FIRST_SLOT - SKIPPED);
        blocks.hashes.insert(hash, FIRST_SLOT - SKIPPED);
        blocks.by_slot.push(hash);
        for slot in FIRST_SLOT + 1..FIRST_SLOT + 2 * LIFE {
            blocks.produce(slot, random);
        }
        blocks
    }

    /// Returns the latest slot.
    pub(crate) const fn tip(&self) -> u64 {
        self.tip
    }

    /// Returns the next slot, if it has begun at this moment.
    pub(crate) fn next_slot(&self, now: u64) -> Option<u64> {
        let current = FIRST_SLOT + 2 * LIFE + now / SLOT_MS;
        (self.tip < current).then_some(self.tip + 1)
    }

    /// Adds a slot. Returns whether it has a block.
    pub(crate) fn produce(&mut self, slot: u64, random: &Random) -> bool {
        self.tip = slot;
        let (height, hash) = (self.height(slot - 1), self.hash(slot - 1));
        if random.happens(SKIP_RATE) {
            self.heights.push(height);
            self.by_slot.push(hash);
            return false;
        }
        let hash = random.bytes();
        self.heights.push(height + 1);
        self.by_slot.push(hash);
        self.hashes.insert(hash, height + 1);
        true
    }

    fn at<T: Copy>(of: &[T], slot: u64) -> T {
        let at = usize::try_from(slot.saturating_sub(FIRST_SLOT)).unwrap_or(usize::MAX);
        of[at.min(of.len() - 1)]
    }

    /// Returns the height of the latest block at this slot.
    pub(crate) fn height(&self, slot: u64) -> u64 {
        Self::at(&self.heights, slot)
    }

    /// Returns the hash of the latest block at this slot.
    pub(crate) fn hash(&self, slot: u64) -> [u8; 32] {
        Self::at(&self.by_slot, slot)
    }

    /// Returns whether a transaction with this blockhash could land after this slot.
    pub(crate) fn is_alive(&self, blockhash: &[u8; 32], slot: u64) -> bool {
        self.age(blockhash, slot).is_some_and(|age| age <= LIFE)
    }

    /// Returns how many blocks have come after that of this blockhash, as of this slot.
    pub(crate) fn age(&self, blockhash: &[u8; 32], slot: u64) -> Option<u64> {
        self.height(slot).checked_sub(*self.hashes.get(blockhash)?)
    }

    /// Returns the hashes of the latest blocks as of this slot, the newest first.
    pub(crate) fn recent(&self, slot: u64) -> Vec<[u8; 32]> {
        let newest = self.height(slot);
        let heights = (newest + 1 - LIFE.min(newest)..=newest).rev();
        let mut by_height = BTreeMap::new();
        for at in (FIRST_SLOT..=slot).rev().take_while(|at| newest - self.height(*at) <= LIFE) {
            by_height.insert(self.height(at), self.hash(at));
        }
        heights.map_while(|height| by_height.get(&height).copied()).collect()
    }

    /// Returns when a payment with this blockhash was finally dead, in milliseconds since the world began.
    pub(crate) fn died_at(&self, blockhash: &[u8; 32]) -> Option<u64> {
        let slot =
            (FIRST_SLOT..=self.tip).find(|slot| self.age(blockhash, *slot).is_some_and(|age| age > LIFE))?;
        let is_final = slot + FINALIZED_LAG;
        (is_final <= self.tip).then(|| is_final.saturating_sub(FIRST_SLOT + 2 * LIFE) * SLOT_MS)
    }

    /// Returns the blockhash that is this many blocks old, or a little less.
    pub(crate) fn of_age(&self, age: u64) -> [u8; 32] {
        let wanted = self.height(self.tip).saturating_sub(age);
        let slot = (FIRST_SLOT..=self.tip).rev().find(|slot| self.height(*slot) <= wanted);
        self.hash(slot.unwrap_or(FIRST_SLOT))
    }
}
