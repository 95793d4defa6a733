//! Lighthouse's instructions, by their first byte.

/// The kinds of instruction that can carry an allowed assertion.
pub(super) const ACCOUNT_INFO: u8 = 5;
pub(super) const ACCOUNT_INFO_MULTI: u8 = 6;
pub(super) const TOKEN_ACCOUNT: u8 = 9;
pub(super) const TOKEN_ACCOUNT_MULTI: u8 = 10;
