//! The chain, the relay, the gateway and the buyers together.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use coinop_core::encoding::base64;
use coinop_core::svm::{Address, SigningKey, keypair};
use coinop_spin_test::manifest::{App, Manifest, Variables};
use coinop_spin_test::spin::{Runtime, Spin};
use coinop_spin_test::sqlite;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chain::Chain;
use super::{Answer, Buyer, Database, Relay, http};

/// The money of each buyer: 25 USDC.
const FUNDS: u64 = 25;
/// How many buyers have money.
const BUYERS: u8 = 10;

/// Returns cargo's target folder. This program is in `<target>/<profile>/deps`.
pub(super) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

/// Returns the component, which is compiled once for all tests.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| load("COINOP_COMPONENT", "component"));
    &RUNTIME
}

/// Returns the component of the benchmarks, for which no money moves.
pub(crate) fn stubbed() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| load("COINOP_COMPONENT_STUB", "component-stub"));
    &RUNTIME
}

/// Loads the component that this variable names, or the one in this profile's folder.
fn load(variable: &str, profile: &str) -> Runtime {
    let default = || target().join("wasm32-wasip2").join(profile).join("coinop_spin.wasm");
    let file = std::env::var_os(variable).map_or_else(default, PathBuf::from);
    assert!(file.exists(), "{} is missing: run `cargo xtask test spin`", file.display());
    Runtime::load(&file).unwrap_or_else(|error| panic!("{}: {error:?}", file.display()))
}

/// Returns the project's own manifest.
pub(crate) fn manifest() -> Manifest {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
    Manifest::read(&file).unwrap()
}

/// A gateway, its chain and its buyers.
pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) relay: Relay,
    pub(crate) spin: Spin,
    pub(crate) database: Database,
    pub(crate) merchant: Address,
    /// The variables that the user has set before `spin up`.
    pub(crate) values: Variables,
    runtime: &'static Runtime,
    state: TempDir,
}

impl World {
    /// Starts a gateway with two doors, sold by the minute, and a locker, sold by the second.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts the same gateway with other variables.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Variables)) -> Self {
        Self::start_on(runtime(), change).await
    }

    /// Starts the same gateway with another component.
    pub(crate) async fn start_on(runtime: &'static Runtime, change: impl FnOnce(&mut Variables)) -> Self {
        let fee_payer = SigningKey::from_bytes(&[1; 32]);
        let address = |key: &SigningKey| Address::new(key.verifying_key().to_bytes());
        let merchant = address(&SigningKey::from_bytes(&[2; 32]));
        let mut funds = vec![(merchant, 0), (address(&fee_payer), 0)];
        funds.extend((0..BUYERS).map(|number| (Buyer::numbered(number).address(), FUNDS)));
        let chain = tokio::task::spawn_blocking(move || Chain::start(&funds)).await.unwrap();
        let relay = Relay::start(&chain.address).await;
        let mut values = Variables::new();
        let mut set = |name: &str, value: String| values.insert(name.to_owned(), value);
        set("coinop_config", config(&merchant, &relay.url()).to_string());
        set("coinop_secret", base64(&[3; 32]));
        set("coinop_fee_payer", keypair::to_json(&fee_payer));
        set("coinop_rpc_host", relay.url());
        change(&mut values);
        let state = tempfile::tempdir().unwrap();
        let spin = up(runtime, app(&values, state.path())).await;
        let database = Database(sqlite::file(&state.path().join(".spin")));
        Self { chain, relay, spin, database, merchant, values, runtime, state }
    }

    /// Kills the host at once, and starts another one on the same data.
    pub(crate) async fn restart(self) -> Self {
        let app = app(&self.values, self.state.path());
        self.restart_as(app).await
    }

    /// Does the same with another application.
    pub(crate) async fn restart_as(self, app: App) -> Self {
        let Self { spin, .. } = self;
        spin.kill().await;
        Self { spin: up(self.runtime, app).await, ..self }
    }

    /// Does the same with another component.
    pub(crate) async fn restart_on(self, runtime: &'static Runtime) -> Self {
        Self { runtime, ..self }.restart().await
    }

    /// Returns the application as `spin up` would run it.
    pub(crate) fn app(&self) -> App {
        app(&self.values, self.state.path())
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send(method, path, headers).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        http::send(&self.spin.address.to_string(), method, path, headers, Bytes::new()).await
    }

    /// Posts a body.
    pub(crate) async fn post(&self, path: &str, body: String) -> Answer {
        http::send(&self.spin.address.to_string(), "POST", path, &[], Bytes::from(body)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Returns a session's status, as its buyer sees it.
    pub(crate) async fn session(&self, session: &str, token: &str) -> Value {
        let path = format!("/api/v1/sessions/{session}/status");
        let answer = self.send("GET", &path, &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Returns what the merchant has earned, in atomic units of USDC.
    pub(crate) async fn earned(&self) -> u64 {
        self.chain.tokens(&self.merchant).await
    }

    /// Checks that nothing went wrong unseen: no trap, no panic, no secret in the output.
    pub(crate) fn check(&self) {
        assert_eq!(self.spin.failures(), Vec::<String>::new());
        let printed = self.spin.printed();
        assert!(!printed.contains("panicked"), "{printed}");
        for name in ["coinop_secret", "coinop_secret_previous", "coinop_fee_payer"] {
            let secret = self.values.get(name).filter(|value| value.len() > 8);
            assert!(secret.is_none_or(|secret| !printed.contains(secret)), "{name} was printed");
        }
    }
}

fn app(values: &Variables, state: &Path) -> App {
    manifest().up(values, &state.join(".spin")).unwrap()
}

async fn up(runtime: &Runtime, app: App) -> Spin {
    Spin::up(runtime, app).await.unwrap_or_else(|error| panic!("{error:?}"))
}

fn config(merchant: &Address, rpc_url: &str) -> Value {
    let door = |id: &str| json!({ "id": id, "price": "0.01", "unit": "minute", "max_quantity": 240 });
    json!({
        "public_url": "https://coinop.example",
        "merchant": { "pay_to": merchant, "tokens": ["USDC"] },
        "solana": { "network": "devnet", "rpc_url": rpc_url },
        "settlement": { "mode": "local" },
        "asset": [
            door("door-1"),
            door("door-2"),
            { "id": "locker", "price": "0.001", "unit": "second", "max_quantity": 60 },
        ],
    })
}
