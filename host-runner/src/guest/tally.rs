//! Counts how many of each kind exist now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A count per key of what exists now. A key without any is forgotten. Clones share the counts.
pub(crate) struct Tally<K: Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>);

/// One counted item. Dropping it decrements the count.
pub(crate) struct Tallied<K: Eq + Hash> {
    tally: Tally<K>,
    key: Option<K>,
}

impl<K: Eq + Hash + Clone> Tally<K> {
    /// Counts one more, and returns how many of its kind there were before.
    pub(crate) fn add(&self, key: K) -> (Tallied<K>, usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_default();
        let before = *count;
        *count = before.saturating_add(1);
        (Tallied { tally: self.clone(), key: Some(key) }, before)
    }
}

impl<K: Eq + Hash> Clone for Tally<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Eq + Hash> Default for Tally<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> Drop for Tallied<K> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut counts = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = counts.entry(key) {
            match entry.get().saturating_sub(1) {
                0 => drop(entry.remove()),
                left => *entry.get_mut() = left,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_leaves_nothing_behind() {
        let tally = Tally::default();
        let (first, before) = tally.add("a");
        assert_eq!(before, 0);
        let (second, before) = tally.add("a");
        assert_eq!(before, 1);
        let (_other, before) = tally.add("b");
        assert_eq!(before, 0);
        drop(first);
        assert_eq!(tally.add("a").1, 1);
        drop(second);
        assert_eq!(tally.add("a").1, 0);
        assert_eq!(tally.0.lock().unwrap().len(), 1, "only b is left");
    }
}
