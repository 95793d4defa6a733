//! A transaction: the core reads and judges it as Solana's own crates and a second set of rules do.
//!
//! A mutated message is signed again, because otherwise nothing but the first check of a signature would be tried.

use std::sync::LazyLock;

use coinop_core::Amount;
use coinop_core::svm::{Message, TokenProgram, Transaction, Transfer};
use coinop_core::testkit::guards::as_phantom;
use coinop_core::testkit::{keys, oracle};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::input::Input;

/// The buyer, a stranger and the merchant.
static SIGNERS: LazyLock<[SigningKey; 3]> =
    LazyLock::new(|| [keys::payer(), keys::numbered(9), keys::merchant()]);

/// Honest payments by token program, with and without a memo, each plain and with Phantom's guards.
static HONEST: LazyLock<Vec<Transaction>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for program in [TokenProgram::Spl, TokenProgram::Token2022] {
        for memo in [None, Some(oracle::MEMO)] {
            let transfer = Transfer {
                fee_payer: keys::address(&keys::fee_payer()),
                pay_to: keys::address(&keys::merchant()),
                mint: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU".parse().unwrap(),
                decimals: 6,
                program,
                amount: Amount::new(10_000),
                blockhash: [9; 32],
                memo,
            };
            let plain = transfer.sign(&keys::payer()).unwrap();
            let mut guarded = plain.message.clone();
            as_phantom(&mut guarded);
            all.extend([plain, signed(&guarded.encode().unwrap())]);
        }
    }
    all
});

/// Returns a transaction with this message, signed by all who have to and whose keys are known here.
fn signed(message_bytes: &[u8]) -> Transaction {
    let sign = |address| {
        let key = SIGNERS.iter().find(|key| keys::address(key) == address);
        key.map_or([0; 64], |key| key.sign(message_bytes).to_bytes())
    };
    let signatures = match Message::decode(message_bytes) {
        Ok(message) => {
            message.accounts.iter().take(message.required_signatures.into()).map(|key| sign(*key)).collect()
        }
        Err(_) => vec![[0; 64], SIGNERS[0].sign(message_bytes).to_bytes()],
    };
    // Only the two lists of bytes are written.
    Transaction { signatures, message_bytes: message_bytes.to_vec(), message: HONEST_MESSAGE.clone() }
}

/// Any message, for [`signed`].
static HONEST_MESSAGE: LazyLock<Message> = LazyLock::new(|| Message {
    versioned: true,
    required_signatures: 2,
    readonly_signed: 0,
    readonly_unsigned: 0,
    accounts: vec![],
    blockhash: [0; 32],
    instructions: vec![],
});

/// Judges a transaction: any bytes, any message signed anew, or an honest payment with changes.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let token_2022 = usize::from(choice & 1);
    let program = [TokenProgram::Spl, TokenProgram::Token2022][token_2022];
    let with_memo = choice & 2 != 0;
    let honest = &HONEST[token_2022 * 4 + usize::from(choice >> 4 & 3)];
    let transaction = match choice >> 2 & 3 {
        0 => input.rest().to_vec(),
        1 => signed(input.rest()).encode().unwrap(),
        2 => signed(&input.altered(&honest.message_bytes)).encode().unwrap(),
        _ => input.altered(&honest.encode().unwrap()),
    };
    // Judged both ways in there.
    let verdict = oracle::payment(&transaction, program, with_memo);
    // Phantom's guards name the SPL Token program.
    let (is_guarded, has_memo) = (choice & 16 != 0, choice & 32 != 0);
    let is_honest = choice >> 2 & 3 == 3 && bytes.len() == 1;
    if is_honest && (has_memo || !with_memo) && !(is_guarded && token_2022 == 1) {
        assert!(verdict.starts_with("a payment"), "an honest payment is refused: {verdict}");
    }
}
