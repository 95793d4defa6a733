//! The driver `simulated`: a device that exists only in memory.
//!
//! It is for trials and tests. It logs what a real device would do.
//!
//! It has no keys.

use serde_json::{Map, Value};

use super::driver::{Driver, Failed, LockState, Working};
use super::settings::{Mistake, only};

struct Simulated {
    asset: String,
    state: LockState,
}

pub(super) fn make(settings: &Map<String, Value>, asset: &str) -> Result<Box<dyn Driver>, Mistake> {
    only(settings, &[])?;
    Ok(Box::new(Simulated { asset: asset.to_owned(), state: LockState::Locked }))
}

impl Simulated {
    fn become_(&mut self, state: LockState) {
        if self.state != state {
            tracing::info!(asset = %self.asset, state = state.as_str(), "simulated device");
        }
        self.state = state;
    }
}

impl Driver for Simulated {
    fn unlock(&mut self) -> Working<'_, Result<(), Failed>> {
        self.become_(LockState::Unlocked);
        Box::pin(std::future::ready(Ok(())))
    }

    fn lock(&mut self) -> Working<'_, Result<(), Failed>> {
        self.become_(LockState::Locked);
        Box::pin(std::future::ready(Ok(())))
    }

    fn check(&mut self) -> Working<'_, LockState> {
        Box::pin(std::future::ready(self.state))
    }

    fn can_look(&self) -> bool {
        false
    }
}
