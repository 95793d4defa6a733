//! Reads just enough of the WebAssembly format to see what a module imports.

use anyhow::{Context, Result, bail, ensure};

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
const CUSTOM: u8 = 0;
const IMPORTS: u8 = 2;

/// Returns what a core module imports, as `module.name`.
pub(crate) fn imports(bytes: &[u8]) -> Result<Vec<String>> {
    let mut rest = Reader(bytes.strip_prefix(MAGIC).context("not a WebAssembly module of version 1")?);
    let mut found = Vec::new();
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let size = usize::try_from(rest.number()?)?;
        let mut section = Reader(rest.take(size)?);
        if id == IMPORTS {
            found.extend(entries(&mut section)?);
        }
    }
    Ok(found)
}

/// Returns a module without its custom sections of this name.
pub(crate) fn without_custom(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
    let mut rest = Reader(bytes.strip_prefix(MAGIC).context("not a WebAssembly module of version 1")?);
    let mut kept = MAGIC.to_vec();
    while !rest.0.is_empty() {
        let all = rest.0;
        let id = rest.byte()?;
        let size = usize::try_from(rest.number()?)?;
        let mut section = Reader(rest.take(size)?);
        if id != CUSTOM || section.name()? != name {
            let length = all.len() - rest.0.len();
            kept.extend_from_slice(all.get(..length).context("the module is cut short")?);
        }
    }
    Ok(kept)
}

/// Counts how many times a module's bytes contain `text`. Its names section has every function once, mangled.
pub(crate) fn occurrences(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len().max(1)).filter(|window| *window == text.as_bytes()).count()
}

fn entries(section: &mut Reader) -> Result<Vec<String>> {
    let count = section.number()?;
    let mut found = Vec::new();
    for _ in 0..count {
        let (module, name) = (section.name()?, section.name()?);
        match section.byte()? {
            // A function: its type.
            0 => drop(section.number()?),
            // A table: the type of its elements, and its limits.
            1 => {
                section.byte()?;
                section.limits()?;
            }
            // A memory: its limits.
            2 => section.limits()?,
            // A global: its type, and whether it can change.
            3 => {
                section.byte()?;
                section.byte()?;
            }
            // A tag: an attribute, and its type.
            4 => {
                section.byte()?;
                section.number()?;
            }
            kind => bail!("import {module}.{name} has the unknown kind {kind}"),
        }
        found.push(format!("{module}.{name}"));
    }
    Ok(found)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(size).context("the module is cut short")?;
        self.0 = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().context("the module is cut short")
    }

    /// Reads an unsigned LEB128 number of 32 bits.
    fn number(&mut self) -> Result<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).context("a number is too large");
            }
        }
        bail!("a number is too long")
    }

    fn name(&mut self) -> Result<String> {
        let size = usize::try_from(self.number()?)?;
        Ok(String::from_utf8_lossy(self.take(size)?).into_owned())
    }

    fn limits(&mut self) -> Result<()> {
        let flags = self.byte()?;
        ensure!(flags <= 3, "limits have an unknown form");
        self.number()?;
        if flags & 1 == 1 {
            self.number()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[&[u8]]) -> Vec<u8> {
        [MAGIC, &sections.concat()].concat()
    }

    #[test]
    fn a_module_without_imports_has_none() {
        let bytes = module(&[b"\x01\x04\x01\x60\0\0", b"\x03\x03\x02\0\0"]);
        assert!(imports(&bytes).unwrap().is_empty());
    }

    #[test]
    fn imports_of_every_kind_are_named() {
        let entries: &[u8] =
            b"\x04\x01e\x01f\0\0\x01e\x01t\x01\x70\x01\x01\x02\x01e\x01m\x02\0\x10\x01e\x01g\x03\x7f\x01";
        let size = [u8::try_from(entries.len()).unwrap()];
        let bytes = module(&[b"\x02", &size, entries]);
        assert_eq!(imports(&bytes).unwrap(), ["e.f", "e.t", "e.m", "e.g"]);
    }

    #[test]
    fn custom_sections_of_one_name_are_taken_out() {
        let (types, names, other) = (b"\x01\x04\x01\x60\0\0", b"\0\x06\x04name\x07", b"\0\x03\x01ab");
        let bytes = module(&[types, names, other, names]);
        assert_eq!(without_custom(&bytes, "name").unwrap(), module(&[types, other]));
        assert!(without_custom(&bytes[..bytes.len() - 1], "name").is_err());
    }

    #[test]
    fn names_are_counted() {
        assert_eq!(occurrences(b"4core2ab 4core1c", "4core"), 2);
        assert_eq!(occurrences(b"", "4core"), 0);
    }

    #[test]
    fn a_truncated_module_is_an_error() {
        assert!(imports(b"\0asm\x01\0\0\0\x02\x7f\x01").is_err());
        assert!(imports(b"not wasm").is_err());
    }
}
