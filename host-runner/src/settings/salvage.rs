//! Finds the devices of a configuration that may not be usable.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::toml::Source;
use super::{DATA_DIR, folder_of, inside};
use crate::devices::Device;

/// What could be read of the devices in a file.
#[derive(Debug, Default)]
pub(crate) struct Salvaged {
    /// The devices that can be locked.
    pub(crate) devices: Vec<Device>,
    /// What names the devices, or the lines, of which no `lock` could be read.
    pub(crate) unreadable: Vec<String>,
    /// Why it is not known whether there are devices at all.
    pub(crate) unknown: Option<String>,
    pub(crate) data_dir: PathBuf,
}

/// Returns the devices whose `lock` can be read from the file, whatever else is wrong in it.
///
/// A typing error in a price must not leave a door open that stood open when the machine went down (invariant
/// 4).
pub(crate) fn load_devices_lenient(file: &Path) -> Salvaged {
    let folder = folder_of(file).unwrap_or_default();
    let mut salvaged = Salvaged { data_dir: inside(&folder, DATA_DIR), ..Salvaged::default() };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            salvaged.unknown = Some(format!("{} cannot be read: {error}", file.display()));
            return salvaged;
        }
    };
    let (json, skipped) = mend(&String::from_utf8_lossy(&bytes));
    if let Some(data_dir) = json.get("data_dir").and_then(Value::as_str) {
        salvaged.data_dir = inside(&folder, data_dir);
    }
    for (key, value) in json.as_object().into_iter().flatten() {
        match value.as_array().filter(|_| key == "asset") {
            Some(assets) => {
                for (index, asset) in assets.iter().enumerate() {
                    salvaged.add(asset, &name(asset, index), &folder, false);
                }
            }
            None => salvaged.add(value, key, &folder, false),
        }
    }
    salvaged.unreadable.extend(skipped.iter().map(|line| format!("what line {line} of the file says")));
    if json.get("asset").is_none() && salvaged.devices.is_empty() && salvaged.unreadable.is_empty() {
        salvaged.unknown = Some(format!("{} has no asset", file.display()));
    }
    salvaged
}

impl Salvaged {
    /// Adds every device in this value, under the name of its asset.
    ///
    /// Where it should stand says `is_device`. A device is found elsewhere too, because `[asset.devise]` or a headline that
    /// is missing must not leave a door open: whatever has a `lock` is one.
    fn add(&mut self, value: &Value, name: &str, folder: &Path, is_device: bool) {
        let Some(members) = value.as_object() else {
            if is_device {
                self.unreadable.push(name.to_owned());
            }
            return;
        };
        if is_device || members.contains_key("lock") {
            match readable(members, name, folder) {
                Some(device) => self.devices.push(device),
                None => self.unreadable.push(name.to_owned()),
            }
        }
        for (key, inner) in members {
            let is_device = key == "device";
            if is_device || inner.is_object() {
                self.add(inner, name, folder, is_device);
            }
        }
    }
}

fn readable(settings: &Map<String, Value>, asset: &str, folder: &Path) -> Option<Device> {
    let mut settings = settings.clone();
    let driver = settings.remove("driver");
    let driver = driver.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let device = Device { asset: asset.to_owned(), driver, settings, folder: folder.to_owned() };
    device.locking_driver().is_ok().then_some(device)
}

/// Returns a name for the asset. It becomes part of a command's environment, where NUL ends a value.
fn name(asset: &Value, index: usize) -> String {
    match asset.get("id").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => id.replace(char::is_control, "?"),
        _ => format!("asset[{index}]"),
    }
}

/// Reads a file, and leaves out the lines that make it unreadable. Returns their numbers too.
///
/// A headline of an asset that is misspelt is read as what it must be, because without it the asset's device would be
/// lost or be taken for that of another asset.
fn mend(text: &str) -> (Value, Vec<usize>) {
    if let Ok(json) = Source::parse_lenient(text) {
        return (json, Vec::new());
    }
    let mut lines: Vec<String> = text.lines().map(headline).collect();
    let mut skipped = drop_unreadable(&mut lines);
    // What is left can stand there twice.
    // Each round empties a line that is not empty.
    for _ in 0..lines.len() {
        match Source::parse_lenient(&lines.join("\n")) {
            Ok(json) => {
                skipped.sort_unstable();
                return (json, skipped);
            }
            Err(at) => {
                let is_full = |line: &usize| lines.get(*line).is_some_and(|text| !text.trim().is_empty());
                let mut candidates = std::iter::once(at).chain((0..at).rev()).chain(at..lines.len());
                let Some(bad) = candidates.find(is_full) else { break };
                if let Some(line) = lines.get_mut(bad) {
                    line.clear();
                }
                skipped.push(bad.saturating_add(1));
            }
        }
    }
    (Value::Null, skipped)
}

/// Empties whatever cannot be read as a statement by itself, and returns the numbers of its lines. A bracket or a quote that
/// is not closed would otherwise hide what follows.
fn drop_unreadable(lines: &mut [String]) -> Vec<usize> {
    let mut skipped = Vec::new();
    let begins: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| begins(line)).map(|(index, _)| index).collect();
    let ends = begins.iter().skip(1).copied().chain([lines.len()]);
    for (begin, end) in begins.iter().copied().zip(ends) {
        let Some(statement) = lines.get_mut(begin..end) else { continue };
        // What follows a statement and is none may be what is wrong.
        let good = (1..=statement.len()).rev().find(|count| {
            let lines = statement.get(..*count).unwrap_or_default();
            Source::parse_lenient(&lines.join("\n")).is_ok()
        });
        let bad = statement.iter_mut().enumerate().skip(good.unwrap_or_default());
        for (index, line) in bad.filter(|(_, line)| !line.trim().is_empty()) {
            line.clear();
            skipped.push(begin.saturating_add(index).saturating_add(1));
        }
    }
    skipped
}

/// Tells whether the line looks like the first one of a statement: a headline, or a key and its value.
fn begins(line: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-. \t\"'".contains(c);
    let line = line.trim();
    line.starts_with('[')
        || line.split_once('=').is_some_and(|(key, _)| {
            !key.trim().is_empty()
                && key.chars().all(is_plain)
                && key.matches(['"', '\'']).count().is_multiple_of(2)
        })
}

/// Returns the line, or what it must be if it looks like a headline of an asset or of its device.
fn headline(line: &str) -> String {
    let trimmed = line.trim_start();
    let inner = trimmed.trim_start_matches(['[', ' ', '\t']);
    if !trimmed.starts_with('[') || !inner.starts_with("asset") {
        return line.to_owned();
    }
    if inner.contains("device") { "[asset.device]" } else { "[[asset]]" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: impl AsRef<[u8]>) -> (Vec<String>, Vec<String>, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("coinop.toml");
        std::fs::write(&file, text).unwrap();
        let found = load_devices_lenient(&file);
        let names = found.devices.into_iter().map(|device| device.asset).collect();
        let data_dir = found.data_dir.strip_prefix(dir.path()).unwrap().to_owned();
        (names, found.unreadable, data_dir)
    }

    #[test]
    fn a_mistake_elsewhere_hides_no_device_inv_4() {
        let (names, unreadable, data_dir) = load(
            r#"
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
        "#,
        );
        assert_eq!(names, ["door-1", "door-3"]);
        assert_eq!(unreadable, ["door-2"]);
        assert_eq!(data_dir, Path::new("here"));
    }

    #[test]
    fn a_mistake_in_the_device_itself_leaves_its_lock_inv_4() {
        for device in [
            r#"driver = "exec", unlock = ["no-such-program"], lock = ["true"]"#,
            r#"driver = "exec", unlock = "touch x", lock = ["true"]"#,
            r#"driver = "exec", lock = ["true"]"#,
            r#"driver = "exec", unlock = ["true"], lock = ["true"], chek = ["true"]"#,
            r#"driver = "exec", unlock = ["true"], lock = ["true"], check = ["./nothing"]"#,
            r#"driver = "exec", unlock = ["true"], lock = ["true"], timeout_seconds = "long""#,
            r#"driver = "exce", unlock = ["true"], lock = ["true"]"#,
            r#"drivr = "exec", unlock = ["true"], lock = ["true"]"#,
            r#"driver = "simulated", lock = 3"#,
        ] {
            let (names, unreadable, _) = load(format!("[[asset]]\nid = \"door\"\ndevice = {{ {device} }}\n"));
            assert_eq!((names.len(), unreadable.len()), (1, 0), "{device}");
        }
        for device in [r#"driver = "exec", unlock = ["true"]"#, r#"driver = "exec", lock = "true""#] {
            let (names, unreadable, _) = load(format!("[[asset]]\ndevice = {{ {device} }}\n"));
            assert_eq!((names.len(), unreadable), (0, vec!["asset[0]".to_owned()]), "{device}");
        }
    }

    const TWO: &str = r#"data_dir = "here"
[[asset]]
id = "door-1"
price = "0.01"
[asset.device]
driver = "exec"
lock = ["rm", "1"]

[[asset]]
id = "door-2"
[asset.device]
driver = "exec"
lock = ["rm", "2"]
"#;

    #[test]
    fn a_file_that_is_not_toml_still_names_its_locks_inv_4() {
        for (from, to) in [
            ("price = \"0.01\"", "price = 0.01 USDC"),
            ("price = \"0.01\"", "price = \"0.01"),
            ("price = \"0.01\"", "price = \"0.01\"\nprice = \"0.02\""),
            ("[[asset]]\nid = \"door-2\"", "[[asset]\nid = \"door-2\""),
            ("[[asset]]\nid = \"door-2\"", "[asset]\nid = \"door-2\""),
            ("[[asset]]\nid = \"door-2\"", "[[assets]]\nid = \"door-2\""),
            ("[asset.device]", "[asset.device"),
            ("driver = \"exec\"", "driver = exec"),
            ("data_dir = \"here\"", "data_dir = \"here\"\n<<<<<<< HEAD\n======="),
            ("data_dir = \"here\"", "data_dir = \"here\"\nx = nan"),
        ] {
            let text = TWO.replacen(from, to, 1);
            assert_ne!(text, TWO);
            let (names, _, data_dir) = load(&text);
            assert_eq!(names, ["door-1", "door-2"], "{text}");
            assert_eq!(data_dir, Path::new("here"), "{text}");
        }
        let mut bytes = TWO.as_bytes().to_vec();
        bytes.extend(b"# Caf\xe9\n");
        assert_eq!(load(bytes).0, ["door-1", "door-2"]);
    }

    #[test]
    fn a_bracket_that_is_not_closed_hides_no_other_lock_inv_4() {
        for broken in ["tags = [\"a\", ", "name = \"\"\"Door", "device_ = { a = 1", "presets = [\n 1,\n 2"] {
            let text = TWO.replacen("price = \"0.01\"", broken, 1);
            assert_eq!(load(&text).0, ["door-1", "door-2"], "{text}");
        }
        // Elements of a list look a little like keys.
        let text = TWO.replacen("[\"rm\", \"1\"]", "[\n\"sh\",\n\"-c\",\n\"A=1 rm\",\n]", 1) + "\nx = = 1\n";
        let (names, unreadable, _) = load(&text);
        assert_eq!((names.len(), unreadable.len()), (2, 1), "{text}");
    }

    #[test]
    fn a_lock_that_cannot_be_read_is_named() {
        let (names, unreadable, _) = load(TWO.replace("lock = [\"rm\", \"1\"]", "lock = [\"rm\", 1\""));
        assert_eq!(names, ["door-2"]);
        assert_eq!(unreadable, ["door-1", "what line 7 of the file says"]);
    }

    #[test]
    fn a_device_whose_headline_is_wrong_or_missing_is_locked_all_the_same_inv_4() {
        for (headline, name) in [
            ("[asset.devise]", "door-1"),
            ("[asset.Device]", "door-1"),
            ("[aset.device]", "aset"),
            ("[device]", "device"),
            ("# [asset.device]", "door-1"),
        ] {
            let text = TWO.replacen("[asset.device]", headline, 1);
            let (mut names, unreadable, _) = load(&text);
            names.sort();
            assert_eq!((names, unreadable), (vec![name.to_owned(), "door-2".to_owned()], vec![]), "{text}");
        }
        let (names, unreadable, _) = load(TWO.replacen("[asset.device]", "[asset.device.exec]", 1));
        assert_eq!(
            (names, unreadable),
            (vec!["door-1".to_owned(), "door-2".to_owned()], vec!["door-1".to_owned()])
        );
    }

    #[test]
    fn what_is_no_configuration_has_no_devices() {
        for text in ["", "asset = 3", "[[asset]]\nid = 3", "%%%\n%%%"] {
            assert!(load(text).0.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_file_without_an_asset_or_that_cannot_be_read_says_nothing_of_devices_inv_4() {
        let dir = tempfile::tempdir().unwrap();
        let unknown = |file: &Path| load_devices_lenient(file).unknown;
        let file = dir.path().join("coinop.toml");
        for text in ["", "# nothing here", "[merchant]\npay_to = \"x\""] {
            std::fs::write(&file, text).unwrap();
            assert!(unknown(&file).unwrap().ends_with("has no asset"), "{text}");
        }
        std::fs::write(&file, "[[asset]]\nid = \"content\"").unwrap();
        assert_eq!(unknown(&file), None, "it has an asset, and that has no device");
        assert!(unknown(dir.path()).unwrap().contains("cannot be read"), "a folder");
        assert!(unknown(&dir.path().join("absent")).unwrap().contains("No such file"));
    }
}
