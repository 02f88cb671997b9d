//! Pseudonyms for client addresses.

mod dpp;

pub use dpp::{KeyError, Pseudonyms};
