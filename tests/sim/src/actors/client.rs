//! What every client of the gateway does: asks, reads the price, signs, pays, reads the answer.

use std::rc::Rc;

use coinop_core::PaymentId;
use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{Request, Response};
use coinop_core::svm::{Address, SigningKey, TokenProgram, Transaction, Transfer};
use coinop_core::x402::{PAYMENT_REQUIRED, PAYMENT_SIGNATURE, X_PAYMENT};
use serde_json::{Value, json};

use crate::plan::Fault;
use crate::world::World;

/// A wallet.
pub(crate) struct Wallet {
    pub(crate) key: SigningKey,
    pub(crate) address: Address,
    pub(crate) account: Address,
}

impl Wallet {
    /// Makes the wallet of this number, with money.
    pub(crate) fn new(world: &World, number: usize, amount: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
        bytes[31] = 1;
        let key = SigningKey::from_bytes(&bytes);
        let address = Address::new(key.verifying_key().to_bytes());
        let account = world.token_account(&address);
        let mut chain = world.chain.borrow_mut();
        chain.open(account, address, amount);
        chain.fund(address, 1_000_000_000);
        Self { key, address, account }
    }
}

/// What a 402 offers.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(super) entry: Value,
    resource: Value,
    pub(crate) amount: u64,
    fee_payer: Address,
    pub(super) memo: Option<String>,
}

/// A signed payment, with the request that carries it.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) request: Request,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The payment has bought this session. `token` is its bearer.
    Sold { session: String, token: String },
    /// The payment is not charged and never will be.
    Uncharged { code: String },
    /// The payment landed and bought nothing. All of it is owed.
    Owed,
    /// The payment was used before.
    Used,
    /// Nothing is certain yet.
    Unclear,
}

impl World {
    /// Sends a request. `None` means that the connection broke.
    pub(crate) async fn ask(&self, request: Request) -> Option<Response> {
        self.exec.sleep(5 + self.draws.within(0..60)).await;
        let line = format!("{} {}", request.method, request.path);
        let answer = self.gateways.answer(request).await;
        let lost = self.fails(Fault::AnswerLost, &self.node_random);
        self.trace.note(self.exec.now(), || {
            let status = answer.as_ref().map(|it| it.status);
            format!("{line} -> {status:?}{}", if lost { ", lost" } else { "" })
        });
        self.exec.sleep(5 + self.draws.within(0..60)).await;
        answer.filter(|_| !lost)
    }

    /// Asks for a price.
    pub(crate) async fn price(&self, path: &str, bearer: Option<&str>) -> Option<Offer> {
        let request = get(path, bearer);
        let response = self.ask(request).await.filter(|response| response.status == 402)?;
        Offer::read(&response)
    }

    /// Returns a recent blockhash, as a wallet gets it from its own node.
    pub(crate) fn recent_blockhash(&self) -> [u8; 32] {
        let mut chain = self.chain.borrow_mut();
        chain.advance(self.exec.now());
        let slot = chain.blocks.tip() - crate::chain::CONFIRMED_LAG;
        chain.blocks.hash(slot)
    }

    /// Waits for about this long.
    pub(crate) async fn pause(&self, ms: std::ops::Range<u64>) {
        let ms = self.draws.within(ms);
        self.exec.sleep(ms).await;
    }
}

/// Makes a GET of this path.
pub(crate) fn get(path: &str, bearer: Option<&str>) -> Request {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut headers = Vec::new();
    if let Some(token) = bearer {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: Vec::new(),
    }
}

/// Makes a request of the owner's API, with a key if there is one.
pub(super) fn managing(method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Request {
    let mut request = get(path, key);
    method.clone_into(&mut request.method);
    request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    request.body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    request
}

/// Returns the value of a header.
fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

impl Offer {
    fn read(response: &Response) -> Option<Self> {
        let required = from_base64(header(response, PAYMENT_REQUIRED)?)?;
        let required: Value = serde_json::from_slice(&required).ok()?;
        let entry = required["accepts"][0].clone();
        Some(Self {
            amount: entry["amount"].as_str()?.parse().ok()?,
            fee_payer: entry["extra"]["feePayer"].as_str()?.parse().ok()?,
            memo: entry["extra"]["memo"].as_str().map(str::to_owned),
            resource: required["resource"].clone(),
            entry,
        })
    }

    /// Signs a payment with this blockhash and memo.
    pub(crate) fn sign(
        &self,
        world: &World,
        wallet: &Wallet,
        blockhash: [u8; 32],
        memo: Option<&str>,
    ) -> Option<Vec<u8>> {
        self.sign_instead(world, wallet, blockhash, memo, |_| {})
    }

    /// Signs what `change` makes of the payment.
    pub(super) fn sign_instead(
        &self,
        world: &World,
        wallet: &Wallet,
        blockhash: [u8; 32],
        memo: Option<&str>,
        change: impl FnOnce(&mut Transfer<'_>),
    ) -> Option<Vec<u8>> {
        let token = &world.deployment.config.merchant.tokens[0].token;
        let mut transfer = Transfer {
            fee_payer: self.fee_payer,
            pay_to: world.merchant(),
            mint: token.mint,
            decimals: token.decimals,
            program: TokenProgram::Spl,
            amount: coinop_core::Amount::new(self.amount),
            blockhash,
            memo,
        };
        change(&mut transfer);
        transfer.sign(&wallet.key)?.encode().ok()
    }

    /// Signs a payment as a v2 client does.
    pub(crate) fn pay(
        &self,
        world: &World,
        wallet: &Wallet,
        path: &str,
        blockhash: [u8; 32],
    ) -> Option<Payment> {
        let bytes = self.sign(world, wallet, blockhash, self.memo.as_deref())?;
        Some(self.carry(&bytes, path, None))
    }

    /// Signs a payment as a v1 client does, which knows of no ticket and no memo of ours.
    pub(crate) fn pay_v1(
        &self,
        world: &World,
        wallet: &Wallet,
        path: &str,
        blockhash: [u8; 32],
    ) -> Option<Payment> {
        let nonce = coinop_core::encoding::hex(&world.draws.bytes::<16>());
        let bytes = self.sign(world, wallet, blockhash, Some(&nonce))?;
        Some(carry_v1(&bytes, path))
    }

    /// Puts signed bytes into a v2 request with this offer's ticket.
    pub(crate) fn carry(&self, bytes: &[u8], path: &str, bearer: Option<&str>) -> Payment {
        let body = json!({
            "x402Version": 2, "accepted": self.entry, "resource": self.resource,
            "payload": { "transaction": base64(bytes) },
        });
        with_payment(bytes, path, bearer, PAYMENT_SIGNATURE, &body)
    }
}

/// Puts signed bytes into a v1 request.
pub(crate) fn carry_v1(bytes: &[u8], path: &str) -> Payment {
    carry_v1_on("solana-devnet", bytes, path)
}

/// Puts signed bytes into a v1 request that names this network.
pub(super) fn carry_v1_on(network: &str, bytes: &[u8], path: &str) -> Payment {
    let body = json!({
        "x402Version": 1, "scheme": "exact", "network": network, "payload": { "transaction": base64(bytes) },
    });
    with_payment(bytes, path, None, X_PAYMENT, &body)
}

fn with_payment(bytes: &[u8], path: &str, bearer: Option<&str>, name: &str, body: &Value) -> Payment {
    let mut request = get(path, bearer);
    request.headers.push((name.to_owned(), base64(body.to_string().as_bytes())));
    let message = Transaction::decode(bytes).map(|it| it.message_bytes).unwrap_or_default();
    Payment { id: PaymentId::of_message(&message), request }
}

/// Reads the answer to a payment.
pub(crate) fn read(answer: Option<&Response>) -> Told {
    let Some(response) = answer else { return Told::Unclear };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    match response.status {
        200 => Told::Sold { session: text("sessionId"), token: text("sessionToken") },
        202 | 503 | 500 => Told::Unclear,
        _ if body["charged"] == false => {
            Told::Uncharged { code: if response.status == 402 { text("error") } else { text("code") } }
        }
        409 if body["code"] == "payment_already_used" => Told::Used,
        409 if body["code"] == "not_delivered" => Told::Owed,
        _ => Told::Unclear,
    }
}

/// Sends a payment until something certain is known, or the world has healed and its time is over.
pub(crate) async fn insist(world: &Rc<World>, payment: &Payment, until: u64) -> Told {
    loop {
        let answer = world.ask(payment.request.clone()).await;
        let told = read(answer.as_ref());
        world.trace.note(world.exec.now(), || format!("{} was told {told:?}", &payment.id.as_str()[..8]));
        if let Told::Uncharged { .. } = &told {
            world.audit.borrow_mut().told_uncharged(payment.id.clone());
        }
        if told != Told::Unclear || world.exec.now() >= until {
            return told;
        }
        world.pause(500..5_000).await;
    }
}
