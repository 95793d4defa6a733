//! `coinop verify --asset` and the example programs for doors: they open for a grant in force, and for nothing else.

#[path = "../../examples/door/door.rs"]
#[allow(dead_code, reason = "its main function is for the example")]
mod program;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coinop_core::encoding::base64url;
use coinop_core::grant::{Span, issue, jwks};
use coinop_core::svm::SigningKey;
use coinop_core::{AssetId, KeyRing, Purpose, Secret, SessionId, Timestamp};
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

const ISSUER: &str = "https://coinop.example";

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn keys() -> KeyRing {
    KeyRing::new(&Secret::new([1; 32]), None)
}

/// Returns a session token and a grant for the lamp, from so many milliseconds ago, for so many from now.
fn issued(keys: &KeyRing, issuer: &str, ago: i64, left: i64) -> (String, String) {
    let at = |from_now: i64| Timestamp::from_millis(now().saturating_add_signed(from_now));
    let span = Span { starts_at: at(-ago), ends_at: at(left), epoch: 900, sequence: 3 };
    let stream = AssetId::parse("lamp").unwrap().into();
    issue(keys, issuer, &stream, &SessionId::from_bytes([1; 16]), span).unwrap()
}

fn good() -> String {
    issued(&keys(), ISSUER, 5_000, 60_000).1
}

/// Signs the claims of a good grant under another header.
fn signed(change: impl FnOnce(&mut Value)) -> String {
    let grant = good();
    let (header, rest) = grant.split_once('.').unwrap();
    let claims = rest.split_once('.').unwrap().0;
    let header = coinop_core::encoding::from_base64url(header).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    change(&mut header);
    let signed = format!("{}.{claims}", base64url(header.to_string().as_bytes()));
    let key: &SigningKey = &keys().signing(Purpose::Grant).key.clone();
    format!("{signed}.{}", base64url(&key.sign(signed.as_bytes()).to_bytes()))
}

/// What is given to a door: a grant, the name of the keys' file, and for whom it is.
struct Given {
    grant: String,
    keys: &'static str,
    asset: &'static str,
    issuer: &'static str,
}

fn given(grant: String) -> Given {
    Given { grant, keys: "jwks.json", asset: "lamp", issuer: ISSUER }
}

/// Everything that keeps a door shut, by name.
fn refused() -> Vec<(&'static str, Given)> {
    let other = KeyRing::new(&Secret::new([2; 32]), None);
    let mut altered = good().into_bytes();
    let last = altered.len() - 10;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    let without_signature = good().rsplit_once('.').unwrap().0.to_owned();
    vec![
        ("another asset", Given { asset: "door-1", ..given(good()) }),
        ("another gateway", Given { issuer: "https://other.example", ..given(good()) }),
        ("another issuer", given(issued(&keys(), "https://other.example", 5_000, 60_000).1)),
        ("it is over", given(issued(&keys(), ISSUER, 60_000, -1).1)),
        ("it has not begun", given(issued(&keys(), ISSUER, -30_000, 60_000).1)),
        ("another key", given(issued(&other, ISSUER, 5_000, 60_000).1)),
        ("a session token", given(issued(&keys(), ISSUER, 5_000, 60_000).0)),
        ("an altered signature", given(String::from_utf8(altered).unwrap())),
        ("no signature", given(format!("{without_signature}."))),
        ("one part too few", given(without_signature)),
        ("an extension that is not known", given(signed(|header| header["crit"] = json!(["exp"])))),
        ("another kind", given(signed(|header| header["typ"] = json!("coinop-session+jwt")))),
        ("another algorithm", given(signed(|header| header["alg"] = json!("none")))),
        ("nothing", given(String::new())),
        ("nonsense", given("a.b.c".to_owned())),
        ("no keys' file", Given { keys: "nowhere.json", ..given(good()) }),
        ("keys that are none", Given { keys: "nonsense.json", ..given(good()) }),
        ("no keys", Given { keys: "empty.json", ..given(good()) }),
    ]
}

/// A folder with the keys.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("jwks.json", &jwks(&keys()).to_string());
    write("empty.json", "{\"keys\": []}");
    write("nonsense.json", "keys");
    folder
}

/// Runs a program with a text as its standard input.
fn start(mut command: Command, folder: &Path, grant: &str) -> Child {
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that has refused already reads nothing.
    let _ = child.stdin.take().unwrap().write_all(grant.as_bytes());
    child
}

fn verify(folder: &Path, given: &Given, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinop"));
    command
        .args(["verify", "--asset", given.asset, "--jwks", given.keys, "--issuer", given.issuer])
        .args(more);
    start(command, folder, &given.grant).wait_with_output().unwrap()
}

#[test]
fn verify_answers_only_for_a_grant_that_opens_this_door_now_inv_1_4() {
    let folder = folder();
    let said = verify(folder.path(), &given(good()), &[]);
    let answer = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success() && said.stderr.is_empty());
    assert!(["open 59 900 3\n", "open 58 900 3\n"].contains(&answer.as_str()), "{answer}");
    // The grant as an argument.
    let said = verify(folder.path(), &given(String::new()), &[&good()]);
    assert!(said.status.success() && said.stdout.starts_with(b"open "));
    let mut cases = refused();
    cases.push(("more than a grant", given(format!("{}{}", good(), " ".repeat(70_000)))));
    for (what, given) in cases {
        let said = verify(folder.path(), &given, &[]);
        let why = String::from_utf8(said.stderr).unwrap();
        assert!(!said.status.success(), "{what}");
        assert!(said.stdout.is_empty(), "{what}");
        assert_eq!(why.trim_end().lines().count(), 1, "{what}: {why}");
    }
    for more in [["--at", "2026-11-20T12:00:00Z"], ["--jwks", "http://coinop.example/jwks.json"]] {
        let said = verify(folder.path(), &given(good()), &more);
        assert!(!said.status.success() && said.stdout.is_empty(), "{more:?}");
    }
}

/// The two programs that are files: how each is started. Python's is left out where its package is missing.
fn scripts() -> Vec<(&'static str, PathBuf)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/door");
    let asked = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    let mut scripts = vec![("sh", examples.join("door.sh"))];
    if asked.is_ok_and(|status| status.success()) {
        scripts.push(("python3", examples.join("door.py")));
    } else {
        eprintln!("not tested: door.py, which needs python3 with the package `cryptography`");
    }
    scripts
}

const UNLOCK: &str = "touch open opened";
const LOCK: &str = "rm -f open && touch locked";

fn door(runs: &str, script: &Path, given: &Given) -> Command {
    // A signal that is ignored when a shell starts can't be trapped, and whatever runs in the background ignores some.
    let mut command = Command::new("env");
    command.args(["--default-signal", runs]).arg(script).args([
        given.asset,
        given.keys,
        given.issuer,
        UNLOCK,
        LOCK,
    ]);
    let program = Path::new(env!("CARGO_BIN_EXE_coinop")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", program.display()));
    command
}

/// Returns which of the files that the commands make are there: `open`, `opened`, `locked`.
fn found(folder: &Path) -> [bool; 3] {
    ["open", "opened", "locked"].map(|name| folder.join(name).exists())
}

fn args(folder: &Path, given: &Given) -> Vec<String> {
    let at = |command: &str| format!("cd {} && {command}", folder.display());
    let keys = folder.join(given.keys).display().to_string();
    vec![given.asset.to_owned(), keys, given.issuer.to_owned(), at(UNLOCK), at(LOCK)]
}

#[test]
fn the_programs_open_for_a_grant_in_force_and_lock_at_its_end_inv_4() {
    for (runs, script) in scripts() {
        let folder = folder();
        let grant = issued(&keys(), ISSUER, 5_000, 3_000).1;
        let started = Instant::now();
        let said =
            start(door(runs, &script, &given(grant.clone())), folder.path(), &grant).wait_with_output();
        let said = said.unwrap();
        assert!(said.status.success(), "{runs}: {}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(found(folder.path()), [false, true, true], "{runs}");
        assert!((1_000..3_500).contains(&started.elapsed().as_millis()), "{runs}: {:?}", started.elapsed());
    }
    let folder = folder();
    let grant = issued(&keys(), ISSUER, 5_000, 2_000).1;
    let read = || Ok(grant.clone());
    assert_eq!(program::run(&args(folder.path(), &given(String::new())), read), Ok(()));
    assert_eq!(found(folder.path()), [false, true, true]);
}

#[test]
fn the_programs_open_for_nothing_else_inv_1_4() {
    for (what, given) in refused() {
        for (runs, script) in scripts() {
            let folder = folder();
            let said =
                start(door(runs, &script, &given), folder.path(), &given.grant).wait_with_output().unwrap();
            assert!(!said.status.success(), "{runs}: {what}");
            assert_eq!(found(folder.path()), [false, false, true], "{runs}: {what}");
        }
        let folder = folder();
        let read = || Ok(given.grant.clone());
        assert!(program::run(&args(folder.path(), &given), read).is_err(), "{what}");
        assert_eq!(found(folder.path()), [false, false, true], "{what}");
    }
}

#[test]
fn a_program_that_is_stopped_while_the_door_is_open_locks_it_inv_4() {
    let signals = ["-HUP", "-INT", "-QUIT", "-TERM"];
    for ((runs, script), signal) in
        scripts().into_iter().flat_map(|it| signals.map(|signal| (it.clone(), signal)))
    {
        let folder = folder();
        let mut child = start(door(runs, &script, &given(good())), folder.path(), &good());
        let deadline = Instant::now() + Duration::from_secs(20);
        while !found(folder.path())[0] {
            assert!(Instant::now() < deadline, "{runs} does not open");
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert!(!child.wait().unwrap().success(), "{runs} {signal}");
        assert_eq!(found(folder.path()), [false, true, true], "{runs} {signal}");
    }
}

#[test]
fn a_missing_program_a_wrong_clock_and_a_failing_command_keep_the_door_shut_inv_4() {
    let folder = folder();
    // The shell's program without `coinop`.
    let mut command = door("sh", &scripts()[0].1, &given(good()));
    command.env("PATH", "/usr/bin:/bin");
    assert!(!start(command, folder.path(), &good()).wait().unwrap().success());
    // Python's with a clock of 1970.
    let module = scripts()[0].1.parent().unwrap().display().to_string();
    let code = format!(
        "import sys, time\nsys.path.insert(0, {module:?})\nsys.dont_write_bytecode = True\nimport door\ntime.time = lambda: 60.0\ndoor.main()"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &code, "lamp", "jwks.json", ISSUER, UNLOCK, LOCK]);
    assert!(!start(command, folder.path(), &good()).wait().unwrap().success());
    let early = program::time_left(&good(), "lamp", &jwks(&keys()), ISSUER, Duration::from_secs(60));
    assert_eq!(early, Err("the clock is wrong".to_owned()));
    // An unlock that fails half-way.
    for (runs, script) in scripts() {
        let mut command = Command::new(runs);
        command.arg(script).args(["lamp", "jwks.json", ISSUER, "touch open; false", LOCK]);
        command.env("PATH", door(runs, Path::new("x"), &given(good())).get_envs().next().unwrap().1.unwrap());
        assert!(!start(command, folder.path(), &good()).wait().unwrap().success(), "{runs}");
    }
    assert_eq!(found(folder.path()), [false, false, true]);
}
