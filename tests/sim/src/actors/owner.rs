//! An owner, who makes assets by API, changes them and deletes them.

use std::rc::Rc;

use coinop_core::http::Request;
use serde_json::{Value, json};

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
        let price = ["0.01", "0.02", "0.005"][world.draws.below(3)];
        let (method, path, body) = match world.draws.below(6) {
            0 => ("DELETE", format!("/api/v1/assets/{id}"), None),
            1 => (
                "PATCH",
                format!("/api/v1/assets/{id}"),
                Some(json!({ "enabled": world.draws.happens(5_000) })),
            ),
            2 => ("PATCH", format!("/api/v1/assets/{id}"), Some(json!({ "price": price, "enabled": true }))),
            _ => {
                let asset = json!({ "id": id, "price": price, "unit": "minute", "max_quantity": 240 });
                ("POST", "/api/v1/assets".to_owned(), Some(asset))
            }
        };
        drop(world.ask(request(method, path, body)).await);
    }
}

fn request(method: &str, path: String, body: Option<Value>) -> Request {
    Request {
        method: method.to_owned(),
        path,
        query: None,
        headers: vec![
            ("authorization".to_owned(), format!("Bearer {API_KEY}")),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
    }
}
