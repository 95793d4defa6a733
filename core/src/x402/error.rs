//! Why a payment header is refused before the payment itself is checked.

/// Why a payment header can't be read, or does not fit this gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// It is not base64, not JSON, or does not have the specified shape.
    Malformed,
    /// Its version is not that of the header's name.
    Version,
    /// No accepted way to pay has this scheme.
    Scheme,
    /// No accepted way to pay has this scheme on this network.
    Network,
}

impl PayloadError {
    /// Returns the stable reason (specification v2, section 9, and the SVM scheme's own).
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "invalid_payload",
            Self::Version => "invalid_x402_version",
            Self::Scheme => "unsupported_scheme",
            Self::Network => "invalid_exact_svm_network_mismatch",
        }
    }
}
