//! Payments captured from real public clients.

use serde_json::Value;

use crate::encoding::from_base64;

/// A whole v2 purchase by `@x402/fetch` 2.27.
pub const V2_PURCHASE: &str = include_str!("../../tests/vectors/v2_x402_fetch_2.27.json");
/// A whole v1 purchase by `x402-fetch` 1.2.0.
pub const V1_PURCHASE: &str = include_str!("../../tests/vectors/v1_x402_fetch_1.2.0.json");
/// Requests to a facilitator, and the verdicts of `@x402/svm` 2.27.0.
pub const VERDICTS: &str = include_str!("../../tests/vectors/facilitator_verdicts.json");

/// The instructions of two transactions of other programs that Phantom signed on mainnet, with its guards.
pub const PHANTOM: &str = include_str!("../../tests/vectors/phantom_guards.json");
/// The `/supported` answer of that facilitator.
pub const SUPPORTED: &str = include_str!("../../tests/vectors/facilitator_supported.json");
/// How the TypeScript server answers a replay, a bad signature and garbage.
pub const ERROR_PATHS: &str = include_str!("../../tests/vectors/server_error_paths.json");

/// Parses a file of captured data as JSON.
#[must_use]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns the complete transactions in the captured data.
#[must_use]
pub fn transactions() -> Vec<Vec<u8>> {
    let purchases = [V2_PURCHASE, V1_PURCHASE].map(|text| json(text)["decoded"]["payment"].clone());
    let verdicts = json(VERDICTS);
    let asked = verdicts.as_array().into_iter().flatten();
    let asked =
        asked.filter(|case| case["name"] != "truncated").map(|case| &case["request"]["paymentPayload"]);
    let texts = purchases.iter().chain(asked).map(|payment| payment["payload"]["transaction"].as_str());
    texts.filter_map(|text| from_base64(text?)).collect()
}
