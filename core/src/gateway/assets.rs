//! What is for hire: the assets of the configuration, and those that were made by API.

use std::borrow::Cow;

use super::{CommandError, Gateway, contended};
use crate::config::Asset;
use crate::ids::{AssetId, StreamId};
use crate::listing::Listing;
use crate::ports::{Catalogue as _, PortError, Ports, Streams as _};
use crate::session::{AssetState, Command, Reject};

/// Why an asset was not made, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManageError {
    /// The configuration names it: it is changed there.
    Configured,
    /// The asset's state refuses it.
    Rejected(Reject),
    /// Storage does not answer.
    Unavailable(PortError),
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// The asset of this id, for reading. Of two with one id, the configuration's counts.
    ///
    /// # Errors
    /// When the catalogue does not answer.
    pub(crate) async fn find_asset(&self, id: &AssetId) -> Result<Option<Cow<'a, Asset>>, PortError> {
        match self.deployment().config.asset(id) {
            Some(asset) => Ok(Some(Cow::Borrowed(asset))),
            None => Ok(self.ports().catalogue().find(id).await?.map(Cow::Owned)),
        }
    }

    /// What an asset is that was made by API, as its own state has it.
    ///
    /// # Errors
    /// `Reject::Gone` if there is none.
    pub async fn listing(&self, id: &AssetId) -> Result<Listing, ManageError> {
        self.ensure_not_configured(id)?;
        let snapshot = self
            .ports()
            .journal()
            .load(&StreamId::of_asset(id.clone()))
            .await
            .map_err(ManageError::Unavailable)?;
        snapshot.state.listing.ok_or(ManageError::Rejected(Reject::Gone))
    }

    /// Makes an asset. Answers its state after that; its listing is in there.
    ///
    /// # Errors
    /// [`Reject::Exists`] if there is one of this id, [`Reject::InUse`] if a session of one
    /// that the configuration named runs on.
    pub(crate) async fn create_asset(
        &self,
        id: &AssetId,
        listing: Listing,
    ) -> Result<AssetState, ManageError> {
        self.manage(id, Command::Create(Box::new(listing))).await
    }

    /// Changes an asset from what it was taken for to what it should be. What is sold, and
    /// the prices of open quotes, stay as they are.
    ///
    /// # Errors
    /// [`Reject::Outdated`] if it is not what it was taken for, [`Reject::Gone`] if there
    /// is none.
    pub(crate) async fn change_asset(
        &self,
        id: &AssetId,
        base: Listing,
        next: Listing,
    ) -> Result<AssetState, ManageError> {
        self.manage(id, Command::Change { base: Box::new(base), next: Box::new(next) }).await
    }

    /// Deletes an asset. Its sessions stay readable.
    ///
    /// # Errors
    /// [`Reject::InUse`] while a session runs or a payment is in flight, [`Reject::Gone`]
    /// if there is none.
    pub(crate) async fn delete_asset(&self, id: &AssetId) -> Result<(), ManageError> {
        self.manage(id, Command::Delete).await.map(drop)
    }

    async fn manage(&self, id: &AssetId, command: Command) -> Result<AssetState, ManageError> {
        self.ensure_not_configured(id)?;
        let stream = StreamId::of_asset(id.clone());
        match self.command(&stream, None, command).await {
            Ok(written) => Ok(written.snapshot.state),
            Err(CommandError::Rejected(reject)) => Err(ManageError::Rejected(reject)),
            Err(CommandError::Port(error)) => Err(ManageError::Unavailable(error)),
            Err(CommandError::Conflict) => Err(ManageError::Unavailable(contended(&stream))),
        }
    }

    fn ensure_not_configured(&self, id: &AssetId) -> Result<(), ManageError> {
        match self.deployment().config.asset(id) {
            Some(_) => Err(ManageError::Configured),
            None => Ok(()),
        }
    }
}
