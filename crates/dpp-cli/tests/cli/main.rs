//! The program from outside: what it is given, what it prints, what it leaves behind, and its exit code.
//!
//! Each test has a [`Room`] of its own, with captures made by `dpp generate`. Nothing here waits for a time:
//! where two processes must meet, they meet at a pipe.

mod beside;
mod datasets;
mod explain;
mod extract;
mod filters;
mod findings;
mod frames;
mod generate;
mod live;
mod lookups;
mod plans;
mod presets;
mod privacy;
mod progress;
mod recipes;
mod refusals;
mod reports;
mod room;
mod rssac;
mod service;
mod signals;
mod stats;
mod tables;
mod texts;
