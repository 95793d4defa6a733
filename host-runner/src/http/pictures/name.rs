//! What a picture's path may be: a plain file name of a known type.

/// The beginning of a picture's path.
pub(in crate::http) const PREFIX: &str = "/pictures/";

/// The types of pictures, by the ends of their names. Those that can contain scripts are left out.
const TYPES: [(&str, &str); 5] = [
    ("avif", "image/avif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
];

/// Returns the type of a picture by the end of its name.
pub(super) fn type_of(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| end.eq_ignore_ascii_case(known)).map(|(_, content_type)| *content_type)
}

/// Returns whether a name is that of a file in the folder itself, and not a hidden one.
pub(super) fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.starts_with('.') && name.bytes().all(is_plain)
}
