//! Sales on this rail.

use super::*;

fn payment(who: u8, ticket: &Ticket, quote: &Quote) -> PaymentPayload {
    accepted(ticket, quote, Payload::LateId(Order::sign(who, quote.amount, quote.nonce).bytes()))
}

/// Returns a payment for one minute at the first door, in a world with this chain.
fn offered(chain: Chain) -> (World, PaymentPayload) {
    let world = World::new();
    world.chain.set(chain);
    let (ticket, quote) = quoted(&world, Offered::LateId);
    let payment = payment(1, &ticket, &quote);
    (world, payment)
}

/// Returns the payment's record, as the journal has it.
fn record(world: &World) -> PaymentRecord {
    let text = world.database.query_row("SELECT record FROM payment", [], |row| row.get::<_, String>(0));
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// Runs recovery alone, until nothing is in flight.
fn recover(world: &World, network: &Network<'_>) {
    for _ in 0..40 {
        Platform::new(world, network).recover();
        world.audit();
        if world.count("head WHERE unsettled IS NOT NULL") == 0 {
            return world.audit_settled();
        }
        world.advance(3_000);
    }
    panic!("a payment stays in flight for ever");
}

#[test]
fn killed_anywhere_a_sale_whose_id_comes_late_is_one_charge_one_grant_and_keeps_its_id_inv_1_2_3() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 9_000)] {
        for n in 0.. {
            let (world, payment) = offered(chain);
            let network = Network::new(&world);
            world.blow_at(n);
            let done = Platform::new(&world, &network).buy(&payment);
            world.audit();
            // Recovery runs first, so that the buyer's repeat finds what was finished without it.
            let was_claimed = world.count("payment") == 1;
            recover(&world, &network);
            assert_eq!(world.charged(), usize::from(was_claimed), "{chain:?}, killed at {n}");
            let Some(Ok(Sale::Sold(sold))) = Platform::new(&world, &network).buy(&payment) else {
                panic!("{chain:?}, killed at {n}")
            };
            world.audit_settled();
            assert_eq!((world.charged(), world.count("session")), (1, 1), "{chain:?}, killed at {n}");
            let id = network.ids.borrow().values().next().cloned();
            assert!(id.is_some(), "{chain:?}, killed at {n}");
            assert_eq!(record(&world).transaction, id, "{chain:?}, killed at {n}");
            assert_eq!(sold.session.session.transaction, id, "{chain:?}, killed at {n}");
            assert_eq!(network.handed_in_in_vain.get(), 0, "{chain:?}, killed at {n}");
            if done.is_some() {
                assert!(n >= 8, "a sale does more than {n} things");
                break;
            }
        }
    }
}

#[test]
fn an_id_that_comes_late_is_kept_before_anything_is_known_of_the_outcome_inv_2() {
    let (world, payment) = offered(Chain::ShownFrom(START + 50_000));
    let network = Network::new(&world);
    let outcome = Platform::new(&world, &network).buy(&payment).unwrap().unwrap();
    let Sale::Pending(pending) = outcome else { panic!("{outcome:?}") };
    let id = network.ids.borrow().values().next().cloned();
    assert_eq!((&pending.transaction, &record(&world).transaction), (&id, &id));
    assert_eq!((network.handed_in.get(), network.handed_in_in_vain.get()), (1, 0), "30 s, handed in once");
    // The payment stays in flight, and what it holds stays held.
    world.audit();
    assert_eq!((world.count("in_flight"), world.spent_of("newcomers")), (1, FEE));
    world.advance(30_000);
    recover(&world, &network);
    let kinds: Vec<_> = world.events("door-1").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds[..4], ["payment_claimed", "payment_submitted", "payment_landed", "session_started"]);
    assert_eq!((network.handed_in.get(), world.count("in_flight")), (1, 0));
}

#[test]
fn without_an_id_an_order_is_handed_in_again_until_it_can_not_be_carried_out_any_more_inv_3() {
    let (world, payment) = offered(Chain::Drops);
    let network = Network::new(&world);
    assert!(matches!(Platform::new(&world, &network).buy(&payment), Some(Ok(Sale::Pending(_)))));
    assert!(network.handed_in.get() > 10, "{}", network.handed_in.get());
    world.advance(VALID_MS);
    recover(&world, &network);
    assert_eq!((world.charged(), world.count("payment"), world.spent_of("newcomers")), (0, 0, 0));
}

#[test]
fn from_the_402_to_the_session_it_is_bought_over_http_and_the_repeat_gets_the_same_inv_1() {
    let mut world = World::new();
    world.deployment.config.merchant.sketches = true;
    let network = Network::new(&world);
    let offered = Platform::new(&world, &network).ask(&[]);
    let body: Value = serde_json::from_slice(&offered.body).unwrap();
    assert!(!body.to_string().contains("late"), "x402 v1 has no name for the network");
    let entry = Platform::new(&world, &network).offer_on(NETWORK);
    assert_eq!((&entry["scheme"], &entry["asset"]), (&json!("late"), &json!("LATE")));
    let amount = Amount::parse_atomic(entry["amount"].as_str().unwrap()).unwrap();
    let nonce = from_hex(entry["extra"]["nonce"].as_str().unwrap()).unwrap();
    let order = base64(&Order::sign(1, amount, nonce).bytes());
    let paid = json!({"x402Version": 2, "accepted": entry, "payload": {"order": order}});
    let header = base64(paid.to_string().as_bytes());
    let buy = || {
        let answer = Platform::new(&world, &network).ask(&[(x402::PAYMENT_SIGNATURE, &header)]);
        let response =
            SettlementResponse::from_header(answer.header(x402::PAYMENT_RESPONSE).unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, response, body["sessionId"].clone())
    };
    let (status, response, session) = buy();
    assert_eq!((status, response.success, response.network.as_str()), (200, true, NETWORK));
    assert_eq!(Some(&response.transaction), network.ids.borrow().values().next());
    assert_eq!(buy(), (200, response, session));
    assert_eq!((world.charged(), world.count("session"), network.handed_in.get()), (1, 1, 1));
}

#[test]
fn a_payment_of_another_rail_than_the_quoted_one_buys_nothing_inv_1() {
    let world = World::new();
    let network = Network::new(&world);
    let buy = |payment: &PaymentPayload| match Platform::new(&world, &network).buy(payment) {
        Some(Err(SaleError::Refused { reason, .. })) => reason,
        other => panic!("{other:?}"),
    };
    // An order for a ticket that is paid on Solana, and a transaction for a ticket that is paid by an order.
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
    let order = Order::sign(1, quote.amount, quote.nonce).bytes();
    let on_solana = world.pay(1, &ticket, &quote);
    assert_eq!(
        buy(&PaymentPayload { payload: Payload::LateId(order), ..on_solana.clone() }),
        "ticket_mismatch"
    );
    let (ticket, quote) = quoted(&world, Offered::LateId);
    assert_eq!(buy(&accepted(&ticket, &quote, on_solana.payload)), "ticket_mismatch");
    assert_eq!((world.charged(), world.count("journal"), network.handed_in.get()), (0, 0, 0));
}

#[test]
fn an_order_of_another_amount_quote_or_payer_buys_nothing_inv_1() {
    let (world, _) = offered(Chain::Prompt);
    let network = Network::new(&world);
    let (ticket, quote) = quoted(&world, Offered::LateId);
    let refused = |payment: &PaymentPayload| match Platform::new(&world, &network).buy(payment) {
        Some(Err(SaleError::Refused { reason, .. })) => reason,
        other => panic!("{other:?}"),
    };
    let with = |order: Order| PaymentPayload {
        payload: Payload::LateId(order.bytes()),
        ..payment(1, &ticket, &quote)
    };
    let less = Order::sign(1, Amount::new(1), quote.nonce);
    assert_eq!(refused(&with(less)), "late_order_mismatch");
    let other = Order::sign(1, quote.amount, [9; 12]);
    assert_eq!(refused(&with(other)), "late_order_mismatch");
    let forged =
        Order { payer: keys::address(&keys::numbered(2)), ..Order::sign(1, quote.amount, quote.nonce) };
    assert_eq!(refused(&with(forged)), UNSIGNED.reason);
    assert_eq!((world.charged(), world.count("journal"), network.handed_in.get()), (0, 0, 0));
}

#[test]
fn an_id_that_is_known_is_handed_in_by_nobody_again() {
    let (world, payment) = offered(Chain::ShownFrom(START + 100_000));
    let network = Network::new(&world);
    let buy = || Platform::new(&world, &network).buy(&payment);
    assert!(matches!(buy(), Some(Ok(Sale::Pending(_)))));
    // Neither recovery nor a waiting repeat hands it in again.
    Platform::new(&world, &network).recover().unwrap();
    assert!(matches!(buy(), Some(Ok(Sale::Pending(_)))));
    assert_eq!(network.handed_in.get(), 1);
    world.advance(60_000);
    assert!(matches!(buy(), Some(Ok(Sale::Sold(_)))));
    assert_eq!((network.handed_in.get(), world.charged()), (1, 1));
}

#[test]
fn what_a_rail_tells_of_a_payment_changes_nothing_of_what_is_held_inv_5() {
    let (world, payment) = offered(Chain::Drops);
    let network = Network::new(&world);
    let platform = Platform::new(&world, &network);
    assert!(matches!(platform.buy(&payment), Some(Ok(Sale::Pending(_)))));
    let stream = AssetId::parse("door-1").unwrap().into();
    let state = world.run(platform.ports.journal.load(&stream)).unwrap().unwrap().state;
    let (claimed, now) = (kept(&state.claims[0]), Now::at(world.now()));
    let payment = &state.claims[0].payment;
    let events = |payment: &PaymentId, rail: LateId| {
        let rail = Box::new(Rail::LateId(rail));
        decide(&state, Command::Submitted { payment: payment.clone(), rail }, &now).unwrap().len()
    };
    let told = LateId { id: Some("late".to_owned()), ..claimed.clone() };
    assert_eq!(events(payment, told.clone()), 1);
    assert_eq!(events(payment, claimed.clone()), 0, "nothing new");
    assert_eq!(events(payment, LateId { fee: FEE + 1, ..told.clone() }), 0, "another fee");
    assert_eq!(events(payment, LateId { source: keys::account(9), ..told.clone() }), 0, "another account");
    assert_eq!(events(&PaymentId::of_message(b"another"), told), 0, "a payment that is not in flight");
}
