//! The parameters of a page's address, which are plain ASCII.

/// Returns the values of a parameter, not decoded; an empty one where it stands without a value.
pub(crate) fn values<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}
