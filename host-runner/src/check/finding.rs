//! What came of a try.

/// What came of one thing that was tried: something to know, or what is wrong
/// and what to do about it.
pub(super) type Finding = Result<String, String>;
