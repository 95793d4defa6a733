//! Coinop on a machine beside the device.
//!
//! `coinop serve` runs the gateway's component, the same one that Spin runs. It provides what the component
//! asks for: a database, a clock, a connection to the chain, and the devices of this machine.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod backup;
mod check;
mod clock;
mod controller;
mod db;
mod devices;
mod drivers;
mod failpoint;
mod files;
mod guardian;
mod guest;
mod http;
mod keygen;
mod lock;
mod logging;
mod metrics;
mod owed;
mod pack;
mod pay;
mod processes;
mod recent;
mod reconcile;
mod sales;
mod serve;
mod settings;
mod settler;
mod signals;
mod sticker;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A coin slot for anything with an address.
#[derive(Parser)]
#[command(name = "coinop", version, after_help = "Example:\n  coinop serve --config coinop.toml")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Pay(pay::Args),
    Lock(lock::Args),
    Check(check::Args),
    Keygen(keygen::Args),
    Sales(sales::Args),
    Owed(owed::Args),
    Backup(backup::Args),
    Pack(pack::Args),
    Reconcile(reconcile::Args),
    Sticker(sticker::Args),
    Verify(verify::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            let printed = error.print();
            return ExitCode::from(u8::from(printed.is_err()));
        }
        Err(error) => {
            eprintln!("{}", one_line(&error.to_string()));
            return ExitCode::from(2);
        }
    };
    let result = match cli.command {
        Command::Serve(args) => return ended(serve::run(&args)),
        Command::Reconcile(args) => return ended(reconcile::run(&args)),
        Command::Lock(args) => lock::run(&args),
        Command::Pay(args) => pay::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Sales(args) => sales::run(&args),
        Command::Owed(args) => owed::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Pack(args) => pack::run(&args),
        Command::Sticker(args) => sticker::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    ended(result.map(|()| ExitCode::SUCCESS))
}

fn ended(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// Returns an argument error in one line, without the usage text that follows it.
fn one_line(text: &str) -> String {
    let said = text.split("\n\nUsage:").next().unwrap_or_default();
    let said = said.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().collect();
    format!("{} (try --help)", words.join(" "))
}
