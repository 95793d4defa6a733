//! Formats a server's answer for a person to read.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// Returns JSON with line breaks and indentation, or `None` if it is not JSON.
///
/// It works on the text, so the order of the members and every digit of a number stay as they were sent.
pub(super) fn json(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let mut chars = text.chars().filter(|c| !matches!(c, '\n' | '\r' | '\t')).peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|next| *next == ' ').is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\n{:1$}", "", depth * 2);
}

/// Makes a server's text safe to print within a line: without control characters, and at most 300 characters long.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 300;
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = printable.clone().take(MOST).collect();
    if printable.count() > MOST {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_otherwise_unchanged() {
        let text = "{\"z\":1.0,\r\n \"a\" : [ ],\"b\":[1,{}],\"s\":\"{a: \\\"1, 2\\\\\\\"}\",\"n\":123456789012345678901}";
        let expected = "{\n  \"z\": 1.0,\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ],\n  \"s\": \"{a: \\\"1, 2\\\\\\\"}\",\n  \"n\": 123456789012345678901\n}";
        assert_eq!(json(text.as_bytes()).unwrap(), expected);
        assert_eq!(json(b"7").unwrap(), "7");
        for text in ["", "{", "hello", "{} {}"] {
            assert_eq!(json(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_strangers_words_stay_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}[2Jc"), "a b [2Jc");
        assert_eq!(quoted(&"x".repeat(301)).len(), 303);
    }
}
