//! What was sold, as the metrics show it.

use coinop_core::config::Config;
use coinop_core::ports::PortError;
use coinop_core::store::SqlJournal;
use tokio::sync::Mutex;

use super::names::TokenNames;
use super::totals::Totals;
use crate::db::Db;
use crate::metrics::Metrics;

/// Keeps the totals of all sales up to date with the journal.
///
/// The first look reads the whole list of sales, which takes a second or two for a million. Every
/// later one reads only what was sold since. Amounts are integers until they are shown.
pub(crate) struct SalesMeter {
    journal: SqlJournal<Db>,
    names: TokenNames,
    metrics: Metrics,
    /// Locked during a look, so that each sale is added once.
    read: Mutex<Read>,
}

/// What was read so far.
#[derive(Default)]
struct Read {
    /// The number of the last sale that was read.
    up_to: u64,
    totals: Totals,
}

impl SalesMeter {
    /// Returns the meter of the journal in this database. It reads nothing yet.
    pub(crate) fn new(db: Db, config: &Config, metrics: Metrics) -> Self {
        let journal = SqlJournal::new(db, String::new());
        Self { journal, names: TokenNames::new(config), metrics, read: Mutex::default() }
    }

    /// Returns the page for Prometheus, with all that was sold until now. If the journal can't be read, it shows what
    /// was known before.
    pub(crate) async fn page(&self) -> Vec<u8> {
        let mut read = self.read.lock().await;
        if let Err(error) = self.look(&mut read).await {
            tracing::warn!(%error, "the sales cannot be read for the metrics");
        }
        self.metrics.page()
    }

    async fn look(&self, read: &mut Read) -> Result<(), PortError> {
        // The component makes the tables.
        if read.up_to == 0 && !self.journal.has_tables().await? {
            return Ok(());
        }
        let (up_to, more) = self.journal.sales_totals(read.up_to).await?;
        for total in more {
            read.totals.add(self.names.of(&total.network, &total.token), total);
        }
        if up_to > read.up_to {
            for (token, total) in read.totals.iter() {
                let amount = total.decimal().parse().unwrap_or_default();
                self.metrics.sold(total.asset.as_str(), token, total.sales, amount);
            }
        }
        read.up_to = up_to;
        Ok(())
    }
}
