//! A Solana node in memory behind the [`Http`] port. It is honest, except for the answers that a test replaces.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::chain::Chain;
use crate::error::{TransportError, TransportFault};
use crate::ports::{Http, HttpAnswer};

/// The node's URL. Its secret part must never leave the gateway.
pub(super) const URL: &str = "https://rpc.example/?api-key=secret";

/// How the node answers one call.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// With the true state of the chain.
    Honest,
    /// With the state of the chain this many blocks ago.
    Behind(u64),
    /// It does what was asked, but the answer is lost.
    Lost,
    /// It does nothing, and does not answer in time.
    TimeOut,
    /// It does nothing, and answers with this status and body.
    Raw(u16, Vec<u8>),
    /// With the honest answer and this status.
    Status(u16),
    /// With the honest answer without its last byte.
    Cut,
    /// With the honest answer, changed.
    Changed(fn(&mut Value)),
    /// It does nothing, and answers with this result.
    Result(Value),
    /// It does nothing, and answers with this JSON-RPC error.
    Error(i64),
}

/// A change of the chain between two calls.
pub(super) type Meanwhile = Box<dyn FnOnce(&mut Chain)>;

pub(super) struct Node {
    chain: RefCell<Chain>,
    calls: RefCell<Vec<(String, Value)>>,
    /// The next answers of each method.
    next: RefCell<BTreeMap<String, VecDeque<Reply>>>,
    /// All further answers of each method.
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
            keeps_no_list: false,
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

    /// Answers this method like this from now on.
    pub(super) fn always(&self, method: &str, reply: Reply) {
        self.always.borrow_mut().insert(method.to_owned(), reply);
    }

    /// Answers the next call of this method that has no reply yet like this.
    pub(super) fn next(&self, method: &str, reply: Reply) {
        self.next.borrow_mut().entry(method.to_owned()).or_default().push_back(reply);
    }

    /// Makes all methods honest again and forgets the calls.
    pub(super) fn reset(&self) {
        self.calls.take();
        self.next.take();
        self.always.take();
        self.meanwhile.take();
    }

    /// Sets what happens after the first, the second and each later call from now on.
    pub(super) fn meanwhile(&self, changes: impl IntoIterator<Item = Meanwhile>) {
        *self.meanwhile.borrow_mut() = changes.into_iter().collect();
    }

    /// Returns the calls so far, each with its method and parameters.
    pub(super) fn calls(&self) -> Ref<'_, Vec<(String, Value)>> {
        self.calls.borrow()
    }

    /// Returns the methods that were called so far.
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
