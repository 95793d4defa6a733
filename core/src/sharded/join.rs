//! Waits for several shards at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A boxed future. Code that awaits it is compiled once, whatever future is inside.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs all futures concurrently and returns their results in order.
///
/// There are only a few at a time. A library made for thousands of futures would add more code than a whole
/// shard needs.
pub(super) async fn join_all<T>(mut futures: Vec<Boxed<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut left = false;
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *done = Some(value),
                Poll::Pending => left = true,
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}
