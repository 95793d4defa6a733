//! `coinop sticker` as an owner runs it.

use std::path::Path;
use std::process::Command;

const CONFIG: &str = r#"public_url = "https://coinop.example"
[merchant]
pay_to = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5"
tokens = ["USDC"]
[solana]
network = "devnet"
rpc_url = "http://127.0.0.1:8899"
[[asset]]
id = "lamp"
name = "Reading <lamp>"
price = "0.01"
unit = "minute"
[[asset]]
id = "door-1"
price = "0.02"
unit = "minute"
"#;

struct Said {
    success: bool,
    stdout: String,
    stderr: String,
}

/// A folder with a configuration.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("coinop.toml"), config).unwrap();
    folder
}

fn sticker(folder: &Path, args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_coinop"))
        .arg("sticker")
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command that must be refused in one line, and returns the line.
fn refused(folder: &Path, args: &[&str]) -> String {
    let said = sticker(folder, args);
    assert!(!said.success && said.stdout.is_empty(), "{args:?}");
    assert_eq!(said.stderr.trim_end().lines().count(), 1, "{}", said.stderr);
    said.stderr
}

#[test]
fn a_sheet_is_written_and_never_overwritten_by_accident() {
    let folder = folder(CONFIG);
    let file = folder.path().join("sticker-lamp.html");
    let said = sticker(folder.path(), &["lamp", "--copies", "2"]);
    assert!(said.success, "{}", said.stderr);
    assert!(said.stdout.contains("sticker-lamp.html") && said.stderr.is_empty());
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(first.matches("Reading &lt;lamp&gt;</h2>").count(), 2);
    assert!(first.contains("QR code of https://coinop.example/p/lamp\""));
    assert!(!first.contains("0.01"), "a price needs a new sticker when it changes");

    assert!(refused(folder.path(), &["lamp"]).contains("--force"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    assert!(sticker(folder.path(), &["lamp", "--force"]).success);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), first);
}

#[test]
fn several_assets_share_a_sheet_and_an_asset_without_a_name_has_its_id() {
    let folder = folder(CONFIG);
    assert!(sticker(folder.path(), &["lamp", "door-1"]).success);
    let html = std::fs::read_to_string(folder.path().join("stickers.html")).unwrap();
    assert!(html.contains("<h2 dir=\"auto\">door-1</h2>"));
    assert!(html.contains("<strong>coinop.example</strong>/p/lamp"));
    assert!(html.contains("<strong>coinop.example</strong>/p/door-1"));
}

#[test]
fn an_asset_that_is_not_in_the_file_needs_a_name() {
    let folder = folder(CONFIG);
    assert!(refused(folder.path(), &["bike-7"]).contains("--name"));
    let said = sticker(folder.path(), &["bike-7", "--name", "City bike 7", "--out", "bike.html"]);
    assert!(said.success && said.stderr.contains("bike-7 is not in coinop.toml"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1);
    assert!(std::fs::read_to_string(folder.path().join("bike.html")).unwrap().contains("City bike 7"));
}

#[test]
fn an_address_that_wallets_refuse_is_not_printed() {
    for url in ["http://coinop.example", "http://127.0.0.1:8402", "https://127.0.0.1:8402"] {
        let folder = folder(&CONFIG.replace("https://coinop.example", url));
        let line = refused(folder.path(), &["lamp"]);
        assert!(
            line.starts_with("error: coinop.toml:1: public_url: ") && line.contains("https://"),
            "{line}"
        );
        assert!(!folder.path().join("sticker-lamp.html").exists());
    }
}

#[test]
fn the_bare_code_is_an_svg() {
    let folder = folder(CONFIG);
    assert!(sticker(folder.path(), &["lamp", "--svg"]).success);
    let svg = std::fs::read_to_string(folder.path().join("sticker-lamp.svg")).unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>"), "{svg}");
}

#[test]
fn a_name_of_another_kind_of_file_is_refused_with_the_right_one() {
    let folder = folder(CONFIG);
    assert!(refused(folder.path(), &["lamp", "--out", "lamp.png"]).contains("name it lamp.html"));
    assert!(refused(folder.path(), &["lamp", "--svg", "--out", "lamp.png"]).contains("name it lamp.svg"));
    assert!(sticker(folder.path(), &["lamp", "--out", "LAMP.HTML"]).success);
}

#[test]
fn the_sellers_contact_is_on_the_sheet() {
    let folder = folder(&CONFIG.replace("[merchant]", "[merchant]\ncontact = \"tina@example.com\""));
    assert!(sticker(folder.path(), &["lamp"]).success);
    let html = std::fs::read_to_string(folder.path().join("sticker-lamp.html")).unwrap();
    assert!(html.contains("If something is wrong: tina@example.com"));
}

#[test]
fn the_json_of_a_worker_or_of_spin_is_read_too() {
    let folder = folder("");
    let json = r#"{"public_url": "https://coinop.example",
        "merchant": {"pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"]},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
        "asset": [{"id": "lamp", "price": "0.01", "unit": "minute"}]}"#;
    std::fs::write(folder.path().join("coinop.json"), json).unwrap();
    let said = sticker(folder.path(), &["lamp", "--config", "coinop.json"]);
    assert!(said.success, "{}", said.stderr);
    std::fs::write(folder.path().join("coinop.json"), json.replace("https:", "http:")).unwrap();
    let line = refused(folder.path(), &["lamp", "--config", "coinop.json", "--force"]);
    assert!(line.starts_with("error: coinop.json: public_url: "), "{line}");
}

#[test]
fn arguments_that_do_not_fit_are_refused_in_one_line() {
    let folder = folder(CONFIG);
    for args in [
        &["lamp", "door-1", "--name", "Both"][..],
        &["lamp", "door-1", "--svg"],
        &["lamp", "--svg", "--copies", "2"],
        &["lamp", "--copies", "0"],
        &["lamp", "--copies", "101"],
        &["lamp", "--name", " "],
        &["../lamp"],
        &["lamp", "--out", "."],
        &["lamp", "--out", "lamp.png"],
        &["lamp", "--svg", "--out", "lamp.html"],
        &["lamp", "--out", "nowhere/sticker.html"],
        &[],
    ] {
        refused(folder.path(), args);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
