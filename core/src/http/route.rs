//! The paths of the API, and what each method does there.
//!
//! Everything that depends on a path is decided here: its methods and who may use them, the handler, how a host counts
//! the request, and whether the request may carry out what is due.

use super::Request;
use crate::ids::{AssetId, OwedId, SessionId, StreamId};
use crate::svm::Address;

/// The methods that any path takes, except `OPTIONS`, in the order in which `Allow` lists them.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

/// What a path names.
///
/// An id is `None` if its segment does not have the form of an id. The path is then known, but nothing of that name
/// exists.
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
    /// `/api/v1/assets/{id}/quote`
    Quote(Option<AssetId>),
    /// `/api/v1/access/{id}`
    Access(Option<AssetId>),
    /// `/api/v1/access/{id}/transaction`
    Transaction(Option<AssetId>),
    /// `/api/v1/access/{id}/code`
    UseCode(Option<AssetId>),
    /// `/api/v1/access/{id}/extend`
    Extend(Option<AssetId>),
    /// `/api/v1/access/{id}/extend/transaction`
    ExtendTransaction(Option<AssetId>),
    /// `/api/v1/sessions/{id}/status`
    Session(Option<SessionId>),
    /// `/api/v1/sessions/{id}/stop`
    Stop(Option<SessionId>),
    /// `/api/v1/sessions/{id}/code`
    MakeCode(Option<SessionId>),
    /// `/api/v1/payers/{address}/sessions`
    Payer(Option<Address>),
    /// `/api/v1/merchant/sessions`
    MerchantSessions,
    /// `/api/v1/merchant/owed`
    MerchantOwed,
    /// `/api/v1/merchant/owed/{asset}/{id}`, or `/api/v1/merchant/owed/{asset}/{session}/{id}` of a shared asset
    OwedEntry(Option<(StreamId, OwedId)>),
    /// `/api/v1/tick`
    Tick,
}

/// What a request asks for: a route with one of its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'r> {
    /// Answer that the process is alive.
    Health,
    /// Answer whether a sale could be made now.
    Ready,
    /// Show the public keys of grants.
    Keys,
    /// Show the catalogue.
    ListAssets,
    /// Create an asset.
    CreateAsset,
    /// Show one asset of the catalogue.
    ShowAsset(Option<&'r AssetId>),
    /// Change an asset's price, name or other properties.
    ChangeAsset(Option<&'r AssetId>),
    /// Delete an asset.
    DeleteAsset(Option<&'r AssetId>),
    /// Show whether the asset is free, and what its device does.
    AssetStatus(Option<&'r AssetId>),
    /// Show what a quantity costs.
    Quote(Option<&'r AssetId>),
    /// Buy a session.
    Access(Option<&'r AssetId>),
    /// Make the transaction that buys a session.
    Transaction(Option<&'r AssetId>),
    /// Show a session on another device, with a one-time code.
    UseCode(Option<&'r AssetId>),
    /// Buy more time for a session.
    Extend(Option<&'r AssetId>),
    /// Make the transaction that buys more time for a session.
    ExtendTransaction(Option<&'r AssetId>),
    /// Show a session to its buyer.
    SessionStatus(Option<&'r SessionId>),
    /// Stop a session before its paid end.
    Stop(Option<&'r SessionId>),
    /// Make a one-time code for another device.
    MakeCode(Option<&'r SessionId>),
    /// Show a payer's sessions to the payer.
    PayerSessions(Option<&'r Address>),
    /// Show all sessions to the merchant.
    MerchantSessions,
    /// Show what is owed to the merchant.
    ListOwed,
    /// Write down what the merchant says about what is owed.
    DecideOwed(Option<(&'r StreamId, &'r OwedId)>),
    /// Carry out what is due.
    Tick,
}

/// Who may use a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everyone, and a web page of any origin.
    Public,
    /// The owner, with an API key. No web page may use it.
    Merchant,
}

impl Route {
    /// Parses a path, not decoded and without its query; `None` if there is no such path.
    ///
    /// It does not look up whether an asset or a session of that name exists.
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
                ["assets", id, "quote"] => Self::Quote(AssetId::parse(id)),
                ["access", id] => Self::Access(AssetId::parse(id)),
                ["access", id, "transaction"] => Self::Transaction(AssetId::parse(id)),
                ["access", id, "code"] => Self::UseCode(AssetId::parse(id)),
                ["access", id, "extend"] => Self::Extend(AssetId::parse(id)),
                ["access", id, "extend", "transaction"] => Self::ExtendTransaction(AssetId::parse(id)),
                ["sessions", id, "status"] => Self::Session(SessionId::parse(id)),
                ["sessions", id, "stop"] => Self::Stop(SessionId::parse(id)),
                ["sessions", id, "code"] => Self::MakeCode(SessionId::parse(id)),
                ["payers", address, "sessions"] => Self::Payer(address.parse().ok()),
                ["merchant", "sessions"] => Self::MerchantSessions,
                ["merchant", "owed"] => Self::MerchantOwed,
                ["merchant", "owed", asset, id] => Self::owed_entry(StreamId::parse(asset), id),
                ["merchant", "owed", asset, session, id] => {
                    Self::owed_entry(StreamId::parse(&format!("{asset}/{session}")), id)
                }
                ["tick"] => Self::Tick,
                _ => return None,
            },
            _ => return None,
        };
        Some(route)
    }

    fn owed_entry(stream: Option<StreamId>, id: &str) -> Self {
        Self::OwedEntry(stream.zip(OwedId::parse(id)))
    }

    /// Returns what `method` does here; `None` if the path does not take it.
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
            (Self::Quote(id), "GET" | "HEAD") => Action::Quote(id.as_ref()),
            (Self::Access(id), "GET" | "POST") => Action::Access(id.as_ref()),
            (Self::Transaction(id), "POST") => Action::Transaction(id.as_ref()),
            (Self::UseCode(id), "POST") => Action::UseCode(id.as_ref()),
            (Self::Extend(id), "GET" | "POST") => Action::Extend(id.as_ref()),
            (Self::ExtendTransaction(id), "POST") => Action::ExtendTransaction(id.as_ref()),
            (Self::Session(id), "GET" | "HEAD") => Action::SessionStatus(id.as_ref()),
            (Self::Stop(id), "POST") => Action::Stop(id.as_ref()),
            (Self::MakeCode(id), "POST") => Action::MakeCode(id.as_ref()),
            (Self::Payer(address), "GET" | "HEAD") => Action::PayerSessions(address.as_ref()),
            (Self::MerchantSessions, "GET" | "HEAD") => Action::MerchantSessions,
            (Self::MerchantOwed, "GET" | "HEAD") => Action::ListOwed,
            (Self::OwedEntry(of), "POST") => Action::DecideOwed(of.as_ref().map(|(stream, id)| (stream, id))),
            (Self::Tick, "POST") => Action::Tick,
            _ => return None,
        })
    }

    /// Returns the methods that `audience` may use here.
    pub(super) fn methods(&self, audience: Audience) -> impl Iterator<Item = &'static str> {
        let theirs = move |method: &&str| self.action(method).is_some_and(|it| it.audience() == audience);
        METHODS.into_iter().filter(theirs)
    }

    /// Returns the value of the `Allow` header.
    pub(super) fn allow(&self) -> String {
        let methods = self.methods(Audience::Public).chain(self.methods(Audience::Merchant));
        methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
    }

    /// Returns the class under which a host counts a request for this path, in metrics and logs.
    ///
    /// It is never a name, because a path says who rents what (invariant 9).
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Keys => "well-known",
            Self::Assets | Self::Asset(_) => "assets",
            Self::AssetStatus(_) => "asset-status",
            Self::Quote(_) => "quote",
            Self::Access(_) => "access",
            Self::Transaction(_) | Self::ExtendTransaction(_) => "transaction",
            Self::MakeCode(_) | Self::UseCode(_) => "code",
            Self::Extend(_) => "extend",
            Self::Session(_) | Self::Stop(_) => "session",
            Self::Payer(_) => "payer",
            Self::MerchantSessions | Self::MerchantOwed | Self::OwedEntry(_) => "merchant",
            Self::Tick => "tick",
        }
    }

    /// Returns whether a request for this path may carry out what is due for others, on a platform where nothing else
    /// does.
    ///
    /// An unpaid purchase may not, because it leaves nothing behind and calls no other system (invariant 8). Nor may a
    /// request for a quote, a transaction, `/health`, `/ready` or the public keys, or an `OPTIONS` request.
    #[must_use]
    pub fn may_run_due(&self, request: &Request) -> bool {
        let may = match self {
            Self::Health
            | Self::Ready
            | Self::Keys
            | Self::Quote(_)
            | Self::Transaction(_)
            | Self::ExtendTransaction(_) => false,
            Self::Access(_) | Self::Extend(_) => request.pays(),
            Self::Assets
            | Self::Asset(_)
            | Self::AssetStatus(_)
            | Self::Session(_)
            | Self::Stop(_)
            | Self::MakeCode(_)
            | Self::UseCode(_)
            | Self::Payer(_)
            | Self::MerchantSessions
            | Self::MerchantOwed
            | Self::OwedEntry(_)
            | Self::Tick => true,
        };
        may && request.method != "OPTIONS"
    }
}

impl Action<'_> {
    /// Returns who may use this.
    pub(super) const fn audience(&self) -> Audience {
        match self {
            Self::CreateAsset
            | Self::ChangeAsset(_)
            | Self::DeleteAsset(_)
            | Self::MerchantSessions
            | Self::ListOwed
            | Self::DecideOwed(_)
            | Self::Tick => Audience::Merchant,
            Self::Health
            | Self::Ready
            | Self::Keys
            | Self::ListAssets
            | Self::ShowAsset(_)
            | Self::AssetStatus(_)
            | Self::Quote(_)
            | Self::Access(_)
            | Self::Transaction(_)
            | Self::UseCode(_)
            | Self::Extend(_)
            | Self::ExtendTransaction(_)
            | Self::SessionStatus(_)
            | Self::Stop(_)
            | Self::MakeCode(_)
            | Self::PayerSessions(_) => Audience::Public,
        }
    }
}
