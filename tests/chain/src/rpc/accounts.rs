//! Methods about accounts. At `processed` they read the tip, at `confirmed` and `finalized` the confirmed
//! block.

use serde_json::{Value, json};
use solana_account::Account;
use solana_address::Address;

use super::params::{Config, Params, decode};
use super::show::{self, Encoding};
use super::{Answer, RpcError, with_context};
use crate::amount;
use crate::bank::Bank;
use crate::blocks::Commitment;
use crate::genesis::USDC_DECIMALS;
use crate::ledger::Ledger;
use crate::token::{Holding, is_token_program};

/// The most addresses that one call may ask for.
const MAX_ACCOUNTS: usize = 100;

/// Reads the configuration at `index`, and chooses the accounts that it asks for.
fn read_config<'l, 'p>(
    ledger: &'l Ledger,
    params: &Params<'p>,
    index: usize,
) -> Result<(Config<'p>, Bank<'l>), RpcError> {
    let config = params.config(index)?;
    let bank = ledger.bank(config.commitment("commitment", Commitment::Finalized)?);
    config.check_min_slot(bank.slot())?;
    Ok((config, bank))
}

fn show_at(
    bank: Bank<'_>,
    address: &Address,
    encoding: Encoding,
    config: &Config<'_>,
) -> Result<Value, RpcError> {
    bank.account(address).map_or(Ok(Value::Null), |account| show::account(bank, &account, encoding, config))
}

pub(super) fn info(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let (config, bank) = read_config(ledger, params, 1)?;
    let encoding = Encoding::read(&config, Encoding::Legacy)?;
    let shown = show_at(bank, &address, encoding, &config)?;
    Ok(with_context(bank.slot(), shown))
}

pub(super) fn multiple(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let addresses = params.list(0, "the addresses")?;
    let (config, bank) = read_config(ledger, params, 1)?;
    let encoding = Encoding::read(&config, Encoding::Base64)?;
    let shown: Vec<Value> = read_addresses(addresses)?
        .iter()
        .map(|address| show_at(bank, address, encoding, &config))
        .collect::<Result<_, _>>()?;
    Ok(with_context(bank.slot(), Value::Array(shown)))
}

/// Reads a list of addresses.
pub(super) fn read_addresses(values: &[Value]) -> Result<Vec<Address>, RpcError> {
    if values.len() > MAX_ACCOUNTS {
        return Err(RpcError::params(format!("Too many inputs provided; max {MAX_ACCOUNTS}")));
    }
    values
        .iter()
        .map(|value| match value.as_str() {
            Some(text) => decode(text),
            None => Err(RpcError::params("Invalid params: addresses are strings")),
        })
        .collect()
}

pub(super) fn balance(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let (_, bank) = read_config(ledger, params, 1)?;
    let lamports = bank.account(&address).map_or(0, |found| found.lamports);
    Ok(with_context(bank.slot(), json!(lamports)))
}

pub(super) fn rent_exemption(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let size = usize::try_from(params.number(0, "a size in bytes")?)
        .map_err(|_| RpcError::params("Invalid params: too large"))?;
    Ok(json!(ledger.rent_exemption(size)))
}

fn token_account(bank: Bank<'_>, address: &Address) -> Result<(Account, Holding), RpcError> {
    let account =
        bank.account(address).ok_or_else(|| RpcError::params("Invalid param: could not find account"))?;
    let holding =
        Holding::read(&account).ok_or_else(|| RpcError::params("Invalid param: not a Token account"))?;
    Ok((account, holding))
}

pub(super) fn token_balance(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let (_, bank) = read_config(ledger, params, 1)?;
    let (_, holding) = token_account(bank, &address)?;
    let mint =
        bank.mint(&holding.mint).ok_or_else(|| RpcError::params("Invalid param: could not find mint"))?;
    let shown = show::token_amount(holding.amount, mint.decimals);
    Ok(with_context(bank.slot(), shown))
}

pub(super) fn token_supply(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    let (_, bank) = read_config(ledger, params, 1)?;
    let mint = bank.mint(&address).ok_or_else(|| RpcError::params("Invalid param: not a Token mint"))?;
    let shown = show::token_amount(mint.supply, mint.decimals);
    Ok(with_context(bank.slot(), shown))
}

pub(super) fn token_accounts(ledger: &Ledger, params: &Params<'_>) -> Answer {
    let owner = params.address(0)?;
    let filter = params.object(1, "a filter by mint or programId")?;
    let (config, bank) = read_config(ledger, params, 2)?;
    let encoding = Encoding::read(&config, Encoding::Legacy)?;
    let mint: Option<Address> = filter.decoded("mint")?;
    let program: Option<Address> = filter.decoded("programId")?;
    let program = match (mint, program) {
        (Some(mint), None) => {
            let account =
                bank.account(&mint).ok_or_else(|| RpcError::params("Invalid param: could not find mint"))?;
            account.owner
        }
        (None, Some(program)) => program,
        _ => {
            return Err(RpcError::params("Invalid params: the filter has either `mint` or `programId`"));
        }
    };
    if !is_token_program(&program) {
        return Err(RpcError::params("Invalid param: unrecognized Token program id"));
    }
    let shown: Vec<Value> = bank
        .token_accounts(&owner, &program)
        .iter()
        .filter(|(_, _, holding)| mint.is_none_or(|mint| mint == holding.mint))
        .map(|(address, account, _)| {
            let account = show::account(bank, account, encoding, &config)?;
            Ok(json!({"pubkey": address.to_string(), "account": account}))
        })
        .collect::<Result<_, RpcError>>()?;
    Ok(with_context(bank.slot(), Value::Array(shown)))
}

/// `coinop_setTokens [wallet, "decimal USDC"]`: returns the token account's address.
pub(super) fn set_tokens(ledger: &mut Ledger, params: &Params<'_>) -> Answer {
    let owner = params.address(0)?;
    let amount = amount::parse(params.text(1, "a decimal amount")?, USDC_DECIMALS)
        .map_err(|error| RpcError::params(format!("Invalid params: {error}")))?;
    ledger.set_tokens(owner, amount).map_err(|error| RpcError::params(format!("Invalid params: {error}")))?;
    let address = crate::token::associated(&owner, &crate::genesis::USDC);
    Ok(json!(address.to_string()))
}

/// `coinop_setLamports [wallet, lamports]`: returns null.
pub(super) fn set_lamports(ledger: &mut Ledger, params: &Params<'_>) -> Answer {
    let wallet = params.address(0)?;
    let lamports = params.number(1, "lamports")?;
    ledger
        .set_lamports(wallet, lamports)
        .map_err(|error| RpcError::params(format!("Invalid params: {error}")))?;
    Ok(Value::Null)
}
