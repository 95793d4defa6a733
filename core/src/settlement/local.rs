//! Local settlement: our own fee payer co-signs and submits to a Solana RPC.
//!
//! The transaction's id is our signature, made before anything is sent: so it can
//! be journalled first, and what became of it can always be looked up
//! (invariants 2 and 3).

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::holding::spendable;
use super::mint::is_plain_token_2022;
use super::rpc::{Commitment, Rpc, RpcError, Simulation, Status};
use crate::encoding::{base58_long, base64, from_base64};
use crate::ports::{EXPIRED, Effort, Http, Outcome, PortError, PrepareError, Prepared, Settlement};
use crate::session::Claim;
use crate::svm::exact::VerifiedPayment;
use crate::svm::transaction::Transaction;
use crate::svm::{Address, Token, TokenProgram};

/// How many blocks a blockhash lives.
const BLOCKHASH_BLOCKS: u64 = 150;

/// How many blocks an hour has, about.
const BLOCKS_OF_AN_HOUR: u64 = 9_000;

/// How long a cluster takes to confirm at least, in milliseconds: less than a slot.
const FIRST_LOOK_MS: u64 = 150;

/// A landed payment that ended with an error: its fee is spent, no token moved.
const FAILED_ON_CHAIN: &str = "invalid_exact_svm_transaction_failed";

/// Our fee payer and a node.
pub struct LocalSettlement<H> {
    rpc: Rpc<H>,
    fee_payer: SigningKey,
}

/// The transaction with the fee payer's signature in its first place, and its id: that
/// signature in base58.
#[must_use]
pub fn co_sign(fee_payer: &SigningKey, transaction: &Transaction) -> (Vec<u8>, String) {
    let ours = fee_payer.sign(&transaction.message_bytes).to_bytes();
    let mut signed = transaction.clone();
    if let Some(first) = signed.signatures.first_mut() {
        *first = ours;
    }
    (signed.encode(), base58_long(&ours))
}

impl<H: Http> LocalSettlement<H> {
    /// Settles with this key through this node.
    pub const fn new(rpc: Rpc<H>, fee_payer: SigningKey) -> Self {
        Self { rpc, fee_payer }
    }

    /// What a transaction that the node has heard of turned out to be. Believed only
    /// if the chain shows the identical message.
    async fn landed(&self, claim: &Claim, commitment: Commitment) -> Result<Outcome, RpcError> {
        let Some(found) = self.rpc.transaction(&claim.signature, commitment).await? else {
            return Ok(Outcome::Unclear);
        };
        let message = |bytes: &[u8]| Transaction::decode(bytes).ok().map(|t| t.message_bytes);
        let ours = from_base64(&claim.transaction).and_then(|bytes| message(&bytes));
        if ours.is_none() || message(&found.transaction) != ours {
            return Ok(Outcome::Unclear);
        }
        match (found.failed, commitment) {
            (false, _) => Ok(Outcome::Landed { slot: found.slot }),
            // An error may still be undone by a fork until it is final.
            (true, Commitment::Finalized) => Ok(Outcome::Failed { reason: FAILED_ON_CHAIN }),
            (true, Commitment::Confirmed) => Ok(Outcome::Unclear),
        }
    }

    /// For how many blocks a payment can't land any more, and the slot up to which that
    /// is known; `None` if it may still land.
    ///
    /// Two answers have to agree: one wrong number would give up a payment that is
    /// charged a moment later.
    async fn dead_for(&self, claim: &Claim) -> Result<(Option<u64>, u64), RpcError> {
        let block = self.rpc.latest_block(Commitment::Finalized).await?;
        let last = claim.height.saturating_add(BLOCKHASH_BLOCKS);
        let Some(blocks @ 1..) = block.height.checked_sub(last) else { return Ok((None, block.slot)) };
        let transaction = from_base64(&claim.transaction).and_then(|bytes| Transaction::decode(&bytes).ok());
        let Some(transaction) = transaction else { return Ok((None, block.slot)) };
        let blockhash = self.rpc.blockhash(&transaction.message.blockhash, block.slot).await?;
        Ok(((!blockhash.valid).then_some(blocks), blockhash.slot))
    }

    async fn look_up(&self, claim: &Claim, effort: Effort) -> Result<Outcome, RpcError> {
        let thorough = effort == Effort::Thorough;
        // Read before the search: what the search does not find then can't have
        // landed up to this slot, and nothing can land after it. Who is searched must
        // have seen it.
        let (dead_for, since) = if thorough { self.dead_for(claim).await? } else { (None, 0) };
        if let Some(status) = self.rpc.status(&claim.signature, thorough, since).await? {
            return match status.commitment {
                Some(commitment) => self.landed(claim, commitment).await,
                None => Ok(Outcome::Unclear),
            };
        }
        let Some(dead_for) = dead_for else { return Ok(Outcome::Unclear) };
        // The node's index by id finds nothing. Ask its index by account too, before
        // anybody is told that they were not charged. An account with more entries than
        // can be read must not keep the asset for ever: an hour later the other two
        // searches are enough.
        if dead_for <= BLOCKS_OF_AN_HOUR
            && self.rpc.touches(&claim.source, &claim.signature, claim.at, since).await?
        {
            return self.landed(claim, Commitment::Finalized).await;
        }
        match self.rpc.transaction(&claim.signature, Commitment::Confirmed).await? {
            None => Ok(Outcome::Failed { reason: EXPIRED }),
            Some(_) => self.landed(claim, Commitment::Finalized).await,
        }
    }

    /// Refuses a mint whose transfers do not move what was signed.
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
            detail: "this token takes a fee or runs a program with each transfer; pay with another one",
        })
    }
}

fn unavailable(error: RpcError) -> PrepareError {
    PrepareError::Unavailable(error.into())
}

/// What a payment is told that is on chain although nobody has it in flight here.
fn settled_before(status: &Status) -> PrepareError {
    match (status.failed, status.commitment) {
        (true, Some(Commitment::Finalized)) => PrepareError::Refused {
            reason: FAILED_ON_CHAIN,
            detail: "this transaction landed with an error: it moved nothing and can't any more. Ask for a new 402",
        },
        _ => PrepareError::AlreadySettled,
    }
}

fn out_of_funds() -> PrepareError {
    PrepareError::Unavailable(PortError(
        "the fee payer has too little SOL to pay for transactions".to_owned(),
    ))
}

/// What a simulation's error means for the buyer.
fn simulation_refusal(error: &Value) -> PrepareError {
    const FAILED: &str = "invalid_exact_svm_transaction_simulation_failed";
    // SPL Token's error 1; the transfer is instruction 2.
    let too_little = error.get("InstructionError") == Some(&json!([2, { "Custom": 1 }]));
    // Account 0 is our fee payer.
    let broke = error.pointer("/InsufficientFundsForRent/account_index") == Some(&Value::from(0));
    match error.as_str() {
        Some("InsufficientFundsForFee" | "AccountNotFound" | "InvalidAccountForFee") => out_of_funds(),
        _ if broke => out_of_funds(),
        Some("AlreadyProcessed") => PrepareError::AlreadySettled,
        Some("BlockhashNotFound") => PrepareError::Refused {
            reason: FAILED,
            detail: "the transaction's blockhash is unknown or too old: sign a new one",
        },
        _ if too_little => PrepareError::Refused {
            reason: "insufficient_funds",
            detail: "the paying token account holds less than the price",
        },
        _ => PrepareError::Refused {
            reason: FAILED,
            detail: "the chain would refuse this transaction: check that both token accounts exist and that yours is not frozen",
        },
    }
}

impl<H: Http> Settlement for LocalSettlement<H> {
    fn fee_payer(&self) -> Address {
        Address::new(self.fee_payer.verifying_key().to_bytes())
    }

    async fn prepare(&self, payment: &VerifiedPayment, token: &Token) -> Result<Prepared, PrepareError> {
        let (signed, signature) = co_sign(&self.fee_payer, &payment.transaction);
        if let Some(status) = self.rpc.status(&signature, true, 0).await.map_err(unavailable)? {
            return Err(settled_before(&status));
        }
        let blockhash = &payment.transaction.message.blockhash;
        let blockhash = self.rpc.blockhash(blockhash, 0).await.map_err(unavailable)?;
        if !blockhash.valid {
            return Err(simulation_refusal(&Value::from("BlockhashNotFound")));
        }
        // After the blockhash was seen valid: it lives at most 150 blocks from here.
        let height =
            self.rpc.block_height(Commitment::Confirmed, blockhash.slot).await.map_err(unavailable)?;
        self.check_mint(token).await?;
        let after = match self.rpc.simulate(&signed, &payment.source).await.map_err(unavailable)? {
            Simulation::Passes(after) => after,
            Simulation::Fails(error) => return Err(simulation_refusal(&error)),
        };
        let left = spendable(&after, token, &payment.payer)
            .ok_or_else(|| unavailable(RpcError::Shape("simulateTransaction")))?;
        Ok(Prepared { transaction: base64(&signed), signature, height, left })
    }

    async fn send(&self, claim: &Claim) -> Result<(), PortError> {
        Ok(self.rpc.send(&claim.transaction).await?)
    }

    fn first_look_ms(&self) -> u64 {
        FIRST_LOOK_MS
    }

    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome {
        self.look_up(claim, effort).await.unwrap_or(Outcome::Unclear)
    }

    async fn health(&self) -> Result<(), PortError> {
        self.rpc.block_height(Commitment::Confirmed, 0).await?;
        let address = self.fee_payer();
        let lamports = self.rpc.account(&address).await?.map_or(0, |account| account.lamports);
        // Enough for a hundred sales; the account must also stay rent-exempt.
        if lamports < 2_000_000 {
            return Err(PortError(format!(
                "the fee payer {address} has too little SOL to pay for transactions"
            )));
        }
        Ok(())
    }
}
