//! The demo's folder: configuration and keys, created again for every run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::proc::Cmd;
use crate::workspace::Workspace;

/// The gateway's configuration.
pub(crate) const CONFIG: &str = "coinop.toml";
/// The key that pays the chain's fees.
pub(crate) const FEE_PAYER: &str = "fee-payer.json";
/// The buyer's key.
pub(crate) const BUYER: &str = "buyer.json";
/// The gateway's output.
pub(crate) const GATEWAY_LOG: &str = "gateway.log";
/// The output of the demo's front.
pub(crate) const FRONT_LOG: &str = "front.log";
/// The local chain's output.
pub(crate) const CHAIN_LOG: &str = "chain.log";
/// Exists while the door is unlocked.
pub(crate) const DOOR: &str = "door-1.open";
/// Exists while the lamp is lit.
pub(crate) const LAMP: &str = "lamp.on";

/// The address that is paid.
pub(crate) const MERCHANT: &str = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5";
/// The buyer's money at the start, in USDC.
pub(crate) const BUYER_HAS: u32 = 25;
/// The price of a second of the lamp, in atomic units. The configuration has the same price as a decimal.
pub(crate) const LAMP_PER_SECOND: u64 = 2_000;

/// The demo's ports on 127.0.0.1.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    /// Where the demo is opened: that of its front.
    pub(crate) public: u16,
    /// Where the gateway listens, behind the front.
    pub(crate) gateway: u16,
    pub(crate) chain: u16,
}

/// The demo's folder and the addresses of its keys.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) buyer: String,
    pub(crate) fee_payer: String,
}

impl Folder {
    /// Deletes the folder of an earlier run, and creates a new one that uses these ports.
    pub(crate) fn fresh(workspace: &Workspace, ports: Ports) -> Result<Self> {
        let path = workspace.target.join("demo");
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("{} cannot be replaced", path.display()))?;
        }
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let config = path.join(CONFIG);
        fs::write(&config, configuration(ports))
            .with_context(|| format!("{} cannot be written", config.display()))?;
        let buyer = key(workspace, &path, BUYER)?;
        let fee_payer = key(workspace, &path, FEE_PAYER)?;
        Ok(Self { path, buyer, fee_payer })
    }
}

/// Makes a key and returns its address.
fn key(workspace: &Workspace, folder: &Path, name: &str) -> Result<String> {
    let said =
        Cmd::new(workspace.coinop(), folder).without_own_env().args(["keygen", "--out", name]).capture()?;
    address(&said).with_context(|| format!("`coinop keygen` printed no address: {said:?}"))
}

/// Returns the first word that has the form of a Solana address.
fn address(text: &str) -> Option<String> {
    let word = |char: char| !char.is_ascii_alphanumeric();
    let base58 = |char: char| !matches!(char, '0' | 'O' | 'I' | 'l');
    text.split(word)
        .find(|word| (32..=44).contains(&word.len()) && word.chars().all(base58))
        .map(str::to_owned)
}

fn configuration(ports: Ports) -> String {
    let Ports { public, gateway, chain } = ports;
    format!(
        r#"# Made by `cargo xtask demo`. The next run replaces it: copy it elsewhere to keep it.
listen = "127.0.0.1:{gateway}"                 # the demo's wallet stands before it. Without it, write the port of public_url
public_url = "http://127.0.0.1:{public}"
data_dir = "./coinop-data"

[merchant]
pay_to = "{MERCHANT}"
tokens = ["USDC"]
api_keys = []

[solana]
network = "devnet"                         # the local chain plays devnet
rpc_url = "http://127.0.0.1:{chain}"

[settlement]
mode = "local"
fee_payer_keypair = "{FEE_PAYER}"

# A door. Its commands run in this file's folder: replace them with your own.
[[asset]]
id = "door-1"
name = "Front door"
price = "0.01"
unit = "minute"
min_quantity = 1
max_quantity = 240
[asset.device]
driver = "exec"
unlock = ["touch", "{DOOR}"]
lock = ["rm", "-f", "{DOOR}"]
check = ["test", "-e", "{DOOR}"]

# A device that exists only in the gateway: nothing to wire up.
[[asset]]
id = "printer"
name = "Printer in the hall"
price = "0.05"
unit = "minute"
min_quantity = 1
max_quantity = 20
[asset.device]
driver = "simulated"

# Seconds are a unit too. The smallest purchase has to be worth the network's fees.
[[asset]]
id = "lamp"
name = "Reading lamp"
price = "0.002"
unit = "second"
min_quantity = 4
max_quantity = 900
[asset.device]
driver = "exec"
unlock = ["touch", "{LAMP}"]
lock = ["rm", "-f", "{LAMP}"]
check = ["test", "-e", "{LAMP}"]
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn an_address_is_found_among_words() {
        assert_eq!(address(MERCHANT).as_deref(), Some(MERCHANT));
        assert_eq!(address(&format!("wrote x.json\naddress: {MERCHANT}\n")).as_deref(), Some(MERCHANT));
        assert_eq!(address("wrote buyer.json"), None);
    }

    #[test]
    fn the_lamp_costs_what_the_demo_expects() {
        let ports = Ports { public: 1, gateway: 2, chain: 3 };
        assert!(configuration(ports).contains(&format!("price = \"{}\"", text::usdc(LAMP_PER_SECOND))));
    }
}
