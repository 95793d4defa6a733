//! The HTTP server.
//!
//! It protects the component: sizes, speeds and numbers are limited here, before
//! an instance is spent on a request. What passes goes to the component whole;
//! the only page this host answers itself is `/metrics`.

mod limits;
mod linger;
mod problem;
mod rate;
mod route;
mod server;

pub(crate) use limits::Origin;
pub(crate) use rate::RateLimiter;
pub(crate) use server::{Gateway, serve};
