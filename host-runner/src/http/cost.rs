//! What a request costs: how many plain requests it counts as towards its client's rate.

use hyper::Uri;

/// The cost of a request for a transaction, which may cause a call to the RPC, and of one for a picture, whose answer is
/// large.
const DEAR: u32 = 5;

/// The cost of a request with a payment. Checking it takes several calls to the RPC.
const PAYMENT: u32 = 5;

/// What a refused payment costs besides. The calls to the RPC are spent, and nobody has paid for them. At the default
/// rate, a client that pays with nothing causes two payments' calls a second.
pub(super) const REFUSED_PAYMENT: u32 = 45;

/// How many entries of a list cost as much as a plain request.
const ENTRIES: u32 = 10;
/// How many entries a list has if the request does not say.
const USUAL: u32 = 50;
/// The most entries that a list has.
const MOST: u32 = 100;

/// Returns how many plain requests a request of this class counts as.
pub(super) fn cost(class: &str, uri: &Uri, pays: bool) -> u32 {
    let cost = match class {
        "transaction" | "picture" => DEAR,
        _ if is_list(class, uri) => 1 + entries(uri.query()) / ENTRIES,
        _ => 1,
    };
    if pays { cost.max(PAYMENT) } else { cost }
}

/// Returns whether a list is asked for.
pub(super) fn is_list(class: &str, uri: &Uri) -> bool {
    match class {
        "assets" => uri.path() == "/api/v1/assets",
        "list-page" | "payer" | "merchant" => true,
        _ => false,
    }
}

/// Returns how many entries of a list are asked for.
fn entries(query: Option<&str>) -> u32 {
    let limit = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("limit="));
    limit.and_then(|limit| limit.parse().ok()).map_or(USUAL, |limit: u32| limit.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::super::class::class;
    use super::*;

    #[test]
    fn what_takes_more_work_costs_more() {
        for (target, pays, expected) in [
            ("/api/v1/access/door", false, 1),
            ("/api/v1/access/door", true, 5),
            ("/api/v1/access/door/transaction", false, 5),
            ("/api/v1/assets/door", false, 1),
            ("/api/v1/assets/assets", false, 1),
            ("/api/v1/assets", false, 6),
            ("/api/v1/assets?limit=100", false, 11),
            ("/api/v1/assets?after=a&limit=9", false, 1),
            ("/api/v1/assets?limit=4000000000", false, 11),
            ("/api/v1/assets?limit=x", false, 6),
            ("/api/v1/merchant/sessions?limit=20", false, 3),
            ("/", false, 6),
            ("/health", false, 1),
            ("/ready", false, 1),
        ] {
            let uri: Uri = target.parse().unwrap();
            assert_eq!(cost(class(uri.path()), &uri, pays), expected, "{target}");
        }
    }
}
