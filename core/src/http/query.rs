//! The parameters of requests.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Problem, Request};
use crate::encoding::from_json;
use crate::ids::{AssetId, OwedId, SessionId};
use crate::ports::{Cursor, OwedCursor};
use crate::pricing::Tariff;
use crate::time::Timestamp;

/// Returns a parameter of the query. It is not decoded, because all parameters are plain ASCII.
fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let pairs = request.query.as_deref().unwrap_or_default().split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}

/// Returns whether the query has the key `signin`, with or without a value: the caller would rather sign in than pay.
pub(super) fn wants_sign_in(request: &Request) -> bool {
    let mut keys = request.query.as_deref().unwrap_or_default().split('&');
    keys.any(|pair| pair == "signin" || pair.starts_with("signin="))
}

fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The parameters of a purchase.
const OF_PURCHASE: [&str; 2] = ["quantity", "signin"];

/// The JSON body of a purchase.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurchaseBody {
    #[serde(default, deserialize_with = "present")]
    quantity: Option<Value>,
}

/// Returns the quantity that a purchase asks for in its query or its JSON body, if any.
///
/// A parameter that is unknown or given twice is refused, because a misspelt quantity would buy another one. The body of
/// a `GET` is ignored: it has no meaning, and not every platform hands it on.
pub(super) fn quantity(request: &Request) -> Result<Option<u64>, Problem> {
    only_parameters(request, &OF_PURCHASE)?;
    let in_query = parameter(request, "quantity")
        .map(|text| whole_number(text).ok_or_else(invalid_quantity))
        .transpose()?;
    let in_body = if request.method == "GET" || request.body.iter().all(u8::is_ascii_whitespace) {
        None
    } else {
        let body: PurchaseBody = body(request, "{\"quantity\": 1}")?;
        body.quantity.map(|value| value.as_u64().ok_or_else(invalid_quantity)).transpose()?
    };
    match (in_query, in_body) {
        (Some(a), Some(b)) if a != b => Err(Problem::malformed(
            "invalid_quantity",
            "The query and the body ask for different quantities. Send `quantity` in one of them.",
        )),
        (asked, None) | (_, asked) => Ok(asked),
    }
}

/// Reads a member that may be missing, but not be null.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// Refuses a query with any parameter.
pub(super) fn no_parameters(request: &Request) -> Result<(), Problem> {
    only_parameters(request, &[])
}

/// Returns the quantity in the query of `GET /api/v1/assets/{id}/quote`, if any.
pub(super) fn quantity_to_quote(request: &Request) -> Result<Option<u64>, Problem> {
    only_parameters(request, &["quantity"])?;
    parameter(request, "quantity").map(|text| whole_number(text).ok_or_else(invalid_quantity)).transpose()
}

/// Reads a JSON object with known members, each at most once. `example` is such an object, for the refusal.
pub(super) fn body<T: DeserializeOwned>(request: &Request, example: &str) -> Result<T, Problem> {
    let is_object = request.body.trim_ascii_start().starts_with(b"{");
    from_json(&request.body).filter(|_| is_object).ok_or_else(|| {
        let detail = format!(
            "The body must be a JSON object such as {example}, with no other members and none twice. This \
             request did not charge you."
        );
        Problem::malformed("malformed_body", detail)
    })
}

fn invalid_quantity() -> Problem {
    Problem::malformed("invalid_quantity", "`quantity` must be a whole number, 1 or more.")
}

/// Refuses a query with a parameter that is not among `known`, or with one of them twice.
fn only_parameters(request: &Request, known: &[&str]) -> Result<(), Problem> {
    let pairs = request.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut seen: Vec<&str> = Vec::new();
    for pair in pairs {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let Some(name) = known.iter().find(|known| **known == name) else {
            let known = match known {
                [] => "There is none".to_owned(),
                known => format!("The parameters are `{}`", known.join("`, `")),
            };
            let detail = format!(
                "The query has a parameter that does not exist here. {known}. This request did not charge you."
            );
            return Err(Problem::malformed("unknown_parameter", detail));
        };
        if seen.contains(name) {
            let detail = format!(
                "The query has `{name}` more than once. Send it once. This request did not charge you."
            );
            return Err(Problem::malformed("repeated_parameter", detail));
        }
        seen.push(name);
    }
    Ok(())
}

/// Returns the quantity to sell for the quantity asked for. Refuses a quantity without a price.
pub(super) fn priced_quantity(tariff: &Tariff, asked: Option<u64>) -> Result<u64, Problem> {
    // The decimals do not matter here. Whether the highest price fits was checked with the configuration.
    tariff.quote(asked, 0).map(|priced| priced.quantity).map_err(|_| unpriced(tariff))
}

/// Returns a 400: the tariff has no price for this quantity.
pub(super) fn unpriced(tariff: &Tariff) -> Problem {
    let Tariff { min_quantity, max_quantity, unit, .. } = tariff;
    let detail =
        format!("`quantity` must be from {min_quantity} to {max_quantity}, counted in {}s.", unit.name());
    Problem::malformed("invalid_quantity", detail)
}

/// Returns how many entries of a list are asked for: 50 by default, and 100 at most.
pub(super) fn limit(request: &Request) -> Result<usize, Problem> {
    let invalid = || Problem::malformed("invalid_limit", "`limit` must be a whole number from 1 to 100.");
    match parameter(request, "limit").map(whole_number) {
        None => Ok(50),
        Some(Some(limit @ 1..=100)) => usize::try_from(limit).map_err(|_| invalid()),
        Some(_) => Err(invalid()),
    }
}

/// Returns the id of the asset after which a list of assets continues.
pub(super) fn after(request: &Request) -> Result<Option<AssetId>, Problem> {
    let Some(text) = parameter(request, "after") else { return Ok(None) };
    AssetId::parse(text).map(Some).ok_or_else(invalid_after)
}

/// Returns a 400: there never was such an asset.
pub(super) fn invalid_after() -> Problem {
    Problem::malformed(
        "invalid_cursor",
        "`after` must be the id of an asset, such as the `next` of the previous page.",
    )
}

/// Returns the session after which a list of sessions continues.
pub(super) fn before(request: &Request) -> Result<Option<Cursor>, Problem> {
    let Some(text) = parameter(request, "before") else { return Ok(None) };
    let cursor = text.split_once('.').and_then(|(starts, session)| {
        Some(Cursor {
            starts: Timestamp::from_millis(whole_number(starts)?),
            session: SessionId::parse(session)?,
        })
    });
    cursor.map(Some).ok_or_else(invalid_before)
}

/// Returns the text of a cursor.
pub(super) fn cursor(cursor: &Cursor) -> String {
    format!("{}.{}", cursor.starts.millis(), cursor.session)
}

/// Returns whether the merchant asks only for what it has something to do about. Refuses other parameters than those of
/// `GET /api/v1/merchant/owed`.
pub(super) fn wants_open(request: &Request) -> Result<bool, Problem> {
    only_parameters(request, &["status", "limit", "before"])?;
    match parameter(request, "status") {
        None | Some("open") => Ok(true),
        Some("all") => Ok(false),
        Some(_) => Err(Problem::malformed("invalid_status", "`status` must be `open` or `all`.")),
    }
}

/// Returns the entry after which a list of what is owed continues.
pub(super) fn before_owed(request: &Request) -> Result<Option<OwedCursor>, Problem> {
    let Some(text) = parameter(request, "before") else { return Ok(None) };
    let cursor = text.split_once('.').and_then(|(at, id)| {
        Some(OwedCursor { at: Timestamp::from_millis(whole_number(at)?), id: OwedId::parse(id)? })
    });
    cursor.map(Some).ok_or_else(invalid_before)
}

/// Returns the text of a cursor of such a list.
pub(super) fn owed_cursor(cursor: &OwedCursor) -> String {
    format!("{}.{}", cursor.at.millis(), cursor.id)
}

fn invalid_before() -> Problem {
    Problem::malformed("invalid_cursor", "`before` must be the `next` of the previous page.")
}

/// Returns the asset whose sessions the merchant asks for, if it asks for those of one. Refuses other parameters than
/// those of `GET /api/v1/merchant/sessions`, because a misspelt filter would show everything.
pub(super) fn asset_of_sessions(request: &Request) -> Result<Option<AssetId>, Problem> {
    only_parameters(request, &["asset", "limit", "before"])?;
    let Some(text) = parameter(request, "asset") else { return Ok(None) };
    let invalid = || Problem::malformed("invalid_asset", "`asset` must be the id of an asset.");
    AssetId::parse(text).map(Some).ok_or_else(invalid)
}
