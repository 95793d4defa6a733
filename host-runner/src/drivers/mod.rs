//! How a device is worked.
//!
//! A driver knows one device and nothing of sessions or money: it unlocks, it
//! locks, and it says what the device is doing. When to do what is the
//! [device worker's](crate::devices) business.

mod driver;
mod exec;
mod settings;
mod simulated;

use std::path::Path;

use serde_json::{Map, Value};

#[cfg(test)]
pub(crate) use driver::Working;
pub(crate) use driver::{Driver, Failed, LockState};
pub(crate) use settings::Mistake;

/// Makes the driver of that name for an asset.
///
/// `folder` is where the configuration lies: relative paths start there. The
/// mistake's path is relative to the asset's `device` table.
pub(crate) fn make(
    driver: &str,
    settings: &Map<String, Value>,
    asset: &str,
    folder: &Path,
) -> Result<Box<dyn Driver>, Mistake> {
    match driver {
        "simulated" => simulated::make(settings, asset),
        "exec" => exec::make(settings, asset, folder),
        other => Err(Mistake::new(
            "driver",
            format!("there is no driver {other:?}; this build has exec and simulated"),
        )),
    }
}
