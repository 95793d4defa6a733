//! Finds the devices of a configuration that cannot be used.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::toml::Source;
use super::{DATA_DIR, folder_of, inside};
use crate::devices::Device;

/// Returns the devices that a faulty configuration names, and the data folder. Returns no device if the file
/// cannot be read or is not TOML.
///
/// A typing error in a price must not leave a door open that stood open when the machine went down (invariant
/// 4).
pub(crate) fn load_devices_lenient(file: &Path) -> (Vec<Device>, PathBuf) {
    let folder = folder_of(file).unwrap_or_default();
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let json = Source::parse(&text).map(|source| source.json).unwrap_or_default();
    let data_dir = json.get("data_dir").and_then(Value::as_str).unwrap_or(DATA_DIR);
    let assets = json.get("asset").and_then(Value::as_array);
    let devices = assets.into_iter().flatten().filter_map(|asset| device(asset, &folder)).collect();
    (devices, inside(&folder, data_dir))
}

fn device(asset: &Value, folder: &Path) -> Option<Device> {
    let mut settings = asset.get("device")?.as_object()?.clone();
    let driver = settings.remove("driver")?.as_str()?.to_owned();
    let asset = asset.get("id")?.as_str()?.to_owned();
    let device = Device { asset, driver, settings, folder: folder.to_owned() };
    device.driver().is_ok().then_some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_elsewhere_hides_no_device_inv_4() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("coinop.toml");
        let text = r#"
            data_dir = "./here"
            listen = 7
            [[asset]]
            id = "door-1"
            price = "a lot"
            device = { driver = "exec", unlock = ["true"], lock = ["true"], check = ["true"] }
            [[asset]]
            id = "door-2"
            device = { driver = "magic" }
            [[asset]]
            id = "content"
            [[asset]]
            id = "door-3"
            device = { driver = "simulated" }
        "#;
        std::fs::write(&file, text).unwrap();
        let (devices, data_dir) = load_devices_lenient(&file);
        let names: Vec<&str> = devices.iter().map(|device| device.asset.as_str()).collect();
        assert_eq!(names, ["door-1", "door-3"]);
        assert_eq!(data_dir, dir.path().join("here"));
    }

    #[test]
    fn what_is_no_configuration_has_no_devices() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("coinop.toml");
        for text in ["", "[[asset]", "asset = 3", "[[asset]]\nid = 3"] {
            std::fs::write(&file, text).unwrap();
            assert!(load_devices_lenient(&file).0.is_empty(), "{text}");
        }
        assert!(load_devices_lenient(Path::new("/nowhere/coinop.toml")).0.is_empty());
    }
}
