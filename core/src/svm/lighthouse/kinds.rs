//! Lighthouse's instructions, by their first byte.

/// Kinds of instruction that carry assertions of which some are allowed.
pub(super) const ACCOUNT_INFO: u8 = 5;
pub(super) const ACCOUNT_INFO_MULTI: u8 = 6;
pub(super) const TOKEN_ACCOUNT: u8 = 9;
pub(super) const TOKEN_ACCOUNT_MULTI: u8 = 10;
