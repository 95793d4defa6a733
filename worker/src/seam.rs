//! For the differential test: reads the time and the random bytes from a request's headers. No deployed build
//! contains it.

use worker::web_sys::Headers;

/// Applies these headers, and passes them on to an object, which starts from them again whatever was drawn
/// here before.
pub(crate) fn take(incoming: &Headers, headers: &mut Vec<(String, String)>) {
    for name in [coinop_seam::NOW, coinop_seam::SEED] {
        if let Ok(Some(value)) = incoming.get(name) {
            headers.push((name.to_owned(), value));
        }
    }
    coinop_seam::tell(headers);
}
