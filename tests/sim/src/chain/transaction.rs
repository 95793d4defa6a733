//! A payment as the chain reads it.

use std::sync::LazyLock;

use coinop_core::PaymentId;
use coinop_core::svm::{Address, TokenProgram, Transaction as Wire};
use ed25519_dalek::{Signature, VerifyingKey};

use super::SIGNATURE_LAMPORTS;

/// The program that takes the limit of compute units and their price.
static COMPUTE_BUDGET: LazyLock<Option<Address>> =
    LazyLock::new(|| "ComputeBudget111111111111111111111111111111".parse().ok());

/// The compute units for each instruction of a program, if the transaction does not say how many it may use.
const DEFAULT_UNITS: u64 = 200_000;
/// The compute units for each instruction that the runtime carries out itself, if the transaction does not say.
const DEFAULT_BUILTIN_UNITS: u64 = 3_000;
/// The most compute units of a transaction.
const MAX_UNITS: u64 = 1_400_000;

/// A transaction that makes one transfer of tokens.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) id: PaymentId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire: Wire,
    pub(crate) blockhash: [u8; 32],
    pub(crate) fee_payer: Address,
    pub(crate) authority: Address,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) amount: u64,
    /// The place of the transfer among the instructions.
    pub(crate) transfer_at: usize,
    /// What it costs its fee payer, in lamports.
    pub(crate) fee: u64,
    /// The transaction's id as nodes name it: its first signature.
    pub(crate) signature: String,
}

impl Transaction {
    /// Reads a transaction; `None` if it is not one with one transfer of tokens.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let wire = Wire::decode(bytes).ok()?;
        let message = &wire.message;
        let program = |at: u8| message.account(at);
        let is_transfer =
            |program: Option<&Address>| program.is_some_and(|it| TokenProgram::at(it).is_some());
        let transfer_at = message.instructions.iter().position(|it| is_transfer(program(it.program)))?;
        let transfer = message.instructions.get(transfer_at)?;
        let place = |at: usize| transfer.accounts.get(at).and_then(|index| message.account(*index)).copied();
        let amount = u64::from_le_bytes(transfer.data.get(1..9)?.try_into().ok()?);
        Some(Self {
            id: PaymentId::of_message(&wire.message_bytes),
            bytes: bytes.to_vec(),
            blockhash: message.blockhash,
            fee_payer: *message.account(0)?,
            source: place(0)?,
            destination: place(2)?,
            authority: place(3)?,
            amount,
            transfer_at,
            fee: fee(&wire),
            signature: wire.signatures.first().map(|it| bs58::encode(it).into_string()).unwrap_or_default(),
            wire,
        })
    }

    /// Returns whether all signatures are good.
    pub(crate) fn is_signed(&self) -> bool {
        let signers = self.wire.message.accounts.iter().zip(&self.wire.signatures);
        signers.take(usize::from(self.wire.message.required_signatures)).all(|(signer, signature)| {
            let key = VerifyingKey::from_bytes(signer.as_bytes());
            let signature = Signature::from_bytes(signature);
            key.is_ok_and(|key| key.verify_strict(&self.wire.message_bytes, &signature).is_ok())
        })
    }
}

/// Returns the fee: for the signatures, and for the compute units at the price that is offered.
///
/// Of the programs that payments use, only that of the compute budget is part of the runtime.
fn fee(wire: &Wire) -> u64 {
    let is_budget = |program: u8| wire.message.account(program) == COMPUTE_BUDGET.as_ref();
    let (mut limit, mut price, mut default) = (None, 0, 0);
    for instruction in &wire.message.instructions {
        if !is_budget(instruction.program) {
            default += DEFAULT_UNITS;
            continue;
        }
        default += DEFAULT_BUILTIN_UNITS;
        match instruction.data.split_first() {
            Some((2, rest)) => limit = rest.first_chunk().map(|it| u64::from(u32::from_le_bytes(*it))),
            Some((3, rest)) => price = rest.first_chunk().map_or(price, |it| u64::from_le_bytes(*it)),
            _ => {}
        }
    }
    let units = limit.unwrap_or(default).min(MAX_UNITS);
    let signatures = u64::from(wire.message.required_signatures) * SIGNATURE_LAMPORTS;
    let millionths = u128::from(units) * u128::from(price);
    signatures.saturating_add(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
}
