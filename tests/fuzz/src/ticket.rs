//! A ticket: it opens only as it was sealed, and gives the quote that was sealed.

use std::sync::LazyLock;

use coinop_core::bench::{Allowance, Offered, Operation, Quote, SvmExactOffered, Ticket};
use coinop_core::config::Config;
use coinop_core::svm::Address;
use coinop_core::testkit::keys;
use coinop_core::{Amount, AssetId, KeyRing, Secret, SessionId, Timestamp};
use serde_json::json;

use crate::input::Input;

static KEYS: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::new(&Secret::new([1; 32]), Some(&Secret::new([2; 32]))));
static STRANGERS_KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&Secret::new([3; 32]), None));

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    Config::from_json(&json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": { "pay_to": keys::address(&keys::merchant()), "tokens": ["USDC", "PYUSD"] },
        "solana": { "network": "devnet", "rpc_url": "http://127.0.0.1:8899" },
    }))
    .unwrap()
});

static FEE_PAYERS: LazyLock<[Address; 2]> =
    LazyLock::new(|| [keys::address(&keys::numbered(200)), keys::address(&keys::fee_payer())]);

/// The longest text of a ticket, as the format promises.
const LONGEST: usize = 220;
/// The longest time that is sold.
const LONGEST_SECONDS: u64 = 366 * 86_400;
/// A moment in the year 2400.
const LATEST: u64 = 13_600_000_000_000;

/// Returns any quote that a gateway could make.
fn quote(input: &mut Input<'_>) -> Quote {
    let flags = input.byte();
    let operation = if flags & 1 == 0 {
        Operation::Access
    } else {
        Operation::Extend { session: SessionId::from_bytes(input.array()) }
    };
    let offered = SvmExactOffered {
        token: CONFIG.merchant.tokens[usize::from(flags >> 1 & 1)].token.clone(),
        pay_to: CONFIG.merchant.pay_to,
        fee_payer: FEE_PAYERS[usize::from(flags >> 2 & 1)],
    };
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let length = 1 + usize::from(input.byte() % 64);
    let asset: String =
        (0..length).map(|_| char::from(letters[usize::from(input.byte()) % letters.len()])).collect();
    Quote {
        operation,
        asset: AssetId::parse(&asset).unwrap(),
        generation: input.number(),
        is_shared: flags & 8 != 0,
        quantity: input.number(),
        allowance: Allowance::Time { seconds: input.number() % (LONGEST_SECONDS + 1) },
        amount: Amount::new(input.number()),
        offered: Offered::SvmExact(offered),
        expires_at: Timestamp::from_millis(input.number() % LATEST),
        nonce: input.array(),
    }
}

fn open(text: &str) -> Option<Quote> {
    Quote::open(&Ticket::from_text(text), &KEYS, &CONFIG, &*FEE_PAYERS)
}

/// Opens any text, or seals any quote and opens its ticket, as it is and with changes.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.byte() & 1 == 0 {
        // Nobody but the gateway can make a ticket, so no text opens.
        let text = input.text();
        assert_eq!(open(&text), None, "{text}");
        return;
    }
    let quote = quote(&mut input);
    let ticket = quote.seal(&KEYS, &CONFIG).unwrap();
    assert!(ticket.as_str().len() <= LONGEST, "{}", ticket.as_str());
    assert_eq!(open(ticket.as_str()).as_ref(), Some(&quote));
    assert_eq!(Quote::open(&ticket, &STRANGERS_KEYS, &CONFIG, &*FEE_PAYERS), None);
    // The token, the payee and the fee payer have to be accepted still.
    assert_eq!(Quote::open(&ticket, &KEYS, &CONFIG, &[]), None);
    let altered = input.altered(ticket.as_str().as_bytes());
    let Ok(altered) = String::from_utf8(altered) else { return };
    assert_eq!(open(&altered).is_some(), altered == ticket.as_str(), "{altered}");
}
