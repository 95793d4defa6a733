//! Tests with real processes.

use std::process::{Child, Command, Stdio};

use super::*;

fn start(script: &str, mark: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env(MARK, mark).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn eventually(mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it never became true");
        std::thread::sleep(PAUSE);
    }
}

#[test]
fn the_name_of_a_process_may_hold_anything() {
    let process = parse(7, "7 (a) R 1 ) (b) S 3 4 5 0 -1").unwrap();
    assert_eq!(process, Process { pid: 7, parent: 3, group: 4, session: 5, is_over: false });
    assert!(parse(7, "7 (sh) Z 3 4 5 0").unwrap().is_over);
    assert_eq!(parse(7, "7 (sh"), None);
}

#[test]
fn what_left_its_group_and_its_session_is_ended_by_its_mark_inv_4() {
    let mark = mark("a-gate", "unlock");
    let other = super::mark("a-gate", "unlock");
    let mut innocent = start("exec sleep 60", &other);
    let mut child = start("setsid sh -c 'setsid sleep 60 & sleep 60' & sleep 60", &mark);
    eventually(|| marked(&mark).len() >= 5);
    assert!(end_marked(&mark, Duration::from_secs(2)));
    assert!(marked(&mark).is_empty());
    child.wait().unwrap();
    assert_eq!(marked(&other).len(), 1, "another command's processes live");
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

#[test]
fn what_dropped_its_environment_is_ended_with_its_parent_inv_4() {
    let mark = mark("a-hatch", "unlock");
    let mut child = start("env -i /bin/sh -c 'sleep 60; true' & wait", &mark);
    eventually(|| marked(&mark).len() >= 3);
    assert!(end_marked(&mark, Duration::from_secs(2)));
    child.wait().unwrap();
}

#[test]
fn the_next_run_ends_what_this_one_has_left_and_nothing_without_a_record_inv_4() {
    let dir = tempfile::tempdir().unwrap();
    end_earlier(dir.path());
    std::fs::write(dir.path().join("commands"), "\n").unwrap();
    end_earlier(dir.path());
    let run = format!("an-earlier-run-{}", std::process::id());
    let marks = format!("{run}.");
    let mut child = start("exec sleep 60", &format!("{marks}door.unlock.1"));
    eventually(|| marked(&marks).len() == 1);
    std::fs::write(dir.path().join("commands"), format!("{run}\n")).unwrap();
    end_earlier(dir.path());
    assert!(marked(&marks).is_empty());
    child.wait().unwrap();
    note(dir.path()).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("commands")).unwrap().trim(), run_id());
}
