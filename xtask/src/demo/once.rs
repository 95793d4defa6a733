//! One sale, observed from outside: by the file that the device's commands create and remove, by what the
//! gateway reports of the device, and by the merchant's balance on the chain.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::folder::{BUYER, Folder, LAMP, LAMP_PER_SECOND, MERCHANT};
use super::servers::Servers;
use crate::proc::Cmd;
use crate::workspace::Workspace;
use crate::{http, output, rpc, stop, text};

/// The length of the session in seconds: long enough to be seen on a busy machine, and short enough to wait
/// for.
const SECONDS: u64 = 4;
/// How long a payment may take. After 30 s without a confirmation `pay` repeats it for two minutes.
const PAYMENT: Duration = Duration::from_secs(150);
/// How long after the answer the device may still be locked, in milliseconds.
const UNLOCK: i64 = 2_000;
/// How far from the end of the paid time the device may be locked, in milliseconds. Earlier the buyer would
/// lose time, and later the merchant.
const EARLY: i64 = 250;
const LATE: i64 = 2_000;
const TICK: Duration = Duration::from_millis(10);

/// Buys a short session of the lamp and watches it until its end.
pub(crate) fn buy(workspace: &Workspace, folder: &Folder, servers: &Servers) -> Result<()> {
    sale(workspace, folder, servers).map_err(|error| {
        if stop::requested() {
            error
        } else {
            anyhow!("{error:#}\nthe end of the gateway's log:\n{}", servers.gateway_log())
        }
    })
}

fn sale(workspace: &Workspace, folder: &Folder, servers: &Servers) -> Result<()> {
    let (port, chain_port) = (servers.ports.public, servers.ports.chain);
    let lamp = folder.path.join(LAMP);
    ensure!(!lamp.exists(), "the lamp was lit before anything was paid, but it must be off until then");
    let before = rpc::usdc_of(chain_port, MERCHANT)?;

    let url = format!("http://127.0.0.1:{port}/api/v1/access/lamp?quantity={SECONDS}");
    let said = Cmd::new(workspace.coinop(), &folder.path)
        .without_own_env()
        .args([
            "pay",
            &url,
            "--keypair",
            BUYER,
            "--max",
            "0.50",
            "--rpc",
            &format!("http://127.0.0.1:{chain_port}"),
        ])
        .capture_within(Some(PAYMENT))?;
    let answer = json_in(&said)?;
    let field = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .with_context(|| format!("the answer to the payment has no {name}: {said}"))
    };
    let (transaction, ends_at) = (field("transaction")?, field("endsAt")?);
    let end = text::unix_millis(ends_at)?;
    let price = LAMP_PER_SECOND * SECONDS;
    output::say(&format!(
        "paid     {} USDC for {SECONDS} s of the lamp, transaction {transaction}",
        text::usdc(price)
    ));

    let deadline = now()?.saturating_add(UNLOCK);
    until(deadline, "the lamp was paid for, but it is not lit", || Ok(lamp.exists()))?;
    until(deadline, "the lamp is lit, but the gateway does not report it as unlocked", || {
        Ok(device(port)? == "unlocked")
    })?;
    output::say(&format!("unlocked the lamp is lit ({}), paid until {ends_at}", workspace.shown(&lamp)));

    until(end.saturating_add(LATE), "the paid time is over, but the lamp is still lit", || {
        Ok(!lamp.exists())
    })?;
    let late = now()?.saturating_sub(end);
    ensure!(late >= -EARLY, "the lamp went out {} before the paid time was over", text::seconds(-late));
    until(end.saturating_add(LATE), "the lamp is out, but the gateway does not report it as locked", || {
        Ok(device(port)? == "locked")
    })?;
    output::say(&format!(
        "locked   the lamp went out {} after the end of the paid time",
        text::seconds(late)
    ));

    let gained = rpc::usdc_of(chain_port, MERCHANT)?
        .checked_sub(before)
        .context("the merchant's balance went down")?;
    if gained != price {
        bail!("the merchant got {} USDC, but the price is {} USDC", text::usdc(gained), text::usdc(price));
    }
    output::say(&format!(
        "earned   the merchant's balance on the chain rose by {} USDC, exactly the price",
        text::usdc(gained)
    ));
    Ok(())
}

/// Returns the state that the gateway reports for the lamp.
fn device(port: u16) -> Result<String> {
    let status = http::get(port, "/api/v1/assets/lamp/status")?;
    let state = status.json()?.pointer("/device/state").and_then(Value::as_str).map(str::to_owned);
    state.with_context(|| format!("the lamp's status has no device.state: {}", status.body))
}

/// Waits until `there` returns true. Fails with `complaint` after `deadline`, in milliseconds since 1970.
fn until(deadline: i64, complaint: &str, mut there: impl FnMut() -> Result<bool>) -> Result<()> {
    while !there()? {
        stop::check()?;
        ensure!(now()? <= deadline, "{complaint}");
        thread::sleep(TICK);
    }
    Ok(())
}

/// Returns the milliseconds since 1970, by the same clock as the gateway's.
fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is set before 1970")?;
    i64::try_from(since.as_millis()).context("the clock is set too far in the future")
}

/// Returns the JSON object in a program's output, whatever lines are around it.
fn json_in(said: &str) -> Result<Value> {
    let object = said.find('{').zip(said.rfind('}')).and_then(|(from, to)| said.get(from..=to));
    object
        .and_then(|object| serde_json::from_str(object).ok())
        .with_context(|| format!("`coinop pay` printed no JSON answer: {said:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_among_other_lines() {
        let answer = json_in("HTTP 200\n{\n  \"endsAt\": \"x\"\n}\npaid").unwrap();
        assert_eq!(answer.get("endsAt").and_then(Value::as_str), Some("x"));
        assert!(json_in("refused").is_err());
    }
}
