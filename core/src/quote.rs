//! The quote that needs no storage: one priced offer, handed to the buyer as a
//! MAC'd string (the **ticket**) and taken back with the payment.
//!
//! The ticket never goes on chain. Its hash does, as the payment's memo: so the
//! payer's own signature binds the payment to exactly this quote, and the chain
//! shows nobody what was rented.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoding::{base64url, from_base64url, hex};
use crate::ids::{AssetId, SessionId};
use crate::keys::KeyRing;
use crate::money::Amount;
use crate::svm::{Address, Network, TokenProgram};
use crate::time::Timestamp;

/// How long a quote can be paid, in seconds.
pub const QUOTE_SECONDS: u64 = 300;

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// A new session.
    Access,
    /// More time for a session.
    Extend {
        /// Which one.
        session: SessionId,
    },
}

/// One priced offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Quote {
    /// What it buys.
    pub operation: Operation,
    /// Of which merchant.
    pub merchant: String,
    /// Of which asset.
    pub asset: AssetId,
    /// Of which asset of that id, if there were several in turn.
    pub incarnation: u64,
    /// How many units.
    pub quantity: u64,
    /// How many seconds they last.
    pub seconds: u64,
    /// What they cost.
    pub amount: Amount,
    /// In which mint.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The mint's token program.
    pub program: TokenProgram,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// On which network.
    pub network: Network,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// 128 random bits in hexadecimal: no two quotes are the same.
    pub nonce: String,
}

/// A quote as it is written: the operation's name and session beside the rest. (As one
/// flattened member it would be read twice, by way of a tree.)
#[derive(Serialize, Deserialize)]
struct Written {
    op: OperationName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    mer: String,
    ast: AssetId,
    inc: u64,
    qty: u64,
    sec: u64,
    amt: Amount,
    mint: Address,
    dec: u8,
    prg: TokenProgram,
    pay: Address,
    net: Network,
    exp: Timestamp,
    rnd: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OperationName {
    Access,
    Extend,
}

impl From<Quote> for Written {
    fn from(quote: Quote) -> Self {
        let (op, session) = match quote.operation {
            Operation::Access => (OperationName::Access, None),
            Operation::Extend { session } => (OperationName::Extend, Some(session)),
        };
        Self {
            op,
            session,
            mer: quote.merchant,
            ast: quote.asset,
            inc: quote.incarnation,
            qty: quote.quantity,
            sec: quote.seconds,
            amt: quote.amount,
            mint: quote.mint,
            dec: quote.decimals,
            prg: quote.program,
            pay: quote.pay_to,
            net: quote.network,
            exp: quote.expires_at,
            rnd: quote.nonce,
        }
    }
}

impl TryFrom<Written> for Quote {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let operation = match (written.op, written.session) {
            (OperationName::Access, None) => Operation::Access,
            (OperationName::Extend, Some(session)) => Operation::Extend { session },
            _ => return Err("an extension names its session, and access has none"),
        };
        Ok(Self {
            operation,
            merchant: written.mer,
            asset: written.ast,
            incarnation: written.inc,
            quantity: written.qty,
            seconds: written.sec,
            amount: written.amt,
            mint: written.mint,
            decimals: written.dec,
            program: written.prg,
            pay_to: written.pay,
            network: written.net,
            expires_at: written.exp,
            nonce: written.rnd,
        })
    }
}

/// A quote as the text that the buyer carries: `key id . quote . code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    /// Writes a quote as a ticket.
    #[must_use]
    pub fn seal(keys: &KeyRing, quote: &Quote) -> Self {
        let key = keys.ticket();
        let body = base64url(&serde_json::to_vec(quote).unwrap_or_default());
        let code = key.code(&[key.id.as_bytes(), b".", body.as_bytes()]);
        Self(format!("{}.{body}.{}", key.id, base64url(&code)))
    }

    /// A ticket as it came back, unverified.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The quote, if one of our keys made this ticket. Whether it has expired is
    /// another question.
    #[must_use]
    pub fn open(&self, keys: &KeyRing) -> Option<Quote> {
        let (signed, code) = self.0.rsplit_once('.')?;
        let (id, body) = signed.split_once('.')?;
        let key = keys.ticket_by_id(id)?;
        if !key.verifies(&[signed.as_bytes()], &from_base64url(code)?) {
            return None;
        }
        serde_json::from_slice(&from_base64url(body)?).ok()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The memo that goes on chain: 128 bits of the ticket's hash behind a letter,
    /// so that no client takes it for a number.
    #[must_use]
    pub fn memo(&self) -> String {
        let hash = Sha256::digest(self.0.as_bytes());
        format!("q{}", hex(hash.split_at(16).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;
    use crate::testkit::keys as known;

    fn quote() -> Quote {
        Quote {
            operation: Operation::Access,
            merchant: "main".to_owned(),
            asset: AssetId::parse("door-1").unwrap(),
            incarnation: 0,
            quantity: 3,
            seconds: 180,
            amount: Amount::new(30_000),
            mint: known::address(&known::numbered(1)),
            decimals: 6,
            program: TokenProgram::Spl,
            pay_to: known::address(&known::merchant()),
            network: Network::Devnet,
            expires_at: Timestamp::from_millis(1_000),
            nonce: hex(&[7; 16]),
        }
    }

    #[test]
    fn a_ticket_is_opened_by_the_keys_that_made_it_inv_1() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let extend =
            Quote { operation: Operation::Extend { session: SessionId::from_random([1; 16]) }, ..quote() };
        for quote in [quote(), extend] {
            let ticket = Ticket::seal(&KeyRing::new(&old, None), &quote);
            assert_eq!(ticket.open(&KeyRing::new(&old, None)), Some(quote.clone()));
            assert_eq!(ticket.open(&KeyRing::new(&new, Some(&old))), Some(quote));
            assert_eq!(ticket.open(&KeyRing::new(&new, None)), None);
        }
    }

    #[test]
    fn a_ticket_altered_in_any_bit_is_refused_inv_1() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let ticket = Ticket::seal(&keys, &quote());
        for position in 0..ticket.0.len() * 8 {
            let mut bytes = ticket.0.clone().into_bytes();
            bytes[position / 8] ^= 1 << (position % 8);
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert_eq!(Ticket(text).open(&keys), None, "bit {position}");
        }
        for text in
            ["", ".", "..", "a.b.c", &format!("{}x", ticket.0), ticket.0.trim_end_matches(|c| c != '.')]
        {
            assert_eq!(Ticket::from_text(text).open(&keys), None);
        }
    }

    #[test]
    fn memos_differ_with_every_quote_and_never_look_like_a_number() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let mut memos: Vec<_> = (0..100u8)
            .map(|n| Ticket::seal(&keys, &Quote { nonce: hex(&[n; 16]), ..quote() }).memo())
            .collect();
        assert!(memos.iter().all(|memo| memo.len() == 33 && memo.starts_with('q')));
        memos.sort();
        memos.dedup();
        assert_eq!(memos.len(), 100);
    }
}
