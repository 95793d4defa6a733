//! `cargo xtask chain` runs the local Solana chain alone.

use std::path::Path;

use anyhow::{Result, bail};

use crate::proc::{self, Cmd};
use crate::stop;
use crate::workspace::Workspace;
use crate::{build, output};

/// The default port of the local chain. Solana's own tools expect a local chain there.
pub(crate) const PORT: u16 = 8899;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Gives an address this much USDC, and 10 SOL; may be repeated
    #[arg(long, value_name = "ADDRESS=AMOUNT")]
    fund: Vec<String>,
}

/// Builds the local chain and runs it until it is stopped.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    build::native(workspace)?;
    let mut chain = command(&workspace.coinop_chain(), &workspace.root, args.port, &args.fund).spawn()?;
    match chain.wait(None) {
        // It ended because it was asked to, which is a success for a server.
        Err(_) if stop::requested() => {
            output::note("the local chain has stopped");
            Ok(())
        }
        Err(error) => Err(error),
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the local chain ended ({})", proc::ending(status)),
    }
}

/// Returns the command that runs the local chain.
pub(crate) fn command(program: &Path, folder: &Path, port: u16, fund: &[String]) -> Cmd {
    let cmd = Cmd::new(program, folder).arg("--port").arg(port.to_string());
    fund.iter().fold(cmd, |cmd, fund| cmd.arg("--fund").arg(fund))
}
