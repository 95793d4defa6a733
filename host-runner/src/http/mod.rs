//! The HTTP server.
//!
//! It protects the component: sizes, speeds and numbers are limited here, before an instance is spent on a
//! request. A request that passes goes to the component complete. This host itself answers only `/metrics`
//! and `/health`, which must answer when everything else is busy, and the static files and pictures of pages. It
//! remembers the component's answer to `/ready`.

mod answer;
mod caller;
mod class;
mod connection_limits;
mod cost;
mod descriptors;
mod frontend;
mod limits;
mod linger;
mod memory;
mod pictures;
mod places;
mod problem;
mod rate;
mod ready;
mod server;
mod slots;
#[cfg(test)]
mod tests;

pub(crate) use descriptors::connections;
pub(crate) use frontend::{Frontend, Gate};
pub(crate) use limits::PublicOrigin;
pub(crate) use pictures::Pictures;
pub(crate) use server::serve;
