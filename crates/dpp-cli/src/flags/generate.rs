//! The options of `dpp generate`.

use crate::generate::{Amount, Request};
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// Synthetic captures.
#[derive(Debug, Args)]
#[command(override_usage = "dpp generate OUT --transactions N [OPTIONS]\n       \
    dpp generate OUT --duration-seconds S --qps Q [OPTIONS]")]
#[command(group(ArgGroup::new("amount").args(["transactions", "duration_seconds"]).required(true)))]
pub(crate) struct Generate {
    /// The capture to write (classic pcap); - is standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// So many transactions; retries and duplicates come on top
    #[arg(long, value_name = "N")]
    transactions: Option<u64>,
    /// All transactions that begin in so many seconds
    #[arg(long, value_name = "S", requires = "qps")]
    duration_seconds: Option<f64>,
    /// Queries per second, instead of the profile's
    #[arg(long, value_name = "Q")]
    qps: Option<f64>,
    /// Clients, instead of the profile's
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// Resolvers, instead of the profile's
    #[arg(long, value_name = "N")]
    resolvers: Option<u32>,
    /// Where chance starts from: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What the traffic looks like: a TOML file with what differs from a busy resolver
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// A table of the DNS messages that are completely in the capture, and the frame that completes each
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) silent: bool,
}

impl From<Generate> for Request {
    fn from(arguments: Generate) -> Request {
        let Generate {
            output,
            transactions,
            duration_seconds,
            qps,
            clients,
            resolvers,
            seed,
            profile,
            messages,
            silent: _,
        } = arguments;
        let amount = match (transactions, duration_seconds, qps) {
            (Some(transactions), ..) => Amount::Transactions(transactions),
            (None, Some(seconds), Some(qps)) => Amount::Duration { seconds, qps },
            _ => unreachable!("one amount is required, and a duration requires --qps"),
        };
        Request { output, messages, amount, clients, resolvers, seed, profile, qps }
    }
}
