//! Measures what a request costs if each has its own instance, on the stand-in for Spin.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use coinop_core::config::Config;
use serde_json::{Value, json};

use crate::clients::Getter;
use crate::each_us;
use crate::load::load;
use crate::payments;
use crate::report::Report;
use crate::servers::Server;

/// How many assets there are: a few, and many.
const FEW: usize = 40;
const MANY: usize = 5_000;
/// How many clients run at once: one for each core of a small machine.
const CLIENTS: usize = 2;

/// The measured requests: the name, the path and the expected status.
const ASKED: [(&str, &str, u16); 3] = [
    ("health", "/health", 200),
    ("keys", "/.well-known/jwks.json", 200),
    ("challenge", "/api/v1/access/lane-17?quantity=1", 402),
];

/// Returns a configuration with this many assets, each with everything that an asset for people has.
fn config(assets: usize) -> Value {
    let mut config = payments::config(0);
    let asset = |n: usize| {
        json!({
            "id": format!("lane-{n}"), "name": format!("Lane {n} of the swimming pool"), "price": "0.01", "unit": "second",
            "description": "Fifty metres, from the moment in which the gate opens", "min_quantity": 1, "max_quantity": 3600,
        })
    };
    config["asset"] = (0..assets).map(asset).collect();
    config
}

/// Returns Spin's variables with the configuration as it is.
fn plain(assets: usize) -> Value {
    json!({ "coinop_config": config(assets).to_string() })
}

/// Returns Spin's variables with the packed configuration.
fn packed(assets: usize) -> Result<Value> {
    let pack = Config::pack(&config(assets)).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut variables = json!({ "coinop_config": pack.config });
    for (number, part) in pack.parts.into_iter().enumerate() {
        variables[format!("coinop_assets_{number}")] = part.into();
    }
    Ok(variables)
}

/// Measures the computing time of each request.
pub(crate) async fn measure(
    report: &mut Report,
    component: &Path,
    rounds: u32,
    lasting: Duration,
) -> Result<()> {
    let servers = [
        ("spin_40", Server::spin(component, &plain(FEW))?),
        ("spin_40_packed", Server::spin(component, &packed(FEW)?)?),
        ("spin_5000_packed", Server::spin(component, &packed(MANY)?)?),
    ];
    for (_, server) in &servers {
        ask(server, "/health", 200, lasting / 4).await?;
    }
    for _ in 0..rounds {
        for (name, server) in &servers {
            for (what, path, status) in ASKED {
                report.add(&format!("{name}_{what}_us"), ask(server, path, status, lasting).await?);
            }
        }
    }
    Ok(())
}

/// Returns the computing time of one request, in microseconds.
async fn ask(server: &Server, path: &'static str, status: u16, lasting: Duration) -> Result<f64> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Getter::open(&server.address, path, status).await?);
    }
    let before = server.computed()?;
    let (_, outcome) = load(clients, lasting).await?;
    Ok(each_us(server.computed()? - before, &outcome))
}
