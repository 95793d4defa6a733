//! The languages of the pages, and their texts.

use std::sync::LazyLock;

use coinop_core::http::Request;
use serde_json::{Map, Value};

use crate::query;

/// The texts of a language by key.
type Texts = Map<String, Value>;

static ENGLISH: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../locales/en.json")));
static GERMAN: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../locales/de.json")));
static SPANISH: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../locales/es.json")));

/// The prefix of the keys that only the pages use. The script gets all other texts, and the pages use some of them too.
const PAGES: &str = "page.";

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Spanish,
}

impl Language {
    /// Every language, the default first.
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::German, Self::Spanish];

    /// Returns the language that a request prefers: `?lang=`, or else the best match of `Accept-Language` (RFC 9110,
    /// section 12.5.4).
    pub(crate) fn of(request: &Request) -> Self {
        let query = request.query.as_deref().unwrap_or_default();
        let chosen = query::values(query, "lang").find_map(Self::named);
        if let Some(chosen) = chosen {
            return chosen;
        }
        let accepted = request.headers.iter().filter(|(name, _)| name == "accept-language");
        let accepted = accepted.flat_map(|(_, value)| value.split(','));
        let mut best = (Self::English, 0);
        for range in accepted {
            let (tag, quality) = weighted(range);
            if let Some(language) = Self::named(tag).filter(|_| quality > best.1) {
                best = (language, quality);
            }
        }
        best.0
    }

    /// Returns the language of a tag such as `de-AT`.
    fn named(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// Returns the language's tag.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
        }
    }

    fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Spanish => &SPANISH,
        }
    }

    /// Returns a text. Instead of a missing one it returns an ellipsis, and panics where this is a debug build.
    pub(crate) fn text(self, key: &str) -> &'static str {
        self.texts().get(key).and_then(Value::as_str).unwrap_or_else(|| {
            debug_assert!(false, "{} has no text for {key}", self.tag());
            "…"
        })
    }

    /// Returns a text with its placeholders filled: `{name}` becomes the value of `name`.
    pub(crate) fn filled(self, key: &str, values: &[(&str, &str)]) -> String {
        let value = |name| values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        let pieces = self.pieces(key).map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Placeholder(name) => value(name),
        });
        pieces.collect()
    }

    /// Returns a text in pieces: its placeholders, and what stands between them.
    pub(crate) fn pieces(self, key: &str) -> impl Iterator<Item = Piece> {
        let mut rest = self.text(key);
        let mut placeholder = None;
        std::iter::from_fn(move || {
            if let Some(name) = placeholder.take() {
                return Some(Piece::Placeholder(name));
            }
            let text = rest;
            rest = "";
            if let Some((before, after)) = text.split_once('{')
                && let Some((name, behind)) = after.split_once('}')
            {
                placeholder = Some(name);
                rest = behind;
                return Some(Piece::Text(before));
            }
            (!text.is_empty()).then_some(Piece::Text(text))
        })
    }

    /// Returns the texts of the script.
    pub(crate) fn of_script(self) -> Value {
        let texts = self.texts().iter().filter(|(key, _)| !key.starts_with(PAGES));
        Value::Object(texts.map(|(key, text)| (key.clone(), text.clone())).collect())
    }
}

/// A part of a text.
pub(crate) enum Piece {
    Text(&'static str),
    /// The name of what is filled in, without its braces.
    Placeholder(&'static str),
}

/// The weight of a language range that has none of its own, in thousandths.
const WHOLE: u16 = 1_000;

/// Returns a language range and its weight in thousandths (RFC 9110, section 12.4.2).
fn weighted(range: &str) -> (&str, u16) {
    let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
    let quality = parameters.trim().strip_prefix("q=").map(str::trim);
    let thousandths = |fraction: &str| format!("{fraction:0<3}").get(..3)?.parse().ok();
    let weight = quality
        .and_then(|quality| quality.strip_prefix("0").map(|rest| rest.strip_prefix('.').unwrap_or("0")));
    (tag.trim(), weight.and_then(thousandths).unwrap_or(WHOLE))
}

fn read(text: &str) -> Texts {
    match serde_json::from_str(text) {
        Ok(Value::Object(texts)) => texts,
        _ => {
            debug_assert!(false, "a language's texts are no JSON object");
            Texts::new()
        }
    }
}
