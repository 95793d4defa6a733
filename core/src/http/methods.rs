//! Which methods each path takes, and whose they are.

use super::Response;

/// The methods of one path, besides `OPTIONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Methods {
    /// The public API: a web page of any origin may use these.
    pub(super) public: &'static [&'static str],
    /// The owner's API: these need an API key, and no web page may use them.
    pub(super) owner: &'static [&'static str],
}

const READ: &[&str] = &["GET", "HEAD"];
const BUY: &[&str] = &["GET", "POST"];

/// Splits a path into the segments behind its first slash.
pub(super) fn segments(path: &str) -> Vec<&str> {
    path.split('/').skip(1).collect()
}

impl Methods {
    /// Returns the methods of a path, or `None` where there is no such path. Whether there
    /// is an asset or a session of that name is not looked up.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (public, owner): (&[&str], &[&str]) = match segments(path).as_slice() {
            ["health" | "ready"] | [".well-known", "jwks.json"] => (READ, &[]),
            ["api", "v1", rest @ ..] => match rest {
                ["assets"] => (READ, &["POST"]),
                ["assets", _] => (READ, &["PATCH", "DELETE"]),
                ["assets", _, "status"] | ["sessions", _, "status"] | ["payers", _, "sessions"] => {
                    (READ, &[])
                }
                ["access", _] | ["access", _, "extend"] => (BUY, &[]),
                ["tick"] => (&[], &["POST"]),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { public, owner })
    }

    /// Returns the value of the `Allow` header.
    pub(super) fn allow(&self) -> String {
        [self.public, self.owner, &["OPTIONS"]].concat().join(", ")
    }
}

/// Returns the answer to an `OPTIONS` request, or `None` where there is no such path.
///
/// `wanted` is the method that a browser's preflight asks for. A preflight carries no payment and
/// no key (Fetch standard, "CORS-preflight fetch"), so nothing else is looked at. A browser sends
/// a `POST` whatever methods an answer allows, as long as the answer lets the page in at all: so
/// a preflight for a method of the owner's lets no page in.
#[must_use]
pub fn options(path: &str, wanted: Option<&str>) -> Option<Response> {
    let methods = Methods::of(path)?;
    let response = Response::no_content().with("allow", methods.allow());
    let is_owners = wanted.is_some_and(|wanted| methods.owner.contains(&wanted));
    Some(if is_owners { response } else { super::cors::preflight(methods, response) })
}
