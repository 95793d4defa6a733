//! A buyer with an x402 v2 client.

use coinop_core::Amount;
use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Address, SigningKey, TokenProgram, Transfer};
use coinop_core::x402::SettlementResponse;
use serde_json::{Value, json};

use super::{Answer, World};

#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) key: SigningKey,
}

/// A signed payment and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct PaymentPayload {
    pub(crate) path: String,
    /// The value of `PAYMENT-SIGNATURE`.
    pub(crate) header: String,
    /// In atomic units.
    pub(crate) amount: u64,
}

/// What was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sold {
    pub(crate) session: String,
    pub(crate) token: String,
    pub(crate) transaction: String,
    pub(crate) ends_at: String,
}

impl Buyer {
    /// Returns the buyer of this number.
    pub(crate) fn numbered(number: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[100 + number; 32]) }
    }

    pub(crate) fn address(&self) -> Address {
        Address::new(self.key.verifying_key().to_bytes())
    }

    /// Asks for the price, and signs a payment for it.
    pub(crate) async fn sign(&self, world: &World, path: &str) -> PaymentPayload {
        self.sign_with(world, path, &[]).await
    }

    /// Does the same, with more headers in the request for the price.
    pub(crate) async fn sign_with(
        &self,
        world: &World,
        path: &str,
        headers: &[(&str, &str)],
    ) -> PaymentPayload {
        let challenge = world.send("POST", path, headers).await;
        assert_eq!(challenge.status, 402, "{challenge:?}");
        let required = from_base64(challenge.header("payment-required")).unwrap();
        let required: Value = serde_json::from_slice(&required).unwrap();
        assert_eq!(required["x402Version"], 2);
        let offer = &required["accepts"][0];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{required}")).to_owned();
        let address = |value: &Value| text(value).parse::<Address>().unwrap();
        let amount = text(&offer["amount"]).parse().unwrap();
        let transfer = Transfer {
            fee_payer: address(&offer["extra"]["feePayer"]),
            pay_to: address(&offer["payTo"]),
            mint: address(&offer["asset"]),
            decimals: 6,
            program: TokenProgram::Spl,
            amount: Amount::new(amount),
            blockhash: world.chain.blockhash().await,
            memo: Some(&text(&offer["extra"]["memo"])),
        };
        let transaction = transfer.sign(&self.key).unwrap().encode().unwrap();
        let payment = json!({
            "x402Version": 2,
            "accepted": offer,
            "resource": required["resource"],
            "payload": { "transaction": base64(&transaction) },
        });
        let header = base64(payment.to_string().as_bytes());
        PaymentPayload { path: path.to_owned(), header, amount }
    }

    /// Buys, from the price to the session.
    pub(crate) async fn buy(&self, world: &World, path: &str) -> Sold {
        let payment = self.sign(world, path).await;
        payment.until_sold(world).await
    }
}

impl PaymentPayload {
    /// Sends it once.
    pub(crate) async fn send(&self, world: &World) -> Answer {
        self.try_send(world).await.unwrap()
    }

    /// Sends it once. Returns an error if the connection broke.
    pub(crate) async fn try_send(&self, world: &World) -> Result<Answer, String> {
        world.try_send("POST", &self.path, &[("payment-signature", &self.header)]).await
    }

    /// Sends it again as long as the answer is 202.
    pub(crate) async fn until_sold(&self, world: &World) -> Sold {
        super::eventually("a payment's outcome", async || {
            let answer = self.send(world).await;
            if answer.status == 202 {
                assert_eq!(answer.json()["code"], "settlement_pending");
                return None;
            }
            Some(Sold::from(&answer))
        })
        .await
    }

    /// Returns the same transaction without its ticket.
    pub(crate) fn without_ticket(&self) -> Self {
        let mut payment: Value = serde_json::from_slice(&from_base64(&self.header).unwrap()).unwrap();
        payment["accepted"]["extra"].as_object_mut().unwrap().remove("ticket").unwrap();
        Self { header: base64(payment.to_string().as_bytes()), ..self.clone() }
    }
}

impl From<&Answer> for Sold {
    fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        let sold = Self {
            session: text("sessionId"),
            token: text("sessionToken"),
            transaction: text("transaction"),
            ends_at: text("endsAt"),
        };
        let response = SettlementResponse::from_header(answer.header("payment-response")).unwrap();
        assert!(response.success);
        assert_eq!(response.transaction, sold.transaction);
        sold
    }
}
