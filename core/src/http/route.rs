//! What the paths of the API name, and what each method does there.
//!
//! Everything that depends on a path follows from here: which methods it takes and whose they are, which handler answers,
//! how a host counts the request, and whether it may carry out work for others.

use super::Request;
use crate::ids::{AssetId, SessionId};
use crate::svm::Address;

/// The methods that any path takes, besides `OPTIONS`, in the order in which `Allow` names them.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

/// What a path names.
///
/// An id is `None` where the segment has not the shape of one: then the path is known, and nothing of that name is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/health`
    Health,
    /// `/ready`
    Ready,
    /// `/.well-known/jwks.json`
    Keys,
    /// `/api/v1/assets`
    Assets,
    /// `/api/v1/assets/{id}`
    Asset(Option<AssetId>),
    /// `/api/v1/assets/{id}/status`
    AssetStatus(Option<AssetId>),
    /// `/api/v1/access/{id}`
    Access(Option<AssetId>),
    /// `/api/v1/access/{id}/extend`
    Extend(Option<AssetId>),
    /// `/api/v1/sessions/{id}/status`
    Session(Option<SessionId>),
    /// `/api/v1/payers/{address}/sessions`
    Payer(Option<Address>),
    /// `/api/v1/tick`
    Tick,
}

/// What a request asks for: a route and a method that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'r> {
    /// Is the process alive?
    Health,
    /// Could a sale be made now?
    Ready,
    /// The public keys of grants.
    Keys,
    /// The catalogue.
    ListAssets,
    /// A new asset.
    CreateAsset,
    /// One asset of the catalogue.
    ShowAsset(Option<&'r AssetId>),
    /// Another price, name or the like.
    ChangeAsset(Option<&'r AssetId>),
    /// An asset less.
    DeleteAsset(Option<&'r AssetId>),
    /// Is the asset free, and is its device open?
    AssetStatus(Option<&'r AssetId>),
    /// A new session.
    Access(Option<&'r AssetId>),
    /// More time for a session.
    Extend(Option<&'r AssetId>),
    /// One session, for who bought it.
    SessionStatus(Option<&'r SessionId>),
    /// A payer's sessions, for the payer.
    PayerSessions(Option<&'r Address>),
    /// Carry out what is due.
    Tick,
}

/// Whose a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody's: a web page of any origin may use it.
    Public,
    /// The owner's: it needs an API key, and no web page may use it.
    Owner,
}

impl Route {
    /// Reads a path, undecoded and without its query. `None` where there is no such path.
    ///
    /// Whether there is an asset or a session of that name is not looked up.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let route = match segments.as_slice() {
            ["health"] => Self::Health,
            ["ready"] => Self::Ready,
            [".well-known", "jwks.json"] => Self::Keys,
            ["api", "v1", rest @ ..] => match rest {
                ["assets"] => Self::Assets,
                ["assets", id] => Self::Asset(AssetId::parse(id)),
                ["assets", id, "status"] => Self::AssetStatus(AssetId::parse(id)),
                ["access", id] => Self::Access(AssetId::parse(id)),
                ["access", id, "extend"] => Self::Extend(AssetId::parse(id)),
                ["sessions", id, "status"] => Self::Session(SessionId::parse(id)),
                ["payers", address, "sessions"] => Self::Payer(address.parse().ok()),
                ["tick"] => Self::Tick,
                _ => return None,
            },
            _ => return None,
        };
        Some(route)
    }

    /// Returns what `method` does here, or `None` where the path does not take it.
    pub(super) fn action(&self, method: &str) -> Option<Action<'_>> {
        Some(match (self, method) {
            (Self::Health, "GET" | "HEAD") => Action::Health,
            (Self::Ready, "GET" | "HEAD") => Action::Ready,
            (Self::Keys, "GET" | "HEAD") => Action::Keys,
            (Self::Assets, "GET" | "HEAD") => Action::ListAssets,
            (Self::Assets, "POST") => Action::CreateAsset,
            (Self::Asset(id), "GET" | "HEAD") => Action::ShowAsset(id.as_ref()),
            (Self::Asset(id), "PATCH") => Action::ChangeAsset(id.as_ref()),
            (Self::Asset(id), "DELETE") => Action::DeleteAsset(id.as_ref()),
            (Self::AssetStatus(id), "GET" | "HEAD") => Action::AssetStatus(id.as_ref()),
            (Self::Access(id), "GET" | "POST") => Action::Access(id.as_ref()),
            (Self::Extend(id), "GET" | "POST") => Action::Extend(id.as_ref()),
            (Self::Session(id), "GET" | "HEAD") => Action::SessionStatus(id.as_ref()),
            (Self::Payer(address), "GET" | "HEAD") => Action::PayerSessions(address.as_ref()),
            (Self::Tick, "POST") => Action::Tick,
            _ => return None,
        })
    }

    /// Returns the methods that `audience` has here.
    pub(super) fn methods(&self, audience: Audience) -> impl Iterator<Item = &'static str> {
        let theirs = move |method: &&str| self.action(method).is_some_and(|it| it.audience() == audience);
        METHODS.into_iter().filter(theirs)
    }

    /// Returns the value of the `Allow` header.
    pub(super) fn allow(&self) -> String {
        let methods = self.methods(Audience::Public).chain(self.methods(Audience::Owner));
        methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
    }

    /// Returns what a host counts a request for this path as, in its metrics and logs.
    ///
    /// A class, never a name: a path says who rents what (invariant 9).
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Keys => "well-known",
            Self::Assets | Self::Asset(_) => "assets",
            Self::AssetStatus(_) => "asset-status",
            Self::Access(_) => "access",
            Self::Extend(_) => "extend",
            Self::Session(_) => "session",
            Self::Payer(_) => "payer",
            Self::Tick => "tick",
        }
    }

    /// Says whether a request for this path may carry out what is due for others, where nobody else does.
    ///
    /// Not a buyer who has not paid: that one leaves nothing behind and calls nobody (invariant 8). And nobody who only
    /// asks whether we are alive, for our keys, or which methods there are.
    #[must_use]
    pub fn may_carry_out(&self, request: &Request) -> bool {
        let may = match self {
            Self::Health | Self::Ready | Self::Keys => false,
            Self::Access(_) | Self::Extend(_) => request.pays(),
            Self::Assets
            | Self::Asset(_)
            | Self::AssetStatus(_)
            | Self::Session(_)
            | Self::Payer(_)
            | Self::Tick => true,
        };
        may && request.method != "OPTIONS"
    }
}

impl Action<'_> {
    /// Returns whose this is.
    pub(super) const fn audience(&self) -> Audience {
        match self {
            Self::CreateAsset | Self::ChangeAsset(_) | Self::DeleteAsset(_) | Self::Tick => Audience::Owner,
            Self::Health
            | Self::Ready
            | Self::Keys
            | Self::ListAssets
            | Self::ShowAsset(_)
            | Self::AssetStatus(_)
            | Self::Access(_)
            | Self::Extend(_)
            | Self::SessionStatus(_)
            | Self::PayerSessions(_) => Audience::Public,
        }
    }
}
