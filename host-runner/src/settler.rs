//! Looks after payments that have no clear answer yet.
//!
//! It runs beside the loop of steps and not in it, because the chain may be slow or silent and no door may
//! wait for that.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::SteadyClock;
use crate::failpoint;
use crate::guest::Controller;

/// How often it looks for something to do. Requests look after their own payments, so this is for payments
/// whose request has ended.
const EVERY: Duration = Duration::from_secs(2);

/// Looks after payments until the host shuts down.
pub(crate) async fn settle(
    mut controller: Controller,
    clock: SteadyClock,
    mut closing: watch::Receiver<bool>,
) {
    let forever = async {
        loop {
            failpoint::reach("settle.begin");
            let settled = controller.settle().await;
            failpoint::reach("settle.done");
            let wait = match settled {
                Ok(next_ms) => next_ms.map_or(EVERY, |at| clock.until(at)).min(EVERY),
                Err(error) => {
                    tracing::error!(%error, "settling payments in flight failed; trying again");
                    EVERY
                }
            };
            // The pause prevents a tight loop, whatever the component answers.
            tokio::time::sleep(wait.max(Duration::from_millis(100))).await;
        }
    };
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = forever => {}
    }
}
