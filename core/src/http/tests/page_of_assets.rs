//! What a page of the catalogue costs.

use std::cell::Cell;

use super::assets::{ASSETS, manage, room};
use super::readers::{Counted, WithCatalogue};
use super::*;
use crate::store::SqlJournal;
use crate::testkit::platform::Tables;

/// Returns the answer for a page of assets, and how often the journal was asked for it.
fn page(world: &World, query: &str) -> (Value, u32) {
    let asked = Cell::new(0);
    let journal = || SqlJournal::new(Counted { tables: Tables(world), asked: &asked }, "main".to_owned());
    let ports = WithCatalogue { platform: Platform::writing(world, journal()), catalogue: journal() };
    let request = Request {
        method: "GET".to_owned(),
        path: ASSETS.to_owned(),
        query: Some(query.to_owned()),
        ..Request::default()
    };
    let context = Context::new(&world.deployment, &ports);
    let response = world.run(handle(&context, &request)).unwrap();
    assert_eq!(response.status, 200);
    (serde_json::from_slice(&response.body).unwrap(), asked.get())
}

fn add(world: &World, id: &str, more: &Value) {
    let mut asset = room(json!({ "id": id }));
    asset.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    assert_eq!(manage(world, "POST", ASSETS, &asset).status, 201);
}

#[test]
fn a_page_of_a_hundred_assets_asks_the_journal_no_more_often_than_a_page_of_one() {
    let world = World::new();
    for n in 0..60 {
        add(&world, &format!("room-{n:03}"), &json!({}));
        add(&world, &format!("hall-{n:03}"), &json!({ "capacity": 2 }));
    }
    let (all, asked) = page(&world, "limit=100");
    assert_eq!(all["assets"].as_array().unwrap().len(), 100);
    assert!(asked <= 3, "the catalogue, the states and the seats: {asked} queries");
}

#[test]
fn each_asset_of_a_page_is_as_free_as_it_says_alone() {
    let world = World::new();
    for n in 0..4 {
        add(&world, &format!("room-{n}"), &json!({}));
        add(&world, &format!("hall-{n}"), &json!({ "capacity": 2 }));
        add(&world, &format!("film-{n}"), &json!({ "capacity": "unlimited" }));
    }
    for (who, asset) in
        [(1, "room-1"), (2, "hall-2"), (3, "hall-2"), (1, "hall-3"), (2, "film-0"), (3, "door-1")]
    {
        let target = format!("/api/v1/access/{asset}");
        let paid = payment(&world, who, &get(&world, &target));
        assert_eq!(ask(&world, "GET", &target, &[("payment-signature", &paid)], "").status, 200);
    }
    let (all, _) = page(&world, "limit=100");
    let mut taken = Vec::new();
    for asset in all["assets"].as_array().unwrap() {
        let id = asset["id"].as_str().unwrap();
        let alone = ask(&world, "GET", &format!("{ASSETS}/{id}"), &[], "").body;
        assert_eq!(asset, &alone, "{id}");
        if asset["available"] == false {
            taken.push(id);
        }
    }
    assert_eq!(taken, ["door-1", "hall-2", "room-1"]);
}
