//! Tests of the component under Spin's own limits: a fresh instance for each request, no timer, no device
//! controller, and SQLite as Spin provides it.
//!
//! Tests' names end with the invariants that they check (`docs/architecture.md`).

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
