//! Runs work on a second thread while the first one does something else, because much of a build keeps only
//! one core busy.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::thread::{Scope, ScopedJoinHandle};

use anyhow::{Context, Result, anyhow};

use crate::output;

/// Work on a second thread.
pub(crate) struct Background<'s, T> {
    thread: ScopedJoinHandle<'s, T>,
    printed: File,
}

impl<'s, T: Send + 's> Background<'s, T> {
    /// Starts the work. Its output, and that of the programs that it runs with
    /// [`Cmd::run`](crate::proc::Cmd::run), is kept until the end.
    pub(crate) fn start(scope: &'s Scope<'s, '_>, work: impl FnOnce() -> T + Send + 's) -> Result<Self> {
        let printed = nameless()?;
        let file = printed.try_clone().context("a file handle cannot be duplicated")?;
        let thread = scope.spawn(move || {
            output::into_file(file);
            work()
        });
        Ok(Self { thread, printed })
    }

    /// Waits for the end of the work, and shows its output.
    pub(crate) fn end(mut self) -> Result<T> {
        let outcome = self.thread.join().map_err(|_| anyhow!("the work on the second thread panicked"));
        let mut text = String::new();
        self.printed
            .rewind()
            .and_then(|()| self.printed.read_to_string(&mut text))
            .context("the output of the second thread cannot be read")?;
        output::note(text.trim_end());
        outcome
    }
}

/// Opens a file that disappears when it is closed.
fn nameless() -> Result<File> {
    let path = std::env::temp_dir().join(format!("xtask-beside-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("{} cannot be made", path.display()))?;
    fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::proc::Cmd;

    #[test]
    fn what_runs_beside_is_shown_at_its_end_with_what_its_programs_print() {
        let mut shown = nameless().unwrap();
        let file = shown.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            output::into_file(file);
            std::thread::scope(|scope| {
                let sh = |script| Cmd::new("sh", Path::new("/")).args(["-c", script]).run();
                let work = move || {
                    output::note("second");
                    (sh("echo third; echo fourth >&2"), sh("exit 3"))
                };
                let background = Background::start(scope, work).unwrap();
                while !background.thread.is_finished() {
                    std::thread::yield_now();
                }
                output::note("first");
                background.end().unwrap()
            })
        });
        let (fine, failed) = reader.join().unwrap();
        assert!(fine.is_ok() && failed.is_err());
        let mut text = String::new();
        shown.rewind().unwrap();
        shown.read_to_string(&mut text).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('$')).collect();
        assert_eq!(lines, ["first", "second", "third", "fourth"]);
        assert!(output::file().is_none(), "other threads' lines go where they went");
    }
}
