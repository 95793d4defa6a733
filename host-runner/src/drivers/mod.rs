//! How a device is operated.
//!
//! A driver knows one device, and nothing of sessions or money. It unlocks, locks, and reports what the
//! device is doing. The [device worker](crate::devices) decides when to do what.

mod driver;
mod exec;
mod settings;
mod simulated;

use std::path::Path;

use serde_json::{Map, Value};

#[cfg(test)]
pub(crate) use driver::Working;
pub(crate) use driver::{Driver, Failed, LockState, Permission};
pub(crate) use settings::Mistake;

/// Makes the driver named `driver` for an asset.
///
/// Relative paths start at `folder`, the folder of the configuration file. The path of a returned mistake is
/// relative to the asset's `device` table.
pub(crate) fn make(
    driver: &str,
    settings: &Map<String, Value>,
    asset: &str,
    folder: &Path,
) -> Result<Box<dyn Driver>, Mistake> {
    match driver {
        "simulated" => simulated::make(settings, asset),
        "exec" => exec::make(settings, asset, folder),
        other => {
            Err(Mistake::new("driver", format!("unknown driver {other:?}; use \"exec\" or \"simulated\"")))
        }
    }
}

/// Makes a driver that can only lock, for an asset whose `device` table may have any mistake.
///
/// Only `lock` has to be right. An unknown driver with a `lock` is taken for `exec`.
pub(crate) fn make_locking(
    driver: &str,
    settings: &Map<String, Value>,
    asset: &str,
    folder: &Path,
) -> Result<Box<dyn Driver>, Mistake> {
    match driver {
        "simulated" => simulated::make(&Map::new(), asset),
        _ => exec::make_locking(settings, asset, folder),
    }
}
