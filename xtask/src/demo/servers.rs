//! The demo's servers: the local chain, the gateway, and the front with the wallet.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::folder::{
    BUYER, BUYER_HAS, CHAIN_LOG, CONFIG, FRONT_LOG, Folder, GATEWAY_LOG, LAMP, MERCHANT, Ports,
};
use crate::proc::{self, Cmd, Group, Scope};
use crate::workspace::Workspace;
use crate::{chain, http, rpc, stop};

/// How long a start may take. All servers start in less than a second, but a busy machine may take longer.
const START: Duration = Duration::from_secs(20);
/// How long an end may take. A gateway may wait for a lock command before it ends.
const GRACE: Duration = Duration::from_secs(10);
/// One USDC in atomic units.
const ONE_USDC: u64 = 1_000_000;
const TICK: Duration = Duration::from_millis(20);
/// How many lines of a log are shown after a failure.
const TAIL: usize = 15;

/// The running servers. Fields are dropped in order, so the gateway ends while it can still reach the chain.
pub(crate) struct Servers {
    pub(crate) ports: Ports,
    front: Server,
    gateway: Server,
    chain: Server,
}

struct Server {
    name: &'static str,
    group: Group,
    log: PathBuf,
}

impl Servers {
    /// Starts all and waits until they are ready. It checks that they answer, and not other servers on their ports.
    pub(crate) fn start(workspace: &Workspace, folder: &Folder, ports: Ports) -> Result<Self> {
        let chain = chain(workspace, folder, ports)?;
        let gateway = gateway(workspace, folder, ports)?;
        let front = front(workspace, folder, ports)?;
        Ok(Self { ports, front, gateway, chain })
    }

    /// Fails if one of them has ended.
    pub(crate) fn are_running(&mut self) -> Result<()> {
        self.front.is_running()?;
        self.gateway.is_running()?;
        self.chain.is_running()
    }

    /// Stops all, the chain last, and fails if one of them did not end as it should.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.front.stop()?;
        self.gateway.stop()?;
        self.chain.stop()
    }

    /// Returns the last lines of the gateway's log.
    pub(crate) fn gateway_log(&self) -> String {
        tail(&self.gateway.log)
    }
}

fn chain(workspace: &Workspace, folder: &Folder, ports: Ports) -> Result<Server> {
    let fund =
        [format!("{}={BUYER_HAS}", folder.buyer), format!("{}=0", folder.fee_payer), format!("{MERCHANT}=0")];
    let log = folder.path.join(CHAIN_LOG);
    let cmd = chain::command(&workspace.coinop_chain(), &folder.path, ports.chain, &fund);
    let group = cmd.without_own_env().serve(&log)?;
    let mut chain = Server { name: "the local chain", group, log };
    chain.wait_until(|| {
        // The key is new, so only this chain can have its money.
        let has = rpc::usdc_of(ports.chain, &folder.buyer)?;
        ensure!(has == u64::from(BUYER_HAS) * ONE_USDC, "another chain answers on port {}", ports.chain);
        Ok(())
    })?;
    Ok(chain)
}

fn gateway(workspace: &Workspace, folder: &Folder, ports: Ports) -> Result<Server> {
    let log = folder.path.join(GATEWAY_LOG);
    let cmd = Cmd::new(workspace.coinop(), &workspace.root).arg("serve").arg("--config");
    let group = cmd.arg(folder.path.join(CONFIG)).without_own_env().serve(&log)?;
    let mut gateway = Server { name: "the gateway", group, log };
    gateway.wait_until(|| {
        for path in ["/health", "/ready"] {
            let answer = http::get(ports.gateway, path)?;
            ensure!(answer.status == 200, "{path} answers {}: {}", answer.status, answer.body.trim());
        }
        is_this_runs(ports.gateway, folder)
    })?;
    Ok(gateway)
}

/// Starts what stands in front of the gateway: it passes everything on, and adds a wallet to the pages.
fn front(workspace: &Workspace, folder: &Folder, ports: Ports) -> Result<Server> {
    let log = folder.path.join(FRONT_LOG);
    let cmd = Cmd::new(workspace.coinop_demo(), &folder.path)
        .args(["--port", &ports.public.to_string(), "--gateway-port", &ports.gateway.to_string()])
        .args(["--chain-port", &ports.chain.to_string()])
        .args(["--keypair", BUYER, "--lamp", LAMP, "--pay-to", MERCHANT]);
    let group = cmd.without_own_env().serve(&log)?;
    let mut front = Server { name: "the demo's front", group, log };
    front.wait_until(|| {
        is_this_runs(ports.public, folder)?;
        let account = http::get(ports.public, "/demo/account")?;
        ensure!(account.body.contains(&folder.buyer), "another demo answers on port {}", ports.public);
        Ok(())
    })?;
    Ok(front)
}

/// Fails if another gateway answers: only this run's knows the fee payer's key.
fn is_this_runs(port: u16, folder: &Folder) -> Result<()> {
    let offer = http::get(port, "/api/v1/access/lamp")?;
    ensure!(offer.body.contains(&folder.fee_payer), "another gateway answers on port {port}");
    Ok(())
}

impl Server {
    fn wait_until(&mut self, ready: impl Fn() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        loop {
            let Err(error) = ready() else { return self.is_running() };
            self.is_running()?;
            stop::check()?;
            if start.elapsed() > START {
                bail!(
                    "{} is not ready after {} s: {error:#}\n{}",
                    self.name,
                    START.as_secs(),
                    tail(&self.log)
                );
            }
            thread::sleep(TICK);
        }
    }

    fn is_running(&mut self) -> Result<()> {
        if let Some(status) = self.group.poll()? {
            bail!("{} has ended ({})\n{}", self.name, proc::ending(status), tail(&self.log));
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let status = self.group.end(Scope::Leader, GRACE)?;
        if !status.success() {
            bail!("{} did not end cleanly ({})\n{}", self.name, proc::ending(status), tail(&self.log));
        }
        Ok(())
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// Returns a port on which nothing listens.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free for the gateway")?;
    Ok(listener.local_addr()?.port())
}

/// Fails with advice on what to change, unless it can listen on `port`.
pub(crate) fn port_is_free(port: u16, whose: &str, flag: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} of {whose} is in use: stop what listens there, or choose another with {flag}")
        }
        Err(error) => Err(error)
            .with_context(|| format!("port {port} of {whose} cannot be used: choose another with {flag}")),
    }
}
