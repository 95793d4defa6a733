//! A request, as the platform received it.

use crate::config::Merchant;
use crate::x402;

/// The greatest size of a body that is read, in bytes. A larger one is answered with `Problem::body_too_large`.
pub const MAX_BODY: usize = 64 << 10;

/// A request, as the platform received it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method: `GET`, `POST` and so on.
    pub method: String,
    /// The path, not decoded, without the query.
    pub path: String,
    /// The query, not decoded, without the question mark.
    pub query: Option<String>,
    /// Names in lower case, with their values. Values that are not ASCII are left out.
    pub headers: Vec<(String, String)>,
    /// The body. A platform reads at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the values of a header.
    ///
    /// Several headers of one name are the same as one header with commas, and some platforms deliver only the latter.
    /// No value that is read here contains a comma.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(n, _)| n == name);
        // A value that begins like JSON is one value in spite of its commas: a client forgot to encode it in base64.
        let one = |value: &str| value.starts_with('{');
        named.flat_map(move |(_, value)| {
            value.splitn(if one(value) { 1 } else { usize::MAX }, ',').map(str::trim)
        })
    }

    /// Returns whether the request carries a payment.
    pub(super) fn pays(&self) -> bool {
        self.values(x402::PAYMENT_SIGNATURE).chain(self.values(x402::X_PAYMENT)).next().is_some()
    }

    /// Returns whether the request carries one of the merchant's API keys.
    #[must_use]
    pub fn has_api_key(&self, merchant: &Merchant) -> bool {
        self.bearer().is_some_and(|key| merchant.has_api_key(key))
    }

    /// Returns the token of `Authorization: Bearer`, or `None` if there are several.
    pub(super) fn bearer(&self) -> Option<&str> {
        let mut values = self.values("authorization");
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}
