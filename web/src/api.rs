//! How a page asks the API.

use coinop_core::http::{Request, Response};
use serde_json::Value;

/// The API, as a page asks it.
pub(crate) trait Api {
    /// Returns the body of the good answer to `GET path?query`.
    ///
    /// # Errors
    /// Returns why there is no good answer.
    async fn get(&self, path: &str, query: Option<String>) -> Result<Value, Unanswered>;
}

/// Why the API has no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is no such thing.
    Missing,
    /// The question has a parameter that the API does not take.
    Malformed,
    /// The API can't tell now.
    Later,
}

impl<F, A> Api for F
where
    F: Fn(Request) -> A,
    A: Future<Output = Response>,
{
    async fn get(&self, path: &str, query: Option<String>) -> Result<Value, Unanswered> {
        let question =
            Request { method: "GET".to_owned(), path: path.to_owned(), query, ..Request::default() };
        let answer = self(question).await;
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(|_| Unanswered::Later),
            400 => Err(Unanswered::Malformed),
            404 => Err(Unanswered::Missing),
            _ => Err(Unanswered::Later),
        }
    }
}
