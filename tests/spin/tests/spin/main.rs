//! The component under Spin's own limits: a fresh instance for each request, no
//! timer, no device controller, and SQLite as Spin gives it.
//!
//! Names end with the invariants that they hold to (`docs/architecture.md`).

mod crash;
mod crowd;
mod limits;
mod needs;
mod restart;
mod sale;
mod stand_in;
mod start;
mod stub;
mod support;
mod time;
mod versions;
