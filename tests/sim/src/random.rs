//! Random choices that follow from the seed alone.

use std::cell::RefCell;
use std::ops::Range;

/// A source of choices. Each part of a world has its own, so that taking one part away changes the others little.
pub(crate) struct Random(RefCell<fastrand::Rng>);

impl Random {
    /// Returns the source of this part of the world of that seed.
    pub(crate) fn of(seed: u64, part: &str) -> Self {
        let mixed = part.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |mixed, byte| {
            (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
        });
        Self(RefCell::new(fastrand::Rng::with_seed(mixed)))
    }

    /// Returns whether something happens that happens in `rate` of 10,000 cases.
    pub(crate) fn happens(&self, rate: u32) -> bool {
        rate > 0 && self.0.borrow_mut().u32(0..10_000) < rate
    }

    /// Returns a number in a range.
    pub(crate) fn within(&self, range: Range<u64>) -> u64 {
        if range.is_empty() { range.start } else { self.0.borrow_mut().u64(range) }
    }

    /// Returns an index below `count`.
    pub(crate) fn below(&self, count: usize) -> usize {
        self.0.borrow_mut().usize(0..count.max(1))
    }

    /// Returns one of these.
    pub(crate) fn one_of<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Returns random bytes.
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.borrow_mut().fill(&mut bytes);
        bytes
    }
}
