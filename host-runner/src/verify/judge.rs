//! Whether a grant is in force.

use coinop_core::Timestamp;
use coinop_core::grant::Grant;

/// Tells whether the grant is in force. Its end counts in milliseconds, its start in whole seconds.
pub(super) fn judge(grant: &Grant, at: Timestamp) -> Result<String, String> {
    let from = Timestamp::from_millis(grant.nbf.saturating_mul(1000));
    let until = Timestamp::from_millis(grant.ends_at_ms);
    if at < from {
        return Err(format!("not valid at {at}: it begins in {}", span(from.millis_since(at))));
    }
    if at >= until {
        return Err(format!("not valid at {at}: it ended {} earlier", span(at.millis_since(until))));
    }
    Ok(format!("valid    at {at}, for another {}", span(until.millis_since(at))))
}

/// Formats a length of time in its two largest units.
fn span(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
