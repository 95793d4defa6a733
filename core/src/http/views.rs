//! What the API shows, as JSON.

use serde_json::{Map, Value, json};

use crate::config::{AcceptedToken, Asset, Config};
use crate::error::EncodeError;
use crate::gateway::Deployment;
use crate::grant::{self, Span};
use crate::ids::{AssetId, SessionId, StreamId};
use crate::keys::KeyRing;
use crate::money::{Amount, Money};
use crate::pricing::Tariff;
use crate::rail;
use crate::session::index::{OwedRecord, SessionRecord};
use crate::session::{LockState, Owed, Purchase, ReportedState, Session, StreamState, desired_state};
use crate::time::{Now, Timestamp};
use crate::x402::PaymentRequirements;

/// Returns an amount in atomic units, with its decimals, its mint and a text for people.
fn amount(config: &Config, name: &str, money: &Money) -> Map<String, Value> {
    let symbol = AcceptedToken::symbol_of(&config.merchant.tokens, config.network, money).unwrap_or_default();
    let display = format!("{} {symbol}", money.amount.to_decimal(money.decimals));
    let mut members = Map::new();
    members.insert(name.to_owned(), json!(money.amount));
    members.insert("decimals".to_owned(), json!(money.decimals));
    members.insert("display".to_owned(), json!(display.trim_end()));
    members.insert("mint".to_owned(), json!(money.token));
    members
}

fn merged(mut base: Value, more: Map<String, Value>) -> Value {
    if let Value::Object(members) = &mut base {
        members.extend(more);
    }
    base
}

/// Returns a price in each accepted token. `price` returns it for a token with these decimals.
fn prices(config: &Config, price: impl Fn(u8) -> Option<Amount>) -> Vec<Value> {
    let tokens = config.merchant.tokens.iter().map(|accepted| &accepted.token);
    let prices = tokens.filter_map(|token| {
        let money = config.money(price(token.decimals)?, token);
        Some(merged(json!({ "token": token.symbol }), amount(config, "amount", &money)))
    });
    prices.collect()
}

/// Returns what a quantity of an asset costs in each accepted token, and how long it lasts.
pub(super) fn quote(config: &Config, tariff: &Tariff, quantity: u64) -> Value {
    json!({
        "quantity": quantity,
        "seconds": tariff.seconds(quantity),
        "prices": prices(config, |decimals| tariff.price(quantity, decimals).ok()),
    })
}

/// Adds what an offer asks for to a view.
pub(super) fn with_offered_amount(config: &Config, view: Value, offer: &PaymentRequirements) -> Value {
    merged(view, amount(config, "amount", &rail::offered_money(config, offer)))
}

/// Returns where a buyer goes on: the asset's page, its state, and the sign-in that shows a wallet its session. With a
/// session, also that session's state and its extension.
pub(super) fn links(config: &Config, asset: &AssetId, session: Option<&SessionId>) -> Value {
    let url = |path: String| format!("{}{path}", config.public_url);
    let mut links = Map::new();
    links.insert("page".to_owned(), json!(config.page_url(asset)));
    let mut add = |name: &str, path: String| links.insert(name.to_owned(), json!(url(path)));
    add("signIn", format!("/api/v1/access/{asset}?signin"));
    match session {
        Some(session) => {
            add("status", format!("/api/v1/sessions/{session}/status"));
            add("extend", format!("/api/v1/access/{asset}/extend"));
        }
        None => {
            add("status", format!("/api/v1/assets/{asset}/status"));
        }
    }
    Value::Object(links)
}

/// Returns an asset of the catalogue.
pub(super) fn asset(config: &Config, asset: &Asset, availability: &Availability) -> Value {
    let tariff = &asset.tariff;
    let merchant = &config.merchant;
    let presets = tariff.presets().into_iter().map(|quantity| quote(config, tariff, quantity));
    let view = json!({
        "id": asset.id,
        "name": asset.name,
        "description": asset.description,
        "tariff": {
            "price": tariff.price.to_string(),
            "unit": tariff.unit.name(),
            "unitSeconds": tariff.unit_seconds,
            "minQuantity": tariff.min_quantity,
            "maxQuantity": tariff.max_quantity,
            "prices": prices(config, |decimals| tariff.unit_price(decimals)),
            "presets": presets.collect::<Vec<_>>(),
        },
        "picture": asset.picture,
        "seller": { "name": merchant.presentation.service_name, "contact": merchant.contact },
        "page": config.page_url(&asset.id),
        "enabled": asset.enabled,
        "available": asset.enabled && availability.is_free,
        "network": config.network.caip2(),
        "buy": {
            "method": "POST",
            "url": format!("{}/api/v1/access/{}?quantity={}", config.public_url, asset.id, tariff.min_quantity),
            "protocol": "x402",
        },
    });
    let capacity = asset.capacity.is_shared().then(|| ("capacity".to_owned(), asset.capacity.shown()));
    merged(view, capacity.into_iter().collect())
}

/// Whether an asset is free and what its device does, as far as anyone may know.
pub(super) struct Availability {
    /// Whether a new buyer could have it now.
    is_free: bool,
    /// The state of the asset's own stream, with `now` as that stream takes it. For a shared asset it says nothing
    /// about sessions.
    state: StreamState,
    now: Now,
}

impl Availability {
    /// Returns the availability of an exclusive asset.
    pub(super) fn of_exclusive(asset: &Asset, state: StreamState, now: &Now) -> Self {
        let now = state.clamped_now(now);
        let occupied = state.session.as_ref().is_some_and(|session| !session.is_over(&now));
        let is_free = !occupied && state.claims.is_empty() && !is_out_of_order(asset, &state);
        Self { is_free, state, now }
    }

    /// Returns the availability of a shared asset.
    pub(super) fn of_shared(is_free: bool, now: Now) -> Self {
        Self { is_free, state: StreamState::default(), now }
    }
}

/// Returns whether the asset has a device that does not answer or cannot be unlocked.
pub(super) fn is_out_of_order(asset: &Asset, state: &StreamState) -> bool {
    asset.device.is_some() && state.fulfilment.is_out_of_order()
}

/// How long a check code stays the same, in milliseconds.
const CHECK_CODE_MS: u64 = 60_000;

/// Returns the two digits that a screen at the asset and a phone show at the same time, if both ask this gateway about
/// this asset.
fn check_code(keys: &KeyRing, asset: &AssetId, now: Timestamp) -> String {
    let minute = now.millis() / CHECK_CODE_MS;
    let [high, low, ..] = keys.check_code().code(&[&minute.to_be_bytes(), asset.as_str().as_bytes()]);
    format!("{:02}", u16::from_be_bytes([high, low]) % 100)
}

/// Returns what anyone may know of an asset. It does not say who has it.
pub(super) fn asset_status(keys: &KeyRing, asset: &Asset, availability: &Availability) -> Value {
    let Availability { is_free, state, now } = availability;
    let running = state.session.as_ref().filter(|session| !session.is_over(now));
    let reported = state.fulfilment.reported.as_ref();
    // A report on an earlier desired state says nothing about the present one. The exception is a device that was
    // already seen as it should be now.
    let order = desired_state(state, now);
    let current = reported
        .filter(|report| report.sequence == order.sequence || order.desired.is_met_by(report.observed));
    let device = json!({
        "state": current.map_or(LockState::Unknown, ReportedState::lock).name(),
        "since": current.map(|report| report.at.to_string()),
        "outOfOrder": state.fulfilment.is_out_of_order(),
    });
    json!({
        "id": asset.id,
        "available": asset.enabled && *is_free,
        "session": running.map(|session| json!({ "endsAt": ends_at(session) })),
        "device": if asset.device.is_some() { device } else { Value::Null },
        "now": now.wall.to_string(),
        "checkCode": check_code(keys, &asset.id, now.wall),
    })
}

/// Returns what a buyer gets: the session with its tokens, and what this payment bought.
pub(super) fn granted(
    deployment: &Deployment,
    record: &SessionRecord,
    bought: &Purchase,
    transaction: Option<&str>,
) -> Result<Value, EncodeError> {
    let config = &deployment.config;
    let session = &record.session;
    let (token, grant) = tokens(deployment, record)?;
    let view = json!({
        "sessionId": session.id,
        "sessionToken": token,
        "grant": grant,
        "asset": record.stream.asset(),
        "startsAt": session.starts_at.to_string(),
        "endsAt": ends_at(session),
        "quantity": bought.quantity,
        "transaction": transaction,
        "links": links(config, record.stream.asset(), Some(&session.id)),
    });
    Ok(merged(view, amount(config, "amount", &bought.price)))
}

/// Returns the session's token, and its grant if the end is known. Without an end there is no grant, because a device
/// that reads a grant can't ask whether the time runs.
fn tokens(deployment: &Deployment, record: &SessionRecord) -> Result<(String, Option<String>), EncodeError> {
    let (keys, issuer) = (&deployment.keys, &deployment.config.public_url);
    let SessionRecord { stream, session, .. } = record;
    let (starts_at, sequence) = (session.starts_at, session.grant);
    let Some(ends_at) = session.ends_at() else {
        let token = grant::issue_token_without_end(keys, issuer, stream, &session.id, starts_at)?;
        return Ok((token, None));
    };
    let epoch = session.epoch.max(deployment.epoch);
    let span = Span { starts_at, ends_at, epoch, sequence };
    let (token, grant) = grant::issue(keys, issuer, stream, &session.id, span)?;
    Ok((token, Some(grant)))
}

/// Returns the end of a session as the API writes it; `None` while it is not known.
fn ends_at(session: &Session) -> Option<String> {
    session.ends_at().map(|end| end.to_string())
}

/// Returns a session, as its buyer sees it.
pub(super) fn session_status(
    config: &Config,
    record: &SessionRecord,
    owed_of_it: &[OwedRecord],
    now: &Now,
) -> Value {
    let session = &record.session;
    let active = is_active(record, now);
    let left = if active { session.entitlement.left(now).div_ceil(1000) } else { 0 };
    let view = json!({
        "sessionId": session.id,
        "asset": record.stream.asset(),
        "status": match (active, session.delivery.stop) {
            (true, None) => "active",
            (true, Some(_)) => "stopping",
            (false, _) => "ended",
        },
        "startsAt": session.starts_at.to_string(),
        "endsAt": ends_at(session),
        "secondsLeft": left,
        "quantity": session.purchase.quantity,
        "transaction": session.transaction,
        "now": now.wall.to_string(),
    });
    let view = merged(view, amount(config, "spent", &session.purchase.price));
    if owed_of_it.is_empty() {
        return view;
    }
    let owed: Vec<Value> = owed_of_it.iter().map(|record| owed(config, record)).collect();
    merged(view, [("owed".to_owned(), json!(owed))].into_iter().collect())
}

/// Adds the session's token and its grant to a view of it.
pub(super) fn add_tokens(
    deployment: &Deployment,
    record: &SessionRecord,
    view: &mut Value,
) -> Result<(), EncodeError> {
    if let Value::Object(members) = view {
        let (token, grant) = tokens(deployment, record)?;
        members.insert("sessionToken".to_owned(), json!(token));
        members.insert("grant".to_owned(), json!(grant));
    }
    Ok(())
}

/// Returns what is owed, as its payer and the owner see it.
pub(super) fn owed(config: &Config, record: &OwedRecord) -> Value {
    let Owed { id, session, reason, refund, at, money, .. } = &record.owed;
    let view = json!({
        "id": id,
        "session": session,
        "asset": record.stream.asset(),
        "reason": reason.name(),
        "status": record.status.name(),
        "refund": refund.name(),
        "at": at.to_string(),
    });
    merged(view, amount(config, "amount", money))
}

/// Returns what is owed, as the owner sees it: with who paid, from which account, and where to say what becomes of it.
pub(super) fn owed_of_merchant(config: &Config, record: &OwedRecord) -> Value {
    let Owed { id, payer, source, payment, .. } = &record.owed;
    let more = json!({
        "payer": payer,
        "source": source,
        "payment": payment,
        "note": record.note,
        "href": format!("/api/v1/merchant/owed/{}/{id}", record.stream),
    });
    match more {
        Value::Object(more) => merged(owed(config, record), more),
        other => other,
    }
}

/// Returns a session, as the merchant sees it: without its tokens, which are the buyer's (invariant 9).
pub(super) fn session_of_merchant(config: &Config, record: &SessionRecord, now: &Now) -> Value {
    let payer = ("payer".to_owned(), json!(record.session.payer));
    merged(session_status(config, record, &[], now), [payer].into_iter().collect())
}

/// Returns whether a session is running.
pub(super) fn is_active(record: &SessionRecord, now: &Now) -> bool {
    !record.ended && !record.session.is_over(now)
}

/// Returns the record of a session that occupies its asset.
pub(super) fn record_of(stream: &StreamId, session: &Session) -> SessionRecord {
    SessionRecord { stream: stream.clone(), session: session.clone(), ended: false }
}
