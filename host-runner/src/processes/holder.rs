//! Which process holds the data folder: what its file `lock` says.
//!
//! A gateway that has lost its guardian stops by itself. One that hangs does not, and would keep every later one from
//! starting, with its devices as they were.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process};

use super::{folder, parse};

/// The argument with which a guardian starts its gateway.
pub(crate) const GUARDED: &str = "--guarded";

/// How long a gateway that has lost its guardian may take to stop.
const STOPPING: Duration = Duration::from_secs(3);
/// How long to wait for its end after it was killed.
const KILLED: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Writes the numbers of this process and of its parent, which is its guardian if it has one.
pub(crate) fn sign(mut lock: &File) -> io::Result<()> {
    let guardian = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    lock.set_len(0)?;
    lock.write_all(format!("{}\n{guardian}\n", std::process::id()).as_bytes())
}

/// Returns the process that has signed the file last.
pub(crate) fn holder_of(data_dir: &Path) -> Option<Pid> {
    numbers(data_dir).and_then(|(holder, _)| Pid::from_raw(holder))
}

/// Tells whether this process has signed the file last.
pub(crate) fn is_held_by(data_dir: &Path, pid: Pid) -> bool {
    holder_of(data_dir) == Some(pid)
}

/// Returns the numbers of the holder and of its parent.
fn numbers(data_dir: &Path) -> Option<(i32, i32)> {
    let text = std::fs::read_to_string(data_dir.join("lock")).ok()?;
    let mut numbers = text.lines().map(|line| line.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Waits for the end of a gateway that holds this folder and has lost its guardian, and kills it if it hangs. Returns
/// whether there was one and it has ended.
pub(crate) fn end_orphan(data_dir: &Path) -> bool {
    let Some(orphan) = orphan(data_dir) else { return false };
    if ends_within(orphan, STOPPING) {
        return true;
    }
    if let Some(pid) = Pid::from_raw(orphan) {
        let _ = kill_process(pid, Signal::KILL);
    }
    ends_within(orphan, KILLED)
}

/// Returns the number of a gateway that holds this folder, and whose guardian is no longer its parent.
fn orphan(data_dir: &Path) -> Option<i32> {
    let (holder, guardian) = numbers(data_dir)?;
    let stat = std::fs::read_to_string(folder(holder).join("stat")).ok()?;
    // The number may be that of an earlier holder, and belong to a stranger now.
    let arguments = std::fs::read(folder(holder).join("cmdline")).ok()?;
    let is_gateway = arguments.split(|byte| *byte == 0).any(|argument| argument == GUARDED.as_bytes());
    (is_gateway && parse(holder, &stat)?.parent != guardian).then_some(holder)
}

fn ends_within(pid: i32, limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        let stat = std::fs::read_to_string(folder(pid).join("stat")).ok();
        if stat.and_then(|stat| parse(pid, &stat)).is_none_or(|process| process.is_over) {
            return true;
        }
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}
