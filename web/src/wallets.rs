//! Links that open a page in the browser of a wallet on the same phone.
//!
//! Each is a plain link, because wallets open only what was tapped. Phantom documents the form under "browse"; Solflare
//! and Backpack take the same.

use crate::site::Site;

/// A wallet: its name, and the beginning of its links.
const WALLETS: [(&str, &str, &str); 3] = [
    ("phantom", "Phantom", "https://phantom.app/ul/browse/"),
    ("solflare", "Solflare", "https://solflare.com/ul/v1/browse/"),
    ("backpack", "Backpack", "https://backpack.app/ul/v1/browse/"),
];

/// A link that opens a page in a wallet.
pub(crate) struct WalletLink {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) url: String,
}

/// Returns the links that open this page, with this quantity.
pub(crate) fn links(site: Site<'_>, quantity: Option<u64>) -> impl Iterator<Item = WalletLink> {
    let page = match quantity {
        Some(quantity) => format!("{}?quantity={quantity}", site.page),
        None => site.page.to_owned(),
    };
    let (page, origin) = (encoded(&page), encoded(site.origin));
    WALLETS.into_iter().map(move |(id, name, start)| {
        let url = format!("{start}{page}?ref={origin}");
        WalletLink { id, name, url }
    })
}

/// Returns a text encoded as one part of a URL (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
