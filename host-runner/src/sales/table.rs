//! Columns for people.

/// Lays rows out in columns. Widths only grow, so that a long list can be printed in parts.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new() -> Self {
        Self { widths: [0; N] }
    }

    /// Makes every column wide enough for these rows.
    pub(crate) fn fit(&mut self, rows: &[[String; N]]) {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
    }

    /// Returns a row as a line, without its line break.
    pub(crate) fn line(&self, row: &[String; N]) -> String {
        let cells = row.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// The longest identifier that is printed in full, in characters.
const LONGEST: usize = 12;
/// How many characters of a longer one stay at each end.
const END: usize = 4;

/// Returns an identifier in full if it is short, or else its ends, such as `H5jU…vNH5`.
pub(super) fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let first = text.chars().take(END);
    let last = text.chars().skip(count.saturating_sub(END));
    first.chain(['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_identifier_is_shortened_to_its_ends() {
        for (text, expected) in [
            ("", ""),
            ("USDC", "USDC"),
            ("123456789012", "123456789012"),
            ("1234567890123", "1234…0123"),
            ("H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "H5jU…vNH5"),
            ("ääääööööüüüüß", "ääää…üüüß"),
        ] {
            assert_eq!(shortened(text), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_blanks_at_the_end() {
        let rows =
            [["asset", "token"], ["lamp", "USDC"], ["front-door", ""]].map(|row| row.map(str::to_owned));
        let mut table = Table::new();
        table.fit(&rows);
        assert_eq!(rows.map(|row| table.line(&row)), ["asset       token", "lamp        USDC", "front-door"]);
    }
}
