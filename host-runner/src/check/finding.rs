//! The result of one check.

/// The result of one check: a detail worth knowing, or what is wrong and what to do about it.
pub(super) type Finding = Result<String, String>;
