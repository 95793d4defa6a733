//! What the gateway says to its guardian.

/// One byte, from the gateway to its guardian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// The gateway works, and so do the workers of all devices.
    Beat,
    /// It serves.
    Ready,
    /// It was told to stop.
    Stopping,
    /// It is about to end. It has locked its devices, or has told the operator which it could not.
    Farewell,
}

impl Message {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Beat => b'.',
            Self::Ready => b'R',
            Self::Stopping => b'S',
            Self::Farewell => b'F',
        }
    }

    pub(super) fn read(byte: u8) -> Option<Self> {
        [Self::Beat, Self::Ready, Self::Stopping, Self::Farewell].into_iter().find(|m| m.byte() == byte)
    }
}
