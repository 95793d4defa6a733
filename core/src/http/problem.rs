//! Errors as `application/problem+json` (RFC 9457), each with a stable code.

use serde_json::{Value, json};

use super::response::{PROBLEM, Response};
use crate::session::Reject;
use crate::time::Timestamp;

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
        Self::new(404, "not_found", "Not found", format!("there is no such {what}"))
    }

    /// Returns a 400: the request can't be read.
    #[must_use]
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, code, "Malformed request", detail)
    }

    /// Returns a 413: the body has more than [`MAX_BODY`](super::MAX_BODY) bytes.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(413, "body_too_large", "Body too large", "the body is more than 64 KiB")
    }

    /// Returns a 409: the present state does not allow the request.
    #[must_use]
    pub(super) fn conflict(code: &'static str, detail: &str) -> Self {
        Self::new(409, code, "Conflict", detail)
    }

    /// Returns the problem for a refusal by an asset's state.
    #[must_use]
    pub(super) fn of_reject(reject: &Reject, now: Timestamp) -> Self {
        match *reject {
            Reject::Busy { until } => {
                Self::conflict("asset_busy", "somebody has it; nothing was charged").retry_at(until, now)
            }
            Reject::Full { until } => {
                let detail = "all places are taken; nothing was charged";
                Self::conflict("asset_busy", detail).retry_at(until, now)
            }
            Reject::SessionOver => Self::conflict(
                "session_over",
                "this session has ended: buy a new one; nothing was charged",
            ),
            Reject::TooLong => Self::conflict(
                "session_too_long",
                "a session can't last longer than 366 days; nothing was charged",
            ),
            Reject::BackOff { until } => {
                let detail = "several payments of this wallet failed of late; wait before the next one";
                Self::new(429, "payer_backoff", "Too many failures", detail).retry_at(until, now)
            }
            Reject::Gone => Self::not_found("asset"),
            Reject::Disabled => {
                Self::conflict("asset_disabled", "it is not for sale now; nothing was charged")
            }
            Reject::PriceChanged => {
                Self::conflict("price_changed", "it costs something else by now; nothing was charged")
            }
            Reject::Exists => {
                Self::conflict("asset_exists", "there is an asset of this id: change it (PATCH), or take another id")
            }
            Reject::InUse { until } => Self::conflict(
                "asset_in_use",
                "a session runs, or a payment is in flight: set \"enabled\" to false and try again when it is over",
            )
            .retry_at(until, now),
            Reject::Outdated => {
                Self::conflict("asset_changed", "somebody else is changing it: try again").retry_after(1)
            }
        }
    }

    /// Returns a 503: the storage or the chain does not answer.
    #[must_use]
    pub fn unavailable() -> Self {
        // It does not say "nothing was charged", because the storage may have failed after a claim.
        let detail = "this can't be done just now: try again, with the same payment if you sent one. Do not sign another one";
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

    /// Returns the problem with one more member.
    #[must_use]
    pub(crate) fn member(mut self, name: &'static str, value: Value) -> Self {
        self.0.more.push((name, value));
        self
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
