//! How a resource is presented.

/// How catalogues and wallets present a resource. Each member may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presentation {
    /// The seller's name.
    pub service_name: Option<String>,
    pub icon_url: Option<String>,
    /// Keywords for the resource.
    pub tags: Vec<String>,
}
