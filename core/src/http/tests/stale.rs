//! A catalogue that is a minute old, as a cache far from the asset shows it. It makes no sale wrong, and no open quote
//! is refused because of it.

use super::assets::{ASSETS, ROOM, code, manage, room, with_room};
use super::readers::WithCatalogue;
use super::*;
use crate::config::Asset;
use crate::error::{TransportError, TransportFault};
use crate::ids::AssetId;
use crate::ports::{Catalogue, PortError, Ports};

const ACCESS: &str = "/api/v1/access/room-7";

/// What the catalogue shows; `None` if it does not answer.
#[derive(Clone)]
struct Shown(Option<Vec<Asset>>);

fn no_answer() -> PortError {
    TransportError::new("the catalogue", TransportFault::Timeout(1)).into()
}

impl Catalogue for Shown {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        let assets = self.0.as_ref().ok_or_else(no_answer)?;
        Ok(assets.iter().find(|asset| asset.id == *id).cloned())
    }

    async fn page(&self, _: Option<&AssetId>, _: u32) -> Result<Vec<Asset>, PortError> {
        self.0.clone().ok_or_else(no_answer)
    }
}

/// Returns what a catalogue shows now.
fn shown(world: &World) -> Shown {
    Shown(Some(world.run(Platform::new(world).catalogue().page(None, 100)).unwrap().unwrap()))
}

/// Returns the response to a request with or without a payment, while the catalogue still shows `catalogue`.
fn send(world: &World, catalogue: &Shown, header: Option<(&str, &str)>) -> Answer {
    let request = Request {
        method: "GET".to_owned(),
        path: ACCESS.to_owned(),
        headers: header.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
        ..Request::default()
    };
    let stale = WithCatalogue { platform: Platform::new(world), catalogue: catalogue.clone() };
    let context = Context::new(&world.deployment, &stale);
    let response = world.run(handle(&context, &request)).unwrap();
    let body = serde_json::from_slice(&response.body).unwrap();
    Answer { status: response.status, headers: response.headers, body }
}

/// Changes the room while the catalogue does not change.
fn happens(world: &World, changes: &[(&str, &str, Value)]) {
    for (method, target, body) in changes {
        assert!(manage(world, method, target, body).status < 300, "{method} {body}");
    }
}

#[test]
fn a_stale_catalogue_refuses_no_open_quote_and_sells_nothing_wrongly_inv_1_6() {
    let price = ("PATCH", ROOM, json!({"price": "0.05", "min_quantity": 2}));
    let disable = ("PATCH", ROOM, json!({"enabled": false}));
    let enable = ("PATCH", ROOM, json!({"enabled": true}));
    let gone = ("DELETE", ROOM, Value::Null);
    let again = ("POST", ASSETS, room(json!({})));
    // What happened before the catalogue was read, before the quote was given, and before the payment was sent,
    // followed by the answer to the payment.
    let cases = [
        (vec![], vec![], vec![price.clone()], 200, ""),
        (vec![], vec![price], vec![], 200, ""),
        (vec![], vec![], vec![disable.clone()], 409, "asset_disabled"),
        (vec![disable], vec![enable], vec![], 200, ""),
        (vec![], vec![], vec![gone.clone()], 404, "not_found"),
        (vec![], vec![], vec![gone.clone(), again.clone()], 402, ""),
        (vec![], vec![gone.clone(), again.clone()], vec![], 200, ""),
        (vec![gone], vec![again], vec![], 200, ""),
    ];
    for (number, (before, after, later, status, expected)) in cases.into_iter().enumerate() {
        let world = with_room();
        happens(&world, &before);
        let catalogue = shown(&world);
        happens(&world, &after);
        // The quote is given where the catalogue is fresh.
        let offered = get(&world, ACCESS);
        let amount = offered.required()["accepts"][0]["amount"].clone();
        let header = payment(&world, 1, &offered);
        happens(&world, &later);
        let answer = send(&world, &catalogue, Some(("payment-signature", &header)));
        assert_eq!((answer.status, code(&answer).1), (status, expected), "case {number}: {}", answer.body);
        if status == 200 {
            assert_eq!(answer.body["amount"], amount);
        }
        assert_eq!(world.charged(), usize::from(status == 200), "case {number}");
        world.audit_settled();
    }
}

#[test]
fn what_a_stale_catalogue_offers_is_decided_on_the_asset_itself_inv_1_6() {
    // The price is a minute old but valid, because it was offered.
    let world = with_room();
    let catalogue = shown(&world);
    happens(&world, &[("PATCH", ROOM, json!({"price": "0.05"}))]);
    let header = payment(&world, 1, &send(&world, &catalogue, None));
    let sold = send(&world, &catalogue, Some(("payment-signature", &header)));
    assert_eq!((sold.status, &sold.body["amount"]), (200, &json!("10000")));
    // Without a quote nothing says what was offered, so the present price counts.
    world.advance(60_000);
    for (amount, status) in [(10_000, 402), (50_000, 200)] {
        let transaction = base64(world.pay_v1(2, amount).transaction());
        let payload = json!({"x402Version": 1, "scheme": "exact", "network": "solana-devnet", "payload": {"transaction": transaction}});
        let header = base64(payload.to_string().as_bytes());
        let answer = send(&world, &catalogue, Some(("x-payment", &header)));
        assert_eq!(answer.status, status, "{amount}: {}", answer.body);
    }
    assert_eq!(world.charged(), 2);
    // A stale catalogue may offer an asset that was deleted or replaced. A payment for it buys nothing.
    world.advance(60_000);
    happens(&world, &[("DELETE", ROOM, Value::Null), ("POST", ASSETS, room(json!({"price": "0.001"})))]);
    let header = payment(&world, 3, &send(&world, &catalogue, None));
    let answer = send(&world, &catalogue, Some(("payment-signature", &header)));
    assert_eq!((answer.status, answer.settlement().error_reason.as_deref()), (402, Some("ticket_mismatch")));
    assert_eq!(world.charged(), 2);
    // The refusal offers what is there now.
    let header = payment(&world, 3, &answer);
    let sold = send(&world, &catalogue, Some(("payment-signature", &header)));
    assert_eq!((sold.status, &sold.body["amount"]), (200, &json!("1000")));
    world.audit_settled();
}

#[test]
fn a_repeat_needs_no_catalogue_that_knows_the_asset_inv_1_2() {
    let world = with_room();
    let header = payment(&world, 1, &get(&world, ACCESS));
    let sold = send(&world, &shown(&world), Some(("payment-signature", &header)));
    let repeat = send(&world, &Shown(Some(Vec::new())), Some(("payment-signature", &header)));
    assert_eq!((repeat.status, &repeat.body["sessionId"]), (200, &sold.body["sessionId"]));
    // A catalogue that does not answer says nothing about a payment, which has to be sent again.
    let answer = send(&world, &Shown(None), Some(("payment-signature", &header)));
    assert_eq!(code(&answer), (503, "unavailable"));
    assert_eq!(code(&send(&world, &Shown(None), None)), (503, "unavailable"));
}

#[test]
fn what_nobody_signed_is_refused_by_the_catalogue_alone() {
    let world = with_room();
    let header = payment(&world, 1, &get(&world, ACCESS));
    let mut altered: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    let mut transaction = from_base64(altered["payload"]["transaction"].as_str().unwrap()).unwrap();
    // The buyer's signature is the second of two.
    transaction[1 + 64] ^= 1;
    altered["payload"]["transaction"] = json!(base64(&transaction));
    let altered = base64(altered.to_string().as_bytes());
    let catalogue = shown(&world);
    world.database_is_gone();
    let answer = send(&world, &catalogue, Some(("payment-signature", &altered)));
    assert_eq!(answer.status, 402, "{}", answer.body);
    assert_eq!(code(&send(&world, &catalogue, Some(("payment-signature", &header)))), (503, "unavailable"));
}
