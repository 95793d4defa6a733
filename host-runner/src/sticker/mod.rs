//! `coinop sticker` makes stickers to print, with the QR codes of assets' pages.

mod sheet;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use coinop_core::AssetId;
use coinop_core::config::Config;

use crate::files::write_atomically;
use crate::settings::public_url::{Reach, reach};
use crate::settings::{Settings, hosted, is_json};
use sheet::Sticker;

/// The longest name of an asset, in bytes, as in the configuration.
const LONGEST_NAME: usize = 200;

/// Makes a sheet of stickers to print: each has an asset's name and the QR code of its page.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop sticker door-1\n  coinop sticker door-1 printer --copies 3 --out stickers.html\n  coinop sticker bike-7 --name \"City bike 7\"      an asset that was made by API\n  coinop sticker door-1 --svg                     the QR code alone\n\nOpen the sheet in a browser and print it on A4 paper. There is no price on it: a new price needs no new sticker.\nThe code holds `public_url` from the configuration, which must begin with https://, because wallets open nothing else."
)]
pub(crate) struct Args {
    /// The ids of the assets.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// The configuration file: JSON for a Worker or Spin if it begins with `{`, otherwise TOML.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
    /// The name on the sticker; by default the one in the configuration. An asset that was made by API needs it.
    #[arg(long)]
    name: Option<String>,
    /// How many stickers of each asset, 100 at most.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    copies: u8,
    /// The file to write, HTML; by default sticker-ID.html, or stickers.html for several assets.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
    /// Write only the QR code, as SVG, by default to sticker-ID.svg.
    #[arg(long, conflicts_with = "copies")]
    svg: bool,
}

/// Runs `coinop sticker`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let out = out(args)?;
    let stickers = stickers(args)?;
    let content = match stickers.as_slice() {
        [sticker] if args.svg => coinop_web::svg(&sticker.url),
        stickers => sheet::html(stickers, usize::from(args.copies)),
    };
    let content = content.ok_or("an address is too long for a QR code; shorten `public_url`")?;
    write(&out, content.as_bytes(), args.force)?;
    let then = if args.svg { "" } else { "; open it in a browser and print it on A4 paper" };
    writeln!(io::stdout(), "wrote {}{then}", out.display()).map_err(|error| format!("cannot print: {error}"))
}

/// Returns what the stickers show.
fn stickers(args: &Args) -> Result<Vec<Sticker>, String> {
    let single = args.ids.len() == 1;
    if let Some(name) = &args.name {
        if !single {
            return Err("--name is for one asset; make the stickers one by one".to_owned());
        }
        if name.trim().is_empty() || name.len() > LONGEST_NAME {
            return Err(format!("--name must have 1 to {LONGEST_NAME} bytes"));
        }
    }
    if args.svg && !single {
        return Err("--svg is for one asset; make the codes one by one".to_owned());
    }
    let ids = args.ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
    let (config, place) = load(&args.config)?;
    let host = host(&config.public_url).map_err(|message| format!("{place}{message}"))?;
    let sticker = |id: &AssetId| {
        Ok(Sticker {
            name: name(args, &config, id)?,
            id: id.to_string(),
            host: host.to_owned(),
            contact: config.merchant.contact.clone(),
            url: config.page_url(id),
        })
    };
    ids.iter().map(sticker).collect()
}

fn id(text: &str) -> Result<AssetId, String> {
    AssetId::parse(text).ok_or_else(|| {
        format!(
            "{text:?} is not an asset's id: an id has 1 to 64 letters (a-z, A-Z), digits, - and _, and starts with a \
             letter or digit"
        )
    })
}

/// Returns the configuration in a file, and how a message about its `public_url` begins.
fn load(file: &Path) -> Result<(Config, String), String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if is_json(&text) {
        let config = hosted(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok((config, format!("{}: public_url: ", file.display())));
    }
    // This also explains what is wrong with a file that cannot be read.
    let settings = Settings::load(file)?;
    let place = settings.mistake("public_url", "");
    Ok((settings.config, place))
}

/// Returns the host of an address that can be printed.
fn host(public_url: &str) -> Result<&str, String> {
    let refused = |why: &str| {
        format!(
            "{public_url} cannot be printed: {why}; put a proxy with TLS in front, and write the https:// address that \
             buyers use"
        )
    };
    match reach(public_url)? {
        Reach::Plain => Err(refused("wallets refuse to pay over http")),
        Reach::Loopback => Err(refused("it leads a buyer's phone to the phone itself")),
        Reach::Encrypted => {
            public_url.strip_prefix("https://").ok_or_else(|| refused("it does not begin with https://"))
        }
    }
}

/// Returns the name for an asset's sticker. Says on standard error if the file does not have the asset.
fn name(args: &Args, config: &Config, id: &AssetId) -> Result<String, String> {
    let known = config.assets.iter().find(|asset| asset.id == *id);
    let file = args.config.display();
    match (known, &args.name) {
        (Some(_), Some(name)) => Ok(name.clone()),
        (Some(asset), None) => Ok(asset.name.clone()),
        (None, Some(name)) => {
            eprintln!(
                "note: {id} is not in {file}; its sticker leads to a page only if the asset is made by API"
            );
            Ok(name.clone())
        }
        (None, None) => Err(format!(
            "{id} is not in {file}; correct the id, or if the asset was made by API, give its name with --name"
        )),
    }
}

/// Returns the file to write. Refuses a name that promises another kind of file.
fn out(args: &Args) -> Result<PathBuf, String> {
    let kind = if args.svg { "svg" } else { "html" };
    if let Some(out) = &args.out {
        let is_of_kind = out.extension().is_none_or(|extension| extension.eq_ignore_ascii_case(kind));
        let more = if args.svg { "" } else { "; the QR code alone is a picture: see --svg" };
        return is_of_kind.then(|| out.clone()).ok_or_else(|| {
            let (out, named) = (out.display(), out.with_extension(kind));
            format!("--out {out}: this file is {kind}, so name it {}{more}", named.display())
        });
    }
    let default = match args.ids.as_slice() {
        [id] => format!("sticker-{id}.{kind}"),
        _ => format!("stickers.{kind}"),
    };
    Ok(default.into())
}

/// Writes a file. Replaces an existing one only if `force` is set.
fn write(file: &Path, bytes: &[u8], force: bool) -> Result<(), String> {
    let name = file.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{name} exists already; replace it with --force, or name another file with --out")
        }
        _ => format!("{name} cannot be written: {error}"),
    };
    if force {
        let whole = std::path::absolute(file).map_err(failed)?;
        return write_atomically(&whole, bytes, 0o644).map_err(failed);
    }
    let mut out = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    out.write_all(bytes).map_err(|error| {
        // Half a sheet would block the next try.
        let _ = std::fs::remove_file(file);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_a_wallet_opens_is_printed() {
        assert_eq!(host("https://coinop.example").unwrap(), "coinop.example");
        assert_eq!(host("https://coinop.example:8443").unwrap(), "coinop.example:8443");
        for url in
            ["http://coinop.example", "http://127.0.0.1:8402", "https://localhost", "http://0.0.0.0:8402"]
        {
            let error = host(url).unwrap_err();
            assert!(error.contains("https://") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_file_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sticker.html");
        write(&file, b"1", false).unwrap();
        assert!(write(&file, b"2", false).unwrap_err().contains("--force"));
        assert_eq!(std::fs::read(&file).unwrap(), b"1");
        write(&file, b"3", true).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"3");
        assert!(write(folder.path(), b"4", true).is_err());
    }

    #[test]
    fn ids_of_another_form_are_refused_in_one_line() {
        assert_eq!(id("door-1").unwrap().as_str(), "door-1");
        for text in ["", "-x", "a/b", "a b", "../x", "é", &"a".repeat(65)] {
            let error = id(text).unwrap_err();
            assert!(error.contains("1 to 64") && !error.contains('\n'), "{error}");
        }
    }
}
