//! The pictures of assets: files in the folder `pictures` beside the configuration.
//!
//! A picture is shown on the asset's page. It is served from here, because a picture of another host would tell that
//! host who looks at the page.

mod fault;
mod kept;
mod name;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coinop_core::http;
use hyper::body::Bytes;

use super::problem::{Problem, response};
use super::slots::{Slot, Slots};
use crate::guest::Response;
use kept::{Content, Kept, Unread};
pub(super) use name::PREFIX;
use name::{is_plain, type_of};

/// How many answers with a picture may be under way at once. Each may hold a picture of its own.
const ANSWERS: usize = 64;

/// How many of them may go to one client. Clients behind one proxy look like one client.
const ANSWERS_PER_CLIENT: usize = 8;

/// For how many pictures the log says that they are too large.
const TOLD: usize = 64;

/// How long a browser may keep a whole picture, in seconds.
const KEEP: &str = "public, max-age=300";

/// The folder of pictures, and what is kept of it.
#[derive(Clone)]
pub(crate) struct Pictures(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    kept: Kept,
    slots: Slots,
    /// The pictures that the log has called too large.
    told: Mutex<BTreeSet<String>>,
}

/// The content of a picture that is being sent. The slot is free again when the last byte has been sent, or the
/// connection is gone.
struct Sent {
    content: Bytes,
    _slot: Slot,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Pictures {
    /// Takes the folder `pictures` in the folder of the configuration. It need not exist.
    pub(crate) fn beside(folder: &Path) -> Self {
        Self(Arc::new(Inner {
            folder: folder.join("pictures"),
            kept: Kept::default(),
            slots: Slots::new(ANSWERS, ANSWERS_PER_CLIENT),
            told: Mutex::default(),
        }))
    }

    /// Returns why the picture at this path is not shown, and what to do about it; `None` if it is.
    pub(crate) fn fault(&self, path: &str) -> Option<String> {
        fault::of(&self.0.folder, path)
    }

    /// Takes a slot for an answer to this client; `None` if too many answers are under way.
    pub(super) fn slot(&self, client: IpAddr) -> Option<Slot> {
        self.0.slots.take(client).ok()
    }

    /// Answers a request for a picture. It may read the file, so it may block.
    pub(super) fn answer(&self, request: &http::Request, slot: Slot) -> Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Problem::PictureMethod.response(&request.method, &request.path);
        }
        let Some((content_type, content)) = self.read(&request.path) else {
            return Problem::NoPicture.response(&request.method, &request.path);
        };
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("cache-control", if content.is_whole { KEEP } else { "no-store" }.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("content-security-policy", "default-src 'none'".to_owned()),
        ];
        let mut answer = response(http::Response { status: 200, headers, body: Vec::new() });
        *answer.body_mut() = Bytes::from_owner(Sent { content: content.bytes, _slot: slot });
        answer
    }

    /// Reads a picture, with its type; `None` if there is none of that name, or it is too large.
    fn read(&self, path: &str) -> Option<(&'static str, Content)> {
        let name = path.strip_prefix(PREFIX).filter(|name| is_plain(name))?;
        let content_type = type_of(name)?;
        match self.0.kept.read(&self.0.folder, name) {
            Ok(content) => Some((content_type, content)),
            Err(Unread::Missing) => None,
            Err(Unread::TooLarge(length)) => {
                if self.is_news(name) {
                    tracing::warn!("{}", fault::too_large(path, length));
                }
                None
            }
        }
    }

    /// Returns whether the log has not named this picture yet.
    fn is_news(&self, name: &str) -> bool {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < TOLD && told.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn ask(pictures: &Pictures, method: &str, path: &str) -> Response {
        let request =
            http::Request { method: method.to_owned(), path: path.to_owned(), ..http::Request::default() };
        pictures.answer(&request, pictures.slot(CLIENT).unwrap())
    }

    #[test]
    fn a_picture_of_the_folder_is_served_with_its_type() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        std::fs::write(folder.path().join("pictures/lamp.JPG"), b"picture").unwrap();
        let pictures = Pictures::beside(folder.path());
        let found = ask(&pictures, "GET", "/pictures/lamp.JPG");
        assert_eq!((found.status().as_u16(), found.body().as_ref()), (200, &b"picture"[..]));
        assert_eq!(found.headers()["content-type"], "image/jpeg");
        assert_eq!(found.headers()["x-content-type-options"], "nosniff");
        assert_eq!(found.headers()["cache-control"], KEEP);
        let refused = ask(&pictures, "POST", "/pictures/lamp.JPG");
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["allow"]),
            (405, &"GET, HEAD".parse().unwrap())
        );
        assert_eq!(refused.headers()["cache-control"], "no-store");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_browser_keeps_a_picture_that_is_still_being_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        // This file calls itself empty and is not, as a file does that has grown since it was opened.
        std::os::unix::fs::symlink("/proc/version", folder.path().join("pictures/lamp.png")).unwrap();
        let found = ask(&Pictures::beside(folder.path()), "GET", "/pictures/lamp.png");
        assert!(found.status() == 200 && !found.body().is_empty());
        assert_eq!(found.headers()["cache-control"], "no-store");
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
            assert_eq!(ask(&pictures, "GET", path).status(), 404, "{path}");
        }
        assert_eq!(*pictures.0.told.lock().unwrap(), BTreeSet::from(["large.png".to_owned()]));
        assert!(!pictures.is_news("large.png"), "it is said once");
    }

    #[test]
    fn few_answers_are_under_way_and_they_share_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        std::fs::write(folder.path().join("pictures/lamp.png"), b"picture").unwrap();
        let pictures = Pictures::beside(folder.path());
        let mut under_way = Vec::new();
        for client in 1..=8 {
            let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, client));
            for _ in 0..ANSWERS_PER_CLIENT {
                let request = http::Request {
                    method: "GET".to_owned(),
                    path: "/pictures/lamp.png".to_owned(),
                    ..http::Request::default()
                };
                under_way.push(pictures.answer(&request, pictures.slot(client).unwrap()).into_body());
            }
            assert!(pictures.slot(client).is_none());
        }
        assert_eq!(under_way.len(), ANSWERS);
        assert!(pictures.slot(CLIENT).is_none());
        let first = under_way.first().unwrap().as_ptr();
        assert!(under_way.iter().all(|body| body.as_ptr() == first));
        let rest = under_way.pop().unwrap().slice(3..);
        assert!(pictures.slot(CLIENT).is_none(), "a part of the answer is still to be sent");
        drop(rest);
        assert!(pictures.slot(CLIENT).is_some());
    }
}
