//! A control group for the gateway and everything that it starts, where the system lets this process make one.
//!
//! The kernel ends a whole group at once, also processes that hide from [`processes`](crate::processes) or belong to
//! another user.

use std::path::{Path, PathBuf};

/// How the folders of these groups begin.
const PREFIX: &str = "coinop-";

/// A group of its own, in the unified hierarchy (version 2).
#[derive(Debug)]
pub(super) struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes a group for the process `pid` and moves it there. Returns `None` if that is not allowed here.
    pub(super) fn around(pid: u32) -> Option<Self> {
        let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = own(&groups, &mounts)?;
        clear(&own);
        let group = Self(own.join(format!("{PREFIX}{pid}")));
        std::fs::create_dir(&group.0).ok()?;
        // If it cannot be moved, the empty group is removed when this is dropped.
        std::fs::write(group.0.join("cgroup.procs"), pid.to_string()).ok()?;
        Some(group)
    }

    /// Kills every process in the group.
    pub(super) fn end(&self) {
        // Kernels before 5.14 do not know it. What is left then is found without the group.
        let _ = std::fs::write(self.0.join("cgroup.kill"), "1");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Only an empty one can be removed.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Removes the empty groups of guardians that were killed.
fn clear(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let _ = std::fs::remove_dir(entry.path());
    }
}

/// Returns the folder of this process' group in the unified hierarchy.
fn own(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, rest) = line.split_once(" - ")?;
        if rest.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        Some(Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let groups = "4:memory:/a\n0::/system.slice/coinop.service\n";
        let mounts = "22 1 0:20 / /proc rw - proc proc rw\n\
                      31 22 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        let found = own(groups, mounts).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/system.slice/coinop.service"));
        let inside = mounts.replace(" / /sys", " /system.slice /sys");
        assert_eq!(own(groups, &inside).unwrap(), Path::new("/sys/fs/cgroup/coinop.service"));
        assert_eq!(own("4:memory:/a\n", mounts), None);
        assert_eq!(own(groups, "22 1 0:20 / /proc rw - proc proc rw\n"), None);
    }
}
