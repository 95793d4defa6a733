//! The reasons why a command is refused.

use crate::ids::SessionId;
use crate::time::Timestamp;

/// How long a caller is told to wait for a payment in flight, in milliseconds.
pub(super) const IN_FLIGHT_MS: u64 = 10_000;

/// After how long a device that does not answer has been looked at again, in milliseconds.
const LOOK_AGAIN_MS: u64 = 60_000;

/// Why a command is refused: the caller made a mistake, or the asset's state does not allow it now. Nothing was
/// charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Another session or payment has the asset, at least until `until`.
    Busy { until: Timestamp },
    /// The payer has the asset already, with this session, at least until `until`.
    Yours { session: SessionId, until: Timestamp },
    /// All seats of the shared asset are taken, at least until `until`.
    Full { until: Timestamp },
    /// The asset's device does not answer or cannot be unlocked. It is looked at again, at the latest at `until`.
    Unreachable { until: Timestamp },
    /// The session to be extended or stopped is no longer running.
    SessionOver,
    /// The session has nothing but a grant, which cannot be taken back.
    CannotStop,
    /// The extension is paid in another token than the session.
    OtherToken,
    /// The one-time code was used already, or a later one of the session was, or the session is no longer running.
    InvalidCode,
    /// The session has used as many one-time codes as it can.
    TooManyCodes,
    /// With the extension, the session would be longer than any may be.
    TooLong,
    /// The payer's payments failed too often lately, so that the payer has to wait until `until`.
    BackOff { until: Timestamp },
    /// The asset no longer exists, or there is another one under its id.
    Gone,
    /// The asset is not for sale now.
    Disabled,
    /// The asset's price has changed, and the payment shows no quote.
    PriceChanged,
    /// There is an asset of this id already.
    Exists,
    /// A session runs or a payment is in flight, at least until `until`.
    InUse { until: Timestamp },
    /// The asset is no longer as the caller saw it: the caller has to read it again.
    Outdated,
}

impl Reject {
    /// Returns the refusal of what a device cannot deliver now.
    #[must_use]
    pub(crate) const fn unreachable(now: Timestamp) -> Self {
        Self::Unreachable { until: now.plus_millis(LOOK_AGAIN_MS) }
    }
}
