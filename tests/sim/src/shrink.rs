//! Makes a plan smaller for as long as its world still fails in the same way.

use crate::plan::Plan;
use crate::run::run;

/// The most worlds that are tried.
const TRIES: usize = 300;

/// Returns the smallest plan found whose world fails like this one's.
pub(crate) fn shrink(plan: &Plan, why: &str) -> Plan {
    let kind = kind(why);
    let mut smallest = plan.clone();
    let mut left = TRIES;
    'again: loop {
        for smaller in smallest.smaller() {
            if left == 0 {
                return smallest;
            }
            left -= 1;
            if run(&smaller, false).is_err_and(|broken| self::kind(&broken.why) == kind) {
                smallest = smaller;
                continue 'again;
            }
        }
        return smallest;
    }
}

/// Returns what is the same in two failures of one kind: the words before the first number or id.
pub(crate) fn kind(why: &str) -> String {
    why.chars().take_while(|letter| *letter != ':' && !letter.is_ascii_digit()).collect()
}
