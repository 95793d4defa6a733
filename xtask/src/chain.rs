//! `cargo xtask chain`: the local Solana chain alone.

use std::path::Path;

use anyhow::{Result, bail};

use crate::proc::{self, Cmd};
use crate::stop;
use crate::workspace::Workspace;
use crate::{build, output};

/// Where the local chain listens unless told otherwise: where Solana's own tools look for one.
pub(crate) const PORT: u16 = 8899;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Gives an address so much USDC, and some SOL; may be repeated
    #[arg(long, value_name = "ADDRESS=AMOUNT")]
    fund: Vec<String>,
}

/// Builds it and runs it until it is stopped.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    build::native(workspace)?;
    let mut chain = command(&workspace.coinop_chain(), &workspace.root, args.port, &args.fund).spawn()?;
    match chain.wait(None) {
        // Asked to end, it ended: that is what a server is for.
        Err(_) if stop::requested() => {
            output::note("the local chain has stopped");
            Ok(())
        }
        Err(error) => Err(error),
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the local chain ended ({})", proc::ending(status)),
    }
}

/// The command that runs it.
pub(crate) fn command(program: &Path, folder: &Path, port: u16, fund: &[String]) -> Cmd {
    let cmd = Cmd::new(program, folder).arg("--port").arg(port.to_string());
    fund.iter().fold(cmd, |cmd, fund| cmd.arg("--fund").arg(fund))
}
