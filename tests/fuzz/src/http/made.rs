//! Requests that are nearly right: known paths, parameters, headers and members, with odd values.

use crate::input::Input;

const METHODS: [&str; 8] = ["GET", "POST", "GET", "POST", "HEAD", "PATCH", "DELETE", "OPTIONS"];
const PATHS: [&str; 22] = [
    "/health",
    "/ready",
    "/.well-known/jwks.json",
    "/api/v1/assets",
    "/api/v1/assets/door-1",
    "/api/v1/assets/made",
    "/api/v1/assets/door-2/status",
    "/api/v1/assets/door-2/quote",
    "/api/v1/access/door-1",
    "/api/v1/access/door-2",
    "/api/v1/access/door-3",
    "/api/v1/access/door-2/transaction",
    "/api/v1/access/door-1/code",
    "/api/v1/access/door-1/extend",
    "/api/v1/access/door-1/extend/transaction",
    "/api/v1/sessions/@session/status",
    "/api/v1/sessions/@session/code",
    "/api/v1/payers/@payer/sessions",
    "/api/v1/merchant/sessions",
    "/api/v1/tick",
    "/api/v1/access/%",
    "/api/v1//",
];
const PARAMETERS: [&str; 8] = ["quantity", "signin", "limit", "after", "cursor", "asset", "wallet", "before"];
const HEADERS: [&str; 8] = [
    "payment-signature",
    "x-payment",
    "authorization",
    "sign-in-with-x",
    "access-control-request-method",
    "coinop-no-wait",
    "coinop-recent-blockhash",
    "accept",
];
const MEMBERS: [&str; 16] = [
    "quantity",
    "wallet",
    "code",
    "id",
    "price",
    "unit",
    "max_quantity",
    "min_quantity",
    "capacity",
    "enabled",
    "name",
    "description",
    "session_seconds",
    "picture",
    "tags",
    "device",
];
const VALUES: [&str; 32] = [
    "",
    "0",
    "1",
    "2",
    "-1",
    "01",
    "1.5",
    "1e3",
    "240",
    "241",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "null",
    "true",
    "door-1",
    "made",
    "hour",
    "session",
    "POST",
    "%00",
    "\u{e9}",
    "{}",
    "e30=",
    "@payment",
    "@other-payment",
    "@extension",
    "@v1",
    "@bearer",
    "@proof",
    "@key",
    "@payer",
];

/// Returns one of these words.
fn one<'w>(input: &mut Input<'_>, words: &[&'w str]) -> &'w str {
    words[usize::from(input.byte()) % words.len()]
}

/// Returns a value, sometimes two, sometimes any text.
fn value(input: &mut Input<'_>) -> String {
    let first = one(input, &VALUES).to_owned();
    match input.byte() % 16 {
        0 => format!("{first}{}", one(input, &VALUES)),
        1 => format!("{first},{}", one(input, &VALUES)),
        2 => {
            let count = usize::from(input.byte() % 24);
            String::from_utf8_lossy(input.take(count)).into_owned()
        }
        _ => first,
    }
}

/// Returns the text of a request.
pub(super) fn request(input: &mut Input<'_>) -> String {
    let mut text = format!("{} {}", one(input, &METHODS), one(input, &PATHS));
    let counts = input.byte();
    for at in 0..counts & 3 {
        let sign = if at == 0 { '?' } else { '&' };
        text.push_str(&format!("{sign}{}={}", one(input, &PARAMETERS), value(input)));
    }
    for _ in 0..counts >> 2 & 3 {
        text.push_str(&format!("\n{}: {}", one(input, &HEADERS), value(input)));
    }
    let members = (0..counts >> 4 & 7).map(|_| {
        let (name, value) = (one(input, &MEMBERS), value(input));
        let quoted = input.byte() & 1 == 0;
        if quoted { format!("\"{name}\":\"{value}\"") } else { format!("\"{name}\":{value}") }
    });
    let members: Vec<_> = members.collect();
    if !members.is_empty() {
        text.push_str(&format!("\n\n{{{}}}", members.join(",")));
    }
    text
}
