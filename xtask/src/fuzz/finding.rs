//! Reads what libFuzzer says, and writes its inputs as text.

/// The most lines of a failed target that are shown.
const MOST_LINES: usize = 40;

/// Returns how many inputs were tried.
pub(super) fn tried(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok())
}

/// Returns what a failed target said, without the lines about its progress.
pub(super) fn told(said: &str) -> String {
    let is_progress =
        |line: &&str| line.starts_with('#') || line.starts_with("stat::") || line.starts_with("INFO:");
    let lines: Vec<_> = said.lines().filter(|line| !is_progress(line) && !line.trim().is_empty()).collect();
    let from = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR:"));
    let shown = lines.into_iter().skip(from.unwrap_or_default()).take(MOST_LINES);
    shown.collect::<Vec<_>>().join("\n")
}

/// Returns lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal; `None` for anything else.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.chunks_exact(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libFuzzer writes to standard error.
    const SAID: &str = "INFO: seed 1\n#2\tINITED cov: 9\n\nthread '<unnamed>' panicked at tests/fuzz/src/ticket.rs:97:5:\nx\n==7== ERROR: libFuzzer: deadly signal\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 40\n";

    #[test]
    fn the_number_of_inputs_is_read_and_a_panic_is_shown() {
        assert_eq!(tried(SAID), Some(1_234));
        assert_eq!(tried("#2\tINITED"), None);
        let told = told(SAID);
        assert!(told.starts_with("thread '<unnamed>' panicked") && told.ends_with("deadly signal"), "{told}");
    }

    #[test]
    fn an_input_is_read_from_hexadecimal_as_it_was_written() {
        assert_eq!(hex(&[0, 0x7f, 0xff]), "007fff");
        assert_eq!(from_hex("007FfF"), Some(vec![0, 0x7f, 0xff]));
        assert_eq!(from_hex(""), Some(vec![]));
        for text in ["0", "0g", "+1", " 1", "０"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }
}
