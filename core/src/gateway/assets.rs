//! The assets of the configuration, and those that are created, changed and deleted by API.

use std::borrow::Cow;

use super::{CommandError, Gateway, contended};
use crate::config::Asset;
use crate::ids::{AssetId, StreamId};
use crate::listing::Listing;
use crate::ports::{Catalogue as _, PortError, Ports, Streams as _};
use crate::session::{Command, Reject, StreamState};

/// Why an asset was not created, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManageError {
    /// The configuration names the asset, so that it can only be changed there.
    Configured,
    /// The asset's state does not allow it.
    Rejected(Reject),
    /// The storage does not answer.
    Unavailable(PortError),
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// Returns the asset of this id, for reading. If both the configuration and the catalogue have the id, the
    /// configuration counts.
    ///
    /// # Errors
    /// Returns an error if the catalogue does not answer.
    pub(crate) async fn find_asset(&self, id: &AssetId) -> Result<Option<Cow<'a, Asset>>, PortError> {
        match self.deployment().config.asset(id) {
            Some(asset) => Ok(Some(Cow::Borrowed(asset))),
            None => Ok(self.ports().catalogue().find(id).await?.map(Cow::Owned)),
        }
    }

    /// Returns the listing of an asset that was created by API, from the asset's own state.
    ///
    /// # Errors
    /// `Reject::Gone` if there is none. `ManageError::Configured` if the configuration names the asset, and
    /// `ManageError::Unavailable` if the storage does not answer.
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

    /// Creates an asset. Returns its state, which contains its listing.
    ///
    /// # Errors
    /// [`Reject::Exists`] if there is an asset of this id. [`Reject::InUse`] if the configuration named this id before,
    /// and its session still runs or its payment is in flight.
    pub(crate) async fn create_asset(
        &self,
        id: &AssetId,
        listing: Listing,
    ) -> Result<StreamState, ManageError> {
        self.manage(id, Command::Create(Box::new(listing))).await
    }

    /// Changes an asset's listing from `base` to `next`. What is sold already and the prices of open quotes stay as
    /// they are.
    ///
    /// # Errors
    /// [`Reject::Outdated`] if the listing is no longer `base`, [`Reject::Gone`] if there is none. [`Reject::InUse`] if
    /// the asset would become shared or exclusive while a session runs or a payment is in flight.
    pub(crate) async fn change_asset(
        &self,
        id: &AssetId,
        base: Listing,
        next: Listing,
    ) -> Result<StreamState, ManageError> {
        self.manage(id, Command::Change { base: Box::new(base), next: Box::new(next) }).await
    }

    /// Deletes an asset. Its sessions stay readable.
    ///
    /// # Errors
    /// [`Reject::InUse`] while a session runs or a payment is in flight, [`Reject::Gone`] if there is no such asset.
    pub(crate) async fn delete_asset(&self, id: &AssetId) -> Result<(), ManageError> {
        self.manage(id, Command::Delete).await.map(drop)
    }

    async fn manage(&self, id: &AssetId, command: Command) -> Result<StreamState, ManageError> {
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
