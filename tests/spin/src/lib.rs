//! A small stand-in for Spin 4.
//!
//! It runs the component as Spin does, as far as the component can tell: every request has its own instance,
//! and Spin's SQLite, variables and outgoing HTTP have the same traps. Features of Spin that the component
//! does not use (other routes, wildcards in allowed hosts, other databases) are refused when the manifest is
//! read.
//!
//! [`manifest`] reads `spin.toml`, [`spin`] serves HTTP with it, and [`sqlite`], [`variables`] and
//! [`outbound`] are what an instance may ask for.

pub mod manifest;
pub mod outbound;
pub mod spin;
pub mod sqlite;
pub mod variables;
