//! How a resource is presented.

/// How catalogues and wallets present a resource; each member may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presentation {
    /// Who offers it.
    pub service_name: Option<String>,
    /// Its icon.
    pub icon_url: Option<String>,
    /// What it is about.
    pub tags: Vec<String>,
}
