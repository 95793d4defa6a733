//! The latest blockhash of the chain, kept for all instances of the component.
//!
//! It is fetched at a fixed interval, so no request makes the gateway call the RPC for it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use coinop_core::Timestamp;
use coinop_core::encoding::from_base58;
use coinop_core::svm::RecentBlockhash;
use serde_json::{Value, json};

use crate::clock::SteadyClock;
use crate::settings::rpc;

/// How often the blockhash is fetched. Each is still fresh when the next one arrives.
const EVERY: Duration = Duration::from_secs(10);

/// The blockhash that was fetched last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent(Arc<RwLock<Option<RecentBlockhash>>>);

impl Recent {
    /// Returns the blockhash as the component's header, if one is known.
    pub(crate) fn header(&self) -> Option<String> {
        let recent = self.0.read().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().map(RecentBlockhash::to_header)
    }

    fn set(&self, recent: RecentBlockhash) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(recent);
    }
}

/// Fetches the blockhash for ever. If a node does not answer, the next turn asks again. The component does
/// not offer a blockhash that is too old.
pub(crate) async fn follow(recent: Recent, rpc_url: String, clock: SteadyClock) {
    loop {
        let url = rpc_url.clone();
        // The age counts from before the request.
        let seen_at = Timestamp::from_millis(clock.now_ms());
        let asked = tokio::task::spawn_blocking(move || {
            rpc::call(&url, "getLatestBlockhash", &json!([{ "commitment": "confirmed" }]))
        });
        match asked.await {
            Ok(Ok(answer)) => {
                if let Some(read) = read(&answer, seen_at) {
                    recent.set(read);
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "cannot fetch the recent blockhash for buyers"),
            // The task was cancelled because the process ends.
            Err(_) => return,
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn read(answer: &Value, seen_at: Timestamp) -> Option<RecentBlockhash> {
    let value = answer.get("value")?;
    Some(RecentBlockhash {
        blockhash: value.get("blockhash")?.as_str().and_then(from_base58)?,
        last_valid_block_height: value.get("lastValidBlockHeight")?.as_u64()?,
        seen_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_the_components_header_and_a_strange_one_nothing() {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let hash = bs58::encode([7; 32]).into_string();
        let answer =
            json!({ "context": { "slot": 9 }, "value": { "blockhash": hash, "lastValidBlockHeight": 300 } });
        let recent = Recent::default();
        assert_eq!(recent.header(), None);
        recent.set(read(&answer, at).unwrap());
        assert_eq!(recent.header().unwrap(), format!("{hash} 300 1800000000000"));
        for strange in
            [json!(null), json!({}), json!({ "value": { "blockhash": "0", "lastValidBlockHeight": 1 } })]
        {
            assert!(read(&strange, at).is_none(), "{strange}");
        }
    }
}
