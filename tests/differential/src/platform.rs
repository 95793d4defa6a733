//! The core's blocking ports on this machine.

use std::time::Duration;

use coinop_core::config::Config;
use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Clock, Entropy, Http, HttpAnswer, PortError, Ports};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc};
use coinop_core::store::SqlJournal;
use coinop_core::{Now, Timestamp};
use coinop_test_hooks::Hooked;

use crate::sqlite::Sqlite;

pub(crate) struct Platform {
    journal: SqlJournal<Sqlite>,
    settlement: LocalSettlement<Blocking>,
}

impl Platform {
    pub(crate) fn new(sqlite: Sqlite, config: &Config, fee_payers: FeePayers) -> Self {
        Self {
            journal: SqlJournal::new(sqlite, config.merchant.id.clone()),
            settlement: LocalSettlement::new(Rpc::new(Blocking, config.rpc_url.clone()), fee_payers)
                .forgetful(),
        }
    }

    /// Creates the tables.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        self.journal.prepare().await
    }
}

impl Ports for Platform {
    type Clock = Hooked<Unset>;
    type Entropy = Hooked<Unset>;
    type Journal = SqlJournal<Sqlite>;
    type Catalogue = SqlJournal<Sqlite>;
    type Settlement = LocalSettlement<Blocking>;

    fn clock(&self) -> &Hooked<Unset> {
        &Hooked(Unset)
    }
    fn entropy(&self) -> &Hooked<Unset> {
        &Hooked(Unset)
    }
    fn journal(&self) -> &Self::Journal {
        &self.journal
    }
    fn catalogue(&self) -> &Self::Catalogue {
        &self.journal
    }
    fn settlement(&self) -> &Self::Settlement {
        &self.settlement
    }
    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// The clock and the randomness behind what the requests set, which are never needed: the same in each run.
pub(crate) struct Unset;

impl Clock for Unset {
    fn now(&self) -> Now {
        Now::at(Timestamp::default())
    }

    async fn sleep(&self, _: u64) {}
}

impl Entropy for Unset {
    fn random(&self) -> [u8; 16] {
        [0; 16]
    }
}

pub(crate) struct Blocking;

impl Http for Blocking {
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        let failed = |error: ureq::Error| {
            TransportError::new("the RPC", TransportFault::Unreachable(error.to_string()))
        };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(timeout_ms)))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let sent = agent.post(url).content_type("application/json").send(body);
        let mut response = sent.map_err(failed)?;
        let body = response.body_mut().read_to_vec().map_err(failed)?;
        Ok(HttpAnswer { status: response.status().as_u16(), body })
    }
}
