//! Why a payment header can't be read, or is for something else.

/// Why a payment header can't be read, or is for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Not base64, not JSON, or not of the specified shape.
    Malformed,
    /// Another version than its header says.
    Version,
    /// Another scheme than `exact`.
    Scheme,
    /// Another network than ours.
    Network,
}

impl PayloadError {
    /// The stable reason (specification v2, section 9, and the SVM scheme's own).
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
