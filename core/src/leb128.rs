//! Unsigned LEB128: 7 bits in each byte, the lowest first, and only the shortest form.

/// Appends a number.
pub(crate) fn write(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads a number. Returns it with the remaining bytes; `None` if the bytes end early, the form is longer than
/// necessary, or the number does not fit.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            let shortest = shift == 0 || byte != 0;
            return shortest.then_some((number, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(read(&[0x7f, 9]), Some((127, &[9][..])));
        assert_eq!(read(&[0x80, 0x01]), Some((128, &[][..])));
        for bytes in [
            &[][..],
            &[0x80],
            &[0x80, 0x00],
            &[0xff; 10],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
        ] {
            assert_eq!(read(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            write(&mut bytes, number);
            bytes.extend(&behind);
            prop_assert_eq!(read(&bytes), Some((number, behind.as_slice())));
        }

        #[test]
        fn what_is_read_was_written_so(bytes: Vec<u8>) {
            if let Some((number, rest)) = read(&bytes) {
                let mut again = Vec::new();
                write(&mut again, number);
                again.extend(rest);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
