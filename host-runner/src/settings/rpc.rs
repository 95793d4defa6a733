//! Calls the RPC outside of the component.

use std::time::Duration;

use serde_json::{Value, json};

/// The time limit of a call: long enough for a distant node, and short enough for a person who waits for
/// `serve` to start.
const LIMIT: Duration = Duration::from_secs(5);

/// Makes one JSON-RPC call. The error never contains the address, which may contain a key.
pub(crate) fn call(url: &str, method: &str, params: &Value) -> Result<Value, String> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut response = agent.post(url).send_json(request).map_err(|error| match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", LIMIT.as_secs()),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "the connection was refused".to_owned(),
        ureq::Error::Io(error) => io_failure(&error),
        _ => "the connection failed".to_owned(),
    })?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("it answered with HTTP status {status}"));
    }
    let body: Value =
        response.body_mut().read_json().map_err(|_| "it did not answer with JSON".to_owned())?;
    if let Some(error) = body.get("error").filter(|e| !e.is_null()) {
        let message = error.get("message").and_then(Value::as_str);
        return Err(message.unwrap_or("it answered with an error").to_owned());
    }
    body.get("result").cloned().ok_or_else(|| "it is not a JSON-RPC service".to_owned())
}

/// Describes what broke a connection, as the end of a sentence. It leaves out the address, which may contain
/// a key.
pub(crate) fn io_failure(error: &std::io::Error) -> String {
    // Rust has no error kind for a name that cannot be resolved, and calls it "uncategorized error". Failures of TLS are
    // all "invalid data".
    let said = error.to_string();
    if said.contains("lookup address") {
        return "its host name cannot be looked up (check its spelling and this machine's network)"
            .to_owned();
    }
    if said.contains("InvalidContentType") {
        return "the port does not answer in https; it seems to speak http: write http:// if that is meant"
            .to_owned();
    }
    if said.contains("invalid peer certificate") {
        return "its certificate is not valid for this host, or not signed by a known authority".to_owned();
    }
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs as _;

    use super::*;

    #[test]
    fn a_host_that_is_not_found_is_told_in_words() {
        // This name never exists (RFC 6761).
        let error = ("coinop.invalid", 80).to_socket_addrs().unwrap_err();
        assert!(io_failure(&error).contains("cannot be looked up"), "{error}");
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(io_failure(&refused), "connection reset");
    }

    #[test]
    fn a_port_without_tls_is_told_in_words() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let answers = std::thread::spawn(move || {
            use std::io::Write as _;
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
            stream
        });
        let error = call(&url, "getHealth", &json!([])).unwrap_err();
        assert!(error.contains("seems to speak http"), "{error}");
        drop(answers.join().unwrap());
    }

    #[test]
    fn a_call_to_no_host_says_so_without_the_address() {
        let error = call("http://coinop.invalid/?api-key=secret", "getHealth", &json!([])).unwrap_err();
        assert!(error.contains("cannot be looked up") || error.contains("no such host"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
