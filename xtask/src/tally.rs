//! Adds up what test runners report.

use std::fmt;
use std::ops::AddAssign;

use crate::text;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    /// Tests that failed or could not run.
    pub(crate) failed: u32,
    /// Tests that were not run, on purpose.
    pub(crate) skipped: u32,
}

impl Tally {
    pub(crate) const PASS: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAIL: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// Returns how many tests really ran.
    pub(crate) fn ran(self) -> u32 {
        self.passed.saturating_add(self.failed)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Reads the line that cargo's test harness prints at the end of each program: `test result: ok. 3 passed; 0
/// failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
pub(crate) fn cargo_line(line: &str) -> Option<Tally> {
    let line = text::plain(line);
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    let mut seen = 0;
    for part in counts.split(';') {
        let Some((number, word)) = part.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        match word {
            "passed" => tally.passed = number,
            "failed" => tally.failed = number,
            "ignored" => tally.skipped = number,
            _ => continue,
        }
        seen += 1;
    }
    (seen == 3).then_some(tally)
}

/// Tells whether `line` has the form of the closing line, `3 passed, 0 failed`.
pub(crate) fn is_closing_line(line: &str) -> bool {
    let words = ["passed", "failed", "skipped"];
    let line = text::plain(line);
    let parts: Vec<&str> = line.trim().split(", ").collect();
    (2..=3).contains(&parts.len())
        && parts.iter().zip(words).all(|(part, word)| {
            part.split_once(' ').is_some_and(|(number, rest)| rest == word && number.parse::<u32>().is_ok())
        })
}

/// The words of Node's closing block, in the order of its reporters: `# pass 3` (TAP) or `ℹ pass 3` (spec).
const NODE: [&str; 7] = ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"];

/// Reads Node's closing block line by line. A test can print lines with the same mark to the same output, so
/// only the whole block in its order counts.
#[derive(Default)]
pub(crate) struct NodeReader {
    numbers: Vec<u32>,
}

impl NodeReader {
    /// Returns the block's tally if `line` is its last line.
    pub(crate) fn line(&mut self, line: &str) -> Option<Tally> {
        let line = text::plain(line);
        let entry = line
            .strip_prefix("# ")
            .or_else(|| line.strip_prefix("ℹ "))
            .and_then(|rest| rest.trim_end().split_once(' '))
            .and_then(|(word, number)| Some((word, number.parse::<u32>().ok()?)));
        match entry {
            Some((word, number)) if NODE.get(self.numbers.len()) == Some(&word) => self.numbers.push(number),
            Some((word, number)) if NODE.first() == Some(&word) => self.numbers = vec![number],
            _ => self.numbers.clear(),
        }
        let &[_, _, passed, failed, cancelled, skipped, todo] = self.numbers.as_slice() else { return None };
        self.numbers.clear();
        Some(Tally {
            passed,
            failed: failed.saturating_add(cancelled),
            skipped: skipped.saturating_add(todo),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Vec<Tally> {
        let mut reader = NodeReader::default();
        text.lines().filter_map(|line| reader.line(line)).collect()
    }

    #[test]
    fn cargo_results_are_read() {
        let line =
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s";
        assert_eq!(cargo_line(line), Some(Tally { passed: 12, failed: 0, skipped: 1 }));
        let line = "test result: \u{1b}[31mFAILED\u{1b}[m. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(cargo_line(line), Some(Tally { passed: 1, failed: 2, skipped: 0 }));
        for other in ["test result: maybe", "test a ... ok", "running 3 tests", ""] {
            assert_eq!(cargo_line(other), None, "{other}");
        }
    }

    #[test]
    fn node_results_are_read_in_both_forms() {
        let tap = "1..2\n# tests 6\n# suites 1\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 1\n# duration_ms 5.1\n";
        let wanted = Tally { passed: 2, failed: 2, skipped: 2 };
        assert_eq!(node(tap), [wanted]);
        let spec = tap.replace("# ", "\u{1b}[34mℹ ").replace('\n', "\u{1b}[39m\n");
        assert_eq!(node(&spec), [wanted]);
    }

    #[test]
    fn what_a_test_prints_is_no_result() {
        assert_eq!(node("# pass 100\n# fail 0\n# skipped 3\n# todo 1\n"), []);
        let block = "# tests 1\n# suites 0\n# pass 1\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n";
        assert_eq!(node(&format!("# tests 4\n{block}")).len(), 1);
        assert_eq!(node(&format!("{block}{block}")).len(), 2);
    }

    #[test]
    fn a_closing_line_is_recognised() {
        for line in ["3 passed, 0 failed", "3 passed, 1 failed, 2 skipped", " 0 passed, 0 failed "] {
            assert!(is_closing_line(line), "{line}");
        }
        for line in [
            "3 passed",
            "ok: 3 passed, 0 failed",
            "3 passed, 0 failed!",
            "test result: ok. 3 passed; 0 failed",
        ] {
            assert!(!is_closing_line(line), "{line}");
        }
    }

    #[test]
    fn the_closing_line_names_skips_only_when_there_are_any() {
        assert_eq!(Tally { passed: 3, failed: 0, skipped: 0 }.to_string(), "3 passed, 0 failed");
        assert_eq!(Tally { passed: 3, failed: 1, skipped: 2 }.to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
