//! Tests of the chain as a client uses it: the binary, over HTTP.

mod accounts;
mod blocks;
mod confirmed;
mod guards;
mod malformed;
mod start;
mod support;
mod transactions;
