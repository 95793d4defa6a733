//! Starting, refusing to start, and ending.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use crate::support::{Chain, program};

/// Runs the program to its end. It must fail with one line, which is returned.
fn refusal(arguments: &[&str]) -> String {
    let output = program(arguments).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    error
}

#[test]
fn mistakes_get_one_line_that_says_what_to_change() {
    let good = "87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3";
    let twice = format!("{good}=1");
    for (arguments, wanted) in [
        (vec!["--port", "0", "--fund", "nobody=1"], "not a Solana address"),
        (vec!["--port", "0", "--fund", good], "write ADDRESS=AMOUNT"),
        (vec!["--port", "0", "--fund", &format!("{good}=-1")], "write it as a plain decimal number"),
        (vec!["--port", "0", "--fund", &format!("{good}=0.0000001")], "at most 6"),
        (vec!["--port", "0", "--fund", &twice, "--fund", &twice], "once"),
        (vec!["--port", "many"], "--port"),
        (vec!["--finality-lag", "99999"], "--finality-lag"),
        (vec!["--port", "0", "--confirm-lag", "3", "--finality-lag", "2"], "at most that"),
        (vec!["--confirm-lag", "101"], "--confirm-lag"),
        (vec!["--speed", "9"], "--speed"),
    ] {
        let error = refusal(&arguments);
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(
        refusal(&["--port", &port.to_string()]),
        format!(
            "coinop-chain: port {port} is in use: stop what listens there, or choose another \
             with --port\n"
        )
    );
}

#[test]
fn a_signal_ends_it_well() {
    for name in ["-TERM", "-INT"] {
        let mut chain = Chain::start(&[]);
        let id = chain.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
        assert!(chain.process.wait().unwrap().success());
    }
}

#[test]
fn it_plays_devnet_and_every_run_is_another_chain() {
    let chain = Chain::still(&[]);
    assert_eq!(chain.get("getHealth", json!([])), "ok");
    let version = chain.get("getVersion", json!([]));
    let parts: Vec<_> = version["solana-core"].as_str().unwrap().split('.').collect();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.parse::<u32>().is_ok()));
    assert_eq!(chain.get("getGenesisHash", json!([])), "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG");
    assert_ne!(chain.blockhash(), Chain::still(&[]).blockhash());
}
