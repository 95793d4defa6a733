//! A chain per test, a small JSON-RPC client, and signed transfers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_message::{
    Message, MessageHeader, VersionedMessage, compiled_instruction::CompiledInstruction, v0,
};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

pub(crate) const USDC: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
pub(crate) const RECENT_BLOCKHASHES: &str = "SysvarRecentB1ockHashes11111111111111111111";
const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const ASSOCIATED: &str = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
const LIGHTHOUSE: &str = "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95";
const MEMO: &str = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";

pub(crate) fn key(text: &str) -> Address {
    text.parse().unwrap()
}

/// Returns the command that runs the program with `arguments`.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinop-chain"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running chain. It ends with the test.
pub(crate) struct Chain {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Chain {
    /// Starts a chain on a free port and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = program(&[&["--port", "0"], arguments].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("chain ready on http://").unwrap().to_owned();
        Self { process, address }
    }

    /// Starts a chain that adds blocks only when it is asked to.
    pub(crate) fn still(arguments: &[&str]) -> Self {
        Self::start(&[&["--block-ms", "0"], arguments].concat())
    }

    /// Posts `body`. Returns the status and the body of the answer.
    pub(crate) fn post(&self, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The chain does not read a refused body to its end.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Calls `method`. Returns the whole response.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let (status, body) = self.post(request.to_string().as_bytes());
        assert_eq!(status, 200, "{method}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["id"], 7);
        assert_eq!(answer["jsonrpc"], "2.0");
        answer
    }

    /// Calls `method`, which must succeed. Returns its result.
    pub(crate) fn get(&self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Calls `method`, which must fail. Returns the error.
    pub(crate) fn error(&self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params);
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].take()
    }

    pub(crate) fn advance(&self, count: u64) {
        self.get("coinop_advanceBlocks", json!([count]));
    }

    pub(crate) fn blockhash(&self) -> String {
        self.blockhash_at("confirmed")
    }

    pub(crate) fn blockhash_at(&self, commitment: &str) -> String {
        let config = json!([{"commitment": commitment}]);
        let latest = self.get("getLatestBlockhash", config);
        latest["value"]["blockhash"].as_str().unwrap().to_owned()
    }

    /// Returns the bytes of an account.
    pub(crate) fn data(&self, address: &str, commitment: &str) -> Vec<u8> {
        let config = json!({"encoding": "base64", "commitment": commitment});
        let found = self.get("getAccountInfo", json!([address, config]));
        STANDARD.decode(found["value"]["data"][0].as_str().unwrap()).unwrap()
    }

    /// Returns the atomic units of USDC that `owner` has.
    pub(crate) fn tokens(&self, owner: &Address) -> u64 {
        let balance = self.get("getTokenAccountBalance", json!([associated(owner).to_string()]));
        balance["value"]["amount"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn lamports(&self, address: &Address) -> u64 {
        let balance = self.get("getBalance", json!([address.to_string()]));
        balance["value"].as_u64().unwrap()
    }

    /// Sends without preflight, as settlement does. Returns the transaction's id.
    pub(crate) fn submit(&self, transaction: &VersionedTransaction) -> String {
        let config = json!({"encoding": "base64", "skipPreflight": true});
        let id = self.get("sendTransaction", json!([base64(transaction), config]));
        assert_eq!(id, transaction.signatures[0].to_string());
        id.as_str().unwrap().to_owned()
    }

    pub(crate) fn simulate(&self, transaction: &VersionedTransaction, mut config: Value) -> Value {
        config["encoding"] = json!("base64");
        let params = json!([base64(transaction), config]);
        self.get("simulateTransaction", params)["value"].take()
    }

    /// Returns the status of one transaction.
    pub(crate) fn status(&self, id: &str, everything: bool) -> Value {
        let config = json!({"searchTransactionHistory": everything});
        self.get("getSignatureStatuses", json!([[id], config]))["value"][0].take()
    }
}

pub(crate) fn base64(transaction: &VersionedTransaction) -> String {
    STANDARD.encode(wincode::serialize(transaction).unwrap())
}

pub(crate) fn associated(owner: &Address) -> Address {
    let seeds: [&[u8]; 3] = [owner.as_ref(), &key(TOKEN).to_bytes(), &key(USDC).to_bytes()];
    Address::find_program_address(&seeds, &key(ASSOCIATED)).0
}

fn instruction(program_id_index: u8, accounts: &[u8], data: Vec<u8>) -> CompiledInstruction {
    CompiledInstruction { program_id_index, accounts: accounts.to_vec(), data }
}

/// The parties of a payment, and a chain that has funded them: the buyer has 25 USDC, and the seller has
/// none.
pub(crate) struct Market {
    pub(crate) chain: Chain,
    pub(crate) payer: Keypair,
    pub(crate) buyer: Keypair,
    pub(crate) seller: Keypair,
}

impl Market {
    pub(crate) fn open(arguments: &[&str]) -> Self {
        let [payer, buyer, seller] = [(); 3].map(|()| Keypair::new());
        let fund = |who: &Keypair, amount: &str| format!("--fund={}={amount}", who.pubkey());
        let funds = [fund(&payer, "0"), fund(&buyer, "25"), fund(&seller, "0")];
        let mut all: Vec<&str> = funds.iter().map(String::as_str).collect();
        all.extend(arguments);
        Self { chain: Chain::still(&all), payer, buyer, seller }
    }

    /// Makes a payment as x402 clients do, with a memo and all signatures.
    pub(crate) fn payment(&self, units: u64, memo: &str) -> VersionedTransaction {
        self.payment_at(units, memo, &self.chain.blockhash())
    }

    pub(crate) fn payment_at(&self, units: u64, memo: &str, blockhash: &str) -> VersionedTransaction {
        self.guarded_at(units, memo, &[], &[], blockhash)
    }

    /// Makes a payment with Lighthouse instructions as wallets add them: some before the transfer, and some
    /// after the memo, each about one account.
    pub(crate) fn guarded(
        &self,
        units: u64,
        memo: &str,
        before: &[(Address, Vec<u8>)],
        after: &[(Address, Vec<u8>)],
    ) -> VersionedTransaction {
        self.guarded_at(units, memo, before, after, &self.chain.blockhash())
    }

    fn guarded_at(
        &self,
        units: u64,
        memo: &str,
        before: &[(Address, Vec<u8>)],
        after: &[(Address, Vec<u8>)],
        blockhash: &str,
    ) -> VersionedTransaction {
        let mut keys = vec![
            self.payer.pubkey(),
            self.buyer.pubkey(),
            associated(&self.buyer.pubkey()),
            associated(&self.seller.pubkey()),
            key(USDC),
            key(TOKEN),
            key(MEMO),
        ];
        let guarded = !before.is_empty() || !after.is_empty();
        keys.extend(guarded.then(|| key(LIGHTHOUSE)));
        let mut guards = |list: &[(Address, Vec<u8>)]| -> Vec<CompiledInstruction> {
            list.iter()
                .map(|(account, data)| {
                    let place = keys.iter().position(|key| key == account).unwrap_or_else(|| {
                        keys.push(*account);
                        keys.len() - 1
                    });
                    instruction(7, &[u8::try_from(place).unwrap()], data.clone())
                })
                .collect()
        };
        let transfer = [[12].as_slice(), &units.to_le_bytes(), &[6]].concat();
        let mut instructions = guards(before);
        instructions.push(instruction(5, &[2, 4, 3, 1], transfer));
        instructions.push(instruction(6, &[], memo.as_bytes().to_vec()));
        instructions.extend(guards(after));
        let message = VersionedMessage::V0(v0::Message {
            header: MessageHeader {
                num_required_signatures: 2,
                num_readonly_signed_accounts: 1,
                num_readonly_unsigned_accounts: u8::try_from(keys.len() - 4).unwrap(),
            },
            account_keys: keys,
            recent_blockhash: blockhash.parse().unwrap(),
            instructions,
            address_table_lookups: Vec::new(),
        });
        VersionedTransaction::try_new(message, &[&self.payer, &self.buyer]).unwrap()
    }

    /// Makes a version-less transaction in which the payer opens `owner`'s token account. It calls other
    /// programs.
    pub(crate) fn opening(&self, owner: &Address) -> VersionedTransaction {
        let message = VersionedMessage::Legacy(Message {
            header: MessageHeader {
                num_required_signatures: 1,
                num_readonly_signed_accounts: 0,
                num_readonly_unsigned_accounts: 5,
            },
            account_keys: vec![
                self.payer.pubkey(),
                associated(owner),
                *owner,
                key(USDC),
                Address::default(),
                key(TOKEN),
                key(ASSOCIATED),
            ],
            recent_blockhash: self.chain.blockhash().parse().unwrap(),
            instructions: vec![CompiledInstruction {
                program_id_index: 6,
                accounts: vec![0, 1, 2, 3, 4, 5],
                data: vec![0],
            }],
        });
        VersionedTransaction::try_new(message, &[&self.payer]).unwrap()
    }

    /// Returns what the buyer and the seller have, in atomic units of USDC.
    pub(crate) fn balances(&self) -> (u64, u64) {
        (self.chain.tokens(&self.buyer.pubkey()), self.chain.tokens(&self.seller.pubkey()))
    }
}
