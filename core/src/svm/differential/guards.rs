//! Which guards are allowed, written a second time in another way: guards are not parsed, but compared with
//! the bytes of everything that a guard may say.

use solana_address::Address;

/// The account that a guard concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    FeePayer,
    Payer,
    Source,
    Destination,
}

/// The consequences of an allowed guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether another payment from the same account could break it.
    pub(super) exclusive: bool,
    /// The least lamports that the fee payer must have.
    pub(super) floor: Option<u64>,
}

/// A piece of what is allowed.
#[derive(Clone)]
enum Piece {
    Exactly(Vec<u8>),
    AnyOf(&'static [u8]),
    Any(usize),
    /// A number of at least 165, in as few groups of seven bits as possible.
    AtLeast165,
}

impl Piece {
    /// Returns the length of this piece at the start of the bytes, if the piece matches.
    fn fits(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Exactly(exactly) => bytes.starts_with(exactly).then_some(exactly.len()),
            Self::AnyOf(any) => bytes.first().filter(|byte| any.contains(byte)).map(|_| 1),
            Self::Any(length) => (bytes.len() >= *length).then_some(*length),
            Self::AtLeast165 => {
                let length = 1 + bytes.iter().position(|byte| byte >> 7 == 0)?;
                let groups = bytes[..length].iter().rev();
                let value = groups.take(10).fold(0u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
                let right = length <= 10 && (165..=u128::from(u64::MAX)).contains(&value);
                (right && in_groups(value) == bytes[..length]).then_some(length)
            }
        }
    }
}

/// Returns a number in groups of seven bits, the lowest first.
fn in_groups(value: u128) -> Vec<u8> {
    let count = (128 - value.leading_zeros()).div_ceil(7).max(1);
    let group = |at: u32| (value >> (7 * at)).to_le_bytes()[0] & 0x7f;
    (0..count).map(|at| group(at) | if at + 1 < count { 0x80 } else { 0 }).collect()
}

/// Returns everything that a guard may say about an account, either as any account or as a token account. No
/// two sayings match the same bytes.
fn sayings(role: Role, of_token: bool, program: &Address, token_2022: bool) -> Vec<Vec<Piece>> {
    use Piece::{Any, AnyOf, AtLeast165, Exactly};
    let exactly = |bytes: &[u8]| Exactly(bytes.to_vec());
    let zero = || exactly(&[0]);
    let wallet = matches!(role, Role::FeePayer | Role::Payer);
    let mut all = Vec::new();
    match (wallet, of_token) {
        (true, true) => {}
        (true, false) => {
            all.push(vec![exactly(&[2; 1]), exactly(&[0; 33])]);
            all.push(vec![exactly(&[3, 0, 0])]);
            all.push(vec![exactly(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0])]);
            all.push(vec![zero(), Any(8), AnyOf(&[2, 4])]);
        }
        (false, false) => {
            all.push(vec![exactly(&[2]), exactly(program.as_ref()), zero()]);
            all.push(vec![exactly(&[3, if token_2022 { 2 } else { 1 }, 0])]);
            all.push(vec![exactly(&[1]), Any(8), zero()]);
            let whole = if token_2022 { AtLeast165 } else { exactly(&[0xa5, 0x01]) };
            if role == Role::Source {
                all.push(vec![exactly(&[8]), Any(32), zero(), whole]);
            }
        }
        (false, true) => {
            for authority in [3, 7] {
                all.push(vec![exactly(&[authority, 0, 0])]);
                all.push(vec![exactly(&[authority, 1]), Any(32), zero()]);
            }
            for address in [0, 1] {
                all.push(vec![exactly(&[address]), Any(32), zero()]);
            }
            all.push(vec![exactly(&[4]), Any(1), zero()]);
            all.push(vec![exactly(&[6]), Any(8), AnyOf(&[0, 5])]);
            all.push(vec![exactly(&[8])]);
            if role == Role::Source {
                all.push(vec![exactly(&[2]), Any(8), AnyOf(&[2, 4])]);
            }
        }
    }
    all
}

/// Returns the consequences of one saying, from its bytes.
fn facts(said: &[u8], role: Role, of_token: bool) -> Facts {
    match (role, of_token, said) {
        (Role::Source, true, [2, ..]) | (Role::Source, false, [8, ..]) => {
            Facts { exclusive: true, floor: None }
        }
        (Role::FeePayer, false, [0, value @ .., operator]) => {
            let value = u64::from_le_bytes(value.try_into().unwrap());
            Facts { exclusive: false, floor: value.checked_add(u64::from(*operator == 2)).or(Some(u64::MAX)) }
        }
        _ => Facts::default(),
    }
}

/// Splits all of the bytes into sayings. Returns their number and their consequences.
fn all_of(bytes: &[u8], allowed: &[Vec<Piece>], role: Role, of_token: bool) -> Option<(u128, Facts)> {
    let (mut rest, mut count, mut sum) = (bytes, 0, Facts::default());
    while !rest.is_empty() {
        let length = allowed.iter().find_map(|pieces| {
            pieces.iter().try_fold(0, |length, piece| Some(length + piece.fits(&rest[length..])?))
        })?;
        let facts = facts(&rest[..length], role, of_token);
        sum = Facts { exclusive: sum.exclusive || facts.exclusive, floor: sum.floor.max(facts.floor) };
        rest = &rest[length..];
        count += 1;
    }
    Some((count, sum))
}

/// Returns whether a guard has a kind and a log level that are allowed at all.
pub(super) fn has_form(data: &[u8]) -> bool {
    matches!(data, [5 | 6 | 9 | 10, 0 | 1 | 2 | 4 | 5, ..])
}

/// Returns the consequences of a guard of this form; `None` if it is not allowed.
pub(super) fn allowed(data: &[u8], role: Role, program: &Address, token_2022: bool) -> Option<Facts> {
    let (kind, body) = (*data.first()?, data.get(2..)?);
    let of_token = kind > 8;
    let sayings = sayings(role, of_token, program, token_2022);
    if kind == 5 || kind == 9 {
        return all_of(body, &sayings, role, of_token)
            .filter(|(count, _)| *count == 1)
            .map(|(_, facts)| facts);
    }
    // For each possible length of the count, checks whether it counts what follows.
    (1..=body.len().min(10)).find_map(|length| {
        let (count, sayings) = (&body[..length], all_of(&body[length..], &sayings, role, of_token));
        sayings.filter(|(said, _)| *said > 0 && in_groups(*said) == count).map(|(_, facts)| facts)
    })
}
