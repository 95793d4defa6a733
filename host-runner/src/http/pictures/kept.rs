//! The contents of pictures, kept in memory, so that all answers with a picture share the same bytes.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use hyper::body::Bytes;

/// The largest picture, in bytes.
pub(super) const LARGEST: u64 = 2 << 20;

/// The most bytes that are kept.
const MOST_BYTES: usize = 16 << 20;

/// The most pictures that are kept.
const MOST_PICTURES: usize = 64;

/// Why there is no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is no file of this name, or it can't be read.
    Missing,
    /// The file is larger than [`LARGEST`]: its length in bytes.
    TooLarge(u64),
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: Bytes,
    /// Whether it is as long as the file was when it was opened. A file that is being written is not.
    pub(super) is_whole: bool,
}

/// Tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
}

struct Picture {
    name: String,
    version: Version,
    content: Content,
}

/// The pictures that were asked for last; the latest is at the end.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<Picture>>);

impl Kept {
    /// Returns the content of a file of `folder`. It reads the file if it has changed since it was kept.
    ///
    /// One caller reads at a time, so that many who want the same picture read it once.
    pub(super) fn read(&self, folder: &Path, name: &str) -> Result<Content, Unread> {
        let file = folder.join(name);
        // Asked before the file is opened, because opening a pipe would wait for its other end.
        let version = version(std::fs::metadata(&file).ok())?;
        let mut pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pictures.iter().position(|picture| picture.name == name);
        if let Some(picture) = known.map(|at| pictures.remove(at)).filter(|p| p.version == version) {
            let content = picture.content.clone();
            pictures.push(picture);
            return Ok(content);
        }
        let (version, content) = load(&file)?;
        // A file that is being written is not kept: its content is not that of any version.
        if content.is_whole {
            pictures.push(Picture { name: name.to_owned(), version, content: content.clone() });
            forget(&mut pictures);
        }
        Ok(content)
    }
}

/// Returns the version of a file that may be shown.
fn version(metadata: Option<Metadata>) -> Result<Version, Unread> {
    let file = metadata.filter(Metadata::is_file).ok_or(Unread::Missing)?;
    match file.len() {
        length if length > LARGEST => Err(Unread::TooLarge(length)),
        length => Ok(Version { modified: file.modified().ok(), length }),
    }
}

/// Reads a file.
fn load(file: &Path) -> Result<(Version, Content), Unread> {
    let file = File::open(file).map_err(|_| Unread::Missing)?;
    let version = version(file.metadata().ok())?;
    let mut content = Vec::new();
    file.take(LARGEST).read_to_end(&mut content).map_err(|_| Unread::Missing)?;
    content.shrink_to_fit();
    let is_whole = content.len() as u64 == version.length;
    Ok((version, Content { bytes: Bytes::from(content), is_whole }))
}

/// Forgets the pictures that nobody has asked for longest, until the others fit.
fn forget(pictures: &mut Vec<Picture>) {
    let (mut bytes, mut first) = (0, pictures.len());
    for picture in pictures.iter().rev().take(MOST_PICTURES) {
        bytes += picture.content.bytes.len();
        if bytes > MOST_BYTES {
            break;
        }
        first -= 1;
    }
    pictures.drain(..first);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_once_and_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::default();
        let read = || kept.read(folder.path(), "lamp.png").map(|content| content.bytes);
        assert_eq!(read(), Err(Unread::Missing));
        std::fs::write(folder.path().join("lamp.png"), b"first").unwrap();
        let first = read().unwrap();
        assert_eq!(first.as_ptr(), read().unwrap().as_ptr(), "both share the bytes");
        std::fs::write(folder.path().join("lamp.png"), b"second").unwrap();
        assert_eq!(read().unwrap(), "second");
        assert_eq!(first, "first", "an answer under way is not altered");
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        std::fs::write(folder.path().join("lamp.png"), b"fourth").unwrap();
        File::options()
            .write(true)
            .open(folder.path().join("lamp.png"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert_eq!(read().unwrap(), "fourth", "the length is the same, the time is not");
        std::fs::remove_file(folder.path().join("lamp.png")).unwrap();
        assert_eq!(read(), Err(Unread::Missing));
        assert_eq!(kept.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_last_asked_for_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::default();
        let large = usize::try_from(LARGEST).unwrap();
        for n in 0..10 {
            std::fs::write(folder.path().join(format!("{n}.png")), vec![0; large]).unwrap();
            kept.read(folder.path(), "0.png").unwrap();
            kept.read(folder.path(), &format!("{n}.png")).unwrap();
        }
        let names = || kept.0.lock().unwrap().iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(), ["3.png", "4.png", "5.png", "6.png", "7.png", "8.png", "0.png", "9.png"]);
        for n in 0..100 {
            std::fs::write(folder.path().join(format!("small-{n}.png")), b"small").unwrap();
            kept.read(folder.path(), &format!("small-{n}.png")).unwrap();
        }
        assert_eq!(names().len(), MOST_PICTURES);
        std::fs::write(folder.path().join("huge.png"), vec![0; large + 1]).unwrap();
        assert_eq!(kept.read(folder.path(), "huge.png"), Err(Unread::TooLarge(LARGEST + 1)));
    }
}
