//! The line of the log about a refused payment. A host reads its reason to write fewer of them.

use std::fmt::Display;

use crate::ids::AssetId;

const BEGINNING: &str = "a payment for ";
const REASON: &str = " was refused (";

/// Returns the line that tells the operator of a refused payment.
pub(super) fn refusal_line(asset: &AssetId, reason: &str, cause: &dyn Display) -> String {
    format!("{BEGINNING}{asset}{REASON}{reason}): {cause}")
}

/// Returns the reason in the line about a refused payment; `None` if the line is about something else.
#[must_use]
pub fn refusal_reason(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix(BEGINNING)?.split_once(REASON)?;
    let (reason, _) = rest.split_once("): ")?;
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_read_from_the_line_that_is_written() {
        let line = refusal_line(&AssetId::parse("door-1").unwrap(), "insufficient_funds", &"a (b): c");
        assert_eq!(line, "a payment for door-1 was refused (insufficient_funds): a (b): c");
        assert_eq!(refusal_reason(&line), Some("insufficient_funds"));
        for other in ["a payment for door-1 failed: late", "sold door-1 for 1 USDC", "", "was refused (x): "]
        {
            assert_eq!(refusal_reason(other), None, "{other}");
        }
    }
}
