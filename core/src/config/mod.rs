//! The configuration, which has the same shape on every platform and is read strictly.
//!
//! It arrives as JSON; `serve` converts its TOML file to the same shape. Unknown keys and bad values are
//! refused with the path of the key, so that the operator knows what to change and where.

mod asset;
mod assets;
mod error;
mod limits;
mod packed;
mod page;
mod presentation;
mod section;
mod settlement;
mod token;
mod url;

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

pub use asset::Asset;
use asset::NO_DEVICES;
pub(crate) use assets::Assets;
pub use error::ConfigError;
pub use limits::{Limits, Subnet};
pub use packed::{PARTS, Pack};
use packed::{Packed, Source};
pub use page::PAGE_PREFIX;
use section::Section;
pub use settlement::Settlement;
use settlement::settlement;
pub use token::AcceptedToken;
use token::token;
#[cfg(test)]
pub(crate) use url::LONGEST_ORIGIN;
use url::{is_http_url, origin};

use crate::ids::AssetId;
use crate::money::{Amount, Money};
use crate::svm::{Address, Network, Token, associated_token_account};
use crate::x402::Presentation;

/// The message for an `asset` that is not a list. In TOML, `[asset]` is the usual mistake.
const NO_ASSETS: &str = "must be a list; write [[asset]] in TOML, or \"asset\": [{ ... }] in JSON";

/// A whole deployment: one merchant and its assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The address and port on which `serve` listens.
    pub listen: String,
    /// The origin under which buyers reach this gateway, without a slash at the end.
    pub public_url: String,
    /// The directory in which `serve` keeps its database.
    pub data_dir: String,
    /// The merchant, who is paid.
    pub merchant: Merchant,
    /// The Solana network.
    pub network: Network,
    /// The JSON-RPC endpoint of a node of that network. Its answers are trusted.
    pub rpc_url: String,
    /// How payments are settled.
    pub settlement: Settlement,
    /// What each client may do.
    pub limits: Limits,
    /// The assets for hire.
    pub assets: Assets,
}

/// Who is paid, and in which tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// The id that is part of every storage key, so that several merchants can share a database later.
    pub id: String,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// The accepted tokens, in the order in which they are offered.
    pub tokens: Vec<AcceptedToken>,
    /// The SHA-256 hash of each API key.
    pub api_keys: Vec<[u8; 32]>,
    /// How a buyer reaches the merchant: an e-mail address, a telephone number, a URL.
    pub contact: Option<String>,
    /// How catalogues and wallets present what the merchant sells, unless an asset says otherwise.
    pub presentation: Presentation,
    /// Whether the test-only ways to pay are accepted too.
    #[cfg(test)]
    pub sketches: bool,
}

impl Merchant {
    /// Returns whether this is one of the merchant's API keys. An empty key is never one.
    #[must_use]
    pub fn has_api_key(&self, key: &str) -> bool {
        let sent: [u8; 32] = Sha256::digest(key).into();
        // All keys are always compared, so that the time this takes says nothing about any of them.
        let known = self.api_keys.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&sent));
        !key.is_empty() && known.into()
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The first key that is missing, unknown or has a bad value.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        Self::read(value, None)
    }

    /// Reads a configuration from JSON text, one asset at a time.
    ///
    /// A single tree of ten thousand assets would need ten times the memory of the assets themselves.
    ///
    /// # Errors
    /// The same as for [`Self::from_json`], with an empty path if the text is not JSON.
    pub fn from_text(text: &str) -> Result<Self, ConfigError> {
        let mut top: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(no_json)?;
        let assets = top.remove("asset").map(|list| serde_json::from_str::<Vec<&RawValue>>(list.get()));
        let Some(assets) = assets.transpose().map_err(|_| ConfigError::new("asset", NO_ASSETS))? else {
            return Self::from_json(&serde_json::from_str(text).map_err(no_json)?);
        };
        let mut rest = Map::new();
        for (key, value) in top {
            rest.insert(key, serde_json::from_str(value.get()).map_err(no_json)?);
        }
        Self::read(&Value::Object(rest), Some(&assets))
    }

    /// Opens a configuration for a host that works no devices and needs few assets at a time.
    ///
    /// The assets of a packed configuration ([`Self::pack`]) are read when [`Self::need_asset`] or
    /// [`Self::need_all`] asks for them. `part` returns the text of a part by its number, below [`PARTS`], or
    /// says why it is not available. Any other text is read at once, as by [`Self::from_text`].
    ///
    /// An asset with a device is refused, because buyers would pay for it and it would never open.
    ///
    /// # Errors
    /// The same as for [`Self::from_text`]. For a packed configuration, the errors of its assets come later.
    pub fn open(
        text: &str,
        part: impl Fn(usize) -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        if !packed::is_packed(text) {
            let config = Self::from_text(text)?;
            return config.without_devices().map(|()| config);
        }
        let mut value: Value = serde_json::from_str(text).map_err(no_json)?;
        let count = packed::take_count(&mut value)?;
        let mut config = Self::from_json(&value)?;
        let packed = Packed::new(count, config.merchant.tokens.clone(), Source::new(part));
        config.assets = Assets::packed(packed);
        Ok(config)
    }

    /// Packs a configuration, so that [`Self::open`] can find one of many assets without reading the others.
    ///
    /// # Errors
    /// The same as for [`Self::from_json`].
    pub fn pack(value: &Value) -> Result<Pack, ConfigError> {
        Self::from_json(value)?;
        Ok(packed::pack(value))
    }

    /// Reads a configuration. Its assets are either in `value` or apart from it.
    fn read(value: &Value, apart: Option<&[&RawValue]>) -> Result<Self, ConfigError> {
        let mut top = Section::new("", value)?;
        let listen = top.text("listen")?.unwrap_or("127.0.0.1:8402").to_owned();
        if listen.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            return Err(top.error("listen", "must be an address and a port, such as \"127.0.0.1:8402\""));
        }
        let public_url = origin(&mut top)?;
        let data_dir = top.text("data_dir")?.unwrap_or("./coinop-data").to_owned();

        let mut solana = top.section("solana")?;
        let name = solana.need_text("network")?;
        let network = Network::from_name(name).ok_or_else(|| {
            let allowed = "\"mainnet\", \"devnet\" or \"testnet\"";
            solana.error("network", format!("unknown network {name:?}; use {allowed}"))
        })?;
        let rpc_url = solana.need_text("rpc_url")?.to_owned();
        if !is_http_url(&rpc_url) {
            let message = "must be an http:// or https:// URL, such as \"https://api.devnet.solana.com\"";
            return Err(solana.error("rpc_url", message));
        }
        solana.finish()?;

        let merchant = merchant(top.section("merchant")?, network)?;
        let settlement = settlement(&mut top)?;
        let limits = Limits::read(&mut top)?;
        let listed = top.list("asset").map_err(|_| ConfigError::new("asset", NO_ASSETS))?;
        let assets = match apart {
            None => Assets::read(listed.iter().map(Ok), &merchant.tokens)?,
            Some(raw) => {
                let values = raw.iter().map(|value| serde_json::from_str::<Value>(value.get()));
                Assets::read(
                    values.map(|value| value.map_err(|_| "cannot be read as JSON")),
                    &merchant.tokens,
                )?
            }
        };
        top.finish()?;
        Ok(Self { listen, public_url, data_dir, merchant, network, rpc_url, settlement, limits, assets })
    }

    /// Returns this amount of a token, on the configuration's network.
    #[must_use]
    pub fn money(&self, amount: Amount, token: &Token) -> Money {
        let network = self.network.caip2().to_owned();
        Money { network, token: token.mint.into(), amount, decimals: token.decimals }
    }

    /// Returns the mints that are given only by their address, as `(index in tokens, address)`.
    ///
    /// Their decimals and program are on the chain. A host that can look them up puts `{ mint, decimals,
    /// program }` in their place.
    #[must_use]
    pub fn bare_mints(value: &Value) -> Vec<(usize, Address)> {
        let tokens = value.pointer("/merchant/tokens").and_then(Value::as_array);
        let address = |v: &Value| v.as_str().and_then(|text| text.parse().ok());
        tokens.into_iter().flatten().enumerate().filter_map(|(i, v)| Some((i, address(v)?))).collect()
    }

    /// Reads a single asset from an object with the keys of the file. The paths of its errors contain only the key.
    ///
    /// # Errors
    /// The first key that is missing, unknown or has a bad value.
    pub(crate) fn read_asset(&self, value: &Value) -> Result<Asset, ConfigError> {
        Asset::from_json("", value, &self.merchant.tokens)
    }

    /// Returns an asset, reading it first if that has not happened yet; `None` if the configuration does not name it.
    ///
    /// # Errors
    /// What is wrong with the asset.
    pub fn need_asset(&self, id: &AssetId) -> Result<Option<&Asset>, ConfigError> {
        self.assets.look_up(id)
    }

    /// Reads all assets that have not been read yet.
    ///
    /// # Errors
    /// The first key that is missing, unknown or has a bad value.
    pub fn need_all(&self) -> Result<(), ConfigError> {
        self.assets.read_all()
    }

    /// Refuses assets with a device, for hosts that work no devices.
    ///
    /// Buyers would pay for such an asset, and it would never open.
    ///
    /// # Errors
    /// The first asset with a device.
    pub fn without_devices(&self) -> Result<(), ConfigError> {
        let Some(index) = self.assets.iter().position(|asset| asset.device.is_some()) else { return Ok(()) };
        Err(ConfigError::new(&format!("asset[{index}].device"), NO_DEVICES))
    }

    /// Returns the configuration's asset with this id. An asset that can't be read is left out;
    /// [`Self::need_asset`] says why.
    #[must_use]
    pub fn asset(&self, id: &AssetId) -> Option<&Asset> {
        self.assets.find(id)
    }
}

fn no_json(error: serde_json::Error) -> ConfigError {
    ConfigError::new("", format!("cannot be read as JSON: {error}"))
}

fn merchant(mut section: Section<'_>, network: Network) -> Result<Merchant, ConfigError> {
    let id = section.text("id")?.unwrap_or("main").to_owned();
    if AssetId::parse(&id).is_none() {
        return Err(section.error("id", AssetId::SHAPE));
    }
    let pay_to: Address = section.need_text("pay_to")?.parse().map_err(|_| {
        section.error("pay_to", "must be the Solana address of your wallet: 32 to 44 characters of base58")
    })?;
    if !pay_to.is_on_curve() {
        return Err(section.error(
            "pay_to",
            "is the address of a token account or a program; write the address of your wallet",
        ));
    }
    let mut tokens: Vec<AcceptedToken> = Vec::new();
    for (index, value) in section.need_list("tokens")?.iter().enumerate() {
        let path = format!("{}[{index}]", section.path("tokens"));
        let token = token(&path, value, network)?;
        if tokens.iter().any(|t| t.token.mint == token.mint) {
            return Err(ConfigError::new(&path, "is listed twice; list each token once"));
        }
        let account = associated_token_account(&pay_to, &token.mint, token.program).ok_or_else(|| {
            ConfigError::new(
                &path,
                "the token account of `pay_to` for this token cannot be computed; use another token",
            )
        })?;
        tokens.push(AcceptedToken { token, account });
    }
    if tokens.is_empty() {
        return Err(section.error("tokens", "must name at least one token, such as [\"USDC\"]"));
    }
    let mut api_keys = Vec::new();
    for (index, value) in section.list("api_keys")?.iter().enumerate() {
        let hash =
            value.as_str().and_then(|text| text.strip_prefix("sha256:")).and_then(crate::encoding::from_hex);
        api_keys.push(hash.ok_or_else(|| {
            let path = format!("{}[{index}]", section.path("api_keys"));
            ConfigError::new(
                &path,
                "must be \"sha256:\" and 64 hex digits; `coinop keygen --api` makes a key and prints this",
            )
        })?);
    }
    let presentation = Presentation {
        service_name: presentation::service_name(&mut section)?,
        icon_url: presentation::icon_url(&mut section)?,
        tags: presentation::tags(&mut section)?.unwrap_or_default(),
    };
    let contact = presentation::contact(&mut section)?;
    section.finish()?;
    Ok(Merchant {
        id,
        pay_to,
        tokens,
        api_keys,
        contact,
        presentation,
        #[cfg(test)]
        sketches: false,
    })
}

#[cfg(test)]
mod tests;
