//! Keeps every transaction that landed, as long as the process lives.

use std::collections::{HashMap, HashSet};

use solana_address::Address;
use solana_hash::Hash;
use solana_message::inner_instruction::InnerInstructionsList;
use solana_message::v0::LoadedAddresses;
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use crate::blocks::Block;

/// The result of running a transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Why it failed, if it did.
    pub(crate) error: Option<TransactionError>,
    /// The logs of its programs.
    pub(crate) logs: Vec<String>,
    /// Compute units used.
    pub(crate) units: u64,
    /// Fee, in lamports.
    pub(crate) fee: u64,
    /// The program that returned data last, with the data.
    pub(crate) returned: Option<(Address, Vec<u8>)>,
    /// Cross-program calls, per top-level instruction.
    pub(crate) inner: InnerInstructionsList,
}

/// The token balance of one account of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenBalance {
    /// The account's position in the transaction.
    pub(crate) index: usize,
    pub(crate) mint: Address,
    pub(crate) owner: Address,
    pub(crate) program: Address,
    /// In atomic units.
    pub(crate) amount: u64,
    /// Decimals of the mint.
    pub(crate) decimals: u8,
}

/// The balances of a transaction's accounts at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Balances {
    /// Lamports, one value per account.
    pub(crate) lamports: Vec<u64>,
    /// Tokens of the accounts that hold some.
    pub(crate) tokens: Vec<TokenBalance>,
}

/// A transaction that landed.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) transaction: VersionedTransaction,
    /// Its first signature, which is its id.
    pub(crate) signature: Signature,
    /// The block that contains it.
    pub(crate) block: Block,
    pub(crate) outcome: Outcome,
    /// Addresses that it took from lookup tables.
    pub(crate) loaded: LoadedAddresses,
    pub(crate) before: Balances,
    pub(crate) after: Balances,
}

/// All landed transactions, in order, with indexes.
#[derive(Default)]
pub(crate) struct History {
    landed: Vec<Landed>,
    by_signature: HashMap<Signature, usize>,
    by_address: HashMap<Address, Vec<usize>>,
    /// The height at which each message landed, by its hash.
    messages: HashMap<Hash, u64>,
}

impl History {
    /// Adds a transaction. `message` is the hash of its message.
    pub(crate) fn add(&mut self, message: Hash, landed: Landed) {
        let index = self.landed.len();
        self.messages.insert(message, landed.block.height);
        self.by_signature.insert(landed.signature, index);
        let mut seen = HashSet::new();
        for address in accounts(&landed.transaction, &landed.loaded) {
            if seen.insert(address) {
                self.by_address.entry(address).or_default().push(index);
            }
        }
        self.landed.push(landed);
    }

    /// Tells whether a transaction with this message hash has landed in the block at `height` or before.
    pub(crate) fn has_message(&self, message: &Hash, height: u64) -> bool {
        self.messages.get(message).is_some_and(|landed| *landed <= height)
    }

    /// Returns the landed transaction with this id.
    pub(crate) fn get(&self, signature: &Signature) -> Option<&Landed> {
        self.landed.get(*self.by_signature.get(signature)?)
    }

    /// Returns the landed transactions that name `address`, newest first. If given, they are before the
    /// transaction `before` and after the transaction `until`. If `before` never landed, it returns nothing.
    pub(crate) fn of_address(
        &self,
        address: &Address,
        before: Option<&Signature>,
        until: Option<&Signature>,
    ) -> impl Iterator<Item = &Landed> {
        let index_of = |signature: &Signature| self.by_signature.get(signature).copied();
        let end = before.map_or(usize::MAX, |signature| index_of(signature).unwrap_or(0));
        let start = until.and_then(index_of);
        self.by_address
            .get(address)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .rev()
            .copied()
            .skip_while(move |index| *index >= end)
            .take_while(move |index| start.is_none_or(|start| *index > start))
            .filter_map(|index| self.landed.get(index))
    }

    /// Returns how many transactions landed.
    pub(crate) fn len(&self) -> usize {
        self.landed.len()
    }
}

/// Returns a transaction's accounts in the order of their indexes.
pub(crate) fn accounts(transaction: &VersionedTransaction, loaded: &LoadedAddresses) -> Vec<Address> {
    let mut all = transaction.message.static_account_keys().to_vec();
    all.extend(&loaded.writable);
    all.extend(&loaded.readonly);
    all
}
