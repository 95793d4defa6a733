//! Comma-separated values (RFC 4180), safe to open in a spreadsheet.

/// Returns a line with its line break.
pub(super) fn line(fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    format!("{}\r\n", fields.join(","))
}

/// Returns a field, in quotes if it needs them.
///
/// A spreadsheet takes a text that begins with `=`, `+`, `-` or `@` for a formula, and ignores white space before it.
/// Such a text gets an apostrophe, which makes it text. So does one that begins with a tab or a line break.
fn field(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
    let is_risky = is_formula || text.starts_with(['\t', '\r', '\n']);
    let text = if is_risky { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one line by the grammar of RFC 4180.
    fn read(line: &str) -> Option<Vec<String>> {
        let mut rest = line.strip_suffix("\r\n")?;
        let mut fields = Vec::new();
        loop {
            let (field, after) = match rest.strip_prefix('"') {
                Some(quoted) => read_quoted(quoted)?,
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    let (plain, after) = rest.split_at(end);
                    if plain.contains(['"', '\r', '\n']) {
                        return None;
                    }
                    (plain.to_owned(), after)
                }
            };
            fields.push(field);
            if after.is_empty() {
                return Some(fields);
            }
            rest = after.strip_prefix(',')?;
        }
    }

    /// Reads up to the closing quote, and returns what follows it.
    fn read_quoted(text: &str) -> Option<(String, &str)> {
        let (mut field, mut rest) = (String::new(), text);
        loop {
            let (before, after) = rest.split_once('"')?;
            field.push_str(before);
            match after.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    rest = more;
                }
                None => return Some((field, after)),
            }
        }
    }

    fn any_field() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ =+@\t\r\n\",a-z-]{0,8}",
            "\\PC{0,12}",
            Just("=HYPERLINK(\"http://x\",\"y\")".to_owned())
        ]
    }

    #[test]
    fn a_formula_behind_white_space_is_text_too() {
        for (given, written) in [
            ("=1", "'=1"),
            (" =1", "' =1"),
            ("\t@SUM(A1)", "'\t@SUM(A1)"),
            ("\u{a0}+1", "'\u{a0}+1"),
            ("\u{3000}-1", "'\u{3000}-1"),
            ("\r=1", "\"'\r=1\""),
            ("1 = 1", "1 = 1"),
            (" lamp", " lamp"),
            ("＝1", "＝1"),
        ] {
            assert_eq!(line(&[given]), format!("{written}\r\n"), "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn every_line_is_read_back_field_by_field(fields in proptest::collection::vec(any_field(), 1..8)) {
            let given: Vec<&str> = fields.iter().map(String::as_str).collect();
            let read = read(&line(&given));
            prop_assert!(read.is_some(), "{:?}", line(&given));
            let read = read.unwrap();
            prop_assert_eq!(read.len(), fields.len());
            for (read, given) in read.iter().zip(&fields) {
                prop_assert!(read == given || *read == format!("'{given}"), "{read:?} {given:?}");
            }
        }

        #[test]
        fn no_field_begins_like_a_formula(fields in proptest::collection::vec(any_field(), 1..8)) {
            let given: Vec<&str> = fields.iter().map(String::as_str).collect();
            for field in read(&line(&given)).unwrap() {
                prop_assert!(!field.starts_with(['\t', '\r', '\n']), "{field:?}");
                prop_assert!(!field.trim_start().starts_with(['=', '+', '-', '@']), "{field:?}");
            }
        }

        /// A spreadsheet has to take them for numbers.
        #[test]
        fn an_amount_is_written_as_it_is(atomic in any::<u64>(), decimals in 0u8..19) {
            let amount = coinop_core::Amount::new(atomic).to_decimal(decimals);
            prop_assert_eq!(line(&[&amount]), format!("{amount}\r\n"));
        }
    }
}
