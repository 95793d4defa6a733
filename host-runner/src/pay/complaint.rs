//! Says why a server did not grant a request.

use std::fmt;

use coinop_core::{Timestamp, x402};
use serde_json::Value;
use ureq::http::Uri;

use super::http::HttpReply;
use super::{address, pretty, when};

/// A failed answer: what the server says, in sentences, and the status and code of the answer.
pub(super) struct Complaint {
    sentences: Vec<String>,
    origin: String,
}

impl Complaint {
    /// Reads a failed answer to a request for `url`.
    pub(super) fn of(reply: &HttpReply, url: &Uri) -> Self {
        let body = reply.json().unwrap_or_default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(pretty::quoted);
        let settlement = reply.settlement().unwrap_or_default();
        let reason = text(&settlement, "errorReason").or_else(|| text(&body, "code"));
        // Version 2 puts the reason into the header of the next 402, and nothing into the body.
        let required = reply.decoded(x402::PAYMENT_REQUIRED).unwrap_or_default();
        let reason = reason.or_else(|| text(&required, "error")).or_else(|| text(&body, "error"));
        let detail = text(&body, "detail").or_else(|| text(&settlement, "errorMessage")).unwrap_or_default();

        let is_own = body.get("yours") == Some(&Value::Bool(true));
        let until = text(&body, "until").and_then(|text| Timestamp::parse_rfc3339(&text));
        let when = when_to_try(until, is_own, reply);
        // What a header says, and how a program signs in, is said in other words here.
        let is_kept = |sentence: &&str| {
            !(when.is_some() && sentence.contains("`Retry-After`") || is_own && sentence.contains("sign in"))
        };
        let mut sentences: Vec<String> = detail
            .split_inclusive(". ")
            .filter(is_kept)
            .map(|sentence| format!("{}.", sentence.trim().trim_end_matches('.')))
            .filter(|sentence| sentence != ".")
            .collect();
        sentences.extend(when);
        if is_own {
            sentences.push(format!("{} prints its token.", address::sign_in_command(url)));
        }
        let origin = match reason {
            Some(reason) => format!("HTTP {}, {reason}", reply.status),
            None => format!("HTTP {}", reply.status),
        };
        Self { sentences, origin }
    }

    /// Tells whether the server says that the request moved no money.
    pub(super) fn is_uncharged(&self) -> bool {
        self.sentences.iter().any(|text| text.contains("not charged") || text.contains("not charge you"))
    }

    /// Adds that this command did not charge the buyer, unless the server says so.
    pub(super) fn uncharged(mut self) -> Self {
        if !self.is_uncharged() {
            self.sentences.push("This command did not charge you.".to_owned());
        }
        self
    }

    /// Returns the status and code alone.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sentences.is_empty() {
            return f.write_str(&self.origin);
        }
        write!(f, "{} ({})", self.sentences.join(" "), self.origin)
    }
}

/// Says when the request may succeed, if the server tells.
fn when_to_try(until: Option<Timestamp>, is_own: bool, reply: &HttpReply) -> Option<String> {
    match until {
        Some(until) => {
            let whose = if is_own { "yours" } else { "taken" };
            Some(format!("It is {whose} until {}.", when::until(until, when::now(reply))))
        }
        None => reply.retry_after().map(|seconds| format!("Try again in {}.", when::duration(seconds))),
    }
}
