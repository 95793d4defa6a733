//! A Solana node in memory behind the [`Http`] port: honest, except for the
//! answers that a test replaces.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::encoding::{base64, from_base64};
use crate::error::{TransportError, TransportFault};
use crate::ports::{Http, HttpAnswer};
use crate::svm::Address;
use crate::svm::transaction::Transaction;

pub(super) const STATUSES: &str = "getSignatureStatuses";
pub(super) const VALID: &str = "isBlockhashValid";
pub(super) const HEIGHT: &str = "getBlockHeight";
pub(super) const LATEST: &str = "getLatestBlockhash";
pub(super) const EPOCH: &str = "getEpochInfo";
pub(super) const SIMULATE: &str = "simulateTransaction";
pub(super) const SEND: &str = "sendTransaction";
pub(super) const TRANSACTION: &str = "getTransaction";
pub(super) const SIGNATURES: &str = "getSignaturesForAddress";
pub(super) const ACCOUNT: &str = "getAccountInfo";

/// Where the node is; the secret part must not reach anybody.
pub(super) const URL: &str = "https://rpc.example/?api-key=secret";

/// Blocks that a blockhash lives.
const LIFE: u64 = 150;
/// Slots that had no block: a height is this much less than its slot.
const SKIPPED: u64 = 1_000;
/// Blocks from the latest one to the latest confirmed one.
const CONFIRMED_LAG: u64 = 2;
/// Blocks from the latest one to the latest final one.
const FINALIZED_LAG: u64 = 32;

/// A transaction that is on chain.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) bytes: Vec<u8>,
    pub(super) slot: u64,
    pub(super) error: Option<Value>,
}

/// The truth.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The slot of the latest block.
    pub(super) tip: u64,
    /// The blockhash that the payment uses, and the slot of its block.
    pub(super) blockhash: ([u8; 32], u64),
    pub(super) landed: Vec<Landed>,
    /// Sent, and not yet in a block.
    pub(super) pool: Vec<Vec<u8>>,
    /// What executing a transaction ends with.
    pub(super) fails_with: Option<Value>,
    /// What the paying account holds.
    pub(super) funds: u64,
    /// What the fee payer holds after a payment, in lamports.
    pub(super) fee_payer_lamports: u64,
    pub(super) accounts: BTreeMap<String, Value>,
}

fn id(bytes: &[u8]) -> String {
    bs58::encode(Transaction::decode(bytes).unwrap().signatures[0]).into_string()
}

impl Chain {
    /// Blocks go by; none takes what is in the pool.
    pub(super) fn pass(&mut self, blocks: u64) {
        self.tip += blocks;
    }

    /// The next block takes everything from the pool that can still land.
    pub(super) fn land(&mut self) {
        self.tip += 1;
        for bytes in std::mem::take(&mut self.pool) {
            let message = Transaction::decode(&bytes).unwrap().message;
            if message.blockhash == self.blockhash.0 && self.is_alive(self.tip) && self.held(&bytes).is_none()
            {
                self.landed.push(Landed { bytes, slot: self.tip, error: self.fails_with.clone() });
            }
        }
    }

    /// The chain forks: what is not final goes back into the pool.
    pub(super) fn fork(&mut self) {
        let final_slot = self.tip - FINALIZED_LAG;
        let undone = self.landed.extract_if(.., |landed| landed.slot > final_slot);
        self.pool.extend(undone.map(|landed| landed.bytes));
    }

    /// The transaction with the message of this one, if it is on chain.
    pub(super) fn held(&self, bytes: &[u8]) -> Option<&Landed> {
        let message = |bytes: &[u8]| Transaction::decode(bytes).unwrap().message_bytes;
        self.landed.iter().find(|landed| message(&landed.bytes) == message(bytes))
    }

    /// The height behind which the payment can't land.
    pub(super) fn last_height(&self) -> u64 {
        self.blockhash.1 + LIFE - SKIPPED
    }

    fn is_alive(&self, slot: u64) -> bool {
        (self.blockhash.1..=self.blockhash.1 + LIFE).contains(&slot)
    }

    /// An account as a payment would leave it.
    fn after(&self, bytes: &[u8], address: &Value) -> Value {
        let message = Transaction::decode(bytes).unwrap().message;
        let transfer = &message.instructions[2];
        let account = |place: usize| message.accounts[usize::from(transfer.accounts[place])];
        if *address == message.accounts[0].to_string() {
            return self::account("11111111111111111111111111111111", &[], self.fee_payer_lamports);
        }
        if *address != account(0).to_string() {
            return self.accounts.get(address.as_str().unwrap()).cloned().into();
        }
        let left = self.funds - u64::from_le_bytes(transfer.data[1..9].try_into().unwrap());
        let data = token_account(&account(1), &account(3), left, None);
        let program = message.accounts[usize::from(transfer.program)];
        self::account(&program.to_string(), &data, 2_039_280)
    }

    /// What an honest node answers that is `lag` blocks behind; or an error code.
    fn answer(&mut self, method: &str, params: &Value, lag: u64) -> Result<Value, i64> {
        let options = if params[0].is_object() { &params[0] } else { &params[1] };
        let tip = self.tip - lag;
        let (confirmed, final_slot) = (tip - CONFIRMED_LAG, tip - FINALIZED_LAG);
        let slot = match options["commitment"].as_str() {
            Some("processed") => tip,
            Some("confirmed") => confirmed,
            Some("finalized") | None => final_slot,
            Some(_) => return Err(-32602),
        };
        if options["minContextSlot"].as_u64().is_some_and(|least| slot < least) {
            return Err(-32016);
        }
        let with_context =
            |value: Value| json!({ "context": { "apiVersion": "3.0.0", "slot": slot }, "value": value });
        let seen = |landed: &&Landed| landed.slot <= tip;
        let by_id = |signature: &Value| self.landed.iter().filter(seen).find(|l| *signature == id(&l.bytes));
        let finality = |landed: &Landed| match landed.slot {
            at if at <= final_slot => "finalized",
            at if at <= confirmed => "confirmed",
            _ => "processed",
        };
        Ok(match method {
            STATUSES => {
                let everything = options["searchTransactionHistory"] == true;
                let status = |signature: &Value| {
                    by_id(signature).filter(|l| everything || l.slot + LIFE >= tip).map(|l| {
                        json!({
                            "slot": l.slot, "confirmations": null, "err": l.error,
                            "status": { "Ok": null }, "confirmationStatus": finality(l),
                        })
                    })
                };
                let statuses: Vec<_> = params[0].as_array().ok_or(-32602i64)?.iter().map(status).collect();
                json!({ "context": { "slot": tip }, "value": statuses })
            }
            VALID => {
                let known = params[0] == bs58::encode(self.blockhash.0).into_string();
                with_context(json!(known && self.is_alive(slot)))
            }
            HEIGHT => json!(slot - SKIPPED),
            LATEST => {
                let blockhash = bs58::encode(self.blockhash.0).into_string();
                with_context(json!({ "blockhash": blockhash, "lastValidBlockHeight": slot - SKIPPED + LIFE }))
            }
            EPOCH => json!({ "absoluteSlot": slot, "blockHeight": slot - SKIPPED, "epoch": 3 }),
            SIMULATE => {
                let bytes = params[0].as_str().and_then(from_base64).ok_or(-32602i64)?;
                let error = if self.held(&bytes).is_some_and(|landed| landed.slot <= slot) {
                    json!("AlreadyProcessed")
                } else if self.is_alive(slot) {
                    json!(self.fails_with)
                } else {
                    json!("BlockhashNotFound")
                };
                let shown = |address: &Value| match error {
                    Value::Null => self.after(&bytes, address),
                    _ => Value::Null,
                };
                let accounts = options["accounts"]["addresses"].as_array().ok_or(-32602i64)?;
                let accounts: Vec<_> = accounts.iter().map(shown).collect();
                with_context(json!({
                    "accounts": accounts, "err": error, "logs": [], "unitsConsumed": 6_500,
                }))
            }
            SEND => {
                let bytes = params[0].as_str().and_then(from_base64).ok_or(-32602i64)?;
                let signature = id(&bytes);
                self.pool.push(bytes);
                json!(signature)
            }
            TRANSACTION => by_id(&params[0]).filter(|l| l.slot <= slot).map_or(Value::Null, shown),
            SIGNATURES => {
                let touches = |landed: &&Landed| {
                    let message = Transaction::decode(&landed.bytes).unwrap().message;
                    landed.slot <= slot
                        && message.accounts.iter().any(|account| params[0] == account.to_string())
                };
                let entry = |l: &Landed| listed(&id(&l.bytes), l.slot, &l.error);
                self.landed.iter().rev().filter(touches).map(entry).collect()
            }
            ACCOUNT => with_context(self.accounts.get(params[0].as_str().unwrap()).cloned().into()),
            _ => return Err(-32601),
        })
    }
}

/// A transaction as `getTransaction` shows it.
pub(super) fn shown(landed: &Landed) -> Value {
    json!({
        "slot": landed.slot, "blockTime": 1_700_000_000, "version": 0,
        "transaction": [base64(&landed.bytes), "base64"],
        "meta": { "err": landed.error, "fee": 10_001 },
    })
}

/// An entry of `getSignaturesForAddress`.
pub(super) fn listed(signature: &str, slot: u64, error: &Option<Value>) -> Value {
    json!({
        "signature": signature, "slot": slot, "blockTime": 1_700_000_000 + slot, "err": error,
        "memo": null, "confirmationStatus": "finalized",
    })
}

/// An account as `getAccountInfo` shows it.
pub(super) fn account(owner: &str, data: &[u8], lamports: u64) -> Value {
    json!({
        "owner": owner, "data": [base64(data), "base64"], "lamports": lamports,
        "executable": false, "rentEpoch": 0, "space": data.len(),
    })
}

/// The data of a token account; what it holds, and what of it is delegated to whom.
pub(super) fn token_account(
    mint: &Address,
    owner: &Address,
    amount: u64,
    delegated: Option<(&Address, u64)>,
) -> Vec<u8> {
    let mut data = [mint.as_bytes().as_slice(), owner.as_bytes(), &amount.to_le_bytes()].concat();
    data.resize(165, 0);
    data[108] = 1;
    if let Some((delegate, amount)) = delegated {
        data[72] = 1;
        data[76..108].copy_from_slice(delegate.as_bytes());
        data[121..129].copy_from_slice(&amount.to_le_bytes());
    }
    data
}

/// How the node answers one call.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// As the chain is.
    Honest,
    /// As the chain was so many blocks ago.
    Behind(u64),
    /// It does what was asked, and the answer is lost.
    Lost,
    /// No answer in time, nothing done.
    TimeOut,
    /// This status and this body, nothing done.
    Raw(u16, Vec<u8>),
    /// The honest answer with this status.
    Status(u16),
    /// The honest answer without its last byte.
    Cut,
    /// The honest answer, changed.
    Changed(fn(&mut Value)),
    /// This result, nothing done.
    Result(Value),
    /// A JSON-RPC error, nothing done.
    Error(i64),
}

/// What happens between two calls.
pub(super) type Meanwhile = Box<dyn FnOnce(&mut Chain)>;

/// The node.
pub(super) struct Node {
    chain: RefCell<Chain>,
    calls: RefCell<Vec<(String, Value)>>,
    /// The next answers of a method.
    next: RefCell<BTreeMap<String, VecDeque<Reply>>>,
    /// All further answers of a method.
    always: RefCell<BTreeMap<String, Reply>>,
    meanwhile: RefCell<VecDeque<Meanwhile>>,
}

impl Node {
    pub(super) fn new(blockhash: [u8; 32]) -> Self {
        let chain = Chain {
            tip: 5_000,
            blockhash: (blockhash, 4_990),
            landed: vec![],
            pool: vec![],
            fails_with: None,
            funds: 25_000,
            fee_payer_lamports: 1_000_000_000,
            accounts: BTreeMap::new(),
        };
        Self {
            chain: RefCell::new(chain),
            calls: RefCell::default(),
            next: RefCell::default(),
            always: RefCell::default(),
            meanwhile: RefCell::default(),
        }
    }

    pub(super) fn chain(&self) -> RefMut<'_, Chain> {
        self.chain.borrow_mut()
    }

    /// From now on this method is answered so.
    pub(super) fn always(&self, method: &str, reply: Reply) {
        self.always.borrow_mut().insert(method.to_owned(), reply);
    }

    /// The next call of this method that has no reply yet is answered so.
    pub(super) fn next(&self, method: &str, reply: Reply) {
        self.next.borrow_mut().entry(method.to_owned()).or_default().push_back(reply);
    }

    /// All methods are honest again, and no call was made.
    pub(super) fn reset(&self) {
        self.calls.take();
        self.next.take();
        self.always.take();
        self.meanwhile.take();
    }

    /// What happens after the first, the second ... call from now on.
    pub(super) fn meanwhile(&self, changes: impl IntoIterator<Item = Meanwhile>) {
        *self.meanwhile.borrow_mut() = changes.into_iter().collect();
    }

    /// The calls so far: the method and its parameters.
    pub(super) fn calls(&self) -> Ref<'_, Vec<(String, Value)>> {
        self.calls.borrow()
    }

    /// The methods that were called so far.
    pub(super) fn methods(&self) -> Vec<String> {
        self.calls().iter().map(|(method, _)| method.clone()).collect()
    }

    fn reply(&self, method: &str) -> Reply {
        let next = self.next.borrow_mut().get_mut(method).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.borrow().get(method).cloned()).unwrap_or(Reply::Honest)
    }

    fn honest(&self, method: &str, params: &Value, lag: u64) -> Value {
        match self.chain().answer(method, params, lag) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
            Err(code) => error(code),
        }
    }
}

fn error(code: i64) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": "secret", "data": null } })
}

impl Http for &Node {
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        assert_eq!(url, URL);
        assert!((1..=10_000).contains(&timeout_ms), "a call without a bound");
        let asked: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(asked["jsonrpc"], "2.0");
        assert!(asked["id"].is_number());
        let (method, params) = (asked["method"].as_str().unwrap(), &asked["params"]);
        self.calls.borrow_mut().push((method.to_owned(), params.clone()));

        let timeout = || TransportError::new("the RPC", TransportFault::Timeout(timeout_ms));
        let answer = |status, json: &Value| Ok(HttpAnswer { status, body: json.to_string().into_bytes() });
        let answered = match self.reply(method) {
            Reply::Honest => answer(200, &self.honest(method, params, 0)),
            Reply::Behind(blocks) => answer(200, &self.honest(method, params, blocks)),
            Reply::Lost => {
                self.honest(method, params, 0);
                Err(timeout())
            }
            Reply::TimeOut => Err(timeout()),
            Reply::Raw(status, body) => Ok(HttpAnswer { status, body }),
            Reply::Status(status) => answer(status, &self.honest(method, params, 0)),
            Reply::Cut => answer(200, &self.honest(method, params, 0)).map(|mut answer| {
                answer.body.pop();
                answer
            }),
            Reply::Changed(change) => {
                let mut json = self.honest(method, params, 0);
                change(&mut json);
                answer(200, &json)
            }
            Reply::Result(result) => answer(200, &json!({ "jsonrpc": "2.0", "id": 1, "result": result })),
            Reply::Error(code) => answer(200, &error(code)),
        };
        if let Some(change) = self.meanwhile.borrow_mut().pop_front() {
            change(&mut self.chain());
        }
        answered
    }
}
