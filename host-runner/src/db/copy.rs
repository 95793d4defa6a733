//! Copies the journal into one file while a gateway may be writing it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::epoch::RUN;
use super::open::FILE;
use super::sql::connect;

/// What a copy holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// How many sessions, running and past.
    pub(crate) sessions: u64,
    /// The size of the file, in bytes.
    pub(crate) bytes: u64,
}

/// Copies the journal in `data_dir` to `target`, which must not exist. The copy is the journal at one moment, is
/// checked, on the disk, and its owner's alone.
///
/// # Errors
/// A line that says what is wrong. There is no `target` then.
pub(crate) fn copy(data_dir: &Path, target: &Path) -> Result<Copied, String> {
    let source = data_dir.join(FILE);
    let named = |error: &dyn std::fmt::Display| format!("{} cannot be copied: {error}", source.display());
    match std::fs::metadata(&source) {
        Ok(file) if file.len() > 0 => {}
        Ok(_) => return Err(named(&"it is empty")),
        Err(error) => return Err(named(&error)),
    }
    if target.exists() {
        return Err(format!("{} exists already; name a file that does not", target.display()));
    }
    let unfinished = beside(target);
    let copied = copy_to(&source, &unfinished).map_err(|error| named(&error)).and_then(|copied| {
        let named = std::fs::rename(&unfinished, target).and_then(|()| sync_folder(target));
        named.map(|()| copied).map_err(|error| format!("{} cannot be made: {error}", target.display()))
    });
    if copied.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    copied
}

/// Returns the name of the unfinished copy.
fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    name.into()
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Copies the journal to a new file, checks the copy, and syncs it.
fn copy_to(source: &Path, target: &Path) -> Result<Copied, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let io_text = |error: io::Error| format!("{}: {error}", target.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target).map_err(io_text)?;
    let is_closed = !has_log(source);
    connect(source)
        .and_then(|journal| journal.execute("VACUUM INTO ?1", [target.to_string_lossy()]))
        .map_err(text)?;
    if is_closed && has_log(source) {
        // A journal without a log was read as a file that nobody changes.
        return Err("a gateway has started meanwhile; try again".to_owned());
    }
    let sessions = finish(target).map_err(text)?.ok_or("the copy is damaged, and so may the journal be")?;
    file.sync_all().map_err(io_text)?;
    Ok(Copied { sessions, bytes: file.metadata().map_err(io_text)?.len() })
}

fn has_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    Path::new(&log).exists()
}

/// Marks a database as a copy, and returns how many sessions it has; `None` if it is damaged.
fn finish(copy: &Path) -> rusqlite::Result<Option<u64>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    connection.pragma_update(None, RUN, 0)?;
    let verdict: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(None);
    }
    let has_sessions =
        connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'session'", [], |row| row.get(0));
    match has_sessions? {
        0 => Ok(Some(0)),
        _ => connection.query_row("SELECT count(*) FROM session", [], |row| row.get(0)).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::epoch::epoch;
    use super::super::open::writable;
    use super::*;

    fn count(file: &Path, sql: &str) -> i64 {
        Connection::open(file).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Returns a data folder with a journal of two tables that always have the same number of rows.
    fn journal() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let connection = writable(&dir.path().join(FILE)).unwrap();
        connection.execute_batch("CREATE TABLE session (c); CREATE TABLE journal (c)").unwrap();
        (dir, connection)
    }

    const PAIR: &str =
        "BEGIN; INSERT INTO session VALUES (randomblob(900)); INSERT INTO journal VALUES (1); COMMIT";

    #[test]
    fn a_copy_made_while_the_gateway_writes_is_the_journal_of_one_moment_inv_2() {
        let (dir, connection) = journal();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let done = &done;
            scope.spawn(move || {
                for _ in 0..1_000_000 {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    connection.execute_batch(PAIR).unwrap();
                }
            });
            let mut before = 0;
            for round in 0..20 {
                let target = dir.path().join(format!("copy-{round}"));
                let copied = copy(dir.path(), &target).unwrap();
                let rows = count(&target, "SELECT count(*) FROM session");
                assert_eq!(count(&target, "SELECT count(*) FROM journal"), rows);
                assert_eq!(i64::try_from(copied.sessions).unwrap(), rows);
                assert_eq!(copied.bytes, target.metadata().unwrap().len());
                assert!(rows >= before, "a later copy has all of an earlier one");
                before = rows;
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_copy_is_its_owners_alone_replaces_nothing_and_leaves_nothing_behind_inv_9() {
        let (dir, connection) = journal();
        connection.execute_batch(PAIR).unwrap();
        let target = dir.path().join("copy");
        copy(dir.path(), &target).unwrap();
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(copy(dir.path(), &target).unwrap_err().contains("exists already"));
        assert!(copy(dir.path(), &dir.path().join("nowhere/copy")).is_err());
        assert!(copy(&dir.path().join("nowhere"), &dir.path().join("other")).is_err());
        drop(connection);
        // Also of a journal that no gateway has open.
        copy(dir.path(), &dir.path().join("of a closed one")).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [FILE, "copy", "of a closed one"]);
    }

    #[test]
    fn a_damaged_journal_gives_no_copy_that_looks_like_one_inv_2() {
        let (dir, connection) = journal();
        for _ in 0..50 {
            connection.execute_batch(PAIR).unwrap();
        }
        drop(connection);
        let file = dir.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        for byte in bytes.iter_mut().skip(20 * 1024).take(10 * 1024) {
            *byte ^= 0xff;
        }
        std::fs::write(&file, bytes).unwrap();
        let target = dir.path().join("copy");
        assert!(copy(dir.path(), &target).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn a_journal_restored_from_a_copy_has_a_new_epoch_wherever_it_lands_inv_2() {
        let (dir, connection) = journal();
        drop(connection);
        assert_eq!(epoch(dir.path(), 100), 100);
        let target = dir.path().join("copy");
        copy(dir.path(), &target).unwrap();
        std::fs::write(dir.path().join(FILE), std::fs::read(&target).unwrap()).unwrap();
        assert_eq!(epoch(dir.path(), 200), 200);
    }
}
