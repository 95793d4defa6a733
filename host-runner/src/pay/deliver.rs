//! Sends a payment until there is an answer to it.
//!
//! It always sends the same bytes. So whatever happens to the answers, the payer is charged at most once.
//!
//! A refusal is certain only if no earlier attempt may still claim the payment.

use std::time::{Duration, Instant};

use super::complaint::Complaint;
use super::http::{HttpReply, HttpRequest};
use super::payment::Header;
use super::{address, pretty};

/// How long a payment is sent again in total. Its blockhash does not live much longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many failures in a row end the attempts.
const TRIES: u32 = 5;
/// The pause in seconds if the server names none.
const PAUSE: u64 = 5;

/// Why a payment has to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryDecision {
    /// The transaction was sent, and the chain has not confirmed it.
    Pending,
    /// The result is unknown, because something between this client and the server broke.
    Unclear,
    /// The server says that it cannot take the payment now.
    Later,
}

/// An attempt without a final answer.
struct Retry {
    why: RetryDecision,
    /// The seconds that the server asks to wait.
    asked: Option<u64>,
    /// What the server said, or what broke.
    said: String,
    /// Whether the server promises that it refused the payment.
    is_uncharged: bool,
}

/// What the attempts so far leave open.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    /// An attempt had no clear answer. It may still be under way and claim the payment.
    is_lost: bool,
    /// The server said that it was processing the payment.
    is_pending: bool,
}

impl Doubt {
    const fn add(&mut self, retry: &Retry) {
        match retry.why {
            RetryDecision::Pending => self.is_pending = true,
            RetryDecision::Unclear | RetryDecision::Later => self.is_lost |= !retry.is_uncharged,
        }
    }

    /// Tells whether the payer may be charged although the last answer is a refusal.
    ///
    /// A server looks for its own claim before it promises that it refused the payment, so the promise ends the doubt
    /// of a pending payment. It does not end that of a request which may still be under way.
    const fn outlasts(self, is_uncharged: bool) -> bool {
        self.is_lost || (self.is_pending && !is_uncharged)
    }
}

/// Returns why the payment has to be sent again, or `None` if the answer is final.
fn again(status: u16, code: Option<&str>) -> Option<RetryDecision> {
    match status {
        202 if code == Some("settlement_pending") => Some(RetryDecision::Pending),
        429 | 503 => Some(RetryDecision::Later),
        500 | 502 | 504 => Some(RetryDecision::Unclear),
        _ => None,
    }
}

/// Returns the seconds until the next attempt.
fn pause(why: RetryDecision, asked: Option<u64>, failed: u32) -> u64 {
    match (why, asked) {
        (_, Some(seconds)) => seconds.max(1),
        (RetryDecision::Pending, None) => PAUSE,
        // 1, 2, 4, 8, and then always 16.
        (RetryDecision::Unclear | RetryDecision::Later, None) => 1 << failed.saturating_sub(1).min(4),
    }
}

/// Sends the same payment until the server gives a final answer. It returns a refusal only if it is certain. The error
/// is for the person who pays.
pub(super) fn deliver(ask: &HttpRequest, payment: &Header) -> Result<HttpReply, String> {
    let began = Instant::now();
    let mut failed = 0;
    let mut doubt = Doubt::default();
    let mut announced = String::new();
    loop {
        let retry = match attempt(ask, payment, doubt) {
            Ok(reply) if !reply.is_granted() && doubt.outlasts(reply.is_uncharged()) => {
                return Err(refused_in_doubt(&Complaint::of(&reply, ask.url()), ask));
            }
            Ok(reply) => return Ok(reply),
            Err(retry) => retry,
        };
        doubt.add(&retry);
        failed = if retry.why == RetryDecision::Pending { 0 } else { failed + 1 };
        let wait = Duration::from_secs(pause(retry.why, retry.asked, failed));
        if failed >= TRIES || began.elapsed() + wait > PATIENCE {
            return Err(given_up(&retry, doubt, ask));
        }
        if retry.said == announced && retry.why != RetryDecision::Pending {
            eprintln!("attempt {failed} of {TRIES}: the same answer");
        } else if retry.said != announced {
            eprintln!("{}", announcement(&retry));
            announced = retry.said;
        }
        std::thread::sleep(wait);
    }
}

/// Sends the payment once, after attempts that left this doubt. Returns the answer only if it is final.
fn attempt(ask: &HttpRequest, payment: &Header, doubt: Doubt) -> Result<HttpReply, Retry> {
    let sent = ask.send(Some((payment.name, &payment.value)));
    let reply =
        sent.map_err(|said| Retry { why: RetryDecision::Unclear, asked: None, said, is_uncharged: false })?;
    let body = reply.json().unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
    let Some(why) = again(reply.status, text("code")) else { return Ok(reply) };
    let complaint = Complaint::of(&reply, ask.url());
    let is_uncharged = reply.is_uncharged();
    let said = match (why, text("transaction")) {
        (RetryDecision::Pending, Some(id)) => format!("the transaction is {}", pretty::quoted(id)),
        _ if is_uncharged && !doubt.outlasts(is_uncharged) => complaint.to_string(),
        // What it says beside the code, this command says of every payment without an answer, or it is in doubt.
        _ => complaint.origin().to_owned(),
    };
    Err(Retry { why, asked: reply.retry_after(), said, is_uncharged })
}

fn announcement(Retry { why, said, is_uncharged, .. }: &Retry) -> String {
    match why {
        RetryDecision::Pending => {
            format!("the payment is being processed ({said}); asking again with the same payment")
        }
        _ if *is_uncharged => format!("the server does not take the payment now: {said}; sending it again"),
        _ => format!(
            "no clear answer to the payment ({said}); it is not known yet whether money moved; \
             sending the same payment again, which cannot charge you twice"
        ),
    }
}

/// Says what is known of a payment that the server refuses, after an attempt that may still claim it.
fn refused_in_doubt(complaint: &Complaint, ask: &HttpRequest) -> String {
    // What the server says of money is left out: it speaks of this attempt alone.
    format!(
        "the server refused the payment ({}), but an earlier attempt may still charge you; \
         it is not known whether money moved; do not pay again; later, {}",
        complaint.origin(),
        look(ask)
    )
}

/// Says how to find out what a payment bought, as the end of a sentence.
fn look(ask: &HttpRequest) -> String {
    format!("{} with the same key shows what it bought", address::sign_in_command(ask.url()))
}

/// Says what is known of a payment without a final answer.
fn given_up(Retry { why, said, is_uncharged, .. }: &Retry, doubt: Doubt, ask: &HttpRequest) -> String {
    let look = look(ask);
    match why {
        RetryDecision::Pending => {
            format!("the payment is still being processed ({said}); do not pay again; later, {look}")
        }
        _ if !doubt.outlasts(*is_uncharged) => {
            format!("the server does not take the payment now: {said}; run the same command again later")
        }
        // The server may have claimed the payment in an earlier attempt, or in this one before it failed.
        _ => format!(
            "the server gave no clear answer to the payment ({said}); \
             it is not known whether money moved; do not pay again; later, {look}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_the_payment_open_is_sent_again() {
        assert_eq!(again(202, Some("settlement_pending")), Some(RetryDecision::Pending));
        assert_eq!(again(503, None), Some(RetryDecision::Later));
        assert_eq!(again(502, Some("x")), Some(RetryDecision::Unclear));
        for status in [200, 202, 302, 400, 402, 404, 409, 413] {
            assert_eq!(again(status, Some("asset_busy")), None, "{status}");
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        assert_eq!(pause(RetryDecision::Pending, Some(7), 0), 7);
        assert_eq!(pause(RetryDecision::Pending, Some(0), 0), 1);
        assert_eq!(pause(RetryDecision::Pending, None, 0), 5);
        let grows: Vec<u64> = (1..6).map(|n| pause(RetryDecision::Unclear, None, n)).collect();
        assert_eq!(grows, [1, 2, 4, 8, 16]);
    }
}
