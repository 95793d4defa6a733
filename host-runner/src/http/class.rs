//! Classifies requests for measurements and logs.

use coinop_core::http::Route;

use super::pictures;

/// Returns the class of a path. It never contains a name from the path, because a path says who rents what
/// (invariant 9).
///
/// `/metrics` and the pictures are this host's own. All others are pages or routes of the API.
pub(super) fn class(path: &str) -> &'static str {
    if path == "/metrics" {
        return "metrics";
    }
    if path.starts_with(pictures::PREFIX) {
        return "picture";
    }
    let of_api = || Route::parse(path).map(|route| route.class());
    coinop_web::class(path).or_else(of_api).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::class;

    #[test]
    fn classes_carry_no_names_inv_9() {
        for (path, expected) in [
            ("/", "list-page"),
            ("/p/door-1", "page"),
            ("/p/", "other"),
            ("/static/page-1.css", "static"),
            ("/pictures/door.jpg", "picture"),
            ("/health", "health"),
            ("/health/", "other"),
            ("/ready", "ready"),
            ("/metrics", "metrics"),
            ("/metrics/x", "other"),
            ("/api/v1/access/door-1", "access"),
            ("/api/v1/access/door-1/extend", "extend"),
            ("/api/v1/access/door-1/transaction", "transaction"),
            ("/api/v1/access/door-1/extend/transaction", "transaction"),
            ("/api/v1/access/door-1/code", "code"),
            ("/api/v1/sessions/s_1/code", "code"),
            ("/api/v1/assets/door-1/quote", "quote"),
            ("/api/v1/assets", "assets"),
            ("/api/v1/assets/door-1", "assets"),
            ("/api/v1/assets/door-1/status", "asset-status"),
            ("/api/v1/sessions/s_1/status", "session"),
            ("/api/v1/payers/abc/sessions", "payer"),
            ("/api/v1/tick", "tick"),
            ("/api/v1/merchant/sessions", "merchant"),
            ("/.well-known/jwks.json", "well-known"),
            ("/api/v2/access/x", "other"),
            ("/wp-admin", "other"),
            ("*", "other"),
            ("", "other"),
        ] {
            assert_eq!(class(path), expected, "{path}");
        }
    }
}
