//! An honest node, one of whose answers is altered.

use std::cell::Cell;

use coinop_core::encoding::{base64, from_base64};
use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Claim, Http, HttpAnswer};
use coinop_core::svm::{Address, SYSTEM, TokenProgram, Transaction};
use coinop_core::testkit::keys;
use serde_json::{Value, json};

use crate::input::Input;
use crate::patched::patched;

pub(super) const URL: &str = "https://rpc.example/";
/// The blockhash of the payment, of the block in slot 4990.
pub(super) const BLOCKHASH: [u8; 32] = [9; 32];
pub(super) const BLOCKHASH_SLOT: u64 = 4_990;
/// The height of that block.
pub(super) const BLOCKHASH_HEIGHT: u64 = BLOCKHASH_SLOT - SKIPPED;
/// How many blocks a blockhash lives.
pub(super) const LIFE: u64 = 150;
/// How many slots had no block.
const SKIPPED: u64 = 1_000;
/// How far the confirmed and the final block are behind the latest.
pub(super) const CONFIRMED_LAG: u64 = 2;
const FINAL_LAG: u64 = 32;
/// The address of the list of recent blockhashes.
const RECENT_BLOCKHASHES: &str = "SysvarRecentB1ockHashes11111111111111111111";
const MINT: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";

/// What is on the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truth {
    /// The slot of the latest block.
    tip: u64,
    /// The slot in which the payment landed, and whether it failed.
    landed: Option<(u64, bool)>,
}

impl Truth {
    pub(super) const fn never(tip: u64) -> Self {
        Self { tip, landed: None }
    }

    pub(super) const fn landed(slot: u64, tip: u64) -> Self {
        Self { tip, landed: Some((slot, false)) }
    }

    pub(super) const fn failed(slot: u64, tip: u64) -> Self {
        Self { tip, landed: Some((slot, true)) }
    }
}

/// How one answer is altered.
pub(super) struct Alteration {
    /// Which call's answer.
    at: usize,
    kind: u8,
    /// The rest of the input, which says the rest.
    bytes: Vec<u8>,
}

impl Alteration {
    /// Reads an alteration; without any bytes there is none.
    pub(super) fn read(input: &mut Input<'_>) -> Option<Self> {
        let choice = input.byte();
        let bytes = input.rest().to_vec();
        (!bytes.is_empty()).then(|| Self { at: usize::from(choice >> 5), kind: choice & 7, bytes })
    }
}

/// A node.
pub(super) struct Node {
    truth: Truth,
    /// The payment's id, and its bytes in base64.
    payment: (String, String),
    /// The data of the mint's account.
    mint: Vec<u8>,
    /// Whether the node keeps the list of recent blockhashes.
    keeps_list: bool,
    alteration: Option<Alteration>,
    calls: Cell<usize>,
    altered: Cell<bool>,
    sent: Cell<bool>,
}

impl Node {
    pub(super) fn new(truth: Truth, claim: &Claim, alteration: Option<Alteration>) -> Self {
        let rail = claim.rail.exact();
        let mut mint = vec![0; 82];
        mint[44] = 6;
        mint[45] = 1;
        Self {
            truth,
            payment: (rail.signature.clone(), rail.transaction.clone()),
            mint,
            keeps_list: true,
            alteration,
            calls: Cell::new(0),
            altered: Cell::new(false),
            sent: Cell::new(false),
        }
    }

    pub(super) fn set_mint(&mut self, data: Vec<u8>) {
        self.mint = data;
    }

    pub(super) fn keep_no_list(&mut self) {
        self.keeps_list = false;
    }

    pub(super) fn has_altered(&self) -> bool {
        self.altered.get()
    }

    pub(super) fn was_sent(&self) -> bool {
        self.sent.get()
    }

    /// Returns the honest result of a call.
    fn result(&self, method: &str, params: &Value) -> Result<Value, i64> {
        let tip = self.truth.tip;
        let options = if params[0].is_object() { &params[0] } else { &params[1] };
        let slot = match options["commitment"].as_str() {
            Some("confirmed") => tip - CONFIRMED_LAG,
            _ => tip - FINAL_LAG,
        };
        if options["minContextSlot"].as_u64().is_some_and(|least| slot < least) {
            return Err(-32_016);
        }
        let with_context = |value: Value| json!({ "context": { "slot": slot }, "value": value });
        Ok(match method {
            "getSignatureStatuses" => self.status(options["searchTransactionHistory"] == true),
            "isBlockhashValid" => with_context(json!(slot <= BLOCKHASH_SLOT + LIFE)),
            "getBlockHeight" => json!(slot - SKIPPED),
            "getLatestBlockhash" => with_context(
                json!({ "blockhash": SYSTEM.to_string(), "lastValidBlockHeight": slot - SKIPPED + LIFE }),
            ),
            "getEpochInfo" => json!({ "absoluteSlot": slot, "blockHeight": slot - SKIPPED, "epoch": 3 }),
            "getTransaction" => self.shown(slot, |at, error| {
                let transaction = [self.payment.1.as_str(), "base64"];
                json!({ "slot": at, "meta": { "err": error }, "transaction": transaction })
            }),
            "getSignaturesForAddress" => {
                let listed = self.shown(slot, |at, error| {
                    json!({ "signature": self.payment.0, "slot": at, "err": error, "blockTime": 1_700_000_000 })
                });
                Value::from_iter(Some(listed).filter(|listed| !listed.is_null()))
            }
            "simulateTransaction" => {
                with_context(json!({ "err": null, "accounts": [source(&params[0]), fee_payer()] }))
            }
            "getAccountInfo" if params[0] == MINT => {
                let owner = TokenProgram::Token2022.address();
                with_context(account(owner, &self.mint, 2_000_000))
            }
            "getAccountInfo" if params[0] == RECENT_BLOCKHASHES => {
                with_context(if self.keeps_list { recent_blockhashes(slot) } else { Value::Null })
            }
            "getAccountInfo" => with_context(fee_payer()),
            _ => return Err(-32_601),
        })
    }

    /// Returns what is said of the payment if it has landed up to this slot, and null otherwise.
    fn shown(&self, slot: u64, say: impl FnOnce(u64, Value) -> Value) -> Value {
        let landed = self.truth.landed.filter(|(at, _)| *at <= slot);
        landed.map_or(Value::Null, |(at, failed)| say(at, error(failed)))
    }

    /// Returns what the node knows of the payment's id, in its full history or the last minutes.
    fn status(&self, everything: bool) -> Value {
        let tip = self.truth.tip;
        let landed = self.truth.landed.filter(|(at, _)| everything || at + LIFE >= tip);
        let status = landed.map(|(at, failed)| {
            let finality = match tip - at {
                FINAL_LAG.. => "finalized",
                CONFIRMED_LAG.. => "confirmed",
                _ => "processed",
            };
            json!({ "slot": at, "confirmations": null, "err": error(failed), "confirmationStatus": finality })
        });
        json!({ "context": { "slot": tip }, "value": [status] })
    }

    fn answer(&self, honest: &Value) -> Result<HttpAnswer, TransportError> {
        let call = self.calls.replace(self.calls.get() + 1);
        let body = honest.to_string().into_bytes();
        let Some(alteration) = self.alteration.as_ref().filter(|alteration| alteration.at == call) else {
            return Ok(HttpAnswer { status: 200, body });
        };
        let answer = match alteration.kind {
            0 => HttpAnswer { status: 200, body: alteration.bytes.clone() },
            1 => {
                let given = String::from_utf8_lossy(&alteration.bytes);
                let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{given}}}"#).into_bytes();
                HttpAnswer { status: 200, body }
            }
            2 => HttpAnswer { status: u16::from(alteration.bytes[0]) * 4, body },
            3 => {
                self.altered.set(true);
                return Err(TransportError::new("the RPC", TransportFault::Timeout(5_000)));
            }
            4..=6 => {
                let altered = patched(&mut Input::new(&alteration.bytes), honest);
                HttpAnswer { status: 200, body: altered.to_string().into_bytes() }
            }
            _ => HttpAnswer { status: 200, body: Input::new(&alteration.bytes).altered(&body) },
        };
        self.altered.set(true);
        Ok(answer)
    }
}

/// Returns the error of a transaction that failed.
fn error(failed: bool) -> Value {
    if failed { json!({ "InstructionError": [2, { "Custom": 1 }] }) } else { Value::Null }
}

/// Returns the wallet that pays the fee.
fn fee_payer() -> Value {
    account(SYSTEM, &[], 1_000_000_000)
}

/// Returns the paying token account as this transaction (base64) leaves it.
fn source(transaction: &Value) -> Value {
    let mint: Address = MINT.parse().unwrap();
    let owner = keys::address(&keys::payer());
    let mut data = [mint.as_bytes().as_slice(), owner.as_bytes(), &15_000u64.to_le_bytes()].concat();
    data.resize(165, 0);
    data[108] = 1;
    let bytes = from_base64(transaction.as_str().unwrap()).unwrap();
    let message = Transaction::decode(&bytes).unwrap().message;
    account(*message.account(message.instructions[2].program).unwrap(), &data, 2_039_280)
}

/// Returns the list of recent blockhashes as of this slot, the newest first.
fn recent_blockhashes(slot: u64) -> Value {
    let hash_at = |at| if at == BLOCKHASH_SLOT { BLOCKHASH } else { [0; 32] };
    let entries = (slot + 1 - LIFE..=slot).rev().flat_map(|at| [hash_at(at).to_vec(), vec![0; 8]].concat());
    let data: Vec<u8> = LIFE.to_le_bytes().into_iter().chain(entries).collect();
    account("Sysvar1111111111111111111111111111111111111".parse().unwrap(), &data, 1)
}

fn account(owner: Address, data: &[u8], lamports: u64) -> Value {
    json!({
        "owner": owner, "data": [base64(data), "base64"], "lamports": lamports,
        "executable": false, "rentEpoch": 0, "space": data.len(),
    })
}

impl Http for &Node {
    async fn post_json(&self, url: &str, body: String, _: u64) -> Result<HttpAnswer, TransportError> {
        assert_eq!(url, URL);
        let asked: Value = serde_json::from_str(&body).unwrap();
        let method = asked["method"].as_str().unwrap();
        if method == "sendTransaction" {
            self.sent.set(true);
        }
        self.answer(&match self.result(method, &asked["params"]) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
            Err(code) => json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": "no" } }),
        })
    }
}
