//! Turns Ctrl-C, a closed terminal and a terminating signal into one flag that every wait checks.
//!
//! Ending at once would orphan the chain and the gateway, and leave a device unlocked. So a signal only sets
//! the flag. Every wait sees the flag, ends its children in order and returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    FLAG.get_or_init(Arc::default)
}

/// Makes these signals only set the flag from now on.
pub(crate) fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag()))
            .with_context(|| format!("signal {signal} cannot be handled"))?;
    }
    Ok(())
}

/// Tells whether a signal asked this program to stop.
pub(crate) fn requested() -> bool {
    flag().load(Ordering::SeqCst)
}

/// Fails if a signal asked this program to stop. For use in the middle of a piece of work.
pub(crate) fn check() -> Result<()> {
    if requested() {
        bail!("stopped");
    }
    Ok(())
}
