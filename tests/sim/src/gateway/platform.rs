//! The ports of a gateway in a world.

use std::cell::Cell;
use std::rc::Weak;

use coinop_core::AssetId;
use coinop_core::config::Asset;
use coinop_core::error::StoreError;
use coinop_core::ports::{Catalogue, PortError, Ports};
use coinop_core::settlement::LocalSettlement;
use coinop_core::sharded::{Listing, ShardedJournal};
use coinop_core::store::SqlJournal;

use super::site_ports::SitePorts;
use crate::machine::Machine;
use crate::node::NodeClient;
use crate::storage::Database;
use crate::world::World;

/// The ports of a gateway with one database.
pub(crate) struct WholePlatform {
    pub(crate) machine: Machine,
    pub(crate) journal: SqlJournal<Database>,
    pub(crate) settlement: LocalSettlement<NodeClient>,
}

impl Ports for WholePlatform {
    type Clock = Machine;
    type Entropy = Machine;
    type Journal = SqlJournal<Database>;
    type Catalogue = SqlJournal<Database>;
    type Settlement = LocalSettlement<NodeClient>;

    fn clock(&self) -> &Machine {
        &self.machine
    }
    fn entropy(&self) -> &Machine {
        &self.machine
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
        log(&self.machine.world, line);
    }
}

/// The ports of a shard's gateway, or of one without a shard.
pub(crate) struct ShardPlatform {
    pub(crate) machine: Machine,
    pub(crate) journal: ShardedJournal<SitePorts>,
    pub(crate) settlement: LocalSettlement<NodeClient>,
    /// Whether assets made by API are read in KV. Otherwise this shard's journal knows them.
    pub(crate) reads_kv: Cell<bool>,
}

impl Ports for ShardPlatform {
    type Clock = Machine;
    type Entropy = Machine;
    type Journal = ShardedJournal<SitePorts>;
    type Catalogue = Self;
    type Settlement = LocalSettlement<NodeClient>;

    fn clock(&self) -> &Machine {
        &self.machine
    }
    fn entropy(&self) -> &Machine {
        &self.machine
    }
    fn journal(&self) -> &Self::Journal {
        &self.journal
    }
    fn catalogue(&self) -> &Self {
        self
    }
    fn settlement(&self) -> &Self::Settlement {
        &self.settlement
    }
    fn log(&self, line: &str) {
        log(&self.machine.world, line);
    }
}

impl Catalogue for ShardPlatform {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        if !self.reads_kv.get() {
            return self.journal.find(id).await;
        }
        let Some(world) = self.machine.world.upgrade() else { return Ok(None) };
        let listing = world.gateways.published(id);
        listing.map_or(Ok(None), |text| {
            let listing: Listing = serde_json::from_str(&text)
                .map_err(|error| StoreError::Service { name: "KV", words: error.to_string() })?;
            Ok(Some(listing.asset(id)))
        })
    }

    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError> {
        self.journal.page(after, limit).await
    }
}

fn log(world: &Weak<World>, line: &str) {
    if let Some(world) = world.upgrade() {
        world.gateways.log(line);
    }
}
