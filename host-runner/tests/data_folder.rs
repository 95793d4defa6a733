//! Who may read the data folder.

use std::fs::{DirBuilder, Permissions, set_permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = r#"public_url = "http://127.0.0.1:8402"
data_dir = "data"
[merchant]
pay_to = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5"
tokens = ["USDC"]
[solana]
network = "devnet"
rpc_url = "http://127.0.0.1:1"
[[asset]]
id = "lamp"
price = "0.01"
unit = "minute"
[asset.device]
driver = "exec"
unlock = ["touch", "open"]
lock = ["touch", "locked"]
"#;

/// Makes a folder with a configuration, and a data folder of this mode in it.
fn folder(mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("coinop.toml"), CONFIG).unwrap();
    let data = folder.path().join("data");
    DirBuilder::new().mode(mode).create(&data).unwrap();
    set_permissions(&data, Permissions::from_mode(mode)).unwrap();
    folder
}

/// Runs a command as a shell with the usual umask does.
fn coinop(folder: &Path, command: &str) -> Output {
    let line = format!("umask 022; exec {} {command}", env!("CARGO_BIN_EXE_coinop"));
    Command::new("sh").args(["-c", &line]).current_dir(folder).output().unwrap()
}

#[test]
fn a_data_folder_that_others_can_enter_is_refused_with_what_to_do_and_the_devices_are_locked_inv_4_9() {
    for mode in [0o755, 0o750, 0o701, 0o770] {
        let folder = folder(mode);
        let said = coinop(folder.path(), "serve");
        let line = String::from_utf8(said.stderr).unwrap();
        let line = line.trim_end().lines().last().unwrap().to_owned();
        assert!(!said.status.success(), "{mode:o}");
        let remedy = format!("chmod 700 {}", folder.path().join("data").display());
        assert!(line.contains(&remedy), "{mode:o}: {line}");
        assert!(folder.path().join("locked").exists(), "{mode:o}: {line}");
        let checked = String::from_utf8(coinop(folder.path(), "check").stdout).unwrap();
        assert!(checked.contains(&remedy), "{mode:o}: {checked}");
    }
}

#[test]
fn what_the_gateway_writes_is_its_owners_alone_whatever_the_shell_allows_inv_9() {
    let folder = folder(0o700);
    let said = coinop(folder.path(), "serve --module nowhere.wasm");
    assert!(!said.status.success());
    let lock = folder.path().join("data/lock");
    assert_eq!(lock.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
