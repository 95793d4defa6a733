//! Reads a fuzzer's bytes as choices.

/// The bytes of an input that are not used yet. At their end every further byte is 0.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

/// The most changes that [`Input::altered`] makes.
const MOST_CHANGES: usize = 8;

impl<'a> Input<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes one byte.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Takes up to `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Takes a number of two bytes.
    pub(crate) fn short(&mut self) -> usize {
        usize::from(u16::from_le_bytes(self.array()))
    }

    /// Takes a number. The first byte says how many bytes it has, so that small and large ones are equally likely.
    pub(crate) fn number(&mut self) -> u64 {
        let bytes = usize::from(self.byte() % 9);
        self.take(bytes).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Takes everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// Takes everything that is left, as text.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.rest()).into_owned()
    }

    /// Returns these bytes with the changes that the rest of the input says: bytes replaced, inserted,
    /// removed or copied, and numbers of seven bits a byte spelt longer than needed.
    pub(crate) fn altered(&mut self, honest: &[u8]) -> Vec<u8> {
        let mut bytes = honest.to_vec();
        for _ in 0..MOST_CHANGES {
            if self.rest.is_empty() {
                break;
            }
            let (kind, at) = (self.byte(), self.short() % (bytes.len() + 1));
            let count = usize::from(kind / 6 % 16) + 1;
            let end = (at + count).min(bytes.len());
            match kind % 6 {
                0 => {
                    let new = self.take(end - at);
                    bytes.splice(at..at + new.len(), new.iter().copied()).for_each(drop);
                }
                1 => {
                    let new = self.take(count);
                    bytes.splice(at..at, new.iter().copied()).for_each(drop);
                }
                2 => drop(bytes.drain(at..end)),
                3 => bytes.truncate(at),
                4 => {
                    if let Some(byte) = bytes.get_mut(at).filter(|byte| **byte < 0x80) {
                        *byte |= 0x80;
                        bytes.insert(at + 1, 0);
                    }
                }
                _ => {
                    let copied = bytes[at..end].to_vec();
                    let to = self.short() % (bytes.len() + 1);
                    bytes.splice(to..to, copied).for_each(drop);
                }
            }
        }
        bytes
    }
}
