//! The transaction for a wallet to sign, and what a purchase with it is.

use super::*;
use crate::svm::{SigningKey, Transaction};

const PATH: &str = "/api/v1/access/door-1/transaction";

fn transaction(world: &World, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    ask(world, "POST", path, headers, &body.to_string())
}

/// Signs the transaction as the wallet with this number, and returns the header that pays with it.
fn signed(answer: &Answer, who: u8) -> String {
    use ed25519_dalek::Signer as _;
    let bytes = from_base64(answer.body["transaction"].as_str().unwrap()).unwrap();
    let mut transaction = Transaction::decode(&bytes).unwrap();
    assert!(transaction.signatures.iter().all(|signature| *signature == [0; 64]), "nobody has signed it");
    let key: SigningKey = keys::numbered(who);
    transaction.signatures[1] = key.sign(&transaction.message_bytes).to_bytes();
    let payload = json!({
        "x402Version": answer.body["x402Version"],
        "accepted": answer.body["accepted"],
        "payload": { "transaction": base64(&transaction.encode().unwrap()) },
    });
    base64(payload.to_string().as_bytes())
}

fn account(who: u8) -> String {
    keys::address(&keys::numbered(who)).to_string()
}

#[test]
fn the_transaction_that_a_wallet_signs_buys_what_it_says_inv_1_6() {
    let world = World::new();
    let made = transaction(&world, PATH, &[], &json!({ "account": account(1), "quantity": 3 }));
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    assert_eq!((&made.body["amount"], &made.body["display"]), (&json!("30000"), &json!("0.03 USDC")));
    let mint = world.deployment.config.merchant.tokens[0].token.mint.to_string();
    assert_eq!((&made.body["mint"], &made.body["decimals"]), (&json!(mint), &json!(6)));
    assert_eq!((&made.body["quantity"], &made.body["seconds"]), (&json!(3), &json!(180)));
    let header = signed(&made, 1);
    let sold = ask(&world, "POST", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!((sold.status, &sold.body["quantity"]), (200, &json!(3)), "{}", sold.body);
    assert_eq!(sold.body["amount"], made.body["amount"]);
    assert_eq!(world.charged(), 1);
    let repeat = ask(&world, "POST", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!((repeat.status, &repeat.body["sessionId"]), (200, &sold.body["sessionId"]));
    assert_eq!(world.charged(), 1);
}

#[test]
fn the_transaction_of_an_extension_extends_its_session_inv_1() {
    let world = World::new();
    let made = transaction(&world, PATH, &[], &json!({ "account": account(1), "quantity": 1 }));
    let header = signed(&made, 1);
    let sold = ask(&world, "POST", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    let bearer = format!("Bearer {}", sold.body["sessionToken"].as_str().unwrap());
    let path = "/api/v1/access/door-1/extend/transaction";
    let wanted = json!({ "account": account(1), "quantity": 2 });
    assert_eq!(transaction(&world, path, &[], &wanted).status, 401);
    let other = "/api/v1/access/door-2/extend/transaction";
    assert_eq!(transaction(&world, other, &[("authorization", &bearer)], &wanted).status, 403);
    let made = transaction(&world, path, &[("authorization", &bearer)], &wanted);
    assert_eq!(made.status, 200, "{}", made.body);
    let paid = [("authorization", bearer.as_str()), ("payment-signature", &signed(&made, 1))];
    let extended = ask(&world, "POST", "/api/v1/access/door-1/extend", &paid, "");
    assert_eq!((extended.status, &extended.body["sessionId"]), (200, &sold.body["sessionId"]));
    assert!(extended.body["endsAt"].as_str() > sold.body["endsAt"].as_str());
    // The same bytes buy no session of their own.
    let stolen = ask(&world, "POST", "/api/v1/access/door-1", &paid[1..], "");
    assert_eq!(stolen.status, 409, "{}", stolen.body);
    assert_eq!(world.charged(), 2);
}

#[test]
fn making_a_transaction_leaves_nothing_behind_inv_8() {
    let world = World::new();
    for who in 1..=20 {
        let made = transaction(&world, PATH, &[], &json!({ "account": account(who) }));
        assert_eq!((made.status, &made.body["quantity"]), (200, &json!(1)));
    }
    for table in ["journal", "head", "payment", "session", "fee_budget", "trust"] {
        assert_eq!(world.count(table), 0);
    }
}

#[test]
fn a_known_blockhash_saves_the_question_to_the_node() {
    let world = World::new();
    let recent =
        crate::svm::RecentBlockhash { blockhash: [5; 32], last_valid_block_height: 77, seen_at: world.now() };
    let header = recent.to_header();
    let made = transaction(&world, PATH, &[(RECENT_BLOCKHASH, &header)], &json!({ "account": account(1) }));
    assert_eq!(made.body["lastValidBlockHeight"], json!("77"));
    let bytes = from_base64(made.body["transaction"].as_str().unwrap()).unwrap();
    assert_eq!(Transaction::decode(&bytes).unwrap().message.blockhash, [5; 32]);
}

#[test]
fn a_wallet_that_cannot_sign_or_pay_here_is_refused_before_anything_is_made() {
    let world = World::new();
    let token_account = world.deployment.config.merchant.tokens[0].account.to_string();
    let merchant = world.deployment.config.merchant.pay_to.to_string();
    let fee_payer = world.fee_payers[0].to_string();
    for (account, what) in [
        (String::new(), "nothing"),
        ("nonsense".to_owned(), "no address"),
        ("0x52908400098527886E0F7030069857D2E4169EE7".to_owned(), "an address of another chain"),
        (token_account, "an address without a key"),
        (merchant, "the payee"),
        (fee_payer, "the fee payer"),
    ] {
        let refused = transaction(&world, PATH, &[], &json!({ "account": account }));
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("invalid_account")), "{what}");
        assert!(refused.body["detail"].as_str().unwrap().contains("Nothing was paid"), "{what}");
    }
}

#[test]
fn a_body_that_is_not_exactly_understood_makes_no_transaction() {
    let world = World::new();
    let account = account(1);
    for (body, code) in [
        (String::new(), "malformed_body"),
        ("[]".to_owned(), "malformed_body"),
        (format!(r#"["{account}", 1]"#), "malformed_body"),
        (r#"{"quantity": 1}"#.to_owned(), "malformed_body"),
        (format!(r#"{{"account": "{account}", "qty": 5}}"#), "malformed_body"),
        (format!(r#"{{"account": "{account}", "quantity": 1, "quantity": 2}}"#), "malformed_body"),
        (format!(r#"{{"account": "{account}", "quantity": "1"}}"#), "malformed_body"),
        (format!(r#"{{"account": "{account}", "quantity": null}}"#), "malformed_body"),
        (format!(r#"{{"account": "{account}", "quantity": 0}}"#), "invalid_quantity"),
        (format!(r#"{{"account": "{account}", "quantity": 241}}"#), "invalid_quantity"),
        (format!(r#"{{"account": "{account}", "token": "{account}"}}"#), "invalid_token"),
    ] {
        let refused = ask(&world, "POST", PATH, &[], &body);
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)), "{body}");
    }
    let query =
        ask(&world, "POST", &format!("{PATH}?quantity=5"), &[], &json!({"account": account}).to_string());
    assert_eq!((query.status, &query.body["code"]), (400, &json!("unknown_parameter")));
}

#[test]
fn an_asset_that_is_not_for_sale_has_no_transaction() {
    let mut world = World::new();
    world.deployment.config.assets[0].enabled = false;
    let refused = transaction(&world, PATH, &[], &json!({ "account": account(1) }));
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("asset_disabled")));
    let missing =
        transaction(&world, "/api/v1/access/none/transaction", &[], &json!({"account": account(1)}));
    assert_eq!(missing.status, 404);
}
