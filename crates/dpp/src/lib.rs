//! DNS traffic in, one row per DNS query out.
//!
//! This crate is the engine of the program `dpp`. It reads the bytes of a packet capture, pairs each query with its
//! response, and hands finished rows to a [`Sink`](pipeline::Sink). It does no I/O of its own, reads no clock and no
//! environment; the same bytes and the same [`Plan`](plan::Plan) give the same rows on every machine and with any number
//! of threads. Start reading at [`pipeline::run`]; ARCHITECTURE.md in the repository is the map.

// The laws' oracles name the crate as its users do, and some are used by unit tests too.
#[cfg(test)]
extern crate self as dpp;

pub mod calendar;
pub mod capture;
pub mod cdns;
pub mod dns;
pub mod dnstap;
pub mod enrich;
pub mod filter;
pub mod findings;
pub mod knot;
pub mod limits;
pub mod packet;
pub mod pipeline;
pub mod plan;
pub mod privacy;
pub mod stats;
pub mod stream;
pub mod summary;
pub mod table;
pub mod tallies;
pub mod transaction;
