//! A small stand-in for Spin 4.
//!
//! It runs the component as Spin does, as far as the component can tell: every
//! request has an instance of its own, and the traps of Spin's SQLite, variables
//! and outgoing HTTP are there. What Spin has and the component does not use
//! (other routes, wildcards in allowed hosts, other databases) is refused when the
//! manifest is read, not imitated.
//!
//! [`manifest`] reads `spin.toml`, [`spin`] serves HTTP with it, and [`sqlite`],
//! [`variables`] and [`outbound`] are what an instance may ask for.

pub mod manifest;
pub mod outbound;
pub mod spin;
pub mod sqlite;
pub mod variables;
