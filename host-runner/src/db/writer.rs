//! The one thread that writes.
//!
//! While it waits for the disk, the next statements queue up, and it takes all of them into the next
//! transaction. A statement that is alone is committed at once.
//!
//! A reader has prepared every statement before it arrives here, so the readers' rules hold for it: it is one
//! statement, and it neither begins nor ends a transaction.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{Notify, oneshot, watch};

use super::statement;
use super::values::{Answer, Caller, Refused, Value};
use crate::failpoint;
use crate::metrics::Metrics;

/// The most statements in one transaction. It bounds how long the first of them waits for the last.
const LARGEST_BATCH: usize = 256;

struct Job {
    sql: String,
    parameters: Vec<Value>,
    caller: Caller,
    answer: oneshot::Sender<Result<Answer, Refused>>,
}

/// A handle to the writer's thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: Sender<Job>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        written: Arc<Notify>,
        settled: watch::Sender<u64>,
        metrics: Metrics,
    ) -> Result<Self, Refused> {
        let (jobs, queue) = channel();
        std::thread::Builder::new()
            .name("coinop-writer".to_owned())
            .spawn(move || {
                Thread { connection, written, settled, metrics }.work(&queue);
            })
            .map_err(|e| Refused(format!("the writer's thread cannot be started: {e}")))?;
        Ok(Self { jobs })
    }

    pub(crate) async fn run(
        &self,
        sql: String,
        parameters: Vec<Value>,
        caller: Caller,
    ) -> Result<Answer, Refused> {
        let closed = |_| Refused("the database is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { sql, parameters, caller, answer }).map_err(|_| closed(()))?;
        answered.await.map_err(|_| closed(()))?
    }
}

struct Thread {
    connection: Connection,
    written: Arc<Notify>,
    settled: watch::Sender<u64>,
    metrics: Metrics,
}

impl Thread {
    fn work(&self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(LARGEST_BATCH - 1));
            while !batch.is_empty() {
                batch = self.commit(batch);
            }
        }
    }

    /// Carries out a batch in one transaction. Answers the jobs that are done, and returns those that have to
    /// be tried again.
    fn commit(&self, batch: Vec<Job>) -> Vec<Job> {
        failpoint::reach("db.write");
        // A transaction is still open only if even the rollback failed last time.
        let begun = if self.connection.is_autocommit() { Ok(()) } else { self.control("ROLLBACK") };
        if let Err(error) = begun.and_then(|()| self.control("BEGIN IMMEDIATE")) {
            fail(batch, &error);
            return Vec::new();
        }
        let mut done: Vec<(Job, Result<Answer, Refused>)> = Vec::with_capacity(batch.len());
        let mut rest = batch.into_iter();
        for job in rest.by_ref() {
            let result = statement::write(&self.connection, &job.sql, &job.parameters);
            if self.connection.is_autocommit() {
                // This statement ended the whole transaction, as RAISE(ROLLBACK) or a full disk does. Only
                // this statement fails. The others were not acknowledged yet, so they are carried out again
                // without it.
                let error =
                    result.err().unwrap_or_else(|| Refused("the statement ended the transaction".to_owned()));
                answer(job, Err(error));
                return done.into_iter().map(|(job, _)| job).chain(rest).collect();
            }
            done.push((job, result));
        }
        self.finish(done);
        Vec::new()
    }

    fn finish(&self, done: Vec<(Job, Result<Answer, Refused>)>) {
        let started = Instant::now();
        failpoint::reach("db.commit");
        if let Err(error) = self.control("COMMIT") {
            // None of it is certain to be on the disk, so no job is acknowledged.
            tracing::error!(error = %error.0, "the journal could not be committed");
            if !self.connection.is_autocommit()
                && let Err(error) = self.control("ROLLBACK")
            {
                tracing::error!(error = %error.0, "the journal could not be rolled back");
            }
            fail(done.into_iter().map(|(job, _)| job), &error);
            return;
        }
        failpoint::reach("db.committed");
        self.metrics.committed(done.len(), started.elapsed());
        let has_written = |is_meant: fn(Caller) -> bool| {
            done.iter().any(|(job, result)| {
                is_meant(job.caller) && result.as_ref().is_ok_and(|answer| answer.last_insert_rowid.is_some())
            })
        };
        let by_others = has_written(|caller| caller != Caller::Controller);
        let by_settler = has_written(|caller| caller == Caller::Settler);
        for (job, result) in done {
            answer(job, result);
        }
        if by_others {
            self.written.notify_one();
        }
        if by_settler {
            self.settled.send_modify(|times| *times = times.wrapping_add(1));
        }
    }

    /// Runs one of the writer's own statements.
    fn control(&self, sql: &str) -> Result<(), Refused> {
        // A commit is never interrupted.
        self.connection.progress_handler(0, None::<fn() -> bool>);
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn answer(job: Job, result: Result<Answer, Refused>) {
    // The send fails if the request was given up. The write stands nevertheless.
    let _ = job.answer.send(result);
}

fn fail(jobs: impl IntoIterator<Item = Job>, error: &Refused) {
    for job in jobs {
        answer(job, Err(error.clone()));
    }
}
