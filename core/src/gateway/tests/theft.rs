//! All known ways to get a session without paying for it, or to make the fee payer pay for something else. None works,
//! and what has to be charged is charged once.

use ed25519_dalek::Signer as _;

use super::at_once;
use super::sales::{ACCESS, refusal, without_ticket};
use crate::gateway::{Sale, SaleError};
use crate::keys::{KeyRing, Secret};
use crate::money::Amount;
use crate::quote::{Operation, Quote, Ticket};
use crate::svm::build::Transfer;
use crate::svm::programs::ASSOCIATED_TOKEN;
use crate::svm::transaction::{Instruction, Message, Transaction};
use crate::svm::{Address, Network, TokenProgram, associated_token_account};
use crate::testkit::gateway::{extend, sold};
use crate::testkit::world::{Chain, START, World};
use crate::testkit::{guards, keys};
use crate::x402::{Accepted, Payload, PaymentPayload};

const VICTIM: u8 = 1;
const THIEF: u8 = 2;

fn used(outcome: &Option<Result<Sale, SaleError>>) -> bool {
    matches!(outcome, Some(Err(SaleError::AlreadyUsed)))
}

/// Returns the same bytes with another ticket, which says what they pay for.
fn with_ticket(payment: &PaymentPayload, (ticket, quote): &(Ticket, Quote)) -> PaymentPayload {
    PaymentPayload { accepted: quote.accepted(ticket), payload: payment.payload.clone() }
}

fn as_v1(payment: &PaymentPayload) -> PaymentPayload {
    PaymentPayload { accepted: Accepted::V1, payload: payment.payload.clone() }
}

/// Returns the bytes with another signature of the fee payer: another transaction with the same message.
fn resigned_by_fee_payer(payment: &PaymentPayload) -> PaymentPayload {
    let mut transaction = Transaction::decode(payment.transaction()).unwrap();
    transaction.signatures[0] = [7; 64];
    PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..payment.clone() }
}

/// Returns an honest payment whose message was changed, and which its payer has signed again.
fn doctored(world: &World, who: u8, change: impl FnOnce(&mut Message)) -> PaymentPayload {
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let honest = world.pay(who, &ticket, &quote);
    let mut transaction = Transaction::decode(honest.transaction()).unwrap();
    change(&mut transaction.message);
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(who).sign(&transaction.message_bytes).to_bytes();
    PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..honest }
}

/// Checks that a payment is refused with this reason before anything was written or sent.
fn assert_refused(payment: &PaymentPayload, world: &World, reason: &str) {
    assert_eq!(refusal(world.buy("door-1", ACCESS, payment)), reason);
    assert_eq!((world.count("journal"), world.sends.get(), world.charged()), (0, 0, 0), "{reason}");
}

/// Returns all that a thief can make of another buyer's bytes, and where it can show them.
fn disguises(world: &World, bytes: &PaymentPayload, own: &Operation) -> Vec<PaymentPayload> {
    let fresh = |asset, operation: &Operation| world.ticket(asset, operation.clone(), 1);
    let mut all = vec![
        without_ticket(bytes),
        without_ticket(&resigned_by_fee_payer(bytes)),
        as_v1(bytes),
        as_v1(&resigned_by_fee_payer(bytes)),
    ];
    for ticket in [fresh("door-1", &ACCESS), fresh("door-2", &ACCESS), fresh("door-2", own)] {
        all.push(with_ticket(bytes, &ticket));
    }
    all
}

fn assert_nothing_to_steal(world: &World, bytes: &PaymentPayload, own: &Operation) {
    let before = (world.charged(), world.count("session"), world.count("journal"));
    for disguise in disguises(world, bytes, own) {
        for (asset, operation) in [("door-1", ACCESS), ("door-2", ACCESS), ("door-2", own.clone())] {
            let outcome = world.buy(asset, operation.clone(), &disguise);
            assert!(used(&outcome), "{asset} {operation:?} {:?}: {outcome:?}", disguise.accepted);
        }
    }
    assert_eq!((world.charged(), world.count("session"), world.count("journal")), before);
}

/// Returns a world in which the thief has its own session in the second door.
fn with_thief() -> (World, Operation) {
    let world = World::new();
    let (own, _) = world.bought(THIEF, "door-2", 100);
    let own = extend(&own.session.session.id);
    (world, own)
}

#[test]
fn landed_bytes_are_worth_nothing_in_any_disguise_inv_1() {
    let (world, own) = with_thief();
    let (bought, access) = world.bought(VICTIM, "door-1", 1);
    let operation = extend(&bought.session.session.id);
    let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
    let extension = world.pay(VICTIM, &ticket, &quote);
    sold(world.buy("door-1", operation, &extension));
    assert_nothing_to_steal(&world, &access, &own);
    assert_nothing_to_steal(&world, &extension, &own);
    // Nor after the session's end.
    world.advance(600_000);
    world.step();
    assert_nothing_to_steal(&world, &access, &own);
}

#[test]
fn landed_v1_bytes_are_worth_nothing_in_any_disguise_inv_1() {
    let (world, own) = with_thief();
    let payment = world.pay_v1(VICTIM, 10_000);
    sold(world.buy("door-1", ACCESS, &payment));
    assert_nothing_to_steal(&world, &payment, &own);
}

#[test]
fn a_payment_signed_for_a_ticket_buys_nothing_from_who_shows_it_without_one_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    for door in ["door-1", "door-2"] {
        let stolen = world.buy(door, ACCESS, &as_v1(&payment));
        assert_eq!(refusal(stolen), "invalid_exact_svm_payload_memo_mismatch", "{door}");
    }
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
    sold(world.buy("door-1", ACCESS, &payment));
}

#[test]
fn bytes_in_flight_are_worth_nothing_in_any_disguise_inv_1_3() {
    let (world, own) = with_thief();
    world.chain.set(Chain::ShownFrom(START + 100_000));
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    assert!(matches!(world.buy("door-1", ACCESS, &payment), Some(Ok(Sale::Pending(_)))));
    assert_nothing_to_steal(&world, &payment, &own);
    world.advance(100_000);
    sold(world.buy("door-1", ACCESS, &payment));
}

#[test]
fn what_was_settled_elsewhere_first_buys_nothing_of_any_kind_inv_1() {
    let (world, own) = with_thief();
    let charged = world.charged();
    let (ticket, quote) = world.ticket("door-2", own.clone(), 1);
    let cases = [
        ("door-1", ACCESS, world.pay_v1(THIEF, 10_000)),
        ("door-2", own.clone(), world.pay(THIEF, &ticket, &quote)),
        ("door-2", own, world.pay_v1(THIEF, 10_000)),
    ];
    for (asset, operation, payment) in cases {
        world.land(&payment);
        let before = (world.count("journal"), world.sends.get());
        assert!(used(&world.buy(asset, operation.clone(), &payment)), "{operation:?}");
        assert_eq!((world.count("journal"), world.sends.get()), before);
    }
    assert_eq!(world.charged(), charged + 3, "what was landed behind our back");
}

#[test]
fn two_payments_for_one_ticket_at_the_same_moment_charge_one_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payments = [1, 2, 1].map(|who| world.pay(who, &ticket, &quote));
    let outcomes = at_once(&world, &payments.each_ref().map(|payment| ("door-1", ACCESS, payment)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (1, 1, 1));

    // For an extension a session is running, so its claim does not keep others out.
    let (own, _) = world.bought(3, "door-2", 5);
    let operation = extend(&own.session.session.id);
    let (ticket, quote) = world.ticket("door-2", operation.clone(), 1);
    let payments = [4, 5].map(|who| world.pay(who, &ticket, &quote));
    let outcomes = at_once(&world, &payments.each_ref().map(|p| ("door-2", operation.clone(), p)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (3, 2, 3));
}

#[test]
fn a_quote_answered_while_another_payment_for_it_is_made_ready_charges_one_inv_1() {
    let (world, own) = with_thief();
    let (ticket, quote) = world.ticket("door-2", own.clone(), 1);
    let payments = [THIEF, VICTIM].map(|who| world.pay(who, &ticket, &quote));
    // The query for the first payment takes so long that the second one is sold in the meantime.
    world.slow_first.set(Some(8_000));
    let outcomes = at_once(&world, &payments.each_ref().map(|p| ("door-2", own.clone(), p)));
    assert!(matches!(outcomes.as_slice(), [Err(SaleError::QuoteUsed), Ok(Sale::Sold(_))]), "{outcomes:?}");
    assert_eq!((world.charged(), world.count("payment")), (2, 2));
}

#[test]
fn a_v1_payment_for_a_door_and_an_extension_at_once_buys_one_inv_1() {
    let (world, own) = with_thief();
    let payment = world.pay_v1(THIEF, 10_000);
    let outcomes = at_once(&world, &[("door-1", ACCESS, &payment), ("door-2", own, &payment)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!((world.charged(), world.count("payment")), (2, 2));
}

#[test]
fn a_ticket_altered_in_any_bit_buys_nothing_before_and_fetches_nothing_after_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    let altered: Vec<PaymentPayload> = (0..ticket.as_str().len() * 8)
        .filter_map(|bit| {
            let mut bytes = ticket.as_str().as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            String::from_utf8(bytes).ok()
        })
        .map(|text| with_ticket(&payment, &(Ticket::from_text(&text), quote.clone())))
        .collect();
    assert_eq!(altered.len(), ticket.as_str().len() * 7, "all but what is no text");
    for payment in &altered {
        assert_refused(payment, &world, "ticket_invalid");
    }
    sold(world.buy("door-1", ACCESS, &payment));
    for payment in &altered {
        assert!(used(&world.buy("door-1", ACCESS, payment)));
    }
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}

#[test]
fn a_ticket_of_another_merchant_network_generation_asset_or_key_buys_nothing_inv_1() {
    let world = World::new();
    let config = &world.deployment.config;
    let changes: [fn(&mut Quote); 2] =
        [|q| q.generation = 1, |q| q.asset = crate::ids::AssetId::parse("door-2").unwrap()];
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let pay = |ticket: Ticket| world.pay(THIEF, &ticket, &quote);
    for change in changes {
        let mut other = quote.clone();
        change(&mut other);
        let ticket = other.seal(&world.deployment.keys, config).unwrap();
        assert_refused(&pay(ticket), &world, "ticket_mismatch");
    }
    let elsewhere: [fn(&mut crate::config::Config); 2] =
        [|c| c.merchant.id = "other".to_owned(), |c| c.network = Network::Mainnet];
    for change in elsewhere {
        let mut other = config.clone();
        change(&mut other);
        let ticket = quote.seal(&world.deployment.keys, &other).unwrap();
        assert_refused(&pay(ticket), &world, "ticket_invalid");
    }
    let strange = KeyRing::new(&Secret::new([8; 32]), None);
    assert_refused(&pay(quote.seal(&strange, config).unwrap()), &world, "ticket_invalid");
    // A code made with another key of this gateway is not valid either.
    let keys = &world.deployment.keys;
    let bytes = crate::encoding::from_base64url(ticket.as_str()).unwrap();
    let (signed, _) = bytes.split_at(bytes.len() - 16);
    let code = keys.sign_in().code(&[signed]);
    let forged = crate::encoding::base64url(&[signed, &code].concat());
    assert_refused(&pay(Ticket::from_text(forged)), &world, "ticket_invalid");
}

#[test]
fn a_transaction_that_pays_somebody_else_buys_nothing_whatever_accepted_says_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let memo = quote.memo(&world.deployment.keys);
    let honest = Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: quote.exact().pay_to,
        mint: quote.exact().token.mint,
        decimals: 6,
        program: TokenProgram::Spl,
        amount: quote.amount,
        blockhash: [3; 32],
        memo: Some(memo.as_str()),
    };
    let stranger = keys::address(&keys::numbered(9));
    let reason = |end: &str| format!("invalid_exact_svm_payload_{end}");
    // The memo of another quote of the same price: its payer has signed for that one.
    let other = Quote { nonce: [9; 12], ..quote.clone() };
    let other_memo = other.memo(&world.deployment.keys);
    let one = Amount::new(1);
    let cases = [
        (Transfer { pay_to: stranger, ..honest.clone() }, reason("recipient_mismatch")),
        (Transfer { mint: stranger, ..honest.clone() }, reason("mint_mismatch")),
        (Transfer { program: TokenProgram::Token2022, ..honest.clone() }, reason("mint_mismatch")),
        (Transfer { amount: one, ..honest.clone() }, reason("amount_mismatch")),
        (Transfer { memo: Some(other_memo.as_str()), ..honest.clone() }, reason("memo_mismatch")),
        (
            Transfer { fee_payer: stranger, ..honest.clone() },
            "invalid_exact_svm_fee_payer_not_managed_by_facilitator".to_owned(),
        ),
    ];
    for (transfer, reason) in cases {
        let transaction = transfer.sign(&keys::numbered(THIEF)).unwrap().encode().unwrap();
        let payment =
            PaymentPayload { payload: Payload::SvmExact(transaction), ..world.pay(THIEF, &ticket, &quote) };
        assert_refused(&payment, &world, &reason);
    }
}

#[test]
fn a_delegate_can_not_pay_with_what_is_another_s_inv_1_5() {
    let world = World::new();
    let mint = world.deployment.config.merchant.tokens[0].token.mint;
    let victim = keys::address(&keys::numbered(VICTIM));
    let theirs = associated_token_account(&victim, &mint, TokenProgram::Spl).unwrap();
    let payment = doctored(&world, THIEF, |message| message.accounts[2] = theirs);
    assert_refused(&payment, &world, "invalid_exact_svm_payload_source_mismatch");
    // Nor can another wallet sign in the place of the payer that is named.
    let payment = doctored(&world, THIEF, |message| {
        message.accounts[1] = victim;
        message.accounts[2] = theirs;
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_signature_invalid");
}

#[test]
fn the_fee_payer_pays_lends_and_creates_nothing() {
    let world = World::new();
    let involved = "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds";
    let unknown = "invalid_exact_svm_payload_unknown_instruction";
    // As the authority, as the source, and as a signer of a memo.
    let at = |place: usize| move |m: &mut Message| m.instructions[2].accounts[place] = 0;
    assert_refused(&doctored(&world, THIEF, at(3)), &world, involved);
    assert_refused(&doctored(&world, THIEF, at(0)), &world, involved);
    assert_refused(&doctored(&world, THIEF, |m| m.instructions[3].accounts.push(0)), &world, involved);
    // A transfer of its SOL, an account created with it, and its account assigned, each with and without naming it.
    let calls: [(Address, Vec<u8>); 3] = [
        (Address::new([0; 32]), [vec![2, 0, 0, 0], 1_000_000u64.to_le_bytes().to_vec()].concat()),
        (ASSOCIATED_TOKEN, vec![1]),
        (Address::new([0; 32]), [vec![1, 0, 0, 0], [9; 32].to_vec()].concat()),
    ];
    for (program, data) in calls {
        for (accounts, reason) in [(vec![0, 1], involved), (vec![1, 2], unknown)] {
            let data = data.clone();
            let payment = doctored(&world, THIEF, move |message| {
                let at = u8::try_from(message.accounts.len()).unwrap();
                message.accounts.push(program);
                message.readonly_unsigned += 1;
                message.instructions.push(Instruction { program: at, accounts, data });
            });
            assert_refused(&payment, &world, reason);
        }
    }
    // The message has an account that no instruction uses. With it, a program could call the System program.
    let payment = doctored(&world, THIEF, |message| {
        message.accounts.push(Address::new([0; 32]));
        message.readonly_unsigned += 1;
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_unused_account");
    // A durable nonce would keep the transaction alive for ever, and its authority could be the fee payer.
    let payment = doctored(&world, THIEF, |message| {
        let at = u8::try_from(message.accounts.len()).unwrap();
        message.accounts.push(Address::new([0; 32]));
        message.readonly_unsigned += 1;
        let nonce = Instruction { program: at, accounts: vec![2, 1], data: vec![4, 0, 0, 0] };
        message.instructions.insert(0, nonce);
    });
    let reason = "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction";
    assert_refused(&payment, &world, reason);
    // And once more under its own name at the end of the list.
    let payment = doctored(&world, THIEF, |message| {
        let at = u8::try_from(message.accounts.len()).unwrap();
        message.accounts.push(message.accounts[0]);
        message.readonly_unsigned += 1;
        message.instructions[3].accounts.push(at);
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_transaction_could_not_be_decoded");
}

#[test]
fn a_guard_makes_the_fee_payer_pay_for_nothing_and_is_named() {
    let world = World::new();
    let mut last = None;
    let reason = "invalid_exact_svm_payload_wallet_guard";
    // Writing memory, closing it and comparing a delta with the fee payer's account, a wallet guard with wrong
    // accounts, and a guard of the merchant's token account.
    for (accounts, data) in [
        (vec![0], vec![0, 0]),
        (vec![0], vec![1, 0, 0]),
        (vec![0, 1], vec![4, 0, 0]),
        (vec![0, 5], guards::phantom().wallet),
        (vec![], guards::phantom().wallet),
        (vec![3], guards::multi(guards::TOKEN_ACCOUNT_MULTI, &[guards::number(2, 0, 4)])),
    ] {
        let payment = doctored(&world, THIEF, |message| {
            let program = guards::program(message);
            message.instructions.push(Instruction { program, accounts, data });
        });
        assert_refused(&payment, &world, reason);
        last = world.buy("door-1", ACCESS, &payment);
    }
    let Some(Err(SaleError::Refused { guard: Some(fault), .. })) = last else { panic!("{last:?}") };
    let words =
        "kind 10 AssertTokenAccountMulti, of the merchant's token account: assertion 2 Amount is not allowed";
    assert!(fault.to_string().ends_with(words), "{fault}");
}

#[test]
fn a_payment_with_phantoms_guards_is_sold_once_and_its_bytes_are_worth_nothing_inv_1() {
    let (world, own) = with_thief();
    let payment = doctored(&world, VICTIM, guards::as_phantom);
    sold(world.buy("door-1", ACCESS, &payment));
    sold(world.buy("door-1", ACCESS, &payment));
    assert_nothing_to_steal(&world, &payment, &own);
    assert_eq!(world.charged(), 2, "the thief's own, and this one");
}

#[test]
fn a_priority_fee_over_the_cap_is_refused_before_it_is_signed() {
    let mut world = World::new();
    let budget = |units: u32, price: u64| {
        move |message: &mut Message| {
            message.instructions[0].data[1..].copy_from_slice(&units.to_le_bytes());
            message.instructions[1].data[1..].copy_from_slice(&price.to_le_bytes());
        }
    };
    let reason =
        |what: &str| format!("invalid_exact_svm_payload_transaction_instructions_compute_{what}_too_high");
    let (limit, price) = (reason("limit_instruction"), reason("price_instruction"));
    assert_refused(&doctored(&world, THIEF, budget(400_001, 1)), &world, &limit);
    assert_refused(&doctored(&world, THIEF, budget(u32::MAX, u64::MAX)), &world, &limit);
    assert_refused(&doctored(&world, THIEF, budget(1, 5_000_001)), &world, &price);
    // Units times price exceed 64 bits.
    assert_refused(&doctored(&world, THIEF, budget(400_000, u64::MAX)), &world, &price);
    assert_refused(&doctored(&world, THIEF, budget(400_000, u64::MAX / 400_000 + 1)), &world, &price);
    // The limit for one sale, exceeded by one lamport: 10,000 for two signatures, and 2 for the rest.
    world.deployment.config.settlement.max_fee_lamports = 10_001;
    assert_refused(&doctored(&world, THIEF, budget(20_000, 51)), &world, &price);
    world.deployment.config.settlement.max_fee_lamports = 10_002;
    sold(world.buy("door-1", ACCESS, &doctored(&world, THIEF, budget(20_000, 51))));
    assert_eq!(world.fees_today(), 10_002);
}

#[test]
fn a_quote_cheaper_by_its_echo_is_still_the_ticket_s_price_inv_6() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 100);
    let cheap = Quote { amount: Amount::new(10_000), ..quote.clone() };
    // The price of one minute is paid and echoed, but the ticket is for a hundred.
    let payment = world.pay(THIEF, &ticket, &cheap);
    assert_refused(&payment, &world, "invalid_exact_svm_payload_amount_mismatch");
    // The ticket's price is echoed, but that of one minute is paid.
    let payment = with_ticket(&payment, &(ticket, quote));
    assert_refused(&payment, &world, "invalid_exact_svm_payload_amount_mismatch");
}
