//! Transactions that are made by hand, for what worlds produce rarely or never.

use std::rc::Rc;

use coinop_core::Amount;
use coinop_core::svm::{
    Address, Message, TokenProgram, Transaction as Wire, Transfer, associated_token_account,
};
use coinop_core::testkit::keys;
use serde_json::Value;

use super::execution::EXEMPT;
use super::{Chain, LIFE, Landed, TokenAccount, Transaction};
use crate::random::Random;
use crate::world::MINT;

/// The amount that each case pays if it does not say otherwise, in atomic units.
const PRICE: u64 = 10_000;
/// The fee of a case that asks for no other units and price: two signatures, and 20,000 units at one millionth.
const FEE: u64 = 10_001;

/// A transaction, and what the chain holds before it.
struct Case {
    source: Option<TokenAccount>,
    destination: Option<TokenAccount>,
    /// What the fee payer has, in lamports.
    lamports: u64,
    /// How many blocks old the blockhash is; `None` is one that no block ever had.
    age: Option<u64>,
    is_on_chain: bool,
    amount: u64,
    pays_itself: bool,
    /// The limit of compute units and the price of a unit in millionths of a lamport, if it sets them.
    budget: (Option<u32>, Option<u64>),
}

impl Case {
    /// Returns a payment that succeeds.
    fn good() -> Self {
        let held = |owner, amount| Some(TokenAccount { owner, amount, is_frozen: false });
        Self {
            source: held(keys::address(&keys::payer()), 3 * PRICE),
            destination: held(keys::address(&keys::merchant()), 0),
            lamports: 1_000_000_000,
            age: Some(0),
            is_on_chain: false,
            amount: PRICE,
            pays_itself: false,
            budget: (Some(20_000), Some(1)),
        }
    }

    fn freeze_source(&mut self) {
        self.source.iter_mut().for_each(|it| it.is_frozen = true);
    }

    fn freeze_destination(&mut self) {
        self.destination.iter_mut().for_each(|it| it.is_frozen = true);
    }

    fn source_holds(&mut self, amount: u64) {
        self.source.iter_mut().for_each(|it| it.amount = amount);
    }

    fn source_is_anothers(&mut self) {
        self.source.iter_mut().for_each(|it| it.owner = keys::address(&keys::numbered(9)));
    }
}

/// How a case differs from a payment that succeeds.
type Change = fn(&mut Case);

/// All cases, by name.
const CASES: &[(&str, Change)] = &[
    ("a payment that succeeds", |_| {}),
    ("all that the source holds", |case| case.source_holds(PRICE)),
    ("one unit more than the source holds", |case| case.source_holds(PRICE - 1)),
    ("nothing at all", |case| case.amount = 0),
    ("nothing, from a source that holds nothing", |case| {
        case.amount = 0;
        case.source_holds(0);
    }),
    ("a frozen source", Case::freeze_source),
    ("a frozen destination", Case::freeze_destination),
    ("both frozen", |case| {
        case.freeze_source();
        case.freeze_destination();
    }),
    ("a frozen source that holds too little", |case| {
        case.freeze_source();
        case.source_holds(1);
    }),
    ("no source", |case| case.source = None),
    ("no destination", |case| case.destination = None),
    ("neither source nor destination", |case| (case.source, case.destination) = (None, None)),
    ("no source, and a frozen destination", |case| {
        case.source = None;
        case.freeze_destination();
    }),
    ("a frozen source, and no destination", |case| {
        case.freeze_source();
        case.destination = None;
    }),
    ("another's source", Case::source_is_anothers),
    ("another's source, which is frozen", |case| {
        case.source_is_anothers();
        case.freeze_source();
    }),
    ("another's source that holds too little", |case| {
        case.source_is_anothers();
        case.source_holds(1);
    }),
    ("another's source, and no destination", |case| {
        case.source_is_anothers();
        case.destination = None;
    }),
    ("a payment to itself", |case| case.pays_itself = true),
    ("a payment to itself of more than it holds", |case| {
        case.pays_itself = true;
        case.source_holds(1);
    }),
    ("a payment to itself while frozen", |case| {
        case.pays_itself = true;
        case.freeze_source();
    }),
    ("a payment to itself from another's account", |case| {
        case.pays_itself = true;
        case.source_is_anothers();
    }),
    ("a blockhash in its last block", |case| case.age = Some(LIFE)),
    ("a blockhash that has just died", |case| case.age = Some(LIFE + 1)),
    ("a blockhash that no block ever had", |case| case.age = None),
    ("a dead blockhash, and no money for the fee", |case| {
        case.age = Some(LIFE + 1);
        case.lamports = 0;
    }),
    ("a message that is on the chain", |case| case.is_on_chain = true),
    ("a message that is on the chain, with a dead blockhash", |case| {
        case.is_on_chain = true;
        case.age = Some(LIFE + 1);
    }),
    ("a message that is on the chain, and no money for the fee", |case| {
        case.is_on_chain = true;
        case.lamports = 0;
    }),
    ("no fee payer", |case| case.lamports = 0),
    ("a fee payer with one lamport too little", |case| case.lamports = FEE - 1),
    ("a fee payer that pays its last", |case| case.lamports = FEE),
    ("a fee payer that keeps one lamport, and had no more before", |case| case.lamports = FEE + 1),
    ("a fee payer that keeps one lamport too little", |case| case.lamports = FEE + EXEMPT - 1),
    ("a fee payer that keeps just enough", |case| case.lamports = FEE + EXEMPT),
    ("a fee payer that keeps one lamport, and a payment that fails", |case| {
        case.lamports = FEE + 1;
        case.source = None;
    }),
    ("no limit of units", |case| case.budget.0 = None),
    ("neither limit nor price of units", |case| case.budget = (None, None)),
    ("no limit of units at a price", |case| case.budget = (None, Some(1_000_000))),
    ("more units than a transaction may use", |case| case.budget = (Some(u32::MAX), Some(1_000_000))),
    ("a price that nobody can pay", |case| case.budget = (Some(1_400_000), Some(u64::MAX))),
    ("a fee that rounds up", |case| case.budget = (Some(20_001), Some(99))),
];

/// Plays all cases in the model, and returns what was recorded of each, by name.
pub(crate) fn by_hand() -> impl Iterator<Item = (&'static str, Value)> {
    CASES.iter().map(|(name, change)| {
        let mut case = Case::good();
        change(&mut case);
        (*name, play(&case).unwrap_or_else(|| panic!("{name} cannot be played")))
    })
}

fn play(case: &Case) -> Option<Value> {
    let mut chain = Chain::new(Random::of(0, "by hand"), 0);
    let blockhash = case.age.map_or([9; 32], |age| chain.blocks.of_age(age));
    let transaction = Rc::new(transaction(case, blockhash)?);
    let slot = chain.blocks.tip();
    if case.is_on_chain {
        let landed = Landed { transaction: Rc::clone(&transaction), slot, error: None };
        chain.landed.insert(transaction.id.clone(), landed);
    }
    chain.lamports.insert(transaction.fee_payer, case.lamports);
    let places =
        [account_of(&keys::address(&keys::payer()))?, account_of(&keys::address(&keys::merchant()))?];
    for (place, account) in places.into_iter().zip([&case.source, &case.destination]) {
        chain.accounts.extend(account.clone().map(|account| (place, account)));
    }
    chain.start_recording();
    chain.execute(&transaction, slot);
    chain.stop_recording().pop()
}

fn account_of(owner: &Address) -> Option<Address> {
    associated_token_account(owner, &MINT.parse().ok()?, TokenProgram::Spl)
}

/// Returns the transaction of a case, without signatures: nothing looks at them.
fn transaction(case: &Case, blockhash: [u8; 32]) -> Option<Transaction> {
    let transfer = Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: keys::address(&keys::merchant()),
        mint: MINT.parse().ok()?,
        decimals: 6,
        program: TokenProgram::Spl,
        amount: Amount::new(case.amount),
        blockhash,
        memo: Some("by hand"),
    };
    let mut message = transfer.sign(&keys::payer())?.message;
    if case.pays_itself {
        let accounts = &mut message.instructions[2].accounts;
        accounts[2] = accounts[0];
    }
    set_budget(&mut message, case.budget);
    let message_bytes = message.encode().ok()?;
    let wire = Wire { signatures: vec![[0; 64]; 2], message, message_bytes };
    Transaction::read(&wire.encode().ok()?)
}

/// Sets the limit of compute units and their price, which are the first two instructions.
fn set_budget(message: &mut Message, (limit, price): (Option<u32>, Option<u64>)) {
    let limit = limit.map(|limit| limit.to_le_bytes().to_vec());
    let price = price.map(|price| price.to_le_bytes().to_vec());
    for (at, value) in [limit, price].into_iter().enumerate().rev() {
        match value {
            Some(value) => message.instructions[at].data.splice(1.., value).for_each(drop),
            None => drop(message.instructions.remove(at)),
        }
    }
}
