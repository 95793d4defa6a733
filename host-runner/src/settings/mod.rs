//! The settings of `serve`: the configuration file and the secrets beside it.

pub(crate) mod keypair;
mod mints;
pub(crate) mod public_url;
pub(crate) mod rpc;
mod salvage;
pub(crate) mod secret;
mod toml;

use std::path::{Path, PathBuf};

use coinop_core::config::{Config, ConfigError};
use serde_json::Value;

use crate::devices::Device;
pub(crate) use salvage::{Salvaged, load_devices_lenient};
use toml::Source;

/// The data folder if the configuration names none. The core has the same default.
const DATA_DIR: &str = "./coinop-data";

/// A configuration that was read and found valid.
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The same configuration as the component gets it, with every mint completed.
    pub(crate) json: Value,
    /// The folder of the file, at which relative paths start.
    pub(crate) folder: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) devices: Vec<Device>,
    location: KeyLocation,
}

/// Tells at which line of the file a key is.
struct KeyLocation {
    file: String,
    source: Source,
}

impl KeyLocation {
    fn mistake(&self, error: &ConfigError) -> String {
        match self.source.line(&error.path) {
            Some(line) => format!("{}:{line}: {error}", self.file),
            None => format!("{}: {error}", self.file),
        }
    }
}

impl Settings {
    /// Reads a configuration file. The error is one line that says what to change and where.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("there is no {name}; create it, or name your configuration file with --config FILE")
            }
            _ => format!("{name} cannot be read: {error}"),
        })?;
        let folder = folder_of(file).map_err(|error| format!("{name}: {error}"))?;
        let source = Source::parse(&text).map_err(|(line, message)| format!("{name}:{line}: {message}"))?;
        let location = KeyLocation { file: name.to_string(), source };
        match read(location.source.json.clone(), &folder) {
            Ok((config, json, devices)) => Ok(Self {
                data_dir: inside(&folder, &config.data_dir),
                config,
                json,
                folder,
                devices,
                location,
            }),
            Err(error) => Err(location.mistake(&error)),
        }
    }

    /// Describes a mistake that is found only later, with the line of its key.
    pub(crate) fn mistake(&self, path: &str, message: impl Into<String>) -> String {
        self.location.mistake(&ConfigError::new(path, message))
    }
}

/// Returns a variable of the environment; `None` if it is not set, or empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Says whether a configuration file is JSON, as Workers and Spin read it.
pub(crate) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Reads the JSON of a Worker or of Spin. A device is an error, because no such host controls one.
pub(crate) fn hosted(text: &str) -> Result<Config, ConfigError> {
    let config = Config::from_text(text)?;
    config.without_devices()?;
    Ok(config)
}

type Read = (Config, Value, Vec<Device>);

fn read(mut json: Value, folder: &Path) -> Result<Read, ConfigError> {
    // The data folder is needed here for the file of known mints. The core checks the value below.
    let data_dir = json.get("data_dir").and_then(Value::as_str);
    let data_dir = inside(folder, data_dir.unwrap_or(DATA_DIR));
    mints::write_out(&mut json, &data_dir)?;
    let config = Config::from_json(&json)?;
    let mut devices = Vec::new();
    for (index, asset) in config.assets.iter().enumerate() {
        let Some(device) = &asset.device else {
            continue;
        };
        let device = Device {
            asset: asset.id.as_str().to_owned(),
            driver: device.driver.clone(),
            settings: device.settings.clone(),
            folder: folder.to_owned(),
        };
        device.driver().map_err(|mistake| {
            let path = format!("asset[{index}].device.{}", mistake.path);
            ConfigError::new(&path, mistake.message)
        })?;
        devices.push(device);
    }
    Ok((config, json, devices))
}

/// Resolves a path against the folder, and removes its dots, which logs would show otherwise.
fn inside(folder: &Path, path: &str) -> PathBuf {
    let path = folder.join(path);
    std::path::absolute(&path).unwrap_or(path)
}

fn folder_of(file: &Path) -> std::io::Result<PathBuf> {
    // Absolute, because commands run in another folder than this process.
    let file = std::path::absolute(file)?;
    Ok(file.parent().unwrap_or(Path::new("/")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = r#"listen = "127.0.0.1:8402"
public_url = "http://127.0.0.1:8402"
data_dir = "./coinop-data"                # SQLite lives here; made if missing

[merchant]
pay_to = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5"
tokens = ["USDC"]
api_keys = []

[solana]
network = "devnet"
rpc_url = "http://127.0.0.1:8899"

[settlement]
mode = "local"
fee_payer_keypair = "fee-payer.json"

[[asset]]
id = "door-1"
name = "Front door"
price = "0.01"
unit = "minute"
min_quantity = 1
max_quantity = 240
[asset.device]
driver = "exec"
unlock = ["touch", "door-1.open"]
lock = ["rm", "-f", "door-1.open"]
check = ["test", "-e", "door-1.open"]
"#;

    fn load(text: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("coinop.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&file).map_err(|e| e.replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn the_documented_configuration_is_read() {
        let settings = load(CONTRACT).unwrap();
        assert_eq!(settings.devices.len(), 1);
        assert!(settings.data_dir.ends_with("coinop-data"));
        assert!(settings.data_dir.is_absolute());
        assert_eq!(settings.json["merchant"]["tokens"][0], "USDC");
    }

    #[test]
    fn each_mistake_is_one_line_with_its_place() {
        let cases = [
            ("price = \"0.01\"", "price = \"a lot\"", "coinop.toml:21: asset[0].price: "),
            ("network = \"devnet\"", "", "coinop.toml:10: solana: `network` is missing"),
            ("mode = \"local\"", "moed = \"local\"", "coinop.toml:15: settlement.moed: unknown key"),
            (
                "driver = \"exec\"",
                "driver = \"magic\"",
                "coinop.toml:26: asset[0].device.driver: unknown driver \"magic\"",
            ),
            ("lock = [\"rm\", \"-f\", \"door-1.open\"]", "", "coinop.toml:25: asset[0].device.lock: "),
            ("check = [", "chek = [", "coinop.toml:29: asset[0].device.chek: unknown key"),
            ("unit = \"minute\"", "unit = minute", "coinop.toml:22: "),
        ];
        for (from, to, expected) in cases {
            let text = CONTRACT.replacen(from, to, 1);
            assert_ne!(text, CONTRACT);
            let error = load(&text).err().unwrap();
            assert!(error.starts_with(expected), "{error:?} for {to:?}");
            assert!(!error.contains('\n'), "{error:?}");
        }
        let error = Settings::load(Path::new("/nowhere/coinop.toml")).err().unwrap();
        assert!(error.contains("--config"), "{error}");
    }
}
