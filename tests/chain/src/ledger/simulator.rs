//! Compares the model of a chain in the simulator (`tests/sim/src/chain/`) with the real programs.
//!
//! The simulator prints each transaction of its worlds, with the state before it and what its model made of it. Here the
//! same state is set up, and the same bytes are simulated and landed. Errors, balances and fees must be equal.

mod recorded;

use std::collections::{BTreeMap, BTreeSet};

use litesvm::LiteSVM;
use serde_json::Value;
use solana_account::{Account, ReadableAccount as _};
use solana_address::Address;

use recorded::{Entry, Kind, record};

use super::{Ledger, Simulation};
use crate::blocks::{BLOCKHASH_LIFE, Commitment};
use crate::genesis::USDC;
use crate::history::{Balances, History, Landed, Outcome};
use crate::token::{Holding, TOKEN_PROGRAM};

/// How many worlds are played at least.
const WORLDS: usize = 200;
/// How many worlds are asked for, as some may end before anybody has paid.
const ASKED: usize = 210;
/// How many differences are told in full.
const TOLD: usize = 12;

/// The lamports of a fee payer, and the amounts of token accounts by address.
type State = (u64, BTreeMap<Address, u64>);

#[test]
fn what_the_simulators_chain_makes_of_a_transaction_is_what_the_real_programs_make_of_it() {
    let entries = record(ASKED);
    let differences = differences(&entries);
    let told = |(why, of): (&String, &Vec<&Entry>)| format!("{} times: {why}\nfirst {}\n", of.len(), of[0]);
    let all: String = differences.iter().take(TOLD).map(told).collect();
    assert!(differences.is_empty(), "{} kinds of differences\n{all}", differences.len());

    let kinds: BTreeSet<Kind> = entries.iter().filter_map(Entry::kind).collect();
    assert!(kinds.iter().eq(&Kind::ALL), "only these kinds of results occur: {kinds:?}");
    let worlds = entries.iter().filter_map(|entry| entry.of.as_u64()).collect::<BTreeSet<_>>().len();
    assert!(worlds >= WORLDS, "only {worlds} worlds had a transaction: ask for more");
    println!("{} transactions of {worlds} worlds and some made by hand are the same", entries.len());
}

/// Plays all transactions, and returns those that differ, by what differs.
fn differences(entries: &[Entry]) -> BTreeMap<String, Vec<&Entry>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut differences = BTreeMap::new();
    std::thread::scope(|scope| {
        let parts = entries.chunks(entries.len().div_ceil(threads).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(|| differing(part))).collect();
        for (why, entry) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            differences.entry(why).or_insert_with(Vec::new).push(entry);
        }
    });
    differences
}

fn differing(entries: &[Entry]) -> Vec<(String, &Entry)> {
    let mut real = Real::new();
    let differs = |entry| compare(&mut real, entry).err().map(|why| (why, entry));
    entries.iter().filter_map(differs).collect()
}

/// Plays one transaction on a chain in the same state. Fails with what differs.
fn compare(real: &mut Real, entry: &Entry) -> Result<(), String> {
    real.set_up(entry);
    let before = real.state(entry);
    let simulated = real.ledger.simulate(entry.transaction.clone(), Commitment::Processed);
    equal("the simulation's error", &entry.error, &error_of(&simulated.outcome))?;
    if entry.error.is_null() {
        equal("what the simulation leaves", &entry.after(&before), &real.left_by(entry, &simulated))?;
    }
    let known = real.ledger.history.len();
    real.ledger.land(entry.transaction.clone());
    let has_landed = real.ledger.history.len() > known;
    let landed = real.ledger.history.get(&recorded::SIGNATURE.into()).filter(|_| has_landed);
    equal("the fee", &entry.fee, &landed.map(|landed| landed.outcome.fee))?;
    if let Some(landed) = landed {
        equal("the error on the chain", &entry.error, &error_of(&landed.outcome))?;
    }
    equal("what is on the chain afterwards", &entry.after(&before), &real.state(entry))
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, model: &T, real: &T) -> Result<(), String> {
    if model == real { Ok(()) } else { Err(format!("{what}: the model {model:?}, the real chain {real:?}")) }
}

fn error_of(outcome: &Outcome) -> Value {
    serde_json::to_value(&outcome.error).unwrap()
}

/// The chain with the real programs, which is in another state for each entry.
struct Real {
    ledger: Ledger,
    /// The accounts without those of any entry.
    accounts: LiteSVM,
}

impl Real {
    fn new() -> Self {
        let mut ledger = Ledger::new(&[], 0, 32, Some("the simulator's chain")).unwrap();
        // There are blocks as old as any blockhash that can be alive, and older ones.
        ledger.advance(2 * BLOCKHASH_LIFE).unwrap();
        let accounts = ledger.svm.clone();
        Self { ledger, accounts }
    }

    fn set_up(&mut self, entry: &Entry) {
        let ledger = &mut self.ledger;
        ledger.svm = self.accounts.clone();
        ledger.history = History::default();
        for (address, holding) in &entry.tokens {
            let data = holding.pack();
            let lamports = ledger.rent_exemption(data.len());
            let account = Account { lamports, data, owner: TOKEN_PROGRAM, ..Account::default() };
            ledger.svm.set_account(*address, account).unwrap();
        }
        ledger.set_lamports(entry.fee_payer(), entry.lamports).unwrap();
        if let Some(age) = entry.blockhash_age {
            ledger.blocks.adopt(*entry.transaction.message.recent_blockhash(), age);
        }
        if entry.is_on_chain {
            let landed = entry.landed(ledger.blocks.tip());
            ledger.history.add(entry.transaction.message.hash(), landed);
        }
    }

    /// Returns what the fee payer and all token accounts of the transaction hold.
    fn state(&self, entry: &Entry) -> State {
        self.seen(entry, |address| self.ledger.svm.get_account(address))
    }

    /// Returns the same as a simulation leaves it.
    fn left_by(&self, entry: &Entry, simulation: &Simulation) -> State {
        let written = |address: &Address| {
            simulation.accounts.iter().find(|(key, _)| key == address).map(|(_, account)| account.clone())
        };
        self.seen(entry, |address| written(address).or_else(|| self.ledger.svm.get_account(address)))
    }

    fn seen(&self, entry: &Entry, account: impl Fn(&Address) -> Option<Account>) -> State {
        let amount = |address: &Address| {
            let holding = account(address).as_ref().and_then(Holding::read)?;
            Some((*address, holding.amount))
        };
        let keys = entry.transaction.message.static_account_keys();
        let lamports = account(&entry.fee_payer()).map_or(0, |account| account.lamports());
        (lamports, keys.iter().filter_map(amount).collect())
    }
}
