//! What happened, for whoever looks into a world that failed.

use std::cell::{Cell, RefCell};

/// The lines of a trace. They are kept only if somebody wants them.
#[derive(Default)]
pub(crate) struct Trace {
    is_wanted: Cell<bool>,
    lines: RefCell<Vec<String>>,
}

impl Trace {
    pub(crate) fn want(&self) {
        self.is_wanted.set(true);
    }

    pub(crate) fn note(&self, now: u64, line: impl FnOnce() -> String) {
        if self.is_wanted.get() {
            self.lines.borrow_mut().push(format!("{:>9} s  {}", Seconds(now), line()));
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}

/// Milliseconds, shown as seconds.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000))
    }
}
