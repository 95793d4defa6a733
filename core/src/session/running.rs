//! The session that runs on an asset: who is inside, and until when.

use serde::{Deserialize, Serialize};

use super::claim::Paid;
use crate::ids::SessionId;
use crate::svm::Address;
use crate::time::{Monotonic, Now, Timestamp};

/// A session that occupies the asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who paid for it.
    pub payer: Address,
    /// The moment of the grant.
    pub starts_at: Timestamp,
    /// The end of the paid time.
    pub ends_at: Timestamp,
    /// The same end on the monotonic clock of the boot in which it was set: it
    /// holds when the wall clock jumps back.
    pub deadline: Option<Monotonic>,
    /// Everything bought so far.
    pub paid: Paid,
    /// The transaction that started it.
    pub signature: String,
}

impl Session {
    /// Whether the paid time is over: by the wall clock, or by the monotonic
    /// clock if it is the one that saw the session begin (invariant 4).
    #[must_use]
    pub fn is_over(&self, now: &Now) -> bool {
        now.wall >= self.ends_at || self.left_by_monotonic(now) == Some(0)
    }

    /// What is left of the paid time by the monotonic clock, in milliseconds; `None` if
    /// it is not the one that saw the session begin.
    #[must_use]
    pub fn left_by_monotonic(&self, now: &Now) -> Option<u64> {
        let (deadline, mono) = (self.deadline.as_ref()?, now.mono.as_ref()?);
        (deadline.boot == mono.boot).then(|| deadline.ms.saturating_sub(mono.ms))
    }
}
