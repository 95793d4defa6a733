//! Builds the buyer's side of a payment: unsigned for a wallet, signed for `coinop pay` and tests.

use ed25519_dalek::{Signer as _, SigningKey};

use super::programs::{COMPUTE_BUDGET, MEMO};
use super::transaction::{DecodeError, Instruction, Message, Transaction};
use super::{Address, TokenProgram, associated_token_account};
use crate::encoding::EncodeError;
use crate::money::Amount;

/// A payment to be signed by its buyer.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// The wallet that pays the network's fee and signs last.
    pub fee_payer: Address,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// The mint of the paying token.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The mint's token program.
    pub program: TokenProgram,
    /// The amount in atomic units.
    pub amount: Amount,
    /// A recent blockhash.
    pub blockhash: [u8; 32],
    /// The memo's text, if any.
    pub memo: Option<&'a str>,
}

/// The compute units for a transfer with a memo. Public clients ask for the same number.
const COMPUTE_UNITS: u32 = 20_000;
/// The compute units for a transfer with a memo and what a wallet may add to it. Ten assertions of a wallet need less.
const COMPUTE_UNITS_WITH_GUARDS: u32 = 150_000;

impl Transfer<'_> {
    /// Returns the transaction, signed by `payer` and not yet by the fee payer.
    ///
    /// `None` means that two of the accounts are the same, or that one can't be derived.
    #[must_use]
    pub fn sign(&self, payer: &SigningKey) -> Option<Transaction> {
        let authority = Address::new(payer.verifying_key().to_bytes());
        let (message, message_bytes) = self.message(authority, COMPUTE_UNITS).ok()??;
        let signature = payer.sign(&message_bytes).to_bytes();
        Some(Transaction { signatures: vec![[0; 64], signature], message, message_bytes })
    }

    /// Returns the transaction for the wallet `payer` to sign, with zeros in place of both signatures.
    ///
    /// It asks for enough compute units for the assertions that wallets add. `None` means that two of the accounts are
    /// the same.
    ///
    /// # Errors
    /// Returns an error if the transaction can't be written.
    pub(crate) fn unsigned(&self, payer: Address) -> Result<Option<Transaction>, EncodeError> {
        let built = self.message(payer, COMPUTE_UNITS_WITH_GUARDS)?;
        Ok(built.map(|(message, message_bytes)| Transaction {
            signatures: vec![[0; 64]; 2],
            message,
            message_bytes,
        }))
    }

    /// Returns the message to be signed, with its bytes; `None` if two of its accounts are the same.
    fn message(
        &self,
        authority: Address,
        compute_units: u32,
    ) -> Result<Option<(Message, Vec<u8>)>, EncodeError> {
        let token_account = |owner| {
            let account = associated_token_account(owner, &self.mint, self.program);
            account.ok_or(EncodeError("the address of a token account"))
        };
        let source = token_account(&authority)?;
        let destination = token_account(&self.pay_to)?;
        let token_program = self.program.address();
        let mut accounts =
            vec![self.fee_payer, authority, source, destination, self.mint, COMPUTE_BUDGET, token_program];
        let mut transfer = vec![12];
        transfer.extend(self.amount.atomic().to_le_bytes());
        transfer.push(self.decimals);
        let mut limit = vec![2];
        limit.extend(compute_units.to_le_bytes());
        let mut price = vec![3];
        price.extend(1u64.to_le_bytes());
        let mut instructions = vec![
            Instruction { program: 5, accounts: vec![], data: limit },
            Instruction { program: 5, accounts: vec![], data: price },
            Instruction { program: 6, accounts: vec![2, 4, 3, 1], data: transfer },
        ];
        // The memo program is listed only if a memo uses it, because an unused account would be refused.
        if let Some(memo) = self.memo {
            accounts.push(MEMO);
            instructions.push(Instruction { program: 7, accounts: vec![], data: memo.as_bytes().to_vec() });
        }
        let message = Message {
            versioned: true,
            required_signatures: 2,
            readonly_signed: 1,
            readonly_unsigned: if self.memo.is_some() { 4 } else { 3 },
            accounts,
            blockhash: self.blockhash,
            instructions,
        };
        let message_bytes = message.encode()?;
        // Decoding the message again catches a payer that is the fee payer or the merchant.
        match Message::decode(&message_bytes) {
            Ok(message) => Ok(Some((message, message_bytes))),
            Err(DecodeError::Inconsistent) => Ok(None),
            Err(_) => Err(EncodeError("the message of a payment")),
        }
    }
}
