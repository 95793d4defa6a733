//! What is wrong with an asset's picture, for the owner.

use std::fs::{File, Metadata};
use std::path::Path;

use super::kept::LARGEST;
use super::name::{PREFIX, is_plain, type_of};

/// Returns why the picture at this path is not shown, and what to do about it; `None` if it is.
pub(super) fn of(folder: &Path, path: &str) -> Option<String> {
    let shown = folder.display();
    let Some(name) = path.strip_prefix(PREFIX) else {
        return Some(format!(
            "{path} is not under /pictures/, so something else, such as a proxy, must serve it; or put the file into \
             {shown} and write \"/pictures/\" and its name"
        ));
    };
    if !is_plain(name) {
        return Some(format!(
            "{path} is not served: the file must stand in {shown} itself, and its name must not begin with a dot"
        ));
    }
    if type_of(name).is_none() {
        return Some(format!(
            "{path} is not served: a picture is a JPEG, PNG, WebP or AVIF, and its name ends in .jpg, .jpeg, .png, \
             .webp or .avif"
        ));
    }
    let file = folder.join(name);
    let Some(metadata) = file.metadata().ok().filter(Metadata::is_file) else {
        return Some(format!("there is no file {}; put the picture there", file.display()));
    };
    if metadata.len() > LARGEST {
        return Some(too_large(&file.display().to_string(), metadata.len()));
    }
    let error = File::open(&file).err()?;
    Some(format!("{} cannot be read: {}; let this user read it", file.display(), error.kind()))
}

/// Says that a picture is too large to be shown.
pub(super) fn too_large(file: &str, length: u64) -> String {
    format!("{file} has {length} bytes; a picture of more than 2 MiB is not shown: make it smaller")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_told_why_a_picture_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("pictures");
        std::fs::create_dir_all(inside.join("folder.png")).unwrap();
        std::fs::write(inside.join("lamp.jpg"), b"picture").unwrap();
        std::fs::write(inside.join("lamp.gif"), b"picture").unwrap();
        std::fs::write(inside.join("large.png"), vec![0; (2 << 20) + 1]).unwrap();
        let fault = |path| of(&inside, path);
        assert_eq!(fault("/pictures/lamp.jpg"), None);
        for (path, expected) in [
            ("/pictures/lmap.jpg", "there is no file"),
            ("/pictures/folder.png", "there is no file"),
            ("/pictures/lamp.gif", "JPEG, PNG, WebP or AVIF"),
            ("/pictures/lamp", "JPEG, PNG, WebP or AVIF"),
            ("/pictures/large.png", "has 2097153 bytes"),
            ("/pictures/more/lamp.jpg", "must stand in"),
            ("/pictures/.lamp.jpg", "must not begin with a dot"),
            ("/images/lamp.jpg", "something else, such as a proxy, must serve it"),
        ] {
            let said = fault(path).unwrap();
            assert!(said.contains(expected), "{path}: {said}");
        }
    }
}
