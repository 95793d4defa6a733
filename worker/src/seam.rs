//! For the differential test: what a request tells of the time and the random bytes. In no build that is deployed.

use worker::web_sys::Headers;

/// Takes it in, and lets it go along to an object: what is drawn here before that does not count there.
pub(crate) fn take(incoming: &Headers, headers: &mut Vec<(String, String)>) {
    for name in [coinop_seam::NOW, coinop_seam::SEED] {
        if let Ok(Some(value)) = incoming.get(name) {
            headers.push((name.to_owned(), value));
        }
    }
    coinop_seam::notify(headers);
}
