//! The ways to pay as x402 names them: a scheme on a network.

use super::{EXACT, PayloadError, Version};
use crate::svm::Network;

/// A scheme on a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `exact` on Solana.
    SvmExact(Network),
    /// A test-only rail whose transactions get their id late.
    #[cfg(test)]
    LateId,
    /// A test-only purchase without a payment.
    #[cfg(test)]
    Unpaid,
}

impl Method {
    /// Returns all ways to pay that a gateway on this Solana network reads.
    fn all(network: Network) -> impl IntoIterator<Item = Self> {
        [
            Self::SvmExact(network),
            #[cfg(test)]
            Self::LateId,
            #[cfg(test)]
            Self::Unpaid,
        ]
    }

    /// Returns the scheme's name.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::SvmExact(_) => EXACT,
            #[cfg(test)]
            Self::LateId => "late",
            #[cfg(test)]
            Self::Unpaid => "unpaid",
        }
    }

    /// Returns the network's name in this version; `None` if the version has no name for it.
    #[must_use]
    pub const fn network(self, version: Version) -> Option<&'static str> {
        match (self, version) {
            (Self::SvmExact(network), Version::V1) => Some(network.v1_name()),
            (Self::SvmExact(network), Version::V2) => Some(network.caip2()),
            #[cfg(test)]
            (Self::LateId, Version::V2) => Some("test:late"),
            #[cfg(test)]
            (Self::Unpaid, Version::V2) => Some("test:nothing"),
            #[cfg(test)]
            (Self::LateId | Self::Unpaid, Version::V1) => None,
        }
    }

    /// Returns the way to pay with these names.
    ///
    /// # Errors
    /// `PayloadError::Scheme` if no way to pay has this scheme, otherwise `PayloadError::Network`.
    pub(super) fn named(
        version: Version,
        scheme: &str,
        network: &str,
        ours: Network,
    ) -> Result<Self, PayloadError> {
        let mut fault = PayloadError::Scheme;
        for method in Self::all(ours) {
            if method.scheme() == scheme {
                if method.network(version) == Some(network) {
                    return Ok(method);
                }
                fault = PayloadError::Network;
            }
        }
        Err(fault)
    }
}
