//! What the model promises whatever the seed.

use std::rc::Rc;

use coinop_core::Amount;
use coinop_core::svm::{Address, TokenProgram, Transfer, associated_token_account};
use coinop_core::testkit::keys;
use ed25519_dalek::Signer as _;

use super::{CONFIRMED_LAG, Chain, FINALIZED_LAG, LIFE, Transaction, Waiting};
use crate::random::Random;
use crate::world::MINT;

const HELD: u64 = 50_000;
const PRICE: u64 = 10_000;
const LAMPORTS: u64 = 1_000_000_000;

fn account_of(owner: &Address) -> Address {
    associated_token_account(owner, &MINT.parse().unwrap(), TokenProgram::Spl).unwrap()
}

fn source() -> Address {
    account_of(&keys::address(&keys::payer()))
}

fn destination() -> Address {
    account_of(&keys::address(&keys::merchant()))
}

fn fee_payer() -> Address {
    keys::address(&keys::fee_payer())
}

/// Returns a chain on which the buyer can pay.
fn chain(seed: u64) -> Chain {
    let mut chain = Chain::new(Random::of(seed, "chain"), 0);
    chain.open(source(), keys::address(&keys::payer()), HELD);
    chain.open(destination(), keys::address(&keys::merchant()), 0);
    chain.fund(fee_payer(), LAMPORTS);
    chain
}

/// Signs a payment with the newest blockhash.
fn payment(chain: &Chain, amount: u64, memo: &str) -> Rc<Transaction> {
    let transfer = Transfer {
        fee_payer: fee_payer(),
        pay_to: keys::address(&keys::merchant()),
        mint: MINT.parse().unwrap(),
        decimals: 6,
        program: TokenProgram::Spl,
        amount: Amount::new(amount),
        blockhash: chain.blocks.hash(chain.blocks.tip()),
        memo: Some(memo),
    };
    let mut signed = transfer.sign(&keys::payer()).unwrap();
    signed.signatures[0] = keys::fee_payer().sign(&signed.message_bytes).to_bytes();
    Rc::new(Transaction::read(&signed.encode().unwrap()).unwrap())
}

fn amount(chain: &Chain, account: Address) -> u64 {
    chain.account(&account).unwrap().amount
}

/// Adds slots until there are this many more blocks.
fn add_blocks(chain: &mut Chain, count: u64) {
    let wanted = chain.blocks.height(chain.blocks.tip()) + count;
    while chain.blocks.height(chain.blocks.tip()) < wanted {
        chain.add_slot(chain.blocks.tip() + 1);
    }
}

/// Puts a transaction into the next block, if it can be there.
fn add_to_next_block(chain: &mut Chain, transaction: &Rc<Transaction>) {
    chain.waiting.insert((chain.blocks.tip() + 1, 0), Waiting::Payment(Rc::clone(transaction)));
    add_blocks(chain, 1);
}

#[test]
fn a_blockhash_lives_150_blocks_and_no_longer() {
    for seed in 0..20 {
        let mut chain = chain(seed);
        let [last, late] = ["last", "late"].map(|memo| payment(&chain, PRICE, memo));
        let is_alive = |chain: &Chain| chain.blocks.is_alive(&last.blockhash, chain.blocks.tip());
        add_blocks(&mut chain, LIFE);
        assert!(is_alive(&chain));
        assert_eq!(chain.execute(&last, chain.blocks.tip()).error, None);
        add_to_next_block(&mut chain, &last);
        assert!(chain.landed(&last.id).is_some(), "what passes a simulation can be in the block after it");

        assert!(!is_alive(&chain));
        assert_eq!(chain.execute(&late, chain.blocks.tip()).error.unwrap(), "BlockhashNotFound");
        add_to_next_block(&mut chain, &late);
        assert!(chain.landed(&late.id).is_none());
        assert_eq!((amount(&chain, source()), amount(&chain, destination())), (HELD - PRICE, PRICE));
    }
}

#[test]
fn each_message_lands_once() {
    for seed in 0..20 {
        let mut chain = chain(seed);
        let payment = payment(&chain, PRICE, "once");
        for _ in 0..5 {
            assert!(chain.send(&payment.bytes, 0));
        }
        for number in 1..4 {
            let twice = Waiting::Payment(Rc::clone(&payment));
            chain.waiting.insert((chain.blocks.tip() + 1, number), twice);
        }
        add_blocks(&mut chain, 60);
        assert!(chain.waiting.is_empty());
        assert_eq!(chain.all_landed().count(), 1);
        assert_eq!((amount(&chain, source()), amount(&chain, destination())), (HELD - PRICE, PRICE));
        assert_eq!(chain.lamports(&fee_payer()), LAMPORTS - payment.fee);
    }
}

#[test]
fn a_fork_undoes_errors_and_never_a_confirmed_success() {
    let (mut undone_errors, mut undone_successes) = (0, 0);
    for seed in 0..400 {
        let mut chain = chain(seed);
        let (good, bad) = (payment(&chain, PRICE, "good"), payment(&chain, HELD + 1, "bad"));
        add_to_next_block(&mut chain, &good);
        add_to_next_block(&mut chain, &bad);
        add_blocks(&mut chain, seed % (FINALIZED_LAG + 10));
        let tip = chain.blocks.tip();
        let slot_of = |transaction: &Transaction| chain.landed(&transaction.id).unwrap().slot;
        let (good_slot, bad_slot) = (slot_of(&good), slot_of(&bad));
        chain.fork();

        let [good_stays, bad_stays] = [&good, &bad].map(|it| chain.landed(&it.id).is_some());
        assert!(good_stays || good_slot > tip - CONFIRMED_LAG, "a confirmed success is undone");
        assert!(bad_stays || bad_slot > tip - FINALIZED_LAG, "a final error is undone");
        undone_successes += u32::from(!good_stays);
        undone_errors += u32::from(!bad_stays && bad_slot <= tip - CONFIRMED_LAG);
        let paid = if good_stays { PRICE } else { 0 };
        assert_eq!((amount(&chain, source()), amount(&chain, destination())), (HELD - paid, paid));
        let fees = u64::from(good_stays) * good.fee + u64::from(bad_stays) * bad.fee;
        assert_eq!(chain.lamports(&fee_payer()), LAMPORTS - fees);
    }
    assert!(undone_errors > 0, "no fork undid a confirmed error");
    assert!(undone_successes > 0, "no fork undid a success that was not confirmed");
}

#[test]
fn what_a_fork_undoes_goes_back_to_an_account_that_was_frozen_since() {
    let mut undone = 0;
    for seed in 0..40 {
        let mut chain = chain(seed);
        let payment = payment(&chain, PRICE, "frozen");
        add_to_next_block(&mut chain, &payment);
        chain.freeze(&source(), true);
        chain.freeze(&destination(), true);
        chain.fork();
        if chain.landed(&payment.id).is_none() {
            undone += 1;
            assert_eq!((amount(&chain, source()), amount(&chain, destination())), (HELD, 0));
        }
    }
    assert!(undone > 0);
}
