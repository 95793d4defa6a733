//! A response, for the platform to send.

use serde_json::Value;

/// The content type of a problem.
pub(super) const PROBLEM: &str = "application/problem+json";

/// The body that is sent if another one can't be written: a problem with the code `unavailable`.
const UNWRITTEN: &[u8] = br#"{"type":"urn:coinop:problem:unavailable","title":"Temporarily unavailable","status":503,"code":"unavailable"}"#;

/// A response, for the platform to send.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, with their values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns a response with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::written(status, "application/json", body)
    }

    /// Returns a response with a JSON body of this content type.
    ///
    /// A [`Value`] can always be written, because its keys are text and its numbers are finite. Should that change, the
    /// caller is told to try again, and never gets an empty or truncated body.
    pub(super) fn written(status: u16, content_type: &'static str, body: &Value) -> Self {
        let (status, content_type, body) = match serde_json::to_vec(body) {
            Ok(body) => (status, content_type, body),
            Err(error) => {
                debug_assert!(false, "a body can't be written: {error}");
                (503, PROBLEM, UNWRITTEN.to_vec())
            }
        };
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// Returns a 204, which has no body.
    #[must_use]
    pub(crate) const fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    /// Returns the response with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the value of a header, given its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// Returns the response with a header that forbids every cache to store it.
    #[must_use]
    pub fn no_store(self) -> Self {
        self.with("cache-control", "no-store")
    }
}
