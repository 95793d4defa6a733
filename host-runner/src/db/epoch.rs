//! The epoch of the journal: since when its grants are numbered without a gap.
//!
//! A restored copy does not know the latest grants, so it numbers grants again that devices have seen. Its grants
//! need a higher epoch, and so it has to know that it is a copy. Each start of `coinop serve` writes the same random
//! number into the database and into the file `epoch` beside it, with the place of the database on the disk. A copy
//! that was made earlier, elsewhere or by `coinop backup` does not fit. If it is not certain that the journal is the
//! same, the epoch rises, which does no harm.

use std::path::Path;

use rusqlite::Connection;

use super::open::{FILE, writable};

/// The name of the file in the data folder.
const NOTE: &str = "epoch";

/// Where a database keeps the number of its last start. A copy by `coinop backup` has 0 there.
pub(super) const RUN: &str = "user_version";

/// What the file says: the epoch, the number of the last start, and the database's place.
struct Note {
    epoch: u64,
    run: u32,
    place: String,
}

impl Note {
    fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data_dir.join(NOTE)).ok()?;
        let mut words = text.split_whitespace();
        let (epoch, run) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { epoch, run, place: words.next()?.to_owned() })
    }

    fn write(&self, data_dir: &Path) -> Result<(), String> {
        let Self { epoch, run, place } = self;
        crate::files::write_atomically(
            &data_dir.join(NOTE),
            format!("{epoch} {run} {place}").as_bytes(),
            0o600,
        )
        .map_err(|error| error.to_string())
    }
}

/// Returns the epoch of the journal in `data_dir`, which has to exist. `now` is in seconds since 1970.
///
/// A failure is only logged: the next start then takes the journal for another one.
pub(crate) fn epoch(data_dir: &Path, now: u64) -> u64 {
    let noted = Note::read(data_dir);
    let known = noted.as_ref().filter(|note| is_the_same(data_dir, note));
    let epoch = known.map_or_else(
        || noted.as_ref().map_or(now, |note| now.max(note.epoch.saturating_add(1))),
        |note| note.epoch,
    );
    if known.is_none() {
        tracing::info!(epoch, "the journal is new, or was copied or restored: its grants have a new epoch");
    }
    if let Err(error) = renew(data_dir, epoch) {
        tracing::warn!(%error, "the journal's epoch could not be stored in the data folder");
    }
    epoch
}

/// Returns whether the database is the one that was there when the note was written.
fn is_the_same(data_dir: &Path, note: &Note) -> bool {
    let file = data_dir.join(FILE);
    let run = super::sql::connect(&file).and_then(|connection| run_of(&connection));
    note.run != 0 && run.is_ok_and(|run| run == i64::from(note.run)) && place(&file) == note.place
}

fn run_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, RUN, |row| row.get(0))
}

/// Returns what a copy of a file does not share with it: its number on the disk, and when it was made, if the disk
/// tells.
fn place(file: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = std::fs::metadata(file) else { return "-".to_owned() };
    let made = metadata.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}:{}", metadata.ino(), made.unwrap_or_default().as_nanos())
}

/// Writes a new number into the database, and then into the file.
fn renew(data_dir: &Path, epoch: u64) -> Result<(), String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    // The database keeps 31 bits, and 0 means none.
    let run = (u32::from_le_bytes(bytes) >> 1).max(1);
    let file = data_dir.join(FILE);
    let connection = writable(&file).map_err(|refused| refused.0)?;
    connection.pragma_update(None, RUN, run).map_err(|error| error.to_string())?;
    Note { epoch, run, place: place(&file) }.write(data_dir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Returns a data folder with a journal, as the start at second 100 leaves it.
    fn started() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        assert_eq!(epoch(dir.path(), 100), 100);
        dir
    }

    fn journal(data_dir: &Path) {
        let connection = writable(&data_dir.join(FILE)).unwrap();
        connection.execute_batch("CREATE TABLE t (c); INSERT INTO t VALUES (1)").unwrap();
    }

    #[test]
    fn the_epoch_stays_from_start_to_start() {
        let dir = started();
        assert_eq!((epoch(dir.path(), 200), epoch(dir.path(), 300)), (100, 100));
    }

    #[test]
    fn an_older_copy_put_back_has_a_new_epoch_whichever_way_it_was_copied_inv_2() {
        let dir = started();
        let (file, kept) = (dir.path().join(FILE), dir.path().join("kept"));
        fs::copy(&file, &kept).unwrap();
        // Over the same file, which keeps its place.
        assert_eq!(epoch(dir.path(), 200), 100);
        fs::write(&file, fs::read(&kept).unwrap()).unwrap();
        assert_eq!(epoch(dir.path(), 300), 300);
        // As a new file, from after the last start.
        fs::copy(&file, &kept).unwrap();
        fs::remove_file(&file).unwrap();
        fs::copy(&kept, &file).unwrap();
        assert_eq!(epoch(dir.path(), 400), 400);
    }

    #[test]
    fn a_whole_data_folder_that_was_copied_has_a_new_epoch_inv_2() {
        let (dir, other) = (started(), tempfile::tempdir().unwrap());
        for name in [FILE, NOTE] {
            fs::copy(dir.path().join(name), other.path().join(name)).unwrap();
        }
        // Even if the clock is behind.
        assert_eq!(epoch(other.path(), 50), 101);
        assert_eq!(epoch(other.path(), 500), 101);
    }

    #[test]
    fn a_journal_that_was_lost_and_a_note_that_cannot_be_read_give_a_new_epoch_inv_2() {
        let dir = started();
        fs::remove_file(dir.path().join(FILE)).unwrap();
        journal(dir.path());
        assert_eq!(epoch(dir.path(), 200), 200);
        fs::write(dir.path().join(NOTE), "nonsense").unwrap();
        assert_eq!(epoch(dir.path(), 300), 300);
        fs::write(dir.path().join(NOTE), "300 0 -").unwrap();
        assert_eq!(epoch(dir.path(), 300), 301);
    }
}
