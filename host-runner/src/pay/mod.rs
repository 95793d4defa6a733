//! `coinop pay`: an x402 client.
//!
//! It sends a request. If the answer is a 402, it pays and sends the request again with the payment. It is
//! careful with money: it signs at most one payment, for no more than `--max`, and sends that same payment
//! again when an answer is lost.

mod address;
pub(crate) mod chain;
mod complaint;
mod deliver;
pub(crate) mod http;
mod limit;
mod payment;
mod payment_required;
mod pretty;
mod sign_in;
mod wallet;
mod when;

use std::path::PathBuf;

use coinop_core::svm::{Address, Network, SigningKey, TokenProgram, associated_token_account};
use coinop_core::x402::PAYMENT_REQUIRED;
use coinop_core::{Amount, Timestamp};
use serde_json::Value;
use ureq::http::Uri;

use complaint::Complaint;
use http::{HttpReply, HttpRequest};
use payment::PaymentDetails;
use payment_required::{PaymentRequired, PaymentRequirements};

/// Pays for what a URL offers (HTTP 402, x402) and prints the answer.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop pay 'https://coinop.example/api/v1/access/door-1?quantity=3'\n  coinop pay https://api.example/summary --json '{\"text\": \"...\"}' --max 0.05\n  coinop pay https://coinop.example/api/v1/access/door-1 --sign-in\n\nThe address of an asset's page is paid for at the asset's own address.\nThe answer goes to standard output, and what was paid to standard error.\nIt exits with 0 only if the server granted the request and the answer was printed in full. A web\npage that asks for no payment grants nothing."
)]
pub(crate) struct Args {
    /// The URL to request.
    url: String,
    /// The request's method; by default GET, or POST with --json.
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The JSON text to send as the request's body.
    #[arg(long, value_name = "BODY")]
    json: Option<String>,
    /// The file with the key that pays; by default ~/.config/solana/id.json.
    #[arg(long, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// The highest price to pay, in units of the token.
    #[arg(long, value_name = "AMOUNT", default_value = "1.00")]
    max: String,
    /// The mint of a token to pay in that is not known by name; may be repeated.
    #[arg(long = "token", value_name = "MINT")]
    tokens: Vec<Address>,
    /// The Solana RPC node to ask; by default the network's public one.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// A header to send with the request, as 'Name: value'; may be repeated.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Pay nothing: sign in with the wallet, and print its running session.
    #[arg(long)]
    sign_in: bool,
}

/// Runs `coinop pay`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let limit = limit::parse(&args.max)?;
    let ask = HttpRequest::new(&args.url, args.method.as_deref(), args.json.as_deref(), &args.headers)?;
    let first = ask.send_unpaid(None)?;
    let (ask, first) = address::leave_page(ask, first)?;
    if args.sign_in && matches!(first.status, 401 | 402) {
        return show_session(ask, first, &wallet::read(args.keypair.as_deref())?);
    }
    if first.status != 402 {
        return unpaid(first, ask.url());
    }
    let required = PaymentRequired::read(first.header(PAYMENT_REQUIRED), first.json())?;
    let offer = required.choose(&args.tokens)?;
    let rpc = args.rpc.as_deref().unwrap_or_else(|| chain::public_rpc(offer.network));
    let (decimals, program, symbol) = token(&offer, rpc)?;
    limit::check(limit, offer.amount, decimals, &symbol)?;
    let key = wallet::read(args.keypair.as_deref())?;
    let blockhash = match offer.blockhash {
        Some(blockhash) => blockhash,
        None => chain::blockhash(rpc).map_err(|error| rpc_trouble(offer.network, &error))?,
    };
    let facts = PaymentDetails { decimals, program, blockhash };
    let payment = payment::sign(&required, &offer, &facts, nonce()?, &key)?;
    let reply = deliver::deliver(&ask, &payment)?;
    if !reply.is_granted() {
        let short = if reply.status == 402 { shortage(&offer, &facts, &symbol, rpc, &key) } else { None };
        return Err(refused_because(short, &Complaint::of(&reply, ask.url())));
    }
    let price = format!("{} {symbol}", offer.amount.to_decimal(decimals));
    print_bought(reply, &offer, &price)
}

fn print_bought(reply: HttpReply, offer: &PaymentRequirements, price: &str) -> Result<(), String> {
    let settlement = reply.settlement().unwrap_or_default();
    let id = settlement.get("transaction").and_then(Value::as_str);
    let id = id.filter(|id| !id.is_empty()).map(pretty::quoted);
    let (pay_to, network) = (offer.pay_to, offer.network.name());
    match id {
        Some(id) => eprintln!("paid {price} to {pay_to} on {network}, transaction {id}"),
        None => eprintln!("paid {price} to {pay_to} on {network}; the server did not name the transaction"),
    }
    print_granted(reply)
}

/// Prints the answer, and until when what it grants belongs to the buyer, if it says so.
fn print_granted(reply: HttpReply) -> Result<(), String> {
    if let Some(said) = reply.json().and_then(|sale| yours_until(&sale, when::now(&reply))) {
        eprintln!("{said}");
    }
    reply.print()
}

fn yours_until(sale: &Value, now: Timestamp) -> Option<String> {
    let time = |name: &str| sale.get(name).and_then(Value::as_str).and_then(Timestamp::parse_rfc3339);
    let (starts_at, ends_at) = (time("startsAt").unwrap_or(now), time("endsAt")?);
    // The server's time has no fractions of a second: it may lie before the start.
    let now = now.max(starts_at);
    if ends_at <= now {
        return Some(format!("was yours until {}", when::clock(ends_at, now)));
    }
    Some(format!("yours until {}", when::until(ends_at, now)))
}

/// Says why the server refused the payment. An empty wallet is named first: servers seldom name it.
fn refused_because(short: Option<String>, complaint: &Complaint) -> String {
    match short {
        Some(short) if complaint.is_uncharged() => format!("{short} You were not charged."),
        Some(short) => format!("{short} The server refused the payment: {complaint}"),
        None => format!("the server refused the payment: {complaint}"),
    }
}

/// Returns the likeliest reason of a refusal, which servers seldom give: the wallet does not hold enough
/// money. Returns `None` if it does, or if the chain does not tell.
fn shortage(
    offer: &PaymentRequirements,
    facts: &PaymentDetails,
    symbol: &str,
    rpc: &str,
    key: &SigningKey,
) -> Option<String> {
    let wallet = Address::new(key.verifying_key().to_bytes());
    let source = associated_token_account(&wallet, &offer.mint, facts.program)?;
    let held = match chain::account(rpc, &source).ok()? {
        Some(account) => account.held()?,
        None => Amount::ZERO,
    };
    let decimal = |amount: Amount| amount.to_decimal(facts.decimals);
    (held < offer.amount).then(|| {
        let (held, price) = (decimal(held), decimal(offer.amount));
        format!("{wallet} holds {held} {symbol}, and the price is {price} {symbol}. Add funds to the wallet.")
    })
}

/// Handles an answer that asks for no payment.
fn unpaid(reply: HttpReply, url: &Uri) -> Result<(), String> {
    match reply.status {
        200..=299 => {
            eprintln!("the server asked for no payment; this command did not charge you");
            reply.print()
        }
        300..=399 => {
            let to = reply.header("location").map_or_else(|| "another URL".to_owned(), pretty::quoted);
            Err(format!(
                "the URL has moved to {to} (HTTP {}); this command did not charge you; request the new URL",
                reply.status
            ))
        }
        _ => Err(format!("the request failed: {}", Complaint::of(&reply, url).uncharged())),
    }
}

fn show_session(mut ask: HttpRequest, mut first: HttpReply, key: &SigningKey) -> Result<(), String> {
    if sign_in::challenge(&first).is_none() {
        ask = ask.for_sign_in()?;
        first = ask.send_unpaid(None)?;
    }
    let reply = sign_in::sign_in(&ask, &first, key)?;
    let address = Address::new(key.verifying_key().to_bytes());
    if reply.is_success() {
        eprintln!("signed in as {address}; this command did not charge you");
        return print_granted(reply);
    }
    if reply.status == 402 {
        return Err(format!(
            "{address} has no running session there; signing in did not charge you; \
             if an earlier payment is still being processed, do not pay again and sign in later"
        ));
    }
    Err(format!(
        "signing in as {address} failed: {}; if an earlier payment is still being processed, do not pay again",
        Complaint::of(&reply, ask.url()).uncharged()
    ))
}

/// Returns decimals, program and name of the token. They are known, or the chain is asked.
fn token(offer: &PaymentRequirements, rpc: &str) -> Result<(u8, TokenProgram, String), String> {
    if let Some(known) = &offer.token {
        return Ok((known.decimals, known.program, known.symbol.clone()));
    }
    let account = chain::account(rpc, &offer.mint).map_err(|error| rpc_trouble(offer.network, &error))?;
    let mint = account.and_then(|account| account.mint());
    let (decimals, program) = mint.ok_or_else(|| {
        format!("{} is not a token's mint on {}; you were not charged", offer.mint, offer.network.name())
    })?;
    Ok((decimals, program, offer.mint.to_string()))
}

fn rpc_trouble(network: Network, error: &str) -> String {
    let network = network.name();
    format!(
        "cannot read the {network} chain from the Solana node: {error}; you were not charged; \
         name another node with --rpc URL"
    )
}

fn nonce() -> Result<[u8; 16], String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the system gave no random numbers: {error}; you were not charged"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_the_buyers_until_its_end() {
        let now = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let sale = json!({ "startsAt": "2026-11-30T09:43:00.900Z", "endsAt": "2026-11-30T09:43:10.900Z" });
        let said = |at: &str| yours_until(&sale, now(at)).unwrap();
        // The header `Date` has no fractions of a second.
        assert_eq!(said("2026-11-30T09:43:00Z"), "yours until 09:43:10 UTC (10 seconds)");
        assert_eq!(said("2026-11-30T09:50:00Z"), "was yours until 09:43:10 UTC");
        assert_eq!(yours_until(&json!({ "ok": true }), now("2026-11-30T09:43:00Z")), None);
    }
}
