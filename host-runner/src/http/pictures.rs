//! The pictures of assets: files in the folder `pictures` beside the configuration.
//!
//! A picture is shown on the asset's page. It is served from here, because a picture of another host would tell that
//! host who looks at the page.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use coinop_core::http::{Problem, Request, Response};

/// The beginning of a picture's path.
pub(super) const PREFIX: &str = "/pictures/";

/// The largest picture, in bytes.
const LARGEST: u64 = 2 << 20;

/// How long a browser may keep a picture, in seconds.
const KEEP: &str = "public, max-age=300";

/// The types of pictures, by the ends of their names. Those that can contain scripts are left out.
const TYPES: [(&str, &str); 5] = [
    ("avif", "image/avif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
];

/// The folder of pictures.
#[derive(Clone, Debug)]
pub(crate) struct Pictures(PathBuf);

impl Pictures {
    /// Takes the folder `pictures` in the folder of the configuration. It need not exist.
    pub(crate) fn beside(folder: &Path) -> Self {
        Self(folder.join("pictures"))
    }

    /// Answers a request for a picture. It reads the file, so it may block.
    pub(super) fn answer(&self, request: &Request) -> Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Problem::method_not_allowed("GET, HEAD").into();
        }
        match self.read(&request.path) {
            Some((content_type, body)) => {
                let headers = vec![
                    ("content-type", content_type.to_owned()),
                    ("cache-control", KEEP.to_owned()),
                    ("x-content-type-options", "nosniff".to_owned()),
                    ("content-security-policy", "default-src 'none'".to_owned()),
                ];
                Response { status: 200, headers, body }
            }
            None => Problem::new(404, "not_found", "Not found", "There is no such picture.").into(),
        }
    }

    /// Reads a picture, with its type; `None` if there is none of that name, or it is too large.
    fn read(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        let name = path.strip_prefix(PREFIX).filter(|name| is_plain(name))?;
        let (_, end) = name.rsplit_once('.')?;
        let (_, content_type) = TYPES.iter().find(|(known, _)| end.eq_ignore_ascii_case(known))?;
        let file = File::open(self.0.join(name)).ok()?;
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
        if length > LARGEST {
            tracing::warn!(name, length, "a picture is larger than 2 MiB and is not shown: make it smaller");
            return None;
        }
        let mut content = Vec::new();
        file.take(LARGEST).read_to_end(&mut content).ok()?;
        Some((content_type, content))
    }
}

/// Returns whether a name is that of a file in the folder itself, and not a hidden one.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.starts_with('.') && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pictures: &Pictures, method: &str, path: &str) -> Response {
        let request = Request { method: method.to_owned(), path: path.to_owned(), ..Request::default() };
        pictures.answer(&request)
    }

    fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
        response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_picture_of_the_folder_is_served_with_its_type() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        std::fs::write(folder.path().join("pictures/lamp.JPG"), b"picture").unwrap();
        let pictures = Pictures::beside(folder.path());
        let found = ask(&pictures, "GET", "/pictures/lamp.JPG");
        assert_eq!((found.status, found.body.as_slice()), (200, &b"picture"[..]));
        assert_eq!(header(&found, "content-type"), Some("image/jpeg"));
        assert_eq!(header(&found, "x-content-type-options"), Some("nosniff"));
        assert_eq!(ask(&pictures, "POST", "/pictures/lamp.JPG").status, 405);
    }

    #[test]
    fn nothing_else_of_this_machine_is_served_inv_9() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("pictures");
        std::fs::create_dir_all(inside.join("folder.png")).unwrap();
        std::fs::write(folder.path().join("secret.png"), b"secret").unwrap();
        std::fs::write(inside.join(".hidden.png"), b"secret").unwrap();
        std::fs::write(inside.join("page.svg"), b"<svg onload='alert(1)'/>").unwrap();
        std::fs::write(inside.join("page.html"), b"<script>alert(1)</script>").unwrap();
        std::fs::write(inside.join("large.png"), vec![0; (2 << 20) + 1]).unwrap();
        let pictures = Pictures::beside(folder.path());
        for path in [
            "/pictures/",
            "/pictures/missing.png",
            "/pictures/../secret.png",
            "/pictures/..%2fsecret.png",
            "/pictures//etc/passwd",
            "/pictures/folder.png",
            "/pictures/.hidden.png",
            "/pictures/page.svg",
            "/pictures/page.html",
            "/pictures/large.png",
            "/pictures/png",
            "/pictures/\0.png",
        ] {
            assert_eq!(ask(&pictures, "GET", path).status, 404, "{path}");
        }
    }
}
