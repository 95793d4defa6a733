//! Whether a sale could be made now, as the component answered a moment ago.
//!
//! Its answer takes calls to the RPC, which strangers must not cause as often as they like.

use std::sync::Arc;
use std::time::Duration;

use coinop_core::http;
use hyper::body::Bytes;
use hyper::header::CONTENT_LENGTH;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::Answer;
use super::limits::{PublicOrigin, own};
use super::problem::Problem;
use crate::clock::SteadyClock;
use crate::guest::{Failure, Response};

const PATH: &str = "/ready";

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(5);

type Known = Result<Response, Problem>;

/// The latest answer.
#[derive(Clone, Default)]
pub(super) struct Readiness(Arc<Mutex<Option<(Duration, Known)>>>);

impl Readiness {
    /// Returns the latest answer if it is fresh, and else asks the component. It asks once for all who want to know at
    /// the same time, and goes on asking when they leave.
    pub(super) async fn answer<A: Answer>(
        &self,
        component: &Arc<A>,
        origin: &PublicOrigin,
        clock: &SteadyClock,
    ) -> Known {
        let mut latest = self.0.clone().lock_owned().await;
        if let Some((at, known)) = &*latest
            && clock.monotonic().saturating_sub(*at) < FRESH
        {
            return known.clone();
        }
        let (request, component, clock) = (own(origin, PATH)?, component.clone(), clock.clone());
        let asking = tokio::spawn(async move {
            let known = component.handle(request).await.map_err(|failure| problem(&failure));
            *latest = Some((clock.monotonic(), known.clone()));
            known
        });
        asking.await.unwrap_or(Err(Problem::Internal))
    }
}

fn problem(failure: &Failure) -> Problem {
    match failure {
        Failure::Busy => Problem::Busy { paid: false },
        Failure::TimedOut => Problem::TimedOut,
        Failure::Broken(error) => {
            tracing::error!(%error, "whether a sale could be made is not known");
            Problem::Internal
        }
    }
}

/// Returns the answer without what is nobody's business: only whether a sale could be made.
pub(super) fn without_details(mut answer: Response) -> Response {
    let whole: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let ready = whole.get("ready").and_then(Value::as_bool).unwrap_or(false);
    answer.headers_mut().remove(CONTENT_LENGTH);
    *answer.body_mut() = Bytes::from(http::Response::json(200, &json!({ "ready": ready })).body);
    answer
}
