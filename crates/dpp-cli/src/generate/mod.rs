//! `dpp generate`: synthetic DNS captures, for benchmarks, tests and trying things out.
//!
//! The surprising fact: the same profile, amount and seed give the same bytes on every machine and for ever;
//! a test holds the hash of a small capture. Called by the program for the subcommand, and by whoever needs
//! a capture of a certain kind.
//!
//! The rooms: [`profile`] says what the traffic looks like, [`traffic`] draws transactions from it with
//! [`random`], [`hosts`] and [`names`], whole TCP connections with [`connection`], and records their packets in
//! the order of [`schedule`], written by [`message`] (DNS), [`frame`] (IP and transport) and [`envelope`]
//! (everything around that). [`listing`] says which messages a reader of the capture must find.

mod connection;
mod envelope;
mod frame;
mod hosts;
mod listing;
mod message;
mod names;
mod profile;
mod random;
mod schedule;
mod slots;
#[cfg(test)]
mod tests;
mod traffic;
mod transaction;

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use crate::formats::packing_named;
use crate::report::things;
use anyhow::{Context, bail};
use dpp_sink::part_file::PartFile;

use listing::Listing;
pub(crate) use profile::Profile;
use traffic::Traffic;

/// What the user asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The file to write; `-` is standard output.
    pub(crate) output: PathBuf,
    /// A table of the messages that are completely in the capture.
    pub(crate) messages: Option<PathBuf>,
    /// How much traffic.
    pub(crate) amount: Amount,
    /// Clients, instead of the profile's.
    pub(crate) clients: Option<u32>,
    /// Resolvers, instead of the profile's.
    pub(crate) resolvers: Option<u32>,
    /// Where chance starts from.
    pub(crate) seed: u64,
    /// The profile's file; without it the shipped profile is used.
    pub(crate) profile: Option<PathBuf>,
    /// Queries per second, instead of the profile's. An [`Amount::Duration`] has its own.
    pub(crate) qps: Option<f64>,
}

/// How much traffic to generate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    /// So many transactions, at the profile's queries per second. Retries and duplicates come on top.
    Transactions(u64),
    /// All transactions that begin in so many seconds, at `qps` queries per second. Their last responses may
    /// come later.
    Duration {
        /// Seconds of capture time.
        seconds: f64,
        /// Queries per second.
        qps: f64,
    },
}

/// What a capture holds. Packets = queries + retries + responses + duplicates + extra fragments + bare
/// segments - joined messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Packets in the capture.
    pub(crate) packets: u64,
    /// Bytes of the capture, headers of file and records included.
    pub(crate) bytes: u64,
    /// Transactions: queries with all that belongs to them.
    pub(crate) transactions: u64,
    /// Query messages, retries aside.
    pub(crate) queries: u64,
    /// Response messages.
    pub(crate) responses: u64,
    /// Transactions without response.
    pub(crate) unanswered: u64,
    /// Queries sent again.
    pub(crate) retries: u64,
    /// Messages and TCP segments captured a second time, or sent again.
    pub(crate) duplicates: u64,
    /// Messages and TCP segments recorded late.
    pub(crate) reordered: u64,
    /// IP fragments beyond the first of their datagram.
    pub(crate) extra_fragments: u64,
    /// TCP segments in which no message ends.
    pub(crate) bare_segments: u64,
    /// Messages beyond the first that end in one TCP segment.
    pub(crate) joined_messages: u64,
    /// IP fragments and TCP segments with data that were not captured.
    pub(crate) uncaptured: u64,
}

/// Generates the capture and writes it to the output that the request names.
///
/// A file has its name when it is complete; a link is followed, so that what it points to is replaced and not
/// the link. An error leaves nothing behind; it names what was wrong: an option, a key of the profile, or the
/// file.
pub(crate) fn run(request: &Request) -> anyhow::Result<Summary> {
    let profile = request.profile()?;
    request.spare_profile()?;
    request.spare_capture()?;
    request.amount.check(profile.qps)?;
    let write = |out: &mut dyn Write, listing: Listing<'_>| {
        write_capture(&profile, request.amount, request.seed, out, listing)
    };
    let Some(messages) = &request.messages else {
        return write_output(&request.output, |out| write(out, Listing::nowhere()));
    };
    // The table has its name only when the capture has.
    let failed = || format!("--messages: cannot write '{}'", messages.display());
    let mut table = PartFile::create(messages).with_context(failed)?;
    let summary = write_output(&request.output, |out| write(out, Listing::on(&mut table)?))?;
    table.finish().with_context(failed)?;
    Ok(summary)
}

/// Writes the capture of this profile, amount and seed to `out`, classic pcap with microseconds, and lists its
/// messages.
///
/// # Panics
/// When the capture would pass the year 2106, where the timestamps of classic pcap end.
fn write_capture(
    profile: &Profile,
    amount: Amount,
    seed: u64,
    out: impl Write,
    listing: Listing<'_>,
) -> io::Result<Summary> {
    Traffic::new(profile, seed, out, listing).record(amount, profile.qps)
}

impl Request {
    /// Refuses to write the capture over the profile it is made from.
    fn spare_profile(&self) -> anyhow::Result<()> {
        let identity = |path: &Path| fs::metadata(path).ok().map(|known| (known.dev(), known.ino()));
        match self.profile.as_deref().and_then(identity) {
            Some(profile) if identity(&self.output) == Some(profile) => {
                bail!("the output '{}' is the profile itself; name another file", self.output.display())
            }
            _ => Ok(()),
        }
    }

    /// Refuses to write the table of messages where the capture goes.
    fn spare_capture(&self) -> anyhow::Result<()> {
        match &self.messages {
            Some(messages) if messages == &self.output => {
                bail!("--messages: '{}' is the capture itself; name another file", messages.display())
            }
            Some(messages) if messages == Path::new("-") => {
                bail!("--messages: the table cannot go to standard output; name a file")
            }
            Some(messages) if messages.is_dir() => {
                bail!("--messages: '{}' is a directory; name a file in it", messages.display())
            }
            _ => Ok(()),
        }
    }

    /// The profile with what the other options change in it.
    fn profile(&self) -> anyhow::Result<Profile> {
        let mut profile = match &self.profile {
            Some(path) => Profile::read(path)?,
            None => Profile::default(),
        };
        profile.clients = self.clients.unwrap_or(profile.clients);
        profile.resolvers = self.resolvers.unwrap_or(profile.resolvers);
        profile.qps = self.qps.unwrap_or(profile.qps);
        if let Amount::Duration { qps, .. } = self.amount {
            profile.qps = qps;
        }
        profile.check()?;
        Ok(profile)
    }
}

/// About 31 years: the timestamps of classic pcap end in 2106, and captures start in 2026.
const SECONDS_MAX: f64 = 1e9;

impl Amount {
    fn check(self, qps: f64) -> anyhow::Result<()> {
        match self {
            Amount::Transactions(transactions) if transactions as f64 / qps > SECONDS_MAX => {
                bail!("--transactions {transactions}: over 31 years at {qps} queries per second; raise --qps")
            }
            Amount::Duration { seconds, .. } if !(0.0..=SECONDS_MAX).contains(&seconds) => {
                bail!("--duration-seconds {seconds}: allowed is 0 to {SECONDS_MAX}")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [packets, bytes, transactions] =
            [(self.packets, "packet"), (self.bytes, "byte"), (self.transactions, "transaction")]
                .map(|(count, thing)| format!("{count} {}", things(count, thing)));
        write!(f, "{packets}, {bytes}: {transactions}")?;
        for (count, what) in [
            (self.queries, things(self.queries, "query")),
            (self.responses, things(self.responses, "response")),
            (self.unanswered, "unanswered".to_owned()),
            (self.retries, things(self.retries, "retry")),
            (self.duplicates, things(self.duplicates, "duplicate")),
            (self.reordered, "recorded late".to_owned()),
            (self.extra_fragments, things(self.extra_fragments, "extra fragment")),
            (self.bare_segments, things(self.bare_segments, "TCP segment") + " without message"),
            (
                self.joined_messages,
                things(self.joined_messages, "message") + " joined to another in a segment",
            ),
            (self.uncaptured, "not captured".to_owned()),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

fn write_output(
    output: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<Summary>,
) -> anyhow::Result<Summary> {
    if output != Path::new("-") {
        return write_path(output, write);
    }
    if io::stdout().is_terminal() {
        bail!("a capture is no text for a terminal; redirect the output or name a file")
    }
    write(&mut io::stdout().lock()).context("cannot write to standard output")
}

fn write_path(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<Summary>,
) -> anyhow::Result<Summary> {
    if path.is_dir() {
        bail!("'{}' is a directory; name a file in it", path.display())
    }
    if let Some(word) = packing_named(path) {
        bail!(
            "'{}' would not be what .{word} says; leave that out, or pack what is generated to standard output \
             (dpp generate - ... | gzip)",
            path.display()
        )
    }
    let written = PartFile::create(path).and_then(|mut file| {
        let summary = write(&mut file)?;
        file.finish().map(|()| summary)
    });
    written.with_context(|| format!("cannot write '{}'", path.display()))
}
