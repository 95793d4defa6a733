//! The x402 wire types, versions 1 and 2, and their HTTP headers.
//!
//! Source: `x402-specification-v1.md`, `x402-specification-v2.md` (section 5), `transports-v1/http.md`,
//! `transports-v2/http.md`. Unknown members are ignored when reading, and never written.

mod error;
mod method;
mod payment;
mod presentation;
mod required;
mod shape;

pub(crate) use error::PayloadError;
pub use method::Method;
pub use payment::{Accepted, Payload, PaymentPayload, SettlementResponse};
pub(crate) use presentation::Presentation;
pub(crate) use required::{
    Extra, PaymentRequired, PaymentRequirements, SvmExactExtra, accepted, v1_body, v2_header,
};

/// The v2 header of a 402: base64 of a `PaymentRequired`.
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// The v2 header of a payment: base64 of a `PaymentPayload`.
pub const PAYMENT_SIGNATURE: &str = "payment-signature";
/// The v2 header of an answer to a payment: base64 of a `SettlementResponse`.
pub const PAYMENT_RESPONSE: &str = "payment-response";
/// The v1 header of a payment.
pub const X_PAYMENT: &str = "x-payment";
/// The v1 header of an answer to a payment.
pub const X_PAYMENT_RESPONSE: &str = "x-payment-response";
/// The header of a sign-in-with-x proof.
pub const SIGN_IN_WITH_X: &str = "sign-in-with-x";

/// The scheme in which exactly the requested amount is paid.
pub const EXACT: &str = "exact";

/// The version of x402 that a payment uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1, with the header `X-PAYMENT`.
    V1,
    /// Version 2, with the header `PAYMENT-SIGNATURE`.
    V2,
}
