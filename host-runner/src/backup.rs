//! `coinop backup` copies the journal to a file, also while `coinop serve` runs.

use std::io::Write as _;
use std::path::PathBuf;

use crate::db;
use crate::settings::Settings;

/// Copies the journal of `coinop serve` to a file, also while it runs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop backup /backup/coinop.db\n  coinop backup \"/backup/$(date +%F).db\" --config /etc/coinop/coinop.toml\n\nThe copy has mode 600, and holds no secret: keep a copy of the file `secret` in data_dir too. To restore it, stop the gateway and put the copy in the place of coinop.db in data_dir."
)]
pub(crate) struct Args {
    /// The file to write. It must not exist.
    file: PathBuf,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// Runs `coinop backup`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    crate::files::keep_new_files_private();
    let data_dir = Settings::load(&args.config)?.data_dir;
    let db::Copied { sessions, bytes } = db::copy(&data_dir, &args.file)?;
    let name = args.file.display();
    let plural = if sessions == 1 { "session" } else { "sessions" };
    writeln!(std::io::stdout(), "{name}: {sessions} {plural}, {bytes} bytes")
        .map_err(|error| format!("cannot print: {error}"))
}
