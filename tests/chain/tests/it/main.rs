//! The chain as a client meets it: the binary, over HTTP.

mod accounts;
mod blocks;
mod confirmed;
mod guards;
mod malformed;
mod start;
mod support;
mod transactions;
