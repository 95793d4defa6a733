//! Runs tasks one at a time, in an order that the seed chooses, in a time of its own.
//!
//! Time stands still while any task can go on. A task belongs to a process, and ends with it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::oneshot;

use crate::random::Random;

/// A process that can be killed with all its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process(pub(crate) u32);

/// What runs outside of all that can be killed: buyers, owners, the chain.
pub(crate) const OUTSIDE: Process = Process(0);

type Job = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    process: Process,
    /// `None` while it is polled.
    job: Option<Job>,
    waker: Waker,
}

/// How many steps a world may take. It takes some thousand, and one of long sieges some ten thousand.
const MOST_STEPS: u64 = 1_000_000;

/// Puts a task among those that can go on.
struct Awake {
    task: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if !woken.contains(&self.task) {
            woken.push(self.task);
        }
    }
}

/// Runs tasks in simulated time.
pub(crate) struct Executor {
    now: Cell<u64>,
    steps: Cell<u64>,
    next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    woken: Arc<Mutex<Vec<u64>>>,
    /// Wakers by their moment, in the order in which they were set.
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    random: Random,
}

impl Executor {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            now: Cell::new(0),
            steps: Cell::new(0),
            next: Cell::new(0),
            tasks: RefCell::default(),
            woken: Arc::default(),
            timers: RefCell::default(),
            random,
        }
    }

    /// Returns the time since the world began, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Returns how many steps were taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.get()
    }

    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    /// Starts a task of a process.
    pub(crate) fn spawn(&self, process: Process, job: impl Future<Output = ()> + 'static) {
        let task = self.number();
        let waker = Waker::from(Arc::new(Awake { task, woken: Arc::clone(&self.woken) }));
        waker.wake_by_ref();
        self.tasks.borrow_mut().insert(task, Task { process, job: Some(Box::pin(job)), waker });
    }

    /// Starts a task of a process, and returns its result; `None` if it ended with its process.
    pub(crate) async fn call<T: 'static>(
        &self,
        process: Process,
        job: impl Future<Output = T> + 'static,
    ) -> Option<T> {
        let (tell, told) = oneshot::channel();
        self.spawn(process, async move {
            let _ = tell.send(job.await);
        });
        told.await.ok()
    }

    /// Ends all tasks of a process.
    pub(crate) fn kill(&self, process: Process) {
        let killed: Vec<Task> = self
            .tasks
            .borrow_mut()
            .extract_if(.., |_, task| task.process == process)
            .map(|(_, task)| task)
            .collect();
        // What a task gives up when it is dropped may wake others.
        drop(killed);
    }

    /// Waits until this moment, in milliseconds since the world began.
    pub(crate) async fn sleep_until(&self, at: u64) {
        let mut is_set = false;
        poll_fn(|context| {
            if self.now.get() >= at {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_set, true) {
                self.timers.borrow_mut().insert((at, self.number()), context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits for this many milliseconds.
    pub(crate) async fn sleep(&self, ms: u64) {
        self.sleep_until(self.now.get().saturating_add(ms)).await;
    }

    /// Lets others go on first, at the same moment.
    pub(crate) async fn give_way(&self) {
        let mut has_waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn one_that_is_awake(&self) -> Option<u64> {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.is_empty() {
            return None;
        }
        let at = self.random.below(woken.len());
        Some(woken.swap_remove(at))
    }

    /// Runs everything until this moment, in milliseconds since the world began.
    pub(crate) fn run_until(&self, end: u64) {
        loop {
            while let Some(task) = self.one_that_is_awake() {
                self.step(task);
            }
            let next = self.timers.borrow().first_key_value().map(|(key, _)| *key);
            match next.filter(|(at, _)| *at <= end) {
                Some(key) => {
                    self.now.set(self.now.get().max(key.0));
                    if let Some(waker) = self.timers.borrow_mut().remove(&key) {
                        waker.wake();
                    }
                }
                None => {
                    self.now.set(end);
                    return;
                }
            }
        }
    }

    fn step(&self, task: u64) {
        let taken =
            self.tasks.borrow_mut().get_mut(&task).and_then(|it| Some((it.job.take()?, it.waker.clone())));
        let Some((mut job, waker)) = taken else { return };
        self.steps.set(self.steps.get() + 1);
        assert!(self.steps.get() < MOST_STEPS, "the world comes to no end");
        let done = job.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut tasks = self.tasks.borrow_mut();
        match tasks.get_mut(&task) {
            Some(it) if !done => it.job = Some(job),
            // It has ended, or its process was killed while it ran.
            Some(_) => {
                tasks.remove(&task);
            }
            None => {}
        }
    }

    /// Drops all tasks, which hold what belongs to the world.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
        self.timers.borrow_mut().clear();
    }
}
