//! Calls the RPC outside of the component.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_rustls::rustls::{CertificateError, Error as TlsError, InvalidMessage};

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
    // Rust has no error kind for a name that cannot be resolved, and calls it "uncategorized error".
    if error.to_string().contains("lookup address") {
        return "its host name cannot be looked up (check its spelling and this machine's network)"
            .to_owned();
    }
    // Failures of TLS are all "invalid data".
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the port does not answer in https; it seems to speak http: write http:// if that is meant"
                .to_owned()
        }
        Some(TlsError::InvalidCertificate(error)) => certificate_failure(error).to_owned(),
        _ => error.kind().to_string(),
    }
}

fn certificate_failure(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => {
            "its certificate has expired, or the clock of this machine is wrong"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is wrong"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => "its certificate is for another host name",
        E::UnknownIssuer => "its certificate is not signed by a known authority",
        // A certificate that signs itself is one of these.
        _ => "its certificate is not valid, or not signed by a known authority",
    }
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
    fn what_is_wrong_with_a_certificate_is_told_apart() {
        for (error, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::NotValidForName, "another host name"),
            (CertificateError::UnknownIssuer, "a known authority"),
            (CertificateError::Revoked, "not valid"),
        ] {
            let error = TlsError::InvalidCertificate(error);
            let said = io_failure(&std::io::Error::new(std::io::ErrorKind::InvalidData, error));
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_call_to_no_host_says_so_without_the_address() {
        let error = call("http://coinop.invalid/?api-key=secret", "getHealth", &json!([])).unwrap_err();
        assert!(error.contains("cannot be looked up") || error.contains("no such host"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
