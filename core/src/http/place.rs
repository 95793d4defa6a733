//! Where a request is answered, on a platform that keeps each asset in a place of its own.

use serde::Deserialize;

use super::Request;
use crate::gateway::Gateway;
use crate::grant;
use crate::ids::AssetId;
use crate::ports::{Clock as _, Ports};
use crate::svm::Address;

/// Where what a request needs to know is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// With this asset.
    Asset(AssetId),
    /// With this payer.
    Payer(Address),
    /// With the merchant.
    Merchant,
}

impl<P: Ports> Gateway<'_, P> {
    /// Where what this request needs to know is kept; `None` if it is nothing that is kept,
    /// or nothing that could be named.
    ///
    /// Beside the [router](Gateway::handle): a request that the router answers without
    /// asking the journal need not go anywhere, whatever stands here.
    #[must_use]
    pub fn place(&self, request: &Request) -> Option<Place> {
        let path = request.path.strip_prefix("/api/v1/").unwrap_or(&request.path);
        let segments: Vec<&str> = path.split('/').collect();
        match segments.as_slice() {
            ["access" | "assets", id] | ["access", id, "extend"] | ["assets", id, "status"] => {
                AssetId::parse(id).map(Place::Asset)
            }
            ["assets"] if request.method == "POST" => id_in(&request.body).map(Place::Asset),
            ["sessions", _, "status"] => {
                let deployment = self.deployment();
                let now = self.ports().clock().now().wall;
                let token = request.bearer()?;
                grant::session_token(&deployment.keys, &deployment.config.public_url, token, now)
                    .map(|token| Place::Asset(token.asset))
            }
            ["payers", address, "sessions"] => address.parse().ok().map(Place::Payer),
            ["assets"] | ["", "ready"] | ["tick"] => Some(Place::Merchant),
            _ => None,
        }
    }
}

/// The `id` in the description of an asset.
fn id_in(body: &[u8]) -> Option<AssetId> {
    #[derive(Deserialize)]
    struct Named {
        id: AssetId,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.id)
}
