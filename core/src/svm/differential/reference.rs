//! The same bytes read by Solana's own crates, and the rules of the `exact` scheme
//! as the specification says them: nothing here uses our decoder or verifier.

use solana_address::Address;
use solana_message::VersionedMessage;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_transaction::versioned::VersionedTransaction;

/// What has to be paid, in the reference's own types.
pub(super) struct Wanted {
    pub(super) amount: u64,
    pub(super) mint: Address,
    pub(super) decimals: u8,
    pub(super) program: Address,
    pub(super) pay_to: Address,
    pub(super) fee_payer: Address,
    pub(super) memo: Option<Vec<u8>>,
    pub(super) max_fee_lamports: u64,
}

/// What a payment turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paid {
    pub(super) payer: Address,
    pub(super) source: Address,
    pub(super) fee_lamports: u128,
}

/// A way in which we refuse what the reference takes, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stricter {
    /// More bytes than the network carries: it could never land.
    TooLarge,
    /// Solana's decoder reads past them; then one message would have many transactions.
    TrailingBytes,
    /// Lookup tables hide accounts from who checks the bytes.
    LookupTable,
    /// An account listed twice: no node runs it, and "account 0 is in no instruction"
    /// would no longer say that the fee payer is in none.
    AccountTwice,
    /// Message version 1: no client sends it, and its fee stands elsewhere.
    Version1,
    /// The specification bounds the price of a unit, not their number.
    ManyUnits,
    /// The specification allows 5 lamports a unit: a hundred times what we sponsor.
    HighPrice,
    /// Units, price and signatures together cost more than one sale may.
    HighFee,
    /// A budget instruction with accounts or more bytes than it needs, which the network ignores.
    OddBudget,
    /// Further accounts (a multisig's signers, a hook's) or bytes behind a transfer.
    OddTransfer,
    /// Others than the fee payer and the authority sign: each costs a fee.
    MoreSigners,
    /// The source is not the authority's own: a delegate pays with another's tokens.
    SourceOfAnother,
}

impl Stricter {
    pub(super) const ALL: [Self; 12] = [
        Self::TooLarge,
        Self::TrailingBytes,
        Self::LookupTable,
        Self::AccountTwice,
        Self::Version1,
        Self::ManyUnits,
        Self::HighPrice,
        Self::HighFee,
        Self::OddBudget,
        Self::OddTransfer,
        Self::MoreSigners,
        Self::SourceOfAnother,
    ];
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Decodes by the wire format and makes the checks that every node makes first.
pub(super) fn read(bytes: &[u8]) -> Option<VersionedTransaction> {
    let transaction: VersionedTransaction = wincode::deserialize(bytes).ok()?;
    transaction.sanitize().ok()?;
    Some(transaction)
}

/// The ways in which we refuse to read it.
pub(super) fn stricter_reading(bytes: &[u8], transaction: &VersionedTransaction) -> Vec<Stricter> {
    let mut ways = Vec::new();
    let keys = transaction.message.static_account_keys();
    if bytes.len() > 1232 {
        ways.push(Stricter::TooLarge);
    }
    if wincode::serialize(transaction).unwrap().len() < bytes.len() {
        ways.push(Stricter::TrailingBytes);
    }
    if transaction.message.address_table_lookups().is_some_and(|tables| !tables.is_empty()) {
        ways.push(Stricter::LookupTable);
    }
    if keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key)) {
        ways.push(Stricter::AccountTwice);
    }
    if matches!(transaction.message, VersionedMessage::V1(_)) {
        ways.push(Stricter::Version1);
    }
    ways
}

/// The rules of the scheme: `None` if it is not the payment that is wanted; otherwise
/// what it is, and the ways in which we refuse it all the same.
pub(super) fn check(transaction: &VersionedTransaction, wanted: &Wanted) -> Option<(Paid, Vec<Stricter>)> {
    let message = &transaction.message;
    let keys = message.static_account_keys();
    // What a table would load stands behind the static keys: nobody here can know it.
    let key = |index: u8| keys.get(usize::from(index)).copied();
    let program = |instruction: &CompiledInstruction| key(instruction.program_id_index);
    let instructions = message.instructions();
    if !(3..=6).contains(&instructions.len()) || keys[0] != wanted.fee_payer {
        return None;
    }
    let in_instructions = |account: &Address| {
        instructions.iter().any(|i| i.accounts.iter().any(|&index| key(index).as_ref() == Some(account)))
    };
    if in_instructions(&wanted.fee_payer) {
        return None;
    }
    let mut ways = Vec::new();

    let budget = address("ComputeBudget111111111111111111111111111111");
    let (limit, price) = (&instructions[0], &instructions[1]);
    if program(limit)? != budget || program(price)? != budget {
        return None;
    }
    let units = u32::from_le_bytes(limit.data.strip_prefix(&[2])?.get(..4)?.try_into().unwrap());
    let micro = u64::from_le_bytes(price.data.strip_prefix(&[3])?.get(..8)?.try_into().unwrap());
    if micro > 5_000_000 {
        return None;
    }
    if [(limit, 5), (price, 9)].iter().any(|(i, len)| i.data.len() != *len || !i.accounts.is_empty()) {
        ways.push(Stricter::OddBudget);
    }
    let signers = message.header().num_required_signatures;
    let priority = (u128::from(units) * u128::from(micro)).div_ceil(1_000_000);
    let fee_lamports = 5_000 * u128::from(signers) + priority;
    if units > 200_000 {
        ways.push(Stricter::ManyUnits);
    }
    if micro > 50_000 {
        ways.push(Stricter::HighPrice);
    }
    if fee_lamports > u128::from(wanted.max_fee_lamports) {
        ways.push(Stricter::HighFee);
    }

    let transfer = &instructions[2];
    let data = transfer.data.strip_prefix(&[12])?;
    let (amount, decimals) = (u64::from_le_bytes(data.get(..8)?.try_into().unwrap()), *data.get(8)?);
    let accounts: Vec<Address> = transfer.accounts.iter().filter_map(|&index| key(index)).collect();
    let [source, mint, destination, authority, ..] = *accounts.as_slice() else { return None };
    let own = |owner: &Address| {
        let seeds = [owner.as_ref(), wanted.program.as_ref(), mint.as_ref()];
        let tokens = address("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
        Address::find_program_address(&seeds, &tokens).0
    };
    let payee = own(&wanted.pay_to);
    // The mint is owned by one program; another one would not move its tokens.
    if program(transfer)? != wanted.program
        || (mint, decimals, amount) != (wanted.mint, wanted.decimals, wanted.amount)
        || destination != payee
        // From the merchant to the merchant nothing moves (inv. 5).
        || source == destination
    {
        return None;
    }
    if data.len() != 9 || transfer.accounts.len() != 4 {
        ways.push(Stricter::OddTransfer);
    }
    if source != own(&authority) {
        ways.push(Stricter::SourceOfAnother);
    }

    let memo_program = address("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
    let lighthouse = address("L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95");
    let mut memos = Vec::new();
    for (place, instruction) in instructions.iter().enumerate().skip(3) {
        match program(instruction)? {
            called if called == memo_program => memos.push(&instruction.data),
            // Wallets add one or two, right behind the transfer.
            called if called == lighthouse && place < 5 => {}
            _ => return None,
        }
    }
    if wanted.memo.as_ref().is_some_and(|memo| memos != [memo]) {
        return None;
    }

    // The authority signs, and so does everybody else who has to; the fee payer's turn comes later.
    let position = keys.iter().position(|key| *key == authority)?;
    let fits = |at: usize| transaction.signatures[at].verify(keys[at].as_ref(), &message.serialize());
    if position >= usize::from(signers) || !(1..usize::from(signers)).all(fits) {
        return None;
    }
    if signers != 2 {
        ways.push(Stricter::MoreSigners);
    }
    Some((Paid { payer: authority, source, fee_lamports }, ways))
}
