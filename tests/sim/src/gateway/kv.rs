//! The catalogue in KV, whose readers may be a minute behind.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// A value of a key, and when it was published. `None` takes it away.
type Published = (u64, Option<String>);

/// What was published under each key.
#[derive(Default)]
pub(crate) struct Kv(RefCell<BTreeMap<String, Vec<Published>>>);

impl Kv {
    /// Publishes a value, or takes it away.
    pub(crate) fn put(&self, now: u64, key: &str, value: Option<String>) {
        self.0.borrow_mut().entry(key.to_owned()).or_default().push((now, value));
    }

    /// Returns what a reader sees who is this far behind.
    pub(crate) fn get(&self, as_of: u64, key: &str) -> Option<String> {
        let all = self.0.borrow();
        let values = all.get(key)?;
        values.iter().rev().find(|(at, _)| *at <= as_of).and_then(|(_, value)| value.clone())
    }
}
