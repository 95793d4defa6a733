//! The configuration and the keys. They are read once for each instance, which may serve many requests.

use std::cell::OnceCell;

use coinop_core::config::{Config, ConfigError};
use coinop_core::settlement::FeePayers;
use coinop_core::svm::keypair;
use coinop_core::{Deployment, Gateway, KeyRing, Secret};
use spin_sdk::variables;

use crate::platform::Platform;
use crate::runtime::boot;

/// An instance's deployment and its ports.
pub(crate) struct Instance {
    deployment: Deployment,
    platform: Platform,
}

impl Instance {
    pub(crate) const fn gateway(&'static self) -> Gateway<'static, Platform> {
        Gateway::new(&self.deployment, &self.platform)
    }
}

thread_local! {
    static INSTANCE: OnceCell<Result<&'static Instance, &'static str>> = const { OnceCell::new() };
}

/// Returns the gateway of this instance. It has opened no database yet.
///
/// # Errors
///
/// A line for the operator that says what is wrong.
pub(crate) fn gateway() -> Result<Gateway<'static, Platform>, String> {
    // Leaked, because it lives as long as the instance's memory does.
    let read = || match read() {
        Ok(instance) => Ok(&*Box::leak(Box::new(instance))),
        Err(message) => Err(&*message.leak()),
    };
    let instance = INSTANCE.with(|cell| *cell.get_or_init(read))?;
    Ok(instance.gateway())
}

/// Returns the gateway of this instance after creating its tables.
///
/// # Errors
///
/// A line for the operator that says what is wrong.
pub(crate) async fn prepared_gateway() -> Result<Gateway<'static, Platform>, String> {
    let gateway = gateway()?;
    gateway.ports().prepare().await.map_err(|error| error.to_string())?;
    Ok(gateway)
}

fn read() -> Result<Instance, String> {
    let need = |name: &str| {
        let value = variables::get(name).unwrap_or_default();
        if value.is_empty() {
            let variable = name.to_ascii_uppercase();
            return Err(format!(
                "the variable {name} is not set; set it, for example as SPIN_VARIABLE_{variable}"
            ));
        }
        Ok(value)
    };
    let wrong = |error: ConfigError| format!("coinop_config: {error}");
    let text = need("coinop_config")?;
    // `coinop serve` operates the devices and calls one instance many times, so the whole configuration is
    // read at once.
    let config = if boot().is_some() { Config::from_text(&text) } else { Config::open(&text, part) };
    let config = config.map_err(wrong)?;
    let secret = |name: &str, text: &str| {
        Secret::from_base64(text)
            .ok_or(format!("{name} must be 32 random bytes in base64, as `openssl rand -base64 32` prints"))
    };
    let current = secret("coinop_secret", &need("coinop_secret")?)?;
    let previous = match variables::get("coinop_secret_previous").unwrap_or_default() {
        text if text.is_empty() => None,
        text => Some(secret("coinop_secret_previous", &text)?),
    };
    let epoch = match variables::get("coinop_epoch").unwrap_or_default() {
        text if text.is_empty() => 0,
        text => text.parse().map_err(|_| "coinop_epoch must be a number, as `date +%s` prints")?,
    };
    let fee_payers = keypair::parse_list(&need("coinop_fee_payer")?).ok_or(
        "coinop_fee_payer must be a Solana key (a JSON array of 64 numbers, or the same in base58), or a \
         list of them",
    )?;
    let fee_payers = FeePayers::new(fee_payers, &config.merchant.pay_to)
        .map_err(|error| format!("coinop_fee_payer {error}"))?;
    let platform = Platform::new(&config, fee_payers);
    let keys = KeyRing::new(&current, previous.as_ref());
    Ok(Instance { deployment: Deployment { config, keys, epoch }, platform })
}

/// Reads a part of the assets of a packed configuration.
fn part(number: usize) -> Result<String, String> {
    variables::get(&format!("coinop_assets_{number}")).map_err(|error| error.to_string())
}
