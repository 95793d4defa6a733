//! Errors as `application/problem+json` (RFC 9457), each with a stable code.

use serde_json::{Value, json};

use super::response::{PROBLEM, Response};
use crate::session::Reject;
use crate::time::Timestamp;

/// The member by which a program knows that a payment was not charged. It is missing where that is not certain.
pub(super) const CHARGED: &str = "charged";

/// An error for a caller: what is wrong, and what to change.
#[derive(Clone, Debug)]
pub struct Problem(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u64>,
    more: Vec<(&'static str, Value)>,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// Creates a problem. A `code` never changes once it is published.
    #[must_use]
    pub fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            status,
            code,
            title,
            detail: detail.into(),
            retry_after: None,
            more: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns what is wrong, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns a 404: there is no `what` of this name.
    #[must_use]
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", "Not found", format!("There is no such {what}."))
    }

    /// Returns a 400: the request can't be read.
    #[must_use]
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, code, "Malformed request", detail)
    }

    /// Returns a 405: the path takes only the `allowed` methods, such as `GET, HEAD`.
    #[must_use]
    pub fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("This path does not take this method. Use {allowed}.");
        Self::new(405, "method_not_allowed", "Method not allowed", detail).header("allow", allowed)
    }

    /// Returns a 413: the body has more than [`MAX_BODY`](super::MAX_BODY) bytes.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(
            413,
            "body_too_large",
            "Body too large",
            "The request's body is larger than 64 KiB, which is the limit. Send a smaller one.",
        )
    }

    /// Returns a 429: the client's address has sent too many requests, and may try again after `seconds`.
    #[must_use]
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::new(
            429,
            "too_many_requests",
            "Too many requests",
            "Your address sends requests faster than this gateway allows. Try again later: `Retry-After` says when. If \
             you sent a payment, send the same one again; do not sign another one.",
        )
        .retry_after(seconds)
    }

    /// Returns a 409: the present state does not allow the request.
    #[must_use]
    pub(super) fn conflict(code: &'static str, detail: &str) -> Self {
        Self::new(409, code, "Conflict", detail)
    }

    /// Returns a 401: a one-time code shows no session.
    #[must_use]
    pub(super) fn invalid_code() -> Self {
        let detail = "The code is wrong, was used already, is older than two minutes, or its session has ended. You \
                      were not charged. Make a new code on the device that has the session, or sign in with the \
                      wallet that paid.";
        Self::new(401, "invalid_code", "Unauthorized", detail)
    }

    /// Returns the problem for a refusal by an asset's state.
    #[must_use]
    pub(super) fn of_reject(reject: &Reject, now: Timestamp) -> Self {
        match *reject {
            Reject::Busy { until } => Self::conflict(
                "asset_busy",
                "The asset is in use by another session or payment. You were not charged. Try again later: \
                 `Retry-After` says when.",
            )
            .retry_at(until, now)
            .until(until),
            Reject::Yours { until, .. } => Self::conflict(
                "asset_busy",
                "Your wallet has the asset already. You were not charged again. To have it for longer, extend \
                 the session. If you have lost its token, sign in with your wallet.",
            )
            .retry_at(until, now)
            .until(until)
            .member("yours", Value::Bool(true)),
            Reject::Full { until } => {
                let detail =
                    "All seats are taken. You were not charged. Try again later: `Retry-After` says when.";
                Self::conflict("asset_busy", detail).retry_at(until, now).until(until)
            }
            Reject::Unreachable { until } => Self::new(
                503,
                "device_unreachable",
                "Out of order",
                "The device does not answer or cannot be unlocked, so nothing is sold. You were not charged. Try again \
                 later: `Retry-After` says when.",
            )
            .retry_at(until, now),
            Reject::CannotStop => Self::conflict(
                "cannot_stop",
                "This session has only a grant, which a door checks by itself and which cannot be taken back. The \
                 session goes on to its paid end.",
            ),
            Reject::OtherToken => Self::conflict(
                "other_token",
                "An extension is paid in the token that the session was paid in. You were not charged. Request a new \
                 quote, and pay in that token.",
            ),
            Reject::InvalidCode => Self::invalid_code(),
            Reject::TooManyCodes => Self::conflict(
                "too_many_codes",
                "This session has used as many one-time codes as it can. This request did not charge you, and the \
                 session goes on. On the other device, sign in with the wallet that paid.",
            ),
            Reject::SessionOver => Self::conflict(
                "session_over",
                "This session has ended. This request did not charge you. Buy a new session.",
            ),
            Reject::TooLong => Self::conflict(
                "session_too_long",
                "A session can't last longer than 366 days. You were not charged. Buy less time.",
            ),
            Reject::BackOff { until } => {
                let detail = "Payments from this wallet have failed. You were not charged. Try again later: \
                     `Retry-After` says when.";
                Self::new(429, "payer_backoff", "Wait after a failed payment", detail).retry_at(until, now)
            }
            Reject::Gone => Self::not_found("asset"),
            Reject::Disabled => Self::conflict(
                "asset_disabled",
                "The asset is not for sale at the moment. You were not charged.",
            ),
            Reject::PriceChanged => Self::conflict(
                "price_changed",
                "The price has changed. You were not charged. Request a new quote.",
            ),
            Reject::Exists => Self::conflict(
                "asset_exists",
                "There is already an asset with this id. Change it with `PATCH`, or choose another id.",
            ),
            Reject::InUse { until } => Self::conflict(
                "asset_in_use",
                "A session is running or a payment is in flight. Set `enabled` to `false`, and try again \
                 when it is over.",
            )
            .retry_at(until, now),
            Reject::Outdated => {
                Self::conflict("asset_changed", "Another request is changing the asset. Try again.")
                    .retry_after(1)
            }
        }
    }

    /// Returns a 503: the storage or the chain does not answer.
    #[must_use]
    pub fn unavailable() -> Self {
        // It does not say "You were not charged", because the storage may have failed after a claim.
        let detail = "The gateway can't answer this request at the moment. Try again in a few seconds. If \
             you sent a payment, it is not known yet whether it lands: send the same payment again; do not \
             sign another one.";
        Self::new(503, "unavailable", "Temporarily unavailable", detail).retry_after(5)
    }

    /// Returns the problem with advice to try again after `seconds`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Returns the problem with advice to try again at this time, but not within a second.
    #[must_use]
    pub(crate) fn retry_at(self, at: Timestamp, now: Timestamp) -> Self {
        self.retry_after(at.millis_since(now).div_ceil(1000).max(1))
    }

    /// Returns the problem with the time at which the asset may be free.
    fn until(self, until: Timestamp) -> Self {
        self.member("until", Value::String(until.to_string()))
    }

    /// Returns the problem with one more member.
    #[must_use]
    pub(crate) fn member(mut self, name: &'static str, value: Value) -> Self {
        self.0.more.push((name, value));
        self
    }

    /// Returns the problem, saying that the payment was not charged.
    ///
    /// It is said only after the payment was looked up among those that were claimed. Another request with the payment
    /// that is under way may claim it later.
    #[must_use]
    pub(super) fn not_charged(self) -> Self {
        self.member(CHARGED, Value::Bool(false))
    }

    /// Returns the problem with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }
}

impl From<Problem> for Response {
    fn from(Problem(problem): Problem) -> Self {
        let mut body = json!({
            "type": format!("urn:coinop:problem:{}", problem.code),
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "code": problem.code,
        });
        if let Value::Object(members) = &mut body {
            members.extend(problem.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let mut response = Self::written(problem.status, PROBLEM, &body).no_store();
        response.headers.extend(problem.headers);
        match problem.retry_after {
            Some(seconds) => response.with("retry-after", seconds.to_string()),
            None => response,
        }
    }
}
