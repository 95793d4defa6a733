//! Checks whether the state of each device can be read. It operates none of them.

use serde_json::Value;

use super::finding::Finding;
use crate::devices::Device;
use crate::drivers::LockState;

/// Asks every device for its state, one after the other.
pub(super) fn all(devices: &[Device]) -> Result<Vec<(String, Finding)>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let ask = |device: &Device| (device.asset.clone(), runtime.block_on(look(device)));
    Ok(devices.iter().map(ask).collect())
}

async fn look(device: &Device) -> Finding {
    let mut driver =
        device.driver().map_err(|mistake| format!("device.{}: {}", mistake.path, mistake.message))?;
    let name = &device.driver;
    if !driver.can_look() {
        return Ok(format!("{name}, not tried: its state cannot be read"));
    }
    match driver.check().await {
        LockState::Unknown => Err(format!(
            "{name}: the device does not say whether it is locked; {}",
            match command(device) {
                Some(command) => format!("run its `check` by hand in {}: {command}", device.folder.display()),
                None => "make sure that it is switched on and can be reached".to_owned(),
            }
        )),
        state => Ok(format!("{name}, now {}", state.as_str())),
    }
}

/// Returns the command that reads the device's state, if the device has one.
fn command(device: &Device) -> Option<String> {
    let words = device.settings.get("check")?.as_array()?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    (!words.is_empty()).then(|| quoted.join(" "))
}

/// Returns the word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(check: &Value) -> (tempfile::TempDir, Device) {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = json!({ "unlock": ["touch", "opened"], "lock": ["touch", "locked"] });
        if !check.is_null() {
            settings["check"] = check.clone();
        }
        let device = Device {
            asset: "door-1".to_owned(),
            driver: "exec".to_owned(),
            settings: settings.as_object().unwrap().clone(),
            folder: dir.path().to_owned(),
        };
        (dir, device)
    }

    #[test]
    fn a_device_is_read_and_not_worked_inv_4() {
        for (check, expected) in [
            (json!(["true"]), Some("unlocked")),
            (json!(["false"]), Some("locked")),
            (Value::Null, Some("not tried")),
            (json!(["sh", "-c", "exit 7"]), None),
        ] {
            let (dir, device) = device(&check);
            let findings = all(&[device]).unwrap();
            let (asset, finding) = &findings[0];
            assert_eq!(asset, "door-1");
            match expected {
                Some(text) => assert!(finding.as_ref().unwrap().contains(text), "{finding:?}"),
                None => assert!(finding.as_ref().unwrap_err().contains("by hand"), "{finding:?}"),
            }
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let (_dir, device) = device(&json!(["sh", "-c", "exit 3", "it's", ""]));
        assert_eq!(command(&device).unwrap(), r"sh -c 'exit 3' 'it'\''s' ''");
    }
}
