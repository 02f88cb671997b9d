//! A service from outside: what it tells Prometheus and systemd, and what its sandbox leaves of it.
//!
//! `dpp drill` is the service, on traffic that it makes up. Where two processes must meet, they meet at a line of the log or at a page.

mod drill;
#[cfg(feature = "otlp")]
mod otlp;
mod prometheus;
mod sandbox;
mod systemd;
