//! The core's ports on WASI 0.2 and Spin.

use coinop_core::config::Config;
use coinop_core::ports::{PortError, Ports};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc};
use coinop_core::store::SqlJournal;

use crate::blockhash::Shared;
use crate::hooks;
use crate::runtime::{WasiClock, boot};
use crate::sql::Database;

/// All ports of an instance.
pub(crate) struct Platform {
    clock: hooks::Clock,
    journal: SqlJournal<Database>,
    settlement: Shared<hooks::Settlement>,
    has_controller: bool,
}

impl Platform {
    pub(crate) fn new(config: &Config, fee_payers: FeePayers) -> Self {
        let boot = boot();
        let rpc = Rpc::new(hooks::FETCH, config.rpc_url.clone());
        let has_controller = boot.is_some();
        let settlement = hooks::settlement(LocalSettlement::new(rpc, fee_payers));
        Self {
            has_controller,
            clock: hooks::clock(WasiClock { boot }),
            journal: SqlJournal::new(Database::default(), config.merchant.id.clone()),
            settlement: Shared::new(settlement, has_controller),
        }
    }

    /// Opens the database and creates its tables, once for each instance.
    ///
    /// # Errors
    ///
    /// Fails if the database or the tables cannot be made, or if the tables have another version.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        self.journal.sql().prepare().await
    }

    /// Tells whether the database was needed and could not be used.
    pub(crate) fn has_no_database(&self) -> bool {
        self.journal.sql().is_refused()
    }

    /// Tells whether a host calls the device controller. Without such a host, as on Spin, requests carry out
    /// the due work.
    pub(crate) const fn has_controller(&self) -> bool {
        self.has_controller
    }
}

impl Ports for Platform {
    type Clock = hooks::Clock;
    type Entropy = hooks::Entropy;
    type Journal = SqlJournal<Database>;
    type Catalogue = SqlJournal<Database>;
    type Settlement = Shared<hooks::Settlement>;

    fn clock(&self) -> &hooks::Clock {
        &self.clock
    }
    fn entropy(&self) -> &hooks::Entropy {
        &hooks::ENTROPY
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
