//! Failpoints: places at which a test can end the process.
//!
//! A crash is not a panic: nothing is dropped, flushed or answered. So a test makes the process kill itself
//! at a chosen place, starts it again and examines what is left. Each place lies between two actions, where the
//! second relies on the first: a commit and its answer, a request to the chain and its result, an order and the
//! device.
//!
//! Failpoints exist only in the build with the feature `failpoints`, the program `coinop-failpoints`. In
//! `coinop` [`reach`] is empty, and the binary contains neither the names nor the variables.
//!
//! | variable | |
//! |---|---|
//! | `COINOP_FAILPOINT` | `name:n`: dies (SIGKILL) when it reaches that point for the n-th time, counted from 1. `name:n:term`: asks itself to stop there (SIGTERM), and goes on |
//! | `COINOP_FAILPOINT_TRACE` | a file to which the name of each point is appended when it is reached |
//! | `COINOP_FAILPOINT_FROM` | a file: nothing is counted or traced before it exists |
//!
//! | point | where |
//! |---|---|
//! | `start.locked` | the data folder was created and taken |
//! | `start.secret` | the secret exists |
//! | `start.database` | the database exists in WAL mode, without tables |
//! | `file.written` | a small file (the secret, the time) is complete under its temporary name |
//! | `file.renamed` | it has its final name; the folder is not synced yet |
//! | `db.write` | statements were gathered for a transaction that has not begun |
//! | `db.commit` | the transaction is complete, before its commit |
//! | `db.committed` | it is on the disk, and nobody has been answered |
//! | `rpc.send` | a request to the chain is about to be sent |
//! | `rpc.answered` | its answer has arrived, and the component has not seen it |
//! | `device.unlock`, `device.lock` | the device is about to be operated |
//! | `device.unlocked`, `device.relocked` | it was operated, and not checked yet |
//! | `device.check`, `device.checked` | before and after its state is read |
//! | `device.report` | a report of its state is about to be sent |
//! | `step.begin`, `step.planned` | before and after the device controller's step |
//! | `settle.begin`, `settle.done` | before and after looking after payments |
//! | `http.asked`, `http.answer` | a request was read; its answer is about to be written |
//! | `stop.asked` | the process was told to stop |
//! | `stop.quiet` | no request is running any more |
//! | `stop.settled` | the controller has ended, and the devices are as they were |
//! | `stop.closed` | every device is locked |
//! | `stop.noted` | the time is written down; the process is about to end |

/// Does nothing in a build without failpoints.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn reach(_: &'static str) {}

#[cfg(feature = "failpoints")]
pub(crate) use armed::reach;

#[cfg(feature = "failpoints")]
mod armed {
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Chosen {
        name: String,
        nth: u64,
        signal: Signal,
    }

    struct Settings {
        chosen: Option<Chosen>,
        trace: Option<PathBuf>,
        from: Option<PathBuf>,
    }

    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
        let file = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Settings {
            chosen: std::env::var("COINOP_FAILPOINT").ok().as_deref().and_then(chosen),
            trace: file("COINOP_FAILPOINT_TRACE"),
            from: file("COINOP_FAILPOINT_FROM"),
        }
    });

    /// How many times the chosen point was reached.
    static REACHED: AtomicU64 = AtomicU64::new(0);

    fn chosen(text: &str) -> Option<Chosen> {
        let mut parts = text.split(':');
        let (name, nth) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let signal = if parts.next() == Some("term") { Signal::TERM } else { Signal::KILL };
        Some(Chosen { name, nth, signal })
    }

    /// Traces that the process has reached this point, and ends the process if a test chose so.
    pub(crate) fn reach(name: &'static str) {
        let Settings { chosen, trace, from } = &*SETTINGS;
        if from.as_ref().is_some_and(|file| !file.exists()) {
            return;
        }
        if let Some(file) = trace
            && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(file)
        {
            let _ = file.write_all(format!("{name}\n").as_bytes());
        }
        let Some(Chosen { nth, signal, .. }) = chosen.as_ref().filter(|chosen| chosen.name == name) else {
            return;
        };
        if REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
            let _ = kill_process(getpid(), *signal);
            if *signal == Signal::KILL {
                // The signal may take a moment to arrive, and this thread must do nothing more.
                loop {
                    std::thread::park();
                }
            }
        }
    }
}
