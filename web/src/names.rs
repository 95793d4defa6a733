//! The paths of the static files. Each contains a hash of the file, so that a browser may keep it for ever.

include!(concat!(env!("OUT_DIR"), "/names.rs"));
