//! The servers under load, each in its own process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use coinop_core::encoding::base64;
use coinop_core::svm::{Address, keypair};
use coinop_spin_test::manifest::Manifest;
use coinop_spin_test::spin::{Runtime, Spin};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::payments::{SECRET, fee_payer};

/// The file in the stand-in's folder that holds its variables.
const VARIABLES: &str = "variables.json";

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);
/// How long a server may take to end if it has to end others first.
const END: Duration = Duration::from_secs(5);
/// How often a wait checks.
const TICK: Duration = Duration::from_millis(20);

/// A running server. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    /// The standard input of a server that reads it. Such a server ends when its input ends.
    input: Option<ChildStdin>,
    /// The process that serves: this child, or a child of it.
    process: u32,
    pub(crate) address: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.input.take().is_some() {
            let begun = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < END {
                std::thread::sleep(TICK);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if !log.is_empty() {
            eprintln!("a server logged:\n{log}");
        }
    }
}

impl Server {
    /// Starts a hyper server that only says hello. It is this program itself.
    pub(crate) fn hello() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        let port = free_port()?;
        command.args(["--hello", &port.to_string()]);
        Self::start(command, port, folder, None)
    }

    /// Starts `coinop serve` with this configuration and module.
    pub(crate) fn coinop(binary: &Path, module: &Path, mut config: Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        config["listen"] = format!("127.0.0.1:{port}").into();
        config["data_dir"] = "data".into();
        fs::write(folder.path().join("coinop.toml"), toml(&config))?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(absolute(binary)?);
        command
            .current_dir(folder.path())
            .arg("serve")
            // What is measured is one process.
            .arg("--no-guardian")
            .arg("--module")
            .arg(absolute(module)?)
            .env("COINOP_SECRET", base64(&SECRET))
            .env("COINOP_FEE_PAYER", keypair::to_json(&fee_payer()))
            .env("COINOP_LOG", "error")
            .stdout(Stdio::null())
            .stderr(log);
        Self::start(command, port, folder, None)
    }

    /// Starts the stand-in for Spin with this module and these variables. It is this program itself.
    pub(crate) fn spin(module: &Path, variables: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(VARIABLES), variables.to_string())?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        let port = free_port()?;
        command
            .args(["--spin", &port.to_string()])
            .arg("--component")
            .arg(absolute(module)?)
            .current_dir(folder.path())
            .stderr(log);
        Self::start(command, port, folder, None)
    }

    /// Starts a local chain on which these addresses have this much USDC, and SOL.
    pub(crate) fn chain(binary: &Path, funds: &[(Address, u32)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(absolute(binary)?);
        command.args(["--port", &port.to_string()]).stdout(Stdio::null());
        for (address, amount) in funds {
            command.args(["--fund", &format!("{address}={amount}")]);
        }
        Self::start(command, port, folder, None)
    }

    /// Starts workerd with the worker in the folder `worker` and this configuration, and with a plain one at
    /// `/hello`. `script` runs it through miniflare.
    pub(crate) fn miniflare(script: &Path, worker: &Path, config: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new("node");
        command.arg(absolute(script)?).stdout(Stdio::null()).stderr(log);
        let options = json!({
            "port": port,
            "script": absolute(worker)?,
            "folder": folder.path(),
            "bindings": {
                "COINOP_CONFIG": config.to_string(),
                "COINOP_SECRET": base64(&SECRET),
                "COINOP_FEE_PAYER": keypair::to_json(&fee_payer()),
            },
        });
        let mut server = Self::start(command, port, folder, Some(format!("{options}\n")))?;
        server.process = child_named(server.process, "workerd")?;
        Ok(server)
    }

    fn start(
        mut command: Command,
        port: u16,
        folder: tempfile::TempDir,
        input: Option<String>,
    ) -> Result<Self> {
        let address = format!("127.0.0.1:{port}");
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().with_context(|| format!("{command:?} can't be started"))?;
        let (process, pipe) = (child.id(), child.stdin.take());
        let mut server = Self { child, input: pipe, process, address, folder };
        if let (Some(pipe), Some(text)) = (&mut server.input, input) {
            pipe.write_all(text.as_bytes())?;
        }
        let begun = Instant::now();
        while std::net::TcpStream::connect(&server.address).is_err() {
            if server.child.try_wait()?.is_some() || begun.elapsed() > START {
                bail!("a server did not start: {}", server.log());
            }
            std::thread::sleep(TICK);
        }
        Ok(server)
    }

    /// Returns what it has logged.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns how much time it has computed so far, on all cores together.
    pub(crate) fn computed(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process))?;
        // The name may contain anything, so the fields are read after it: the 14th and 15th of all, in
        // hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
    }

    /// Returns how many bytes it has written to the disk so far.
    pub(crate) fn written(&self) -> Result<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.process))?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:")).context("no write_bytes")?;
        Ok(line.trim().parse()?)
    }

    /// Returns how much memory it uses now, in bytes.
    pub(crate) fn rss(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes << 10)
    }
}

/// Returns the process of this name that `parent` has started.
fn child_named(parent: u32, name: &str) -> Result<u32> {
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The state and the parent follow after the name, which is in brackets.
        let (head, fields) = stat.rsplit_once(')').unwrap_or_default();
        head.ends_with(&format!("({name}")) && fields.split(' ').nth(2) == Some(&parent.to_string())
    };
    pids.into_iter().find(is_child).with_context(|| format!("there is no {name} of process {parent}"))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no {}", path.display()))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Returns the configuration as the file that `coinop serve` reads. It uses inline tables, and JSON's strings
/// and numbers are valid TOML.
fn toml(config: &Value) -> String {
    let mut text = String::new();
    for (key, value) in config.as_object().into_iter().flatten() {
        text.push_str(&format!("{key} = {}\n", inline(value)));
    }
    text
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(",\n"))
        }
        other => other.to_string(),
    }
}

/// Says hello on this port, for ever.
pub(crate) async fn serve_hello(port: u16) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let hello = async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
        };
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(TokioIo::new(stream), service_fn(hello)).await;
        });
    }
}

/// Serves the module as Spin does, on this port, for ever. Its variables are in the current folder.
pub(crate) async fn serve_spin(port: u16, module: &Path) -> Result<()> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
    let manifest = Manifest::read(&manifest).map_err(anyhow::Error::msg)?;
    let mut values: BTreeMap<String, String> = serde_json::from_str(&fs::read_to_string(VARIABLES)?)?;
    for (name, value) in [
        ("coinop_secret", base64(&SECRET)),
        ("coinop_fee_payer", keypair::to_json(&fee_payer())),
        ("coinop_rpc_host", "http://127.0.0.1:9".to_owned()),
    ] {
        values.insert(name.to_owned(), value);
    }
    let app = manifest.up(&values, Path::new(".spin")).map_err(anyhow::Error::msg)?;
    let failed = |error: wasmtime::Error| anyhow::anyhow!("{error:#}");
    let runtime = Runtime::load(module).map_err(failed)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let _spin = Spin::up_on(&runtime, app, listener).await.map_err(failed)?;
    std::future::pending().await
}
