//! Guards as wallets write them, and payments that contain some.

use crate::svm::programs::LIGHTHOUSE;
use crate::svm::transaction::{Instruction, Message};

/// The kind of guard with several assertions about what every account has.
pub const ACCOUNT_INFO_MULTI: u8 = 6;
/// The kind of guard with several assertions about a token account.
pub const TOKEN_ACCOUNT_MULTI: u8 = 10;

/// Returns the bytes of this hex text.
pub fn hex_bytes(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Returns a guard with fewer than 128 assertions, at the log level that Phantom uses.
pub fn multi(kind: u8, assertions: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(assertions.len()).unwrap();
    [vec![kind, 4, count], assertions.concat()].concat()
}

/// Returns an assertion that compares a number.
pub fn number(assertion: u8, value: u64, operator: u8) -> Vec<u8> {
    [vec![assertion], value.to_le_bytes().to_vec(), vec![operator]].concat()
}

/// Returns an assertion that an account has at least this many lamports.
pub fn lamports_at_least(value: u64) -> Vec<u8> {
    number(0, value, 4)
}

/// The guards that Phantom adds to a plain payment, as its real ones read. Three come before the transfer and
/// one at the end.
pub struct Phantom {
    /// The guard on the token account that is paid.
    pub destination: Vec<u8>,
    /// The guard on the token account that pays.
    pub source: Vec<u8>,
    /// The guard on the payer's wallet.
    pub wallet: Vec<u8>,
    /// The guard on the token account that pays, for the end of the payment.
    pub source_after: Vec<u8>,
}

/// Returns Phantom's guards from a captured transaction.
pub fn phantom() -> Phantom {
    let wires = super::vectors::json(super::vectors::PHANTOM);
    let data = |instruction: usize| {
        hex_bytes(wires["wires"][0]["instructions"][instruction]["data"].as_str().unwrap())
    };
    let source_after = data(11);
    // Its assertions about the paid account are the same without the amount.
    let destination = [vec![10, 4, 3], source_after[13..].to_vec()].concat();
    let phantom = Phantom { destination, source: data(6), wallet: data(3), source_after };
    let lengths = [&phantom.destination, &phantom.source, &phantom.wallet, &phantom.source_after];
    assert_eq!(lengths.map(Vec::len), [17, 52, 16, 27], "as in a real payment");
    phantom
}

/// Inserts a guard of this account into a message, as the instruction at `at`.
pub fn insert(message: &mut Message, at: usize, account: u8, data: Vec<u8>) {
    let program = program(message);
    message.instructions.insert(at, Instruction { program, accounts: vec![account], data });
}

/// Returns Lighthouse's index in a message, and appends Lighthouse to the accounts if it is missing.
pub fn program(message: &mut Message) -> u8 {
    let listed = message.accounts.iter().position(|account| *account == LIGHTHOUSE);
    let at = listed.unwrap_or_else(|| {
        message.accounts.push(LIGHTHOUSE);
        message.readonly_unsigned += 1;
        message.accounts.len() - 1
    });
    u8::try_from(at).unwrap()
}

/// Inserts Phantom's guards where Phantom puts them: three before the transfer, which is instruction 2, and
/// one at the end.
pub fn as_phantom(message: &mut Message) {
    let Phantom { destination, source, wallet, source_after } = phantom();
    insert(message, 2, 1, wallet);
    insert(message, 2, 2, source);
    insert(message, 2, 3, destination);
    insert(message, message.instructions.len(), 2, source_after);
}
