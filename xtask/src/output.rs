//! Lines for the person at the terminal.
//!
//! `println!` panics when its reader has gone (`cargo xtask demo | head`); a lost line is no reason to
//! abandon children, so these drop it instead.

use std::io::Write;

/// A line of the command's result, on standard output.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line about how the command is getting on, on standard error.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
