//! One request, which is sent as many times as needed, and its answers.

use std::io::{Read, Write};
use std::time::Duration;

use coinop_core::encoding::from_base64;
use coinop_core::x402;
use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use ureq::{Agent, Body};

use super::pretty;
use crate::settings::rpc::io_failure;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take. A gateway waits for the chain for 30 s.
const ANSWER: Duration = Duration::from_secs(60);
/// The longest body, in bytes, that is read into memory.
const LONGEST: u64 = 64 << 20;

/// The request of this command. Only the header that pays or signs in changes.
pub(super) struct HttpRequest {
    agent: Agent,
    method: Method,
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<String>,
}

pub(super) struct HttpReply {
    pub(super) status: u16,
    headers: HeaderMap,
    content: Content,
}

enum Content {
    /// JSON, or a body without a type, read to its end.
    Whole(Vec<u8>),
    /// Anything else, of any length.
    Stream(Body),
}

impl HttpRequest {
    /// Builds the request. The error is one line.
    pub(super) fn new(
        url: &str,
        method: Option<&str>,
        json: Option<&str>,
        headers: &[String],
    ) -> Result<Self, String> {
        let url = parse_url(url)?;
        let method = match method {
            None if json.is_some() => Method::POST,
            None => Method::GET,
            Some(text) => Method::from_bytes(text.to_ascii_uppercase().as_bytes())
                .map_err(|_| format!("--method {text} is not an HTTP method: write GET, POST, ..."))?,
        };
        if let Some(text) = json {
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|error| format!("--json is not JSON: {error}"))?;
            if !matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
                return Err(format!("a {method} request carries no body: leave out --json or --method"));
            }
        }
        let mut parsed = Vec::new();
        for header in headers {
            parsed.push(parse_header(header)?);
        }
        let mut default = |name: &'static str, value: &'static str| {
            if !parsed.iter().any(|(n, _)| n == name) {
                parsed.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
            }
        };
        default("accept", "application/json, */*;q=0.5");
        if json.is_some() {
            default("content-type", "application/json");
        }
        Ok(Self { agent: agent(), method, url, headers: parsed, body: json.map(str::to_owned) })
    }

    /// Returns the same request with `signin` in its query. Some gateways send their sign-in challenge only
    /// to clients that ask for it so.
    pub(super) fn for_sign_in(self) -> Result<Self, String> {
        let path = self.url.path_and_query().map_or("/", |it| it.as_str());
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query = format!("{path}{mark}signin").parse().ok();
        let url = Uri::from_parts(parts).map_err(|error| format!("{}: {error}", self.url))?;
        Ok(Self { url, ..self })
    }

    pub(super) const fn url(&self) -> &Uri {
        &self.url
    }

    pub(super) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    /// Returns the same request for another URL.
    pub(super) fn with_url(self, url: Uri) -> Self {
        Self { url, ..self }
    }

    /// Sends the request without a payment, with one more header if given. The error is a whole message.
    pub(super) fn send_unpaid(&self, more: Option<(&str, &str)>) -> Result<HttpReply, String> {
        let failed = |error: String| {
            format!("the request to {} failed: {error}; this command did not charge you", self.url)
        };
        self.send(more).map_err(failed)
    }

    /// Sends the request, with one more header if given. The error says what broke, as the end of a sentence.
    pub(super) fn send(&self, more: Option<(&str, &str)>) -> Result<HttpReply, String> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = more {
            request = request.header(name, value);
        }
        let broken = |error: ureq::http::Error| error.to_string();
        let answer = match &self.body {
            Some(body) => self.agent.run(request.body(body.as_str()).map_err(broken)?),
            None => self.agent.run(request.body(()).map_err(broken)?),
        };
        let (head, mut body) = answer.map_err(|error| explain(&error))?.into_parts();
        let content = match body.mime_type() {
            Some(kind) if !is_json(kind) => Content::Stream(body),
            _ => {
                let whole = body.with_config().limit(LONGEST).read_to_vec();
                Content::Whole(whole.map_err(|error| explain(&error))?)
            }
        };
        Ok(HttpReply { status: head.status.as_u16(), headers: head.headers, content })
    }
}

impl HttpReply {
    /// Returns the text of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body, if it is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        match &self.content {
            Content::Whole(bytes) => serde_json::from_slice(bytes).ok(),
            Content::Stream(_) => None,
        }
    }

    /// Tells whether the status is that of a granted request.
    pub(super) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Tells whether the server granted the request, and does not call its payment refused.
    pub(super) fn is_granted(&self) -> bool {
        let success = self.settlement().and_then(|it| it.get("success").and_then(Value::as_bool));
        self.is_success() && success != Some(false)
    }

    /// Tells whether the server promises programs that it refused the payment: `"charged": false`.
    pub(super) fn is_uncharged(&self) -> bool {
        self.json().is_some_and(|body| body.get("charged") == Some(&Value::Bool(false)))
    }

    /// Returns how long the server asks to wait, in seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse().ok()
    }

    /// Tells whether the body is a page for people.
    pub(super) fn is_page(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    /// Returns what the server says about the payment: `PAYMENT-RESPONSE`, or the header of v1.
    pub(super) fn settlement(&self) -> Option<Value> {
        self.decoded(x402::PAYMENT_RESPONSE).or_else(|| self.decoded(x402::X_PAYMENT_RESPONSE))
    }

    /// Returns the value of a header that is base64 of JSON, as the headers of x402 are.
    pub(super) fn decoded(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&from_base64(self.header(name)?)?).ok()
    }

    /// Writes the body to standard output. JSON is indented.
    pub(super) fn print(self) -> Result<(), String> {
        let mut out = std::io::stdout().lock();
        let written = match self.content {
            Content::Whole(bytes) => match pretty::json(&bytes) {
                Some(text) => writeln!(out, "{text}"),
                None => out.write_all(&bytes),
            },
            Content::Stream(body) => {
                let mut reader = body.into_reader();
                copy(&mut reader, &mut out)?;
                Ok(())
            }
        };
        written.and_then(|()| out.flush()).map_err(|error| format!("cannot print the answer: {error}"))
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<(), String> {
    std::io::copy(from, to).map(drop).map_err(|error| format!("the printed answer is incomplete: {error}"))
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // A payment goes only to the address that the user named.
        .max_redirects(0)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .user_agent(concat!("coinop/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn is_json(mime_type: &str) -> bool {
    mime_type.eq_ignore_ascii_case("application/json") || mime_type.to_ascii_lowercase().ends_with("+json")
}

fn parse_url(text: &str) -> Result<Uri, String> {
    let no_url = || format!("{text} is not a URL: it must begin with https:// or http://");
    let url: Uri = text.parse().map_err(|_| no_url())?;
    let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match url.scheme_str() {
        Some("http" | "https") if !has_user => Ok(url),
        Some("http" | "https") => {
            Err("the URL contains a user name or a password: send it with --header instead".to_owned())
        }
        _ => Err(no_url()),
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("--header {text:?}: write 'Name: value'");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    Ok((name, value))
}

/// Describes what went wrong on the way, as the end of a sentence.
pub(crate) fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "there was no answer in time".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "the connection was refused".to_owned(),
        ureq::Error::Io(error) => io_failure(error),
        ureq::Error::BodyExceedsLimit(_) => "the answer is too long".to_owned(),
        other => pretty::quoted(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(
        url: &str,
        method: Option<&str>,
        json: Option<&str>,
        headers: &[&str],
    ) -> Result<HttpRequest, String> {
        let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
        HttpRequest::new(url, method, json, &headers)
    }

    #[test]
    fn the_method_follows_from_the_body_unless_it_is_named() {
        let url = "http://127.0.0.1:1/x";
        assert_eq!(ask(url, None, None, &[]).unwrap().method, Method::GET);
        assert_eq!(ask(url, None, Some("{}"), &[]).unwrap().method, Method::POST);
        assert_eq!(ask(url, Some("put"), Some("{}"), &[]).unwrap().method, Method::PUT);
        assert_eq!(ask(url, Some("POST"), None, &[]).unwrap().method, Method::POST);
    }

    #[test]
    fn every_mistake_is_one_line() {
        let cases = [
            ask("127.0.0.1:1/x", None, None, &[]),
            ask("ftp://a.example", None, None, &[]),
            ask("https://me:secret@a.example", None, None, &[]),
            ask("https://a.example", Some("G E T"), None, &[]),
            ask("https://a.example", Some("GET"), Some("{}"), &[]),
            ask("https://a.example", None, Some("{quantity: 1}"), &[]),
            ask("https://a.example", None, None, &["Authorization"]),
            ask("https://a.example", None, None, &["a b: c"]),
        ];
        for case in cases {
            let error = case.err().unwrap();
            assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn given_headers_replace_ours() {
        let ask = ask("https://a.example", None, Some("1"), &["Accept: text/csv", "X-A:  b:c "]).unwrap();
        let values: Vec<_> =
            ask.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(values, [("accept", "text/csv"), ("x-a", "b:c"), ("content-type", "application/json")]);
    }
}
