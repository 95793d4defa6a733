//! What `coinop pay` says of a payment that is refused, or has no clear answer: only what is known of the money.

use serde_json::{Value, json};

use crate::server::{Act, Asked, pay, pending, required, server, settled};

#[test]
fn a_refusal_is_one_line_with_its_reason() {
    let detail = "The price has changed.\nYou were not charged.";
    let problem = json!({ "code": "price_changed", "detail": detail, "charged": false });
    let headers =
        vec![("PAYMENT-RESPONSE", settled(false, Some("price_changed"))), ("Retry-After", "9".to_owned())];
    let (origin, _) = server(|_| vec![required("1", &Value::Null), Act::Answer(409, headers, problem)]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stdout.is_empty());
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert!(
        said.stderr.contains(
            "The price has changed. You were not charged. Try again in 9 seconds. (HTTP 409, price_changed)"
        ),
        "{}",
        said.stderr
    );
}

#[test]
fn a_taken_asset_says_until_when_and_the_own_wallet_how_to_get_its_token() {
    let busy = |yours: Value| {
        let detail = "For programs: `Retry-After` says when, and how to sign in is documented.";
        let headers =
            vec![("Retry-After", "18000".to_owned()), ("Date", "Mon, 30 Nov 2026 08:43:00 GMT".to_owned())];
        let until = "2026-11-30T13:43:00.000Z";
        let body = json!({ "code": "asset_busy", "detail": detail, "until": until, "yours": yours, "charged": false });
        Act::Answer(409, headers, body)
    };
    let (origin, _) = server(|_| vec![required("1", &Value::Null), busy(Value::Null)]);
    let said = pay(&origin, &[]).stderr;
    let expected = "The asset is in use, or all its seats are taken. You were not charged. \
                    It is taken until 13:43:00 UTC (5 hours). (HTTP 409, asset_busy)";
    assert!(said.contains(expected), "{said}");
    let (origin, _) = server(|_| vec![required("1", &Value::Null), busy(json!(true))]);
    let said = pay(&origin, &[]).stderr;
    assert!(
        said.contains("yours until 13:43:00 UTC") && said.contains("--sign-in` prints its token"),
        "{said}"
    );
    assert!(said.contains("You were not charged.") && !said.contains("For programs"), "{said}");
}

#[test]
fn what_is_not_known_of_a_payment_is_said_once() {
    let later = || {
        let body = json!({ "code": "unavailable", "detail": "It is not known yet. Do not sign another." });
        Act::Answer(503, vec![("Retry-After", "1".to_owned())], body)
    };
    let (origin, asked) = server(|_| {
        let mut acts = vec![required("1", &Value::Null)];
        acts.extend((0..5).map(|_| later()));
        acts
    });
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("do not pay again"), "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 6);
    let lines: Vec<_> = said.stderr.lines().collect();
    assert_eq!(lines[1..4], [2, 3, 4].map(|n| format!("attempt {n} of 5: the same answer")), "{lines:?}");
    assert!(said.stderr.contains("HTTP 503, unavailable") && !said.stderr.contains("sign another"));
}

#[test]
fn a_payment_that_never_charged_may_be_tried_again() {
    let body = json!({ "code": "fee_budget_spent", "detail": "The budget is spent.", "charged": false });
    let later = Act::Answer(503, vec![("Retry-After", "200".to_owned())], body);
    let (origin, _) = server(|_| vec![required("1", &Value::Null), later]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("run the same command again later"), "{}", said.stderr);
    assert!(said.stderr.contains("The budget is spent. You were not charged."), "{}", said.stderr);
    assert!(!said.stderr.contains("not known"), "{}", said.stderr);
}

#[test]
fn a_server_that_cannot_take_the_payment_now_may_have_claimed_it() {
    // The pause is longer than the client's patience, so it gives up at once.
    // What it says of money in words is no promise.
    let body = json!({ "code": "unavailable", "detail": "You were not charged." });
    let later = Act::Answer(503, vec![("Retry-After", "200".to_owned())], body);
    let (origin, asked) = server(|_| vec![required("1", &Value::Null), later]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("do not pay again"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 2);
}

/// Returns a refusal in words that promise more than the member `charged` does, if it is there.
fn refusal(status: u16, charged: Option<bool>) -> Act {
    let mut body = json!({ "code": "no_sale", "detail": "There is no sale. You were not charged." });
    if let Some(charged) = charged {
        body["charged"] = json!(charged);
    }
    Act::Answer(status, vec![("PAYMENT-RESPONSE", settled(false, Some("no_sale")))], body)
}

/// Returns what `coinop pay` says of the answers to its payment, and asserts that it sent the same one each time.
fn refused_after(answers: Vec<Act>) -> String {
    let (origin, asked) = server(|_| std::iter::once(required("1", &Value::Null)).chain(answers).collect());
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stdout.is_empty(), "{}", said.stderr);
    let asked = asked.join().unwrap();
    let payments: Vec<_> = asked.iter().skip(1).map(Asked::payment).collect();
    assert!(payments.iter().all(|payment| *payment == payments[0]));
    said.stderr
}

fn assert_in_doubt(said: &str) {
    let last = said.lines().last().unwrap();
    for words in ["no_sale", "not known whether money moved", "do not pay again", "--sign-in"] {
        assert!(last.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("not charged"), "{said}");
}

#[test]
fn a_refusal_after_a_lost_answer_does_not_tell_whether_money_moved_inv_1() {
    for status in [402, 409] {
        assert_in_doubt(&refused_after(vec![Act::HangUp, refusal(status, Some(false))]));
        assert_in_doubt(&refused_after(vec![Act::HangUp, refusal(status, None)]));
    }
    let later = vec![("Retry-After", "200".to_owned())];
    let spent = json!({ "code": "no_sale", "detail": "You were not charged.", "charged": false });
    assert_in_doubt(&refused_after(vec![Act::HangUp, Act::Answer(503, later, spent)]));
    let broken = || Act::Answer(502, vec![], Value::Null);
    assert_in_doubt(&refused_after(vec![broken(), refusal(409, Some(false))]));
    let unsold = Act::Answer(200, vec![("PAYMENT-RESPONSE", settled(false, Some("no_sale")))], json!({}));
    assert_in_doubt(&refused_after(vec![broken(), unsold]));
}

#[test]
fn a_refusal_at_once_is_told_in_the_servers_words() {
    for status in [402, 409] {
        for charged in [Some(false), None] {
            let said = refused_after(vec![refusal(status, charged)]);
            let expected = "the server refused the payment: There is no sale. You were not charged. (HTTP";
            assert!(said.contains(expected) && !said.contains("not known"), "{said}");
        }
    }
}

#[test]
fn only_the_promise_for_programs_makes_this_command_say_that_nothing_was_charged() {
    let plain = |more: Value| Act::Answer(409, vec![], more);
    let promised = refused_after(vec![plain(json!({ "code": "no_sale", "charged": false }))]);
    assert!(promised.contains("refused the payment: You were not charged. (HTTP 409"), "{promised}");
    for more in [json!({ "code": "no_sale" }), json!({ "code": "no_sale", "charged": "false" })] {
        let said = refused_after(vec![plain(more)]);
        assert!(said.contains("refused the payment: HTTP 409, no_sale"), "{said}");
        assert!(!said.contains("not charged"), "{said}");
    }
}

#[test]
fn a_refusal_of_a_pending_payment_is_believed_only_with_its_promise() {
    let said = refused_after(vec![pending(), refusal(402, Some(false))]);
    assert!(said.contains("You were not charged.") && !said.contains("not known"), "{said}");
    assert_in_doubt(&refused_after(vec![pending(), refusal(402, None)]));
}

#[test]
fn attempts_that_were_surely_refused_leave_no_doubt() {
    let later = || Act::Answer(503, vec![("Retry-After", "1".to_owned())], json!({ "charged": false }));
    let said = refused_after(vec![later(), refusal(409, Some(false))]);
    assert!(said.contains("You were not charged.") && !said.contains("not known"), "{said}");
}
