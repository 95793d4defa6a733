//! A node of the chain behind the gateway's [`Http`] port, and what goes wrong on the way to it and in it.

mod answers;
mod lies;

use std::cell::Cell;
use std::rc::Weak;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Http, HttpAnswer};
use serde_json::{Value, json};

use crate::executor::Process;
use crate::plan::Fault;
use crate::world::World;

/// The gateway's connection to its node.
#[derive(Clone)]
pub(crate) struct NodeClient {
    pub(crate) world: Weak<World>,
    pub(crate) process: Process,
}

/// What is counted of the calls.
#[derive(Default)]
pub(crate) struct Node {
    calls: Cell<u64>,
    /// Until when no lie is told, in milliseconds since the world began.
    ///
    /// One wrong answer must do no harm. A node that tells several in a row is not one to be trusted with money.
    honest_until: Cell<u64>,
}

impl Node {
    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }
}

/// How long nodes are honest after a lie, in milliseconds.
const HONEST_MS: u64 = 30_000;

impl Http for NodeClient {
    async fn post_json(&self, _: &str, body: String, timeout_ms: u64) -> Result<HttpAnswer, TransportError> {
        let timed_out = || TransportError::new("the RPC", TransportFault::Timeout(timeout_ms));
        let Some(world) = self.world.upgrade() else { return Err(timed_out()) };
        world.node.calls.set(world.node.calls.get() + 1);
        world.point(self.process).await;
        let asked: Value = serde_json::from_str(&body).unwrap_or_default();
        let (method, params) = (asked["method"].as_str().unwrap_or_default(), &asked["params"]);
        let random = &world.node_random;
        if world.fails(Fault::CallLost, random) {
            world.exec.sleep(timeout_ms).await;
            return Err(timed_out());
        }
        world.exec.sleep(10 + random.within(0..120)).await;
        let answered = world.answer_call(method, params);
        let lost = world.fails(Fault::CallAnswerLost, random);
        world.exec.sleep(if lost { timeout_ms } else { 10 + random.within(0..120) }).await;
        world.point(self.process).await;
        if lost {
            return Err(timed_out());
        }
        if world.fails(Fault::CallFails, random) {
            let status = [429, 500, 502, 503, 200][random.below(5)];
            let body = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32603, "message": "Internal error" } });
            return Ok(HttpAnswer { status, body: body.to_string().into_bytes() });
        }
        let answer = match answered {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
            Err(code) => json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": "" } }),
        };
        Ok(HttpAnswer { status: 200, body: answer.to_string().into_bytes() })
    }
}

impl World {
    /// Carries out a call at a node, which may lag behind or lie.
    fn answer_call(&self, method: &str, params: &Value) -> Result<Value, i64> {
        let random = &self.node_random;
        let lag = if self.fails(Fault::NodeLags, random) { random.within(1..60) } else { 0 };
        let mut chain = self.chain.borrow_mut();
        chain.advance(self.exec.now());
        let send_loss = self.rate_now(Fault::SendLost);
        if method == "simulateTransaction" && self.fails(Fault::NodeSendsSimulated, random) {
            let bytes = params[0].as_str().and_then(coinop_core::encoding::from_base64).unwrap_or_default();
            chain.send(&bytes, 0);
        }
        let answer = answers::answer(&mut chain, method, params, lag, send_loss);
        let may_lie = self.exec.now() >= self.node.honest_until.get();
        if may_lie
            && self.fails(Fault::NodeLies, random)
            && let Ok(truth) = &answer
        {
            self.node.honest_until.set(self.exec.now() + HONEST_MS);
            return Ok(lies::lie(method, truth.clone(), &chain, random));
        }
        answer
    }
}
