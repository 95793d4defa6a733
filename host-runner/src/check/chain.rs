//! Checks what the chain must hold: the right network behind the RPC, SOL for the fees, and an account for
//! each token.

use coinop_core::config::{AcceptedToken, Config};
use coinop_core::settlement::is_plain_token_2022;
use coinop_core::svm::{Address, Network, SYSTEM, TokenProgram};
use serde_json::{Value, json};

use super::finding::Finding;
use crate::pay::chain::{Account, account};
use crate::settings::rpc;

/// The network's fee of one sale, in lamports: two signatures.
const FEE_PER_SALE: u64 = 10_000;
/// The rent, in lamports, that an account without data must keep to exist.
const RENT: u64 = 890_880;

/// Runs every check that needs the RPC.
pub(crate) fn all(config: &Config, fee_payers: &[Address]) -> Vec<(String, Finding)> {
    let network = config.network;
    let genesis = rpc::call(&config.rpc_url, "getGenesisHash", &json!([]));
    let rpc = right_network(network, genesis);
    let usable = rpc.is_ok();
    let mut findings = vec![("RPC".to_owned(), rpc)];
    if !usable {
        // The other checks would only repeat the same failure.
        return findings;
    }
    for address in fee_payers {
        findings.push((format!("SOL of fee payer {address}"), sol(&config.rpc_url, network, address)));
    }
    let pay_to = config.merchant.pay_to;
    let wallet = ask(&config.rpc_url, &pay_to);
    let is_new = matches!(wallet, Ok(None));
    let wallet = wallet.and_then(|account| is_wallet(pay_to, network, account));
    // A finding tells nobody to send anything to a `pay_to` that is no wallet.
    let may_receive = wallet.is_ok();
    findings.push(("merchant's wallet".to_owned(), wallet));
    for accepted in &config.merchant.tokens {
        let symbol = &accepted.token.symbol;
        let mint = ask(&config.rpc_url, &accepted.token.mint).and_then(|mint| mint_fits(accepted, mint));
        findings.push((format!("token {symbol}"), mint));
        if !may_receive {
            continue;
        }
        let held = ask(&config.rpc_url, &accepted.account)
            .and_then(|account| receives(&config.rpc_url, accepted, pay_to, network, account))
            .map_err(
                |remedy| if is_new { format!("{remedy} ({})", unseen(pay_to, network)) } else { remedy },
            );
        findings.push((format!("merchant's account for {symbol}"), held));
    }
    findings
}

fn ask(rpc_url: &str, address: &Address) -> Result<Option<Account>, String> {
    account(rpc_url, address).map_err(|error| {
        format!(
            "the RPC failed when asked about {address}: {error}; try again, or use another RPC in \
             `solana.rpc_url`"
        )
    })
}

fn right_network(network: Network, genesis: Result<Value, String>) -> Finding {
    let name = network.name();
    match genesis {
        Err(error) => Err(format!(
            "the RPC cannot be used: {error}; make sure that it is running, or change `solana.rpc_url`"
        )),
        // A network's id is the beginning of its genesis hash.
        Ok(Value::String(hash)) if hash.starts_with(network.reference()) => Ok(format!("{name}, answers")),
        Ok(Value::String(hash)) => {
            let other = Network::ALL.into_iter().find(|n| hash.starts_with(n.reference()));
            let other = other.map_or("an unknown network", Network::name);
            Err(format!("the RPC serves {other}, not {name}; change `solana.rpc_url` or `solana.network`"))
        }
        Ok(_) => {
            Err("the RPC does not say which network it serves; use another RPC in `solana.rpc_url`"
                .to_owned())
        }
    }
}

fn sol(rpc_url: &str, network: Network, address: &Address) -> Finding {
    let lamports = ask(rpc_url, address)?.map_or(0, |account| account.lamports);
    let sales = lamports.saturating_sub(RENT) / FEE_PER_SALE;
    let sol = coinop_core::Amount::new(lamports).to_decimal(9);
    if sales > 0 {
        return Ok(format!("{sol} SOL, about {sales} sales"));
    }
    let fund = match network {
        Network::Mainnet => format!("send SOL to {address}"),
        Network::Devnet | Network::Testnet if is_local(rpc_url) => {
            format!(
                "start the local chain with `--fund {address}=0`, or run `solana airdrop 1 {address} --url {rpc_url}`"
            )
        }
        Network::Devnet | Network::Testnet => format!(
            "run `solana airdrop 1 {address} --url {}`, or use https://faucet.solana.com",
            cluster(network)
        ),
    };
    Err(format!("{sol} SOL is not enough for one sale; {fund}"))
}

/// Returns the network's name as Solana's own tools write it.
const fn cluster(network: Network) -> &'static str {
    match network {
        Network::Mainnet => "mainnet-beta",
        Network::Devnet | Network::Testnet => network.name(),
    }
}

/// Tells whether this RPC runs on this machine. Other addresses may contain a key, so they are not shown.
fn is_local(rpc_url: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:"].iter().any(|start| rpc_url.starts_with(start))
}

fn mint_fits(accepted: &AcceptedToken, account: Option<Account>) -> Finding {
    let token = &accepted.token;
    let mint = token.mint;
    let found = account.as_ref().and_then(|account| Some((account.mint()?, &account.data)));
    let Some(((decimals, program), data)) = found else {
        return Err(format!(
            "there is no mint {mint} on this network; correct `merchant.tokens` or `solana.network`"
        ));
    };
    if (decimals, program) != (token.decimals, token.program) {
        return Err(format!(
            "the mint {mint} has {decimals} decimals and the program {}; write both in `merchant.tokens`",
            program.name()
        ));
    }
    if program == TokenProgram::Token2022 && !is_plain_token_2022(data) {
        return Err(format!(
            "transfers of {mint} take a fee, run a program or can be stopped; use another token in \
             `merchant.tokens`"
        ));
    }
    Ok(format!("{mint}, {decimals} decimals"))
}

/// Checks that `pay_to` is a wallet: either an account of the System program without data, or an address that
/// was never used.
fn is_wallet(pay_to: Address, network: Network, account: Option<Account>) -> Finding {
    let Some(account) = account else { return Ok(unseen(pay_to, network)) };
    if account.owner == SYSTEM && account.data.is_empty() {
        return Ok(pay_to.to_string());
    }
    let what = match account.mint() {
        Some(_) => "is a token's mint",
        None if TokenProgram::at(&account.owner).is_some() => "is a token account",
        None => "belongs to a program",
    };
    Err(format!(
        "{pay_to} {what} and is not a wallet; send nothing there, and write your wallet's address in \
         `merchant.pay_to`"
    ))
}

/// Describes a wallet that has no account on the chain. A misspelled address looks the same.
fn unseen(pay_to: Address, network: Network) -> String {
    format!(
        "{pay_to} has no SOL on {} and may never have been used; make sure that it is your wallet",
        network.name()
    )
}

/// Checks that payments to the merchant's account arrive.
fn receives(
    rpc_url: &str,
    accepted: &AcceptedToken,
    pay_to: Address,
    network: Network,
    account: Option<Account>,
) -> Finding {
    let AcceptedToken { token, account: address } = accepted;
    let Some(account) = account else {
        let remedy = if is_local(rpc_url) {
            format!("start the local chain with `--fund {pay_to}=0`")
        } else {
            format!(
                "send any amount of {} to {pay_to}, or run `spl-token create-account {} --owner {pay_to} \
                 --fee-payer KEYFILE --url {}`",
                token.symbol,
                token.mint,
                cluster(network)
            )
        };
        return Err(format!("the token account {address} does not exist yet; {remedy}"));
    };
    // Layout of a token account: mint (32), owner (32), amount (8), ..., state at 108.
    let part = |from: usize| account.data.get(from..from + 32);
    if account.owner != token.program.address() || part(0) != Some(token.mint.as_bytes().as_slice()) {
        return Err(format!(
            "{address} is not a token account for {}; write another wallet in `merchant.pay_to`",
            token.symbol
        ));
    }
    if part(32) != Some(pay_to.as_bytes().as_slice()) {
        return Err(format!(
            "the token account {address} now has another owner; write another wallet in `merchant.pay_to`"
        ));
    }
    match account.data.get(108) {
        Some(1) => Ok(address.to_string()),
        Some(2) => Err(format!(
            "the token's issuer has frozen the token account {address}; write another wallet in \
             `merchant.pay_to`"
        )),
        _ => Err(format!(
            "the token account {address} is not initialized; send any amount of {} to {pay_to}",
            token.symbol
        )),
    }
}

#[cfg(test)]
mod tests {
    use coinop_core::svm::associated_token_account;

    use super::*;

    const WALLET: Address = Address::new([3; 32]);

    fn accepted(program: TokenProgram) -> AcceptedToken {
        let mut token = Network::Devnet.known_token("USDC").unwrap();
        token.program = program;
        let account = associated_token_account(&WALLET, &token.mint, program).unwrap();
        AcceptedToken { token, account }
    }

    fn mint(program: TokenProgram, decimals: u8) -> Account {
        let mut data = vec![0; 82];
        (data[44], data[45]) = (decimals, 1);
        Account { owner: program.address(), data, lamports: 1 }
    }

    fn held(change: impl FnOnce(&mut Account)) -> Finding {
        let accepted = accepted(TokenProgram::Spl);
        let mut data = vec![0; 165];
        data[..32].copy_from_slice(accepted.token.mint.as_bytes());
        data[32..64].copy_from_slice(WALLET.as_bytes());
        data[108] = 1;
        let mut account = Account { owner: TokenProgram::Spl.address(), data, lamports: 1 };
        change(&mut account);
        receives("https://api.devnet.solana.com", &accepted, WALLET, Network::Devnet, Some(account))
    }

    #[test]
    fn the_network_is_told_by_its_genesis() {
        let hash = |text: &str| Ok(Value::from(text));
        let devnet = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";
        assert!(right_network(Network::Devnet, hash(devnet)).is_ok());
        assert!(
            right_network(Network::Mainnet, hash(devnet)).unwrap_err().contains("serves devnet, not mainnet")
        );
        assert!(right_network(Network::Mainnet, hash("x")).unwrap_err().contains("unknown network"));
        assert!(right_network(Network::Mainnet, Ok(Value::Null)).is_err());
        assert!(right_network(Network::Mainnet, Err("no".to_owned())).unwrap_err().contains("rpc_url"));
    }

    #[test]
    fn a_mint_has_to_be_what_the_configuration_says() {
        let spl = accepted(TokenProgram::Spl);
        assert!(mint_fits(&spl, Some(mint(TokenProgram::Spl, 6))).is_ok());
        assert!(mint_fits(&spl, Some(mint(TokenProgram::Spl, 9))).unwrap_err().contains("9 decimals"));
        assert!(mint_fits(&spl, Some(mint(TokenProgram::Token2022, 6))).unwrap_err().contains("token-2022"));
        assert!(mint_fits(&spl, None).is_err());
        let mut fee = mint(TokenProgram::Token2022, 6);
        fee.data.resize(165, 0);
        fee.data.extend([1, 9, 0, 0, 0]);
        let new = accepted(TokenProgram::Token2022);
        assert!(mint_fits(&new, Some(mint(TokenProgram::Token2022, 6))).is_ok());
        assert!(mint_fits(&new, Some(fee)).unwrap_err().contains("use another"));
    }

    #[test]
    fn who_is_paid_has_to_be_a_wallet_before_anybody_sends_something_there() {
        let check = |account| is_wallet(WALLET, Network::Devnet, account);
        let account = |owner: Address, data: Vec<u8>| Some(Account { owner, data, lamports: 1 });
        assert_eq!(check(account(SYSTEM, Vec::new())), Ok(WALLET.to_string()));
        assert!(check(None).unwrap().contains("no SOL on devnet"));
        let token_account = account(TokenProgram::Spl.address(), vec![0; 165]);
        let nonce = account(SYSTEM, vec![0; 80]);
        for (what, other) in [
            ("is a token's mint", Some(mint(TokenProgram::Spl, 6))),
            ("is a token's mint", Some(mint(TokenProgram::Token2022, 6))),
            ("is a token account", token_account),
            ("belongs to a program", nonce),
            ("belongs to a program", account(WALLET, Vec::new())),
        ] {
            let refused = check(other).unwrap_err();
            assert!(refused.contains(what) && refused.contains("send nothing there"), "{refused}");
        }
    }

    #[test]
    fn the_merchants_account_has_to_be_there_and_the_merchants() {
        assert!(held(|_| {}).is_ok());
        assert!(held(|account| account.data[0] ^= 1).is_err());
        assert!(held(|account| account.data[40] ^= 1).unwrap_err().contains("another owner"));
        assert!(held(|account| account.data[108] = 2).unwrap_err().contains("frozen"));
        assert!(held(|account| account.data.truncate(20)).is_err());
        assert!(held(|account| account.owner = WALLET).is_err());
        let missing = receives(
            "https://api.devnet.solana.com",
            &accepted(TokenProgram::Spl),
            WALLET,
            Network::Devnet,
            None,
        )
        .unwrap_err();
        assert!(missing.contains("spl-token create-account") && missing.contains(&WALLET.to_string()));
        let local =
            receives("http://127.0.0.1:8899", &accepted(TokenProgram::Spl), WALLET, Network::Devnet, None);
        assert!(local.unwrap_err().contains(&format!("--fund {WALLET}=0")));
    }
}
