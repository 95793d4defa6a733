//! The quote as a short text that only this gateway can make.
//!
//! ```text
//! base64url( version 1 | key id 4 | body | code 16 )
//! body: flags, session 16 of an extension, asset (length, text), generation,
//!       quantity, allowance, amount, expiry in ms, nonce 12, what is offered
//! flags: bit 0 an extension, bit 1 a shared asset, bits 2 and 3 the kind of the
//!        allowance, bits 4 to 7 the rail
//! ```
//!
//! Numbers are LEB128 in their shortest form. What is offered is the payee, the token and the fee payer. Its rail
//! writes just enough of it to find it again among the ways to pay that the deployment accepts. The code covers all of
//! it, and also the network and the merchant. With the longest ids and the largest numbers of any real quote, the text
//! has at most 220 characters.

use super::{Nonce, Operation, Quote, Ticket};
use crate::config::Config;
use crate::encoding::{base64url, from_base64url};
use crate::error::EncodeError;
use crate::ids::{AssetId, SessionId};
use crate::keys::KeyRing;
use crate::leb128;
use crate::money::Amount;
use crate::rail::Offered;
use crate::session::Allowance;
use crate::svm::Address;
use crate::time::Timestamp;
use crate::x402::Version;

/// The greatest length of a ticket of a real quote, in characters.
#[cfg(test)]
const MAX_CHARACTERS: usize = 220;

const VERSION: u8 = 1;
/// The length of the code, in bytes.
const CODE: usize = 16;
/// The length of a key's id, in bytes.
const KEY_ID: usize = 4;
/// The flag of an extension. The session's id follows the flags.
const EXTENDS: u8 = 1;
/// The flag of a shared asset.
const SHARED: u8 = 2;
/// The position of the allowance's kind in the flags.
const ALLOWANCE: u8 = 2;
/// The position of the rail in the flags.
const RAIL: u8 = 4;

impl Quote {
    /// Returns the quote as a ticket of this deployment.
    ///
    /// # Errors
    /// Returns an error if a part of the quote does not fit into the format. There is no ticket then.
    pub fn seal(&self, keys: &KeyRing, config: &Config) -> Result<Ticket, EncodeError> {
        let key = keys.ticket();
        let mut bytes = vec![VERSION];
        bytes.extend(key.short_id);
        write(&mut bytes, self)?;
        let covered = covered(config, &self.offered)?;
        let code = key.code(&[&bytes, &covered]);
        bytes.extend(code);
        Ok(Ticket::from_text(base64url(&bytes)))
    }

    /// Returns whether a ticket claims to be for a shared asset; `None` if it does not have the form of a ticket.
    ///
    /// Nothing is verified. Use it only to look up what the ticket may have bought.
    #[must_use]
    pub(crate) fn claims_to_be_shared(ticket: &Ticket) -> Option<bool> {
        let bytes = from_base64url(ticket.as_str())?;
        Some(Parts::read(&bytes)?.body.is_shared)
    }

    /// Returns the quote of a ticket, if this deployment made the ticket and still accepts the way to pay that it
    /// names.
    ///
    /// The expiry is not checked.
    #[must_use]
    pub fn open(ticket: &Ticket, keys: &KeyRing, config: &Config, fee_payers: &[Address]) -> Option<Self> {
        let bytes = from_base64url(ticket.as_str())?;
        let Parts { signed, code, key_id, body } = Parts::read(&bytes)?;
        let key = keys.ticket_by_short_id(key_id)?;
        let Body { rail, is_shared, operation, asset, numbers, allowance, nonce, offered } = body;
        let offered = Offered::named(rail, offered, config, fee_payers).into_iter().find(|offered| {
            covered(config, offered).is_ok_and(|covered| key.verifies(&[signed, &covered], code))
        })?;
        let [generation, quantity, amount, expires_at] = numbers;
        Some(Self {
            operation,
            asset,
            generation,
            is_shared,
            quantity,
            allowance,
            amount: Amount::new(amount),
            offered,
            expires_at: Timestamp::from_millis(expires_at),
            nonce,
        })
    }
}

/// Returns what the code covers in addition to the ticket's own bytes. Each part has a fixed length, or is preceded by
/// its length.
fn covered(config: &Config, offered: &Offered) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(256);
    let network = offered.method(config).network(Version::V2).unwrap_or_default();
    for text in [offered.rail(), &config.merchant.id, network] {
        let length = u64::try_from(text.len()).map_err(|_| EncodeError("a text's length"))?;
        leb128::write(&mut bytes, length);
        bytes.extend(text.as_bytes());
    }
    offered.write_whole(&mut bytes);
    Ok(bytes)
}

fn write(bytes: &mut Vec<u8>, quote: &Quote) -> Result<(), EncodeError> {
    let shared = if quote.is_shared { SHARED } else { 0 };
    let (kind, parts) = parts_of(quote.allowance);
    let flags = shared | kind << ALLOWANCE | quote.offered.number() << RAIL;
    match &quote.operation {
        Operation::Access => bytes.push(flags),
        Operation::Extend { session } => {
            bytes.push(flags | EXTENDS);
            bytes.extend(session.to_bytes()?);
        }
    }
    let asset = quote.asset.as_str().as_bytes();
    // An asset's id has at most 64 bytes.
    bytes.push(u8::try_from(asset.len()).map_err(|_| EncodeError("an asset's id"))?);
    bytes.extend(asset);
    let mut number = |number| leb128::write(bytes, number);
    number(quote.generation);
    number(quote.quantity);
    parts.into_iter().flatten().for_each(&mut number);
    number(quote.amount.atomic());
    number(quote.expires_at.millis());
    bytes.extend(quote.nonce);
    quote.offered.write(bytes);
    Ok(())
}

/// Returns the kind of an allowance, which is below 4, and its numbers.
const fn parts_of(allowance: Allowance) -> (u8, [Option<u64>; 2]) {
    match allowance {
        Allowance::Time { seconds } => (0, [Some(seconds), None]),
        #[cfg(test)]
        Allowance::FromFirstUnlock { seconds, start_within } => (1, [Some(seconds), Some(start_within)]),
    }
}

/// Reads the numbers of an allowance of this kind.
fn allowance(kind: u8, mut number: impl FnMut() -> Option<u64>) -> Option<Allowance> {
    match kind {
        0 => Some(Allowance::Time { seconds: number()? }),
        #[cfg(test)]
        1 => Some(Allowance::FromFirstUnlock { seconds: number()?, start_within: number()? }),
        _ => None,
    }
}

/// A ticket taken apart. Nothing is verified.
struct Parts<'t> {
    /// Everything before the code.
    signed: &'t [u8],
    code: &'t [u8; CODE],
    key_id: &'t [u8; KEY_ID],
    body: Body<'t>,
}

impl<'t> Parts<'t> {
    /// Reads a ticket's bytes; `None` unless all of them fit the format.
    fn read(bytes: &'t [u8]) -> Option<Self> {
        let (signed, code) = bytes.split_last_chunk()?;
        let (&VERSION, rest) = signed.split_first()? else { return None };
        let (key_id, body) = rest.split_first_chunk()?;
        Some(Self { signed, code, key_id, body: Body::read(body)? })
    }
}

/// The part of a ticket between the key's id and the code.
struct Body<'t> {
    /// The rail's number.
    rail: u8,
    is_shared: bool,
    operation: Operation,
    asset: AssetId,
    /// Generation, quantity, amount and expiry.
    numbers: [u64; 4],
    allowance: Allowance,
    nonce: Nonce,
    /// What is offered, as its rail writes it.
    offered: &'t [u8],
}

impl<'t> Body<'t> {
    /// Reads a body; `None` unless all of its bytes fit the format.
    fn read(bytes: &'t [u8]) -> Option<Self> {
        let (&flags, mut rest) = bytes.split_first()?;
        let operation = if flags & EXTENDS == 0 {
            Operation::Access
        } else {
            let (session, behind) = rest.split_first_chunk::<16>()?;
            rest = behind;
            Operation::Extend { session: SessionId::from_bytes(*session) }
        };
        let (&length, behind) = rest.split_first()?;
        let (asset, behind) = behind.split_at_checked(usize::from(length))?;
        let asset = AssetId::parse(std::str::from_utf8(asset).ok()?)?;
        rest = behind;
        let mut number = || {
            let (number, behind) = leb128::read(rest)?;
            rest = behind;
            Some(number)
        };
        let (generation, quantity) = (number()?, number()?);
        let allowance = allowance(flags >> ALLOWANCE & 3, &mut number)?;
        let numbers = [generation, quantity, number()?, number()?];
        let (nonce, offered) = rest.split_first_chunk::<12>()?;
        let (rail, is_shared) = (flags >> RAIL, flags & SHARED != 0);
        Some(Self { rail, is_shared, operation, asset, numbers, allowance, nonce: *nonce, offered })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::keys::Secret;
    use crate::rail::svm_exact;
    use crate::session::MAX_SECONDS;
    use crate::svm::Network;
    use crate::testkit::keys as known;

    fn config() -> Config {
        Config::from_json(&json!({
            "public_url": "http://127.0.0.1:8402",
            "merchant": { "pay_to": known::address(&known::merchant()), "tokens": ["USDC", "PYUSD"] },
            "solana": { "network": "devnet", "rpc_url": "http://127.0.0.1:8899" },
        }))
        .unwrap()
    }

    fn fee_payers() -> Vec<Address> {
        vec![known::address(&known::numbered(200)), known::address(&known::fee_payer())]
    }

    fn quote() -> Quote {
        Quote {
            operation: Operation::Access,
            asset: AssetId::parse("door-1").unwrap(),
            generation: 0,
            is_shared: false,
            quantity: 3,
            allowance: Allowance::Time { seconds: 180 },
            amount: Amount::new(30_000),
            offered: offered(0),
            expires_at: Timestamp::from_millis(1_795_165_429_123),
            nonce: [7; 12],
        }
    }

    /// Returns what is offered in the token with this index.
    fn offered(token: usize) -> Offered {
        Offered::SvmExact(svm_exact::Offered {
            token: config().merchant.tokens[token].token.clone(),
            pay_to: known::address(&known::merchant()),
            fee_payer: known::address(&known::fee_payer()),
        })
    }

    fn extension() -> Quote {
        let session = SessionId::from_bytes([9; 16]);
        Quote { operation: Operation::Extend { session }, offered: offered(1), ..quote() }
    }

    /// Returns one quote of each kind.
    fn quotes() -> [Quote; 6] {
        let unstarted = Allowance::FromFirstUnlock { seconds: 60, start_within: 600 };
        [
            quote(),
            extension(),
            Quote { is_shared: true, ..quote() },
            Quote { is_shared: true, allowance: unstarted, ..extension() },
            Quote { offered: Offered::LateId, ..quote() },
            Quote { is_shared: true, offered: Offered::Unpaid, ..quote() },
        ]
    }

    #[test]
    fn a_ticket_is_opened_by_the_keys_that_made_it_inv_1() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        for quote in quotes() {
            let ticket = quote.seal(&KeyRing::new(&old, None), &config()).unwrap();
            let open = |keys: KeyRing| Quote::open(&ticket, &keys, &config(), &fee_payers());
            assert_eq!(open(KeyRing::new(&old, None)), Some(quote.clone()));
            assert_eq!(open(KeyRing::new(&new, Some(&old))), Some(quote));
            assert_eq!(open(KeyRing::new(&new, None)), None);
        }
    }

    #[test]
    fn a_ticket_opens_only_where_everything_it_promised_still_holds_inv_1() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let ticket = quote().seal(&keys, &config()).unwrap();
        assert!(Quote::open(&ticket, &keys, &config(), &fee_payers()).is_some());
        assert_eq!(Quote::open(&ticket, &keys, &config(), &fee_payers()[..1]), None, "another fee payer");
        let altered = |change: fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            Quote::open(&ticket, &keys, &config, &fee_payers())
        };
        assert_eq!(altered(|config| config.merchant.id = "other".to_owned()), None);
        assert_eq!(altered(|config| config.merchant.pay_to = known::address(&known::numbered(3))), None);
        assert_eq!(altered(|config| config.network = Network::Testnet), None);
        assert_eq!(altered(|config| config.merchant.tokens[0].token.decimals = 9), None);
        assert_eq!(altered(|config| drop(config.merchant.tokens.remove(0))), None);
        // The addresses begin with the same bytes, so only the code tells them apart.
        let mut twin = *known::address(&known::fee_payer()).as_bytes();
        twin[31] ^= 1;
        assert_eq!(Quote::open(&ticket, &keys, &config(), &[Address::new(twin)]), None);
    }

    #[test]
    fn a_ticket_altered_in_any_bit_is_refused_inv_1() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        for quote in quotes() {
            let ticket = quote.seal(&keys, &config()).unwrap();
            for bit in 0..ticket.as_str().len() * 8 {
                let mut bytes = ticket.as_str().to_owned().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert_eq!(
                    Quote::open(&Ticket::from_text(text), &keys, &config(), &fee_payers()),
                    None,
                    "bit {bit}"
                );
            }
            for end in 0..ticket.as_str().len() {
                let cut = Ticket::from_text(&ticket.as_str()[..end]);
                assert_eq!(Quote::open(&cut, &keys, &config(), &fee_payers()), None, "cut at {end}");
            }
            let longer = Ticket::from_text(format!("{}AAAA", ticket.as_str()));
            assert_eq!(Quote::open(&longer, &keys, &config(), &fee_payers()), None);
        }
    }

    #[test]
    fn the_longest_ticket_fits_into_220_characters() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let longest = Quote {
            asset: AssetId::parse(&"a".repeat(64)).unwrap(),
            generation: u64::MAX,
            quantity: u64::MAX,
            allowance: Allowance::Time { seconds: MAX_SECONDS },
            amount: Amount::new(u64::MAX),
            // In the year 2400.
            expires_at: Timestamp::from_millis(13_600_000_000_000),
            ..extension()
        };
        let ticket = longest.seal(&keys, &config()).unwrap();
        assert!(ticket.as_str().len() <= MAX_CHARACTERS, "{}", ticket.as_str().len());
        assert_eq!(Quote::open(&ticket, &keys, &config(), &fee_payers()), Some(longest));
        let usual = quote().seal(&keys, &config()).unwrap();
        assert!(usual.as_str().len() <= 100, "{}", usual.as_str().len());
    }
}
