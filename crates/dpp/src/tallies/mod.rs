//! Tallies: what is counted of messages and transactions, as values that merge.
//!
//! Every tally is a multiset made smaller: what it says depends on what was added, never on the order or the grouping (law 6).
//! So chunks, files, days and machines add up to the same figures, byte for byte. Each can be told as [`entry`]s, which are
//! what a part file holds, and which anybody can reduce who can sort lines.

pub mod entry;
pub mod rssac;
pub mod servers;
pub mod sources;
