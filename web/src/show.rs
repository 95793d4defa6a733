//! What several pages show of an asset: its price, whether it is free, what its device does.

use serde_json::Value;

use crate::html::Html;
use crate::language::{Language, Piece};

/// Returns a member of an answer as text; empty if it is missing.
pub(crate) fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a member of an answer as a number.
pub(crate) fn number(answer: &Value, pointer: &str) -> Option<u64> {
    answer.pointer(pointer).and_then(Value::as_u64)
}

/// Returns the prices of a list, for people: `0.01 USDC / 0.01 USDT`.
pub(crate) fn prices(answer: &Value, pointer: &str) -> String {
    let prices = answer.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    prices.map(|price| text(price, "/display")).collect::<Vec<_>>().join(" / ")
}

/// Returns the price of one unit in words: `0.01 USDC per minute`.
pub(crate) fn unit_price(language: Language, asset: &Value) -> String {
    let price = prices(asset, "/tariff/prices");
    let unit = language.text(unit_key(asset));
    language.filled("page.price", &[("price", &price), ("unit", unit)])
}

fn unit_key(asset: &Value) -> &'static str {
    match text(asset, "/tariff/unit") {
        "second" => "page.unit.second",
        "minute" => "page.unit.minute",
        "hour" => "page.unit.hour",
        "day" => "page.unit.day",
        _ => "page.unit.session",
    }
}

/// Returns the label of the field for a quantity: `Minutes`.
pub(crate) fn quantity_label(language: Language, asset: &Value) -> &'static str {
    language.text(match text(asset, "/tariff/unit") {
        "second" => "page.label.second",
        "minute" => "page.label.minute",
        "hour" => "page.label.hour",
        "day" => "page.label.day",
        _ => "page.label.session",
    })
}

/// Returns a quantity in words, in the longest unit that needs no fraction: `10 minutes` for 600 seconds.
pub(crate) fn quantity(language: Language, asset: &Value, quantity: u64) -> String {
    let mut unit = text(asset, "/tariff/unit");
    let mut quantity = quantity;
    while let ("second" | "minute", 0) = (unit, quantity % 60)
        && quantity > 0
    {
        unit = if unit == "second" { "minute" } else { "hour" };
        quantity /= 60;
    }
    let key = match (unit, quantity) {
        ("second", 1) => "quantity.second.one",
        ("second", _) => "quantity.second.other",
        ("minute", 1) => "quantity.minute.one",
        ("minute", _) => "quantity.minute.other",
        ("hour", 1) => "quantity.hour.one",
        ("hour", _) => "quantity.hour.other",
        ("day", 1) => "quantity.day.one",
        ("day", _) => "quantity.day.other",
        (_, 1) => "quantity.session.one",
        (_, _) => "quantity.session.other",
    };
    language.filled(key, &[("count", &quantity.to_string())])
}

/// Whether an asset can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Free,
    /// Somebody's session runs.
    Taken,
    /// All seats of a shared asset are taken.
    Full,
    /// Nobody has it, and a payment for it is in flight.
    Paying,
    /// Its device does not answer or can't be unlocked, so it is not sold.
    Broken,
    /// It is not for sale.
    Off,
    /// That is not known.
    Unreachable,
}

impl Condition {
    /// Returns the name, as `data-state` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Taken => "taken",
            Self::Full => "full",
            Self::Paying => "paying",
            Self::Broken => "broken",
            Self::Off => "off",
            Self::Unreachable => "unreachable",
        }
    }

    /// Returns the key of the text that says it.
    pub(crate) fn key(self) -> String {
        format!("state.{}", self.name())
    }
}

/// Returns whether an asset can be had, given the answer about its status.
///
/// The script decides the same in `conditionOf`. Both are tested with `web/test/conditions.json`.
pub(crate) fn condition(asset: &Value, status: Option<&Value>) -> Condition {
    let is = |answer: &Value, member: &str| answer.get(member).and_then(Value::as_bool) == Some(true);
    let has = |answer: &Value, member: &str| answer.get(member).is_some_and(|value| !value.is_null());
    match status {
        None => Condition::Unreachable,
        Some(status) if is(status, "available") => Condition::Free,
        Some(_) if !is(asset, "enabled") => Condition::Off,
        Some(_) if has(asset, "capacity") => Condition::Full,
        Some(status) if has(status, "session") => Condition::Taken,
        Some(status) if status.get("device").is_some_and(|device| is(device, "outOfOrder")) => {
            Condition::Broken
        }
        Some(_) => Condition::Paying,
    }
}

/// Writes whether an asset is free, and if not, until when it is taken, if that is known.
pub(crate) fn state(html: &mut Html, language: Language, asset: &Value, status: Option<&Value>) {
    let condition = condition(asset, status);
    let until = status.map(|status| text(status, "/session/endsAt")).unwrap_or_default();
    let key = match condition {
        Condition::Taken if until.is_empty() => "state.taken.open".to_owned(),
        condition => condition.key(),
    };
    let attributes = [("id", "state"), ("class", "state"), ("data-state", condition.name())];
    html.element("p", &attributes, |html| {
        phrase(html, language, &key, |html, _time| {
            html.text_element("time", &[("datetime", until)], &clock_time(until));
        });
    });
}

/// Returns the time of day of an RFC 3339 time in UTC: `10:00 UTC`. The script shows it in the reader's own time.
fn clock_time(time: &str) -> String {
    let clock = time.split_once('T').and_then(|(_, clock)| clock.get(..5));
    clock.map_or_else(|| time.to_owned(), |clock| format!("{clock} UTC"))
}

/// Writes what the device does, if the asset has one.
pub(crate) fn device(html: &mut Html, language: Language, status: Option<&Value>) {
    let state = status.map(|status| text(status, "/device/state")).unwrap_or_default();
    let (name, key) = match state {
        "" => return,
        "locked" => ("locked", "device.locked"),
        "unlocked" => ("unlocked", "device.unlocked"),
        _ => ("unknown", "device.unknown"),
    };
    let attributes = [("id", "device"), ("class", "device"), ("data-state", name)];
    html.text_element("p", &attributes, language.text(key));
}

/// Writes the head of a page. `script` is the path of its script, if it has one.
pub(crate) fn head(html: &mut Html, title: &str, script: Option<&str>) {
    html.element("head", &[], |html| {
        html.void("meta", &[("charset", "utf-8")]);
        html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.text_element("title", &[], title);
        html.void("link", &[("rel", "icon"), ("href", "data:,")]);
        html.void("link", &[("rel", "stylesheet"), ("href", crate::names::STYLE)]);
        if let Some(script) = script {
            html.element("script", &[("type", "module"), ("src", script)], |_| {});
        }
    });
}

/// Writes a text. `fill` writes what stands for each of its placeholders, given its name.
pub(crate) fn phrase(html: &mut Html, language: Language, key: &str, fill: impl Fn(&mut Html, &str)) {
    for piece in language.pieces(key) {
        match piece {
            Piece::Text(text) => html.text(text),
            Piece::Placeholder(name) => fill(html, name),
        }
    }
}

/// Writes a text with the host and the asset's id in it. A forged sticker leads to another host.
pub(crate) fn place(html: &mut Html, language: Language, key: &str, host: &str, id: &str) {
    html.element("p", &[("class", "where")], |html| {
        phrase(html, language, key, |html, name| {
            html.text_element("strong", &[], if name == "host" { host } else { id });
        });
    });
}
