//! The chain's state: accounts in a virtual machine, blocks, and history.
//!
//! The virtual machine executes transactions. The ledger decides, as a validator would, whether a transaction
//! may be executed at all: its blockhash must be recent, and it must not have landed before.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use litesvm::LiteSVM;
use litesvm::types::TransactionMetadata;
use sha2::{Digest as _, Sha256};
use solana_account::{Account, ReadableAccount};
use solana_address::Address;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_message::v0::{self, LoadedAddresses};
use solana_message::{
    AddressLoader, MessageHeader, VersionedMessage, compiled_instruction::CompiledInstruction,
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use crate::bank::Bank;
use crate::blocks::{Blocks, Commitment};
use crate::genesis::{self, Funding};
use crate::history::{Balances, History, Landed, Outcome, TokenBalance, accounts};
use crate::sysvars;
use crate::token::{Holding, is_token_program};

#[cfg(test)]
mod simulator;

/// The whole chain.
pub(crate) struct Ledger {
    /// The accounts at the tip.
    svm: LiteSVM,
    /// The accounts after each block from the confirmed one to the tip's parent, oldest first. Empty if the
    /// tip itself is confirmed.
    earlier: VecDeque<LiteSVM>,
    pub(crate) blocks: Blocks,
    pub(crate) history: History,
    /// How many times `sendTransaction` was called.
    pub(crate) sends: u64,
    faucet: Keypair,
    airdrops: u64,
    /// Whether block times are the same in every run. Otherwise they are the system's.
    repeatable: bool,
}

/// The first block's time if it is the same in every run, in seconds.
const REPEATABLE_START: i64 = 1_700_000_000;

pub(crate) struct Simulation {
    /// What the run did, or why there was none.
    pub(crate) outcome: Outcome,
    /// The writable accounts after the run. Empty if it failed.
    pub(crate) accounts: Vec<(Address, Account)>,
}

impl Simulation {
    fn refused(error: TransactionError) -> Self {
        Self { outcome: Outcome { error: Some(error), ..Outcome::default() }, accounts: Vec::new() }
    }
}

impl Ledger {
    /// Makes a new chain that has funded `funding`. A block is confirmed once `confirm_lag` blocks follow it,
    /// and final once `finality_lag` do. With a `seed` its blocks are the same in every run.
    ///
    /// # Errors
    ///
    /// Fails if the funding is impossible, or if `confirm_lag` is larger than `finality_lag`.
    pub(crate) fn new(
        funding: &[Funding],
        confirm_lag: u64,
        finality_lag: u64,
        seed: Option<&str>,
    ) -> anyhow::Result<Self> {
        if confirm_lag > finality_lag {
            bail!(
                "--confirm-lag {confirm_lag} is more than --finality-lag {finality_lag}: give it at most that"
            );
        }
        let faucet = match seed {
            Some(seed) => Keypair::new_from_array(Sha256::digest(seed).into()),
            None => Keypair::new(),
        };
        let start = if seed.is_some() { REPEATABLE_START } else { now() };
        let mut ledger = Self {
            svm: genesis::create(funding, &faucet.pubkey())?,
            earlier: VecDeque::new(),
            blocks: Blocks::new(faucet.pubkey().as_ref(), confirm_lag, finality_lag, start),
            history: History::default(),
            sends: 0,
            faucet,
            airdrops: 0,
            repeatable: seed.is_some(),
        };
        sysvars::write(&mut ledger.svm, &ledger.blocks)?;
        ledger.add_blocks(confirm_lag, start)?;
        Ok(ledger)
    }

    /// Adds `count` blocks.
    ///
    /// # Errors
    ///
    /// Fails if the virtual machine does not accept a new block's sysvars.
    pub(crate) fn advance(&mut self, count: u64) -> anyhow::Result<()> {
        // A repeatable chain gains one second for each added block, so no two calls are in the same second.
        let later = || self.blocks.tip().time.saturating_add_unsigned(count);
        let time = if self.repeatable { later() } else { now() };
        self.add_blocks(count, time)
    }

    /// Adds `count` blocks at unix time `time`, in seconds.
    fn add_blocks(&mut self, count: u64, time: i64) -> anyhow::Result<()> {
        let lag = self.blocks.confirm_lag();
        let unconfirmed = count.min(lag);
        // Of the blocks that are confirmed at once, only the last one is ever read.
        let confirmed = count.saturating_sub(unconfirmed);
        if confirmed > 0 {
            self.blocks.advance(confirmed, time);
            sysvars::write(&mut self.svm, &self.blocks)?;
        }
        for _ in 0..unconfirmed {
            self.earlier.push_back(self.svm.clone());
            self.blocks.advance(1, time);
            sysvars::write(&mut self.svm, &self.blocks)?;
        }
        while self.earlier.len() as u64 > lag {
            self.earlier.pop_front();
        }
        Ok(())
    }

    /// Returns the accounts that are seen at `commitment`. The confirmed accounts are the oldest that are
    /// kept, so `finalized` sees them too.
    pub(crate) fn bank(&self, commitment: Commitment) -> Bank<'_> {
        let tip = Bank { svm: &self.svm, height: self.blocks.tip().height };
        match (commitment, self.earlier.front()) {
            (Commitment::Confirmed | Commitment::Finalized, Some(svm)) => {
                Bank { svm, height: self.blocks.height(Commitment::Confirmed) }
            }
            _ => tip,
        }
    }

    /// Returns the lamports that keep an account of `size` bytes alive for ever.
    pub(crate) fn rent_exemption(&self, size: usize) -> u64 {
        self.svm.minimum_balance_for_rent_exemption(size)
    }

    /// Sets the USDC balance of `owner` to exactly `amount` atomic units, without a transaction. It is seen
    /// at every commitment at once.
    pub(crate) fn set_tokens(&mut self, owner: Address, amount: u64) -> anyhow::Result<()> {
        self.states().try_for_each(|svm| genesis::set_tokens(svm, owner, amount))
    }

    /// Sets the balance of the wallet at `address` to exactly `lamports`, without a transaction. It is seen
    /// at every commitment at once.
    pub(crate) fn set_lamports(&mut self, address: Address, lamports: u64) -> anyhow::Result<()> {
        self.states().try_for_each(|svm| genesis::set_lamports(svm, address, lamports))
    }

    /// Returns all states that are kept, the tip's first.
    fn states(&mut self) -> impl Iterator<Item = &mut LiteSVM> {
        std::iter::once(&mut self.svm).chain(&mut self.earlier)
    }

    /// Returns why a transaction could not land, as the bank at `commitment` sees it.
    fn refusal(
        &self,
        transaction: &VersionedTransaction,
        message: &Hash,
        commitment: Commitment,
    ) -> Option<TransactionError> {
        let blockhash = transaction.message.recent_blockhash();
        if !self.blocks.is_valid(blockhash, commitment) {
            Some(TransactionError::BlockhashNotFound)
        } else if self.history.has_message(message, self.bank(commitment).height) {
            Some(TransactionError::AlreadyProcessed)
        } else {
            None
        }
    }

    /// Runs `transaction` on the accounts that are seen at `commitment`, and keeps nothing. Signatures are
    /// not checked.
    pub(crate) fn simulate(&self, transaction: VersionedTransaction, commitment: Commitment) -> Simulation {
        let message = transaction.message.hash();
        if let Some(error) = self.refusal(&transaction, &message, commitment) {
            return Simulation::refused(error);
        }
        match self.bank(commitment).svm.simulate_transaction(transaction) {
            Ok(done) => Simulation {
                outcome: outcome(done.meta, None),
                accounts: done
                    .post_accounts
                    .into_iter()
                    .map(|(address, account)| (address, account.into()))
                    .collect(),
            },
            Err(failed) => {
                Simulation { outcome: outcome(failed.meta, Some(failed.err)), accounts: Vec::new() }
            }
        }
    }

    /// Returns the fee, in lamports, of a message whose blockhash is valid.
    pub(crate) fn fee(&self, message: VersionedMessage, commitment: Commitment) -> Option<u64> {
        if !self.blocks.is_valid(message.recent_blockhash(), commitment) {
            return None;
        }
        let signatures = usize::from(message.header().num_required_signatures);
        let run = self.bank(commitment).svm.simulate_transaction(VersionedTransaction {
            signatures: vec![Signature::default(); signatures],
            message,
        });
        Some(match run {
            Ok(done) => done.meta.fee,
            Err(failed) => failed.meta.fee,
        })
    }

    /// Lands `transaction` in the tip. The caller has verified its signatures. A transaction that cannot land
    /// is dropped silently, as by a cluster.
    pub(crate) fn land(&mut self, transaction: VersionedTransaction) {
        let message = transaction.message.hash();
        if self.refusal(&transaction, &message, Commitment::Processed).is_some() {
            return;
        }
        let Some(signature) = transaction.signatures.first().copied() else {
            return;
        };
        let loaded = self.loaded(&transaction);
        let keys = accounts(&transaction, &loaded);
        let before = self.balances(&keys);
        let outcome = match self.svm.send_transaction(transaction.clone()) {
            Ok(meta) => outcome(meta, None),
            // Without a signature nothing was executed and no fee was paid.
            Err(failed) if failed.meta.signature == Signature::default() => return,
            Err(failed) => outcome(failed.meta, Some(failed.err)),
        };
        let after = self.balances(&keys);
        let landed =
            Landed { transaction, signature, block: self.blocks.tip(), outcome, loaded, before, after };
        self.history.add(message, landed);
    }

    /// Sends `lamports` from the faucet to `address`. Returns the transaction's id.
    pub(crate) fn airdrop(&mut self, address: Address, lamports: u64) -> anyhow::Result<Signature> {
        self.airdrops = self.airdrops.saturating_add(1);
        let transfer = |to: u8, lamports: u64| CompiledInstruction {
            program_id_index: 2,
            accounts: vec![0, to],
            data: [2_u32.to_le_bytes().as_slice(), lamports.to_le_bytes().as_slice()].concat(),
        };
        let message = VersionedMessage::V0(v0::Message {
            header: MessageHeader {
                num_required_signatures: 1,
                num_readonly_signed_accounts: 0,
                num_readonly_unsigned_accounts: 1,
            },
            account_keys: vec![self.faucet.pubkey(), address, Address::default()],
            recent_blockhash: self.blocks.tip().hash,
            // The second transfer moves nothing. Its amount distinguishes equal airdrops.
            instructions: vec![transfer(1, lamports), transfer(0, self.airdrops)],
            address_table_lookups: Vec::new(),
        });
        let transaction =
            VersionedTransaction::try_new(message, &[&self.faucet]).context("cannot sign the airdrop")?;
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        self.land(transaction);
        let landed = self.history.get(&signature);
        let landed = landed.context("this address cannot be funded: ask for another one")?;
        match &landed.outcome.error {
            None => Ok(signature),
            Some(error) => bail!("the airdrop failed: {error}; ask for another amount or address"),
        }
    }

    fn loaded(&self, transaction: &VersionedTransaction) -> LoadedAddresses {
        transaction
            .message
            .address_table_lookups()
            .and_then(|lookups| self.svm.accounts_db().load_addresses(lookups).ok())
            .unwrap_or_default()
    }

    fn balances(&self, keys: &[Address]) -> Balances {
        let mut balances = Balances::default();
        for (index, key) in keys.iter().enumerate() {
            let Some(account) = self.svm.accounts_db().get_account_ref(key) else {
                balances.lamports.push(0);
                continue;
            };
            balances.lamports.push(account.lamports());
            // Only an account that can be a token account is copied, because programs are large.
            if !is_token_program(account.owner()) {
                continue;
            }
            let account = Account::from(account.clone());
            let Some(holding) = Holding::read(&account) else {
                continue;
            };
            balances.tokens.push(TokenBalance {
                index,
                mint: holding.mint,
                owner: holding.owner,
                program: account.owner,
                amount: holding.amount,
                decimals: self
                    .bank(Commitment::Processed)
                    .mint(&holding.mint)
                    .map_or(0, |mint| mint.decimals),
            });
        }
        balances
    }
}

fn outcome(meta: TransactionMetadata, error: Option<TransactionError>) -> Outcome {
    let returned = meta.return_data;
    Outcome {
        error,
        logs: meta.logs,
        units: meta.compute_units_consumed,
        fee: meta.fee,
        returned: (!returned.data.is_empty()).then_some((returned.program_id, returned.data)),
        inner: meta.inner_instructions,
    }
}

/// Returns the unix time, in seconds.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or(0)
}
