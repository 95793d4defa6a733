//! A stranger who tries to use the owner's API without a key, or with one that is none.

use std::rc::Rc;

use serde_json::json;

use super::any_asset;
use super::client::managing;
use crate::world::World;

/// Asks for one thing that only the owner may have.
pub(super) async fn act(world: &Rc<World>) {
    let key = [None, Some("coinop_api_wrold")][world.draws.below(2)];
    let asset = format!("/api/v1/assets/{}", any_asset(world));
    let request = match world.draws.below(5) {
        0 => {
            let id = format!("theirs-{}", world.draws.below(1_000));
            let new = json!({ "id": id, "price": "0.01", "unit": "minute", "max_quantity": 240 });
            managing("POST", "/api/v1/assets", key, Some(&new))
        }
        1 => managing("PATCH", &asset, key, Some(&json!({ "price": "0.000001" }))),
        2 => managing("DELETE", &asset, key, None),
        3 => managing("POST", "/api/v1/tick", key, None),
        _ => managing("GET", "/api/v1/merchant/sessions", key, None),
    };
    let what = format!("{} {}", request.method, request.path);
    let Some(answer) = world.ask(request).await else { return };
    assert!(
        answer.status == 401 || answer.status >= 500,
        "a stranger uses the owner's API (inv. 9): {what} is answered {}",
        answer.status
    );
}
