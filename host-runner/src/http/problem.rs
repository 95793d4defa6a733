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
    NoPicture,
    PictureMethod,
    PicturesBusy,
}

/// A buyer who has paid must not pay again because of a fault here.
const PAID: &str = "If you sent a payment, it is not known yet whether it lands: send the same payment \
     again; do not sign another one.";

impl From<Problem> for http::Problem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::HeadersTooLarge => Self::new(
                431,
                "headers_too_large",
                "Headers too large",
                "The path and the headers are larger than 16 KiB.",
            ),
            Problem::BodyTooLarge => Self::body_too_large(),
            Problem::BodyTooSlow => Self::new(
                408,
                "body_too_slow",
                "Body too slow",
                "The body did not arrive within 10 seconds. Send the request again.",
            ),
            Problem::BodyBroken => Self::malformed(
                "malformed_body",
                "The body could not be read to its end. Send the request again.",
            ),
            Problem::BadTarget => {
                Self::malformed("malformed_target", "The request target must be a path that starts with `/`.")
            }
            Problem::TooFast { retry_after } => Self::too_many_requests(retry_after),
            Problem::Busy { paid } => {
                let detail = if paid {
                    // The request may repeat a payment that is being settled.
                    "Too many requests are waiting. It is not known yet whether the payment lands. Send the \
                     same payment again; do not sign another one."
                } else {
                    "Too many requests are waiting. Try again in a second."
                };
                Self::new(503, "overloaded", "Overloaded", detail).retry_after(1)
            }
            Problem::TimedOut => {
                let detail = format!("The request took too long and was stopped. {PAID}");
                Self::new(504, "timed_out", "Timed out", detail).retry_after(5)
            }
            Problem::Internal => {
                let detail = format!("The gateway failed to answer the request. {PAID}");
                Self::new(500, "internal_error", "Internal error", detail)
            }
            Problem::OperatorOnly => Self::new(
                403,
                "operator_only",
                "Operator only",
                "The metrics are served only to requests from this machine.",
            ),
            Problem::NoPicture => Self::new(404, "not_found", "Not found", "There is no such picture."),
            Problem::PictureMethod => Self::method_not_allowed("GET, HEAD"),
            Problem::PicturesBusy => {
                let detail = "Too many pictures are being sent. Ask for this one again in a few seconds.";
                Self::new(503, "overloaded", "Overloaded", detail).retry_after(5)
            }
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
