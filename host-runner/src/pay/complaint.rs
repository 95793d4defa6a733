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
    is_uncharged: bool,
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
        let code = body.get("code").and_then(Value::as_str);
        let own_words = own_words(code, is_own, when.is_some()).map(str::to_owned);
        let mut sentences: Vec<String> = own_words.or_else(|| sentence(&detail)).into_iter().collect();
        let is_uncharged = reply.is_uncharged();
        if is_uncharged && !say_uncharged(&sentences) {
            sentences.push("You were not charged.".to_owned());
        }
        sentences.extend(when);
        if is_own {
            sentences.push(format!("{} prints its token.", address::sign_in_command(url)));
        }
        let origin = match reason {
            Some(reason) => format!("HTTP {}, {reason}", reply.status),
            None => format!("HTTP {}", reply.status),
        };
        Self { sentences, origin, is_uncharged }
    }

    /// Tells whether the server promises programs that it refused the payment.
    pub(super) const fn is_uncharged(&self) -> bool {
        self.is_uncharged
    }

    /// Adds that this command did not charge the buyer, unless the server says so. It is for requests without a
    /// payment.
    pub(super) fn uncharged(mut self) -> Self {
        if !say_uncharged(&self.sentences) {
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

/// Returns the words for codes whose `detail` is written for programs: it names headers and how to sign in.
///
/// The words leave out when to try again and how to sign in, which follow them.
fn own_words(code: Option<&str>, is_own: bool, has_time: bool) -> Option<&'static str> {
    match code? {
        "asset_busy" if is_own => {
            Some("Your wallet has the asset already. To have it for longer, extend the session.")
        }
        "asset_busy" if has_time => Some("The asset is in use, or all its seats are taken."),
        "payer_backoff" if has_time => Some("Payments from this wallet have failed."),
        "too_many_requests" if has_time => Some("Your address sends requests faster than the server allows."),
        _ => None,
    }
}

/// Returns a text with a full stop at its end; `None` if it is empty.
fn sentence(text: &str) -> Option<String> {
    let text = text.trim();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    (!text.is_empty()).then(|| format!("{text}{stop}"))
}

/// Tells whether the words for the buyer say already that no money moved, so that it is said once. Nothing else may
/// follow from such words: any server writes what it likes.
fn say_uncharged(sentences: &[String]) -> bool {
    sentences.iter().any(|text| text.contains("not charged") || text.contains("not charge you"))
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
