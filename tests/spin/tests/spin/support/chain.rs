//! The local chain in its own process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use coinop_core::svm::{Address, Network, TokenProgram, associated_token_account};
use serde_json::{Value, json};

use super::http;

/// A running chain. It ends with the test.
pub(crate) struct Chain {
    process: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Chain {
    /// Starts a chain on which each of these addresses has this many USDC, and SOL.
    pub(crate) fn start(funds: &[(Address, u64)]) -> Self {
        let program = std::env::var_os("COINOP_CHAIN_BIN").map_or_else(
            || super::world::target().join("release").join("coinop-chain"),
            std::path::PathBuf::from,
        );
        assert!(program.exists(), "{} is missing: run `cargo xtask build`", program.display());
        let funds = funds.iter().map(|(address, amount)| format!("--fund={address}={amount}"));
        let mut process = Command::new(&program)
            .args(["--port", "0"])
            .args(funds)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("chain ready on http://");
        let address = address.unwrap_or_else(|| panic!("the chain says {line:?}")).to_owned();
        Self { process, address }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = http::send(&self.address, "POST", "/", &[], body.to_string().into()).await.unwrap();
        let mut answer = answer.json();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    pub(crate) async fn blockhash(&self) -> [u8; 32] {
        let answer = self.call("getLatestBlockhash", json!([])).await;
        let hash = bs58::decode(answer["value"]["blockhash"].as_str().unwrap()).into_vec().unwrap();
        hash.try_into().unwrap()
    }

    /// Returns what a wallet has, in atomic units of USDC.
    pub(crate) async fn tokens(&self, wallet: &Address) -> u64 {
        let usdc = Network::Devnet.known_token("USDC").unwrap();
        let account = associated_token_account(wallet, &usdc.mint, TokenProgram::Spl).unwrap();
        let answer = self.call("getTokenAccountBalance", json!([account])).await;
        answer["value"]["amount"].as_str().unwrap().parse().unwrap()
    }

    /// Sets a wallet's balance to exactly `amount` USDC, a decimal number.
    pub(crate) async fn set_tokens(&self, wallet: &Address, amount: &str) {
        self.call("coinop_setTokens", json!([wallet, amount])).await;
    }

    /// Returns how many transactions have landed.
    pub(crate) async fn transactions(&self) -> u64 {
        self.call("coinop_stats", json!([])).await["transactions"].as_u64().unwrap()
    }
}
