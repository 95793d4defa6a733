//! An owner, who makes assets by API, changes them and deletes them.

use std::rc::Rc;

use coinop_core::http::{Request, Response};
use serde_json::{Value, json};

use super::client::managing;
use crate::promises::Listed;
use crate::world::{API_KEY, World};

/// Returns the ids of the assets that an owner makes.
pub(super) fn made() -> Vec<String> {
    vec!["made-1".to_owned(), "made-2".to_owned()]
}

/// Makes, changes and deletes assets for as long as the world is open.
pub(super) async fn act(world: Rc<World>) {
    while world.is_open.get() {
        world.pause(500..25_000).await;
        let Some(id) = world.draws.one_of(&made()).cloned() else { return };
        let path = format!("/api/v1/assets/{id}");
        let price = ["0.01", "0.02", "0.005"][world.draws.below(3)];
        let change = |body: &Value| managing("PATCH", &path, Some(API_KEY), Some(body));
        let known = world.promises.borrow_mut().changes(&id);
        let told = match world.draws.below(8) {
            0 => ask(&world, &id, managing("DELETE", &path, Some(API_KEY), None)).await,
            1 => ask(&world, &id, change(&json!({ "enabled": world.draws.happens(5_000) }))).await,
            2 => ask(&world, &id, change(&json!({ "price": price, "enabled": true }))).await,
            3 => {
                let capacity = [json!(1), json!(2), json!("unlimited")][world.draws.below(3)].clone();
                ask(&world, &id, change(&json!({ "capacity": capacity }))).await
            }
            4 => {
                let most = 100 + world.draws.below(100);
                let (one, two) = (json!({ "price": price }), json!({ "max_quantity": most }));
                let (one, two) = (world.ask(change(&one)), world.ask(change(&two)));
                let (one, two) = futures::future::join(one, two).await;
                let is_done = |answer: &Option<Response>| answer.as_ref().is_some_and(|it| it.status == 200);
                let are_done = is_done(&one) && is_done(&two);
                let now = world.ask(change(&json!({ "enabled": true }))).await;
                if are_done && let Some(now) = now.as_ref().filter(|now| now.status == 200) {
                    check_both(&world, now, price, most);
                }
                heard(now.as_ref())
            }
            _ => {
                let asset = json!({ "id": id, "price": price, "unit": "minute", "max_quantity": 240 });
                let request = managing("POST", "/api/v1/assets", Some(API_KEY), Some(&asset));
                ask(&world, &id, request).await
            }
        };
        // What is refused changes nothing.
        match told {
            Heard::Nothing => {}
            Heard::Refused => world.promises.borrow_mut().knows(&id, known),
            Heard::That(listed) => world.promises.borrow_mut().told(&id, listed, world.exec.now()),
        }
    }
}

/// What an answer tells the owner of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Refused,
    That(Listed),
}

/// Asks for a change, and checks that nothing is deleted that is in use (invariant 2).
async fn ask(world: &Rc<World>, id: &str, request: Request) -> Heard {
    let heard = heard(world.ask(request).await.as_ref());
    if heard == Heard::That(Listed::Gone) {
        let audit = world.audit.borrow();
        let mut busy = audit.books.busy();
        busy.retain(|stream| stream.asset().as_str() == id && !stream.is_shared());
        assert!(busy.is_empty() || audit.is_impaired(), "{id} was deleted while it was in use (inv. 2)");
    }
    heard
}

fn heard(answer: Option<&Response>) -> Heard {
    let Some(answer) = answer else { return Heard::Nothing };
    match answer.status {
        204 => Heard::That(Listed::Gone),
        200 | 201 => {
            let shown: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let price = match shown["tariff"]["price"].as_str() {
                Some("0.01") => 10_000,
                Some("0.02") => 20_000,
                Some("0.005") => 5_000,
                _ => return Heard::Nothing,
            };
            Heard::That(Listed::There { price, is_enabled: shown["enabled"] == true })
        }
        400..500 => Heard::Refused,
        _ => Heard::Nothing,
    }
}

/// Checks that of two changes that were made at once, both are there.
fn check_both(world: &World, now: &Response, price: &str, most: usize) {
    let shown: Value = serde_json::from_slice(&now.body).unwrap_or_default();
    let tariff = &shown["tariff"];
    assert!(
        (tariff["price"] == price && tariff["maxQuantity"] == most) || world.audit.borrow().is_impaired(),
        "of two changes of an asset at once, one is lost: {price} and {most} became {tariff}"
    );
}
