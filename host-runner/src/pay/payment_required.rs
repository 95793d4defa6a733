//! Reads what a 402 asks for, in either version of x402, and chooses the entry to pay.
//!
//! The entries are kept as they came, because a v2 payment returns the accepted entry with all of its
//! members, unknown ones included.

use coinop_core::Amount;
use coinop_core::encoding::from_base64;
use coinop_core::svm::{Address, Network, Token};
use coinop_core::x402::{EXACT, Version};
use serde_json::Value;

use super::chain::parse_blockhash;
use super::pretty;

/// The longest memo, in bytes (specification of `exact` on Solana).
const LONGEST_MEMO: usize = 256;

/// The error for a 402 without any offer.
const NO_OFFER: &str = "the server's 402 offers no way to pay; you were not charged";

/// A whole 402.
#[derive(Debug)]
pub(super) struct PaymentRequired {
    pub(super) version: Version,
    /// v2 only: it is returned with the payment, as it came.
    pub(super) resource: Option<Value>,
    /// v2 only: likewise.
    pub(super) extensions: Option<Value>,
    accepts: Vec<Value>,
}

/// The entry of a 402 that is to be paid.
#[derive(Debug)]
pub(super) struct PaymentRequirements {
    /// The entry as it came.
    pub(super) entry: Value,
    pub(super) network: Network,
    pub(super) mint: Address,
    /// What is known of the mint without asking the chain.
    pub(super) token: Option<Token>,
    pub(super) amount: Amount,
    pub(super) pay_to: Address,
    pub(super) fee_payer: Address,
    pub(super) memo: Option<String>,
    pub(super) blockhash: Option<[u8; 32]>,
}

impl PaymentRequired {
    /// Reads the `PAYMENT-REQUIRED` header, or the body of version 1 if there is no such header.
    pub(super) fn read(header: Option<&str>, body: Option<Value>) -> Result<Self, String> {
        let (version, number, mut value) = match (header, body) {
            (Some(header), _) => {
                let json = from_base64(header).and_then(|json| serde_json::from_slice(&json).ok());
                let json = json.ok_or(
                    "the server's PAYMENT-REQUIRED header is not base64 of JSON; you were not charged",
                )?;
                (Version::V2, 2, json)
            }
            (None, Some(body)) => (Version::V1, 1, body),
            (None, None) => {
                return Err("the server asks for payment, but not by x402; you were not charged".to_owned());
            }
        };
        if value.get("x402Version").and_then(Value::as_u64) != Some(number) {
            return Err(format!(
                "the server's 402 does not follow x402 version {number}; you were not charged"
            ));
        }
        let mut take = |name: &str| value.get_mut(name).map(Value::take);
        let Some(Value::Array(accepts)) = take("accepts") else {
            return Err(NO_OFFER.to_owned());
        };
        let (resource, extensions) = match version {
            Version::V1 => (None, None),
            Version::V2 => (take("resource"), take("extensions")),
        };
        Ok(Self { version, resource, extensions, accepts })
    }

    /// Chooses the first entry that can be paid: scheme `exact`, on a Solana network, in a token that is
    /// known by name or whose mint is in `named`.
    pub(super) fn choose(&self, named: &[Address]) -> Result<PaymentRequirements, String> {
        let mut passed_over = Vec::new();
        for entry in &self.accepts {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let network = match self.version {
                Version::V1 => Network::ALL.into_iter().find(|n| n.v1_name() == text("network")),
                Version::V2 => Network::from_caip2(text("network")),
            };
            let (scheme, Some(network)) = (text("scheme"), network) else {
                passed_over.push(format!("the network {} is not supported", pretty::quoted(text("network"))));
                continue;
            };
            if scheme != EXACT {
                passed_over.push(format!("the scheme {} is not supported", pretty::quoted(scheme)));
                continue;
            }
            let mint: Address = text("asset").parse().map_err(|_| {
                "`asset` in the server's offer is not a mint's address; you were not charged".to_owned()
            })?;
            let token = known(network, &mint);
            if token.is_none() && !named.contains(&mint) {
                passed_over.push(format!(
                    "the token {mint} is not known by name: to pay in it, pass --token {mint}"
                ));
                continue;
            }
            return self.offer(entry, network, mint, token);
        }
        if passed_over.is_empty() {
            return Err(NO_OFFER.to_owned());
        }
        Err(format!(
            "coinop can pay none of the server's offers ({}); you were not charged",
            passed_over.join("; ")
        ))
    }

    fn offer(
        &self,
        entry: &Value,
        network: Network,
        mint: Address,
        token: Option<Token>,
    ) -> Result<PaymentRequirements, String> {
        let missing = |name: &str| {
            format!("`{name}` in the server's offer is missing or not valid; you were not charged")
        };
        let amount_name = match self.version {
            Version::V1 => "maxAmountRequired",
            Version::V2 => "amount",
        };
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let address = |pointer: &str| text(pointer).and_then(|text| text.parse::<Address>().ok());
        let amount = entry.get(amount_name).and_then(Value::as_str).and_then(Amount::parse_atomic);
        let memo = text("/extra/memo").map(str::to_owned);
        if memo.as_ref().is_some_and(|memo| memo.len() > LONGEST_MEMO) {
            return Err(missing("extra.memo"));
        }
        let blockhash = match text("/extra/recentBlockhash") {
            None => None,
            Some(text) => Some(parse_blockhash(text).ok_or_else(|| missing("extra.recentBlockhash"))?),
        };
        Ok(PaymentRequirements {
            entry: entry.clone(),
            network,
            mint,
            token,
            amount: amount.ok_or_else(|| missing(amount_name))?,
            pay_to: address("/payTo").ok_or_else(|| missing("payTo"))?,
            fee_payer: address("/extra/feePayer").ok_or_else(|| missing("extra.feePayer"))?,
            memo,
            blockhash,
        })
    }
}

/// Returns the token of this mint, if it is known by name on this network.
fn known(network: Network, mint: &Address) -> Option<Token> {
    let tokens = network.known_symbols().into_iter().filter_map(|symbol| network.known_token(symbol));
    tokens.into_iter().find(|token| token.mint == *mint)
}

#[cfg(test)]
pub(super) mod tests {
    use coinop_core::encoding::base64;
    use serde_json::json;

    use super::*;

    const V2: &str = include_str!("../../../core/tests/vectors/v2_x402_fetch_2.27.json");
    const V1: &str = include_str!("../../../core/tests/vectors/v1_x402_fetch_1.2.0.json");
    const STRANGE: &str = "So11111111111111111111111111111111111111112";

    /// Returns a captured purchase by a public client.
    pub(in super::super) fn captured(version: Version) -> Value {
        let text = match version {
            Version::V1 => V1,
            Version::V2 => V2,
        };
        serde_json::from_str(text).unwrap()
    }

    /// Returns the 402 of a captured purchase after `change`.
    pub(in super::super) fn required(version: Version, change: impl FnOnce(&mut Value)) -> PaymentRequired {
        let mut required = captured(version)["decoded"]["paymentRequired"].take();
        change(&mut required);
        match version {
            Version::V1 => PaymentRequired::read(None, Some(required)),
            Version::V2 => {
                PaymentRequired::read(Some(&base64(required.to_string().as_bytes())), Some(json!({})))
            }
        }
        .unwrap()
    }

    #[test]
    fn captured_402s_of_both_versions_are_read() {
        for version in [Version::V1, Version::V2] {
            let purchase = captured(version);
            let response = &purchase["http"][0]["response"];
            let header = response["headers"]["payment-required"].as_str();
            let body = serde_json::from_str(response["body"].as_str().unwrap()).ok();
            let required = PaymentRequired::read(header, body).unwrap();
            assert_eq!(required.version, version);
            let offer = required.choose(&[]).unwrap();
            assert_eq!((offer.network, offer.amount), (Network::Devnet, Amount::new(1000)));
            assert_eq!(offer.token.unwrap().symbol, "USDC");
            assert_eq!(offer.entry, purchase["decoded"]["paymentRequired"]["accepts"][0]);
            assert_eq!((offer.memo, offer.blockhash), (None, None));
        }
    }

    #[test]
    fn the_header_goes_before_the_body() {
        let body = captured(Version::V1)["decoded"]["paymentRequired"].take();
        let header = base64(captured(Version::V2)["decoded"]["paymentRequired"].to_string().as_bytes());
        assert_eq!(PaymentRequired::read(Some(&header), Some(body.clone())).unwrap().version, Version::V2);
        assert!(PaymentRequired::read(Some("%"), Some(body)).is_err());
        assert!(PaymentRequired::read(None, None).unwrap_err().contains("not by x402"));
        assert!(PaymentRequired::read(None, Some(json!({}))).is_err());
        assert!(PaymentRequired::read(None, Some(json!({"x402Version": 1, "accepts": {}}))).is_err());
    }

    #[test]
    fn the_first_entry_that_can_be_paid_is_chosen() {
        let mut wanted = Value::Null;
        let required = required(Version::V2, |required| {
            let good = required["accepts"][0].clone();
            let with = |name: &str, value: &str| {
                let mut entry = good.clone();
                entry[name] = json!(value);
                entry
            };
            wanted = with("amount", "77");
            required["accepts"] = json!([
                with("scheme", "upto"),
                with("network", "eip155:8453"),
                with("network", "solana-devnet"),
                with("asset", STRANGE),
                wanted,
                good,
            ]);
        });
        assert_eq!(required.choose(&[]).unwrap().entry, wanted);
        let strange = required.choose(&[STRANGE.parse().unwrap()]).unwrap();
        assert_eq!((strange.mint.to_string().as_str(), strange.token), (STRANGE, None));
    }

    #[test]
    fn what_cannot_be_paid_is_named_with_what_to_do() {
        let only = |name: &'static str, value: &'static str| {
            required(Version::V2, move |required| required["accepts"][0][name] = json!(value))
                .choose(&[])
                .unwrap_err()
        };
        assert!(only("asset", STRANGE).contains(&format!("--token {STRANGE}")));
        assert!(only("network", "eip155:8453").contains("eip155:8453"));
        assert!(only("scheme", "upto").contains("upto"));
        assert!(only("amount", "1.5").contains("`amount`"));
        assert!(only("payTo", "me").contains("`payTo`"));
        let none = required(Version::V1, |required| required["accepts"] = json!([]));
        assert!(none.choose(&[]).unwrap_err().contains("no way to pay"));
        let bare = required(Version::V1, |required| required["accepts"][0]["extra"] = json!(null));
        assert!(bare.choose(&[]).unwrap_err().contains("extra.feePayer"));
        let long = required(Version::V2, |r| r["accepts"][0]["extra"]["memo"] = json!("x".repeat(257)));
        assert!(long.choose(&[]).unwrap_err().contains("extra.memo"));
    }

    #[test]
    fn usdc_of_another_network_is_not_known_here() {
        let mainnet = Network::Mainnet.known_token("USDC").unwrap().mint;
        assert!(known(Network::Mainnet, &mainnet).is_some());
        assert!(known(Network::Devnet, &mainnet).is_none());
    }
}
