//! The processes of this machine, as `/proc` shows them, and how whole trees of them are ended.
//!
//! A command of a device may start others that leave its process group. So each command has a mark in its environment,
//! which everything that it starts inherits: `COINOP_COMMAND`. Where there is no `/proc`, only groups can be ended.

mod holder;
mod record;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};

pub(crate) use holder::{GUARDED, end_orphan, holder_of, is_held_by, sign};
pub(crate) use record::{end_earlier, note};

/// The variable with a command's mark.
pub(crate) const MARK: &str = "COINOP_COMMAND";

/// How long to wait before looking again whether killed processes are gone.
const PAUSE: Duration = Duration::from_millis(2);

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    /// It has ended, and nobody has asked for its exit status yet.
    is_over: bool,
}

/// Returns the name of this run, which the marks of all its commands begin with.
fn run_id() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let mut bytes = [0; 12];
        // Without random numbers the number of the process still tells this run from others.
        let random = getrandom::fill(&mut bytes).is_ok();
        let name = bs58::encode(bytes).into_string();
        if random { name } else { format!("pid-{}", getpid().as_raw_nonzero()) }
    })
}

/// Returns the beginning of the marks of all commands that did this to the asset's device.
pub(crate) fn marks_of(asset: &str, what: &str) -> String {
    format!("{}.{asset}.{what}.", run_id())
}

/// Returns a mark for one command.
pub(crate) fn mark(asset: &str, what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}{}", marks_of(asset, what), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Kills every process whose mark begins with this, and everything that they started. Returns whether none is left.
/// It waits at most `limit` for their end.
pub(crate) fn end_marked(mark: &str, limit: Duration) -> bool {
    end(|| marked(mark), limit)
}

/// Kills everything that this process has started, and what that has started. Returns whether none is left. It waits at
/// most `limit` for their end.
///
/// Processes that lost their parent are found only if this process is a subreaper.
pub(crate) fn end_descendants(limit: Duration) -> bool {
    let this = getpid().as_raw_nonzero().get();
    end(|| family(BTreeSet::from([this]), |process, of| of.contains(&process.parent)), limit)
}

/// Kills what is found, and looks again until nothing is.
fn end(find: impl Fn() -> BTreeSet<i32>, limit: Duration) -> bool {
    let begun = Instant::now();
    let mut is_refused = BTreeSet::new();
    loop {
        let found = find();
        let found: Vec<i32> = found.difference(&is_refused).copied().collect();
        if found.is_empty() {
            return is_refused.is_empty();
        }
        for pid in found {
            match Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL)) {
                Some(Err(rustix::io::Errno::PERM)) | None => drop(is_refused.insert(pid)),
                Some(_) => {}
            }
        }
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Returns the processes whose mark begins with this, and those that they lead or have started.
fn marked(mark: &str) -> BTreeSet<i32> {
    let entry = format!("{MARK}={mark}");
    let has_mark = |process: &&Process| {
        let environment = std::fs::read(folder(process.pid).join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(entry.as_bytes()))
    };
    let roots: BTreeSet<i32> = all().iter().filter(has_mark).map(|process| process.pid).collect();
    let mut found = family(roots.clone(), |process, of| {
        [process.parent, process.group, process.session].iter().any(|leader| of.contains(leader))
    });
    found.extend(roots);
    found.remove(&getpid().as_raw_nonzero().get());
    found
}

/// Returns all that belong to these roots, to those that belong to them, and so on. The roots are not among them, nor
/// is what has ended.
fn family(roots: BTreeSet<i32>, belongs: impl Fn(&Process, &BTreeSet<i32>) -> bool) -> BTreeSet<i32> {
    if roots.is_empty() {
        return roots;
    }
    let processes = all();
    let mut members = roots.clone();
    loop {
        let more: Vec<i32> = processes
            .iter()
            .filter(|process| !members.contains(&process.pid) && belongs(process, &members))
            .map(|process| process.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        members.extend(more);
    }
    let living: BTreeSet<i32> = processes.iter().filter(|p| !p.is_over).map(|p| p.pid).collect();
    members.retain(|pid| living.contains(pid) && !roots.contains(pid));
    members
}

fn folder(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| parse(pid, &std::fs::read_to_string(folder(pid).join("stat")).ok()?)).collect()
}

/// Reads a line of `/proc/PID/stat`. The name in it may contain spaces and parentheses.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let is_over = matches!(fields.next()?, "Z" | "X");
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid, parent: number()?, group: number()?, session: number()?, is_over })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
