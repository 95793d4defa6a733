//! The start: the manifest, what the component asks for, and the first requests.

use std::sync::Arc;

use coinop_core::config::{Config, PARTS};
use coinop_spin_test::manifest::Variable;
use tokio::task::JoinSet;

use crate::support::{World, manifest, runtime};

/// Everything that the component may import. Real Spin has all of it, because a name of WASI 0.2 fits any
/// 0.2.x.
const MAY_IMPORT: &[&str] = &[
    "fermyon:spin/key-value@2.0.0",
    "fermyon:spin/variables@2.0.0",
    "spin:sqlite/sqlite@3.0.0",
    "wasi:cli/environment@0.2",
    "wasi:cli/exit@0.2",
    "wasi:cli/stderr@0.2",
    "wasi:cli/stdin@0.2",
    "wasi:cli/stdout@0.2",
    "wasi:cli/terminal-input@0.2",
    "wasi:cli/terminal-output@0.2",
    "wasi:cli/terminal-stderr@0.2",
    "wasi:cli/terminal-stdin@0.2",
    "wasi:cli/terminal-stdout@0.2",
    "wasi:clocks/monotonic-clock@0.2",
    "wasi:clocks/wall-clock@0.2",
    "wasi:http/outgoing-handler@0.2",
    "wasi:http/types@0.2",
    "wasi:io/error@0.2",
    "wasi:io/poll@0.2",
    "wasi:io/streams@0.2",
    "wasi:random/insecure-seed@0.2",
    "wasi:random/random@0.2",
];

/// Shortens `0.2.x` to `0.2`, which is how wasmtime compares versions.
fn track(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((track, _)) if track.ends_with("@0.2") => track,
        _ => name,
    }
}

#[test]
fn the_component_asks_only_for_what_spin_has_inv_7() {
    let imports = runtime().imports();
    assert!(imports.iter().any(|name| name.starts_with("spin:sqlite/")), "{imports:?}");
    let strange: Vec<_> = imports.iter().filter(|name| !MAY_IMPORT.contains(&track(name))).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let exports = runtime().exports();
    assert!(exports.iter().any(|name| track(name) == "wasi:http/incoming-handler@0.2"), "{exports:?}");
}

#[test]
fn the_manifest_says_what_the_user_has_to_set_inv_9() {
    let manifest = manifest();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("coinop", env!("CARGO_PKG_VERSION")));
    let variable = |default: Option<&str>, secret| Variable { default: default.map(str::to_owned), secret };
    let parts = (0..PARTS).map(|number| (format!("coinop_assets_{number}"), variable(Some(""), false)));
    let expected = [
        ("coinop_config", variable(None, false)),
        ("coinop_epoch", variable(Some(""), false)),
        ("coinop_fee_payer", variable(None, true)),
        ("coinop_rpc_host", variable(None, false)),
        ("coinop_secret", variable(None, true)),
        ("coinop_secret_previous", variable(Some(""), true)),
    ];
    let expected = expected.map(|(name, variable)| (name.to_owned(), variable));
    assert_eq!(manifest.variables, parts.chain(expected).collect());
    // The component sees all of them except the host, which only Spin uses.
    for (name, template) in &manifest.templates {
        assert_eq!(*template, format!("{{{{ {name} }}}}"));
    }
    assert_eq!(manifest.templates.len(), manifest.variables.len() - 1);
    assert!(!manifest.templates.contains_key("coinop_rpc_host"));
    assert_eq!(manifest.allowed_outbound_hosts, ["{{ coinop_rpc_host }}"]);
    assert_eq!(manifest.databases, ["default"]);
    assert_eq!(manifest.source.to_str(), Some("target/wasm32-wasip2/component/coinop_spin.wasm"));
    for part in ["--profile component", "--target wasm32-wasip2", "-p coinop-spin"] {
        assert!(manifest.build.contains(part), "{}", manifest.build);
    }
}

#[test]
fn the_example_in_the_manifest_is_a_configuration() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml")).unwrap();
    let comment = text.lines().map_while(|line| line.strip_prefix('#'));
    let from = comment.skip_while(|line| line.trim() != "{").collect::<Vec<_>>();
    let end = from.iter().position(|line| line.trim() == "}").unwrap();
    let example = serde_json::from_str(&from[..=end].join("\n")).unwrap();
    let config = Config::from_json(&example).unwrap();
    assert_eq!(config.assets.len(), 1);
    assert_eq!(config.without_devices(), Ok(()));
    for name in manifest().variables.iter().filter(|(_, v)| v.default.is_none()).map(|(name, _)| name) {
        let set = format!("export SPIN_VARIABLE_{}=", name.to_ascii_uppercase());
        // A configuration may be larger than the environment allows, so it comes from a file.
        let set =
            if name == "coinop_config" { "--variable coinop_config=@coinop.json".to_owned() } else { set };
        assert!(text.contains(&set), "{set} is missing in the comment");
    }
    assert!(text.contains(&format!("export SPIN_VARIABLE_COINOP_RPC_HOST=\"{}\"", config.rpc_url)));
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_does_not_start_without_a_required_variable() {
    let world = World::start().await;
    for name in ["coinop_config", "coinop_secret", "coinop_fee_payer", "coinop_rpc_host"] {
        let mut values = world.values.clone();
        values.remove(name);
        let refused = manifest().up(&values, world.database.0.parent().unwrap()).unwrap_err();
        assert_eq!(refused, format!("no provider resolved required variable(s): [\"{name}\"]"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_requests_may_come_all_at_once_inv_7() {
    let world = Arc::new(World::start().await);
    assert!(!world.database.0.exists());
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let world = world.clone();
        let (method, path, expected) =
            [("POST", "/api/v1/access/door-1", 402), ("GET", "/api/v1/assets", 200), ("GET", "/health", 200)]
                [number % 3];
        requests.spawn(async move { (world.send(method, path, &[]).await, expected) });
    }
    for (answer, expected) in requests.join_all().await {
        assert_eq!(answer.status, expected, "{answer:?}\n{}", world.spin.printed());
    }
    // The first request creates the tables, once. They are empty.
    assert_eq!((world.database.events(), world.database.payments()), (0, 0));
    assert_eq!(world.relay.calls(), 0);
    world.check();
}
