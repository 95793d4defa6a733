//! Which kind of request this is, for measurements and logs: a class, never a
//! name, because a path says who rents what (invariant 9).

pub(super) fn class(path: &str) -> &'static str {
    // What this host itself treats differently: exactly these, nothing like them.
    match path {
        "/" => return "root",
        "/health" => return "health",
        "/ready" => return "ready",
        "/metrics" => return "metrics",
        _ => {}
    }
    let mut parts = path.trim_matches('/').split('/');
    match parts.next().unwrap_or_default() {
        ".well-known" => "well-known",
        "api" => match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("v1"), Some("access"), Some(_), None) => "access",
            (Some("v1"), Some("access"), Some(_), Some("extend")) => "extend",
            (Some("v1"), Some("assets"), Some(_), Some("status")) => "asset-status",
            (Some("v1"), Some("assets"), _, None) => "assets",
            (Some("v1"), Some("sessions"), _, _) => "session",
            (Some("v1"), Some("payers"), _, _) => "payer",
            (Some("v1"), Some("merchant"), _, _) => "merchant",
            (Some("v1"), Some("tick"), None, _) => "tick",
            _ => "other",
        },
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::class;

    #[test]
    fn classes_carry_no_names() {
        for (path, expected) in [
            ("/", "root"),
            ("/health", "health"),
            ("/health/", "other"),
            ("/metrics", "metrics"),
            ("/metrics/x", "other"),
            ("/api/v1/access/door-1", "access"),
            ("/api/v1/access/door-1/extend", "extend"),
            ("/api/v1/assets", "assets"),
            ("/api/v1/assets/door-1", "assets"),
            ("/api/v1/assets/door-1/status", "asset-status"),
            ("/api/v1/sessions/s_1/status", "session"),
            ("/api/v1/payers/abc/sessions", "payer"),
            ("/.well-known/jwks.json", "well-known"),
            ("/api/v2/access/x", "other"),
            ("/wp-admin", "other"),
        ] {
            assert_eq!(class(path), expected, "{path}");
        }
    }
}
