//! How many connections may be open.
//!
//! Every connection takes a file descriptor. So do the database, the connections to the chain, and the
//! program that operates a lock. If clients could take all of them, a door would stay open because no program
//! could be started to lock it (invariant 4). So clients get what is left after a reserve for everything
//! else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::memory;

/// The most connections that are open at once.
const CONNECTIONS: u64 = 4096;
/// The fewest connections that are of any use.
const FEWEST: u64 = 16;
/// Below this number the operator gets a warning.
const FEW: u64 = 64;
/// Descriptors reserved for everything else. Of a small limit, a quarter is reserved.
const RESERVED: u64 = 256;
/// More descriptors than this process ever needs. The limit is not raised further because the programs that
/// operate the devices inherit it, and some of them first close every descriptor up to it.
const ENOUGH: u64 = 2 * CONNECTIONS;

/// Raises this process' limit of open files as far as it may and needs to be, and returns how many
/// connections may be open.
pub(crate) fn connections() -> usize {
    let before = getrlimit(Resource::Nofile);
    if let Some(raised) = raised(before)
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    let fitting = memory::connections().unwrap_or(CONNECTIONS);
    let connections = bound(limit).min(fitting.max(FEWEST));
    if connections < FEW {
        tracing::warn!(
            limit,
            connections,
            "few connections can be open at once; let this process open more files (ulimit -n)"
        );
    }
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Returns the limit to set, or `None` if it is high enough.
fn raised(limit: Rlimit) -> Option<Rlimit> {
    let current = limit.current?;
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    (wanted > current).then_some(Rlimit { current: Some(wanted), maximum: limit.maximum })
}

fn bound(limit: Option<u64>) -> u64 {
    let Some(limit) = limit else { return CONNECTIONS };
    let reserved = RESERVED.min(limit / 4);
    limit.saturating_sub(reserved).clamp(FEWEST, CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_always_left_for_the_locks_inv_4() {
        for (limit, expected) in [
            (None, 4096),
            (Some(1 << 30), 4096),
            (Some(8192), 4096),
            (Some(4096), 3840),
            (Some(1024), 768),
            (Some(400), 300),
            (Some(64), 48),
            (Some(8), 16),
        ] {
            assert_eq!(bound(limit), expected, "{limit:?}");
        }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_helps_and_never_lowered() {
        let raise = |current, maximum| raised(Rlimit { current, maximum }).map(|limit| limit.current);
        assert_eq!(raise(Some(1024), Some(4096)), Some(Some(4096)));
        assert_eq!(raise(Some(1024), Some(1 << 20)), Some(Some(8192)));
        assert_eq!(raise(Some(1024), None), Some(Some(8192)));
        assert_eq!(raise(Some(1024), Some(1024)), None);
        assert_eq!(raise(Some(20_000), Some(20_000)), None);
        assert_eq!(raise(None, None), None);
        let bound = connections();
        assert!(bound >= 16);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(raised(limit), None, "it was raised");
    }
}
