//! `coinop pack` writes a configuration for Spin in a form in which one of many assets is found quickly.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use coinop_core::config::{Config, ConfigError, Pack};
use serde_json::{Map, Value};

use crate::settings::{Settings, hosted, is_json};

/// Packs a configuration with many assets for Spin, so that each request reads only the asset that it needs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  coinop pack --config coinop.json > packed.new && mv packed.new packed.json\n\nThen start Spin with: spin up --variable @packed.json\nIt checks the whole configuration. If it finds an error, or a device, which Spin cannot control, it prints nothing to standard output and exits with 1."
)]
pub(crate) struct Args {
    /// The configuration file: JSON if it begins with `{`, otherwise TOML.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// Runs `coinop pack`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let variables = variables(packed(&args.config)?);
    writeln!(std::io::stdout(), "{variables:#}").map_err(|error| format!("cannot print: {error}"))
}

/// Packs the configuration in this file.
fn packed(file: &Path) -> Result<Pack, String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if is_json(&text) {
        let wrong = |error: ConfigError| format!("{}: {error}", file.display());
        hosted(&text).map_err(wrong)?;
        let json = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        return Config::pack(&json).map_err(wrong);
    }
    // This also explains what is wrong with a file that cannot be read.
    let settings = Settings::load(file)?;
    let packed = settings.config.without_devices().and_then(|()| Config::pack(&settings.json));
    packed.map_err(|error| settings.mistake(&error.path, error.message))
}

/// Returns the pack as the variables of `spin.toml`.
fn variables(pack: Pack) -> Value {
    let parts = pack.parts.into_iter().enumerate();
    let mut variables: Map<String, Value> =
        parts.map(|(number, part)| (format!("coinop_assets_{number}"), part.into())).collect();
    variables.insert("coinop_config".to_owned(), pack.config.into());
    Value::Object(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r#"public_url = "http://127.0.0.1:8402"
[merchant]
pay_to = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5"
tokens = ["USDC"]
[solana]
network = "devnet"
rpc_url = "http://127.0.0.1:8899"
[[asset]]
id = "door-2"
price = "0.02"
unit = "minute"
[[asset]]
id = "door-1"
price = "0.01"
unit = "minute"
"#;

    fn pack(text: &str) -> Result<Pack, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("coinop.toml");
        std::fs::write(&file, text).unwrap();
        packed(&file).map_err(|error| error.replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn toml_and_json_are_packed_alike_into_the_variables_of_the_manifest() {
        let from_toml = pack(TOML).unwrap();
        let json = r#"{"public_url": "http://127.0.0.1:8402",
            "merchant": {"pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"]},
            "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
            "asset": [{"id": "door-2", "price": "0.02", "unit": "minute"}, {"id": "door-1", "price": "0.01", "unit": "minute"}]}"#;
        assert_eq!(pack(json).unwrap(), from_toml);
        let variables = variables(from_toml);
        let text = |name: &str| variables[name].as_str().unwrap().to_owned();
        let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../spin.toml")).unwrap();
        for name in variables.as_object().unwrap().keys() {
            assert!(manifest.contains(&format!("\n{name} = \"{{{{ {name} }}}}\"\n")), "{name}");
        }
        let parts: Vec<String> = (0..16).map(|number| text(&format!("coinop_assets_{number}"))).collect();
        let mut lines: Vec<&str> = parts.iter().flat_map(|part| part.lines()).collect();
        lines.sort_unstable();
        let expected = [
            r#"{"id":"door-1","price":"0.01","unit":"minute"}"#,
            r#"{"id":"door-2","price":"0.02","unit":"minute"}"#,
        ];
        assert_eq!(lines, expected);
        let config = Config::open(&text("coinop_config"), move |number| Ok(parts[number].clone())).unwrap();
        config.need_all().unwrap();
        assert_eq!(config.assets.len(), 2);
    }

    #[test]
    fn what_spin_would_refuse_is_not_packed() {
        for (from, to, expected) in [
            ("\"0.02\"", "\"0\"", "coinop.toml:10: asset[0].price: "),
            ("door-2", "door-1", "coinop.toml:13: asset[1].id: "),
            (
                "door-2\"",
                "door-2\"\ndevice = { driver = \"simulated\" }",
                "coinop.toml:10: asset[0].device: ",
            ),
        ] {
            let error = pack(&TOML.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = pack("{\"public_url\": 1}").unwrap_err();
        assert!(error.starts_with("coinop.toml: "), "{error}");
        let error = packed(Path::new("/nowhere/coinop.toml")).unwrap_err();
        assert!(error.starts_with("there is no /nowhere/coinop.toml"), "{error}");
    }
}
