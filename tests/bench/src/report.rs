//! The figures: a table for people, and JSON for programs.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The bound of each ratio.
const BOUNDS: [(&str, Bound); 12] = [
    ("verify_native_over_signature", Bound::AtMost(1.25)),
    ("verify_wasm_over_signature", Bound::AtMost(2.6)),
    ("challenge_over_hyper", Bound::AtLeast(0.12)),
    ("paid_over_hyper", Bound::AtLeast(0.025)),
    ("paid_p99_over_p50", Bound::AtMost(6.0)),
    ("rss_mb", Bound::AtMost(150.0)),
    ("spin_40_challenge_us", Bound::AtMost(1_000.0)),
    ("spin_5000_packed_challenge_us", Bound::AtMost(1_000.0)),
    ("load_100k_over_10", Bound::AtMost(1.2)),
    ("worker_gzip_kb", Bound::AtMost(500.0)),
    ("worker_challenge_over_js", Bound::AtLeast(0.5)),
    ("worker_verify_over_js", Bound::AtLeast(0.35)),
];

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// All figures, in the order in which they were first added, with one value for each round.
#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<(String, Vec<f64>)>,
}

impl Report {
    /// Adds a figure of one round.
    pub(crate) fn add(&mut self, name: &str, figure: f64) {
        match self.figures.iter_mut().find(|(known, _)| known == name) {
            Some((_, figures)) => figures.push(figure),
            None => self.figures.push((name.to_owned(), vec![figure])),
        }
    }

    /// Adds a figure of which only the largest value counts.
    pub(crate) fn most(&mut self, name: &str, figure: f64) {
        match self.figures.iter_mut().find(|(known, _)| known == name) {
            Some((_, figures)) => figures.iter_mut().for_each(|known| *known = known.max(figure)),
            None => self.figures.push((name.to_owned(), vec![figure])),
        }
    }

    /// Prints the table and writes the JSON. Figures with a bound come first.
    pub(crate) fn write(mut self, out: &Path) -> Result<()> {
        let place =
            |name: &str| BOUNDS.iter().position(|(bounded, _)| *bounded == name).unwrap_or(BOUNDS.len());
        self.figures.sort_by_key(|(name, _)| place(name));
        let mut flat = Map::new();
        println!("{:<30} {:>10}  {:<21}  bound", "figure", "median", "spread");
        for (name, mut figures) in self.figures {
            figures.sort_by(f64::total_cmp);
            let (Some(least), Some(most)) = (figures.first(), figures.last()) else { continue };
            let Some(median) = figures.get(figures.len() / 2) else { continue };
            println!(
                "{name:<30} {median:>10.3}  {:<21}  {}",
                format!("{least:.3} to {most:.3}"),
                kept(&name, *median)
            );
            flat.insert(name, json!(median));
        }
        let text = serde_json::to_string_pretty(&Value::Object(flat))?;
        std::fs::write(out, text + "\n").with_context(|| format!("{} can't be written", out.display()))
    }
}

/// Returns the bound of a figure, and marks a bound that is missed.
fn kept(name: &str, figure: f64) -> String {
    let Some((_, bound)) = BOUNDS.iter().find(|(bounded, _)| *bounded == name) else { return String::new() };
    let (kept, text) = match bound {
        Bound::AtMost(most) => (figure <= *most, format!("at most {most}")),
        Bound::AtLeast(least) => (figure >= *least, format!("at least {least}")),
    };
    if kept { text } else { format!("{text}  MISSED") }
}
