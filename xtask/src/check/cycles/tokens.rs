//! Splits a source file into words and signs.

/// Returns a text's words and signs without comments and literals.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            string(rest)
        } else if first == '\'' {
            character(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else {
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            let token = rest.get(..length).unwrap_or_default();
            if !token.trim().is_empty() {
                found.push(token.to_owned());
            }
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// Returns the length of a character literal, or of the mark of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let behind = at + escaped.len_utf8();
            rest.get(behind..).and_then(|rest| rest.find('\'')).map_or(rest.len(), |end| behind + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn raw_string(rest: &str) -> Option<usize> {
    let text = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let marks = text.find(|c| c != '#')?;
    let inner = text.get(marks..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marks));
    Some(rest.len() - inner.len() + inner.find(&end)? + end.len())
}

/// Removes each item under `#[cfg(test)]`.
pub(super) fn without_tests(tokens: &[String]) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if tokens.get(at..at + TEST.len()).is_some_and(|these| these == TEST) {
            at = end_of_item(tokens, at + TEST.len());
        } else {
            kept.push(token.clone());
            at += 1;
        }
    }
    kept
}

/// Returns the position after the item that begins here: after its semicolon, its comma or its last brace.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && [";", ",", "}"].contains(&token.as_str()) {
            break;
        }
    }
    at
}
