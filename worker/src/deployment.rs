//! The configuration and the keys, read once for each isolate.

use std::cell::OnceCell;

use coinop_core::config::{Config, ConfigError};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc};
use coinop_core::svm::keypair;
use coinop_core::{Deployment, KeyRing, Secret};
use worker::Env;

use crate::fetch::FetchHttp;
use crate::hooks;

/// An isolate's deployment and settlement. It never changes.
pub(crate) struct Instance {
    pub(crate) deployment: Deployment,
    pub(crate) settlement: LocalSettlement<FetchHttp>,
}

thread_local! {
    static INSTANCE: OnceCell<Result<&'static Instance, &'static str>> = const { OnceCell::new() };
}

/// Returns the isolate's deployment.
///
/// # Errors
///
/// A line for the operator that says what is wrong.
pub(crate) fn instance(env: &Env) -> Result<&'static Instance, &'static str> {
    // Leaked, because it lives as long as the isolate does.
    let read = || match read(env) {
        Ok(instance) => Ok(&*Box::leak(Box::new(instance))),
        Err(message) => Err(&*message.leak()),
    };
    INSTANCE.with(|cell| *cell.get_or_init(read))
}

fn read(env: &Env) -> Result<Instance, String> {
    let find = |name: &str| env.var(name).ok().map(|var| var.to_string()).filter(|text| !text.is_empty());
    let need = |name: &str, kind: &str, how: &str| {
        find(name).ok_or_else(|| format!("the {kind} {name} is not set; {how}"))
    };
    let wrong = |error: ConfigError| format!("COINOP_CONFIG: {error}");
    let config =
        Config::from_text(&need("COINOP_CONFIG", "variable", "add it under [vars] in wrangler.toml")?)
            .map_err(wrong)?;
    config.without_devices().map_err(wrong)?;
    let secret = |name: &str, text: &str| {
        Secret::from_base64(text)
            .ok_or(format!("{name} must be 32 random bytes in base64, as `openssl rand -base64 32` prints"))
    };
    let current = secret(
        "COINOP_SECRET",
        &need("COINOP_SECRET", "secret", "run `wrangler secret put COINOP_SECRET`")?,
    )?;
    let previous = find("COINOP_SECRET_PREVIOUS");
    let previous = previous.map(|text| secret("COINOP_SECRET_PREVIOUS", &text)).transpose()?;
    let epoch = match find("COINOP_EPOCH") {
        None => 0,
        Some(text) => text.parse().map_err(|_| "COINOP_EPOCH must be a number, as `date +%s` prints")?,
    };
    let fee_payers = keypair::parse_list(&need(
        "COINOP_FEE_PAYER",
        "secret",
        "run `wrangler secret put COINOP_FEE_PAYER`",
    )?)
    .ok_or(
        "COINOP_FEE_PAYER must be a Solana key (a JSON array of 64 numbers, or the same in base58), or a \
         list of them",
    )?;
    let fee_payers = FeePayers::new(fee_payers, &config.merchant.pay_to)
        .map_err(|error| format!("COINOP_FEE_PAYER {error}"))?;
    let settlement = LocalSettlement::new(Rpc::new(FetchHttp, config.rpc_url.clone()), fee_payers);
    let keys = KeyRing::new(&current, previous.as_ref());
    Ok(Instance { deployment: Deployment { config, keys, epoch }, settlement: hooks::settlement(settlement) })
}
