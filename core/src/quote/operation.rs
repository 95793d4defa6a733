//! What a payment is for.

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Start a session.
    Access,
    /// Extend a session.
    Extend {
        /// The session's id.
        session: SessionId,
    },
}
