//! Counting captures: a run of the engine without rows.
//!
//! Beside the tally, what is known of the captures themselves goes into the part: a fingerprint of each, so that one that is
//! counted twice is found when parts are added up, and its number if it has one, so that a missing one is.

use crate::captures::{self, Captures, Opener};
use crate::checks::{Manner, check_merged, manner, workers};
use crate::flags::RssacCount;
use crate::hiding::read_file;
use crate::inputs::{self, Input, Search};
use crate::output::{Output, table_stem};
use crate::plan;
use crate::progress::Progress;
use crate::report::{self, grouped};
use crate::signals;
use anyhow::{Context, anyhow, bail};
use dpp::capture::Ending;
use dpp::enrich::Places;
use dpp::limits::HLL_LG_REGISTERS;
use dpp::packet::SKIPS;
use dpp::pipeline::{self, Machine, Nobody, Outcome, RunError, Watch};
use dpp::plan::Plan;
use dpp::tallies::rssac::{Rssac, Wanted, date};
use dpp::tallies::servers::Servers;
use dpp_sink::dataset::digest;
use dpp_sink::parts::key_name;
use dpp_sink::parts::ledger::{Ledger, SEQUENCE_MAX};
use dpp_sink::parts::{Header, SKETCH};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What these parts are of.
pub(super) const KIND: &str = "rssac";

/// A run that nothing speaks against.
pub(super) struct Job {
    captures: Vec<Input>,
    manner: Manner,
    plan: Plan,
    /// As it stands in keys.
    site: String,
    numbering: Option<Numbering>,
    workers: NonZeroUsize,
    is_strict: bool,
    is_silent: bool,
}

/// Where captures have their numbers from.
#[derive(Clone, Copy, Debug)]
enum Numbering {
    /// The first has this, the others those behind.
    From(u64),
    /// The last digits of their names.
    Names,
}

/// What came of it.
pub(super) struct Counted {
    pub(super) tally: Rssac,
    pub(super) ledger: Ledger,
    pub(super) header: Header,
    /// As it stands in keys.
    pub(super) site: String,
    /// Whether all that was to be counted was.
    pub(super) judged: anyhow::Result<()>,
}

/// Judges what is to be counted.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(super) fn check(wish: RssacCount) -> anyhow::Result<Job> {
    if wish.inputs.is_empty() {
        bail!("dpp rssac: name captures, or a directory of them (dpp rssac --help tells more)")
    }
    let servers = servers(&wish.server, wish.servers.as_deref())?;
    let ports = plan::ports(&wish.reading.port)?;
    let duplicates_ns = wish.dedup_packets.as_deref().map(plan::window_ns).transpose()?;
    let manner = manner(&wish.many)?;
    let numbering = wish.seq.as_deref().map(numbering).transpose()?;
    let workers = workers(wish.threads)?;
    let search = Search { recursive: wish.many.recursive, keep_going: manner.keep_going };
    let captures = inputs::all(&wish.inputs, search)?.captures;
    check_merged(manner, &captures)?;
    Ok(Job {
        captures,
        manner,
        plan: Plan {
            ports,
            duplicates_ns,
            rows: false,
            rssac: Some(Wanted { servers, labels: wish.labels, sketch: wish.sketch }),
            merge: manner.merge,
            ..Plan::default()
        },
        site: wish.site.map_or_else(|| "-".to_owned(), |site| key_name(&site.to_string_lossy())),
        numbering,
        workers,
        is_strict: wish.strict,
        is_silent: wish.silent,
    })
}

/// The server's addresses.
fn servers(words: &[OsString], table: Option<&Path>) -> anyhow::Result<Servers> {
    const ALLOWED: &str =
        "an address, a prefix such as 192.0.2.0/24, a name from the table of --servers, or all";
    if words.is_empty() {
        bail!("--server: say whose queries count: {ALLOWED}")
    }
    let table = match table {
        Some(path) => {
            let file = read_file("--servers", "the table", path, u64::MAX)?;
            let places = Places::parse(&file);
            Some(places.map_err(|error| anyhow!("--servers: the table '{}': {error}", path.display()))?)
        }
        None => None,
    };
    let mut servers = Servers::default();
    for word in words {
        let word = word.to_string_lossy();
        let word = word.trim();
        if word == "all" {
            return Ok(Servers::all());
        }
        let (address, length) =
            word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
        match (address.parse::<IpAddr>(), &table) {
            (Ok(address), _) => {
                let width = if address.is_ipv4() { 32 } else { 128 };
                let length = length.map_or(Ok(width), str::parse);
                let added = length.ok().and_then(|length| servers.add(address, length).ok());
                if added.is_none() {
                    bail!(
                        "--server '{word}' is no prefix: behind its bits there must be zeros; allowed is {ALLOWED}"
                    )
                }
            }
            (Err(_), Some(table)) => {
                let ranges = table.addresses_of(word);
                if ranges.is_empty() {
                    bail!("--server '{word}' is not in the table of --servers; allowed is {ALLOWED}")
                }
                ranges.into_iter().for_each(|(first, last)| servers.add_range(first, last));
            }
            (Err(_), None) => bail!("--server '{word}' is no address; allowed is {ALLOWED}"),
        }
    }
    Ok(servers)
}

fn numbering(text: &OsStr) -> anyhow::Result<Numbering> {
    let text = text.to_string_lossy();
    match text.parse() {
        Ok(first @ 0..=SEQUENCE_MAX) => Ok(Numbering::From(first)),
        _ if text == "name" => Ok(Numbering::Names),
        _ => bail!("--seq '{text}': allowed is a number up to {SEQUENCE_MAX}, or name"),
    }
}

impl Numbering {
    /// The number of the capture that is at this place.
    fn of(self, place: usize, capture: &Input) -> anyhow::Result<u64> {
        let number = match self {
            Numbering::From(first) => Some(first + place as u64),
            Numbering::Names => last_digits(&table_stem(capture).to_string_lossy()),
        };
        match number.filter(|number| *number <= SEQUENCE_MAX) {
            Some(number) => Ok(number),
            None => bail!("--seq: {} has no number; number it with --seq N, or rename it", capture.name()),
        }
    }
}

fn last_digits(name: &str) -> Option<u64> {
    let digits = name.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let first = digits.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    digits[first..].parse().ok()
}

impl Job {
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Refuses an output that would destroy a capture.
    pub(super) fn check_output(&self, output: &Output) -> anyhow::Result<()> {
        output.check_spares(&self.captures)
    }

    fn header(&self) -> Header {
        let Plan { ports, duplicates_ns, rssac, .. } = &self.plan;
        let mut header = Header { kind: KIND.to_owned(), ..Header::default() };
        let mut parameter = |name: &str, value: String| header.parameters.insert(name.to_owned(), value);
        parameter("ports", ports.to_string());
        if let Some(Wanted { servers, labels, sketch }) = rssac {
            parameter("servers", servers.to_string());
            labels.then(|| parameter("labels", "counted".to_owned()));
            sketch.then(|| parameter(SKETCH, format!("hll-{HLL_LG_REGISTERS}")));
        }
        duplicates_ns.map(|ns| parameter("dedup_ns", ns.to_string()));
        header.programs.insert(format!("dpp {}", env!("CARGO_PKG_VERSION")));
        header
    }
}

/// Counts. What `open` gives is opened when the first capture has shown to be one, so that what cannot be written is known
/// before hours of counting, and a mistaken input leaves nothing behind.
///
/// # Errors
/// What the user or the machine must mend.
pub(super) fn count<T>(job: Job, open: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Counted, T)> {
    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let opener = Opener::new(job.manner, stop);
    let captures = opener.look(job.captures.clone())?;
    let numbers = numbers(&job, &captures)?;
    let size = captures::size_of_all(&captures);
    let opened = opener.captures(captures.clone())?;
    if opened.is_empty() {
        bail!("none of the {} captures can be read", job.captures.len());
    }
    let out = open()?;
    let prints: Prints = Arc::default();
    let progress =
        (!job.is_silent).then(|| Progress::show(Arc::clone(&watch), size, opener.consumed())).flatten();
    let printed = Printed { captures: opened, prints: Arc::clone(&prints) };
    let machine = Machine::new(job.workers, RandomState::new().hash_one(0));
    let mut outcome = match pipeline::run(printed, &job.plan, &machine, &Nobody, &watch) {
        Ok(outcome) => outcome,
        Err(RunError::Sink(never)) => match never {},
        Err(RunError::Capture(error)) => return Err(opener.explain(error)),
    };
    drop(progress);
    if watch.stop.load(Ordering::Acquire) || matches!(outcome.ending, Ending::Interrupted) {
        bail!("stopped by a signal; nothing was written, as only a part was counted")
    }
    let log = std::mem::take(&mut *opener.log());
    let tally = outcome.totals.rssac.take().map_or_else(Rssac::default, |tally| *tally);
    let mut ledger = Ledger::default();
    let prints = prints.lock().unwrap_or_else(PoisonError::into_inner);
    for (taken, print) in log.taken.iter().zip(prints.iter()) {
        if let Some(print) = print.lock().unwrap_or_else(PoisonError::into_inner).text(&taken.input) {
            ledger.content(&print);
        }
        let place = captures.iter().position(|capture| *capture == taken.input);
        if let Some(number) = place.and_then(|place| numbers.as_ref().map(|numbers| numbers[place])) {
            ledger.sequence(&job.site, number);
        }
    }
    log.failed.iter().for_each(|failed| ledger.left_out(&key_name(&failed.input.file_name())));
    tally.days().for_each(|(day, figures)| ledger.day(&date(day), figures.messages()));
    if let Some(file) = ledger.twice() {
        bail!("{file} among the captures; name it once")
    }
    let mut warnings = Vec::new();
    for (number, taken) in log.taken.iter().enumerate() {
        warnings
            .extend(taken.oddities().into_iter().map(|oddity| format!("{}: {oddity}", taken.input.name())));
        let mut endings = outcome.inputs.endings.first.iter();
        let Some((_, ending)) = endings.find(|(input, _)| *input == number) else { continue };
        let Some(sentence) = report::sentence(&taken.input.name(), ending) else { continue };
        if report::is_unreadable(ending) {
            bail!("{sentence}; nothing was written, as only a part was counted")
        }
        if job.is_strict {
            bail!("{sentence}; nothing was written; without --strict this is a warning")
        }
        warnings.push(sentence);
    }
    if !job.is_silent {
        tell(&outcome, &tally, &warnings);
    }
    let judged = match &log.failed[..] {
        [] => Ok(()),
        [first, ..] => {
            let of = format!("{} of {} captures", log.failed.len(), job.captures.len());
            Err(anyhow!("{of} could not be read ({}); all others were counted", first.reason))
        }
    };
    let header = job.header();
    Ok((Counted { tally, ledger, header, site: job.site, judged }, out))
}

/// The numbers of captures, if they are numbered. The same twice is refused before anything is counted.
fn numbers(job: &Job, captures: &[Input]) -> anyhow::Result<Option<Vec<u64>>> {
    let Some(numbering) = job.numbering else { return Ok(None) };
    let (mut numbers, mut seen) = (Vec::new(), Ledger::default());
    for (place, capture) in captures.iter().enumerate() {
        let (number, mut own) = (numbering.of(place, capture)?, Ledger::default());
        own.sequence(&job.site, number);
        if let Some(file) = seen.in_both(&own) {
            bail!("--seq: {file}; the second is {}", capture.name())
        }
        seen.merge(&own);
        numbers.push(number);
    }
    Ok(Some(numbers))
}

/// Says what was counted, and what was not.
fn tell(outcome: &Outcome, tally: &Rssac, warnings: &[String]) {
    let totals = &outcome.totals;
    let mut text = String::new();
    let skipped = totals.skips.total();
    let [read, used, left] = [totals.read, totals.used, skipped].map(|volume| grouped(volume.packets));
    let _ = writeln!(text, "Packets: {read}, {used} with DNS messages, {left} skipped");
    for (skip, name, sentence) in SKIPS {
        let volume = totals.skips.of(*skip);
        if volume.packets > 0 {
            let frames = report::frames(&totals.skips, *skip);
            let _ =
                writeln!(text, "Skipped: {} packets: {sentence} ({name}; {frames})", grouped(volume.packets));
        }
    }
    let server = tally.messages() - tally.others - tally.undated;
    let [messages, server, others] = [totals.messages, server, tally.others].map(grouped);
    let _ = writeln!(text, "Messages: {messages}, {server} of the server, {others} of others");
    for (words, count) in [
        ("with a timestamp that no day has", tally.undated),
        (
            "captured twice, not counted",
            totals.matches.duplicate_queries + totals.matches.duplicate_responses,
        ),
        ("cut by the snaplen", totals.messages_cut),
        ("responses with unreadable records, counted by the code of the header", totals.records_unread),
        ("in TCP streams that are unreadable", totals.stream_messages_unread),
    ] {
        if count > 0 {
            let _ = writeln!(text, "Messages {words}: {}", grouped(count));
        }
    }
    for (day, figures) in tally.days() {
        let [v4, v6, nets] = figures.sources().map(grouped);
        let day = super::report::dashed(day);
        let messages = grouped(figures.messages());
        let _ = writeln!(text, "{day}: {messages} messages; sources: {v4} IPv4, {v6} IPv6 in {nets} /64");
    }
    if tally.days().next().is_none() && tally.others > 0 {
        let _ = writeln!(text, "WARN: no message was to the server or from it; is --server right?");
    }
    for warning in warnings {
        let _ = writeln!(text, "WARN: {warning}");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The fingerprints of captures, in the order in which they were opened.
type Prints = Arc<Mutex<Vec<Arc<Mutex<Print>>>>>;

/// Captures whose fingerprints are taken while they are read.
struct Printed {
    captures: Captures,
    prints: Prints,
}

impl Iterator for Printed {
    type Item = io::Result<PrintedCapture>;

    fn next(&mut self) -> Option<Self::Item> {
        let capture = match self.captures.next()? {
            Ok(capture) => capture,
            Err(error) => return Some(Err(error)),
        };
        let print = Arc::<Mutex<Print>>::default();
        self.prints.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&print));
        Some(Ok(PrintedCapture { capture, print }))
    }
}

struct PrintedCapture {
    capture: captures::Capture,
    print: Arc<Mutex<Print>>,
}

impl Read for PrintedCapture {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.capture.read(out)?;
        self.print.lock().unwrap_or_else(PoisonError::into_inner).add(&out[..read]);
        Ok(read)
    }
}

/// A fingerprint: the first octets of a capture, unpacked, and how many there are. Timestamps are among them, so two captures
/// have the same only if they are the same. Reading all of it would cost more than counting does.
#[derive(Default)]
struct Print {
    first: Vec<u8>,
    length: u64,
}

/// So much of a capture is looked at: hundreds of packets.
const PRINTED: usize = 64 << 10;

/// Captures that are no longer may have no packet; those are all the same, and may be there many times.
const EMPTY_MAX: u64 = 4096;

/// Digits of a fingerprint: enough that no two of all captures there are have the same by chance.
const DIGITS: usize = 32;

impl Print {
    fn add(&mut self, read: &[u8]) {
        let room = PRINTED - self.first.len();
        self.first.extend_from_slice(&read[..room.min(read.len())]);
        self.length += read.len() as u64;
    }

    /// `None` if there is nothing that could be counted twice.
    fn text(&self, input: &Input) -> Option<String> {
        let is_empty = match input {
            Input::Path(path) => self.length <= EMPTY_MAX && input.is_file() && captures::is_empty(path),
            _ => false,
        };
        let all = [&self.first[..], &self.length.to_le_bytes()].concat();
        (!is_empty).then(|| digest(&all, DIGITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digits_of_a_name_are_its_number() {
        for (name, number) in
            [("eth0-0017", Some(17)), ("20240601-0000x", Some(0)), ("7", Some(7)), ("eth", None), ("", None)]
        {
            assert_eq!(last_digits(name), number, "{name}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_beginning_and_the_length() {
        let print = |bytes: &[u8], step: usize| {
            let mut print = Print::default();
            bytes.chunks(step).for_each(|read| print.add(read));
            print.text(&Input::Stdin)
        };
        let long = vec![7; 3 * PRINTED];
        assert_eq!(print(&long, 1000), print(&long, PRINTED + 1));
        assert_ne!(print(&long, 1000), print(&long[1..], 1000));
    }
}
