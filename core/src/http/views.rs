//! What the API shows of things.

use serde_json::{Map, Value, json};

use crate::config::{Asset, Config};
use crate::error::EncodeError;
use crate::gateway::Deployment;
use crate::grant::{self, Span};
use crate::ids::AssetId;
use crate::money::Amount;
use crate::session::index::SessionRecord;
use crate::session::{AssetState, LockState, Paid, Session, order};
use crate::svm::Address;
use crate::time::Now;

/// An amount: atomic units, and beside them what they mean.
fn amount(config: &Config, name: &str, amount: Amount, mint: &Address, decimals: u8) -> Map<String, Value> {
    let known = config.merchant.tokens.iter().find(|t| t.token.mint == *mint);
    let symbol = known.map_or("", |t| t.token.symbol.as_str());
    let display = format!("{} {symbol}", amount.to_decimal(decimals));
    let mut members = Map::new();
    members.insert(name.to_owned(), json!(amount));
    members.insert("decimals".to_owned(), json!(decimals));
    members.insert("display".to_owned(), json!(display.trim_end()));
    members.insert("mint".to_owned(), json!(mint));
    members
}

fn paid(config: &Config, name: &str, paid: &Paid) -> Map<String, Value> {
    amount(config, name, paid.amount, &paid.mint, paid.decimals)
}

fn merged(mut base: Value, more: Map<String, Value>) -> Value {
    if let Value::Object(members) = &mut base {
        members.extend(more);
    }
    base
}

/// An asset of the catalogue.
pub(super) fn asset(config: &Config, asset: &Asset, state: &AssetState, now: &Now) -> Value {
    let tariff = &asset.tariff;
    let prices: Vec<_> = config
        .merchant
        .tokens
        .iter()
        .filter_map(|accepted| {
            let token = &accepted.token;
            let price = tariff.unit_price(token.decimals)?;
            let view = json!({ "token": token.symbol });
            Some(merged(view, amount(config, "amount", price, &token.mint, token.decimals)))
        })
        .collect();
    json!({
        "id": asset.id,
        "name": asset.name,
        "description": asset.description,
        "tariff": {
            "price": tariff.price.to_string(),
            "unit": tariff.unit.name(),
            "unitSeconds": tariff.unit_seconds,
            "minQuantity": tariff.min_quantity,
            "maxQuantity": tariff.max_quantity,
            "prices": prices,
        },
        "enabled": asset.enabled,
        "available": asset.enabled && is_available(state, now),
        "network": config.network.caip2(),
        "buy": {
            "method": "POST",
            "url": format!("{}/api/v1/access/{}?quantity={}", config.public_url, asset.id, tariff.min_quantity),
            "protocol": "x402",
        },
    })
}

/// Whether a new buyer could have the asset now.
fn is_available(state: &AssetState, now: &Now) -> bool {
    let occupied = state.session.as_ref().is_some_and(|session| !session.is_over(now));
    !occupied && state.claims.is_empty()
}

/// What anybody may know of an asset: not who is inside.
pub(super) fn asset_status(asset: &Asset, state: &AssetState, now: &Now) -> Value {
    let now = state.steady(now);
    let running = state.session.as_ref().filter(|session| !session.is_over(&now));
    let reported = state.device.reported.as_ref();
    // A report about an earlier order says nothing about this one, except that a
    // device that should stay as it was seen is there.
    let order = order(state, &now);
    let current = reported.filter(|report| {
        report.sequence == order.sequence || report.state.fulfils(order.unlocked_until.is_some())
    });
    let device = json!({
        "state": current.map_or(LockState::Unknown, |report| report.state).name(),
        "since": current.map(|report| report.at.to_string()),
    });
    json!({
        "id": asset.id,
        "available": asset.enabled && is_available(state, &now),
        "session": running.map(|session| json!({ "endsAt": session.ends_at.to_string() })),
        "device": if asset.device.is_some() { device } else { Value::Null },
    })
}

/// What a buyer gets: the session with its tokens, and what this payment bought.
pub(super) fn granted(
    deployment: &Deployment,
    record: &SessionRecord,
    bought: &Paid,
    transaction: &str,
) -> Result<Value, EncodeError> {
    let config = &deployment.config;
    let session = &record.session;
    let (token, grant) = tokens(deployment, record)?;
    let view = json!({
        "sessionId": session.id,
        "sessionToken": token,
        "grant": grant,
        "asset": record.asset,
        "startsAt": session.starts_at.to_string(),
        "endsAt": session.ends_at.to_string(),
        "quantity": bought.quantity,
        "transaction": transaction,
    });
    Ok(merged(view, paid(config, "amount", bought)))
}

fn tokens(deployment: &Deployment, record: &SessionRecord) -> Result<(String, String), EncodeError> {
    let session = &record.session;
    let span = Span { starts_at: session.starts_at, ends_at: session.ends_at, sequence: record.sequence };
    grant::issue(&deployment.keys, &deployment.config.public_url, &record.asset, &session.id, span)
}

/// A session, for who bought it.
pub(super) fn session_status(config: &Config, record: &SessionRecord, now: &Now) -> Value {
    let session = &record.session;
    let active = is_active(record, now);
    let left = if active { session.ends_at.millis_since(now.wall).div_ceil(1000) } else { 0 };
    let view = json!({
        "sessionId": session.id,
        "asset": record.asset,
        "status": if active { "active" } else { "ended" },
        "startsAt": session.starts_at.to_string(),
        "endsAt": session.ends_at.to_string(),
        "secondsLeft": left,
        "quantity": session.paid.quantity,
        "transaction": session.signature,
    });
    merged(view, paid(config, "spent", &session.paid))
}

/// A session in its payer's history: with a session token while it runs.
pub(super) fn session_of_payer(
    deployment: &Deployment,
    record: &SessionRecord,
    now: &Now,
) -> Result<Value, EncodeError> {
    let mut view = session_status(&deployment.config, record, now);
    if is_active(record, now)
        && let Value::Object(members) = &mut view
    {
        let (token, grant) = tokens(deployment, record)?;
        members.insert("sessionToken".to_owned(), json!(token));
        members.insert("grant".to_owned(), json!(grant));
    }
    Ok(view)
}

fn is_active(record: &SessionRecord, now: &Now) -> bool {
    !record.ended && !record.session.is_over(now)
}

/// The record of a session that occupies its asset.
pub(super) fn record_of(asset: &AssetId, session: &Session, state: &AssetState) -> SessionRecord {
    SessionRecord {
        asset: asset.clone(),
        session: session.clone(),
        sequence: state.device.sequence,
        ended: false,
    }
}
