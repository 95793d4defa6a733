//! The parts of the platform that a test build replaces. The shipped component has the platform's own.
//!
//! With the feature `test-hooks` each request sets the time and the random bytes, and others reach no node. With `stub-settlement` no money
//! moves. Nothing else in this crate knows of those builds.

#[cfg(not(feature = "test-hooks"))]
mod request {
    use crate::runtime::{WasiClock, WasiEntropy};

    pub(crate) type Clock = WasiClock;
    pub(crate) type Entropy = WasiEntropy;

    pub(crate) const ENTROPY: Entropy = WasiEntropy;

    pub(crate) const fn clock(real: WasiClock) -> Clock {
        real
    }

    pub(crate) const fn begin_request(_: &[(String, String)]) {}
}

#[cfg(feature = "test-hooks")]
mod request {
    use coinop_test_hooks::Hooked;

    use crate::runtime::{WasiClock, WasiEntropy};

    pub(crate) use coinop_test_hooks::begin_request;

    pub(crate) type Clock = Hooked<WasiClock>;
    pub(crate) type Entropy = Hooked<WasiEntropy>;

    pub(crate) const ENTROPY: Entropy = Hooked(WasiEntropy);

    pub(crate) const fn clock(real: WasiClock) -> Clock {
        Hooked(real)
    }
}

mod settlement {
    use coinop_core::settlement::LocalSettlement;

    use crate::fetch::WasiHttp;

    #[cfg(not(feature = "test-hooks"))]
    pub(crate) type Fetch = WasiHttp;
    #[cfg(not(feature = "test-hooks"))]
    pub(crate) const FETCH: Fetch = WasiHttp;

    #[cfg(feature = "test-hooks")]
    pub(crate) type Fetch = coinop_test_hooks::Hooked<WasiHttp>;
    #[cfg(feature = "test-hooks")]
    pub(crate) const FETCH: Fetch = coinop_test_hooks::Hooked(WasiHttp);

    #[cfg(not(feature = "stub-settlement"))]
    pub(crate) type Settlement = LocalSettlement<Fetch>;

    #[cfg(feature = "stub-settlement")]
    pub(crate) type Settlement = coinop_test_hooks::StubSettlement<Fetch>;

    #[cfg(not(any(feature = "test-hooks", feature = "stub-settlement")))]
    pub(crate) const fn settlement(real: LocalSettlement<Fetch>) -> Settlement {
        real
    }

    /// Recorded answers must not depend on the instance that gives them.
    #[cfg(all(feature = "test-hooks", not(feature = "stub-settlement")))]
    pub(crate) fn settlement(real: LocalSettlement<Fetch>) -> Settlement {
        real.forgetful()
    }

    #[cfg(feature = "stub-settlement")]
    pub(crate) fn settlement(real: LocalSettlement<Fetch>) -> Settlement {
        let secret = spin_sdk::variables::get("coinop_secret").unwrap_or_default();
        coinop_test_hooks::StubSettlement::new(real, &secret)
    }
}

pub(crate) use request::{Clock, ENTROPY, Entropy, begin_request, clock};
pub(crate) use settlement::{FETCH, Settlement, settlement};
