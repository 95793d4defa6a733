//! The parts of the platform that a test build replaces. A build that is deployed has the platform's own.
//!
//! With the feature `test-hooks` each request sets the time and the random bytes. Nothing else in this crate knows of
//! that build.

#[cfg(not(feature = "test-hooks"))]
mod chosen {
    use coinop_core::settlement::LocalSettlement;

    use crate::fetch::FetchHttp;
    use crate::runtime::{WorkerClock, WorkerEntropy};

    pub(crate) type Clock = WorkerClock;
    pub(crate) type Entropy = WorkerEntropy;

    pub(crate) const CLOCK: Clock = WorkerClock;
    pub(crate) const ENTROPY: Entropy = WorkerEntropy;
    /// Further headers that are read of a request.
    pub(crate) const HEADERS: &[&str] = &[];

    pub(crate) const fn begin_request(_: &[(String, String)]) {}

    pub(crate) const fn settlement(real: LocalSettlement<FetchHttp>) -> LocalSettlement<FetchHttp> {
        real
    }
}

#[cfg(feature = "test-hooks")]
mod chosen {
    use coinop_core::settlement::LocalSettlement;
    use coinop_test_hooks::{Hooked, NOW, SEED};

    use crate::fetch::FetchHttp;
    use crate::runtime::{WorkerClock, WorkerEntropy};

    pub(crate) use coinop_test_hooks::begin_request;

    pub(crate) type Clock = Hooked<WorkerClock>;
    pub(crate) type Entropy = Hooked<WorkerEntropy>;

    pub(crate) const CLOCK: Clock = Hooked(WorkerClock);
    pub(crate) const ENTROPY: Entropy = Hooked(WorkerEntropy);
    pub(crate) const HEADERS: &[&str] = &[NOW, SEED];

    /// Recorded answers must not depend on the isolate that gives them.
    pub(crate) fn settlement(real: LocalSettlement<FetchHttp>) -> LocalSettlement<FetchHttp> {
        real.forgetful()
    }
}

pub(crate) use chosen::{CLOCK, Clock, ENTROPY, Entropy, HEADERS, begin_request, settlement};
