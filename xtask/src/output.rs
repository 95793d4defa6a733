//! Prints lines for the person at the terminal.
//!
//! `println!` panics when its reader has gone (`cargo xtask demo | head`). A lost line is no reason to
//! abandon child processes, so these functions drop the line instead.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;

thread_local! {
    /// The file for this thread's lines. `None` means the terminal.
    static INSTEAD: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Prints a line of the command's result on standard output.
pub(crate) fn say(line: &str) {
    if let Some(file) = file() {
        return write(file, line);
    }
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints a line about the command's progress on standard error.
pub(crate) fn note(line: &str) {
    match file() {
        Some(file) => write(file, line),
        None => write(std::io::stderr().lock(), line),
    }
}

fn write(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

/// Writes this thread's lines into a file from now on.
pub(crate) fn into_file(file: File) {
    INSTEAD.set(Some(file));
}

/// Returns the file for this thread's lines, if there is one.
pub(crate) fn file() -> Option<File> {
    INSTEAD.with_borrow(|file| file.as_ref().and_then(|file| file.try_clone().ok()))
}
