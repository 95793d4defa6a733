//! The HTTP interface, version 1: a request in, a response out. Platforms only
//! translate their own types.

mod access;
mod assets;
mod catalogue;
mod cors;
mod methods;
mod payment_response;
mod place;
mod problem;
mod query;
mod router;
mod sessions;
mod tick;
mod views;

pub use cors::with_cors;
pub use methods::options;
pub use place::Place;
pub use problem::Problem;

use serde_json::Value;

use crate::x402;

/// A header by which a platform says that many wait for this payment already: one
/// more is told at once that it is pending, instead of waiting too.
pub const IMPATIENT: &str = "coinop-impatient";

/// A header by which a host hands on a recent blockhash, as
/// [`RecentBlockhash::to_header`](crate::svm::RecentBlockhash::to_header) writes it. It is never taken from a client.
pub const RECENT_BLOCKHASH: &str = "coinop-recent-blockhash";

/// The headers of clients that are read here; a platform may leave out all others.
pub const HEADERS: &[&str] =
    &[x402::PAYMENT_SIGNATURE, x402::X_PAYMENT, x402::SIGN_IN_WITH_X, "authorization", WANTED_METHOD];

/// The header by which a browser's preflight says which method a page wants to use.
const WANTED_METHOD: &str = "access-control-request-method";

/// The longest body that is read, in bytes. Whoever sends more is told [`Problem::body_too_large`].
pub const MAX_BODY: usize = 64 << 10;

/// A request, as the platform received it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, undecoded, without the query.
    pub path: String,
    /// The query, undecoded, without the question mark.
    pub query: Option<String>,
    /// Names in lower case, and values; what is not ASCII is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a header. Several headers of one name and one with commas are the same, and on some platforms
    /// only the second arrives. (Nothing that is read here has a comma in it.)
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(n, _)| n == name);
        // What is JSON, as somebody writes who has forgotten the base64, is one value for all its commas.
        let one = |value: &str| value.starts_with('{');
        named.flat_map(move |(_, value)| {
            value.splitn(if one(value) { 1 } else { usize::MAX }, ',').map(str::trim)
        })
    }

    /// Whether this request may carry out what is due for others, where nobody else
    /// does. Not a buyer who has not paid, who must leave nothing behind and call
    /// nobody (invariant 8), and nobody who only asks whether we are alive or which
    /// methods there are.
    #[must_use]
    pub fn may_carry_out(&self) -> bool {
        self.method != "OPTIONS"
            && self.path.starts_with("/api/v1/")
            && (self.pays() || !self.path.starts_with("/api/v1/access/"))
    }

    /// Whether it carries a payment.
    fn pays(&self) -> bool {
        self.values(x402::PAYMENT_SIGNATURE).chain(self.values(x402::X_PAYMENT)).next().is_some()
    }

    /// The token of `Authorization: Bearer`; of several none.
    fn bearer(&self) -> Option<&str> {
        let mut values = self.values("authorization");
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// A response, for the platform to send.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns a response with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::written(status, "application/json", body)
    }

    /// Returns a response with a body of this kind of JSON.
    ///
    /// A [`Value`] can always be written: its keys are text, and its numbers are finite. Should that change, the caller
    /// is told to try again, and is never given an answer that is empty or cut off.
    fn written(status: u16, content_type: &'static str, body: &Value) -> Self {
        let (status, content_type, body) = match serde_json::to_vec(body) {
            Ok(body) => (status, content_type, body),
            Err(error) => {
                debug_assert!(false, "a body can't be written: {error}");
                (503, problem::CONTENT_TYPE, problem::UNWRITTEN.to_vec())
            }
        };
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// No body.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// Not to be stored by anybody on the way.
    #[must_use]
    pub fn no_store(self) -> Self {
        self.with("cache-control", "no-store")
    }
}

#[cfg(test)]
mod tests;
