//! Local settlement: the gateway's own fee payer co-signs and submits to a Solana RPC node.
//!
//! The transaction's id is the fee payer's signature, which is made before anything is sent. So it can be
//! written to the journal first, and the outcome can always be looked up (invariants 2 and 3).

use std::cell::Cell;

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;

use super::fee_payers::FeePayers;
use super::found::find;
use super::holding::Holding;
use super::mint::is_plain_token_2022;
use super::recent::BLOCKHASH_BLOCKS;
use super::refusal::{TOO_OLD, landing_failure, simulation_refusal};
use super::rpc::{Commitment, Rpc, Simulation};
use crate::encoding::{base58_long, base64, from_base64};
use crate::error::{EncodeError, RpcError, SettleError};
use crate::ports::{
    Balances, Effort, Found, Http, Outcome, PrepareError, Prepared, Settlement, Submitted, Verified,
};
use crate::rail::svm_exact;
use crate::session::failure::EXPIRED;
use crate::session::{Claim, Guarded, Landing, Rail, SvmExact};
use crate::svm::exact::VerifiedPayment;
use crate::svm::transaction::{Signature, Transaction};
use crate::svm::{Address, RecentBlockhash, Token, TokenProgram};
use crate::time::Timestamp;

/// How many blocks a payment's blockhash must still live.
///
/// That is long enough for our own sends to land it. So whoever reserves an asset with a payment pays for it.
const LEAST_BLOCKS: u64 = 30;

/// About how many blocks an hour has.
const BLOCKS_OF_AN_HOUR: u64 = 9_000;

/// The shortest time in which a cluster confirms a transaction, in milliseconds. It is less than a slot.
const FIRST_LOOK_MS: u64 = 150;

/// How long the node is not asked again for a blockhash for buyers, in milliseconds.
const ASK_AGAIN_MS: u64 = 5_000;

/// The least balance of a fee payer, in lamports. It is enough for a hundred sales and to stay rent-exempt.
const LEAST_LAMPORTS: u64 = 2_000_000;

/// Settles through the gateway's fee payers and one node.
pub struct LocalSettlement<H> {
    rpc: Rpc<H>,
    fee_payers: FeePayers,
    /// The latest blockhash seen by a purchase; it is kept only in memory.
    recent: Cell<Option<RecentBlockhash>>,
    /// When the node was last asked for a blockhash for a buyer.
    asked_at: Cell<Option<Timestamp>>,
    /// Whether `recent` is kept.
    remembers: bool,
}

/// A claimed payment that is looked for.
#[derive(Clone, Copy)]
struct Looked<'a> {
    payment: &'a SvmExact,
    /// When it was claimed.
    at: Timestamp,
}

/// How long a blockhash lives.
struct Life {
    /// A block height that is not below that of the blockhash.
    height: u64,
    /// Whether fewer than [`LEAST_BLOCKS`] are left.
    is_ending: bool,
}

/// Returns the transaction with the fee payer's signature in first place, and its id, which is that signature
/// in base58.
///
/// # Errors
/// When the transaction has no place for the signature, or can't be encoded.
fn co_sign(fee_payer: &SigningKey, transaction: &Transaction) -> Result<(Vec<u8>, String), EncodeError> {
    let ours = fee_payer.sign(&transaction.message_bytes).to_bytes();
    Ok((with_fee_payer(transaction, ours)?, base58_long(&ours)))
}

/// Returns what is stored of a payment before it is sent: signed by its fee payer, with a block height at
/// which its blockhash was no older than new.
///
/// # Errors
/// When the transaction has no place for the signature, or can't be encoded.
pub fn signed(fee_payer: &SigningKey, payment: &VerifiedPayment, height: u64) -> Result<Rail, EncodeError> {
    let (transaction, signature) = co_sign(fee_payer, &payment.transaction)?;
    Ok(Rail::SvmExact(SvmExact {
        source: payment.source,
        transaction: base64(&transaction),
        signature,
        height,
        fee_payer: payment.fee_payer,
        fee_lamports: payment.fee_lamports,
        guarded: Guarded {
            source: payment.guards.exclusive_source,
            fee_payer_floor: payment.guards.fee_payer_floor,
        },
    }))
}

/// Returns the transaction's bytes with this signature in the fee payer's place.
fn with_fee_payer(transaction: &Transaction, signature: Signature) -> Result<Vec<u8>, EncodeError> {
    let mut transaction = transaction.clone();
    *transaction.signatures.first_mut().ok_or(EncodeError("the fee payer's signature"))? = signature;
    transaction.encode()
}

impl<H: Http> LocalSettlement<H> {
    /// Returns a settlement with these keys and this node.
    pub const fn new(rpc: Rpc<H>, fee_payers: FeePayers) -> Self {
        Self { rpc, fee_payers, recent: Cell::new(None), asked_at: Cell::new(None), remembers: true }
    }

    /// Keeps nothing between purchases, so that answers do not depend on which instance gives them.
    #[must_use]
    pub fn forgetful(self) -> Self {
        Self { remembers: false, ..self }
    }

    /// Returns the keys that pay the network's fees.
    pub const fn fee_payer_keys(&self) -> &FeePayers {
        &self.fee_payers
    }

    /// Returns the outcome of a transaction that the node knows. `failed` is what another answer says of it.
    ///
    /// The node is believed only if the chain shows the identical message, and two answers agree on whether it failed. One
    /// wrong answer would otherwise take a paid session away, or give one for nothing.
    async fn landed(
        &self,
        claim: Looked<'_>,
        commitment: Commitment,
        failed: bool,
    ) -> Result<Outcome, RpcError> {
        let payment = claim.payment;
        let Some(found) = self.rpc.transaction(&payment.signature, commitment).await? else {
            return Ok(Outcome::Unclear);
        };
        let message = |bytes: &[u8]| Transaction::decode(bytes).ok().map(|t| t.message_bytes);
        let ours = from_base64(&payment.transaction).and_then(|bytes| message(&bytes));
        if ours.is_none() || message(&found.transaction) != ours {
            return Ok(Outcome::Unclear);
        }
        let has_failed = found.error.is_some();
        if has_failed != failed && self.listed(claim, 0).await? != Some(has_failed) {
            return Ok(Outcome::Unclear);
        }
        match (&found.error, commitment) {
            (None, _) => Ok(Outcome::Landed(Landing::SvmExact { slot: found.slot })),
            // A fork can still undo an error until the block is final.
            (Some(error), Commitment::Finalized) => {
                Ok(Outcome::Failed { reason: landing_failure(error, &found.transaction) })
            }
            (Some(_), Commitment::Confirmed) => Ok(Outcome::Unclear),
        }
    }

    /// Returns whether the payment landed with an error, as the list of its account's transactions says, from a node that
    /// has seen slot `since`; `None` if it is not listed.
    async fn listed(&self, claim: Looked<'_>, since: u64) -> Result<Option<bool>, RpcError> {
        let Looked { payment, at } = claim;
        self.rpc.touches(&payment.source, &payment.signature, at, since).await
    }

    /// Returns for how many blocks a payment has been dead, and the slot up to which that is known. The
    /// number is `None` if the payment may still land.
    ///
    /// Two answers have to agree, because one wrong number would give up a payment that lands a moment later.
    async fn dead_for(&self, payment: &SvmExact) -> Result<(Option<u64>, u64), RpcError> {
        let block = self.rpc.latest_block(Commitment::Finalized).await?;
        let last = payment.height.saturating_add(BLOCKHASH_BLOCKS);
        let Some(blocks @ 1..) = block.height.checked_sub(last) else { return Ok((None, block.slot)) };
        let transaction =
            from_base64(&payment.transaction).and_then(|bytes| Transaction::decode(&bytes).ok());
        let Some(transaction) = transaction else { return Ok((None, block.slot)) };
        let blockhash = self.rpc.blockhash(&transaction.message.blockhash, block.slot).await?;
        Ok(((!blockhash.valid).then_some(blocks), blockhash.slot))
    }

    async fn look_up(&self, claim: Looked<'_>, effort: Effort) -> Result<Outcome, RpcError> {
        let payment = claim.payment;
        let thorough = effort == Effort::Thorough;
        // This is read before the search. Whatever the search does not find can't have landed up to this
        // slot, and nothing can land after it. So the searched node must have seen this slot.
        let (dead_for, since) = if thorough { self.dead_for(payment).await? } else { (None, 0) };
        if let Some(status) = self.rpc.status(&payment.signature, thorough, since).await? {
            return match status.commitment {
                Some(commitment) => self.landed(claim, commitment, status.failed).await,
                None => Ok(Outcome::Unclear),
            };
        }
        let Some(dead_for) = dead_for else { return Ok(Outcome::Unclear) };
        // The node's index by id finds nothing. Its index by account has to agree before the buyer is told
        // that nothing was charged. An account with more entries than can be read must not block the asset
        // for ever, so an hour later the other two searches are enough.
        if dead_for <= BLOCKS_OF_AN_HOUR
            && let Some(failed) = self.listed(claim, since).await?
        {
            return self.landed(claim, Commitment::Finalized, failed).await;
        }
        match self.rpc.transaction(&payment.signature, Commitment::Confirmed).await? {
            None => Ok(Outcome::Failed { reason: EXPIRED }),
            Some(found) => self.landed(claim, Commitment::Finalized, found.error.is_some()).await,
        }
    }

    /// Simulates a payment and prepares it for sending.
    async fn make_ready(
        &self,
        verified: &svm_exact::Verified,
        now: Timestamp,
    ) -> Result<Prepared, PrepareError> {
        let svm_exact::Verified { payment, token, .. } = verified;
        let refused = |error: &Value| simulation_refusal(error, payment);
        let key = self.fee_payers.key(&payment.fee_payer);
        let key = key.ok_or_else(|| unavailable(SettleError::NoKey(payment.fee_payer)))?;
        let blockhash = &payment.transaction.message.blockhash;
        let blockhash = self.rpc.blockhash(blockhash, 0).await.map_err(unavailable)?;
        if !blockhash.valid {
            return Err(refused(&Value::from("BlockhashNotFound")));
        }
        let life = self.life(payment, blockhash.slot, now).await.map_err(unavailable)?;
        self.check_mint(token).await?;
        // The simulation comes last, so that as little as possible changes before the claim. It is sent
        // without the fee payer's signature, because with it, anyone who sees the call could land the payment.
        let unsigned = with_fee_payer(&payment.transaction, [0; 64]).map_err(unavailable)?;
        let simulated =
            self.rpc.simulate(&unsigned, &payment.source, &payment.fee_payer, blockhash.slot).await;
        let (source, fee_payer) = match simulated.map_err(unavailable)? {
            Simulation::Passes { source, fee_payer } => (source, fee_payer),
            Simulation::Fails(error) => return Err(refused(&error)),
        };
        // Only now is it known that the payment is not on the chain already.
        if life.is_ending {
            return Err(TOO_OLD);
        }
        let holding = Holding::read(&source, token, &payment.payer)
            .ok_or_else(|| unavailable(RpcError::Shape("simulateTransaction")))?;
        Ok(Prepared {
            rail: signed(key, payment, life.height).map_err(unavailable)?,
            balances: Some(Balances {
                remaining: holding.spendable,
                shared: holding.shared,
                fee_payer: fee_payer.lamports,
            }),
        })
    }

    /// Finds out how long a payment's blockhash lives, which a node was seen to call valid at slot `since`.
    async fn life(&self, payment: &VerifiedPayment, since: u64, now: Timestamp) -> Result<Life, RpcError> {
        let age = self.rpc.blockhash_age(&payment.transaction.message.blockhash, since).await?;
        let latest = self.rpc.latest_blockhash(age.map_or(since, |age| age.slot), now).await?;
        self.recent.set(Some(latest).filter(|_| self.remembers));
        // This block is at least as high as the one for which the age was told, so the payment is never taken for dead
        // too early. Without an age, the blockhash lives at most 150 blocks from here, because it was seen valid before.
        let height = latest.last_valid_block_height.saturating_sub(BLOCKHASH_BLOCKS);
        let blocks = age.map_or(0, |age| age.blocks);
        let is_ending = blocks > BLOCKHASH_BLOCKS - LEAST_BLOCKS;
        Ok(Life { height: height.saturating_sub(blocks), is_ending })
    }

    /// Refuses a mint whose transfers may move another amount than was signed, or run a program.
    async fn check_mint(&self, token: &Token) -> Result<(), PrepareError> {
        if token.program == TokenProgram::Spl {
            return Ok(());
        }
        let account = self.rpc.account(&token.mint).await.map_err(unavailable)?;
        let plain = account.is_some_and(|account| {
            account.owner == token.program.address() && is_plain_token_2022(&account.data)
        });
        if plain {
            return Ok(());
        }
        Err(PrepareError::Refused {
            reason: "unsupported_mint",
            detail: "This token is not accepted, because its transfers can cost a fee, run other code or be blocked. You were not \
                     charged. Pay with another token.",
        })
    }
}

fn unavailable(error: impl Into<SettleError>) -> PrepareError {
    PrepareError::Unavailable(error.into())
}

/// The error for a payment of another rail.
#[cfg(test)]
const NOT_OURS: SettleError = SettleError::Stub("this settlement is of another rail");

impl<H: Http> Settlement for LocalSettlement<H> {
    fn fee_payers(&self) -> &[Address] {
        self.fee_payers.addresses()
    }

    fn recent_blockhash(&self, now: Timestamp) -> Option<RecentBlockhash> {
        self.recent.get().filter(|recent| recent.is_fresh(now))
    }

    async fn fetch_blockhash(&self, now: Timestamp) -> Result<RecentBlockhash, SettleError> {
        let is_recent = |at: Timestamp| now >= at && now.millis_since(at) < ASK_AGAIN_MS;
        if self.remembers && self.asked_at.get().is_some_and(is_recent) {
            return Err(SettleError::AskedJustNow);
        }
        self.asked_at.set(Some(now));
        let latest = self.rpc.latest_blockhash(0, now).await?;
        self.recent.set(Some(latest).filter(|_| self.remembers));
        Ok(latest)
    }

    async fn prepare(&self, verified: &Verified, now: Timestamp) -> Result<Prepared, PrepareError> {
        match verified {
            Verified::SvmExact(verified) => self.make_ready(verified, now).await,
            #[cfg(test)]
            _ => Err(unavailable(NOT_OURS)),
        }
    }

    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError> {
        match &claim.rail {
            Rail::SvmExact(payment) => self.rpc.send(&payment.transaction).await?,
            #[cfg(test)]
            _ => return Err(NOT_OURS),
        }
        Ok(Submitted::AsClaimed)
    }

    fn first_look_ms(&self) -> u64 {
        FIRST_LOOK_MS
    }

    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome {
        match &claim.rail {
            Rail::SvmExact(payment) => {
                let claim = Looked { payment, at: claim.at };
                self.look_up(claim, effort).await.unwrap_or(Outcome::Unclear)
            }
            #[cfg(test)]
            _ => Outcome::Unclear,
        }
    }

    async fn find(&self, payment: &Verified, since: Timestamp) -> Result<Option<Found>, SettleError> {
        match payment {
            Verified::SvmExact(verified) => {
                let payment = &verified.payment;
                let key = self.fee_payers.key(&payment.fee_payer);
                let own = key.map(|key| co_sign(key, &payment.transaction)).transpose()?;
                Ok(find(&self.rpc, payment, own.map(|(_, signature)| signature), since).await?)
            }
            #[cfg(test)]
            _ => Err(NOT_OURS),
        }
    }

    async fn health(&self) -> Result<(), SettleError> {
        self.rpc.block_height(Commitment::Confirmed, 0).await?;
        for address in self.fee_payers() {
            let lamports = self.rpc.account(address).await?.map_or(0, |account| account.lamports);
            if lamports < LEAST_LAMPORTS {
                return Err(SettleError::OutOfFunds(Some(*address)));
            }
        }
        Ok(())
    }
}
