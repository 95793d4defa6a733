//! Measures the size of the worker's script.

use std::path::Path;

use anyhow::{Context, Result};

use crate::proc::Cmd;

/// A program for Node that prints the bytes of a folder's JavaScript and modules, first raw and then
/// compressed with gzip.
const MEASURE: &str = "const { readdirSync, readFileSync } = require('node:fs'), { gzipSync } = require('node:zlib');
const folder = process.argv[1];
const files = readdirSync(folder).filter((name) => /\\.(js|wasm)$/.test(name)).map((name) => readFileSync(`${folder}/${name}`));
const sum = (size) => files.reduce((all, file) => all + size(file).length, 0);
console.log(sum((file) => file), sum((file) => gzipSync(file)));";

/// The bytes of a script: its JavaScript and the modules that it imports.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Uncompressed.
    pub(crate) raw: u64,
    /// With each file compressed by gzip.
    pub(crate) compressed: u64,
}

impl Size {
    /// Measures the script in `folder`.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        let printed = Cmd::new("node", folder).args(["-e", MEASURE]).arg(folder).capture()?;
        let mut numbers = printed.split(' ').map(str::parse);
        let mut next = || {
            let number = numbers.next().and_then(Result::ok);
            number
                .filter(|bytes| *bytes > 0)
                .with_context(|| format!("there is no script in {}", folder.display()))
        };
        Ok(Self { raw: next()?, compressed: next()? })
    }
}
