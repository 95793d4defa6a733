//! A world in which a session runs, and the words for what its requests may carry.

use coinop_core::AssetId;
use coinop_core::bench::{Quote, Ticket};
use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{Request, Response};
use coinop_core::sign_in;
use coinop_core::testkit::keys;
use coinop_core::testkit::world::{API_KEY, World};
use serde_json::{Value, json};

/// The first buyer, who has a session at the first door, and the second, who has none.
const FIRST: u8 = 1;
const SECOND: u8 = 2;

pub(super) struct Started {
    pub(super) world: World,
    /// The words, each with what it stands for. A word that begins like another one comes before it.
    words: Vec<(&'static str, String)>,
}

impl Started {
    pub(super) fn new() -> Self {
        let world = World::with_doors(3);
        world.fund(FIRST, 1_000_000);
        world.fund(SECOND, 1_000_000);
        assert!(world.deployment.config.asset(&AssetId::parse("door-1").unwrap()).is_some());
        let words = words(&world);
        Self { world, words }
    }

    /// Puts what the words stand for in their places.
    pub(super) fn spelt_out(&self, text: &str) -> String {
        if !text.contains('@') {
            return text.to_owned();
        }
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

fn words(world: &World) -> Vec<(&'static str, String)> {
    let bought = pay(world, FIRST, "/api/v1/access/door-1?quantity=2", &[]);
    let bought = ask(world, "GET", "/api/v1/access/door-1?quantity=2", &[("payment-signature", &bought)]);
    let sold: Value = serde_json::from_slice(&bought.body).unwrap();
    let text = |name: &str| sold[name].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {}", text("sessionToken"));
    let signed_in = required(&ask(world, "GET", "/api/v1/access/door-1?signin", &[]));
    let challenge = &signed_in["extensions"][sign_in::EXTENSION];
    let proof = sign_in::prove(challenge, &keys::numbered(FIRST)).unwrap();
    let v1 = json!({
        "x402Version": 1, "scheme": "exact", "network": world.deployment.config.network.v1_name(),
        "payload": { "transaction": base64(world.pay_v1(SECOND, 10_000).transaction()) },
    });
    vec![
        ("@extension", pay(world, FIRST, "/api/v1/access/door-1/extend", &[("authorization", &bearer)])),
        ("@other-payment", pay(world, FIRST, "/api/v1/access/door-3", &[])),
        ("@payment", pay(world, SECOND, "/api/v1/access/door-2", &[])),
        ("@v1", base64(v1.to_string().as_bytes())),
        ("@bearer", bearer),
        ("@grant", text("grant")),
        ("@session", text("sessionId")),
        ("@payer", keys::address(&keys::numbered(FIRST)).to_string()),
        ("@proof", proof),
        ("@key", format!("Bearer {API_KEY}")),
    ]
}

/// Asks the gateway.
fn ask(world: &World, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    super::answer(
        world,
        &Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        },
    )
}

/// Returns the header of a payment for what is offered there.
fn pay(world: &World, who: u8, target: &str, headers: &[(&str, &str)]) -> String {
    let offered = required(&ask(world, "GET", target, headers))["accepts"][0].clone();
    let ticket = Ticket::from_text(offered["extra"]["ticket"].as_str().unwrap());
    let deployment = &world.deployment;
    let quote = Quote::open(&ticket, &deployment.keys, &deployment.config, &world.fee_payers).unwrap();
    let transaction = base64(world.pay(who, &ticket, &quote).transaction());
    let payment = json!({ "x402Version": 2, "accepted": offered, "payload": { "transaction": transaction } });
    base64(payment.to_string().as_bytes())
}

/// Returns what a 402 asks for in its header.
fn required(response: &Response) -> Value {
    let header = response.headers.iter().find(|(name, _)| *name == "payment-required");
    let (_, value) = header.unwrap_or_else(|| panic!("{} is no 402", response.status));
    serde_json::from_slice(&from_base64(value).unwrap()).unwrap()
}
