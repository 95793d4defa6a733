//! Proves the wallet instead of paying again (sign-in-with-x of x402).

use coinop_core::sign_in::{EXTENSION, prove};
use coinop_core::svm::SigningKey;
use coinop_core::x402::{PAYMENT_REQUIRED, SIGN_IN_WITH_X};
use serde_json::{Value, json};
use ureq::http::Uri;

use super::complaint::Complaint;
use super::http::{HttpReply, HttpRequest};

/// Returns the challenge of an answer. It is in the 402's header, or in the body of a 401.
pub(super) fn challenge(reply: &HttpReply) -> Option<Value> {
    let in_json = |json: Value| json.get("extensions")?.get(EXTENSION).cloned();
    let in_header = reply.decoded(PAYMENT_REQUIRED).and_then(in_json);
    in_header.or_else(|| reply.json().and_then(in_json))
}

/// Signs the challenge in `first`, and sends the request again with the proof.
pub(super) fn sign_in(ask: &HttpRequest, first: &HttpReply, key: &SigningKey) -> Result<HttpReply, String> {
    let challenge = challenge(first).ok_or_else(|| {
        format!("the server offers no sign-in: {}", Complaint::of(first, ask.url()).uncharged())
    })?;
    let challenge = for_solana(challenge)?;
    check_origin(&challenge, ask.url())?;
    let proof = prove(&challenge, key).ok_or("the server's sign-in challenge cannot be read")?;
    ask.send_unpaid(Some((SIGN_IN_WITH_X, &proof)))
}

/// Returns the challenge with only its first Solana chain, which is the one that is signed for.
fn for_solana(mut challenge: Value) -> Result<Value, String> {
    let is_solana = |chain: &&Value| {
        chain.get("chainId").and_then(Value::as_str).is_some_and(|id| id.starts_with("solana:"))
    };
    let chains = challenge.get("supportedChains").and_then(Value::as_array);
    let chain = chains.and_then(|chains| chains.iter().find(is_solana)).cloned();
    let chain = chain.ok_or("the server does not offer to sign in with a Solana wallet")?;
    if let Some(chains) = challenge.get_mut("supportedChains") {
        *chains = json!([chain]);
    }
    Ok(challenge)
}

/// Refuses to sign in for any server except the requested one. Another server could pass the proof on and
/// pose as the wallet's owner elsewhere.
fn check_origin(challenge: &Value, url: &Uri) -> Result<(), String> {
    let text = |pointer: &str| challenge.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let ours = origin(url);
    let uri = text("/info/uri").parse::<Uri>().ok().and_then(|uri| origin(&uri));
    let scheme = url.scheme_str().unwrap_or_default();
    let domain = format!("{scheme}://{}", text("/info/domain"));
    // A domain with a path in it could be read in several ways.
    let plain = !text("/info/domain").contains(['/', '?', '#', '@']);
    let domain = domain.parse::<Uri>().ok().filter(|_| plain).and_then(|uri| origin(&uri));
    if ours.is_some() && uri == ours && domain == ours {
        return Ok(());
    }
    Err(format!(
        "refused to sign in: the challenge is for another server ({}), not for the one that you named",
        super::pretty::quoted(text("/info/uri"))
    ))
}

/// Returns scheme, host and port.
fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let scheme = uri.scheme_str()?;
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let port = match authority.port() {
        Some(port) => port.as_str().parse().ok()?,
        None => usual,
    };
    Some((scheme.to_owned(), authority.host().to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str, domain: &str, uri: &str) -> bool {
        let challenge = json!({ "info": { "domain": domain, "uri": uri } });
        check_origin(&challenge, &url.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_server_that_was_asked_gets_a_proof_inv_9() {
        let url = "https://shop.example/api/v1/access/door-1?quantity=1";
        assert!(allowed(url, "shop.example", "https://shop.example/api/v1/access/door-1"));
        assert!(allowed(url, "Shop.example:443", "https://shop.example:443/"));
        assert!(allowed("http://127.0.0.1:8402/x", "127.0.0.1:8402", "http://127.0.0.1:8402/x"));
        for (domain, uri) in [
            ("bank.example", "https://bank.example/"),
            ("bank.example", "https://shop.example/"),
            ("shop.example", "https://bank.example/"),
            ("shop.example", "http://shop.example/"),
            ("shop.example:8443", "https://shop.example/"),
            ("shop.example", "https://shop.example.evil.example/"),
            ("shop.example", "https://shop.example@evil.example/"),
            ("shop.example/x", "https://shop.example/"),
            ("shop.example\nURI: x", "https://shop.example/"),
            ("", "https://shop.example/"),
            ("shop.example", ""),
        ] {
            assert!(!allowed(url, domain, uri), "{domain:?} {uri:?}");
        }
    }

    #[test]
    fn the_chain_that_is_signed_for_is_solana() {
        let solana = json!({ "chainId": "solana:x", "type": "ed25519" });
        let challenge =
            for_solana(json!({ "supportedChains": [{ "chainId": "eip155:1" }, solana] })).unwrap();
        assert_eq!(challenge["supportedChains"], json!([solana]));
        for chains in [json!([]), json!([{ "chainId": "eip155:1" }]), Value::Null] {
            assert!(for_solana(json!({ "supportedChains": chains })).is_err());
        }
    }
}
