//! The ticket as text. `sealed.rs` reads and writes its content.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoding::hex;
use crate::ids::SessionId;

/// 96 random bits that make each quote unique.
pub type Nonce = [u8; 12];

/// A quote as the text that the buyer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(String);

/// The id of a ticket: 128 bits of the hash of its text, in hexadecimal.
///
/// A sender who shows a text with this hash has the ticket itself, because its code can't be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(String);

impl TicketId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ticket {
    /// Takes a ticket as a client sent it. Nothing is verified.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the ticket's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the ticket's id.
    #[must_use]
    pub fn id(&self) -> TicketId {
        let hash = Sha256::digest(self.0.as_bytes());
        TicketId(hex(hash.split_at(16).0))
    }

    /// Returns the id of the session that the ticket starts, if the asset is shared.
    ///
    /// This id names the stream in which the payment is claimed. Two payments for the same ticket therefore meet in one
    /// stream, and one of them is refused. The id follows from the text alone, so that a repeat finds the stream even
    /// after the secret has changed. It can't be derived from the payment, because the chain does not show the ticket.
    #[must_use]
    pub(crate) fn session(&self) -> SessionId {
        let hash =
            Sha256::new().chain_update(b"coinop/1/session of ").chain_update(self.0.as_bytes()).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(hash.split_at(16).0);
        SessionId::from_bytes(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tickets_session_follows_from_its_text_and_says_nothing_of_its_name() {
        let (one, other) = (Ticket::from_text("one"), Ticket::from_text("other"));
        assert_eq!(one.session(), Ticket::from_text("one").session());
        assert_ne!(one.session(), other.session());
        assert!(!one.session().as_str().contains(one.id().as_str()));
    }
}
