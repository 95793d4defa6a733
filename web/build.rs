//! Makes the table of the static files from `dist/static/`: their names, types, bytes, compressed bytes and entity tags.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

const FOLDER: &str = "dist/static";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo names a folder for what is made");
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .expect("the built files are in web/dist/static: `cargo xtask build web` makes them")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a plain name"))
        .collect();
    names.sort();
    let mut table = String::from("static FILES: &[StaticFile] = &[\n");
    let mut constants = String::new();
    for name in &names {
        let content = fs::read(Path::new(FOLDER).join(name)).expect("a file that can be read");
        let (constant, content_type) = described(name);
        writeln!(constants, "pub(crate) const {constant}: &str = \"/static/{name}\";").expect("text");
        let tag: String = Sha256::digest(&content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let compressed = Path::new(&out).join(format!("{name}.gz"));
        fs::write(&compressed, gzip(&content)).expect("a file that can be written");
        writeln!(
            table,
            "    StaticFile {{ path: \"/static/{name}\", content_type: \"{content_type}\", etag: \"W/\\\"{tag}\\\"\", plain: include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{name}\")), gzip: include_bytes!({compressed:?}) }},"
        )
        .expect("text");
    }
    table.push_str("];\n");
    fs::write(Path::new(&out).join("names.rs"), constants).expect("a file that can be written");
    fs::write(Path::new(&out).join("files.rs"), table).expect("a file that can be written");
}

/// Returns the constant that names a file, and the file's type.
fn described(name: &str) -> (&'static str, &'static str) {
    match (name.split_once('-').map(|(stem, _)| stem), name.rsplit_once('.').map(|(_, end)| end)) {
        (Some("buyer"), Some("js")) => ("BUYER", "text/javascript; charset=utf-8"),
        (Some("kiosk"), Some("js")) => ("KIOSK", "text/javascript; charset=utf-8"),
        (Some("page"), Some("css")) => ("STYLE", "text/css; charset=utf-8"),
        _ => panic!("web/dist/static/{name} is no file that the pages name"),
    }
}

/// Compresses a file as far as it goes. The time in the header is left out, so that the same file gives the same bytes.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}
