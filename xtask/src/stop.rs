//! Ctrl-C, a closed terminal and a polite kill, as one flag that every wait looks at.
//!
//! Dying at once would orphan the chain and the gateway, and leave a device unlocked. So a signal only sets
//! the flag; whoever waits sees it, ends its children in order and returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    FLAG.get_or_init(Arc::default)
}

/// From now on these signals only set the flag.
pub(crate) fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag()))
            .with_context(|| format!("signal {signal} cannot be handled"))?;
    }
    Ok(())
}

/// Whether somebody asked for the end.
pub(crate) fn requested() -> bool {
    flag().load(Ordering::SeqCst)
}

/// For the middle of a piece of work: an error when somebody asked for the end.
pub(crate) fn check() -> Result<()> {
    if requested() {
        bail!("stopped");
    }
    Ok(())
}
