//! Builds the buyer's side of a payment: what `coinop pay` and tests sign.

use ed25519_dalek::{Signer as _, SigningKey};

use super::programs::{COMPUTE_BUDGET, MEMO};
use super::transaction::{Instruction, Message, Transaction};
use super::{Address, TokenProgram, associated_token_account};
use crate::money::Amount;

/// What a buyer pays.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// Who will pay the network's fee, and sign later.
    pub fee_payer: Address,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// What pays.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The mint's token program.
    pub program: TokenProgram,
    /// How much.
    pub amount: Amount,
    /// A recent blockhash.
    pub blockhash: [u8; 32],
    /// The text that goes on chain with it.
    pub memo: Option<&'a str>,
}

/// Compute units that a transfer with a memo is given: what public clients ask for.
const COMPUTE_UNITS: u32 = 20_000;

impl Transfer<'_> {
    /// The transaction, signed by `payer` and not yet by the fee payer. `None` where
    /// the accounts coincide or can't be derived.
    #[must_use]
    pub fn sign(&self, payer: &SigningKey) -> Option<Transaction> {
        let authority = Address::new(payer.verifying_key().to_bytes());
        let source = associated_token_account(&authority, &self.mint, self.program)?;
        let destination = associated_token_account(&self.pay_to, &self.mint, self.program)?;
        let token_program = self.program.address();
        let mut accounts =
            vec![self.fee_payer, authority, source, destination, self.mint, COMPUTE_BUDGET, token_program];
        let mut transfer = vec![12];
        transfer.extend(self.amount.atomic().to_le_bytes());
        transfer.push(self.decimals);
        let mut limit = vec![2];
        limit.extend(COMPUTE_UNITS.to_le_bytes());
        let mut price = vec![3];
        price.extend(1u64.to_le_bytes());
        let mut instructions = vec![
            Instruction { program: 5, accounts: vec![], data: limit },
            Instruction { program: 5, accounts: vec![], data: price },
            Instruction { program: 6, accounts: vec![2, 4, 3, 1], data: transfer },
        ];
        // An account that no instruction uses would be refused.
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
        let message_bytes = message.encode().ok()?;
        // Reads its own message back: a payer that is the fee payer or the merchant is caught here.
        let message = Message::decode(&message_bytes).ok()?;
        let signature = payer.sign(&message_bytes).to_bytes();
        Some(Transaction { signatures: vec![[0; 64], signature], message, message_bytes })
    }
}
