//! The servers under load, each a process of its own.

use std::convert::Infallible;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use coinop_core::encoding::base64;
use coinop_core::svm::keypair;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::payments::{SECRET, fee_payer};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// A running server. It ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if !log.is_empty() {
            eprintln!("a server logged:\n{log}");
        }
    }
}

impl Server {
    /// A hyper server that says hello, and nothing else: this program itself.
    pub(crate) fn hello() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        let port = free_port()?;
        command.args(["--hello", &port.to_string()]);
        Self::start(command, port, folder)
    }

    /// `coinop serve` with this configuration and module.
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
            .arg("--module")
            .arg(absolute(module)?)
            .env("COINOP_SECRET", base64(&SECRET))
            .env("COINOP_FEE_PAYER", keypair::to_json(&fee_payer()))
            .env("COINOP_LOG", "error")
            .stdout(Stdio::null())
            .stderr(log);
        Self::start(command, port, folder)
    }

    fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Result<Self> {
        let address = format!("127.0.0.1:{port}");
        let child = command.spawn().with_context(|| format!("{command:?} can't be started"))?;
        let mut server = Self { child, address, folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(&server.address).is_err() {
            if server.child.try_wait()?.is_some() || begun.elapsed() > START {
                bail!("a server did not start: {}", server.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// What it complained of.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Time that it has computed so far, on all cores together.
    pub(crate) fn computed(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything: the 12th and 13th field, in hundredths.
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
    }

    /// What it has written to disk so far, in bytes.
    pub(crate) fn written(&self) -> Result<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:")).context("no write_bytes")?;
        Ok(line.trim().parse()?)
    }

    /// Memory that it has in use now, in bytes.
    pub(crate) fn rss(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes << 10)
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no {}", path.display()))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The configuration as the file that `coinop serve` reads. Inline tables are TOML, and JSON
/// strings and numbers are too.
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

/// Serves hello on this port, for ever.
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
