//! How much memory this process may use, and how much of it clients may take.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// The most bytes that unfinished requests may hold, unless the configuration says otherwise.
const UNREAD: u64 = 32 << 20;
/// The fewest: enough for some large requests at once.
const LEAST_UNREAD: u64 = 2 << 20;
/// The memory that a connection may take beside what it has sent: buffers, tasks and their bookkeeping.
const OF_A_CONNECTION: u64 = 32 << 10;

/// Returns how many bytes of unfinished requests may be held at once. Of a small memory it is a 32nd.
pub(super) fn unread_bytes() -> usize {
    let bytes = available().map_or(UNREAD, |memory| (memory / 32).clamp(LEAST_UNREAD, UNREAD));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Returns how many connections fit into an eighth of the memory, if it is known.
pub(super) fn connections() -> Option<u64> {
    available().map(|memory| memory / 8 / OF_A_CONNECTION)
}

/// Returns how many bytes this process may use: what the machine has, or less if a limit of the process or of its
/// control group says so. `None` if the system tells none of them.
fn available() -> Option<u64> {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    limits.into_iter().flatten().chain(machine).chain(of_group()).min()
}

/// Reads the machine's memory from `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns the smallest limit of this process' control group and of those around it.
fn of_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let own = Path::new("/sys/fs/cgroup").join(group);
    let read = |folder: &Path| std::fs::read_to_string(folder.join("memory.max")).ok();
    own.ancestors().filter_map(read).filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(total("MemTotal:         524288 kB\nMemFree: 1 kB\n"), Some(512 << 20));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: much\n"), None);
    }

    #[test]
    fn clients_get_a_small_part_of_any_memory() {
        let unread = unread_bytes() as u64;
        assert!((LEAST_UNREAD..=UNREAD).contains(&unread), "{unread}");
        if let Some(memory) = available() {
            assert!(unread <= (memory / 32).max(LEAST_UNREAD));
        }
    }
}
