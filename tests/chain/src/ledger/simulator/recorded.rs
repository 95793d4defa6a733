//! What the simulator has recorded, line by line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use solana_address::Address;
use solana_transaction::versioned::VersionedTransaction;

use super::{Balances, Holding, Landed, Outcome, State, TOKEN_PROGRAM, USDC};
use crate::blocks::{BLOCKHASH_LIFE, Block};

/// The variable that names the built simulator.
const PROGRAM: &str = "COINOP_SIM_BIN";
/// The fee payer's signature in each transaction that is played.
///
/// The gateway simulates without that signature. Nothing checks it here, but the virtual machine takes zeros for a
/// transaction that it has not executed.
pub(super) const SIGNATURE: [u8; 64] = [7; 64];

/// A transaction, the state before it, and what the model made of it.
pub(super) struct Entry {
    /// The seed of its world, or the name of a case that is made by hand.
    pub(super) of: Value,
    pub(super) transaction: VersionedTransaction,
    /// How many blocks old its blockhash is; `None` if it is no block's.
    pub(super) blockhash_age: Option<u64>,
    pub(super) is_on_chain: bool,
    /// What the fee payer has, in lamports.
    pub(super) lamports: u64,
    pub(super) tokens: BTreeMap<Address, Holding>,
    /// The model's error, or null.
    pub(super) error: Value,
    /// What the fee payer pays in the model, in lamports; `None` if the transaction does not land.
    pub(super) fee: Option<u64>,
    /// The amounts that change in the model, in atomic units.
    amounts: BTreeMap<Address, u64>,
    line: String,
}

/// A kind of result that has to occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Success,
    TooLittle,
    FrozenSource,
    FrozenDestination,
    MissingAccount,
    DeadBlockhash,
    AlreadyProcessed,
    FeePayerWithoutMoney,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Success,
        Self::TooLittle,
        Self::FrozenSource,
        Self::FrozenDestination,
        Self::MissingAccount,
        Self::DeadBlockhash,
        Self::AlreadyProcessed,
        Self::FeePayerWithoutMoney,
    ];
}

/// Has the simulator play this many worlds, and returns what it has recorded.
pub(super) fn record(worlds: usize) -> Vec<Entry> {
    let program = program();
    let run = Command::new(&program).args(["--record", &worlds.to_string()]).output();
    let run = run.unwrap_or_else(|error| {
        panic!(
            "{} ({error}): build it with `cargo build -p coinop-sim`, or name it in {PROGRAM}",
            program.display()
        )
    });
    assert!(run.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().lines().map(Entry::read).collect()
}

/// Returns where the simulator is: where a variable says, or beside the programs of this build.
fn program() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(
        || std::env::current_exe().unwrap().parent().unwrap().with_file_name("coinop-sim"),
        PathBuf::from,
    )
}

impl Entry {
    fn read(line: &str) -> Self {
        let told: Value = serde_json::from_str(line).unwrap();
        let bytes = STANDARD.decode(told["transaction"].as_str().unwrap()).unwrap();
        let mut transaction: VersionedTransaction = wincode::deserialize(&bytes).unwrap();
        transaction.signatures[0] = SIGNATURE.into();
        let (before, after) = (&told["before"], &told["after"]);
        let holding = |held: &Value| Holding {
            frozen: held["isFrozen"].as_bool().unwrap(),
            ..Holding::new(
                held["owner"].as_str().unwrap().parse().unwrap(),
                USDC,
                held["amount"].as_u64().unwrap(),
            )
        };
        Self {
            of: told["of"].clone(),
            transaction,
            blockhash_age: told["blockhashAge"].as_u64(),
            is_on_chain: before["isOnChain"].as_bool().unwrap(),
            lamports: before["feePayerLamports"].as_u64().unwrap(),
            tokens: by_address(&before["tokens"], holding),
            error: after["error"].clone(),
            fee: after["fee"].as_u64(),
            amounts: by_address(&after["amounts"], |amount| amount.as_u64().unwrap()),
            line: line.to_owned(),
        }
    }

    pub(super) fn fee_payer(&self) -> Address {
        self.transaction.message.static_account_keys()[0]
    }

    /// Returns what the model leaves of this state.
    pub(super) fn after(&self, (lamports, amounts): &State) -> State {
        let mut amounts = amounts.clone();
        amounts.extend(&self.amounts);
        (lamports - self.fee.unwrap_or_default(), amounts)
    }

    /// Returns this transaction as one that has landed in a block.
    pub(super) fn landed(&self, block: Block) -> Landed {
        Landed {
            transaction: self.transaction.clone(),
            signature: SIGNATURE.into(),
            block,
            outcome: Outcome::default(),
            loaded: Default::default(),
            before: Balances::default(),
            after: Balances::default(),
        }
    }

    /// Returns what kind of result this is, if it is one that has to occur.
    pub(super) fn kind(&self) -> Option<Kind> {
        let [source, destination] = self.places().map(|place| self.tokens.get(&place));
        let is_frozen = |account: Option<&Holding>| account.is_some_and(|it| it.frozen);
        let of_transfer = self.error.pointer("/InstructionError/1");
        match (self.error.as_str(), of_transfer) {
            (None, None) => self.error.is_null().then_some(Kind::Success),
            (Some("AlreadyProcessed"), _) => Some(Kind::AlreadyProcessed),
            (Some("AccountNotFound" | "InsufficientFundsForFee"), _) => Some(Kind::FeePayerWithoutMoney),
            (Some("BlockhashNotFound"), _) => {
                self.blockhash_age.filter(|age| *age > BLOCKHASH_LIFE).map(|_| Kind::DeadBlockhash)
            }
            (_, Some(error)) if error["Custom"] == 1 => Some(Kind::TooLittle),
            (_, Some(error)) if error["Custom"] == 17 && is_frozen(source) => Some(Kind::FrozenSource),
            (_, Some(error)) if error["Custom"] == 17 && is_frozen(destination) => {
                Some(Kind::FrozenDestination)
            }
            _ => (source.is_none() || destination.is_none()).then_some(Kind::MissingAccount),
        }
    }

    /// Returns the source and the destination of the transfer.
    fn places(&self) -> [Address; 2] {
        let message = &self.transaction.message;
        let keys = message.static_account_keys();
        let is_transfer = |program: u8| keys[usize::from(program)] == TOKEN_PROGRAM;
        let transfer = message.instructions().iter().find(|it| is_transfer(it.program_id_index)).unwrap();
        [0, 2].map(|place| keys[usize::from(transfer.accounts[place])])
    }
}

fn by_address<T>(told: &Value, read: impl Fn(&Value) -> T) -> BTreeMap<Address, T> {
    let entries = told.as_object().unwrap().iter();
    entries.map(|(address, value)| (address.parse().unwrap(), read(value))).collect()
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "in {}: {}", self.of, self.line)
    }
}
