//! The reader leaves nothing out: written again, a guard is the same bytes.

use proptest::prelude::*;

use super::*;

/// Returns the only spelling of a guard; `None` stands for a byte of a hash, which may be any.
fn spelling(kind: u8, level: u8, assertions: &[Assertion]) -> Vec<Option<u8>> {
    fn leb128(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(0x80 | (value.to_le_bytes()[0] & 0x7f));
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
        bytes
    }
    let mut all: Vec<Option<u8>> = vec![Some(kind), Some(level)];
    if [6, 10].contains(&kind) {
        all.extend(leb128(assertions.len() as u64).into_iter().map(Some));
    }
    for Assertion { number, operator, value, .. } in assertions {
        all.push(Some(*number));
        let value = match value {
            Value::Number(number) => number.to_le_bytes().to_vec(),
            Value::Byte(byte) => vec![*byte],
            Value::Address(address) => address.as_bytes().to_vec(),
            Value::Maybe(None) => vec![0],
            Value::Maybe(Some(address)) => [&[1], address.as_bytes().as_slice()].concat(),
            Value::Hash { start, length } => {
                all.extend([None; 32]);
                all.extend([leb128(*start), leb128(*length)].concat().into_iter().map(Some));
                continue;
            }
            Value::Nothing => continue,
        };
        all.extend(value.into_iter().chain([*operator]).map(Some));
    }
    all
}

proptest! {
    #[test]
    fn strange_bytes_never_panic_and_what_is_read_has_one_spelling(
        start in proptest::sample::select(vec![5u8, 6, 9, 10, 0, 255]),
        level in 0u8..8,
        rest in proptest::collection::vec(prop_oneof![3 => 0u8..9, 1 => any::<u8>()], 0..120),
    ) {
        let data = [vec![start, level], rest].concat();
        let mut assertions = Vec::new();
        let read = bytes::read(&data, |assertion| {
            assertions.push(assertion);
            Ok(())
        });
        if read.is_ok() {
            let spelling = spelling(start, level, &assertions);
            prop_assert_eq!(spelling.len(), data.len());
            prop_assert!(spelling.iter().zip(&data).all(|(known, byte)| known.is_none_or(|known| known == *byte)));
        }
        for account in ALL {
            let judged = spl(account, &data);
            prop_assert!(read.is_ok() || judged.is_err());
        }
    }
}
