//! Live sources and their peers: programs of others that send, and enemies.

mod dnstap;
mod enemies;
mod knot;
mod place;
#[cfg(feature = "tls")]
mod tls;
