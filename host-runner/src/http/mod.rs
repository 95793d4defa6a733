//! The HTTP server.
//!
//! It protects the component: sizes, speeds and numbers are limited here, before an instance is spent on a
//! request. A request that passes goes to the component complete. This host itself answers only `/metrics`
//! and `/health`, which must answer when everything else is busy, and the static files and pictures of pages.

mod class;
mod descriptors;
mod limits;
mod linger;
mod pictures;
mod problem;
mod rate;
mod server;
mod slots;
#[cfg(test)]
mod tests;

pub(crate) use limits::PublicOrigin;
pub(crate) use pictures::Pictures;
pub(crate) use rate::RateLimiter;
pub(crate) use server::{Frontend, serve};
