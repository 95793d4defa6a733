//! Tests of the driver with real processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;

use super::*;

fn settings(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn driver(value: Value, folder: &Path) -> Box<dyn Driver> {
    make(&settings(value), &asset(), folder).unwrap()
}

/// Returns the name of an asset of its own, because locking one ends what its `unlock` has left.
fn asset() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("door-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test]
async fn opens_closes_and_reads_back_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut d = driver(
        json!({"unlock": ["touch", "open"], "lock": ["rm", "-f", "open"], "check": ["test", "-e", "open"]}),
        dir.path(),
    );
    assert_eq!(d.check().await, LockState::Locked);
    d.unlock().await.unwrap();
    assert!(dir.path().join("open").exists());
    assert_eq!(d.check().await, LockState::Unlocked);
    d.lock().await.unwrap();
    assert!(!dir.path().join("open").exists());
    assert_eq!(d.check().await, LockState::Locked);
    assert!(d.can_look());
}

#[tokio::test]
async fn a_relative_command_starts_from_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("open.sh");
    std::fs::write(&script, "#!/bin/sh\npwd > where\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut d = driver(json!({"unlock": ["./open.sh"], "lock": ["true"]}), dir.path());
    d.unlock().await.unwrap();
    let at = std::fs::read_to_string(dir.path().join("where")).unwrap();
    assert_eq!(Path::new(at.trim()).canonicalize().unwrap(), dir.path().canonicalize().unwrap());
}

#[tokio::test]
async fn without_check_the_exit_codes_tell() {
    let dir = tempfile::tempdir().unwrap();
    let mut d = driver(json!({"unlock": ["false"], "lock": ["true"]}), dir.path());
    assert_eq!(d.check().await, LockState::Unknown);
    assert!(d.unlock().await.is_err());
    assert_eq!(d.check().await, LockState::Unknown);
    d.lock().await.unwrap();
    assert_eq!(d.check().await, LockState::Locked);
    assert!(!d.can_look());
}

/// Invariant 3: an exit code that is neither 0 nor 1 means unknown.
#[tokio::test]
async fn an_odd_answer_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    for check in [json!(["sh", "-c", "exit 2"]), json!(["sh", "-c", "kill -9 $$"])] {
        let mut d = driver(json!({"unlock": ["true"], "lock": ["true"], "check": check}), dir.path());
        assert_eq!(d.check().await, LockState::Unknown);
    }
    // The program existed at the start and was removed since.
    let program = dir.path().join("look");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = json!({"unlock": ["true"], "lock": ["true"], "check": ["./look"]});
    let mut d = driver(settings, dir.path());
    std::fs::remove_file(&program).unwrap();
    assert_eq!(d.check().await, LockState::Unknown);
}

/// A command that hangs is killed with its children, and in time.
#[tokio::test]
async fn what_hangs_is_killed_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let mut d = driver(
        json!({
            "unlock": ["sh", "-c", "sh -c 'sleep 30; touch late' & echo $! > child; wait"],
            "lock": ["true"],
            "timeout_seconds": 1
        }),
        dir.path(),
    );
    let started = Instant::now();
    let error = d.unlock().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(error.error.contains("killed"), "{error:?}");
    assert_gone(dir.path()).await;
}

/// An unlock whose future is dropped does not continue in the background.
#[tokio::test]
async fn what_is_dropped_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut d =
        driver(json!({"unlock": ["sh", "-c", "echo $$ > child; sleep 30"], "lock": ["true"]}), dir.path());
    {
        let mut unlock = d.unlock();
        while !dir.path().join("child").exists() {
            let wait = tokio::time::sleep(Duration::from_millis(5));
            tokio::select! { _ = &mut unlock => panic!("ended"), () = wait => {} }
        }
    }
    assert_gone(dir.path()).await;
    assert_eq!(d.check().await, LockState::Unknown);
}

async fn assert_gone(folder: &Path) {
    let mut pid = String::new();
    while pid.trim().is_empty() {
        pid = std::fs::read_to_string(folder.join("child")).unwrap();
    }
    let status = format!("/proc/{}/stat", pid.trim());
    for _ in 0..500 {
        match std::fs::read_to_string(&status) {
            Err(_) => return,
            Ok(stat) if stat.contains(") Z ") => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the child is still running");
}

#[tokio::test]
async fn a_loud_command_and_one_in_the_background_do_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut d = driver(
        json!({
            "unlock": ["sh", "-c", "yes | head -c 1000000; sleep 5 & exit 0"],
            "lock": ["true"]
        }),
        dir.path(),
    );
    let started = Instant::now();
    d.unlock().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn mistakes_name_the_key() {
    let folder = Path::new(".");
    for (value, path) in [
        (json!({"lock": ["true"]}), "unlock"),
        (json!({"unlock": ["true"]}), "lock"),
        (json!({"unlock": "touch x", "lock": ["true"]}), "unlock"),
        (json!({"unlock": [], "lock": ["true"]}), "unlock"),
        (json!({"unlock": ["a", 1], "lock": ["true"]}), "unlock[1]"),
        (json!({"unlock": ["a"], "lock": ["b"], "chek": ["c"]}), "chek"),
        (json!({"unlock": ["true"], "lock": ["true"], "timeout_seconds": 0}), "timeout_seconds"),
        (json!({"unlock": ["true"], "lock": ["true"], "timeout_seconds": 61}), "timeout_seconds"),
        // Nobody should pay for a device whose command cannot be run.
        (json!({"unlock": ["no-such-program-here"], "lock": ["true"]}), "unlock"),
        (json!({"unlock": ["true"], "lock": ["./Cargo.toml"]}), "lock"),
        (json!({"unlock": ["true"], "lock": ["true"], "check": ["./no-such-file"]}), "check"),
    ] {
        let mistake = make(&settings(value), "door", folder).err().unwrap();
        assert_eq!(mistake.path, path, "{mistake:?}");
    }
}
