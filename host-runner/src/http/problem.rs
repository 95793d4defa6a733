//! Refusals by this host, in the words and the form of the rest of the API. They show nothing of the inside
//! (invariant 9).

use coinop_core::http;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};

use crate::guest::Response;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    HeadersTooLarge,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    BadTarget,
    TooFast { retry_after: u64 },
    Busy { paid: bool },
    TimedOut,
    Internal,
    OperatorOnly,
}

/// A buyer who has paid must not pay again because of a fault here.
const PAID: &str = "if a payment was sent, send the same one again, do not sign another";

impl From<Problem> for http::Problem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::HeadersTooLarge => {
                Self::new(431, "headers_too_large", "Headers too large", "the headers are more than 64 KiB")
            }
            Problem::BodyTooLarge => Self::body_too_large(),
            Problem::BodyTooSlow => {
                Self::new(408, "body_too_slow", "Body too slow", "the body did not arrive in time")
            }
            Problem::BodyBroken => Self::malformed("malformed_body", "the body broke off"),
            Problem::BadTarget => Self::malformed("malformed_target", "what is asked for is not a path"),
            Problem::TooFast { retry_after } => Self::new(
                429,
                "too_many_requests",
                "Too many requests",
                "you ask faster than this gateway answers one client",
            )
            .retry_after(retry_after),
            Problem::Busy { paid } => {
                let detail = if paid {
                    // The request may repeat a payment that is being settled.
                    "too many requests are waiting; send the same payment again, do not sign another"
                } else {
                    "too many requests are waiting, and nothing was charged; try again"
                };
                Self::new(503, "overloaded", "Overloaded", detail).retry_after(1)
            }
            Problem::TimedOut => Self::new(504, "timed_out", "Timed out", PAID).retry_after(5),
            Problem::Internal => Self::new(500, "internal_error", "Internal error", PAID),
            Problem::OperatorOnly => Self::new(
                403,
                "operator_only",
                "Operator only",
                "this page answers only on the machine itself",
            ),
        }
    }
}

impl Problem {
    /// Makes the answer to `method` on `path`. Web pages that may read the gateway's own answer there may
    /// read this one too.
    pub(super) fn response(self, method: &str, path: &str) -> Response {
        let mut response = response(http::with_cors(method, path, http::Problem::from(self).into()));
        if self.leaves_input_unread() {
            // The header keeps the client from sending its next request on a connection that is being closed.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Tells whether the refusal is sent before all of the request was read.
    const fn leaves_input_unread(self) -> bool {
        matches!(
            self,
            Self::HeadersTooLarge
                | Self::BodyTooLarge
                | Self::BodyTooSlow
                | Self::BodyBroken
                | Self::BadTarget
                | Self::TooFast { .. }
        )
    }
}

/// Converts a response of the core into one of this host.
pub(super) fn response(answer: http::Response) -> Response {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_look_like_the_rest_of_the_api() {
        let problem = Problem::TooFast { retry_after: 3 };
        let response = problem.response("GET", "/api/v1/access/door");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["connection"], "close");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert!(!Problem::Internal.response("GET", "/").headers().contains_key("connection"));
        let owners = problem.response("POST", "/api/v1/assets");
        assert!(
            !owners.headers().contains_key("access-control-allow-origin"),
            "the owner's API is not for pages"
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["code"], "too_many_requests");
        assert_eq!(body["type"], "urn:coinop:problem:too_many_requests");
        assert_eq!(body["status"], 429);
    }
}
