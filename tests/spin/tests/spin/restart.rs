//! Another host on the same database.

use crate::support::{Buyer, Sold, World};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_repeat_gets_the_same_session_inv_1_2() {
    let world = World::start().await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    let sold = payment.until_sold(&world).await;
    world.check();
    let world = world.restart().await;
    let before = (world.relay.calls(), world.database.events());
    let again = Sold::from(&payment.send(&world).await);
    assert_eq!(again.session, sold.session);
    assert_eq!(again.transaction, sold.transaction);
    assert_eq!(again.ends_at, sold.ends_at);
    // The token from before the restart is valid as well.
    assert_eq!(world.session(&sold.session, &sold.token).await["status"], "active");
    assert_eq!((world.relay.calls(), world.database.events()), before, "a repeat costs nothing");
    assert_eq!(world.earned().await, 10_000);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_keeps_what_the_previous_one_has_signed_inv_2() {
    let world = World::start().await;
    let sold = Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    // A price that was quoted before the change is paid after it.
    let payment = Buyer::numbered(1).sign(&world, "/api/v1/access/door-2").await;
    let mut app = world.app();
    let old = app.variables.insert("coinop_secret".to_owned(), coinop_core::encoding::base64(&[9; 32]));
    app.variables.insert("coinop_secret_previous".to_owned(), old.unwrap());
    let world = world.restart_as(app).await;
    assert_eq!(world.session(&sold.session, &sold.token).await["status"], "active");
    payment.until_sold(&world).await;
    assert_eq!(world.earned().await, 20_000);
    world.check();
}
