//! Developers' commands: `cargo xtask build`, `demo`, `chain`, `test`, `sim`, `fuzz`, `mutants`, `record`,
//! `screenshots`, `bench`, `check`.
//!
//! They are in a crate of their own, so that a clone needs only cargo: no make, no shell, and no tool to
//! install first. Each command fetches and builds what it lacks, says what it runs, exits with a code that
//! tells the truth, and leaves no process behind.

mod background;
mod bench;
mod build;
mod chain;
mod check;
mod demo;
mod fuzz;
mod http;
mod mutants;
mod output;
mod proc;
mod record;
mod rpc;
mod screenshots;
mod sim;
mod stop;
mod tally;
mod test;
mod text;
mod tools;
mod wasm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The exit code that a shell reports for a command that Ctrl-C ended.
const EXIT_STOPPED: u8 = 130;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Commands for developing Coinop")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, release: the binaries, the Spin component and the Cloudflare Worker
    #[command(
        after_help = "Example: cargo xtask build && target/release/coinop --help\n         cargo xtask build worker"
    )]
    Build(build::Args),
    /// Start a local chain and a gateway with three example assets, and say what to try
    #[command(after_help = "Example: cargo xtask demo\n         cargo xtask demo --once")]
    Demo(demo::Args),
    /// Run the local Solana chain alone, playing devnet
    #[command(
        after_help = "Example: cargo xtask chain --fund H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5=25"
    )]
    Chain(chain::Args),
    /// Run all tests, or only the suites named
    #[command(after_help = "Example: cargo xtask test\n         cargo xtask test core clients")]
    Test(test::Args),
    /// Play the gateway in worlds made from seeds, with faults, thieves and crashes
    #[command(
        after_help = "Example: cargo xtask sim --seeds 1000\n         cargo xtask sim --from 117 --trace"
    )]
    Sim(sim::Args),
    /// Try inputs on the fuzz targets, and say which break what must hold
    #[command(
        after_help = "Example: cargo xtask fuzz --seconds 10\n         cargo xtask fuzz transaction --seconds 600"
    )]
    Fuzz(fuzz::Args),
    /// Remove guards from a copy of the sources, and expect their tests to fail
    #[command(
        after_help = "Example: cargo xtask mutants\n         cargo xtask mutants ticket-claimed-once seats\n         cargo xtask mutants --day 20000"
    )]
    Mutants(mutants::Args),
    /// Record the commands of the differential test again
    #[command(after_help = "Example: cargo xtask record && git diff --stat")]
    Record,
    /// Take the pictures of docs/pages/ again, which needs Chromium
    #[command(after_help = "Example: CHROMIUM=/usr/bin/chromium cargo xtask screenshots")]
    Screenshots,
    /// Run the benchmarks: a table, and target/bench.json
    #[command(after_help = "Example: cargo xtask bench\n         cargo xtask bench --only verify --rounds 1")]
    Bench(bench::Args),
    /// Check formatting, lints, guards, import cycles, what products contain, licenses, advisories and the Worker's size
    #[command(after_help = "Example: cargo xtask check")]
    Check,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(_) if stop::requested() => {
            output::note("stopped");
            ExitCode::from(EXIT_STOPPED)
        }
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    stop::install()?;
    let workspace = Workspace::find()?;
    match command {
        Command::Build(args) => build::run(&workspace, &args)?,
        Command::Demo(args) => demo::run(&workspace, &args)?,
        Command::Chain(args) => chain::run(&workspace, &args)?,
        Command::Test(args) => return test::run(&workspace, &args),
        Command::Sim(args) => sim::run(&workspace, &args)?,
        Command::Fuzz(args) => return fuzz::run(&workspace, &args),
        Command::Mutants(args) => return mutants::run(&workspace, &args),
        Command::Record => record::run(&workspace)?,
        Command::Screenshots => screenshots::run(&workspace)?,
        Command::Bench(args) => bench::run(&workspace, &args)?,
        Command::Check => return check::run(&workspace),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
