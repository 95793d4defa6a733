//! The same bytes read by Solana's own crates, and the rules of the `exact` scheme with its instructions in
//! any order. Nothing here uses the core's decoder or verifier.

use solana_address::Address;
use solana_message::VersionedMessage;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_transaction::versioned::VersionedTransaction;

use super::guards::{self, Facts, Role};

/// The payment that was asked for, in the reference's own types.
pub(crate) struct Wanted {
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
    pub(super) memo: Option<Vec<u8>>,
    pub(super) transfer_at: usize,
    /// The guards' positions and accounts.
    pub(super) guards: Vec<(usize, Role)>,
    /// The consequences of all guards.
    pub(super) facts: Facts,
}

/// Why the core refuses what the reference accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stricter {
    /// It has more bytes than the network carries, so it could never land.
    TooLarge,
    /// Solana's decoder ignores trailing bytes, so that one message would have many transactions.
    TrailingBytes,
    /// Lookup tables hide accounts from a check of the bytes.
    LookupTable,
    /// An account is listed twice. No node runs such a message, and "account 0 is in no instruction" would no
    /// longer mean that the fee payer is in none.
    AccountTwice,
    /// The message has version 1. No client sends it, and its fee is in another place.
    Version1,
    /// The specification limits the price per unit, not the number of units.
    ManyUnits,
    /// Units, price and signatures together cost more than one sale may.
    HighFee,
    /// A compute budget instruction has accounts or extra bytes, which the network ignores.
    OddBudget,
    /// A transfer has further accounts (a multisig's signers, a hook's) or extra bytes.
    OddTransfer,
    /// Others than the fee payer and the authority sign, and each signature costs a fee.
    MoreSigners,
    /// The source is not the authority's own, so a delegate pays with another owner's tokens.
    SourceOfAnother,
    /// A memo names an account that is not the payer's wallet.
    MemoOfAnother,
    /// The message lists an account that no instruction uses.
    UnusedAccount,
    /// There are more guards than any wallet adds.
    ManyGuards,
    /// A Lighthouse instruction has a kind or a log level that is not allowed for a guard.
    GuardForm,
    /// A guard names no account, several, or one that is not the payment's.
    GuardOfAnother,
    /// A guard says something that is not allowed about its account.
    GuardSaying,
}

impl Stricter {
    #[cfg(test)]
    pub(super) const ALL: [Self; 17] = [
        Self::TooLarge,
        Self::TrailingBytes,
        Self::LookupTable,
        Self::AccountTwice,
        Self::Version1,
        Self::ManyUnits,
        Self::HighFee,
        Self::OddBudget,
        Self::OddTransfer,
        Self::MoreSigners,
        Self::SourceOfAnother,
        Self::MemoOfAnother,
        Self::UnusedAccount,
        Self::ManyGuards,
        Self::GuardForm,
        Self::GuardOfAnother,
        Self::GuardSaying,
    ];
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Decodes the wire format and makes the checks that every node makes first.
pub(super) fn read(bytes: &[u8]) -> Option<VersionedTransaction> {
    let transaction: VersionedTransaction = wincode::deserialize(bytes).ok()?;
    transaction.sanitize().ok()?;
    Some(transaction)
}

/// Returns the reasons for which the core refuses to read it.
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

/// The instructions of a transaction, sorted by their programs.
#[derive(Default)]
struct Parts<'a> {
    transfers: Vec<(usize, &'a CompiledInstruction)>,
    memos: Vec<&'a CompiledInstruction>,
    guards: Vec<(usize, &'a CompiledInstruction)>,
}

/// Sorts the instructions after the compute budget. Returns `None` for a program that a payment does not use.
fn parts<'a>(keys: &[Address], instructions: &'a [CompiledInstruction]) -> Option<Parts<'a>> {
    let [token, token_2022, memo, lighthouse] = [
        "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95",
    ]
    .map(address);
    let mut parts = Parts::default();
    for (place, instruction) in instructions.iter().enumerate().skip(2) {
        let called = *keys.get(usize::from(instruction.program_id_index))?;
        if called == lighthouse {
            parts.guards.push((place, instruction));
        } else if called == memo {
            parts.memos.push(instruction);
        } else if called == token || called == token_2022 {
            parts.transfers.push((place, instruction));
        } else {
            return None;
        }
    }
    Some(parts)
}

/// Returns the fee in lamports that the two compute budget instructions lead to.
///
/// Returns `None` if they are not such instructions, or if the price per unit is above the specification's.
fn budget(
    transaction: &VersionedTransaction,
    ways: &mut Vec<Stricter>,
    max_fee_lamports: u64,
) -> Option<u128> {
    let message = &transaction.message;
    let budget = address("ComputeBudget111111111111111111111111111111");
    let [limit, price, ..] = message.instructions() else { return None };
    let called = |i: &CompiledInstruction| message.static_account_keys().get(usize::from(i.program_id_index));
    if called(limit)? != &budget || called(price)? != &budget {
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
    let priority = (u128::from(units) * u128::from(micro)).div_ceil(1_000_000);
    let fee_lamports = 5_000 * u128::from(message.header().num_required_signatures) + priority;
    if units > 400_000 {
        ways.push(Stricter::ManyUnits);
    }
    if fee_lamports > u128::from(max_fee_lamports) {
        ways.push(Stricter::HighFee);
    }
    Some(fee_lamports)
}

/// Returns the accounts of the guards and their consequences. `role` names a guard's account.
fn guarded(
    guards: &[(usize, &CompiledInstruction)],
    role: impl Fn(u8) -> Option<Role>,
    program: &Address,
    ways: &mut Vec<Stricter>,
) -> (Vec<(usize, Role)>, Facts) {
    if guards.len() > 10 {
        ways.push(Stricter::ManyGuards);
    }
    let token_2022 = *program == address("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
    let (mut roles, mut sum) = (Vec::new(), Facts::default());
    for (place, guard) in guards {
        let roles_of: Vec<_> = guard.accounts.iter().map(|&index| role(index)).collect();
        let [Some(role)] = *roles_of.as_slice() else {
            ways.push(Stricter::GuardOfAnother);
            continue;
        };
        if !guards::has_form(&guard.data) {
            ways.push(Stricter::GuardForm);
        } else if let Some(facts) = guards::allowed(&guard.data, role, program, token_2022) {
            roles.push((*place, role));
            sum = Facts { exclusive: sum.exclusive || facts.exclusive, floor: sum.floor.max(facts.floor) };
        } else {
            ways.push(Stricter::GuardSaying);
        }
    }
    (roles, sum)
}

/// Checks the rules of the scheme. Returns the payment, with the reasons for which the core still refuses it.
///
/// Returns `None` if it is not the payment that was asked for.
pub(super) fn check(transaction: &VersionedTransaction, wanted: &Wanted) -> Option<(Paid, Vec<Stricter>)> {
    let message = &transaction.message;
    let keys = message.static_account_keys();
    // The accounts from a lookup table follow the static keys, and are unknown here.
    let key = |index: u8| keys.get(usize::from(index)).copied();
    let instructions = message.instructions();
    if !(3..=14).contains(&instructions.len()) || keys[0] != wanted.fee_payer {
        return None;
    }
    let mut ways = Vec::new();
    let fee_lamports = budget(transaction, &mut ways, wanted.max_fee_lamports)?;
    let Parts { transfers, memos, guards } = parts(keys, instructions)?;
    let ([(transfer_at, transfer)], [] | [_]) = (transfers.as_slice(), memos.as_slice()) else { return None };
    let outside_of_guards =
        instructions.iter().enumerate().filter(|(at, _)| guards.iter().all(|(g, _)| g != at));
    if outside_of_guards
        .into_iter()
        .any(|(_, i)| i.accounts.iter().any(|&a| key(a) == Some(wanted.fee_payer)))
    {
        return None;
    }

    let data = transfer.data.strip_prefix(&[12])?;
    let (amount, decimals) = (u64::from_le_bytes(data.get(..8)?.try_into().unwrap()), *data.get(8)?);
    let accounts: Vec<Address> = transfer.accounts.iter().filter_map(|&index| key(index)).collect();
    let [source, mint, destination, authority, ..] = *accounts.as_slice() else { return None };
    let own = |owner: &Address| {
        let seeds = [owner.as_ref(), wanted.program.as_ref(), mint.as_ref()];
        let tokens = address("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
        Address::find_program_address(&seeds, &tokens).0
    };
    // One program owns the mint; another program would not move its tokens.
    if key(transfer.program_id_index)? != wanted.program
        || (mint, decimals, amount) != (wanted.mint, wanted.decimals, wanted.amount)
        || destination != own(&wanted.pay_to)
        // A transfer from the merchant to the merchant moves nothing (invariant 5).
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

    let memo = memos.first();
    if wanted.memo.as_ref().is_some_and(|wanted| memo.is_none_or(|memo| memo.data != *wanted)) {
        return None;
    }
    if memo.is_some_and(|memo| memo.accounts.iter().any(|&index| key(index) != Some(authority))) {
        ways.push(Stricter::MemoOfAnother);
    }
    let roles = [
        (wanted.fee_payer, Role::FeePayer),
        (authority, Role::Payer),
        (source, Role::Source),
        (destination, Role::Destination),
    ];
    let role = |index| roles.iter().find(|(of, _)| key(index) == Some(*of)).map(|(_, role)| *role);
    let (guards, facts) = guarded(&guards, role, &wanted.program, &mut ways);
    let uses = |i: &CompiledInstruction, at: usize| {
        usize::from(i.program_id_index) == at || i.accounts.iter().any(|&index| usize::from(index) == at)
    };
    if (1..keys.len()).any(|at| instructions.iter().all(|instruction| !uses(instruction, at))) {
        ways.push(Stricter::UnusedAccount);
    }

    // The authority signs, and so does everyone else who has to. The fee payer signs later.
    let signers = usize::from(message.header().num_required_signatures);
    let position = keys.iter().position(|key| *key == authority)?;
    let fits = |at: usize| transaction.signatures[at].verify(keys[at].as_ref(), &message.serialize());
    if position >= signers || !(1..signers).all(fits) {
        return None;
    }
    if signers != 2 {
        ways.push(Stricter::MoreSigners);
    }
    let memo = memo.map(|memo| memo.data.clone());
    let transfer_at = *transfer_at;
    Some((Paid { payer: authority, source, fee_lamports, memo, transfer_at, guards, facts }, ways))
}
